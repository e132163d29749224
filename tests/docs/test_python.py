"""docs/reference/python.md: its examples run from top to bottom, and the functions that it lists exist."""

import re
from pathlib import Path

import pytest
from matplotlib import pyplot

import aiot_analysis
from aiot_analysis import ingest, simulate

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "python.md").read_text(encoding="utf-8")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    raw = tmp_path / "data" / "raw"
    simulate.simulate(simulate.Options(devices=2, images=12), raw, jobs=1)
    ingest.process(raw, tmp_path / "data" / "processed")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_examples_run_from_top_to_bottom(workspace):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        # see tests/runner/test_suite_run.py and tests/aiot_analysis/test_public.py
        if "run_suite" not in block and "render(" not in block:
            exec(block, names)
    pyplot.close("all")
    assert names["data"].origin == "simulated"
    assert sorted(names["results"]["device_id"].unique()) == sorted(names["page"].devices["device_id"])
    assert len(names["speed_ups"]) == len(names["pairs"]) > 0
    for file in ("times.pdf", "layout.pdf"):
        assert (workspace / file).read_bytes().startswith(b"%PDF"), file
    assert names["ranking"].has_data() and names["scatter"].has_data() and len(names["left"].axes) > 1


@pytest.mark.parametrize("package", ["stats", "plots"])
def test_listed_functions_exist(package):
    section = TEXT.partition(f"| task | functions in `aiot_analysis.{package}` |\n")[2].partition("\n\n")[0]
    listed = re.findall(r"(\w+)\.(\w+)", section)
    assert len(listed) > 15
    modules = getattr(aiot_analysis, package)
    assert [name for name in listed if not callable(getattr(getattr(modules, name[0]), name[1], None))] == []
