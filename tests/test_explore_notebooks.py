"""Tests of the notebooks for exploration: their form, and that they run on any data or state why they cannot."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pandas as pd
import pytest
import yaml

import aiot_analysis
from aiot_analysis import ingest, simulate
from aiot_analysis.charts import vegalite
from aiot_analysis.report import notebooks
from tests.test_notebooks import MEASURED, ROOT, cells, make_run, source

FOLDER = ROOT / "notebooks" / "explore"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
HERE = [path for path in NOTEBOOKS if path.stem != "colab"]

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_one_to_choose_in_one_of_images_one_for_own_work_and_one_for_colab():
    assert [path.stem for path in NOTEBOOKS] == ["colab", "explore", "images", "own_analysis"]


def test_exploration_notebooks_are_not_reports():
    reports = {notebook.path for notebook in notebooks.find(ROOT / "notebooks")}
    assert reports and not reports & set(NOTEBOOKS)


@every_notebook
def test_the_kernel_is_that_of_every_python_and_no_output_is_kept(path):
    metadata = json.loads(path.read_text())["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert "version" not in metadata["language_info"]
    for cell in cells(path, "code"):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_nbstripout_as_the_pre_commit_hook_calls_it_changes_no_byte(tmp_path):
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    [hook] = [hook for repo in config["repos"] for hook in repo["hooks"] if hook["id"] == "nbstripout"]
    copies = [Path(shutil.copy(path, tmp_path)) for path in NOTEBOOKS]
    program = [sys.executable, "-m", "nbstripout", *shlex.split(hook["entry"])[1:], *map(str, copies)]
    subprocess.run(program, check=True, capture_output=True, timeout=120)
    assert [copy.read_bytes() for copy in copies] == [path.read_bytes() for path in NOTEBOOKS]


@every_notebook
def test_it_is_small_and_starts_with_a_title(path):
    assert len(cells(path, "code")) <= 8
    assert source(cells(path)[0]).startswith("# ")
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells(path)) == 1


@pytest.mark.parametrize("path", HERE, ids=lambda path: path.stem)
def test_no_cell_defines_a_function_or_a_class(path):
    for cell in cells(path, "code"):
        node_types = {type(node) for node in ast.walk(ast.parse(source(cell)))}
        assert not node_types & {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef}


def test_what_was_not_tried_says_so():
    assert "**Untested**" in source(cells(FOLDER / "colab.ipynb")[0])
    assert "**Untested**" in (ROOT / "binder" / "README.md").read_text()
    assert (ROOT / "binder" / "postBuild").stat().st_mode & 0o111


def test_make_lab_passes_its_options_on():
    done = subprocess.run(
        ["make", "-n", "lab", "LAB=--port 9000"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    [command] = [line for line in done.stdout.splitlines() if " lab " in line]
    assert shlex.split(command)[1:] == ["lab", "--port", "9000"]


def run(name, project, on_error=False):
    """Execute a notebook in the folder of a project, and return the outputs of each code cell."""
    path = project / "notebooks" / "explore" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=on_error)
    client.execute(cwd=str(path.parent))
    return [cell.get("outputs", []) for cell in notebook.cells if cell.cell_type == "code"]


def text(outputs):
    return json.dumps(outputs)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Make a project with these notebooks and without data."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(FOLDER, root / "notebooks" / "explore")
    return root


@pytest.mark.parametrize(
    ("origin", "notebooks_run"),
    [
        ("measured", ["explore", "images"]),
        pytest.param("simulated", ["explore", "images"], marks=pytest.mark.slow),
        pytest.param("nothing usable", ["explore", "images"], marks=pytest.mark.slow),
    ],
)
def test_they_run_on_what_is_in_the_folder_above(project, tmp_path, origin, notebooks_run):
    shutil.rmtree(project / "data", ignore_errors=True)
    if origin == "simulated":
        simulate.simulate(simulate.Options(0, 3, 20, 3), tmp_path / "raw")
    else:
        make_run(tmp_path / "raw", MEASURED if origin == "measured" else {})
    ingest.process(tmp_path / "raw", project / "data" / "processed")
    for name in notebooks_run:
        outputs = run(name, project)
        assert "error" not in [output["output_type"] for of_cell in outputs for output in of_cell]
        if name == "explore":
            mark = "SIMULATED DATA" if origin == "simulated" else "<strong>Measured</strong>"
            assert mark in text(outputs[1]) and "data.images()" in text(outputs[1])
        assert "application/vnd.jupyter.widget-view+json" in text(outputs[-2])


@pytest.mark.parametrize("count", [1, pytest.param(51, marks=pytest.mark.slow)])
def test_the_examples_of_own_analyses_work_on_one_device_and_on_a_fleet(project, tmp_path, count):
    shutil.rmtree(project / "data", ignore_errors=True)
    if count == 1:
        make_run(tmp_path / "raw", MEASURED)
    else:
        simulate.simulate(simulate.Options(0, count, 20, 3), tmp_path / "raw")
    ingest.process(tmp_path / "raw", project / "data" / "processed")
    outputs = run("own_analysis", project)
    displayed = [output["data"] for of_cell in outputs for output in of_cell]
    pictures = [data for data in displayed if "image/png" in data]
    assert [vegalite.MIME in data for data in pictures] == [True, False, False, False]
    assert all(f"on {count} device" in data["text/plain"] for data in pictures)
    tables = [data["text/html"] for data in displayed if "<table" in data.get("text/html", "")]
    assert [next(iter(re.findall("<th[^>]*>([^<]+)", html)), "") for html in tables[1:]] == [
        "device",
        "framework",
        "class",
    ]
    folder = project / "notebooks" / "explore" / "own_figures"
    written = {path.name for path in folder.iterdir()}
    assert written == {"mine.mplstyle", "own_figure.pdf", "own_figure.png", "own_rows.csv"}
    rows = aiot_analysis.load(project / "data" / "processed", "").results()
    models = rows["model"].unique()[:3]
    assert len(pd.read_csv(folder / "own_rows.csv")) == rows["model"].isin(models).sum()
    shutil.rmtree(folder)


def test_without_data_there_is_one_sentence_and_no_traceback(project):
    shutil.rmtree(project / "data", ignore_errors=True)
    outputs = run("explore", project, on_error=True)
    [error] = outputs[1]
    assert error["traceback"] == [
        (
            "DataError: There is no folder data/processed here or in a folder above: run `aiot process`, or give the "
            "folder that holds it."
        )
    ]
