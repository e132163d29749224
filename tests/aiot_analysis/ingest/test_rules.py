"""Tests of every rule of docs/processing.md for unusual data."""

from __future__ import annotations

import json
import shutil

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import select, storage
from runner import rawlog
from tests.rawlogs import LOAD, RUN, attempt, begin, end, failed_image, image

ONE = "tflite_cpu_float32_mobilenet_v2"
TWO = "pytorch_cpu_float32_mobilenet_v2"


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def processed(tmp_path):
    return tmp_path / "processed"


def processed_log(raw, processed, *events, **run):
    """Process a run with one log; return its only instance, its images and the excluded lines."""
    attempt(begin(raw, [ONE], **run), ONE, *events)
    ingest.process(raw, processed)
    [row] = storage.read("instances", processed).to_dict("records")
    left_out = storage.read("left_out", processed)[["reason", "lines"]].itertuples(index=False, name=None)
    return row, storage.read("images", processed), list(left_out)


def add_lines(path, *lines, at):
    """Insert lines into a log before the line with this number, from 0."""
    old_lines = path.read_text().splitlines()
    path.write_text("\n".join([*old_lines[:at], *lines, *old_lines[at:]]) + "\n")


# runs and attempts


def test_two_runs_of_a_device_are_both_in_the_tables_and_statistics_take_the_later(raw, processed):
    for number, run_id in enumerate(["20260101T000000Z-aaaaaa", "20260201T000000Z-aaaaaa"]):
        attempt(begin(raw, [ONE], run_id=run_id), ONE, LOAD, image(0, 10 + number), end())
    assert ingest.process(raw, processed).left_out == []
    instances = storage.read("instances", processed)
    assert instances["inference_ms_mean"].tolist() == [10, 11]
    assert storage.read("images", processed)["run_id"].tolist() == instances["run_id"].tolist()
    chosen, left_out = select.measured_rows(instances)
    assert chosen["run_id"].tolist() == ["20260201T000000Z-aaaaaa"]
    assert left_out["reasons"].tolist() == ["run 20260201T000000Z-aaaaaa is later"]


def test_of_two_folders_with_one_run_the_first_by_name_is_used(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, LOAD, image(0, 10), end())
    copy = shutil.copytree(folder, raw / "a copy" / "of it")
    (copy / f"{ONE}.1.jsonl").unlink()
    attempt(copy, ONE, LOAD, image(0, 20), end())
    result = ingest.process(raw, processed)
    assert storage.read("images", processed)["inference_ms"].tolist() == [20]
    assert result.left_out == [
        (str(folder), f"it holds run {RUN} of local, which was already read from another folder")
    ]


def test_one_run_id_on_two_devices_is_two_runs(raw, processed):
    for device in ("a", "b"):
        attempt(begin(raw, [ONE], device=device), ONE, LOAD, image(0), end())
    result = ingest.process(raw, processed)
    assert (result.runs, result.left_out) == (2, [])
    assert storage.read("images", processed)["device_id"].tolist() == ["a", "b"]


def test_an_attempt_that_is_not_damaged_comes_before_a_later_one_that_is(raw, processed):
    folder = begin(raw, [ONE])
    attempt(folder, ONE, LOAD, image(0, 10), end(), number=1)
    later = attempt(folder, ONE, LOAD, image(0, 20), end(), number=2)
    add_lines(later, "what is this", at=1)
    result = ingest.process(raw, processed)
    assert storage.read("images", processed)["inference_ms"].tolist() == [10]
    assert result.left_out == [(str(later), "attempt 2 (end) is damaged, but attempt 1 is not")]
    assert storage.read("left_out", processed)["lines"].tolist() == [4]


def test_an_instance_listed_twice_in_the_suite_counts_once(raw, processed):
    attempt(begin(raw, [ONE, TWO, ONE]), ONE, LOAD, image(0), end())
    ingest.process(raw, processed)
    assert storage.read("instances", processed)[["instance_id", "position"]].to_numpy().tolist() == [[ONE, 0], [TWO, 1]]


def test_a_log_of_another_instance_than_its_file_is_named_after_is_excluded(raw, processed):
    row, images, left_out = processed_log(raw, processed, {**LOAD, "instance": TWO}, image(0), end())
    assert (row["verdict"], row["attempts"], len(images)) == ("invalid", 1, 0)
    assert left_out == [(f"according to its content it is the log of {TWO}: the file was renamed or copied", 3)]


def test_a_log_of_another_attempt_than_its_file_is_named_after_is_used_with_a_doubt(raw, processed):
    row, images, left_out = processed_log(raw, processed, {**LOAD, "attempt": 4}, image(0), end())
    assert (len(images), left_out) == (1, [])
    assert row["reasons"] == "according to its content it is attempt 4; 1 of 500 images"


# lines


