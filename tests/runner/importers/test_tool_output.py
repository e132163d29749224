"""Tests of importing outputs of tools as runs. A stand-in that runs no model prints made-up numbers."""

from __future__ import annotations

import pytest

from runner import rawlog
from tests.runner.importers.conftest import PHONE, imported, whole_runs
from tests.runner.tools import standin

NAMED = {"device": PHONE, "model": "mnasnet", "quantization": "float32"}
CPU, NNAPI = "tflite_cpu_float32_mnasnet", "tflite_nnapi_float32_mnasnet"


def events(space, instance):
    [folder] = whole_runs(space)
    return rawlog.read_attempt(rawlog.attempt_path(folder, instance, 1)).events


def run_of(space):
    [folder] = whole_runs(space)
    return rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)


def test_benchmark_model_alone_has_times_and_says_that_it_has_no_accuracy(space, save, printed):
    imported(space, save("b.txt", printed(use_nnapi="true")), **NAMED)
    load, summary, end = events(space, NNAPI)
    samples = standin.samples(50, set(), 2)
    assert (load["load_ns"], load["threads"], load["model_sha256"]) == (134_520_000, 4, None)
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("nnapi", "nnapi")
    assert (load["nodes_delegated"], load["nodes"], load["partitions"]) == (31, 31, 1)
    assert summary["mean_ms"] == pytest.approx(sum(samples) / 50 / 1000, rel=5.1e-6)
    assert (summary["count"], summary["runs_asked"], summary["timing"]) == (50, 50, "inference")
    assert summary["accuracy_missing"] == "there is no output of run_eval with it"
    assert (end["images"], end["correct"]) == (0, 0)
    run = run_of(space)
    assert (run["threads"], run["timing"], run["dataset"]["name"]) == (4, "inference", "random input")
    assert (run["profile"]["name"], run["started"]) == ("benchmark_model", "2026-01-01T12:00:00Z")


def test_run_eval_beside_it_gives_the_accuracy(space, save, printed):
    timed = save("b.txt", printed(use_nnapi="true"))
    evaluated = save("e.txt", printed("run_eval", delegate="nnapi"))
    assert "which images were used: name them with --dataset" in str(
        imported(space, timed, evaluated, **NAMED).refused[0]
    )
    assert whole_runs(space) == []
    imported(space, timed, evaluated, dataset="val", weights="theirs", **NAMED)
    _, summary, end = events(space, NNAPI)
    assert (summary["accuracy"], summary["accuracy_missing"], summary["accuracy_accelerator"]) == (0.6, None, "nnapi")
    assert (end["images"], end["correct"]) == (20, 12)
    run = run_of(space)
    assert (run["dataset"]["name"], run["dataset"]["images"]) == ("val", 20)
    assert run["models"][NNAPI]["weights"] == "theirs"
    assert {file["format"] for file in run["imported"]["files"]} == {"benchmark_model", "run_eval"}


def test_run_eval_alone_has_the_times_that_it_took_while_it_showed_the_images(space, save, printed):
    imported(space, save("e.txt", printed("run_eval")), dataset="val", **NAMED)
    load, summary, end = events(space, CPU)
    assert (load["load_ns"], summary["tool"], summary["count"]) == (None, "run_eval", 20)
    assert (summary["mean_ms"], summary["sd_ms"]) == (pytest.approx(15.0012), pytest.approx(0.6))
    assert (end["images"], end["correct"]) == (20, 12)


@pytest.mark.parametrize(
    ("variants", "actual", "nodes"),
    [("partial", "nnapi", 20), ("none", "cpu", 0), ("unsupported", "cpu", 0), ("replacing_2019", "nnapi", 31)],
)
def test_which_accelerator_ran_is_as_the_tool_says(space, save, printed, variants, actual, nodes):
    imported(space, save("b.txt", printed(variants=variants, use_nnapi="true")), **NAMED)
    load = events(space, NNAPI)[0]
    assert (load["accelerator_actual"], load["nodes_delegated"]) == (actual, nodes)


