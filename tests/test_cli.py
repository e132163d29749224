"""The command as a user meets it: exit codes, and what stands on which stream."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import aiot, refused
from tests.rawlogs import LOAD, attempt, begin, end, image

ROOT = Path(__file__).parents[1]
ID = "tflite_cpu_float32_mobilenet_v2"


def test_it_runs_as_a_program():
    """All other verbs of tests run in this process: see tests/command.py."""
    words = [sys.executable, "-m", "aiot", "--help"]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in ("models", "dataset", "run", "process", "report"):
        assert f" {verb} " in done.stdout


def test_what_a_program_refuses_is_one_sentence_and_exit_code_1(tmp_path):
    words = [sys.executable, "-m", "aiot", "process", "--raw", str(tmp_path)]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert refused(done) == f"aiot: {tmp_path} holds no run that can be read: run `aiot run --local`."


@pytest.fixture
def project(tmp_path):
    """A processed run of two images."""
    attempt(begin(tmp_path / "data" / "raw", [ID]), ID, LOAD, image(0), image(1), end())
    return tmp_path


def test_a_folder_of_raw_logs_that_is_missing_is_one_sentence(tmp_path):
    line = refused(aiot("process", "--raw", tmp_path / "nothing", "--processed", tmp_path / "tables"))
    assert line == (
        f"aiot: There is no folder {tmp_path / 'nothing'}: run `aiot run --local`, or name the folder of the raw logs with --raw."
    )
    assert not (tmp_path / "tables").exists()


def test_a_damaged_run_is_one_sentence_that_names_the_file(project):
    record = next((project / "data" / "raw").rglob("run.json"))
    record.write_text("{")
    line = refused(aiot("process", cwd=project))
    assert "run.json cannot be read as JSON" in line


def test_processed_and_excluded_items_are_printed(project):
    (project / "data" / "raw" / "local" / "notes").mkdir()
    done = aiot("process", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == "process   1 run, 1 instance, 2 images, 1 excluded in data/processed"
    assert second.startswith("          excluded data/raw/local/notes: data/raw/local/notes/run.json is missing")


def test_a_verb_that_reads_tables_says_which(project):
    attempt(begin(project / "data" / "raw", [ID], device="phone"), ID, LOAD, image(0), image(1), end())
    assert aiot("process", cwd=project).returncode == 0
    tables = project / "data" / "processed"
    notebooks = project / "below" / "notebooks"
    notebooks.mkdir(parents=True)
    (notebooks / "01_broken.ipynb").write_text("none")  # so that no notebook is executed
    done = aiot("report", "--notebooks", notebooks, "--out", project / "reports", cwd=notebooks)
    assert done.stdout.splitlines()[0] == f"report    tables in {tables}"
    done = aiot("compare", "local", "phone", cwd=notebooks)
    assert f"tables      {tables}" in done.stdout.splitlines()
    (notebooks / "01_broken.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}))
    done = aiot("figures", "--notebooks", notebooks, "--out", project / "figures", cwd=notebooks)
    assert done.stdout.splitlines()[0] == f"figures   tables in {tables}"


def report(project, *words):
    return aiot("report", *words, "--notebooks", ROOT / "notebooks", "--out", project / "reports")


def test_an_unknown_report_lists_those_there_are(project):
    line = refused(report(project, "99"))
    assert "There is no notebook '99': choose 01_overview, 02_devices_and_models, 03_accuracy" in line
    assert not (project / "reports").exists()


def test_an_unknown_parameter_lists_those_there_are(project):
    line = refused(report(project, "08", "-p", "colour", "red"))
    assert "Parameter 'colour' is unknown to the chosen notebooks: they have processed: str = 'data/processed'" in line
    assert "resamples: int = 2000 (draws of the bootstrap)" in line


def test_a_parameter_of_the_wrong_type_says_what_it_takes(project):
    line = refused(report(project, "08", "-p", "resamples", "many"))
    assert line == "aiot: Parameter resamples must be a whole number, not 'many': give a value like 2000."


def test_an_unknown_figure_lists_those_there_are(project):
    line = refused(aiot("figures", "fig99", "--notebooks", ROOT / "notebooks", "--out", project / "figures"))
    assert "There is no figure or table 'fig99': choose " in line
    assert "fig5_framework_shares (Fig. 5)" in line
    assert not (project / "figures").exists()


def test_figures_are_listed_without_running_anything(project):
    done = aiot("figures", "--list", "--notebooks", ROOT / "notebooks", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["Fig.", "5", "figure", "fig5_framework_shares", "04_frameworks"] in lines
    assert ["Table", "IV", "table", "table4_vips", "08_vips"] in lines


def test_a_report_without_tables_says_what_to_run(project):
    line = refused(report(project, "01", "-p", "processed", project / "nowhere"))
    assert "run `aiot process`" in line


@pytest.mark.parametrize(
    "words",
    [
        ["dance"],
        ["process", "--row", "x"],
        ["report", "--jobs", "0"],
        ["report", "--jobs", "two"],
        ["report", "-pcolour"],
        ["report", "-p"],
        ["figures", "-pcolour"],
        ["figures", "--jobs", "0"],
    ],
)
def test_wrong_usage_exits_with_2(words, tmp_path):
    done = aiot(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Usage:" in done.stderr