def test_a_line_that_is_not_of_the_format_is_excluded_and_the_rest_is_used(raw, processed):
    folder = begin(raw, [ONE])
    add_lines(attempt(folder, ONE, LOAD, image(0), image(1), end()), "what is this", '{"event":"image"}', at=2)
    ingest.process(raw, processed)
    [row] = storage.read("instances", processed).to_dict("records")
    assert (row["verdict"], row["images"], row["log_lines"]) == ("semi-valid", 2, 4)
    assert row["reasons"] == "lines of its log that were excluded: 2; 2 of 500 images"
    left_out = storage.read("left_out", processed)
    assert left_out["reason"].tolist() == ["line 3 is not JSON", "line 4 has no field 'query'"]
    assert left_out["lines"].tolist() == [1, 1]


def test_many_such_lines_are_named_in_six_rows(raw, processed):
    folder = begin(raw, [ONE])
    add_lines(attempt(folder, ONE, LOAD, image(0), end()), *["what is this"] * 300, at=1)
    ingest.process(raw, processed)
    left_out = storage.read("left_out", processed)
    assert left_out["lines"].tolist() == [1, 1, 1, 1, 1, 295]
    assert left_out["reason"].iloc[-1] == "295 more unused lines, the first of them: line 7 is not JSON"


def test_lines_after_the_ending_are_excluded(raw, processed):
    row, images, left_out = processed_log(raw, processed, LOAD, image(0), end(images=1, correct=1), image(1))
    assert (row["status"], images["query"].tolist()) == ("end", [0])
    assert left_out == [("line 4 follows the end of the attempt", 1)]
    assert row["reasons"].startswith("lines of its log that were excluded: 1; ")


def test_a_second_load_is_excluded(raw, processed):
    row, _, left_out = processed_log(raw, processed, LOAD, image(0), {**LOAD, "load_ns": 1}, end())
    assert (row["load_ms"], left_out) == (12.5, [("line 3 repeats load", 1)])


def test_a_query_a_second_time_is_excluded(raw, processed):
    events = [
        LOAD,
        image(0, 10),
        image(1, 10),
        image(1, 30),
        failed_image(0),
        end(images=2, correct=2, failed_images=0),
    ]
    row, images, left_out = processed_log(raw, processed, *events)
    assert images["inference_ms"].tolist() == [10, 10]
    assert left_out == [("line 4 repeats query 1", 1), ("line 5 repeats query 0", 1)]
    assert row["reasons"] == "lines of its log that were excluded: 2; 2 of 500 images"


def test_an_image_under_another_query_is_a_record_of_its_own_and_counted_once_as_an_image(raw, processed):
    events = [image(query, name=f"{query % 2}.jpg") for query in range(5)]
    row, images, left_out = processed_log(raw, processed, LOAD, *events, end())
    assert (len(images), left_out) == (5, [])
    assert (row["images"], row["distinct_images"]) == (5, 2)


# times


@pytest.mark.parametrize("name", ["decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns", "at_ns"])
def test_a_record_with_a_negative_time_is_excluded(raw, processed, name):
    negative = {**image(1), name: -5}
    row, images, left_out = processed_log(raw, processed, LOAD, image(0), negative, end(images=1, correct=1))
    assert images["query"].tolist() == [0]
    assert left_out == [(f"line 3 has the negative value -5 as {name}", 1)]
    assert (row["verdict"], row["reasons"]) == ("semi-valid", "lines of its log that were excluded: 1; 1 of 500 images")


def test_a_negative_time_of_loading_costs_only_that_time(raw, processed):
    row, images, left_out = processed_log(raw, processed, {**LOAD, "load_ns": -1}, image(0), end())
    assert row["load_ms"] != row["load_ms"] and len(images) == 1
    assert left_out == [("line 1 has the negative value -1 as load_ns", 1)]


def test_images_that_took_no_time_are_kept_with_a_doubt(raw, processed):
    row, images, left_out = processed_log(raw, processed, LOAD, image(0, 0), image(1), failed_image(2, 0), end())
    assert (len(images), left_out) == (3, [])
    assert row["reasons"].startswith("images that took no time according to its clock: 2; ")


def test_a_clock_that_stands_still_gives_no_time(raw, processed):
    phases = dict.fromkeys(("decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns"), 0)
    row, images, _ = processed_log(raw, processed, LOAD, *({**image(query), **phases} for query in range(3)), end())
    assert images["end_to_end_ms"].tolist() == [0, 0, 0]
    assert (row["verdict"], row["end_to_end_ms_mean"]) == ("invalid", 0)
    assert row["reasons"] == "images that took no time according to its clock: 3; no time was measured"


def test_an_instance_that_is_unstable_along_its_run_is_used_with_care(raw, processed):
    times = [9, *[5 + query % 3 for query in range(60)], *[8 + query % 3 for query in range(40)]]
    row, _, _ = processed_log(raw, processed, LOAD, *(image(query, ms) for query, ms in enumerate(times)), end())
    assert row["verdict"] == "semi-valid"
    # in tens of 5, 6, 7 ... the fastest mean is 5.9; in tens of 8, 9, 10 ... the slowest is 9.1
    assert "its time was unstable over the run: the slowest of 10 parts took 54% longer" in row["reasons"]


