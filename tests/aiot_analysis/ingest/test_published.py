"""Tests of runs of origin `published`: answers without times, and times summarized from another pass."""

from __future__ import annotations

import pandas as pd
import pytest

import aiot_analysis
from aiot_analysis import ingest
from aiot_analysis.plots import style
from aiot_analysis.tables import storage
from tests.rawlogs import LOAD, answer, attempt, begin, end, image

ONE = "snpe_npu_int8_mobilenet_edgetpu"
SOURCE = {
    "publication": "MLPerf Mobile v5.0",
    "publisher": "MLCommons",
    "submitter": "Example Inc.",
    "scenario": "single stream",
    "address": "https://example.org/results",
    "retrieved": "2026-11-28",
}
PUBLISHED = {**LOAD, "load_ns": None, "accelerator_requested": "npu", "accelerator_actual": "npu", **SOURCE}
TIMES = {
    "event": "summary",
    "tool": "MLPerf LoadGen 3.1",
    "count": 1000,
    "mean_ms": 0.5,
    "median_ms": 0.4,
    "p90_ms": 0.6,
    "p99_ms": 0.9,
    "min_ms": 0.3,
    "max_ms": 2.0,
    "validity": "VALID",
    "scenario": "single stream",
    "accuracy_accelerator": "npu",
}
ANSWERS = [answer(query, right=query % 4 > 0) for query in range(600)]  # 450 of 600 are right


def tables_of(tmp_path, *events, origin="published"):
    folder = begin(tmp_path / "raw", [ONE], origin=origin, threads=None, seed=None, timing="inference")
    attempt(folder, ONE, *events)
    result = ingest.process(tmp_path / "raw", tmp_path / "processed")
    [row] = storage.read("instances", tmp_path / "processed").to_dict("records")
    return row, storage.read("images", tmp_path / "processed"), result.left_out


def test_accuracy_is_that_of_the_answers_and_times_are_those_of_the_summary(tmp_path):
    row, images, left_out = tables_of(tmp_path, PUBLISHED, TIMES, *ANSWERS, end())
    assert left_out == []
    assert (row["images"], row["correct"], row["accuracy"]) == (600, 450, 0.75)
    times = {f"inference_ms_{name}": row[f"inference_ms_{name}"] for name in ("mean", "median", "p90")}
    assert list(times.values()) == [0.5, 0.4, 0.6]
    assert (row["summary_min_ms"], row["summary_max_ms"], row["summary_p99_ms"]) == (0.3, 2.0, 0.9)
    assert (row["summary_runs"], row["summary_validity"]) == (1000, "VALID")
    assert {name: row[name] for name in SOURCE} == SOURCE
    assert (row["source"], row["verdict"], row["reasons"], row["status"]) == ("tool", "valid", "", "end")
    assert pd.isna(row["first_image_ms"]) and pd.isna(row["inference_ms_sd"])
    assert images[["end_to_end_ms", "inference_ms", "at_s"]].isna().all(axis=None)
    assert images["correct"].sum() == 450


@pytest.mark.parametrize(
    ("origin", "events", "verdict", "reasons"),
    [
        ("published", [*ANSWERS, end()], "semi-valid", "no time was published"),
        ("published", [TIMES, end()], "semi-valid", "no accuracy was published"),
        ("published", [end()], "invalid", "no accuracy was measured; no time was measured"),
        ("imported", [*ANSWERS, end()], "invalid", "no time was measured"),
        ("imported", [TIMES, end()], "invalid", "no accuracy was measured"),
        ("published", [TIMES, *ANSWERS[:100], end()], "semi-valid", "100 of 500 images"),
        (
            "published",
            [{**TIMES, "validity": "INVALID"}, *ANSWERS, end()],
            "semi-valid",
            "the run that timed it was INVALID according to its log",
        ),
        (
            "published",
            [{**TIMES, "scenario": "offline"}, *ANSWERS, end()],
            "semi-valid",
            "its time is the inverse of a throughput (offline), which is not the latency of an image",
        ),
    ],
)
def test_what_was_not_published_is_a_reason(tmp_path, origin, events, verdict, reasons):
    row, _, _ = tables_of(tmp_path, PUBLISHED, *events, origin=origin)
    assert (row["verdict"], row["reasons"]) == (verdict, reasons)


def test_a_summary_is_not_used_beside_answers_of_which_some_have_times(tmp_path):
    row, _, left_out = tables_of(tmp_path, PUBLISHED, TIMES, image(0, 6), *ANSWERS[1:], end(), origin="imported")
    assert row["inference_ms_mean"] == 6
    assert "images whose answer has no time: 599" in row["reasons"]
    assert [reason for _, reason in left_out] == ["a `summary` is not used if records of images have times"]


def test_the_accuracy_of_the_original_and_the_id_of_the_job_are_columns(tmp_path):
    summary = {**TIMES, "torch_accuracy": 0.757}
    row, _, _ = tables_of(tmp_path, {**PUBLISHED, "job": "jp4x"}, summary, *ANSWERS, end())
    assert (row["torch_accuracy"], row["job"]) == (0.757, "jp4x")


def test_pages_name_the_publication(tmp_path):
    tables_of(tmp_path, PUBLISHED, TIMES, *ANSWERS, end())
    data = aiot_analysis.load(tmp_path / "processed", "")
    assert data.origin == "published"
    assert style.origin_line(data.instances).startswith("published by MLCommons, MLPerf Mobile v5.0 · inference only")