@pytest.mark.parametrize(
    ("variants", "ending", "reason"),
    [
        ("refused", "unavailable", "nnapi refused the model: benchmark_model printed no time"),
        ("no_accelerators", "unavailable", "nnapi refused the model"),
    ],
)
def test_a_failure_reported_by_the_tool_is_a_result(space, save, printed, variants, ending, reason):
    imported(space, save("b.txt", printed(variants=variants, use_nnapi="true")), **NAMED)
    [event] = events(space, NNAPI)
    assert event["event"] == ending and event["reason"].startswith(reason)


@pytest.mark.parametrize("variants", ["no_prefix", "no_percentiles", "same", "slow", "oldest", "quiet"])
def test_builds_of_other_years_are_read(space, save, printed, variants):
    imported(space, save("b.txt", printed(variants=variants)), **NAMED)
    summary = events(space, CPU)[1]
    samples = standin.samples(50, set(variants.split(",")), 2)
    assert summary["mean_ms"] == pytest.approx(sum(samples) / 50 / 1000, rel=5.1e-6)


def test_the_model_file_may_tell_the_instance(space, save, printed):
    text = printed(graph="tflite_int8_mobilenet_v2.tflite")
    assert "has the quantization int8, but --quantization says float32" in str(
        imported(space, save("b.txt", text), **NAMED).refused[0]
    )
    imported(space, save("b.txt", text), device=PHONE)
    assert events(space, "tflite_cpu_int8_mobilenet_v2")[-1]["event"] == "end"


def test_a_file_of_several_runs_is_as_many_instances(space, save, printed):
    names = ["tflite_float32_mnasnet.tflite", "tflite_int8_mnasnet.tflite", "tflite_int8_squeezenet.tflite"]
    imported(space, save("loop.txt", "".join(printed(graph=name) for name in names)), device=PHONE)
    [folder] = whole_runs(space)
    assert sorted(rawlog.attempt_paths(folder)) == [
        "tflite_cpu_float32_mnasnet",
        "tflite_cpu_int8_mnasnet",
        "tflite_cpu_int8_squeezenet",
    ]


def test_one_instance_twice_and_other_threads_are_runs_of_their_own(space, save, printed):
    paths = [
        save("one.txt", printed()),
        save("again.txt", printed(variants="slow")),
        save("two.txt", printed(num_threads="2")),
    ]
    imported(space, *paths, **NAMED)
    runs = [rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) for folder in whole_runs(space)]
    assert sorted(run["threads"] for run in runs) == [2, 4, 4]


def test_threads_that_contradict_the_log_are_refused(space, save, printed):
    result = imported(space, save("b.txt", printed()), threads=2, **NAMED)
    assert "used 4 threads, but --threads says 2" in str(result.refused[0])


def test_threads_and_chip_that_nobody_tells_are_unknown(space, save, printed):
    text = "".join(line for line in printed().splitlines(True) if "Num threads" not in line)
    imported(space, save("b.txt", text), **NAMED)
    assert run_of(space)["threads"] is None
    [folder] = whole_runs(space)
    device = rawlog.read_json(folder / "device.json", rawlog.DEVICE_FIELDS)
    assert (device["soc"], device["os"]) == (None, None) and "soc" in device["not_offered"]


def test_a_part_of_a_log_does_not_tell_the_delegate_nor_prove_what_ran(space, save):
    text = (
        "INFO: Inference timings in us: Init: 1000, First inference: 20, Warmup (avg): 20, Inference (avg): 14462.3\n"
    )
    result = imported(space, save("b.txt", text), delegate="cpu", **NAMED)
    assert [note.partition("b.txt")[2] for note in result.notes] == [": 1 lines understood, 0 not"]
    load, summary, _ = events(space, CPU)
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("cpu", None)
    assert (load["load_ns"], summary["mean_ms"], summary["count"]) == (1_000_000, pytest.approx(14.4623), None)


