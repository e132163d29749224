"""Tests of parsing result logs of the app. The logs are made up: see specimens.py."""

from __future__ import annotations

import pytest

from aiot_suite.suite import Instance
from runner.errors import LogError
from runner.importers import app_logs
from tests.runner.importers import specimens

TWO = ["pytorch_cpu_resnet50", "tflite_nnapi_mnasnet"]


def log(**header):
    return specimens.result_log(specimens.app_session(20, TWO), **header)


def test_the_numbers_of_every_workload_and_the_header_are_read():
    session = specimens.app_session(20, TWO)
    parsed = app_logs.parse_result_log("x", specimens.result_log(session))
    assert (parsed.images, parsed.total_ms, parsed.notes) == (20, 720000.0, ())
    assert parsed.header["device fingerprint"] == specimens.FINGERPRINT
    assert [workload.instance.id for workload in parsed.workloads] == [
        "pytorch_cpu_float32_resnet50",
        "tflite_nnapi_float32_mnasnet",
    ]
    for workload, expected in zip(parsed.workloads, session.workloads, strict=True):
        assert (workload.load_ms, workload.first_ms, workload.mean_ms) == (
            expected.load_ms,
            expected.times_ms[0],
            expected.mean_ms,
        )
        assert workload.sd_ms == pytest.approx(expected.sd_ms)
        assert workload.accuracy == expected.correct(session.labels) / 20


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        ("tflite_cpu_resnet50", Instance("tflite", "cpu", "float32", "resnet50")),
        ("caffe2_cpu_res50", Instance("caffe2", "cpu", "float32", "resnet50")),
        ("tflite_gpu_inception_v3", Instance("tflite", "gpu", "float32", "inception_v3")),
        ("tflite_DR_cpu_mobilenet_v2", Instance("tflite", "cpu", "dynamic", "mobilenet_v2")),
        ("tflite_full_int_nnapi_mnasnet", Instance("tflite", "nnapi", "int8", "mnasnet")),
        ("tflite_f16_nnapi_DenseNet-121", Instance("tflite", "nnapi", "float16", "densenet121")),
        ("tflite_no_cpu_squeezenet", Instance("tflite", "cpu", "float32", "squeezenet")),
        ("pytorch_cpu_My Net (2)", Instance("pytorch", "cpu", "float32", "my_net_2")),
        ("mxnet_cpu_resnet50", None),
        ("tflite_cpu_", None),
        ("", None),
    ],
)
def test_a_workload_is_an_instance(name, instance):
    assert app_logs.instance_of(name) == instance


def test_quantized_workloads_have_two_lines_framework():
    session = specimens.app_session(20, specimens.QUANTIZED)
    text = specimens.result_log(session)
    assert text.count("framework:tflite\nframework:full_int\n") == 12
    assert len({workload.instance for workload in app_logs.parse_result_log("x", text).workloads}) == 36


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("time_avg:", "time_avg:-", "its time_avg is '-"),
        ("time_avg:", "time_avg:NaN", "its time_avg is 'NaN"),
        ("time_sd:", "time_sd:Infinity", "its time_sd is 'Infinity"),
        ("time_total:", "time_total:-", "its time_total is '-"),
        ("time_first_img:", "time_first_img:x", "its time_first_img is 'x"),
        ("accuracy:0.", "accuracy:7.", "is not a fraction of 20 images"),
        ("accuracy:0.", "accuracy:0.01", "is not a fraction of 20 images"),
        ("accuracy:", "accurate:", "the log ends before its accuracy"),
    ],
)
def test_a_workload_with_impossible_numbers_failed_and_the_others_are_used(old, new, fault):
    text = log().replace(old, new, 1)
    parsed = app_logs.parse_result_log("x", text)
    assert fault in parsed.workloads[0].fault
    assert parsed.workloads[1].fault is None
    assert parsed.notes[0].startswith("x: pytorch_cpu_resnet50 failed: ")


def test_a_workload_that_was_not_run_has_no_time():
    before = log()
    mean = before.split("time_avg:")[1].split("ms")[0]
    parsed = app_logs.parse_result_log("x", before.replace(f"time_avg:{mean}ms", "time_avg:0.0ms", 1))
    assert parsed.workloads[0].fault == "its time_avg is 0, so it was not run"


def test_a_model_that_was_not_timed_when_it_was_loaded_has_no_such_time():
    text = log()
    load = text.split("time_load:")[1].split("ms")[0]
    assert (
        app_logs.parse_result_log("x", text.replace(f"time_load:{load}ms", "time_load:-1ms", 1)).workloads[0].load_ms
        is None
    )


def test_a_missing_workload_is_detected_by_the_score():
    head, first, second = log().partition("\n\nworkload")[0], *log().split("\n\nworkload")[1:]
    assert app_logs.parse_result_log("x", f"{head}\n\nworkload{first}\n\nworkload{second}").notes == ()
    [note] = app_logs.parse_result_log("x", f"{head}\n\nworkload{first}").notes
    assert note.startswith("x: its vips is ") and note.endswith(", so some are missing or were changed")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("image count:20\n", "it ends before the first one"),
        ("device:x\n", "does not state its number of images"),
        ("image count:0\n", "does not state its number of images"),
        ("image count:-4\n", "does not state its number of images"),
        (f"image count:{'9' * 5000}\n", "does not state its number of images"),
        ("image count:20\nworkload\nname:tflite_cpu_mnasnet\n", "ends before its time_load"),
        ("image count:20\nworkload\nname:nothing\n", "workload 1 has no name and is skipped"),
    ],
)
def test_a_log_without_a_usable_workload_is_one_sentence(text, sentence):
    with pytest.raises(LogError) as refused:
        app_logs.parse_result_log("x", text)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


def test_two_logs_in_one_file_are_refused():
    with pytest.raises(LogError, match="a workload twice"):
        app_logs.parse_result_log("x", log() + log())


@pytest.mark.parametrize("cut", range(0, 1400, 37))
def test_wherever_a_log_is_cut_no_number_is_wrong(cut):
    uncut = {workload.instance: workload for workload in app_logs.parse_result_log("x", log()).workloads}
    try:
        parsed = app_logs.parse_result_log("x", log()[:cut])
    except LogError:
        return
    for workload in parsed.workloads:
        if workload.fault is None and workload.accuracy != uncut[workload.instance].accuracy:
            # only the last number can be cut to another number, which the score reveals
            assert parsed.notes
        elif workload.fault is None:
            assert workload == uncut[workload.instance]
