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
    """Return a function that writes a file with a modification time in 2026, and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (1_767_268_800, 1_767_268_800))  # 2026-01-01T12:00:00Z
        return path

    return write


@pytest.fixture
def app_files(save):
    """Return a function that writes the two logs of a made-up session and returns their paths."""

    def write(session: specimens.AppSession) -> tuple[Path, Path]:
        result = save(specimens.RESULT_NAME, specimens.result_log(session))
        return result, save(specimens.PROGRAM_NAME, specimens.program_log(session))

    return write


@pytest.fixture
def printed(tmp_path):
    """Return a function that returns both streams of the stand-in, like `benchmark_model ... > file 2>&1`."""

    def run(tool: str = "benchmark_model", variants: str = "", graph: str = "m.tflite", **flags: str) -> str:
        (tmp_path / graph).touch()
        out = io.StringIO()
        defaults = {
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
                {**defaults, **flags}, standin.Printer(words)
            )
        return out.getvalue()

    return run


def _evaluated(folder: Path) -> dict[str, str]:
    """Make twenty empty images with classes, which the stand-in only counts, and return the flags for them."""
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


def imported(space: Workspace, *paths: Path, **overrides):
    """Import files into a workspace, and return the result; `overrides` are fields of LabelOverrides."""
    return import_files(paths, LabelOverrides(**overrides), space)


def whole_runs(space: Workspace) -> list[Path]:
    """Return the runs in data/raw; check that each line of them can be read, and that there is nothing else."""
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
