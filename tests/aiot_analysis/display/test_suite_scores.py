"""Scores of suites that runs named, on the page of the scores."""

import re
from pathlib import Path

import pytest

from aiot_analysis import ingest, load
from aiot_analysis.report.render import render
from aiot_analysis.stats import vips
from aiot_analysis.tables import select
from tests.test_notebooks import make_run

ROOT = Path(__file__).parents[3]
SUITE = [
    "onnxruntime_cpu_float32_squeezenet",
    "tflite_cpu_float32_squeezenet",
    "tflite_cpu_float32_vit_b_16",
    "tflite_cpu_int8_squeezenet",
]
MODELS = {name: {"sha256": "0" * 64, "weights": "sample", "macs": 5e8, "parameters": 1e6} for name in SUITE}
TIMES = {SUITE[0]: 10.0, SUITE[1]: 20.0, SUITE[2]: 40.0}
"""The int8 file was not measured."""

MEANS_S = [0.0142, 0.0242, 0.0442]  # inference takes up to 0.4 ms more, and everything else 4 ms
VIPS = sum(0.75 / mean for mean in MEANS_S)  # three of four images are right


@pytest.fixture
def processed(tmp_path):
    make_run(tmp_path / "raw", TIMES, suite=SUITE, suite_name="mine", models=MODELS)
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    return tmp_path / "processed"


def test_a_suite_has_the_instances_of_the_runs_that_named_it(processed):
    data = load(processed, "measured")
    ids = select.suites(data.instances)
    assert list(ids) == ["mine"] and sorted(ids["mine"]) == SUITE
    rows, _ = select.measured_rows(data.instances, together=["squeezenet", "vit_b_16"])
    [score] = vips.scores(rows, suite=[name for name in ids["mine"] if "float32" in name]).to_dict("records")
    assert score["vips"] == pytest.approx(VIPS) and score["complete"]
    squeezenet, vit = 833.0, 500.0  # Table II's, and that of the graph in run.json
    macs = [squeezenet, squeezenet, vit]
    assert score["vops"] == pytest.approx(sum(0.75 * m / mean for m, mean in zip(macs, MEANS_S, strict=True)))
    [paper] = vips.scores(rows).to_dict("records")
    assert paper["vips"] == pytest.approx(0.75 / MEANS_S[1]), "the paper's score is over the paper's instances"


def test_the_page_of_scores_has_the_score_of_each_suite(processed, tmp_path):
    [result] = render(ROOT / "notebooks", tmp_path / "out", ["08"], {"processed": str(processed)}, jobs=1)
    assert result.status == "rendered", result
    page = re.sub(r"\s+", " ", result.page.read_text(encoding="utf-8"))
    assert re.search(
        rf"Example Local scores {VIPS:.0f} \([\d.]+ to [\d.]+\) over the 3 float32 instances of the suite mine", page
    )
    assert "No row of 1 quantized instance of the suite mine has an accuracy and a time" in page
