"""Tests of reading outputs of the benchmarks of PyTorch, Caffe2 and LiteRT. The numbers are made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.tools import benchmark_output

TORCH = """\
Starting benchmark.
Running warmup runs.
Main runs.
PyTorchObserver {"type": "NET", "unit": "us", "metric": "latency", "value": "66812"}
PyTorchObserver {"type": "NET", "unit": "us", "metric": "latency", "value": "67000.5"}
Main run finished. Microseconds per iter: 66812.3. Iters per second: 14.9673
"""
CAFFE2 = """\
Starting benchmark.
Running warmup runs.
Main runs.
Main run finished. Milliseconds per iter: 66.8. Iters per second: 14.97
Operator #0 (conv1, Conv) 4.27 ms/iter (0.02 GFLOP, 5.1 GFLOPS) (3.2 MB)
Operator #1 (a, b, Relu) 0.5 ms/iter
Time per operator type:
        4.27 ms.      63.9%. Conv
        6.68 ms in Total
"""
GLOG = (
    "I0102 03:04:05.678901 77 net_observer_reporter_print.cc:33] Caffe2Observer "
    '{"type": "NET","unit": "us","metric": "latency","value": "66812.3"}\n'
    "I0102 03:04:05.678901 77 net_observer_reporter_print.cc:33] Caffe2Observer "
    '{"type": "Conv","unit": "us","metric": "latency","value": "4270"}\n'
    "I0102 03:04:05.678901 77 net_observer_reporter_print.cc:33] Caffe2Observer "
    '{"type": "NET","unit": "flop","metric": "flops","value": "-1"}\n'
)


def test_speed_benchmark_torch():
    read = benchmark_output.read_speed(TORCH)
    assert (read.mean_ms, read.latencies_ms) == (pytest.approx(66.8123), (66.812, 67.0005))
    assert (read.operators, read.failure) == ((), None)


def test_a_second_and_more_in_six_digits():
    assert (
        benchmark_output.read_speed("Main run finished. Microseconds per iter: 1.23457e+06. Iters").mean_ms == 1234.57
    )


def test_speed_benchmark_of_caffe2():
    read = benchmark_output.read_speed(CAFFE2)
    assert read.mean_ms == 66.8
    assert read.operators == (("conv1", "Conv", 4.27), ("a, b", "Relu", 0.5))


def test_caffe2_benchmark_gives_the_times_of_runs_and_their_mean():
    read = benchmark_output.read_speed("", GLOG)
    assert (read.latencies_ms, read.mean_ms, read.failure) == ((pytest.approx(66.8123),), pytest.approx(66.8123), None)


@pytest.mark.parametrize(
    ("out", "err", "code", "sentence"),
    [
        (
            "",
            "Model does not have bundled inputs. Before",
            1,
            "exit code 1, saying 'Model does not have bundled inputs",
        ),
        (
            "Starting benchmark.\n",
            "",
            0,
            "printed no time that can be understood; its message is 'Starting benchmark'",
        ),
        (TORCH, "", 139, "was ended by SIGSEGV"),
        ("Main run finished. Microseconds per iter: nan. Iters per second: nan", "", 0, "printed no time"),
        (
            'PyTorchObserver {"type": "NET", "metric": "latency", "unit": ["us"], "value": "5"}',
            "",
            0,
            "printed no time",
        ),
        ('PyTorchObserver {"type": }', "", 0, "printed no time"),
        ("PyTorchObserver " + '{"a":' * 1500 + "}", "", 0, "printed no time"),
        ("", "", 0, "printed nothing"),
    ],
)
def test_no_time_is_made_up(out, err, code, sentence):
    read = benchmark_output.read_speed(out, err, code)
    assert sentence in read.failure
    assert code or read.mean_ms is None


LITERT = """\
INFO: [benchmark_litert_model.h:120]
INFO: [benchmark_litert_model.h:121] ========== BENCHMARK RESULTS ==========
INFO: [benchmark_litert_model.h:122] Model initialization: 12.34 ms
INFO: [benchmark_litert_model.h:124] Warmup (first):       20.10 ms
INFO: [benchmark_litert_model.h:125] Warmup (avg):         15.20 ms (5 runs)
INFO: [benchmark_litert_model.h:126] Inference (avg):      14.50 ms (50 runs)
INFO: [benchmark_litert_model.h:127] Inference (min):      14.00 ms
INFO: [benchmark_litert_model.h:128] Inference (max):      16.00 ms
INFO: [benchmark_litert_model.h:129] Inference (std):      0.40
"""


def test_benchmark_litert_model():
    read = benchmark_output.read_litert(LITERT)
    assert (read.count, read.failure) == (50, None)
    assert read.times_ms == {
        "init_ms": 12.34,
        "first_ms": 20.1,
        "warmup_ms": 15.2,
        "mean_ms": 14.5,
        "min_ms": 14.0,
        "max_ms": 16.0,
        "sd_ms": 0.4,
    }


def test_benchmark_litert_model_without_a_result():
    read = benchmark_output.read_litert("ERROR: [main.cc:5] no model\n", "", 1)
    assert read.failure == "benchmark_litert_model: it ended with exit code 1, saying 'no model'"
    assert read.times_ms == {}


@given(st.text(max_size=300), st.integers(-70, 300))
def test_no_output_whatever_raises(output, code):
    for failure in (
        benchmark_output.read_speed(output, output, code).failure,
        benchmark_output.read_litert(output, output, code).failure,
    ):
        assert failure and "\n" not in failure