def test_a_clock_that_goes_back_between_images_is_a_doubt(raw, processed):
    back = [image(0), {**image(1), "at_ns": 5_000_000_000}, image(2), image(3)]
    row, images, left_out = processed_log(raw, processed, LOAD, *back, end())
    assert (images["at_s"].tolist(), left_out) == ([0, 5, 2, 3], [])
    assert row["reasons"] == "times that its clock went backwards: 1; 4 of 500 images"


@pytest.mark.parametrize(
    ("times", "doubt"),
    [
        ({"ended": "2025-12-31T23:59:59Z"}, "its run ended before it started, according to the clock"),
        ({"ended": "yesterday"}, "its run has a start or an end that is not a time in ISO 8601 UTC"),
        (
            {"started": "2026-01-01", "ended": "2026-01-02T00:00:00Z"},
            "its run has a start or an end that is not a time in",
        ),
        ({"ended": None}, ""),
        ({"ended": "2026-01-01T00:00:00Z"}, ""),
    ],
)
def test_a_run_whose_clock_jumped_is_used_with_a_doubt(raw, processed, times, doubt):
    row, images, left_out = processed_log(raw, processed, LOAD, image(0), end(), **times)
    assert (len(images), left_out) == (1, [])
    assert row["reasons"].startswith(doubt)
    assert (row["reasons"] == "1 of 500 images") == (doubt == "")


# labels and counts


@pytest.mark.parametrize(
    ("dataset", "model", "outside"),
    [
        ({"label_space": "sample-100"}, {}, [-1, 100]),
        ({"label_space": "imagenet-1000"}, {"preprocess": {"classes": 50}}, [-1]),
        ({"label_space": "my-own"}, {"preprocess": {"classes": 50}}, [-1, 99, 100]),
        ({"label_space": "my-own"}, {"preprocess": {"classes": "many"}}, [-1]),
        ({}, {}, [-1]),
    ],
)
def test_a_record_with_a_label_out_of_the_label_space_is_excluded(raw, processed, dataset, model, outside):
    labels = [-1, 0, 99, 100]
    shown = [image(query, label=label) for query, label in enumerate(labels)]
    counts = {"images": 4 - len(outside), "correct": 4 - len(outside)}
    run = {"dataset": {"name": "x", "sha256": "d" * 64, **dataset}, "models": {ONE: model}}
    row, images, left_out = processed_log(raw, processed, LOAD, *shown, end(**counts), **run)
    assert images["label"].tolist() == [label for label in labels if label not in outside]
    space = dataset.get("label_space")
    sentences = [
        f"query {labels.index(one)} has label {one}, which is not in the label space {space}" for one in outside
    ]
    assert left_out == [(one, 1) for one in sentences]
    assert row["reasons"].startswith(f"lines of its log that were excluded: {len(outside)}; ")
    assert row["log_lines"] == 6 - len(outside)


@pytest.mark.parametrize("field", ["images", "failed_images", "correct"])
def test_an_ending_that_counts_otherwise_is_a_doubt(raw, processed, field):
    row, images, left_out = processed_log(raw, processed, LOAD, image(0), image(1, right=False), end(**{field: 9}))
    assert (len(images), left_out) == (2, [])
    counts = {"images": 2, "failed_images": 0, "correct": 1}
    counted, stated = (
        ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts_.items())
        for counts_ in (counts, {**counts, field: 9})
    )
    assert row["reasons"] == f"its log has {counted}, but its last line states {stated}; 2 of 500 images"


def test_a_summary_beside_records_of_images_is_excluded(raw, processed):
    summary = {"event": "summary", "count": 1, "tool": "x", "mean_ms": 1.5}
    row, _, left_out = processed_log(raw, processed, LOAD, summary, image(0), end())
    assert left_out == [("a `summary` is not used if records of images have times", 1)]
    assert (row["log_lines"], row["source"], row["timing"]) == (3, "agent", "end_to_end")


def test_a_score_that_is_no_number_does_not_cost_the_answer(raw, processed):
    _, images, left_out = processed_log(raw, processed, LOAD, {**image(0), "top5": [[7, float("nan")]]}, end())
    assert (images["correct"].tolist(), left_out) == ([True], [])


def test_a_device_that_names_itself_otherwise_keeps_its_run_out(raw, processed):
    attempt(begin(raw, [ONE], device="good"), ONE, LOAD, image(0), end())
    folder = begin(raw, [ONE], device="bad")
    device = json.loads((folder / "device.json").read_text())
    rawlog.write_json(folder / "device.json", {**device, "slug": "other"}, rawlog.DEVICE_FIELDS)
    result = ingest.process(raw, processed)
    assert storage.read("devices", processed)["device_id"].tolist() == ["good"]
    [(path, reason)] = result.left_out
    assert path == str(folder) and "is of device bad, but the device.json beside it is of 'other'" in reason
