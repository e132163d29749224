"""Tests of importing perf.yaml, numerics.yaml and profile jobs of Qualcomm AI Hub. The numbers are made up."""

from __future__ import annotations

import json
import statistics

import pytest

import aiot_analysis
from runner import rawlog
from runner.errors import LogError
from runner.importers import ai_hub
from runner.importers.structured_text import load_yaml
from tests.command import aiot
from tests.runner.importers.conftest import PHONE, imported, whole_runs

PERF = """\
supported_devices:
- Samsung Galaxy S25
- QCS8550 (Proxy)
precisions:
  float:
    components:
      MobileNet-v2:
        universal_assets:
          tflite:
            model_id: mn08
        performance_metrics:
          Samsung Galaxy S25:
            tflite:
              job_id: jaaa
              job_status: Passed
              inference_time_milliseconds: 0.451
              estimated_peak_memory_range_mb:
                min: 0
                max: 39
              primary_compute_unit: NPU
              layer_counts:
                total: 71
                npu: 69
                cpu: 2
              tool_versions:
                qairt: 2.43.0.260127150333_193827
                tflite: 2.17.0
            qnn_dlc:
              job_id: jbbb
              job_status: Passed
              inference_time_milliseconds: 0.5
              primary_compute_unit: NPU
          QCS8550 (Proxy):
            tflite:
              job_id: jccc
              job_status: Failed
              job_error_message: The device ran out of memory
  w8a16_mixed_int16:
    components:
      MobileNet-v2:
        performance_metrics:
          Samsung Galaxy S25:
            new_runtime:
              job_id: jddd
              job_status: Passed
              inference_time_milliseconds: 0.25
              primary_compute_unit: CPU
"""

NUMERICS = """\
metrics:
- dataset_name: imagenet
  metric_name: Classification Accuracy
  num_partial_samples: 1000
  partial_torch_metric: 72.4
  device_metric:
    Samsung Galaxy S25:
      float:
        tflite:
          partial_metric: 72.3
        onnx:
          partial_metric: 70.0
"""

FLOAT, QNN, MIXED = (
    "tflite_unknown_float_mobilenet_v2",
    "qnn_unknown_float_mobilenet_v2",
    "newruntime_unknown_w8a16mixedint16_mobilenet_v2",
)


@pytest.fixture
def folder(save, tmp_path):
    """Return a function that writes the two files of a network to a folder of this name, and returns their paths."""

    def write(name: str = "mobilenet_v2", perf: str = PERF, numerics: str = NUMERICS):
        (tmp_path / name).mkdir()
        return save(f"{name}/perf.yaml", perf), save(f"{name}/numerics.yaml", numerics)

    return write


def attempts(space) -> dict[tuple[str, str], list[dict]]:
    """Return the events of each attempt by the model of the device and the instance."""
    events = {}
    for run in whole_runs(space):
        device = rawlog.read_json(run / "device.json", rawlog.DEVICE_FIELDS)
        for instance, [path] in rawlog.attempt_paths(run).items():
            events[device["model"], instance] = rawlog.read_attempt(path).events
    return events


def test_perf_yaml_gives_a_profile_for_each_device_precision_and_runtime():
    profiles = ai_hub.parse_perf("perf.yaml", PERF)
    assert [(item.precision, item.device, item.runtime) for item in profiles] == [
        ("float", "Samsung Galaxy S25", "tflite"),
        ("float", "Samsung Galaxy S25", "qnn_dlc"),
        ("float", "QCS8550 (Proxy)", "tflite"),
        ("w8a16_mixed_int16", "Samsung Galaxy S25", "new_runtime"),
    ]
    assert profiles[0] == ai_hub.HubProfile(
        model="mobilenet_v2",
        precision="float",
        device="Samsung Galaxy S25",
        runtime="tflite",
        status="Passed",
        inference_ms=0.451,
        compute_unit="NPU",
        layers=71,
        layers_npu=69,
        layers_gpu=None,
        layers_cpu=2,
        memory_min_mb=0,
        memory_max_mb=39,
        job_id="jaaa",
        versions="qairt 2.43.0.260127150333_193827; tflite 2.17.0",
    )


