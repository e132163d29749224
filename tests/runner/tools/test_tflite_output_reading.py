"""Tests of reading outputs of TFLite's tools in all wordings. The numbers are made up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.tools import tflite_output
from runner.tools.tflite_output import Stats
from tests.examples import examples
from tests.runner.tools import standin

BENCHMARK = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Min num runs: [50]
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/m.tflite]
INFO: Use NNAPI: [1]
INFO: NNAPI accelerators available: [qti-default,qti-dsp,nnapi-reference]
INFO: Loaded model /data/local/tmp/m.tflite
INFO: Explicitly applied NNAPI delegate, and the model graph will be completely executed by the delegate.
INFO: The input model file size (MB): 16.9008
INFO: Initialized session in 134.52ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=35 first=18535 curr=14471 min=14210 max=18535 avg=14462.3 std=720 p5=14233 median=14398 p95=15012

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=70 first=14500 curr=14600 min=14100 max=15900 avg=14575.2 std=210 p5=14200 median=14550 p95=15100

INFO: Inference timings in us: Init: 134520, First inference: 18535, Warmup (avg): 14462.3, Inference (avg): 14575.2
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE.
INFO: Memory footprint delta from the start of the tool (MB): init=12.3 overall=30.5
INFO: Overall peak memory footprint (MB) via periodic monitoring: 41.2
"""
RUNTIME = """\
INFO: Created TensorFlow Lite delegate for NNAPI.
VERBOSE: Replacing 31 out of 31 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 1 partitions \
for subgraph 0 (main).
"""
EVALUATION = """\
INFO: Num evaluation runs: 300
INFO: Preprocessing latency: avg=13772.5(us), std_dev=0(us)
INFO: Inference latency: avg=76578.4(us), std_dev=600(us)
INFO: Top-1 Accuracy: 0.733333
INFO: Top-2 Accuracy: 0.8
INFO: Top-3 Accuracy: 0.85
INFO: Top-10 Accuracy: 0.95
"""


def without_severities(text):
    return text.replace("INFO: ", "").replace("VERBOSE: ", "")


def test_every_number_of_a_whole_output_is_read_in_its_unit():
    read = tflite_output.parse_benchmark(BENCHMARK, RUNTIME, delegate="nnapi")
    assert read.failure is None
    assert read.runs == Stats(
        70,
        mean_ms=pytest.approx(14.5752),
        sd_ms=pytest.approx(0.21),
        min_ms=pytest.approx(14.1),
        max_ms=pytest.approx(15.9),
        first_ms=pytest.approx(14.5),
        p5_ms=pytest.approx(14.2),
        median_ms=pytest.approx(14.55),
        p95_ms=pytest.approx(15.1),
    )
    assert (read.warmup.count, read.warmup.first_ms) == (35, pytest.approx(18.535))
    assert (read.mean_ms, read.init_ms) == (pytest.approx(14.5752), pytest.approx(134.52))
    assert (read.model_mb, read.init_memory_mb, read.overall_memory_mb) == (16.9008, 12.3, 30.5)
    assert read.peak_memory_mb == 41.2
    assert read.parameters["Num threads"] == "4"
    assert read.parameters["Graph"] == "/data/local/tmp/m.tflite"
    assert read.accelerators == ("qti-default", "qti-dsp", "nnapi-reference")
    assert (read.delegation.applied, read.delegation.nodes, read.delegation.of) == ("whole", 31, 31)
    assert read.wording == "subgraphs with names, as since July 2026"


def test_without_severities_it_reads_the_same():
    before, after = (
        tflite_output.parse_benchmark(text, runtime, delegate="nnapi")
        for text, runtime in [(BENCHMARK, RUNTIME), (without_severities(BENCHMARK), without_severities(RUNTIME))]
    )
    assert (after.runs, after.warmup, after.init_ms, after.delegation) == (
        before.runs,
        before.warmup,
        before.init_ms,
        before.delegation,
    )
    assert "no severities, as in 2020" in after.wording


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("count=1 curr=123", Stats(1, 0.123, None, 0.123, 0.123, 0.123)),
        ("count=4 curr=123(all same)", Stats(4, 0.123, 0.0, 0.123, 0.123, 0.123)),
        (
            "count=4 curr=123(all same) p5=123 median=123 p95=123",
            Stats(4, 0.123, 0.0, 0.123, 0.123, 0.123, 0.123, 0.123, 0.123),
        ),
        ("count=0", Stats(0)),
        ("count=0 p5=0 median=0 p95=0", Stats(0)),
        (
            "count=3 first=9 curr=7 min=7 max=9 avg=1.23457e+06 std=1",
            Stats(3, 1234.57, 0.001, 0.007, 0.009, 0.009),
        ),
        ("count=5 first=x avg=nan", Stats(5)),
        ("counting", None),
        ("Timings (microseconds): count=50 first=9 curr=9", None),
        ("count=99999999999999999999 curr=1", None),
    ],
)
def test_lines_of_counts(line, expected):
    assert tflite_output.parse_stats(line) == expected


@given(st.lists(st.integers(1, 3_000_000), max_size=200), st.booleans())
@examples(200)
def test_statistics_computed_by_the_tool_are_read_back(samples, percentiles):
    read = tflite_output.parse_stats(standin.stats(samples, percentiles))
    assert read.count == len(samples)
    if not samples:
        assert read == Stats(0)
        return
    assert read.mean_ms == pytest.approx(sum(samples) / len(samples) / 1000, rel=5.1e-6)
    assert (read.min_ms, read.max_ms, read.first_ms) == (min(samples) / 1000, max(samples) / 1000, samples[0] / 1000)
    assert (read.median_ms is not None) is percentiles
    if percentiles:
        assert read.p5_ms <= read.median_ms <= read.p95_ms


