"""Findings about versions of networks on one device, from small frames whose answer can be read off."""

import pandas as pd

from aiot_analysis.display import runtimes
from aiot_analysis.plots import runtimes as draw
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
    start = "The fastest version shown to be as accurate as TFLite CPU float32 is"
    reference = "TFLite CPU float32"
    assert runtimes.ranking(frame, reference) == (
        f"{start} clear for 2 of 3 networks: TFLite CPU INT8 (ResNet50, MnasNet)."
    )
    assert runtimes.ranking(frame[2:3], reference) == f"{start} not clear for any of 1 network."
    assert runtimes.ranking(frame[2:3], reference, "the Maker A") == (
        "On the Maker A, the fastest version shown to be as accurate as TFLite CPU float32 is not clear for any of 1 "
        "network."
    )
    assert runtimes.ranking(frame[frame["compared"] == 1], reference) == ""
    assert runtimes.ranking(frame.head(0), reference) == ""


def test_the_margin_is_said_in_points():
    assert runtimes.accuracy("TFLite CPU float32", 0.02) == (
        "A version is shown to be as accurate as TFLite CPU float32 if the 95% interval of its loss of accuracy ends "
        "below 2 points."
    )
    assert runtimes.accuracy("X", 0.01).endswith("below 1 point.")
    assert runtimes.accuracy("X", 0.025).endswith("below 2.5 points.")


def test_the_reference_is_named_if_all_networks_have_the_same():
    versions = candidates()
    assert draw.reference_name(versions) == "TFLite CPU float32"
    assert draw.less_accurate(versions) == "not shown to be as accurate as TFLite CPU float32"
    assert draw.less_accurate(versions[versions["as_accurate"] == "yes"]) == ""
    mixed = versions.assign(reference=["tflite_cpu_float32_resnet50"] * 3 + ["pytorch_cpu_float32_mnasnet"] * 3)
    assert draw.reference_name(mixed) == "the float32 version of its network"


def test_devices_with_a_name_have_an_article():
    devices = pd.DataFrame({"device_id": ["a", "b"], "maker": ["Maker", None], "model": ["A", None]})
    assert [runtimes.in_sentence(device, devices) for device in "ab"] == ["the Maker A", "b"]


def test_the_heading_of_page_14_has_at_most_forty_words():
    """19 words, and 4 for each network that has its own fastest version: 39 with five networks, 43 with six."""
    versions = [f"tflite_{delegate}_{kind}" for delegate in ("cpu", "nnapi") for kind in ("float32", "float16", "int8")]
    models = ["resnet50", "inception_v3", "densenet121", "squeezenet", "mobilenet_v2", "mnasnet"]
    frame = fastest(*((model, 4, version, []) for model, version in zip(models, versions, strict=True)))
    five = runtimes.ranking(frame.head(5), "TFLite CPU float32")
    assert five.endswith(
        "5 of 5 networks: TFLite CPU float32 (ResNet50), TFLite CPU float16 (InceptionV3), TFLite CPU "
        "INT8 (DenseNet121), TFLite NNAPI float32 (SqueezeNet), TFLite NNAPI float16 (MobileNetV2)."
    )
    assert len(five.split()) == 39
    six = runtimes.ranking(frame, "TFLite CPU float32")
    assert six.endswith("as accurate as TFLite CPU float32 is clear for 6 of 6 networks.")


def test_a_page_about_one_device_has_the_command_for_another_one():
    text = runtimes.subject("Maker A", "simulated")
    assert "about Maker A. For another device, run `aiot report -p origin simulated -p device ID 14`" in text
    assert "run `aiot report -p device ID 14`" in runtimes.subject("Maker A", "measured")


def test_the_table_has_times_with_intervals_and_names():
    row = runtimes.fastest_table(fastest(("mnasnet", 3, INT8, [TFLITE + "_mnasnet"]), ("resnet50", 2, INT8, []))).iloc
    assert row[0][["version", "mean_ms", "tied"]].tolist() == [
        "TFLite CPU INT8",
        "10.0 (9.5 to 10.5)",
        "TFLite CPU float32",
    ]
    assert row[1]["tied"] == "none"


def test_the_front_is_described_by_its_ends():
    frame = candidates()
    one = frame[frame["model"] == "mnasnet"]
    assert runtimes.front(one) == (
        "2 of 3 versions are on the Pareto front, from MnasNet, TFLite CPU, INT8 (2.00 ms, 60.0%) to MnasNet, PyTorch, "
        "float32 (5.00 ms, 70.0%)."
    )
    assert runtimes.front(one[one["pareto"].isin([False])]) == ""


def test_the_device_with_most_instances_is_chosen_and_the_first_of_equals():
    devices = pd.DataFrame({"device_id": ["a", "b", "c"]})
    assert runtimes.choose_device(pd.DataFrame({"device_id": ["c", "b", "b", "c"]}), devices) == "b"
    assert runtimes.choose_device(pd.DataFrame({"device_id": []}), devices) == ""