def test_times_and_accuracies_become_attempts(space, folder):
    result = imported(space, *folder())
    assert result.refused == []
    assert "onnxruntime_unknown_float_mobilenet_v2 on Samsung Galaxy S25 is left out" in " ".join(result.notes)
    events = attempts(space)
    assert set(events) == {
        ("Galaxy S25", FLOAT),
        ("Galaxy S25", QNN),
        ("QCS8550 (Proxy)", FLOAT),
        ("Galaxy S25", MIXED),
    }
    load, summary, end = events["Galaxy S25", FLOAT]
    assert (load["accelerator_requested"], load["accelerator_actual"]) == (None, "npu")
    assert (load["nodes"], load["layers_npu"], load["layers_cpu"]) == (71, 69, 2)
    assert "layers_gpu" not in load
    assert load["framework_version"] == "qairt 2.43.0.260127150333_193827; tflite 2.17.0"
    assert (summary["mean_ms"], summary["min_ms"], summary["mean_is"]) == (0.451, 0.451, "the fastest run")
    assert (summary["memory_min_mb"], summary["memory_max_mb"]) == (0, 39)
    assert summary["accuracy"] == 0.723
    assert summary["torch_accuracy"] == pytest.approx(0.724)
    assert (end["images"], end["correct"]) == (1000, 723)  # 72.3% of 1,000
    _, summary, end = events["Galaxy S25", QNN]
    assert (summary["accuracy"], end["images"], end["correct"]) == (None, 0, 0)
    assert events["Galaxy S25", MIXED][0]["accelerator_actual"] == "cpu"
    [failed] = events["QCS8550 (Proxy)", FLOAT]
    assert failed["event"] == "failed"
    assert failed["reason"] == "the job jccc of AI Hub has the status Failed: The device ran out of memory"


def test_the_devices_are_described_as_ai_hub_does(space, folder):
    imported(space, *folder())
    records = [rawlog.read_json(run / "device.json", rawlog.DEVICE_FIELDS) for run in whole_runs(space)]
    devices = {record["model"]: record for record in records}
    assert set(devices) == {"Galaxy S25", "QCS8550 (Proxy)"}
    phone, proxy = devices["Galaxy S25"], devices["QCS8550 (Proxy)"]
    assert (phone["maker"], phone["os"], phone["os_version"]) == ("Samsung", "Android", "15")
    assert phone["soc"] == "Snapdragon 8 Elite For Galaxy Mobile" and "proxy" not in phone
    assert proxy["maker"] == "Qualcomm" and "same chip" in proxy["proxy"]
    runs = [rawlog.read_json(run / "run.json", rawlog.RUN_FIELDS) for run in whole_runs(space)]
    assert {(run["profile"]["name"], run["timing"]) for run in runs} == {("AI Hub (fastest run)", "inference")}
    assert sorted((run["dataset"]["name"], run["dataset"]["images"]) for run in runs) == [
        ("AI Hub imagenet", 1000),
        ("random input", 0),
        ("random input", 0),
    ]


def test_one_measurement_that_is_listed_under_two_names_says_so():
    assert ai_hub.device_facts("SA7255P ADP").other["same_jobs_as"] == "QCS8275 (Proxy)"
    assert ai_hub.device_facts("Device of 2030").soc is None


@pytest.mark.parametrize(
    ("percent", "images", "correct"), [(72.3, 1000, 723), (70, 10, 7), (33.3, 3, 1), (100, 5, 5), (66.67, 6, 4)]
)
def test_an_accuracy_is_a_number_of_images(percent, images, correct):
    assert ai_hub.correct_images("n", percent, images) == correct


@pytest.mark.parametrize(("percent", "images"), [(72.35, 1000), (50, 3), (101, 10), (None, 10)])
def test_an_accuracy_of_no_whole_number_of_images_is_refused(percent, images):
    with pytest.raises(LogError, match="which no whole number of"):
        ai_hub.correct_images("n", percent, images)


