"""Tests of runs of origin `imported`: unknown values are null, and images may have only a total time."""

from __future__ import annotations

import pandas as pd
import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import storage
from runner import rawlog
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE = "tflite_nnapi_float32_mobilenet_v2"
STEPS = ["decode", "preprocess", "inference", "postprocess"]
NOT_KNOWN = ("load_ns", "model_sha256", "framework_version", "image_library", "threads")
UNKNOWN = {**LOAD, **dict.fromkeys(NOT_KNOWN)}


def whole(query, total_ms=30, **steps):
    """Return an event `image` with the time end to end and only the given steps."""
    fields = {name: value for name, value in image(query).items() if name.removesuffix("_ns") not in STEPS}
    return {**fields, "total_ns": round(total_ms * 1e6), **steps}


def tables_of(tmp_path, *events, **run):
    folder = begin(tmp_path / "raw", [ONE], origin="imported", threads=None, seed=None, **run)
    attempt(folder, ONE, *events)
    result = ingest.process(tmp_path / "raw", tmp_path / "processed")
    [row] = storage.read("instances", tmp_path / "processed").to_dict("records")
    return row, storage.read("images", tmp_path / "processed"), result.left_out


def test_an_image_timed_as_a_whole_has_no_steps(tmp_path):
    row, images, left_out = tables_of(tmp_path, UNKNOWN, whole(0, 50), whole(1, 30), whole(2, 31.5), end())
    assert left_out == []
    assert images["end_to_end_ms"].tolist() == [50.0, 30.0, 31.5]
    assert images[[f"{step}_ms" for step in STEPS]].isna().all(axis=None)
    assert (row["images"], row["correct"], row["first_image_ms"]) == (3, 3, 50.0)
    assert row["end_to_end_ms_mean"] == pytest.approx(111.5 / 3)
    assert pd.isna(row["inference_ms_mean"])
    assert (row["origin"], row["source"], row["timing"]) == ("imported", "agent", "end_to_end")


def test_what_is_not_known_is_null(tmp_path):
    row, _, _ = tables_of(tmp_path, UNKNOWN, whole(0), end())
    assert all(pd.isna(row[name]) for name in ("load_ms", "threads", "framework_version", "image_library"))


def test_the_time_as_a_whole_is_more_than_its_steps(tmp_path):
    row, images, _ = tables_of(tmp_path, UNKNOWN, whole(0, 30, inference_ns=20_000_000), end())
    assert (images["end_to_end_ms"][0], images["inference_ms"][0]) == (30.0, 20.0)
    assert row["inference_ms_mean"] == 20.0


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (whole(1, -1), "has the negative value -1000000 as total_ns"),
        ({**whole(1), "total_ns": 1.5}, "has 1.5 as total_ns"),
        ({**whole(1), "total_ns": None}, "has no field 'decode_ns'"),
        ({**whole(1), "inference_ns": "x"}, "has 'x' as inference_ns"),
    ],
)
def test_an_invalid_total_time_is_excluded(tmp_path, event, reason):
    _, images, left_out = tables_of(tmp_path, UNKNOWN, whole(0), event, end(images=1, correct=1))
    assert len(images) == 1
    assert reason in left_out[0][1]


def test_what_ran_for_an_accelerator_is_a_doubt_where_it_is_not_known(tmp_path):
    load = {**UNKNOWN, "accelerator_requested": "nnapi", "accelerator_actual": None}
    row, _, _ = tables_of(tmp_path, load, whole(0), end())
    assert row["reasons"].startswith("nnapi was requested, but it is unknown what ran")
    assert row["verdict"] == "semi-valid"


def test_a_summary_end_to_end_stands_for_images_that_were_shown(tmp_path):
    summary = {
        "event": "summary",
        "tool": "an app",
        "timing": "end_to_end",
        "count": 500,
        "mean_ms": 57.5,
        "sd_ms": 3.0,
        "first_ms": 80.0,
    }
    row, images, left_out = tables_of(tmp_path, UNKNOWN, summary, end(images=500, failed_images=0, correct=350))
    assert (len(images), left_out) == (0, [])
    assert (row["source"], row["timing"], row["accuracy"]) == ("agent", "end_to_end", 0.7)
    assert (row["end_to_end_ms_mean"], row["end_to_end_ms_sd"], row["first_image_ms"]) == (57.5, 3.0, 80.0)
    assert pd.isna(row["inference_ms_mean"]) and pd.isna(row["end_to_end_ms_median"])
    assert (row["verdict"], row["reasons"]) == ("valid", "")


def test_a_summary_of_an_unknown_number_of_runs_is_used(tmp_path):
    summary = {"event": "summary", "tool": "a tool", "count": None, "mean_ms": 57.5}
    row, _, _ = tables_of(tmp_path, UNKNOWN, summary, end(images=500, failed_images=0, correct=350))
    assert (row["timing"], row["source"], row["inference_ms_mean"]) == ("inference", "tool", 57.5)


def test_images_with_all_steps_are_what_they_were():
    record = image(0)
    rawlog.check_event(record, "x")
    with pytest.raises(rawlog.RawLogError, match="has no field 'inference_ns'"):
        rawlog.check_event({name: value for name, value in record.items() if name != "inference_ns"}, "x")
    with pytest.raises(rawlog.RawLogError, match="has None as inference_ns"):
        rawlog.check_event({**record, "inference_ns": None}, "x")
