"""Tests of the package for interactive users: `help`, Tab, and the examples in docstrings."""

import doctest
import inspect
import pydoc
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from matplotlib import pyplot

import aiot_analysis
from aiot_analysis import ingest, simulate
from aiot_analysis.errors import CompareError, DataError

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PUBLIC = [
    aiot_analysis.load,
    aiot_analysis.Data.results,
    aiot_analysis.Data.images,
    aiot_analysis.open_page,
    aiot_analysis.stats.vips.intervals,
    aiot_analysis.plots.shares.time_shares,
    aiot_analysis.render,
    aiot_analysis.compare_sides,
    aiot_analysis.plan,
    aiot_analysis.explore.explore,
    aiot_analysis.explore.images,
]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Make a workspace with two simulated phones and the notebooks."""
    folder = tmp_path_factory.mktemp("workspace")
    raw = folder / "data" / "raw"
    simulate.simulate(simulate.Options(devices=2, images=12), raw, jobs=1)
    ingest.process(raw, folder / "data" / "processed")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    return folder


@pytest.fixture
def workspace(fleet, monkeypatch):
    monkeypatch.chdir(fleet)
    yield fleet
    pyplot.close("all")


def indented(text):
    """Return the indented lines of a docstring as code."""
    return textwrap.dedent("\n".join(line for line in text.splitlines() if line.startswith("    ")))


def test_examples_of_the_package_run_from_top_to_bottom(workspace):
    code = indented(aiot_analysis.__doc__)
    names = {}
    exec(code, names)
    assert len(code.splitlines()) > 12
    assert names["data"].origin == "simulated" and len(names["rows"]) == len(names["page"].rows) == 120
    assert "Time per image by framework" in (workspace / "reports" / "04_frameworks.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__qualname__)
def test_examples_of_public_functions_run(workspace, function):
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(function))
    assert examples
    names = {"aiot_analysis": aiot_analysis}
    for example in examples:
        exec(example.source, names)


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__qualname__)
def test_signatures_of_public_functions_say_what_they_take_and_return(function):
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    untyped = [name for name, item in signature.parameters.items() if item.annotation is inspect.Parameter.empty]
    assert untyped in ([], ["self"])
    text = inspect.getdoc(function)
    assert "\nReturns\n-------\n" in text
    section = text.partition("\nParameters\n----------\n")[2].partition("\n\n")[0]
    described = re.findall(r"^(\w+(?:, \w+)*)\n +\S", section, flags=re.MULTILINE)
    assert {name for line in described for name in line.split(", ")} == {*signature.parameters} - {"self"}


def test_tab_offers_the_public_names_and_help_shows_what_people_do():
    assert dir(aiot_analysis) == sorted(aiot_analysis.__all__)
    text = pydoc.plain(pydoc.render_doc(aiot_analysis))
    for words in ("pivot_table(", ".images(", "vips.intervals(", "time_shares(", "explore.explore("):
        assert words in text
    for name in ("load", "open_page", "render", "compare_sides", "plan"):
        assert re.search(rf"^    {name}\(", text, flags=re.MULTILINE), name


def test_import_loads_no_library_for_data():
    code = "import sys, aiot_analysis; print(*{'numpy', 'pandas', 'matplotlib', 'papermill'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_sides_are_compared_as_by_the_command(workspace):
    """Two phones have the same 24 float32 and 36 quantized instances, of which 4 are MnasNet in float32."""
    first, second = aiot_analysis.load(origin="simulated").devices["device_id"]
    table = aiot_analysis.compare_sides(first, second, model="mnasnet", quantization="float32").table
    assert set(table["instance_id"]) == {
        f"{implementation}_float32_mnasnet"
        for implementation in ("tflite_cpu", "tflite_nnapi", "pytorch_cpu", "caffe2_cpu")
    }
    with pytest.raises(CompareError, match="nobody"):
        aiot_analysis.compare_sides(first, "nobody")


def test_plans_need_a_difference():
    """The number of images for a share p of differing images is proportional to 1 / difference squared."""
    for wrong in ({}, {"time": 3.0}, {"accuracy": -0.1}):
        with pytest.raises(DataError, match="fraction between 0 and 1"):
            aiot_analysis.plan(**wrong)
    two, four = (aiot_analysis.plan(accuracy=points)["images"].iloc[0] for points in (0.02, 0.04))
    assert two / four == pytest.approx(4, rel=0.1)
