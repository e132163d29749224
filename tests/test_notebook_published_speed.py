"""Tests of the page on published speed, and of the grey layer of published times on the page on complexity."""

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from aiot_analysis import ingest
from aiot_analysis.display.published_speed_text import reference_layer
from aiot_analysis.errors import DataError
from aiot_analysis.report.render import render
from aiot_suite.workspace import Workspace
from runner.importers import ai_hub_facts, imported_runs
from runner.importers.input_files import LabelOverrides
from tests.rawlogs import LOAD, attempt, begin, end, image

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
OWN = {
    "tflite_cpu_float32_mobilenet_v2": 8.0,
    "tflite_cpu_float32_squeezenet": 12.0,
    "tflite_cpu_float32_resnet50": 60.0,
}
KEPT = ("resnet50", "squeezenet1_1", "mobilenet_v2", "inception_v3", "vit", "beit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make the tables of three own instances and of the published jobs of six networks."""
    root = tmp_path_factory.mktemp("published")
    sessions = [
        session for session in ai_hub_facts.sessions() if any(source.fact in KEPT for source in session.sources)
    ]
    by_device = {}
    for session in sessions:
        by_device.setdefault(session.device.code, []).append(session)
    for of_device in by_device.values():
        for run in imported_runs.group_into_runs(of_device):
            imported_runs.write_run(run, LabelOverrides(), Workspace(root))
    raw = Workspace(root).raw
    own = begin(raw, list(OWN))
    for name, ms in OWN.items():
        attempt(own, name, LOAD, *(image(query, ms + 0.1 * (query % 5)) for query in range(20)), end())
    ingest.process(raw, root / "processed")
    (root / "notebooks").mkdir()
    for name in ("06_complexity", "13_published_speed"):
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", root / "notebooks")
    return root


def page_of(folder, out, number, **parameters):
    values = {"processed": str(folder / "processed"), **parameters}
    [result] = render(folder / "notebooks", folder / out, [number], parameters=values, jobs=1)
    assert result.status == "rendered", str(result)
    return " ".join(unescape(result.page.read_text(encoding="utf-8")).split())


def text_of(page):
    """Return the text of a page without its scripts."""
    return re.sub(r"<[^>]*>", "", re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL))


def test_the_page_says_its_findings_its_sources_and_what_intervals_assume(folder):
    page = page_of(folder, "out", "13", origin="published")
    text = text_of(page)
    assert "SA7255P ADP has the same jobs as Qualcomm QCS8275 (Proxy): one measurement under two names" in text
    assert "float on the NPU is computed in half precision" in text and "a proxy stands for a chip" in text
    assert "Not drawn, because torchvision lacks them: BEiT." in text
    assert "one device assume that two jobs agree within 5% of time" in text
    assert "published by Qualcomm, AI Hub Models at commit b61a009028" in text and "retrieved 2026-11-28" in text
    assert "https://github.com/qualcomm/ai-hub-models/blob/b61a009028/qai_hub_models/models/resnet50/perf.yaml" in text
    assert page.count('<div class="picture') == 6
    assert " of 30 claims " in text and text.count("nothing: AI Hub runs neither PyTorch Mobile nor Caffe2") == 4


def test_one_device_without_accuracies_has_a_page(folder):
    text = text_of(page_of(folder, "one", "13", origin="published", device="samsung-galaxy-s24-75b38027"))
    assert "rows on 1 device" in text and "Samsung Galaxy S24 is first with" in text


def test_published_times_are_beside_ones_own_only_if_that_is_wanted(folder):
    plain = text_of(page_of(folder, "plain", "06", origin="measured"))
    assert "Grey:" not in plain and "Qualcomm" not in plain
    layered = page_of(folder, "layered", "06", origin="measured", published=True)
    assert "Grey: inference alone, in float on the NPU of" in text_of(layered)
    assert "published by Qualcomm, AI Hub Models at commit b61a009028, retrieved 2026-11-28" in text_of(layered)
    assert "Published times are in grey." in layered


def test_a_grey_layer_without_published_data_is_refused(tmp_path):
    own = begin(tmp_path / "raw", list(OWN))
    for name, ms in OWN.items():
        attempt(own, name, LOAD, image(0, ms), end())
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    with pytest.raises(DataError, match="published"):
        reference_layer(tmp_path / "processed")
