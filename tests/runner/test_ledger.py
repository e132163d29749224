"""Tests of the status of an instance, which is read from its attempts."""

import pytest

from runner import ledger, rawlog
from tests.rawlogs import LOAD, attempt, begin, end, failed_image, image, unavailable

SUITE = [f"tflite_cpu_{quantization}_mnasnet" for quantization in ("float32", "dynamic", "int8", "float16")]


def test_an_attempt_that_ended_with_a_damaged_line_is_tried_again(tmp_path):
    folder = begin(tmp_path, SUITE)
    attempt(folder, SUITE[0], LOAD, image(0), end())
    path = attempt(folder, SUITE[1], LOAD, image(0), end())
    path.write_text("what is this\n" + path.read_text())
    unavailable(folder, SUITE[2])
    entries = [(entry.status, entry.attempts) for entry in ledger.read(folder)]
    assert entries == [("end", 1), ("damaged", 1), ("unavailable", 1), ("missing", 0)]
    assert not ledger.finished(ledger.read(folder))


def test_a_log_of_another_instance_or_without_the_images_that_it_states_is_not_a_measurement(tmp_path):
    folder = begin(tmp_path, SUITE)
    attempt(folder, SUITE[0], {**LOAD, "instance": SUITE[1]}, image(0), end())
    attempt(folder, SUITE[1], LOAD, image(0), end(images=2))
    attempt(folder, SUITE[2], LOAD, image(0), failed_image(1), end(failed_images=2))
    attempt(folder, SUITE[3], LOAD, image(0), image(1), end(images=2, failed_images=0))
    entries = ledger.read(folder)
    assert [entry.status for entry in entries] == ["damaged", "damaged", "damaged", "end"]
    assert [entry.last.get("reason") for entry in entries] == [
        f"its log is that of {SUITE[1]!r}",
        "its last line states 2 images, but its log has 1",
        "its last line states 2 failed images, but its log has 1",
        None,
    ]
    attempt(folder, SUITE[0], LOAD, image(0), end(), number=2)
    assert (ledger.read(folder)[0].status, ledger.read(folder)[0].attempts) == ("end", 2)


def test_a_tool_that_logs_a_summary_states_images_that_have_no_record(tmp_path):
    folder = begin(tmp_path, SUITE[:1])
    summary = {"event": "summary", "tool": "benchmark_model", "mean_ms": 5}
    attempt(folder, SUITE[0], LOAD, summary, end(images=500, failed_images=1, correct=300))
    assert ledger.read(folder)[0].status == "end"


@pytest.mark.parametrize(
    ("numbers", "following"),
    [([], 1), ([1, 2], 3), ([2], 3), ([999_999_999], 1), ([1, 999_999_999], 2), ([9_999, 10_000], 10_001)],
)
def test_a_file_with_an_impossible_number_does_not_stop_an_instance(tmp_path, numbers, following):
    folder = begin(tmp_path, SUITE[:1])
    for number in numbers:
        rawlog.close_attempt(rawlog.attempt_path(folder, SUITE[0], number), "failed", reason="killed")
    assert ledger.read(folder)[0].next_attempt == following
    attempt(folder, SUITE[0], LOAD, image(0), end(), number=following)
    [entry] = ledger.read(folder)
    assert (entry.status, entry.attempts) == ("end", following)


def test_an_attempt_that_ended_well_counts_whatever_came_before_it(tmp_path):
    folder = begin(tmp_path, SUITE[:1])
    (folder / f"{SUITE[0]}.1.jsonl").write_text("what\nis this\n")
    attempt(folder, SUITE[0], LOAD, image(0), end(), number=2)
    assert [(entry.status, entry.attempts) for entry in ledger.read(folder)] == [("end", 2)]
