"""Tests of command lines for TFLite's tools."""

from __future__ import annotations

import pytest

from aiot_suite.suite import PROFILES
from runner.tools import programs
from runner.tools.programs import Repeats, ToolOptions


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("paper", Repeats(0, 500, 0.0, 900.0)),
        ("mlperf-like", Repeats(5, 1024, 60.0, 900.0)),
        ("quick", Repeats(1, 50, 0.0, 900.0)),
        ("sustained", Repeats(1, 500, 600.0, 900.0)),
    ],
)
def test_each_profile_has_its_repetitions(profile, expected):
    assert Repeats.of(PROFILES[profile], images=500, max_s=900.0) == expected


def test_a_profile_is_never_cut_under_its_own_duration():
    assert Repeats.of(PROFILES["sustained"], images=3, max_s=100.0) == Repeats(1, 3, 600.0, 600.0)


def words(ask, memory=False):
    return programs.benchmark_model_words("/d/tool", "/d/a b.tflite", ask, Repeats(1, 50, 0.0, 150.0), memory)


def test_benchmark_model_on_the_cpu():
    assert words(ToolOptions(threads=4)) == [
        "/d/tool",
        "--graph=/d/a b.tflite",
        "--num_threads=4",
        "--warmup_runs=1",
        "--warmup_min_secs=0",
        "--num_runs=50",
        "--min_secs=0",
        "--max_secs=150",
        "--use_xnnpack=true",
    ]


def test_nnapi_its_accelerator_and_memory_are_asked_for_by_name():
    assert words(ToolOptions("nnapi", accelerator="qti-dsp"), memory=True)[8:] == [
        "--use_nnapi=true",
        "--nnapi_accelerator_name=qti-dsp",
        "--report_peak_memory_footprint=true",
    ]
    assert words(ToolOptions("nnapi"))[8:] == ["--use_nnapi=true"]
    assert words(ToolOptions("gpu", accelerator="qti-dsp"))[8:] == ["--use_gpu=true"]


def test_xnnpack_can_be_turned_off():
    assert words(ToolOptions(xnnpack=False))[8:] == ["--use_xnnpack=false"]
    assert words(ToolOptions("nnapi", xnnpack=False))[8:] == ["--use_nnapi=true", "--use_xnnpack=false"]


@pytest.mark.parametrize(
    ("ask", "last"),
    [
        (ToolOptions(threads=2), []),
        (ToolOptions(threads=2, xnnpack=False), ["--use_xnnpack=false"]),
        (ToolOptions("nnapi", 2), ["--delegate=nnapi"]),
        (ToolOptions("nnapi", 2, "qti-dsp"), ["--delegate=nnapi", "--nnapi_accelerator_name=qti-dsp"]),
        (ToolOptions("gpu", 2), ["--delegate=gpu"]),
    ],
)
def test_run_eval(ask, last):
    words = programs.run_eval_words("/d/run_eval", "/d/m.tflite", "/d/images", "/d/labels.txt", "/d/truth.txt", ask)
    assert words == [
        "/d/run_eval",
        "--model_file=/d/m.tflite",
        "--ground_truth_images_path=/d/images",
        "--ground_truth_labels=/d/truth.txt",
        "--model_output_labels=/d/labels.txt",
        "--num_images=0",
        "--num_interpreter_threads=2",
        *last,
    ]
