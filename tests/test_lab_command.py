"""Tests of `aiot lab`: which notebooks are copied, which are left unchanged, and how JupyterLab is called."""

import os
import sys
from pathlib import Path

import pytest

from aiot_analysis.cli.lab_command import COPIED, FIRST, copy_notebooks
from aiot_analysis.tables import workspace
from tests.command import aiot

ROOT = Path(__file__).parents[1]


@pytest.fixture
def source(tmp_path):
    """Make the notebooks of an installed package: two numbered ones, and one in a subfolder."""
    folder = tmp_path / "site" / "aiot_analysis" / "notebooks"
    for name in ("01_one.ipynb", "02_two.ipynb", FIRST, "explore/.ipynb_checkpoints/old.ipynb", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}, version 1")
    return folder


def files(folder):
    """Return the text of each file by its path in the folder, without the record."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in paths.items() if name != COPIED}


def test_only_notebooks_are_copied(source, tmp_path):
    copies = copy_notebooks(source, tmp_path / "copy")
    assert (copies.copied, copies.edited) == (["01_one.ipynb", "02_two.ipynb", FIRST], [])
    assert files(tmp_path / "copy") == {name: f"{name}, version 1" for name in copies.copied}


def test_another_version_replaces_what_was_not_edited_and_nothing_else(source, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "02_two.ipynb").write_text("there before")
    assert copy_notebooks(source, copy).edited == ["02_two.ipynb"]
    (copy / FIRST).write_text("edited")
    for name in ("01_one.ipynb", "02_two.ipynb", FIRST):
        (source / name).write_text(f"{name}, version 2")
    copies = copy_notebooks(source, copy)
    assert (copies.copied, copies.edited) == (["01_one.ipynb"], ["02_two.ipynb", FIRST])
    assert files(copy) == {"01_one.ipynb": "01_one.ipynb, version 2", "02_two.ipynb": "there before", FIRST: "edited"}
    (copy / FIRST).write_text(f"{FIRST}, version 1")  # the edits are undone
    assert copy_notebooks(source, copy).copied == [FIRST]
    assert copy_notebooks(source, copy).copied == []


@pytest.fixture
def called(monkeypatch):
    """Return a list that receives the commands that would replace this process."""
    commands = []
    monkeypatch.setattr(os, "execv", lambda program, words: commands.append([program, *words]))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return commands


def test_jupyterlab_opens_the_copy_beside_the_data_with_the_options_that_follow(source, tmp_path, monkeypatch, called):
    monkeypatch.setattr(workspace, "PACKAGE", source.parent)
    root = tmp_path / "work"
    (root / "data" / "processed").mkdir(parents=True)
    (root / "data" / "processed" / "devices.parquet").touch()
    (root / "below").mkdir()
    done = aiot("lab", "--no-browser", "--port", "9000", cwd=root / "below")
    target = root / "notebooks"
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"lab       3 notebooks copied to {target}",
        f"          to make pages of these copies: aiot report --notebooks {target}",
    ]
    opened = "--LabApp.default_url=/lab/tree/explore/explore.ipynb"
    words = [sys.executable, "-m", "jupyterlab", opened, "--no-browser", "--port", "9000", str(target)]
    assert called == [[sys.executable, *words]]
    (target / "01_one.ipynb").write_text("edited")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "left as they are: 01_one.ipynb" in aiot("lab", cwd=root).stderr
    assert called[1][-2:] == ["--allow-root", str(target)]


def test_a_checkout_opens_its_own_notebooks(called):
    done = aiot("lab", cwd=ROOT / "docs")
    assert (done.returncode, done.stdout) == (0, "")
    assert called[0][-1] == str(ROOT / "notebooks")
    [opened] = [word.partition("/lab/tree/")[2] for word in called[0] if "default_url" in word]
    assert (ROOT / "notebooks" / opened).exists()
    assert not (ROOT / "notebooks" / COPIED).exists()


def test_other_notebooks_are_opened_as_they_are(tmp_path, called):
    (tmp_path / "mine").mkdir()
    assert aiot("lab", "--notebooks", "mine", cwd=tmp_path).returncode == 0
    assert called == [[sys.executable, sys.executable, "-m", "jupyterlab", str(tmp_path / "mine")]]
    done = aiot("lab", "--notebooks", "none", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "aiot: There is no folder none: give the folder of the notebooks with --notebooks.\n",
    )


def test_where_nothing_can_be_copied_the_error_is_a_sentence(source, tmp_path, monkeypatch, called):
    monkeypatch.setattr(workspace, "PACKAGE", source.parent)
    (tmp_path / "notebooks").write_text("a file")
    done = aiot("lab", cwd=tmp_path)
    assert (done.returncode, called) == (1, [])
    assert done.stderr.startswith(f"aiot: The notebooks cannot be copied to {tmp_path}/notebooks (")
    assert done.stderr.count("\n") == 1
