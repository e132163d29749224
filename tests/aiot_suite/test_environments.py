import os
import sys
from pathlib import Path

import pytest

from aiot_suite import environments
from aiot_suite.errors import SetupError


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Simulate a machine without anything to find: PATH, home and cache are empty."""
    for name in ("AIOT_PYTHON39", "PYENV_ROOT", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AIOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "somewhere" / "python"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def pretender(path: Path, prints: str) -> Path:
    """Make a program that always prints the same words, whatever its arguments."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{prints}\n")
    path.chmod(0o755)
    return path


def test_the_main_environment_is_this_interpreter():
    assert environments.interpreter_path("main") == Path(sys.executable)
    assert environments.versions("main", ("numpy", "nothing-of-this-name"))["nothing-of-this-name"] == "not installed"


def test_an_environment_that_is_not_finished_is_not_there(nowhere):
    folder = environments.legacy_folder()
    assert folder.parent == nowhere / "cache"
    pretender(folder / "bin" / "python", "true")
    assert environments.interpreter_path("legacy") is None
    assert environments.first_installed(("legacy", "main")) == "main"
    assert environments.first_installed(("legacy",)) is None
    (folder / "installed").touch()
    assert environments.first_installed(("legacy", "main")) == "legacy"


def test_without_a_python_39_the_ways_to_get_one_are_told(nowhere):
    with pytest.raises(
        SetupError, match=r"No Python 3\.9 was found \(0 interpreters tried\): .*pyenv install 3\.9.*AIOT_PYTHON39="
    ):
        environments.find_python39()


def test_a_python_is_asked_for_its_version(nowhere):
    """A program on the PATH may be a shim that does not start, or another version."""
    pretender(nowhere / "bin" / "python3.9", "echo '3.9: command not found' >&2; exit 127")
    wrong = pretender(nowhere / "other" / "python", "echo '(3, 10)'")
    os.environ["AIOT_PYTHON39"] = str(wrong)
    with pytest.raises(SetupError, match=r"\(2 interpreters tried\)"):
        environments.find_python39()


@pytest.mark.parametrize(
    "place", ["bin/python3.9", ".pyenv/versions/3.9.18/bin/python3.9", "somewhere/3.9.2/bin/python3.9"]
)
def test_a_python_is_found_where_it_is_kept(nowhere, place):
    right = pretender(nowhere / place, "echo '(3, 9)'")
    assert environments.find_python39() == right


def test_conda_and_uv_are_asked(nowhere):
    right = pretender(nowhere / "envs" / "py39" / "bin" / "python", "echo '(3, 9)'")
    pretender(nowhere / "bin" / "conda", f"""echo '{{"envs": ["{nowhere}/envs/py39"]}}'""")
    assert environments.find_python39() == right
    (nowhere / "bin" / "conda").unlink()
    other = pretender(nowhere / "uv" / "python3.9", "echo '(3, 9)'")
    pretender(nowhere / "bin" / "uv", f"echo {other}")
    assert environments.find_python39() == other


def test_an_environment_that_cannot_be_made_is_one_sentence(nowhere):
    pretender(
        nowhere / "bin" / "python3.9",
        'case "$*" in *venv\\ /*|*-m\\ venv*) echo no disk; exit 1;; *) echo "(3, 9)";; esac',
    )
    with pytest.raises(SetupError, match=r"The environment cannot be created: 'no disk'"):
        environments.install_legacy(lambda _: None)
    assert environments.interpreter_path("legacy") is None
