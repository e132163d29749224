"""Tests of imported logs in tables and on pages. The logs are made up: see specimens.py."""

from __future__ import annotations

import re

import pytest

from aiot_analysis import ingest
from aiot_analysis.stats import vips
from aiot_analysis.tables import select
from aiot_analysis.tables.data import load
from runner.importers.app import MEANS_ALONE, WITH_IMAGES
from tests.runner.importers import specimens
from tests.runner.importers.conftest import PHONE, imported
from tests.test_notebooks import render_all

FLOAT32_AND_INT8 = [*specimens.FLOAT32, *(name for name in specimens.QUANTIZED if "full_int" in name)]


def processed(space):
    ingest.process(space.raw, space.root / "processed")
    return space.root / "processed"


def score(data, timing="end_to_end"):
    rows, _ = select.measured_rows(select.of_paper(data.instances))
    return vips.scores(rows, timing).set_index("device_id")["vips"]


def test_the_score_of_a_result_log_is_the_one_that_the_app_wrote_into_it(space, save):
    text = specimens.result_log(specimens.app_session(500))
    imported(space, save(specimens.RESULT_NAME, text))
    reported = float(text.split("\nvips:")[1].split("\n")[0])
    assert score(load(processed(space), "imported")).item() == pytest.approx(reported, rel=1e-12)


def test_the_score_of_both_logs_is_that_of_the_images_times(space, app_files):
    session = specimens.app_session(500)
    imported(space, *app_files(session))
    data = load(processed(space), "imported")
    expected = sum(
        workload.correct(session.labels) / 500 / (sum(workload.times_ms) / 500 / 1000) for workload in session.workloads
    )
    assert score(data).item() == pytest.approx(expected, rel=1e-12)
    assert (data.instances["verdict"][data.instances["delegate"] == "cpu"] == "valid").all()
    assert set(data.instances["reasons"]) == {"", "nnapi was requested, but it is unknown what ran"}
    assert data.left_out.empty


def test_logs_of_one_sitting_that_contradict_each_other_are_used_with_a_doubt(space, save):
    session = specimens.app_session(10, ["tflite_cpu_mnasnet"])
    right = session.workloads[0].correct(session.labels)
    result = specimens.result_log(session).replace(f"accuracy:{right / 10}", f"accuracy:{(right - 1) / 10}")
    imported(space, save("result", result), save("program", specimens.program_log(session)))
    [row] = load(processed(space), "imported").instances.to_dict("records")
    assert (row["correct"], row["verdict"]) == (right, "semi-valid")
    assert (
        f"10 images, 0 failed images, {right} correct, but its last line states 10 images, 0 failed images, {right - 1}"
        in (row["reasons"])
    )


TERSE = "Inference timings in us: Init: 5000, First inference: 9000, Warmup (avg): 9000, Inference (avg): 8000\n"
EVALUATED = "Num evaluation runs: 600\nInference latency: avg=8000(us), std_dev=10(us)\nTop-1 Accuracy: 0.5\n"


@pytest.mark.parametrize(
    ("delegate", "doubt"),
    [(None, "its log does not say which delegate ran"), ("npu", "npu was requested, but it is unknown what ran")],
)
def test_without_proof_of_the_accelerator_an_instance_is_semi_valid_and_not_of_the_cpu(space, save, delegate, doubt):
    paths = save("time.txt", TERSE), save("accuracy.txt", EVALUATED)
    imported(space, *paths, device=PHONE, model="mnasnet", quantization="float32", dataset="val", delegate=delegate)
    [row] = load(processed(space), "imported").instances.to_dict("records")
    assert row["instance_id"] == f"tflite_{delegate or 'unknown'}_float32_mnasnet"
    assert (row["verdict"], row["accuracy"], row["reasons"]) == ("semi-valid", 0.5, doubt)


def test_devices_whose_means_are_of_different_kinds_are_not_ranked_together(space, save, app_files):
    imported(space, *app_files(specimens.app_session(10)), device=PHONE)
    imported(
        space, save("alone", specimens.result_log(specimens.app_session(10, seed=1), "Other", "other/o/o:9/1:u/r"))
    )
    data = load(processed(space), "imported")
    assert set(data.instances["profile"]) == {WITH_IMAGES, MEANS_ALONE}
    rows, _ = select.measured_rows(select.of_paper(data.instances))
    assert sorted(vips.scores(rows)["peer_group"]) == [1, 2]


@pytest.mark.slow
def test_every_notebook_is_rendered_on_imported_logs_alone_and_says_so(space, save, app_files, printed, tmp_path):
    imported(space, *app_files(specimens.app_session(40, FLOAT32_AND_INT8)), device=PHONE)
    imported(
        space, save("second", specimens.program_log(specimens.app_session(40, seed=1))), device="B 2", dataset="val"
    )
    alone = specimens.result_log(specimens.app_session(40, FLOAT32_AND_INT8, seed=2), "Other")
    imported(space, save("alone", alone))
    timed = save("timed", printed(use_nnapi="true"))
    overrides = {"device": "Tool 1", "model": "mnasnet", "quantization": "float32", "dataset": "val"}
    imported(space, timed, save("shown", printed("run_eval", delegate="nnapi")), **overrides)
    pages = render_all(processed(space), tmp_path / "out", origin="imported")
    check_pages(pages)


@pytest.mark.slow
def test_every_notebook_is_rendered_on_one_result_log_by_a_timing_that_it_does_not_have(space, save, tmp_path):
    imported(space, save("alone", specimens.result_log(specimens.app_session(40, ["tflite_cpu_mnasnet"]))))
    check_pages(render_all(processed(space), tmp_path / "out", origin="imported", timing="inference"))


def check_pages(pages):
    for name, page in pages.items():
        assert "<strong>Imported</strong> from logs of another tool." in page, name
        text = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
        assert "Measured</strong>" not in text and "SIMULATED" not in text, name
