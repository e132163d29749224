"""Workspaces, and files with made-up logs in the forms of the app and of the stand-in for TFLite's tools."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import pytest

from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.importers.import_files import import_files
from runner.importers.input_files import LabelOverrides
from tests.runner.importers import specimens
from tests.runner.tools import standin

if TYPE_CHECKING:
    from pathlib import Path

PHONE = "Specimen Made Up"


@pytest.fixture
def space(tmp_path) -> Workspace:
    return Workspace(tmp_path / "space")


@pytest.fixture
def save(tmp_path):
    """Writes a text, or bytes, to a file of that name, last changed at a time of 2026, and gives its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (1_767_268_800, 1_767_268_800))  # 2026-01-01T12:00:00Z
        return path

    return write


@pytest.fixture
def app_files(save):
    """The two logs of a made-up session."""

    def write(made: specimens.AppSession) -> tuple[Path, Path]:
        result = save(specimens.RESULT_NAME, specimens.result_log(made))
        return result, save(specimens.PROGRAM_NAME, specimens.program_log(made))

    return write


@pytest.fixture
def printed(tmp_path):
    """What the stand-in prints, both streams together, like `benchmark_model ... > file 2>&1`."""

    def run(tool: str = "benchmark_model", variants: str = "", graph: str = "m.tflite", **flags: str) -> str:
        (tmp_path / graph).touch()
        out = io.StringIO()
        given = {
            "benchmark_model": {
                "graph": str(tmp_path / graph),
                "num_threads": "4",
                "warmup_runs": "1",
                "warmup_min_secs": "0.5",
                "num_runs": "50",
                "min_secs": "1",
                "max_secs": "150",
            },
            "run_eval": {"model_file": str(tmp_path / graph), **_evaluated(tmp_path)},
        }[tool]
        with redirect_stdout(out), redirect_stderr(out):
            print(standin.FIRST_LINE)
            words = set(filter(None, variants.split(",")))
            {"benchmark_model": standin.benchmark_model, "run_eval": standin.run_eval}[tool](
                {**given, **flags}, standin.Printer(words)
            )
        return out.getvalue()

    return run


def _evaluated(folder: Path) -> dict[str, str]:
    """Twenty images and their classes, of which the stand-in only counts the lines."""
    images = folder / "images"
    images.mkdir(exist_ok=True)
    for number in range(20):
        (images / f"{number:02}.jpg").touch()
    (folder / "truth.txt").write_text("7\n" * 20)
    (folder / "labels.txt").write_text("x\n" * 20)
    return {
        "ground_truth_images_path": str(images),
        "ground_truth_labels": str(folder / "truth.txt"),
        "model_output_labels": str(folder / "labels.txt"),
    }


def imported(space: Workspace, *paths: Path, **given):
    """The result of an import into a workspace; what the user says is by field of Given."""
    return import_files(paths, LabelOverrides(**given), space)


def whole_runs(space: Workspace) -> list[Path]:
    """The runs below data/raw, after checking that each reads without a line left out and nothing else is there."""
    folders = rawlog.run_folders(space.raw)
    for folder in folders:
        assert not folder.name.startswith(".")
        rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        rawlog.read_json(folder / "device.json", rawlog.DEVICE_FIELDS)
        for paths in rawlog.attempt_paths(folder).values():
            for path in paths:
                attempt = rawlog.read_attempt(path)
                assert attempt.left_out == [] and attempt.status != "cut"
    assert not space.raw.exists() or all(any(home.iterdir()) for home in space.raw.iterdir())
    return folders
