"""Tests of parsing program logs of the app. The logs are made up: see specimens.py."""

from __future__ import annotations

import pytest

from runner.errors import LogError
from runner.importers import app_logs
from tests.runner.importers import specimens

ONE = ["tflite_cpu_mnasnet"]
TWO = ["pytorch_cpu_resnet50", "tflite_nnapi_mnasnet"]


def log(images=6, names=TWO, failed=()):
    session = specimens.app_session(images, list(names))
    session.workloads[0].failed = set(failed)
    return specimens.program_log(session)


def test_every_image_of_every_workload_is_read():
    session = specimens.app_session(6, TWO)
    parsed = app_logs.parse_program_log("x", specimens.program_log(session))
    assert parsed.labels == dict(enumerate(session.labels))
    assert parsed.notes == ()
    for workload, expected in zip(parsed.workloads, session.workloads, strict=True):
        assert (workload.done, workload.fault, workload.classes, workload.load_ms) == (
            True,
            None,
            1000,
            expected.load_ms,
        )
        assert [image.end_ms - image.start_ms for image in workload.images] == expected.times_ms
        assert [image.took_ms("bitmap") for image in workload.images] == expected.bitmap_ms
        assert [image.took_ms("ic") for image in workload.images] == expected.ic_ms
        assert [image.took_ms("statistics") for image in workload.images] == expected.statistics_ms
        assert [[index for index, _ in image.best] for image in workload.images] == expected.best
        assert [image.target for image in workload.images] == session.labels
        assert workload.images[0].best[0][1] == 9.123456954956055


def test_an_image_that_failed_has_a_reason_and_a_class_if_another_workload_tells_it():
    parsed = app_logs.parse_program_log("x", log(failed=[2]))
    failed = parsed.workloads[0].images[2]
    assert (failed.error, failed.best, failed.target) == ("java.lang.RuntimeException: made up", None, None)
    assert parsed.labels[2] == parsed.workloads[1].images[2].target
    alone = app_logs.parse_program_log("x", log(names=ONE, failed=[2]))
    assert 2 not in alone.labels


def test_a_network_whose_scores_are_no_numbers_has_no_best_class():
    low = "-3.4028234663852886E38"
    text = log(1, ONE)
    best = text.split("maxIndex=")[1].split(" ")[0]
    text = text.replace(f"maxIndex={best}", "maxIndex=-1,-1,-1,-1,-1,").replace("9.123456954956055", low)
    assert app_logs.parse_program_log("x", text).workloads[0].images[0].best == ()


def test_lines_of_another_kind_are_passed_over():
    text = log().replace(
        "ic  -  index  -  1  -  bitmap", "ic  -  error  -  width\nsomething\nic  -  index  -  1  -  bitmap"
    )
    assert app_logs.parse_program_log("x", text) == app_logs.parse_program_log("x", log())


def test_lines_of_windows_are_read():
    assert app_logs.parse_program_log("x", log().replace("\n", "\r\n")) == app_logs.parse_program_log("x", log())


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("index  -  3  -  all  -  start", "index  -  4  -  all  -  start", "its image 3 is followed by '4'"),
        (
            "index  -  3  -  all  -  start  -  5",
            "index  -  3  -  all  -  start  -  x5",
            "its image 3 is followed by '3'",
        ),
        (
            "index  -  0  -  all  -  end  -  5",
            "index  -  0  -  all  -  end  -  4",
            "starts at 5000000 ms and ends at '4",
        ),
        ("index  -  0  -  all  -  end  -  5", "index  -  0  -  all  -  end  -  NaN5", "and ends at 'NaN5"),
        ("index  -  0  -  all  -  end  -  5", "index  -  0  -  all  -  end  -  -5", "and ends at '-5"),
        ("index  -  0  -  all  -  end  -  5", "index  -  0  -  all  -  end  -  6", "its image 1 starts before image 0"),
        ("ic  -  start  -  5", "ic  -  start  -  -5", "as the start of ic"),
        ("bitmap  -  end  -  5", "bitmap  -  end  -  ?5", "as the end of bitmap"),
        ("maxIndex=", "maxIndex=1,", "its answer for image 0 is 'score.len=1000, maxIndex=1,"),
        ("maxScore=", "maxScore=x,", "its answer for image 0 is 'score.len=1000, maxIndex="),
        ("statistics  -  data", "statistics  -  dada", "its image 0 has no answer"),
        ("target=0", "target=-1", "its image 0 has the class -1"),
        ("all done for workload 0", "all doe for workload 0", "it ends after 6 images"),
    ],
)
def test_a_workload_that_is_not_whole_failed_and_the_others_are_used(old, new, fault):
    text = log()
    assert old in text
    parsed = app_logs.parse_program_log("x", text.replace(old, new, 1))
    assert fault in parsed.workloads[0].fault
    assert parsed.workloads[1].fault is None
    assert parsed.notes == (f"x: pytorch_cpu_resnet50 failed: {parsed.workloads[0].fault}",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("start workload 0 name=tflite_cpu_mnasnet\n", "it ends before its first image"),
        ("start workload 0 name=a_b\n", "a workload 'a_b', whose framework or device is unknown"),
        ("ic  -  index  -  0  -  all  -  start  -  5\n", "images before the first line `start workload`"),
        (log(names=ONE)[:800], "it ends after 0 images"),
    ],
)
def test_a_log_without_a_usable_workload_is_one_sentence(text, sentence):
    with pytest.raises(LogError) as refused:
        app_logs.parse_program_log("x", text)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


def test_two_logs_in_one_file_are_refused():
    with pytest.raises(LogError, match="a workload twice"):
        app_logs.parse_program_log("x", log() + log())


def test_workloads_that_tell_an_image_apart_are_refused():
    first, second = log().split("start workload 1")
    with pytest.raises(LogError, match="has the two classes 0 and 7 for image 0"):
        app_logs.parse_program_log("x", first + "start workload 1" + second.replace("target=0", "target=7"))
