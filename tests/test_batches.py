"""Tests of the procedures in docs/batches.md: plain papermill, and the nightly job on a tiny fleet."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from aiot_analysis import ingest
from tests.rawlogs import LOAD, attempt, begin, end, image

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sys.executable).parent
NIGHTLY = ROOT / "docs" / "examples" / "nightly.sh"
ID = "tflite_cpu_float32_mobilenet_v2"
NOTEBOOK = "09_operators"  # the fastest one


def run(*words, cwd, **environment):
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        **environment,
    }
    return subprocess.run(
        list(map(str, words)), check=False, cwd=cwd, env=variables, capture_output=True, text=True, timeout=600
    )


def measure(folder, device, day=2):
    """Write the raw logs of a run of a device."""
    run_folder = begin(folder / "data" / "raw", [ID], device=device, run_id=f"2026010{day}T000000Z-aaaaaa")
    attempt(run_folder, ID, LOAD, image(0), image(1), end())


@pytest.mark.slow
def test_papermill_and_nbconvert_make_a_page_from_any_folder(tmp_path):
    for device in ("one", "two"):
        measure(tmp_path, device)
    ingest.process(tmp_path / "data" / "raw", tmp_path / "data" / "processed")
    below = tmp_path / "a folder" / "below"  # data/processed is found above it
    below.mkdir(parents=True)
    notebook = ROOT / "notebooks" / f"{NOTEBOOK}.ipynb"
    options = ["-p", "origin", "measured", "-p", "device", "two"]
    done = run("papermill", notebook, "out.ipynb", *options, cwd=below)
    assert done.returncode == 0, done.stderr
    cells = json.loads((below / "out.ipynb").read_text())["cells"]
    [injected] = [cell for cell in cells if "injected-parameters" in cell["metadata"].get("tags", [])]
    assert 'origin = "measured"' in "".join(injected["source"]) and 'device = "two"' in "".join(injected["source"])

    done = run("jupyter", "nbconvert", "--to", "html", "--no-input", "out.ipynb", cwd=below)
    assert done.returncode == 0, done.stderr
    page = (below / "out.html").read_text()
    assert "<title>out</title>" in page and "Operators" in page and "Measured" in page
    assert "aiot operators" in page  # the command that makes the missing data
    assert "import aiot_analysis" not in page

    done = run("papermill", notebook, "out2.ipynb", "-p", "device", "three", cwd=below)
    assert done.returncode == 1
    assert "There is no device 'three' in these data: choose one, two." in done.stderr
    assert (below / "out2.ipynb").exists()  # contains the error


def pages(folder):
    """Return the modification time of each page."""
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("0*.html")}


@pytest.mark.slow
def test_the_nightly_job_processes_new_runs_and_reports_failures(tmp_path):
    for device in ("one", "two"):
        measure(tmp_path, device)
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / f"{NOTEBOOK}.ipynb", tmp_path / "notebooks")
    script = [NIGHTLY, tmp_path, "--jobs", "2", "--notebooks", "notebooks"]
    aiot = {"AIOT": str(SCRIPTS / "aiot")}

    done = run(*script, cwd="/", **aiot)
    assert done.returncode == 0, done.stderr
    assert "process   2 runs, 2 instances, 4 images, 0 excluded" in done.stdout
    assert "report    3 pages, 3 rendered now" in done.stdout
    first = pages(tmp_path / "reports")
    assert set(first) == {f"{NOTEBOOK}.html", f"devices/one/{NOTEBOOK}.html", f"devices/two/{NOTEBOOK}.html"}

    assert "3 pages, 0 rendered now" in run(*script, cwd="/", **aiot).stdout

    measure(tmp_path, "two", day=3)
    assert "3 pages, 2 rendered now" in run(*script, cwd="/", **aiot).stdout
    changed = {name for name, time in pages(tmp_path / "reports").items() if time != first[name]}
    assert changed == {f"{NOTEBOOK}.html", f"devices/two/{NOTEBOOK}.html"}

    (tmp_path / "notebooks" / "10_bad.ipynb").write_text("no notebook")
    done = run(*script, cwd="/", **aiot)
    assert done.returncode == 1
    assert "10_bad failed:" in done.stderr and "3 pages, 0 rendered now" in done.stdout

    assert run(NIGHTLY, cwd="/").returncode != 0
    shutil.rmtree(tmp_path / "data" / "raw")
    done = run(*script, cwd="/", **aiot)
    assert done.returncode == 1 and "There is no folder data/raw" in done.stderr


def test_the_workflow_can_be_read_and_calls_the_script_that_is_tested():
    workflow = yaml.safe_load((NIGHTLY.with_suffix(".yml")).read_text())
    commands = [step["run"] for step in workflow["jobs"]["reports"]["steps"] if "run" in step]
    assert [command.split()[0] for command in commands] == ["pip", NIGHTLY.relative_to(ROOT).as_posix()]
    assert os.access(NIGHTLY, os.X_OK)
