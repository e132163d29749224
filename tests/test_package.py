"""Tests of the installed project: a wheel in an empty environment, used outside of the checkout."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.test_notebooks import MEASURED, make_run

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {path.relative_to(ROOT / "notebooks").as_posix() for path in (ROOT / "notebooks").rglob("*.ipynb")}
RUNS = ("20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb")
PACKAGES = ("aiot_suite/", "runner/", "aiot_analysis/")

pytestmark = pytest.mark.slow


def run(*words: object, cwd: Path, code: int = 0) -> str:
    """Run a program as `finished` does, and return its standard output."""
    return finished(*words, cwd=cwd, code=code).stdout


def finished(*words: object, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program without anything that could lead it to the checkout."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "VIRTUAL"))}
    done = subprocess.run(
        [*map(str, words)], check=False, cwd=cwd, env=variables, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def new_environment(folder: Path) -> Path:
    """Make an empty virtual environment, and return the folder of its programs."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin"


def install(programs: Path, *words: object) -> None:
    """Install packages in the exact versions of the project."""
    options = ["--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
    run(programs / "python", "-m", "pip", "install", *options, *words, cwd=programs)


def tracked() -> set[str]:
    """Return the files of the project."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout, so what belongs to the project is unknown")
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def content(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel, apart from those that describe it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from the sdist, and return their folder."""
    folder = tmp_path_factory.mktemp("dist")
    programs = new_environment(folder / "builder")
    install(programs, "hatchling")
    run(programs / "python", "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=ROOT)
    [sdist] = folder.glob("*.tar.gz")
    run(programs / "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, sdist, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [path] = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def aiot(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel without extras in a new environment, and return its command `aiot`."""
    programs = new_environment(tmp_path_factory.mktemp("installed") / "environment")
    install(programs, wheel)
    return programs / "aiot"


@pytest.fixture(scope="module")
def workspace(aiot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the raw logs of two runs, make the tables with the installed command, and return the folder."""
    root = tmp_path_factory.mktemp("workspace")
    for run_id in RUNS:
        make_run(root / "data" / "raw", MEASURED, run_id=run_id)
    assert run(aiot, "process", cwd=root).startswith("process   2 runs, 120 instances, 200 images, 0 excluded")
    return root


def test_the_sdist_has_every_file_of_the_project(dist: Path):
    [path] = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked() - names == {".venv"} & tracked()
    assert names - tracked() == {"PKG-INFO"}


def test_the_wheel_has_the_packages_with_their_data_and_the_notebooks_and_nothing_else(wheel: Path):
    expected = {name: name for name in tracked() if name == "aiot.py" or name.startswith(PACKAGES)}
    expected |= {f"aiot_analysis/notebooks/{name}": f"notebooks/{name}" for name in NOTEBOOKS}
    files = content(wheel)
    assert sorted(files) == sorted(expected)
    assert [name for name, file in expected.items() if files[name] != (ROOT / file).read_bytes()] == []


def test_nothing_of_the_checkout_is_on_the_path(aiot: Path, workspace: Path):
    code = "import aiot, runner, json, sys; print(json.dumps([aiot.__file__, runner.__file__, *sys.path]))"
    paths = json.loads(run(aiot.with_name("python"), "-c", code, cwd=workspace))
    assert [path for path in paths if (workspace / path).resolve().is_relative_to(ROOT)] == []


def test_pages_and_figures_come_from_the_notebooks_of_the_package(aiot: Path, workspace: Path):
    output = run(aiot, "report", "02", cwd=workspace)
    assert f"report    1 page, 1 rendered now: {workspace}/reports/index.html" in output
    page = (workspace / "reports" / "02_devices_and_models.html").read_text(encoding="utf-8")
    assert "MobileNetV2" in page
    run(aiot, "figures", "fig5", "--formats", "svg,csv", "--width", "single", cwd=workspace)
    [picture] = (workspace / "figures").rglob("*.svg")
    assert "<svg" in picture.read_text(encoding="utf-8")
    [table] = (workspace / "figures").rglob(f"{picture.stem.removesuffix('_single')}.csv")
    header, *rows = csv.reader(table.read_text(encoding="utf-8").splitlines())
    assert rows
    assert {len(row) for row in rows} == {len(header)}


def test_comparing_needs_no_checkout(aiot: Path, workspace: Path):
    assert "5 instances compared" in run(aiot, "compare", *RUNS, cwd=workspace)


def test_the_lab_opens_a_copy_in_which_exploring_works(aiot: Path, workspace: Path):
    assert "--no-browser" in run(aiot, "lab", "--help", cwd=workspace)
    done = finished(aiot, "lab", "--version", cwd=workspace)  # JupyterLab prints its version and ends
    assert f"{len(NOTEBOOKS)} notebooks copied to {workspace}/notebooks\n" in done.stderr
    assert done.stdout.split(".")[0] == "4"
    copies = workspace / "notebooks"
    assert {path.relative_to(copies).as_posix() for path in copies.rglob("*.ipynb")} == NOTEBOOKS
    words = ["-m", "nbconvert", "--to", "notebook", "--execute", "--output", "executed"]
    run(aiot.with_name("python"), *words, copies / "explore" / "explore.ipynb", cwd=workspace)
    cells = json.loads((copies / "explore" / "executed.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) or "text/html" in output.get("data", {}) for output in outputs)


def test_the_extra_run_measures(aiot: Path, wheel: Path, tmp_path: Path):
    """This test runs last, because it adds packages to the environment of the other tests."""
    install(aiot.parent, f"{wheel}[run]")
    chosen = ["--models", "mnasnet", "--frameworks", "tflite", "--quantizations", "float32"]
    # the extra `models`, which makes model files, would take 2 GB, so this Python makes them
    run(sys.executable, ROOT / "aiot.py", "models", "prepare", *chosen, cwd=tmp_path)
    run(aiot, "dataset", "make", cwd=tmp_path)
    assert "1 instance measured" in run(aiot, "run", "--local", *chosen, "--delegates", "cpu", cwd=tmp_path)
    assert "1 run, 1 instance, 500 images, 0 excluded" in run(aiot, "process", cwd=tmp_path)