JOB = {
    "execution_summary": {
        "estimated_inference_time": 400,
        "all_inference_times": [2600, 400, 500, 500],
        "first_load_time": 1_500_000,
        "warm_load_time": 20_000,
        "inference_memory_peak_range": [1048576, 3145728],
    },
    "execution_detail": [
        {"name": "a", "type": "CONV_2D", "compute_unit": "NPU", "execution_time": 3},
        {"name": "b", "type": "CONV_2D", "compute_unit": "NPU", "execution_time": 4},
        {"name": "c", "type": "SOFTMAX", "compute_unit": "CPU", "execution_time": 1},
    ],
}
STATED = {"device": PHONE, "model": "mobilenet_v2", "framework": "qnn", "quantization": "w8a8"}


def test_a_job_has_the_time_of_every_run_and_the_unit_of_every_layer(space, save):
    assert imported(space, save("job.json", json.dumps(JOB)), **STATED).refused == []
    [(_, events)] = attempts(space).items()
    load, summary, end = events
    assert load["instance"] == "qnn_unknown_w8a8_mobilenet_v2"
    assert (load["load_ns"], load["accelerator_actual"], load["nodes"]) == (1_500_000_000, "npu", 3)
    assert [load[f"layers_{unit}"] for unit in ("npu", "gpu", "cpu")] == [2, 0, 1]
    assert (summary["count"], summary["mean_ms"], summary["min_ms"], summary["max_ms"]) == (4, 1.0, 0.4, 2.6)
    assert summary["sd_ms"] == pytest.approx(statistics.pstdev([2.6, 0.4, 0.5, 0.5]))
    assert (summary["first_ms"], summary["median_ms"], summary["p90_ms"], summary["p5_ms"]) == (2.6, 0.5, 2.6, 0.4)
    assert (summary["memory_min_mb"], summary["memory_max_mb"], summary["warm_load_ms"]) == (1.0, 3.0, 20.0)
    assert summary["accuracy_missing"] == "a profile job measures none"
    assert end["images"] == 0
    [folder] = whole_runs(space)
    assert rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["profile"]["name"] == "AI Hub (all runs)"


