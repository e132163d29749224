"""Counts in raw logs and outputs, compared with known values."""

import json
import os

import pytest

from tests import rawlogs
from tests.campaign import counting, stage
from tests.campaign.counting import (
    BUSY,
    EITHER,
    FAILS,
    FULL,
    INTERRUPTED,
    KILLED,
    LOST,
    TELLS,
    Asked,
    EndedCommand,
    Finding,
)

A, B = "paced_cpu_float32_squeezenet", "paced_cpu_float32_mnasnet"
ASKED = Asked((A, B), 4)
IMAGES = [rawlogs.image(query) for query in range(4)]
FAILED = {"event": "failed", "reason": "it took longer than 8 s"}


def complete_attempt(folder, instance, number=1):
    return rawlogs.attempt(folder, instance, rawlogs.LOAD, *IMAGES, rawlogs.end(), number=number)


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def run(raw):
    """Make a run in which A was measured at the second attempt and B at the first."""
    folder = rawlogs.begin(raw, [A, B])
    rawlogs.attempt(folder, A, rawlogs.LOAD, *IMAGES[:2], FAILED)
    complete_attempt(folder, A, number=2)
    complete_attempt(folder, B)
    return folder


def numbers(findings):
    return [finding.number for finding in findings]


def ended(code=0, output="", complete=True, expected=TELLS, measured=None):
    return EndedCommand(("run", "--all"), code, output, measured or {}, complete, expected)


def test_nothing_counts_in_a_run_that_is_whole(raw, run):
    assert counting.lost_images([run], ASKED) == []
    assert counting.doubled_images(raw) == counting.wrong_endings(raw) == counting.wrong_records(raw) == []
    assert counting.changed_attempts(counting.ended_attempts(raw), raw) == []


def test_images_are_lost_that_the_last_finished_attempt_has_not(run):
    rawlogs.attempt(run, B, rawlogs.LOAD, IMAGES[1], rawlogs.end(), number=2)
    assert numbers(counting.lost_images([run], ASKED)) == [3]


def test_all_images_of_an_instance_without_a_finished_attempt_are_lost(run):
    (run / f"{A}.2.jsonl").unlink()
    assert numbers(counting.lost_images([run], ASKED)) == [4]
    rawlogs.attempt(run, A, rawlogs.LOAD, *IMAGES, number=2)
    assert numbers(counting.lost_images([run], ASKED)) == [4], "it has no ending"
    (run / f"{B}.1.jsonl").unlink()
    assert numbers(counting.lost_images([run], ASKED)) == [4, 4]


def test_the_tenth_attempt_is_later_than_the_second(run):
    rawlogs.attempt(run, A, rawlogs.LOAD, IMAGES[0], rawlogs.end(), number=10)
    assert numbers(counting.lost_images([run], ASKED)) == [3]


def test_a_device_without_a_run_has_lost_all(raw, run):
    assert numbers(counting.lost_images([run], ASKED, devices=2)) == [8]
    other = rawlogs.begin(raw, [A, B], device="other")
    assert numbers(counting.lost_images([run, other], ASKED, devices=2)) == [4, 4]
    assert numbers(counting.lost_images([run, other], ASKED, devices=1)) == [4, 4]


def test_a_device_whose_name_changes_is_a_wrong_statement(raw, run):
    assert counting.renamed_devices(raw, 1) == []
    rawlogs.begin(raw, [A, B], run_id="20260102T000000Z-aaaaaa")
    assert counting.renamed_devices(raw, 1) == [], "two runs of one device"
    rawlogs.begin(raw, [A, B], device="other")
    assert counting.renamed_devices(raw, 2) == []
    assert numbers(counting.renamed_devices(raw, 1)) == [1]


