"""Findings about versions of networks on one device, from small frames whose answer can be read off."""

import pandas as pd

from aiot_analysis.display import runtimes
from tests.aiot_analysis.charts.samples import candidates

TFLITE, PYTORCH, INT8 = "tflite_cpu_float32", "pytorch_cpu_float32", "tflite_cpu_int8"


def fastest(*rows):
    columns = ["model", "compared", "version", "tied"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(
        device_id="local", instance_id=frame["version"] + "_" + frame["model"], mean_ms=10.0, mean_ms_low=9.5,
        mean_ms_high=10.54,
    )  # fmt: skip


def test_networks_with_the_same_fastest_version_are_listed_together_and_ties_are_named():
    frame = fastest(
        ("resnet50", 4, INT8, []),
        ("mnasnet", 3, INT8, []),
        ("squeezenet", 3, INT8, [TFLITE + "_squeezenet", PYTORCH + "_squeezenet"]),
        ("densenet121", 1, TFLITE, []),
    )
    assert runtimes.ranking(frame) == (
        "At equal accuracy, TFLite CPU INT8 is the fastest for ResNet50 and MnasNet; for SqueezeNet, TFLite CPU INT8 "
        "cannot be distinguished from TFLite CPU float32 and PyTorch float32."
    )
    assert runtimes.ranking(frame[frame["compared"] == 1]) == ""
    assert runtimes.ranking(frame.head(0)) == ""


def test_the_table_has_times_with_intervals_and_names():
    row = runtimes.fastest_table(fastest(("mnasnet", 3, INT8, [TFLITE + "_mnasnet"]), ("resnet50", 2, INT8, []))).iloc
    assert row[0][["version", "mean_ms", "tied"]].tolist() == [
        "TFLite CPU INT8",
        "10 (9.5 to 10.5)",
        "TFLite CPU float32",
    ]
    assert row[1]["tied"] == "none"


def test_the_front_is_described_by_its_ends():
    frame = candidates()
    one = frame[frame["model"] == "mnasnet"]
    assert runtimes.front(one) == (
        "2 of 3 versions are on the Pareto front, from MnasNet, TFLite CPU, INT8 (2 ms, 60.0%) to MnasNet, PyTorch, "
        "float32 (5 ms, 70.0%)."
    )
    assert runtimes.front(one[one["pareto"].isin([False])]) == ""


def test_the_device_with_most_instances_is_chosen_and_the_first_of_equals():
    devices = pd.DataFrame({"device_id": ["a", "b", "c"]})
    assert runtimes.choose_device(pd.DataFrame({"device_id": ["c", "b", "b", "c"]}), devices) == "b"
    assert runtimes.choose_device(pd.DataFrame({"device_id": []}), devices) == ""
