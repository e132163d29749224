"""Tests of importing results of the MLPerf Mobile app. The numbers are made up."""

from __future__ import annotations

import copy
import json

import pytest

from runner import rawlog
from runner.importers import mobile_app
from tests.command import aiot
from tests.runner.importers.conftest import PHONE, imported, whole_runs


def run(duration: float, samples: int, accuracy: float | None, at: str, **more) -> dict:
    """Return a run of the app."""
    return {
        "throughput": 100.0,
        "accuracy": None if accuracy is None else {"normalized": accuracy, "formatted": f"{accuracy:.2%}"},
        "dataset": {"name": "Imagenet classification validation set", "type": "IMAGENET"},
        "measured_duration": duration,
        "measured_samples": samples,
        "start_datetime": at,
        "loadgen_info": {"validity": True, "duration": duration},
        **more,
    }


RESULT = {
    "meta": {"uuid": "0", "creation_date": "2024-05-01T10:00:00Z"},
    "results": [
        {
            "benchmark_id": "image_classification_v2",
            "benchmark_name": "Image Classification v2",
            "loadgen_scenario": "SingleStream",
            "backend_settings": {
                "accelerator_code": "npu",
                "accelerator_desc": "NPU",
                "framework": "TFLite Neuron",
                "model_path": "https://example.org/mobilenetv4.tflite",
                "batch_size": 0,
            },
            "backend_info": {"backend_name": "MediaTek", "accelerator_name": "neuron-npu"},
            "performance_run": run(60.0, 12_000, None, "2024-05-01T10:00:00Z"),
            "accuracy_run": run(100.0, 5_000, 0.8214, "2024-05-01T09:00:00+02:00"),
        },
        {
            "benchmark_id": "image_classification_offline_v2",
            "loadgen_scenario": "Offline",
            "backend_settings": {"accelerator_code": "npu", "framework": "TFLite Neuron"},
            "performance_run": run(24.0, 24_000, None, "2024-05-01T11:00:00Z", loadgen_info={"validity": False}),
            "accuracy_run": None,
        },
        {
            "benchmark_id": "object_detection",
            "loadgen_scenario": "SingleStream",
            "performance_run": run(60.0, 12_000, None, "2024-05-01T12:00:00Z"),
            "accuracy_run": None,
        },
    ],
    "environment_info": {
        "platform": "android",
        "value": {
            "android": {
                "os_version": "14",
                "manufacturer": "vivo",
                "model_code": "V2309A",
                "model_name": "vivo X100 Pro",
                "proc_cpuinfo_soc_name": "Dimensity 9300",
            },
            "ios": None,
        },
    },
    "build_info": {"version": "4.0", "build_number": "1"},
}
SINGLE = "tflite_npu_unknown_mobilenet_v4_conv_large"


def changed(change) -> str:
    """Return the result as JSON after a function has changed it in place."""
    result = copy.deepcopy(RESULT)
    change(result)
    return json.dumps(result)


def events_by_scenario(space) -> dict[str, list[dict]]:
    events = {}
    for folder in whole_runs(space):
        profile = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["profile"]["name"]
        [[path]] = rawlog.attempt_paths(folder).values()
        events[profile] = rawlog.read_attempt(path).events
    return events


def test_image_classification_is_imported_and_other_tasks_are_named(space, save):
    path = save("result.json", json.dumps(RESULT))
    result = imported(space, path)
    assert result.refused == []
    assert result.notes == [f"{path}: left out, since they do not classify images: object_detection"]
    events = events_by_scenario(space)
    assert set(events) == {"MLPerf Mobile app, single stream", "MLPerf Mobile app, offline"}
    load, summary, end = events["MLPerf Mobile app, single stream"]
    assert (load["instance"], load["scenario"], load["app_version"]) == (SINGLE, "single stream", "4.0")
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("npu", None)
    assert load["accelerator_name"] == "neuron-npu"
    assert (summary["mean_ms"], summary["count"], summary["validity"]) == (5.0, 12_000, "VALID")  # 60 s / 12,000
    assert (summary["accuracy"], summary["throughput_per_s"]) == (0.8214, 100.0)
    assert (end["images"], end["correct"]) == (5_000, 4_107)  # 0.8214 * 5,000
    _, summary, end = events["MLPerf Mobile app, offline"]
    assert (summary["mean_ms"], summary["validity"], summary["scenario"]) == (1.0, "INVALID", "offline")
    assert (summary["accuracy_missing"], end["images"]) == ("the result has no accuracy run", 0)