def test_stored_images_are_lost_that_the_attempt_of_the_same_name_has_not(raw, run, tmp_path):
    name = f"{run.name}/{A}.1.jsonl"
    assert counting.lost_records({name: {0, 1}}, [raw]) == []
    assert numbers(counting.lost_records({name: {0, 1, 2, 3}}, [raw])) == [2]
    assert numbers(counting.lost_records({f"{run.name}/{A}.3.jsonl": {0, 1, 2}}, [raw])) == [3]
    assert counting.lost_records({name: {0, 1}}, [tmp_path / "another", raw]) == []


def test_repeated_queries_are_doubled_even_if_the_reader_leaves_them_out(raw, run):
    path = run / f"{B}.1.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert b'"query":0' in lines[1].replace(b" ", b"")
    path.write_bytes(b"".join([*lines[:2], lines[1], lines[1], *lines[2:4], lines[2], *lines[4:]]))
    assert numbers(counting.doubled_images(raw)) == [3]
    assert numbers(counting.wrong_endings(raw)) == [1], "its end counts 4 images, and there are 7"


def test_an_instance_that_is_finished_again_doubles_its_images(raw, run):
    complete_attempt(run, B, number=2)
    rawlogs.attempt(run, B, rawlogs.LOAD, *IMAGES, FAILED, number=3)
    assert numbers(counting.doubled_images(raw)) == [4]


def test_finished_attempts_that_change_or_go_are_counted_and_others_are_not(raw, run):
    cut = rawlogs.attempt(run, A, rawlogs.LOAD, IMAGES[0], number=3)
    before = counting.ended_attempts(raw)
    assert [path.split("/")[-1] for path in before] == [f"{B}.1.jsonl", f"{A}.1.jsonl", f"{A}.2.jsonl"]
    cut.write_bytes(b"")
    complete_attempt(run, A, number=4)
    assert counting.changed_attempts(before, raw) == []
    (run / f"{A}.1.jsonl").unlink()
    with (run / f"{B}.1.jsonl").open("ab") as file:
        file.write(b"\n")
    assert numbers(counting.changed_attempts(before, raw)) == [1, 1]


def test_an_ending_that_counts_other_images_is_wrong(raw, run):
    rawlogs.attempt(run, A, rawlogs.LOAD, *IMAGES, rawlogs.failed_image(4), rawlogs.end(failed_images=0), number=3)
    rawlogs.attempt(run, A, rawlogs.LOAD, *IMAGES, rawlogs.end(correct=3), number=4)
    assert numbers(counting.wrong_endings(raw)) == [1, 1]


def test_a_run_has_not_ended_while_an_instance_has_no_ending(raw):
    folder = rawlogs.begin(raw, [A, B], ended="2026-01-01T00:01:00Z")
    complete_attempt(folder, A)
    assert numbers(counting.wrong_records(raw)) == [1]
    rawlogs.unavailable(folder, B)
    assert counting.wrong_records(raw) == []


def test_reasons_are_those_of_attempts_that_failed_or_were_unavailable(raw, run):
    rawlogs.unavailable(run, "paced_nnapi_float32_mnasnet", "no NNAPI here")
    assert sorted(counting.reasons(raw)) == ["it took longer than 8 s", "no NNAPI here"]


@pytest.mark.parametrize(
    ("sentence", "stated"),
    [
        ("the device or its connection was lost, which ended the process", {LOST}),
        ("The device 127.0.0.1:5 does not answer (closed): check its cable.", {LOST}),
        ("the device stopped answering", {LOST}),
        ("the process ended without an exit code, perhaps because the connection to the device was lost", set()),
        ("aiot: interrupted; completed work is kept.", {INTERRUPTED}),
        ("it took longer than 20 s", {counting.TIMED_OUT}),
        ("OSError: [Errno 28] No space left on device", {FULL}),
        ("no space is left on the device: free some space on it", {FULL}),
        ("it ended with exit code 137: it was killed", {KILLED}),
        ("Another run is using the device x: wait until it finishes, or stop it.", {BUSY}),
        ("device-ab is in use by run 2026-7 (process 5 on host): wait until it finishes.", {BUSY}),
        ("/data/local/tmp/aiot on x was not created by aiot, so it is not removed.", {counting.NOT_OURS}),
        ("A process did not start on x: the message is ''.", {"empty"}),
        ("A process did not start on x: the message is 'sh: not found'.", set()),
        ("run       2 instances measured in /tmp/x", set()),
    ],
)
def test_sentences_state_causes(sentence, stated):
    assert counting.claims(sentence) == stated


