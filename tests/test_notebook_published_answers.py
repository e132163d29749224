"""Tests of the page on published answers: pairs, samples, claims, and data with little to compare."""

import re
import shutil
from pathlib import Path

import pytest

from aiot_analysis import ingest
from aiot_analysis.errors import ReportError
from aiot_analysis.report.render import render
from tests.rawlogs import LOAD, answer, attempt, begin, end

ROOT = Path(__file__).parents[1]
NAME = "12_published_answers"
PUBLISHED = {"publisher": "MLCommons", "submitter": "Example Inc.", "scenario": "single stream"}
PUBLISHED |= {"retrieved": "2026-11-28", "load_ns": None, "accelerator_requested": "npu", "accelerator_actual": "npu"}
TIMES = {"event": "summary", "tool": "MLPerf LoadGen 3.1", "count": 100, "mean_ms": 0.5, "median_ms": 0.4}


def submit(raw, device, model, wrong, version="v5.0", n=120, framework="snpe"):
    """Write a published submission that is wrong on some images; each class has ten images."""
    name = f"{framework}_npu_unknown_{model}"
    run = f"20260101T00000{version[1]}Z-aaaaaa"
    dataset = {"name": "ilsvrc2012-val", "sha256": "d" * 64, "images": n, "label_space": "imagenet-1000"}
    options = {"threads": None, "seed": None, "timing": "inference", "dataset": dataset}
    folder = begin(raw, [name], run, device, origin="published", **options)
    publication = {"publication": f"MLPerf Mobile {version}", "address": f"https://example.org/{device}/{version}"}
    events = [answer(query, query not in wrong, query // 10) for query in range(n)]
    attempt(folder, name, {**LOAD, **PUBLISHED, **publication}, TIMES, *events, end())


def page(folder, **parameters):
    """Render this page only, and return the result and its text without tags and line breaks."""
    (folder / "notebooks").mkdir(exist_ok=True)
    shutil.copy(ROOT / "notebooks" / f"{NAME}.ipynb", folder / "notebooks")
    values = {"processed": str(folder / "processed"), **parameters}
    [result] = render(folder / "notebooks", folder / "out", parameters=values, jobs=1)
    text = result.page.read_text(encoding="utf-8") if result.page else ""
    return result, " ".join(re.sub(r"<[^>]*>", " ", text.partition("<main")[2]).split())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    submit(folder / "raw", "alpha", "mobilenet_edgetpu", [0])
    submit(folder / "raw", "beta", "mobilenet_edgetpu", [0])
    submit(folder / "raw", "gamma", "mobilenet_edgetpu", range(30, 60), framework="samsung")
    ingest.process(folder / "raw", folder / "processed")
    return folder


def test_a_reader_finds_who_differs_on_which_images_and_what_a_sample_shows(workspace):
    result, text = page(workspace, classes=6, per_class=5, draws=500)
    assert (result.status, result.warnings) == ("rendered", [])
    assert "Published by others" in text
    assert (
        "Example Alpha and Example Gamma give different classes to 31 of 120 images of MobileNetEdgeTPU (25.8%). "
        "Their accuracies, 99.17 and 75.00%, differ significantly: −24.17 points (" in text
    )
    assert "A sample of 30 images has 8 with different classes on average; in 95% of samples" in text
    assert "The 3 submissions have 2 distinct answer sets. The most common, A of MobileNetEdgeTPU, belongs to" in text
    assert "cannot be excluded that a log was copied" in text
    for image, answers in (("000.jpg", "A: goldfish; B: tench"), ("059.jpg", "A: electric ray; B: stingray")):
        assert re.search(rf"{image}\s+[a-z ]+\s+\d+\s+{answers}", text), image
    assert "published by MLCommons, MLPerf Mobile v5.0, retrieved 2026-11-28" in text
    assert "https://example.org/gamma/v5.0" in text
    assert "On these data, 1 of 6 claims holds" in text  # claim 1d; 1a has devices with one SDK and the same answers


def test_two_submissions_can_be_named(workspace):
    result, text = page(workspace, a="beta", b="alpha", classes=6, draws=50)
    assert result.error == ""
    assert "Example Beta and Example Alpha gave the same answers to all 120 images of MobileNetEdgeTPU" in text
    result, _ = page(workspace, a="delta")
    assert result.error == (
        "No network has two submissions that match 'delta': choose Example Alpha, Example Beta, Example Gamma."
    )


def test_one_device_and_few_images_leave_gaps_with_reasons(workspace):
    result, text = page(workspace, device="gamma")
    assert result.status == "rendered"
    assert "There are no two submissions of one network." in text
    assert "A sample of 100 classes with 5 images each cannot be drawn, since only 12 classes have so many" in text
    assert "There are no two different answer sets." in text


def test_answers_to_other_images_are_not_compared(tmp_path):
    submit(tmp_path / "raw", "alpha", "mobilenet_edgetpu", [0])
    submit(tmp_path / "raw", "beta", "mobilenet_edgetpu", [1])
    submit(tmp_path / "raw", "gamma", "mobilenet_edgetpu", [1], "v4.0", n=100)
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    _, text = page(tmp_path, classes=6, draws=50)
    assert "1 submission with answers to other images, or with other labels of the images, cannot be" in text
    assert "compared with the others: snpe_npu_unknown_mobilenet_edgetpu of 20260101T000004Z-aaaaaa." in text
    assert "The 2 submissions have 2 distinct answer sets." in text


def test_the_page_is_made_for_published_data_alone(tmp_path):
    folder = begin(tmp_path / "raw", ["tflite_cpu_float32_mnasnet"])
    attempt(folder, "tflite_cpu_float32_mnasnet", LOAD, *[answer(query) for query in range(20)], end())
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    with pytest.raises(ReportError, match=f"{NAME} is not made for measured data|No notebook is made"):
        page(tmp_path)
