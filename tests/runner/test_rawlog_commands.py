"""Tests of finding the workspace and of the output of --json."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from runner.rawlog import (
    WorkspaceError,
    existing_folder,
    print_json,
    refuse_address,
    workspace_above,
    workspace_to_read,
    workspace_to_write,
)

HOLDINGS = [
    "data/raw/phone/20260101T000000Z-aaaaaa/run.json",
    "data/processed/instances.parquet",
    "data/models/sample/tflite_float32_mnasnet.json",
    "data/datasets/sample/dataset.json",
]


def touched(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.fixture
def below(tmp_path, monkeypatch):
    """Change to a folder two levels below an empty folder, and return it."""
    folder = tmp_path / "notebooks" / "explore"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("path", HOLDINGS)
def test_a_folder_above_that_holds_data_is_read_and_is_not_written_to(path, below, tmp_path):
    touched(tmp_path / path)
    assert workspace_to_read() == workspace_above(below) == tmp_path
    with pytest.raises(WorkspaceError) as caught:
        workspace_to_write()
    assert str(caught.value) == (
        f"This folder is inside the workspace {tmp_path}: add `--workspace {tmp_path}` to write there, or "
        "`--workspace .` to start a new workspace here."
    )
    assert workspace_to_write(tmp_path) == tmp_path
    assert workspace_to_write(".") == Path()


@pytest.mark.parametrize("path", HOLDINGS)
def test_the_nearest_folder_that_holds_data_is_the_workspace(path, below, tmp_path):
    touched(tmp_path / HOLDINGS[0])
    touched(below / path)
    assert workspace_to_read() == workspace_to_write() == Path()
    assert workspace_above(below) == below


@pytest.mark.parametrize("path", ["data/raw/README.md", "data/processed/README.md", "data/raw/phone/notes.txt", "data"])
def test_folders_as_in_a_fresh_clone_hold_no_data(path, below, tmp_path):
    touched(tmp_path / path)
    assert workspace_above(below) is None
    assert workspace_to_read() == workspace_to_write() == Path()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    for find in (workspace_to_read, workspace_to_write):
        with pytest.raises(WorkspaceError) as caught:
            find(tmp_path / "typo")
        assert str(caught.value) == (
            f"There is no folder {tmp_path}/typo: create it, or name another with --workspace."
        )
    with pytest.raises(WorkspaceError, match="file is not a folder: copy it again"):
        existing_folder(touched(tmp_path / "file"), "copy it again")
    assert existing_folder(tmp_path, "none") == tmp_path


@pytest.mark.parametrize("text", ["s3://bucket/raw", "processed=gs://bucket/x", "--raw=HTTPS://host/a", "file:///tmp"])
def test_an_address_is_refused_by_name(text):
    address = text.rpartition("=")[2]
    with pytest.raises(WorkspaceError) as caught:
        refuse_address(text)
    assert str(caught.value).startswith(f"{address} is an address, but only files on this machine can be used: ")


@pytest.mark.parametrize(
    "text", ["tcp://10.0.0.1:8786", "scheduler=tls://host:1", "c:/raw", "a/b", "folder:data", "://"]
)
def test_other_words_are_no_addresses_of_files(text):
    refuse_address(text)


@dataclass
class Row:
    path: Path
    size: float | None
    nested: tuple[int, ...] = ()


def test_a_table_is_printed_as_json(capsys):
    frame = pd.DataFrame({"n": np.array([1, 2]), "time": [0.5, np.inf], "name": ["ä", None], "ok": [True, False]})
    print_json({"rows": [Row(Path("a/b"), float("nan"), (1, 2))], "frame": frame, "one": np.float32(0.5)})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {
        "rows": [{"path": "a/b", "size": None, "nested": [1, 2]}],
        "frame": [
            {"n": 1, "time": 0.5, "name": "ä", "ok": True},
            {"n": 2, "time": None, "name": None, "ok": False},
        ],
        "one": 0.5,
    }