def test_a_cause_that_was_not_provoked_is_a_wrong_statement_once():
    sentences = ["it took longer than 8 s", "it took longer than 8 s", "the connection was lost"]
    assert numbers(counting.false_claims(sentences, {LOST}, "a log")) == [1]
    assert counting.false_claims(sentences, {LOST, counting.TIMED_OUT}, "a log") == []


def test_the_output_of_a_command_is_split_into_sentences():
    text = "run       1 failed in /tmp/a\n  The device x does not answer (closed): check it. It is skipped.\n"
    assert counting.split_sentences(text)[1:] == ["The device x does not answer (closed): check it.", "It is skipped."]


@pytest.mark.parametrize(
    ("code", "complete", "expected", "wrong"),
    [
        (0, True, TELLS, 0),
        (1, False, TELLS, 0),
        (0, False, TELLS, 1),
        (1, True, TELLS, 1),
        (0, True, FAILS, 1),
        (1, False, FAILS, 0),
        (0, False, EITHER, 0),
        (1, True, EITHER, 0),
    ],
)
def test_exit_codes_tell_whether_all_is_measured(code, complete, expected, wrong):
    assert len(counting.wrong_exits(ended(code, "aiot: No.", complete, expected))) == wrong


def test_a_failure_says_so_in_a_sentence():
    assert len(counting.silent_endings(ended(-15))) == 1
    assert len(counting.silent_endings(ended(1, "run       1 failed\n"))) == 1
    assert counting.silent_endings(ended(1, "run\naiot: Some measurements failed.\n")) == []
    assert counting.silent_endings(ended(0)) == []


def test_the_number_of_measured_instances_is_that_of_the_folder(raw, run):
    output = f"run       x: 2 instances measured, 1 failed\nin {run}\nrun       y: 1 instance measured in {run}\n"
    assert counting.measured(raw) == {str(run): 2}
    assert numbers(counting.wrong_summaries(ended(0, output, measured=counting.measured(raw)))) == [1]


def test_every_traceback_counts():
    text = "Traceback (most recent call last):\n  x\nValueError: no\n"
    assert counting.tracebacks(ended(1, f"{text}\n{text}")) == [Finding("tracebacks", 2, "`aiot run`: ValueError: no")]
    assert counting.tracebacks(ended(1, "aiot: ValueError")) == []


def test_two_agents_at_once_have_to_be_in_the_telemetry_of_each_workspace(raw, run, tmp_path):
    assert counting.unmarked_overlap([raw, tmp_path / "other"]) == [], "neither has measured"
    telemetry = run / "telemetry.jsonl"
    samples = [json.dumps({"at": "now", "others": others}) for others in ("none", None, "none", "seen", "unknown")]
    telemetry.write_text("\n".join(samples[:3]))
    assert numbers(counting.unmarked_overlap([raw])) == [1]
    for sample in samples[3:]:
        telemetry.write_text("\n".join([*samples[:3], sample]))
        assert counting.unmarked_overlap([raw]) == []


def test_columns_are_summed():
    sums = counting.total([Finding("lost", 3, ""), Finding("wrong", 1, ""), Finding("lost", 2, "")])
    assert [sums[column] for column in counting.COLUMNS] == [5, 0, 0, 0, 0, 1]


def test_links_and_pipes_on_a_device_are_not_read(tmp_path):
    (tmp_path / "log").write_bytes(b"text")
    (tmp_path / "link").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    content = {name: stage.regular_content(tmp_path / name) for name in ("log", "link", "pipe", "gone")}
    assert content == {"log": b"text", "link": b"", "pipe": b"", "gone": b""}