def test_of_no_warm_up_the_zeros_and_nan_of_the_tool_are_no_times():
    text = BENCHMARK.replace(
        "count=35 first=18535 curr=14471 min=14210 max=18535 avg=14462.3 std=720 p5=14233 median=14398 p95=15012",
        "count=0 p5=0 median=0 p95=0",
    ).replace("First inference: 18535, Warmup (avg): 14462.3", "First inference: 0, Warmup (avg): -nan")
    read = tflite_output.parse_benchmark(text)
    assert read.warmup == Stats(0)
    assert (read.init_ms, read.mean_ms, read.failure) == (pytest.approx(134.52), pytest.approx(14.5752), None)


def test_the_timings_of_2019_give_the_mean_and_the_beginning():
    read = tflite_output.parse_benchmark(
        "Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9\n"
    )
    assert (read.mean_ms, read.init_ms, read.runs, read.failure) == (pytest.approx(79.7609), 38.467, None, None)
    assert read.wording == "the timings of 2019, no severities, as in 2020"


def test_a_tool_that_stops_after_its_warm_up_measured_nothing():
    text = BENCHMARK[: BENCHMARK.index("INFO: Running benchmark for at least 50")]
    read = tflite_output.parse_benchmark(text, "", 139)
    assert (read.runs, read.mean_ms) == (None, None)
    assert read.warmup.count == 35
    assert read.failure.startswith("benchmark_model: it was ended by SIGSEGV, saying 'count=35")


def test_numbers_of_a_tool_that_ended_badly_are_not_used_without_a_word():
    read = tflite_output.parse_benchmark(BENCHMARK + "ERROR: Benchmarking failed.\n", "", 1)
    assert read.failure == "benchmark_model: it ended with exit code 1, saying 'Benchmarking failed'"


def test_operator_profiles_are_not_taken_for_runs():
    profile = (
        "INFO: Profiling Info for Benchmark Initialization:\nTimings (microseconds): count=1 curr=5\n"
        "Memory (bytes): count=0\n"
    )
    assert tflite_output.parse_benchmark(BENCHMARK + profile).runs.count == 70


@given(st.text(max_size=400) | st.sampled_from([BENCHMARK, EVALUATION, RUNTIME]), st.integers(-70, 300))
def test_no_output_whatever_raises(output, code):
    for read in (
        tflite_output.parse_benchmark(output, output, code, "nnapi"),
        tflite_output.parse_evaluation(output, output, code, "gpu"),
        tflite_output.parse_difference(output, output, code),
    ):
        assert read.failure is None or "\n" not in read.failure
        assert code == 0 or read.failure


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_a_damaged_output_gives_the_right_numbers_or_none(seed, cuts):
    rng = random.Random(seed)
    lines = BENCHMARK.splitlines()
    for _ in range(cuts):
        lines.pop(rng.randrange(len(lines)))
        if not lines:
            break
    read = tflite_output.parse_benchmark("\n".join(lines), delegate="nnapi")
    assert read.mean_ms in (None, pytest.approx(14.5752), pytest.approx(14.4623))
    assert read.init_ms in (None, pytest.approx(134.52))
    assert (read.failure is None) is (read.mean_ms is not None)


def test_an_evaluation():
    read = tflite_output.parse_evaluation(EVALUATION)
    assert (read.images, read.top, read.failure) == (300, (0.733333, 0.8, 0.85, 0.95), None)
    assert (read.mean_ms, read.sd_ms) == (pytest.approx(76.5784), 0.6)
    assert read.preprocess_ms == pytest.approx(13.7725)
    assert read == tflite_output.parse_evaluation(without_severities(EVALUATION))


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("ERROR: Could not run the task evaluation!\n", 1, "it ended with exit code 1, saying 'Could not run the task"),
        ("ERROR: Number of images and ground truth labels is not same\n", 1, "labels is not same"),
        (EVALUATION.replace("0.733333", "73.3333"), 0, "impossible accuracies (top-1 73.3333"),
        (EVALUATION.replace("0.733333", "nan"), 0, "impossible accuracies (top-1 None"),
        (EVALUATION.replace("0.8\n", "0.7\n"), 0, "impossible accuracies (top-1 0.733333, top-2 0.7"),
        (EVALUATION.replace("runs: 300", "runs: 0"), 0, "printed no accuracy that can be understood"),
        (EVALUATION.replace("INFO: Top-1 Accuracy: 0.733333\n", ""), 0, "impossible accuracies (top-2"),
        ("", 0, "run_eval printed nothing"),
    ],
)
def test_an_evaluation_that_failed_has_no_accuracy_and_says_why(text, code, sentence):
    read = tflite_output.parse_evaluation(text, "", code)
    assert read.top == () or code
    assert sentence in read.failure


def test_a_difference():
    read = tflite_output.parse_difference(
        "INFO: Num evaluation runs: 50\n"
        "INFO: Reference run latency: avg=84364.2(us), std_dev=12525(us)\n"
        "INFO: Test run latency: avg=7281.64(us), std_dev=2089(us)\n"
        "INFO: OutputDiff[0]: avg_error=1.96277e-05, std_dev=6.95767e-06\n"
    )
    assert (read.runs, read.reference_ms, read.test_ms) == (50, pytest.approx(84.3642), pytest.approx(7.28164))
    assert (read.errors, read.failure) == (((1.96277e-05, 6.95767e-06),), None)
