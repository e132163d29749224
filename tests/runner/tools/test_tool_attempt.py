"""Tests of attempts by the tools and of their logs, with stand-ins for the tools on this machine."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import storage
from runner import rawlog
from runner.tools import programs
from runner.tools.programs import Repeats, ToolOptions
from runner.tools.tool_attempt import EvaluationFiles, Program, ToolJob, run_job
from tests.rawlogs import begin
from tests.runner.tools import standin

ONE = "tflite_nnapi_float32_mobilenet_v2"
IMAGES = 20


def on_this_machine(variants=""):
    """Return a function that runs commands on this machine; `variants` are those of the stand-in."""

    def run(words, timeout_s):
        environment = {**os.environ, "STANDIN": variants}
        try:
            done = subprocess.run(
                words, check=False, capture_output=True, timeout=timeout_s, env=environment, errors="replace"
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def job(tmp_path) -> ToolJob:
    tools = programs.find(standin.install(tmp_path / "tools"), "x86_64")
    for name in ("m.tflite", "fitted.tflite"):
        (tmp_path / name).write_bytes(b"no model")
    (tmp_path / "images").mkdir()
    for number in range(IMAGES):
        (tmp_path / "images" / f"{number:06}.rgb8").write_bytes(b"no image")
    (tmp_path / "truth.txt").write_text("7\n" * IMAGES)
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in range(100)))
    program = Program(str(tools.run_eval.path), tools.run_eval.version, str(tmp_path / "fitted.tflite"), "f" * 64)
    return ToolJob(
        instance=ONE,
        attempt=1,
        ask=ToolOptions("nnapi", 2),
        repeats=Repeats(1, IMAGES, 0.0, 60.0),
        benchmark=Program(
            str(tools.benchmark_model.path), tools.benchmark_model.version, str(tmp_path / "m.tflite"), "m" * 64
        ),
        evaluation=EvaluationFiles(
            program, str(tmp_path / "images"), str(tmp_path / "labels.txt"), str(tmp_path / "truth.txt"), IMAGES, 2
        ),
    )


def logged(tmp_path, job, run) -> rawlog.Attempt:
    folder = tmp_path / "log"
    folder.mkdir(exist_ok=True)
    log = rawlog.attempt_path(folder, job.instance, job.attempt)
    ending = run_job(job, run, log, folder)
    attempt = rawlog.read_attempt(log)
    assert (attempt.status, attempt.left_out) == (ending, [])
    return attempt


def changed(job, **fields):
    return ToolJob(**{**vars(job), **fields})


def test_a_whole_attempt(tmp_path, job):
    attempt = logged(tmp_path, job, on_this_machine())
    assert [event["event"] for event in attempt.events] == ["load", "summary", "end"]
    load, summary, end = attempt.events
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("nnapi", "nnapi")
    assert (load["nodes_delegated"], load["nodes"], load["partitions"]) == (31, 31, 1)
    assert (load["load_ns"], load["threads"], load["model_sha256"]) == (134_520_000, 2, "m" * 64)
    assert load["framework_version"].startswith("benchmark_model ")
    assert load["accelerators"] == ["qti-default", "qti-dsp", "nnapi-reference"]
    samples = standin.samples(IMAGES, set(), 2)
    assert summary["mean_ms"] == pytest.approx(sum(samples) / IMAGES / 1000, rel=5.1e-6)
    assert summary["median_ms"] == sorted(samples)[IMAGES // 2] / 1000
    assert (summary["count"], summary["runs_asked"], summary["warmups"]) == (IMAGES, IMAGES, 1)
    assert (summary["timing"], summary["tool"], summary["accuracy"]) == ("inference", "benchmark_model", 0.6)
    assert (summary["accuracy_accelerator"], summary["accuracy_model_sha256"]) == ("nnapi", "f" * 64)
    assert summary["images_mean_ms"] == pytest.approx(15.0012)
    assert (end["images"], end["failed_images"], end["correct"]) == (IMAGES, 2, 12)
    assert end["peak_rss_kb"] == round(41.2 * 1024)


def test_commands_and_their_output_are_kept(tmp_path, job):
    logged(tmp_path, job, on_this_machine())
    folder = tmp_path / "log"
    words = json.loads((folder / f"{ONE}.1.run_eval.words.json").read_text())
    assert "--delegate=nnapi" in words and f"--ground_truth_images_path={tmp_path / 'images'}" in words
    assert (folder / f"{ONE}.1.benchmark_model.stdout.txt").read_text().startswith(standin.FIRST_LINE)
    assert "Replacing 31" in (folder / f"{ONE}.1.benchmark_model.stderr.txt").read_text()
    assert "--report_peak_memory_footprint=true" in (folder / f"{ONE}.1.memory.words.json").read_text()
    assert json.loads((folder / f"{ONE}.1.job.json").read_text())["ask"]["delegate"] == "nnapi"


@pytest.mark.parametrize(
    ("variant", "actual", "nodes", "total", "partitions"),
    [
        ("partial", "nnapi", 20, 31, 7),
        ("partial,replacing_2019", "nnapi", 20, None, 7),
        ("partial,quiet", "nnapi", None, None, None),
        ("applied_2020,quiet", "nnapi", None, None, None),
        ("replacing_2026", "nnapi", 31, 31, 1),
        ("none", "cpu", 0, None, None),
        ("unsupported", "cpu", 0, None, None),
        ("unsupported,no_prefix", "cpu", 0, None, None),
    ],
)
def test_which_accelerator_ran_is_a_fact_of_the_log(tmp_path, job, variant, actual, nodes, total, partitions):
    attempt = logged(tmp_path, job, on_this_machine(variant))
    assert attempt.status == "end"
    load = attempt.events[0]
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("nnapi", actual)
    assert (load["nodes_delegated"], load["nodes"], load["partitions"]) == (nodes, total, partitions)


def test_nnapis_own_cpu_is_the_cpu(tmp_path, job):
    attempt = logged(tmp_path, changed(job, ask=ToolOptions("nnapi", 2, "nnapi-reference")), on_this_machine())
    assert attempt.events[0]["accelerator_actual"] == "cpu"
    assert attempt.events[0]["nodes_delegated"] == 31


def test_the_cpu_is_measured_by_the_same_tool(tmp_path, job):
    attempt = logged(tmp_path, changed(job, ask=ToolOptions("cpu", 2)), on_this_machine("partial"))
    load, summary, _ = attempt.events
    assert (load["accelerator_requested"], load["accelerator_actual"], load["nodes_delegated"]) == ("cpu", "cpu", None)
    assert summary["delegates"][0]["delegate"] == "TfLiteXNNPackDelegate"
    assert summary["accuracy_accelerator"] == "cpu"


@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ("refused", "Failed to apply NNAPI delegate"),
        ("no_accelerators", "NNAPI delegate requested but no accelerators available"),
    ],
)
def test_a_model_that_nnapi_refuses_is_unavailable(tmp_path, job, variant, sentence):
    attempt = logged(tmp_path, job, on_this_machine(variant))
    assert attempt.status == "unavailable"
    assert attempt.last["reason"].startswith("nnapi refused the model: ") and sentence in attempt.last["reason"]
    if variant == "refused":
        assert attempt.last["remedy"].endswith("the device offers: qti-default, qti-dsp, nnapi-reference")


@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ("crash", "benchmark_model: it was ended by SIGSEGV"),
        ("empty", "benchmark_model printed no time that can be understood"),
        ("garbage", "benchmark_model printed no time that can be understood"),
        ("eval_fails", "run_eval: it ended with exit code 1, saying 'Invalid model_output_shape_"),
        ("eval_odd", "run_eval printed impossible accuracies"),
    ],
)
def test_an_unusable_run_fails_with_one_sentence(tmp_path, job, variant, sentence):
    attempt = logged(tmp_path, job, on_this_machine(variant))
    assert attempt.status == "failed"
    assert attempt.last["reason"].startswith(sentence) and "\n" not in attempt.last["reason"]


@pytest.mark.parametrize("variant", ["same", "slow", "no_percentiles", "no_prefix", "huge"])
def test_other_forms_of_the_numbers(tmp_path, job, variant):
    attempt = logged(tmp_path, job, on_this_machine(variant))
    summary = attempt.events[1]
    samples = standin.samples(IMAGES, {variant}, 2)
    assert summary["mean_ms"] == pytest.approx(sum(samples) / IMAGES / 1000, rel=5.1e-6)
    assert (summary["sd_ms"] == 0) is (variant == "same")
    assert (summary["median_ms"] is None) is (variant == "no_percentiles")


def test_the_oldest_lines_are_enough(tmp_path, job):
    attempt = logged(tmp_path, job, on_this_machine("oldest,no_prefix,replacing_2019,applied_2020"))
    assert (attempt.status, attempt.events[0]["load_ns"]) == ("end", 134_520_000)
    assert attempt.events[1]["wording"] == "the timings of 2019, no percentiles"


def test_a_tool_that_hangs_fails_in_time(tmp_path, job):
    attempt = logged(tmp_path, changed(job, timeout_s=0.5), on_this_machine("hang"))
    assert (attempt.status, attempt.last["reason"]) == ("failed", "benchmark_model took longer than 0.5 s")


def test_a_tool_that_is_not_there_fails(tmp_path, job):
    def run(words, timeout_s):
        return 127, "", "/system/bin/sh: /d/benchmark_model: inaccessible or not found\n"

    attempt = logged(tmp_path, job, run)
    assert attempt.last["reason"].startswith(
        "benchmark_model: it was not found (exit code 127), saying '/system/bin/sh"
    )


@pytest.mark.parametrize("error", [OSError("the cable is out"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_exception_closes_the_log_of_an_attempt_and_is_raised_again(tmp_path, job, error, after):
    run, calls = on_this_machine(), []

    def interrupted(words, timeout_s):
        calls.append(words)
        if len(calls) > after:
            raise error
        return run(words, timeout_s)

    with pytest.raises(type(error)):
        logged(tmp_path, job, interrupted)
    attempt = rawlog.read_attempt(rawlog.attempt_path(tmp_path / "log", ONE, 1))
    assert (attempt.status, attempt.left_out) == ("failed", [])
    assert attempt.last["reason"] in ("the cable is out", "it was interrupted (KeyboardInterrupt)")


def test_an_attempt_is_never_written_twice(tmp_path, job):
    logged(tmp_path, job, on_this_machine())
    before = {path: path.read_bytes() for path in (tmp_path / "log").iterdir()}
    with pytest.raises(rawlog.RawLogError, match="never overwritten"):
        logged(tmp_path, changed(job, ask=ToolOptions("cpu", 1)), on_this_machine())
    assert {path: path.read_bytes() for path in (tmp_path / "log").iterdir()} == before


@pytest.mark.parametrize(
    ("variant", "verdict", "reasons"),
    [
        ("", "semi-valid", "22 of 500 images; failed images, counted as wrong: 2"),
        ("none", "invalid", "nnapi was requested, but cpu ran: this is not a measurement of nnapi"),
        ("eval_on_cpu", "semi-valid", "its time was measured on nnapi, but its accuracy on cpu"),
        ("quiet", "semi-valid", "but it is unknown what ran when its accuracy was measured"),
        ("few", "semi-valid", "runs that were timed: 5 of 20"),
        ("refused", "unavailable", "nnapi refused the model"),
        ("crash", "invalid", "benchmark_model: it was ended by SIGSEGV"),
    ],
)
def test_logs_go_through_the_tables(tmp_path, job, variant, verdict, reasons):
    folder = begin(tmp_path / "raw", [ONE])
    (folder / "native").mkdir()
    run_job(job, on_this_machine(variant), rawlog.attempt_path(folder, ONE, 1), folder / "native")
    result = ingest.process(tmp_path / "raw", tmp_path / "processed")
    assert [reason for _, reason in result.left_out] == []
    [row] = storage.read("instances", tmp_path / "processed").to_dict("records")
    assert row["verdict"] == verdict
    assert reasons in row["reasons"]
    if verdict == "semi-valid":
        assert (row["source"], row["timing"], row["images"], row["correct"]) == ("tool", "inference", IMAGES + 2, 12)
        assert row["accuracy"] == pytest.approx(12 / 22)
        assert row["peak_rss_mb"] == pytest.approx(round(41.2 * 1024) / 1000)


def test_without_run_eval_there_is_a_time_and_no_accuracy(tmp_path, job):
    attempt = logged(tmp_path, changed(job, evaluation=None), on_this_machine())
    assert attempt.status == "end"
    assert (attempt.events[1]["accuracy"], attempt.events[1]["mean_ms"] > 14) == (None, True)
    assert attempt.events[1]["accuracy_missing"] == "run_eval was not provided"
    assert (attempt.last["images"], attempt.last["correct"]) == (0, 0)
