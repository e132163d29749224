"""Tests of instances measured by a native tool, with a summary instead of image records."""

from __future__ import annotations

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import storage
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE = "tflite_nnapi_float32_mobilenet_v2"
NNAPI = {
    **LOAD,
    "accelerator_requested": "nnapi",
    "accelerator_actual": "nnapi",
    "nodes_delegated": 31,
    "partitions": 1,
}
SUMMARY = {
    "event": "summary",
    "tool": "benchmark_model",
    "count": 50,
    "runs_asked": 50,
    "mean_ms": 14.5,
    "sd_ms": 0.7,
    "median_ms": 14.25,
    "p95_ms": 15.0,
    "accuracy_accelerator": "nnapi",
}
COUNTS = {"images": 490, "failed_images": 10, "correct": 250}


def row_of(tmp_path, *events, **run):
    attempt(begin(tmp_path / "raw", [ONE], **run), ONE, *events)
    result = ingest.process(tmp_path / "raw", tmp_path / "processed")
    [row] = storage.read("instances", tmp_path / "processed").to_dict("records")
    return row, result


def test_a_summary_is_an_instance_of_the_tool_timed_by_inference_alone(tmp_path):
    row, result = row_of(tmp_path, NNAPI, SUMMARY, end(**COUNTS))
    assert (row["source"], row["timing"], row["status"]) == ("tool", "inference", "end")
    assert (row["inference_ms_mean"], row["inference_ms_median"], row["inference_ms_sd"]) == (14.5, 14.25, 0.7)
    assert row["inference_ms_p90"] != row["inference_ms_p90"]  # null: the tool gives the 95th
    assert row["end_to_end_ms_mean"] != row["end_to_end_ms_mean"]
    assert (row["nodes_delegated"], row["partitions"], row["log_lines"]) == (31, 1, 3)
    assert result.left_out == []
    assert len(storage.read("images", tmp_path / "processed")) == 0


def test_an_image_that_could_not_be_shown_counts_as_wrong(tmp_path):
    row, _ = row_of(tmp_path, NNAPI, SUMMARY, end(**COUNTS))
    assert (row["images"], row["failed_images"], row["distinct_images"], row["correct"]) == (500, 10, 500, 250)
    assert row["accuracy"] == 0.5
    assert (row["verdict"], row["reasons"]) == ("semi-valid", "failed images, counted as wrong: 10")


def test_with_all_images_shown_on_what_was_asked_for_it_is_valid(tmp_path):
    row, _ = row_of(tmp_path, NNAPI, SUMMARY, end(images=500, failed_images=0, correct=400))
    assert (row["verdict"], row["reasons"], row["accuracy"]) == ("valid", "", 0.8)


@pytest.mark.parametrize(
    ("load", "summary", "reason"),
    [
        ({"accelerator_actual": None}, {}, "nnapi was requested, but it is unknown what ran"),
        ({}, {"accuracy_accelerator": "cpu"}, "its time was measured on nnapi, but its accuracy on cpu"),
        (
            {},
            {"accuracy_accelerator": None},
            "nnapi was requested, but it is unknown what ran when its accuracy was measured",
        ),
        ({}, {"count": 7}, "runs that were timed: 7 of 50"),
    ],
)
def test_what_is_odd_is_reported(tmp_path, load, summary, reason):
    row, _ = row_of(tmp_path, NNAPI | load, SUMMARY | summary, end(images=500, failed_images=0, correct=400))
    assert (row["verdict"], row["reasons"]) == ("semi-valid", reason)


def test_what_the_cpu_ran_in_place_of_the_accelerator_is_no_measurement_of_that(tmp_path):
    load, summary = NNAPI | {"accelerator_actual": "cpu"}, SUMMARY | {"accuracy_accelerator": "cpu"}
    row, _ = row_of(tmp_path, load, summary, end(images=500, failed_images=0, correct=400))
    assert (row["verdict"], row["inference_ms_mean"]) == ("invalid", 14.5)
    assert row["reasons"] == "nnapi was requested, but cpu ran: this is not a measurement of nnapi"


def test_without_accuracy_it_is_invalid_and_says_why(tmp_path):
    summary = {**SUMMARY, "accuracy_missing": "run_eval was not given", "accuracy_accelerator": None}
    row, _ = row_of(tmp_path, NNAPI, summary, end(images=0, failed_images=0, correct=0))
    assert row["verdict"] == "invalid"
    assert row["reasons"] == "it has no accuracy: run_eval was not given; no accuracy was measured"
    assert row["inference_ms_mean"] == 14.5


@pytest.mark.parametrize("counts", [{"correct": 501}, {"correct": -1}, {"failed_images": -3}, {"images": 10**18}])
def test_counts_that_cannot_be_give_no_accuracy(tmp_path, counts):
    row, result = row_of(tmp_path, NNAPI, SUMMARY, end(**{"images": 500, "failed_images": 0, "correct": 400, **counts}))
    assert row["verdict"] == "invalid"
    assert row["reasons"] == "its last line has impossible counts; no accuracy was measured"
    assert (row["images"], result.left_out) == (0, [])


def test_a_second_summary_is_excluded_with_a_doubt(tmp_path):
    ending = end(images=500, failed_images=0, correct=400)
    row, result = row_of(tmp_path, NNAPI, SUMMARY, {**SUMMARY, "mean_ms": 1.0}, ending)
    assert (row["inference_ms_mean"], row["reasons"]) == (14.5, "lines of its log that were excluded: 1")
    assert [reason for _, reason in result.left_out] == ["line 3 repeats summary"]


@pytest.mark.parametrize("bad", [{"mean_ms": -1.0}, {"median_ms": "fast"}, {"count": -1}, {"mean_ms": None}])
def test_a_summary_that_is_not_of_the_format_is_no_measurement(tmp_path, bad):
    row, result = row_of(tmp_path, NNAPI, {**SUMMARY, **bad}, end(images=500, failed_images=0, correct=400))
    assert row["verdict"] == "invalid"
    assert len(result.left_out) == 1


def test_a_summary_of_an_attempt_that_failed_is_excluded(tmp_path):
    row, result = row_of(tmp_path, NNAPI, SUMMARY, {"event": "failed", "reason": "run_eval: it was ended by SIGKILL"})
    assert (row["verdict"], row["reasons"]) == ("invalid", "run_eval: it was ended by SIGKILL")
    assert [reason for _, reason in result.left_out] == ["records of an unfinished attempt (failed) are not used"]


def test_an_agent_and_a_tool_may_be_in_one_run(tmp_path):
    agents = "pytorch_cpu_float32_mobilenet_v2"
    folder = begin(tmp_path / "raw", [ONE, agents])
    attempt(folder, ONE, NNAPI, SUMMARY, end(images=500, failed_images=0, correct=400))
    attempt(folder, agents, LOAD, *(image(query) for query in range(500)), end())
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    instances = storage.read("instances", tmp_path / "processed")
    assert instances["source"].tolist() == ["tool", "agent"]
    assert instances["verdict"].tolist() == ["valid", "valid"]
    assert len(storage.read("images", tmp_path / "processed")) == 500
