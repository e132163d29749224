"""Tests of the page on latency and stability with slowdowns, failures and measurements by a tool."""

import json
import re
import shutil
from pathlib import Path

import pytest

from aiot_analysis import ingest
from aiot_analysis.errors import ReportError
from aiot_analysis.report.render import render
from tests.aiot_analysis.ingest.test_energy import sampled, write_run
from tests.rawlogs import LOAD, attempt, begin, end, failed_image, image

ROOT = Path(__file__).parents[1]
SLOW, STEADY = "pytorch_cpu_float32_mnasnet", "caffe2_cpu_float32_mnasnet"
TOOL, AGAIN = "tflite_nnapi_float32_mnasnet", "pytorch_cpu_float32_squeezenet"
SUITE = [SLOW, STEADY, AGAIN, TOOL]


def page(folder, **parameters):
    """Render this page only, and return the result and its text with spaces for line breaks."""
    (folder / "notebooks").mkdir(exist_ok=True)
    shutil.copy(ROOT / "notebooks" / "11_latency.ipynb", folder / "notebooks")
    ingest.process(folder / "raw", folder / "processed")
    values = {"processed": str(folder / "processed"), **parameters}
    [result] = render(folder / "notebooks", folder / "out", parameters=values, jobs=1)
    return result, result.page.read_text(encoding="utf-8").replace("\n", " ") if result.page else ""


def shown(ms, change=1.0, n=200, failed=()):
    """Return events of images that take `ms`, and `change` times as long from image 100 on."""
    return [
        failed_image(query)
        if query in failed
        else image(query, ms * (change if query >= 100 else 1) + 0.01 * (query % 7))
        for query in range(n)
    ]


def battery():
    """Return samples of a device on battery whose charge drops from 90 to 85%."""
    state = {"instance": SLOW, "attempt": 1, "plugged": False, "charging": False}
    return [{**state, "at": f"2026-01-01T00:0{n}:00Z", "battery_percent": 90 - n} for n in range(6)]


def make(folder):
    """Write two runs in opposite orders; a tool measures TFLite on NNAPI and states the delegated nodes."""
    models = {id_: {"sha256": id_, "weights": "sample"} for id_ in SUITE}
    for day, order in ((1, SUITE), (2, SUITE[::-1])):
        run = begin(folder / "raw", order, f"2026010{day}T000000Z-aaaaaa", models=models)
        (run / "telemetry.jsonl").write_text("".join(json.dumps(id_) + "\n" for id_ in battery()))
        attempt(run, SLOW, LOAD, *shown(8.0, change=1.5), end())
        attempt(run, STEADY, LOAD, *shown(16.0, failed=(7, 9)), end())
        attempt(run, AGAIN, LOAD, *shown(4.0), end())
        accelerator = {"accelerator_requested": "nnapi", "accelerator_actual": "nnapi"}
        accelerator |= {"nodes": 62, "nodes_delegated": 31, "partitions": 2}
        summary = {"event": "summary", "tool": "benchmark_model", "count": 200, "mean_ms": 2.0}
        ending = end(images=200, failed_images=0, correct=100)
        attempt(run, TOOL, {**LOAD, **accelerator}, {**summary, "accuracy_accelerator": "nnapi"}, ending)


def test_what_slows_down_is_drawn_and_what_is_missing_is_named(tmp_path):
    make(tmp_path)
    result, text = page(tmp_path)
    assert result.status == "rendered", str(result)
    alternatives = re.findall(r'class="picture[^>]*aria-label="([^"]*)"', text)
    assert "MnasNet, PyTorch, float32 on Example Local slower, +50% from image 100 on" in alternatives[2]
    assert "2 stable and 1 unstable" in alternatives[1]
    assert "it failed" in text and "7, 9" in text
    assert "its log has a summary and no times of single images" in text
    assert re.search(r">part of it\s*<td[^>]*>31\s*<td[^>]*>62\s*<td[^>]*>50%", text)
    # according to the logs, both runs started at the same time
    assert "1 session, but an interval over sessions needs 3" in text
    assert re.search(r"−5\.0\s*<td[^>]*>−6\.0\s*<td[^>]*>−4\.0", text)  # percentage points of charge
    assert "failed images, counted as wrong: 2" in text  # in the list of data to use with care
    assert "order of the instances. The effect" not in text  # the second run has the reverse order


def test_the_energy_of_an_image_or_why_it_is_missing_is_on_the_page(tmp_path):
    for day, plugged in ((1, False), (2, True)):
        write_run(tmp_path / "raw", sampled(unit_ua=None, plugged=plugged), run_id=f"2026010{day}T000000Z-aaaaaa")
    result, text = page(tmp_path)
    assert result.status == "rendered", str(result)
    assert re.search(r"<td[^>]*>2,(399|400)\s", text) and "the device was plugged in" in text


def test_the_parameter_of_verdicts_leaves_out_and_lists(tmp_path):
    make(tmp_path)
    result, text = page(tmp_path, verdicts="valid")
    assert result.status == "rendered", str(result)
    assert "200 of 500 images" in text  # the reason for being semi-valid
    assert "<figure" not in text and "No usable instance has times of single images: run <code>aiot run" in text
    with pytest.raises(
        ReportError,
        match="Parameter verdicts: Instances with the verdict 'good' have no usable numbers: "
        "choose valid or semi-valid",
    ):
        page(tmp_path, verdicts="good")