def test_operators_stay_with_the_summary(space, save, printed):
    table = (
        "INFO: Operator-wise Profiling Info for Regular Benchmark Runs:\n"
        "============================== Run Order ==============================\n"
        "\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]\n"
        "\tCONV_2D\t4.269\t4.269\t0.107%\t0.107%\t0.000\t1\t[conv]:0\n"
    )
    imported(space, save("b.txt", printed() + table), **NAMED)
    [operator] = events(space, CPU)[1]["operators"]
    assert (operator["kind"], operator["mean_ms"], operator["name"]) == ("CONV_2D", 4.269, "[conv]:0")


LITERT = """INFO: [benchmark_litert_model.h:95] ========== BENCHMARK RESULTS ==========
INFO: [benchmark_litert_model.h:96] Model initialization: 12.50 ms
INFO: [benchmark_litert_model.h:98] Warmup (first):       20.00 ms
INFO: [benchmark_litert_model.h:99] Warmup (avg):         18.00 ms (3 runs)
INFO: [benchmark_litert_model.h:101] Inference (avg):      14.25 ms (50 runs)
INFO: [benchmark_litert_model.h:103] Inference (std):      0.50
"""
TORCH = """Starting benchmark.
Running warmup runs.
Main runs.
PyTorchObserver {"type": "NET", "unit": "us", "metric": "latency", "value": "66000"}
PyTorchObserver {"type": "NET", "unit": "us", "metric": "latency", "value": "68000"}
Main run finished. Microseconds per iter: 67000. Iters per second: 14.9254
"""
CAFFE2 = "Starting benchmark.\nMain run finished. Milliseconds per iter: 66.8. Iters per second: 14.97\n"


@pytest.mark.parametrize(
    ("text", "framework", "load_ns", "mean_ms", "count"),
    [
        (LITERT, "tflite", 12_500_000, 14.25, 50),
        (TORCH, "pytorch", None, 67.0, 2),
        (CAFFE2, "caffe2", None, 66.8, None),
    ],
)
def test_times_of_other_tools(space, save, text, framework, load_ns, mean_ms, count):
    result = imported(space, save("o.txt", text), framework=framework, **NAMED)
    assert "does not state its delegate, which is imported as unknown: use --delegate" in result.notes[0]
    load, summary, end = events(space, f"{framework}_unknown_float32_mnasnet")
    assert (load["accelerator_requested"], load["accelerator_actual"]) == (None, None)
    assert (load["load_ns"], summary["mean_ms"], summary["count"]) == (load_ns, mean_ms, count)
    assert end["event"] == "end"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("INFO: STARTING!\n", "benchmark_model printed no time that can be understood"),
        ("Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 2, Inference (avg): nan\n", "no time"),
        ("Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 2, Inference (avg): -5\n", "no time"),
        (
            "Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 2, Inference (avg): 0\n",
            "which is not usable",
        ),
        (
            "Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 2, Inference (avg): 1e99\n",
            "is not possible",
        ),
        ("INFO: Num evaluation runs: 20\n", "run_eval printed no accuracy"),
        ("INFO: Num evaluation runs: 20\nINFO: Top-1 Accuracy: 71.5\n", "impossible accuracies"),
        ("INFO: Num evaluation runs: 20\nINFO: Top-1 Accuracy: 0.5\n", "mean run time of None ms"),
        ("Main run finished. Microseconds per iter: nan. Iters per second: nan\n", "printed no time"),
        ("INFO: Num evaluation runs: 50\nINFO: OutputDiff[0]: avg_error=1, std_dev=2\n", "compares outputs"),
    ],
)
def test_an_output_without_a_number_that_can_be_used_is_one_sentence(space, save, text, sentence):
    result = imported(space, save("o.txt", text), delegate="cpu", dataset="val", **NAMED)
    assert sentence in str(result.refused[0]) and "\n" not in str(result.refused[0])
    assert whole_runs(space) == []