def test_the_device_and_the_time_are_those_of_the_result(space, save):
    imported(space, save("result.json", json.dumps(RESULT)))
    first = whole_runs(space)[0]
    device = rawlog.read_json(first / "device.json", rawlog.DEVICE_FIELDS)
    assert (device["maker"], device["model"], device["model_code"]) == ("vivo", "X100 Pro", "V2309A")
    assert (device["soc"], device["os"], device["os_version"]) == ("Dimensity 9300", "Android", "14")
    runs = [rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) for folder in whole_runs(space)]
    assert sorted(run["started"] for run in runs) == ["2024-05-01T07:00:00Z", "2024-05-01T11:00:00Z"]
    assert {run["imported"]["started_from"] for run in runs} == {"the app's result"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (
            {"platform": "ios", "value": {"ios": {"os_version": "17", "model_name": "iPhone 15", "soc_name": "A16"}}},
            ("Apple", "iPhone 15", "A16", "iOS"),
        ),
        (
            {"platform": "windows", "value": {"windows": {"os_version": "11", "cpu_full_name": "X Elite"}}},
            (None, None, "X Elite", "Windows"),
        ),
        (
            {"os_name": "android", "os_version": "12", "manufacturer": "Google", "model": "Pixel 5"},
            ("Google", "Pixel 5", None, "Android"),
        ),
    ],
)
def test_devices_of_each_platform_and_of_the_form_before_2023(environment, expected):
    text = changed(lambda result: result.update(environment_info=environment))
    device = mobile_app.parse("r", text).device
    assert (device.maker, device.code, device.soc, device.os) == expected


def test_the_form_before_2023_has_milliseconds_and_other_names():
    old = run(1, 8, None, "2022-12-26T16:02:35.528656", measured_duration_ms=4000.0)
    old["accuracy"] = {"value": 0.75, "string": "75%"}
    del old["measured_duration"]
    text = changed(lambda result: result["results"][0].update(performance_run=None, accuracy_run=old))
    benchmark = mobile_app.parse("r", text).benchmarks[0]
    assert benchmark.performance is None
    assert (benchmark.accuracy.mean_ms, benchmark.accuracy.accuracy) == (500.0, 0.75)
    assert f"{benchmark.accuracy.started:%Y-%m-%dT%H:%M:%S%z}" == "2022-12-26T16:02:35+0000"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (json.dumps(RESULT)[:900], "is not complete JSON (line 1): copy it again."),
        (changed(lambda r: r.update(results=r["results"][2:])), "has no result of image classification (only of o"),
        (changed(lambda r: r["results"][0]["performance_run"].update(measured_samples=0)),
         "image_classification_v2 in {path} has no usable duration and number of samples (60.0 s, 0)"),
        (changed(lambda r: r["results"][0]["accuracy_run"].update(accuracy={"normalized": 82.1})),
         "has the accuracy 82.1, which is no fraction of 1"),
        (changed(lambda r: r["results"].append(r["results"][0])), "has image_classification_v2 twice with the same"),
        (changed(lambda r: r["environment_info"].clear()), "does not state the device: use --device"),
        (changed(lambda r: r["results"][0].update(backend_settings={}, backend_info={})), "does not state its frame"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_in_one_sentence(space, save, text, sentence):
    path = save("result.json", text)
    [error] = imported(space, path).refused
    assert sentence.format(path=path) in str(error) and "\n" not in str(error)
    assert whole_runs(space) == []


def test_the_user_may_state_what_the_result_does_not(space, save):
    path = save("result.json", changed(lambda result: result["environment_info"].clear()))
    assert imported(space, path, device=PHONE, quantization="int8").refused == []
    assert events_by_scenario(space)["MLPerf Mobile app, offline"][0]["instance"] == SINGLE.replace("unknown", "int8")


def test_the_command_imports_and_processes_a_result(tmp_path, save):
    done = aiot("import", save("result.json", json.dumps(RESULT)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = aiot("process", cwd=tmp_path)
    assert done.stdout.startswith("process   2 runs, 2 instances, 0 images"), done.stdout + done.stderr