def test_a_job_of_an_old_client_has_only_the_fastest_run(space, save):
    summary = {"execution_summary": {"estimated_inference_time": 400}, "execution_detail": []}
    imported(space, save("job.json", json.dumps(summary)), **STATED)
    [(_, (load, summary, _))] = attempts(space).items()
    assert (summary["count"], summary["mean_ms"], summary["mean_is"]) == (None, 0.4, "the fastest run")
    assert (load["accelerator_actual"], load["nodes"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("perf.yaml", "precisions:\n  float: 3\n", "has no performance_metrics by precision and component"),
        ("perf.yaml", "models:\n- performance_metrics: []\n", "has no performance_metrics by precision and component"),
        ("x.yaml", "name: docker\nservices: {}\n", "has an unknown format: supported formats are app-result,"),
        ("perf.yaml", PERF.replace("precisions:", "precisions: !!python/object:os.system"), "has the YAML tag "),
        ("perf.yaml", PERF + "x: !!binary aGk=\n", "has the YAML tag 'tag:yaml.org,2002:binary'"),
        ("perf.yaml", PERF + "a: &a [1]\nb: *a\n", "has the YAML alias 'a'"),
        ("perf.yaml", PERF[:-100] + "\n: [", "is not valid YAML (line "),
        ("perf.yaml", PERF.replace("  w8a16_mixed_int16:\n    components:\n      MobileNet-v2:",
                                   "  w8a16:\n    components:\n      Decoder:"), "is of a network in 2 components"),
        ("perf.yaml", PERF.replace("new_runtime", '"?"'), "has the precision 'w8a16_mixed_int16' and the runtime '?'"),
        ("numerics.yaml", NUMERICS, "does not name its network: import it together with the one perf.yaml beside it"),
        ("job.json", json.dumps(JOB)[:120], "is not complete JSON (line 1): copy it again."),
        ("job.json", json.dumps({"execution_summary": {}}), "has no usable inference times"),
        ("job.json", json.dumps({"execution_summary": {"all_inference_times": [1, -1]}}), "has no usable inference"),
        ("job.json", json.dumps(JOB), "does not state its framework, quantization and model: use --framework"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_in_one_sentence(space, save, name, text, sentence):
    path = save(name, text)
    [error] = imported(space, path).refused
    assert sentence in str(error) and str(error).endswith(".") and "\n" not in str(error)
    assert whole_runs(space) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("72.3", "72.35", "has an accuracy of 72.35%, which no whole number of 1000 images has"),
        ("Classification Accuracy", "Mean IoU", "has no Classification Accuracy, but Mean IoU"),
        ("  num_partial_samples: 1000\n", "", "does not state the number of images (num_partial_samples)"),
    ],
)
def test_unusable_numerics_are_refused(space, folder, old, new, sentence):
    [error] = imported(space, *folder(numerics=NUMERICS.replace(old, new))).refused
    assert sentence in str(error)
    assert whole_runs(space) == []


def test_two_networks_of_one_name_are_refused(space, folder):
    first, second = folder("one")[0], folder("two", PERF.replace("0.451", "0.9"))[0]
    errors = [str(error) for error in imported(space, first, second).refused]
    assert [f"is of the network mobilenet_v2, as is {path}" in error
            for path, error in zip((second, first), errors, strict=True)] == [True, True]  # fmt: skip
    assert whole_runs(space) == []


def test_the_option_device_cannot_rename_the_devices_of_a_file(space, folder):
    [error] = imported(space, folder()[0], device=PHONE).refused
    assert "states its 2 devices, such as QCS8550 (Proxy): omit --device" in str(error)


def test_a_deeply_nested_file_does_not_end_the_process(space, save):
    [error] = imported(space, save("perf.yaml", PERF + "x: " + "[" * 200_000 + "]" * 200_000)).refused
    assert "is nested more than 50 levels deep" in str(error)
    [error] = imported(space, save("job.json", '{"execution_summary":' * 200_000)).refused
    assert "is not complete JSON (nested too deeply)" in str(error)


def test_the_publication_of_a_users_files_is_recorded(tmp_path, folder):
    words = ["--publication", "Their paper", "--address", "https://example.org/a", "--retrieved", "2026-01-02"]
    done = aiot("import", *folder(), *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [path] = (tmp_path / "data").rglob(f"samsung-*/*/{FLOAT}.1.jsonl")
    assert rawlog.read_json(path.parent / "run.json", rawlog.RUN_FIELDS)["origin"] == "published"
    load = rawlog.read_attempt(path).events[0]
    assert (load["publication"], load["address"]) == ("Their paper", "https://example.org/a")


def test_yaml_is_loaded_as_plain_values():
    assert load_yaml("x", "a: {b: [1, 2.5, yes, text]}") == {"a": {"b": [1, 2.5, True, "text"]}}


def test_the_command_imports_and_processes_both_files(tmp_path, folder):
    done = aiot("import", *folder(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3  # the phone with and without images, and its proxy
    done = aiot("process", cwd=tmp_path)
    assert done.stdout.startswith("process   3 runs, 4 instances, 0 images"), done.stdout + done.stderr
    rows = aiot_analysis.load(tmp_path / "data" / "processed", origin="imported").instances
    row = rows[rows["instance_id"] == FLOAT].set_index("accelerator_actual").loc["npu"]
    assert (row["inference_ms_mean"], row["correct"], row["images"]) == (0.451, 723, 1000)
    assert (row["verdict"], row["layers_npu"], row["memory_max_mb"]) == ("semi-valid", 69, 39)
    assert row["reasons"] == "its log does not say which accelerator was requested (npu ran)"


def test_a_job_can_be_named_with_frameworks_and_precisions_of_ai_hub(tmp_path, save):
    words = ["--device", PHONE, "--model", "vit", "--framework", "onnxruntime", "--quantization", "w8a16"]
    done = aiot("import", save("job.json", json.dumps(JOB)), *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "data").rglob("onnxruntime_*.jsonl")] == [
        "onnxruntime_unknown_w8a16_vit.1.jsonl"
    ]
