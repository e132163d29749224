"""Findings of figures, from small frames whose answer can be read off."""

import math

import pandas as pd
import pytest

from aiot_analysis.display import findings
from aiot_analysis.stats.shares import SPEED_UP
from aiot_analysis.tables import names

NO_END = math.nan
HEAVY, LIGHT = names.MODELS[:3], names.MODELS[3:]


def speeds(rows, columns=("model", "implementation")):
    """Return the frame of `shares.speed_ups` from tuples: the columns, device, speed-up and its interval."""
    return pd.DataFrame(rows, columns=[*columns, "device_id", *SPEED_UP])


def fleet(devices, exceptions=()):
    """PyTorch is 1.5 times as fast as TFLite for the heavy networks, half as fast for the light; Caffe2 is in between.

    On the devices in `exceptions`, PyTorch is slower than TFLite for ResNet50.
    """
    rows = []
    for device in range(devices):
        for model in names.MODELS:
            pytorch = 1.5 if model in HEAVY else 0.5
            if device in exceptions and model == "resnet50":
                pytorch = 0.9
            rows.append((model, "pytorch_cpu", f"d{device}", pytorch, pytorch * 0.95, pytorch * 1.05))
            rows.append((model, "caffe2_cpu", f"d{device}", 0.8, 0.7, 0.89))
    return speeds(rows)


def test_the_fastest_framework_is_counted_over_devices():
    heavy = "PyTorch is clearly the fastest for the three heavy networks"
    light = "TFLite CPU for the three light networks"
    assert findings.frameworks(fleet(51, exceptions=(3, 8, 20))) == f"{heavy} on 48 of 51 devices, {light} on all 51."
    assert findings.frameworks(fleet(51)) == f"{heavy}, {light} (all 51 devices)."
    assert findings.frameworks(fleet(2)) == f"{heavy}, {light} (both devices)."
    assert findings.frameworks(fleet(1)) == f"{heavy}, {light}."
    assert findings.frameworks(fleet(0)) == ""


def test_a_bare_majority_is_never_stated_as_a_general_fact():
    """PyTorch leads for ResNet50 on 27 of 51 devices, and for the other heavy networks on all."""
    text = findings.frameworks(fleet(51, exceptions=range(24)))
    assert text == (
        "PyTorch is clearly the fastest for InceptionV3 and DenseNet121 on all 51 devices, TFLite CPU for the three "
        "light networks on all 51, PyTorch for ResNet50 on only 27."
    )
    alone = fleet(51, exceptions=range(24)).query("model == 'resnet50'")
    assert findings.frameworks(alone) == "PyTorch is clearly the fastest for ResNet50 on only 27 of 51 devices."


def test_networks_are_counted_alone_if_few_devices_have_the_same_leader_for_all():
    """PyTorch leads for each of two networks on 4 of 5 devices, but for both on 3 of 5 only."""
    rows = [
        (model, implementation, f"d{device}", ratio, 0.95 * ratio, 1.05 * ratio)
        for model, exception in (("resnet50", 0), ("densenet121", 1))
        for device in range(5)
        for implementation, ratio in (("pytorch_cpu", 0.5 if device == exception else 2.0), ("caffe2_cpu", 0.3))
    ]
    assert findings.frameworks(speeds(rows)) == (
        "PyTorch is clearly the fastest for ResNet50 on 4 of 5 devices and for DenseNet121 on 4."
    )


def test_of_two_frameworks_one_is_faster_than_the_other():
    rows = [("mnasnet", "pytorch_cpu", "a", 0.5, 0.4, 0.6), ("resnet50", "pytorch_cpu", "a", 1.5, 1.4, 1.6)]
    assert findings.frameworks(speeds(rows)) == (
        "TFLite CPU is clearly faster than PyTorch for MnasNet, slower for ResNet50."
    )
    open_too = [*rows[:1], ("resnet50", "pytorch_cpu", "a", 1.0, 0.9, 1.1)]
    assert findings.frameworks(speeds(open_too)) == (
        "TFLite CPU is clearly faster than PyTorch for MnasNet; for ResNet50, neither."
    )
    assert findings.frameworks(speeds(open_too[1:])) == (
        "Neither TFLite CPU nor PyTorch is clearly faster for ResNet50."
    )


def test_a_framework_leads_only_if_its_interval_is_beyond_those_of_the_others():
    overlapping = [("mnasnet", "pytorch_cpu", "a", 1.2, 1.1, 1.3), ("mnasnet", "caffe2_cpu", "a", 1.4, 1.25, 1.6)]
    assert findings.frameworks(speeds(overlapping)) == "No framework is clearly the fastest for MnasNet."
    apart = [overlapping[0], ("mnasnet", "caffe2_cpu", "a", 1.5, 1.35, 1.6)]
    assert findings.frameworks(speeds(apart)) == "Caffe2 is clearly the fastest for MnasNet."
    without_interval = [("mnasnet", "pytorch_cpu", "a", 1.2, NO_END, NO_END)]
    assert findings.frameworks(speeds(without_interval)) == "PyTorch is clearly faster than TFLite CPU for MnasNet."


def test_networks_without_a_leader_on_most_devices_are_named():
    """Each of two frameworks leads on one of two devices, so neither leads on most."""
    rows = [("mnasnet", "pytorch_cpu", "a", 2.0, 1.9, 2.1), ("mnasnet", "pytorch_cpu", "b", 0.5, 0.4, 0.6)]
    assert findings.frameworks(speeds(rows)) == (
        "Neither TFLite CPU nor PyTorch is clearly faster for MnasNet on most devices."
    )
    third = [(model, "caffe2_cpu", device, 0.1, 0.1, 0.1) for model, _, device, *_ in rows]
    assert findings.frameworks(speeds([*rows, *third])) == (
        "No framework is clearly the fastest for MnasNet on most devices."
    )


def test_missing_networks_and_devices_do_not_count():
    rows = [
        ("resnet50", "pytorch_cpu", "a", 2.0, 1.9, 2.1),
        ("resnet50", "pytorch_cpu", "b", NO_END, NO_END, NO_END),
        ("mnasnet", "pytorch_cpu", "b", 0.5, 0.4, 0.6),
        ("mnasnet", "pytorch_cpu", "c", 0.5, 0.4, 0.6),
    ]
    assert findings.frameworks(speeds(rows)) == (
        "PyTorch is clearly faster than TFLite CPU for ResNet50, slower for MnasNet on both devices."
    )


def test_nnapi_speeds_up_slows_down_or_makes_no_clear_difference():
    rows = [
        (model, "tflite_nnapi", device, ratio, 0.9 * ratio, 1.1 * ratio)
        for device in "abc"
        for model, ratio in (("resnet50", 3.0), ("squeezenet", 2.0), ("mnasnet", 1.05), ("densenet121", 0.3))
    ]
    rows[-1] = ("densenet121", "tflite_nnapi", "c", 1.2, 1.1, 1.3)
    assert findings.nnapi(speeds(rows)) == (
        "NNAPI clearly speeds up ResNet50 and SqueezeNet on all 3 devices and slows down DenseNet121 on only 2; for "
        "MnasNet, neither on most."
    )
    partly = [
        ("mobilenet_v2", "tflite_nnapi", device, ratio, ratio, ratio)
        for device, ratio in zip("abc", (2, 2, 1), strict=True)
    ]
    assert findings.nnapi(speeds([*rows, *partly])).startswith(
        "NNAPI clearly speeds up ResNet50 and SqueezeNet on all 3 devices, slows down DenseNet121 on only 2 and speeds "
        "up MobileNetV2 on only 2; for MnasNet"
    )
    assert findings.nnapi(speeds([("mnasnet", "tflite_nnapi", "a", 1.0, 0.9, 1.1)])) == (
        "NNAPI makes no clear difference for MnasNet."
    )
    assert findings.nnapi(speeds([])) == ""


def test_the_fastest_network_of_each_implementation():
    rows = [
        (way, model, "a", ratio, 0.99 * ratio, 1.01 * ratio)
        for way, ratios in (("tflite_cpu", (8.0, 0.5)), ("pytorch_cpu", (6.0, 0.9)))
        for model, ratio in zip(("mnasnet", "densenet121"), ratios, strict=True)
    ]
    assert findings.models(speeds(rows, ("implementation", "model"))) == (
        "MnasNet is clearly the fastest with TFLite CPU and PyTorch."
    )


def test_without_resnet50_the_fastest_network_is_that_of_the_lowest_mean_time():
    shares = pd.DataFrame(
        [("tflite_cpu", "a", "mnasnet", 4.0), ("tflite_cpu", "a", "squeezenet", 5.0),
         ("pytorch_cpu", "a", "mnasnet", 9.0), ("pytorch_cpu", "a", "squeezenet", 7.0),
         ("pytorch_cpu", "a", "resnet50", NO_END)],
        columns=["implementation", "device_id", "model", "time_ms"],
    )  # fmt: skip
    assert findings.models(speeds([], ("implementation", "model")), shares) == (
        "MnasNet is faster than SqueezeNet by mean time with TFLite CPU, slower with PyTorch."
    )


def test_a_version_that_no_other_beats_is_counted():
    rows = [
        ("int8", True),
        ("int8", True),
        ("float32", True),
        ("float32", False),
        ("dynamic", False),
        ("dynamic", False),
    ]
    judged = pd.DataFrame(rows, columns=["quantization", "pareto"])
    assert findings.tradeoff(judged) == ("INT8 is on the Pareto front in all 2 cases, float32 in 1, dynamic in none.")
    assert findings.tradeoff(judged.head(5)) == (
        "INT8 is on the Pareto front in all 2 cases, float32 in 1 of 2, dynamic in none."
    )
    assert findings.tradeoff(judged.head(0)) == ""
    counts = {"float32": 4, "int8": 3, "float16": 2, "dynamic": 1}
    four = pd.DataFrame([(name, case < count) for name, count in counts.items() for case in range(5)])
    assert findings.tradeoff(four.set_axis(["quantization", "pareto"], axis=1)) == (
        "Float32 is most often on the Pareto front (4 of 5 cases), dynamic least often (1)."
    )


def test_the_fastest_version_is_stated_by_delegate():
    columns = ("model", "delegate", "quantization")
    rows = [
        ("mnasnet", "cpu", "int8", "a", 2.0, 1.9, 2.1),
        ("mnasnet", "cpu", "float16", "a", 1.0, 0.9, 1.1),
        ("mnasnet", "nnapi", "int8", "a", 0.5, 0.4, 0.6),
        ("mnasnet", "nnapi", "float16", "a", 0.5, 0.4, 0.6),
    ]
    assert findings.quantizations(speeds(rows, columns)) == (
        "On the CPU, INT8 is clearly the fastest for MnasNet; with NNAPI, float32 for MnasNet."
    )
    fleet_rows = [
        (model, delegate, version, device, ratio, ratio, ratio)
        for device in "abc"
        for model in names.MODELS
        for delegate, version, ratio in (
            ("cpu", "int8", 2.0),
            ("nnapi", "int8", 0.5),
            ("nnapi", "dynamic", 2.0 if model == "densenet121" else 0.6),
        )
    ]
    assert findings.quantizations(speeds(fleet_rows, columns)) == (
        "On the CPU, INT8 is clearly the fastest for all six networks; with NNAPI, float32 for all networks but "
        "DenseNet121, dynamic for DenseNet121 (all 3 devices)."
    )


MEANS = ["model", "implementation", "devices", *SPEED_UP]


def test_speed_ups_are_judged_by_means_over_devices_or_those_of_the_only_device():
    over = pd.DataFrame(
        [("mnasnet", "pytorch_cpu", 2, 0.5, NO_END, NO_END), ("resnet50", "pytorch_cpu", 2, 1.5, 1.2, 1.9)],
        columns=MEANS,
    )
    two = speeds([("mnasnet", "pytorch_cpu", device, 0.5, 0.4, 0.6) for device in "ab"])
    assert findings.speed_ups(two, over, "TFLite CPU", "implementation") == (
        "PyTorch is faster or slower than TFLite CPU, depending on the network: 0.50 to 1.50 times as fast (means over "
        "2 devices)."
    )
    nnapi = pd.DataFrame([("resnet50", "tflite_nnapi", 2, 0.08, 0.07, 0.09)], columns=MEANS)
    assert findings.speed_ups(two, pd.concat([over, nnapi]), "TFLite CPU", "implementation") == (
        "TFLite NNAPI is clearly slower than TFLite CPU; PyTorch either, depending on the network (means over 2 "
        "devices)."
    )
    one = speeds([("mnasnet", "pytorch_cpu", "a", 0.5, 0.4, 0.6)])
    assert findings.speed_ups(one, over.head(1), "TFLite CPU", "implementation") == (
        "PyTorch is clearly slower than TFLite CPU: 0.50 times as fast."
    )
    assert findings.speed_ups(one.head(0), over.head(0), "TFLite CPU", "implementation") == ""


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((1.2, 1.4), (1.5, 1.7), "clearly faster than float32 for both networks"),
        ((0.2, 0.4), (0.5, 0.7), "clearly slower than float32 for both networks"),
        ((1.2, 1.4), (0.5, 0.7), "faster or slower than float32, depending on the network"),
        ((1.2, 1.4), (0.9, 1.7), "clearly faster than float32 for some networks, slower for none"),
        ((0.2, 0.4), (0.9, 1.7), "clearly slower than float32 for some networks, faster for none"),
        ((0.8, 1.4), (0.9, 1.7), "neither clearly faster nor slower than float32"),
    ],
)
def test_what_the_intervals_of_two_networks_say_together(first, second, words):
    rows = [
        (model, "cpu", "int8", "a", (low + high) / 2, low, high)
        for model, (low, high) in (("mnasnet", first), ("resnet50", second))
    ]
    frame = speeds(rows, ("model", "delegate", "quantization"))
    assert findings.speed_ups(frame, frame, "float32", "quantization").startswith(f"INT8 is {words}: ")


def test_networks_with_the_same_verdict_share_a_clause():
    ratios = {"inception_v3": 0.8, "densenet121": 1.1, "squeezenet": 4.0, "mobilenet_v2": 7.0, "mnasnet": 6.5}
    rows = [
        (way, model, "a", ratio, 0.99 * ratio, 1.01 * ratio)
        for way in ("tflite_cpu", "tflite_nnapi")
        for model, usual in ratios.items()
        if (ratio := 0.08 if (way, model) == ("tflite_nnapi", "densenet121") else usual)
    ]
    frame = speeds(rows, ("implementation", "model"))
    assert findings.speed_ups(frame, frame, "ResNet50", "model") == (
        "The three light networks are clearly faster than ResNet50 with both implementations; InceptionV3 slower "
        "with both; DenseNet121 either, depending on the implementation."
    )


def test_accuracy_of_devices_is_by_its_test_and_of_one_device_by_its_range():
    ids = ["tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"]
    rows = pd.DataFrame({"device_id": "a", "instance_id": ids, "accuracy": [0.6, 0.75]})
    spread = pd.DataFrame(
        {"instance_id": ids, "p_adjusted": [0.01, 0.2], "accuracy_min": [0.55, 0.7], "accuracy_max": [0.6, 0.8]}
    )
    assert findings.accuracy(rows, spread.head(0)) == (
        "Accuracy ranges from 60.0% (MnasNet, TFLite CPU) to 75.0% (MnasNet, PyTorch)."
    )
    assert findings.accuracy(rows, spread) == (
        "Accuracy differs significantly between devices for 1 of 2 combinations of network and framework, by up to "
        "5.0 points (MnasNet, TFLite CPU)."
    )
    assert findings.accuracy(rows, spread.assign(p_adjusted=0.5)) == (
        "Accuracy varies between devices by up to 10.0 points (MnasNet, PyTorch), but significantly for none of 2 "
        "combinations of network and framework."
    )
    assert findings.accuracy(rows.head(0), spread) == ""
    assert findings.accuracy(rows.head(1), spread.head(0)) == "Accuracy is 60.0% (MnasNet, TFLite CPU)."


def test_implementations_with_the_same_accuracy_are_named_together():
    """TFLite and PyTorch agree for two networks, and PyTorch and Caffe2 are equal at the top of the third."""
    rows = [
        ("tflite_cpu_float32_squeezenet", 0.6), ("pytorch_cpu_float32_squeezenet", 0.6),
        ("tflite_cpu_float32_mobilenet_v2", 0.7), ("pytorch_cpu_float32_mobilenet_v2", 0.7),
        ("tflite_cpu_float32_mnasnet", 0.75), ("pytorch_cpu_float32_mnasnet", 0.8), ("caffe2_cpu_float32_mnasnet", 0.8),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["instance_id", "accuracy"]).assign(device_id="a")
    none_tested = pd.DataFrame({"p_adjusted": []})
    assert findings.accuracy(frame, none_tested) == (
        "Accuracy ranges from 60.0% (SqueezeNet) to 80.0% (MnasNet, PyTorch and Caffe2); TFLite CPU and PyTorch give "
        "the same accuracy for SqueezeNet and MobileNetV2."
    )
    assert findings.accuracy(frame.head(2), none_tested) == "All 2 accuracies are 60.0%."
    apart = frame.head(4).assign(device_id=["a", "b", "a", "a"])
    assert findings.accuracy(apart, none_tested) == (
        "Accuracy ranges from 60.0% (SqueezeNet, TFLite CPU and PyTorch) to 70.0% (MobileNetV2); TFLite CPU and "
        "PyTorch give the same accuracy for MobileNetV2."
    ), "on different devices, they are not compared"


def test_agreement_and_reference_count_corrected_tests():
    spread = pd.DataFrame({"p_adjusted": [0.01, 0.2, NO_END]})
    unstable = pd.DataFrame({"disagreement": [0.004, 0.02, NO_END]})
    assert findings.agreement(spread, unstable) == (
        "The accuracy of devices differs by more than chance for 1 of 2 instances; two devices disagree on 0.4 to "
        "2.0% of the images."
    )
    assert findings.agreement(spread.tail(1), unstable) == ""
    versus = pd.DataFrame({"p_adjusted": [0.01, 0.02, 1.0], "change": [-0.032, 0.01, 0.001]})
    assert findings.reference(versus, "a") == (
        "Accuracy differs significantly from the reference in 2 of 3 comparisons, by −3.2 to +1.0 points."
    )
    assert findings.reference(versus.tail(1), "a") == (
        "None of 1 comparison shows a significant difference in accuracy from the reference."
    )
    assert findings.reference(versus, "") == ""


def test_a_version_costs_accuracy_if_its_interval_is_below_0_on_most_devices():
    rows = [
        ("a", "densenet121", "int8", -0.10, -0.12),
        ("b", "densenet121", "int8", -0.14, -0.16),
        ("a", "squeezenet", "int8", -0.05, -0.07),
        ("b", "squeezenet", "int8", -0.05, -0.07),
        ("a", "squeezenet", "float16", -0.01, -0.03),
        ("b", "squeezenet", "float16", 0.0, -0.02),
    ]
    changes = pd.DataFrame(rows, columns=["device_id", "model", "quantization", "change", "change_low"])
    changes["change_high"] = 2 * changes["change"] - changes["change_low"]
    changes.loc[changes["quantization"] == "float16", "change_high"] = 0.02
    assert findings.quantized_accuracy(changes) == (
        "INT8 costs DenseNet121 and SqueezeNet 5.0 to 12.0 points of accuracy (medians over 2 devices)."
    )
    assert findings.quantized_accuracy(changes[changes["quantization"] == "float16"]) == (
        "No quantized version is significantly less accurate than float32 on most devices; the largest loss is 0.5 "
        "points (SqueezeNet, float16, median over 2 devices)."
    )
    more = changes.head(4).assign(
        quantization="float16", change=[-0.5, -0.5, 0.01, 0.01], change_high=[-0.4, -0.4, 1, 1]
    )
    more.loc[1, "change_high"] = 0.1
    third = more.head(1).assign(device_id="c")
    assert findings.quantized_accuracy(pd.concat([changes.head(4), more, third])) == (
        "Float16 costs DenseNet121 50.0 points of accuracy on only 2 of 3 devices, INT8 costs DenseNet121 and "
        "SqueezeNet 5.0 to 12.0 (medians over 3 devices)."
    )
    assert findings.quantized_accuracy(changes.head(0)) == ""


def ranked(*rows):
    columns = ["device_id", "vips", "vips_low", "vips_high", "rank_low", "rank_high", "instances", "peer_group"]
    return pd.DataFrame(rows, columns=columns).assign(missing="")


def test_the_first_of_a_ranking_is_named_with_those_that_may_be_as_high():
    three = ranked(
        ("a", 30.0, 28.0, 32.0, 1, 2, 24, 1), ("b", 29.0, 27.0, 31.0, 1, 2, 24, 1), ("c", 9.0, 8.0, 10.0, 3, 3, 24, 1)
    )
    labels = {"a": "Maker A"}
    assert findings.ranking(three, labels) == (
        "Maker A is first of 3 devices with 30.0 VIPS (28.0 to 32.0), but 1 other may be as high."
    )
    sure = three.assign(rank_low=[1, 2, 3])
    assert findings.ranking(sure, labels) == "Maker A is first of 3 devices with 30.0 VIPS (28.0 to 32.0)."
    assert findings.ranking(three.head(1), labels) == "Maker A scores 30.0 VIPS (28.0 to 32.0)."
    large = three.head(1).assign(vips=1323.3, vips_low=1307.1, vips_high=1340.3)
    assert findings.ranking(large, labels) == "Maker A scores 1,323 VIPS (1,307 to 1,340)."
    assert findings.ranking(large, labels, "", "instances of a suite") == (
        "Maker A scores 1,323 (1,307 to 1,340) over the 24 instances of a suite."
    )
    split = three.assign(peer_group=[1, 1, 2])
    assert "first of 2 comparable devices" in findings.ranking(split, labels)
    unknown = three.assign(vips_low=NO_END, vips_high=NO_END, rank_low=pd.NA, rank_high=pd.NA)
    assert findings.ranking(unknown, labels) == (
        "Maker A has the highest estimate of 3 devices, 30.0 VIPS; without intervals, the order is uncertain."
    )
    assert findings.ranking(three.assign(instances=0), labels) == ""


def test_a_score_over_a_part_of_the_instances_says_so():
    """Of 8 quantized instances, 3 are missing; a number without them invites to compare it with that of others."""
    part = ranked(("a", 30.0, 28.0, 32.0, 1, 2, 5, 1), ("b", 29.0, 27.0, 31.0, 1, 2, 5, 1)).assign(missing="x, y, z")
    assert (
        findings.ranking(part.head(1), {})
        == "Device a scores 30.0 VIPS (28.0 to 32.0) over 5 of the 8 float32 instances."
    )
    assert findings.ranking(part, {}, "", "quantized instances", "not comparable with VIPS") == (
        "Device a is first of 2 devices with 30.0 (28.0 to 32.0) over 5 of the 8 quantized instances, but 1 other may "
        "be as high; not comparable with VIPS."
    )
    unknown = part.assign(rank_low=pd.NA, vips_low=NO_END)
    assert findings.ranking(unknown, {}) == (
        "Device a has the highest estimate of 2 devices, 30.0 VIPS over 5 of the 8 float32 instances; without "
        "intervals, the order is uncertain."
    )


def test_contributions_are_summed_by_network():
    parts = pd.DataFrame(
        {"device_id": ["a"] * 3, "model": ["mnasnet", "mnasnet", "resnet50"], "share": [0.5, 0.3, 0.2]}
    )
    assert findings.contributions(parts) == "MnasNet contributes 80% of the score, ResNet50 20%."
    assert findings.contributions(parts.head(0)) == ""


def test_timings_and_weights():
    both = pd.DataFrame(
        {"vips_end_to_end": [10.0, 20.0], "vips_inference": [20.0, 60.0], "rank_change": [1, -1], "peer_group": 1}
    )
    assert findings.timings(both) == (
        "By inference alone, the score is 2.50 times as high in the median of 2 devices, and 2 of 2 change rank."
    )
    assert findings.timings(both.head(1)) == "By inference alone, the score is 2.00 times as high."
    assert findings.timings(both.assign(vips_end_to_end=NO_END)) == ""
    without = pd.DataFrame(
        {
            "peer_group": [1, 1],
            "devices": [5, 5],
            "instance_id": ["tflite_cpu_float32_mnasnet", "caffe2_cpu_float32_mnasnet"],
            "share_median": [0.25, 0.1],
            "moved": [2, 3],
        }
    )
    assert findings.weights(without) == (
        "MnasNet, TFLite CPU has the largest share of the score, 25% in the median of 5 devices; removing any one "
        "instance changes the rank of at most 3 of 5 devices."
    )


def test_devices_are_described_as_far_as_they_are_known():
    table = pd.DataFrame(
        {
            "device_id": ["a", "b", "c"],
            "maker": ["Samsung", "Samsung", "Oppo"],
            "model": ["S20", "S10", "Reno"],
            "soc": ["Exynos 990", "Snapdragon 855", None],
            "paper_id": pd.array([3, 1, None], "Int64"),
            "cores": pd.array([8, 8, None], "Int64"),
            "ram_gb": [12.0, 8.0, NO_END],
            "os": "Android",
            "os_version": ["10", "9", "10"],
        }
    )
    assert findings.devices(table) == (
        "3 devices of 2 makers with chips of Samsung, Qualcomm and others, Android 9 to 10; 2 of the paper's 51 phones "
        "are among them."
    )
    assert findings.devices(table.head(1)) == (
        "One device: Samsung S20, Exynos 990, 8 cores, 12 GB of memory, Android 10."
    )
    assert findings.devices(table.tail(1)) == "One device: Oppo Reno, Android 10."
    unknown = table.assign(maker=None, soc=None, paper_id=pd.NA, os=None)
    assert findings.devices(unknown) == "3 devices."
    mixed = table.assign(os=["Android", "Android", "Linux"], os_version=["10", "Pie", "6.1"], soc="x")
    assert findings.devices(mixed.assign(paper_id=pd.NA)) == "3 devices of 2 makers, Android, Linux 6.1."
    assert findings.devices(table.head(0)) == ""
    every = pd.concat([table] * 17).assign(paper_id=range(1, 52))
    assert findings.devices(every).endswith("; all 51 phones of the paper are among them.")


def test_coverage_counts_usable_instances_of_the_paper():
    ids = names.PAPER[:3]
    rows = [(device, instance, "valid") for device in "ab" for instance in ids]
    frame = pd.DataFrame(rows, columns=["device_id", "instance_id", "verdict"])
    frame.loc[0, "verdict"] = "semi-valid"
    frame.loc[1, "verdict"] = "unavailable"
    assert findings.coverage(frame) == "2 to 3 of the paper's 60 instances have usable numbers on each of 2 devices."
    assert findings.coverage(frame.head(3)) == "2 of the paper's 60 instances have usable numbers."
    assert findings.coverage(frame.head(0)) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(1330.0, "1,330 ms"), (12.345, "12.3 ms"), (1.0, "1.00 ms"), (0.01234, "0.0123 ms"), (0, "0 ms")],
)
def test_times_have_three_digits_and_no_exponent(value, text):
    assert findings.milliseconds(value) == text


def test_times_and_phases():
    ids = ["tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"]
    means = pd.DataFrame({"device_id": "a", "instance_id": ids, "mean_ms": [4.0, 1330.0]})
    assert findings.mean_times(means) == (
        "An image takes from 4.00 ms for MnasNet, TFLite CPU, float32 to 1,330 ms for MnasNet, PyTorch, float32."
    )
    phases = pd.DataFrame(
        {
            "device_id": "a",
            "instance_id": [ids[0], ids[0], ids[1], ids[1]],
            "phase": ["decode_ms", "inference_ms"] * 2,
            "mean_ms": [3.0, 1.0, 1.0, 3.0],
        }
    )
    assert findings.phases(phases, {}) == (
        "Inference takes 50% of the time of an image in the median of 2 instances, but only 25% for MnasNet, TFLite "
        "CPU, float32."
    )
    assert findings.phases(phases.head(0), {}) == "" and findings.mean_times(means.head(0)) == ""


def test_times_along_a_run():
    ids = ["tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"]
    labels = {"a": "Maker A", "b": "Maker B"}
    tails = pd.DataFrame({"device_id": "a", "instance_id": ids, "tail": [1.2, 1.6], "median_ms": [2.0, 4.0]})
    tails["first_ms"] = [6.0, 10.0]
    assert findings.tails(tails.assign(device_id=["a", "b"]), labels) == (
        "The first image takes 2.50 to 3.00 times the median time, and one in a hundred typically at least 1.40 "
        "times (1.60 for MnasNet, PyTorch, float32 on Maker B)."
    )
    assert findings.tails(tails.head(1), labels) == (
        "The first image takes 3.00 times the median time, and one in a hundred at least 1.20 times."
    )
    assert findings.tails(tails.assign(first_ms=NO_END), labels) == (
        "One image in a hundred typically takes at least 1.40 times the median time (1.60 for MnasNet, PyTorch, "
        "float32)."
    )
    devices = [f"d{number}" for number in range(7)]
    of_many = pd.DataFrame(
        {"device_id": devices, "instance_id": ids[0], "tail": 1.5, "median_ms": 2.0, "first_ms": 6.0}
    )
    assert findings.tails(of_many, labels).startswith("One image in a hundred typically takes at least 1.50 times")
    assert findings.tails(of_many.head(6), labels).startswith("The first image takes 3.00 times the median time")
    scores = pd.DataFrame(
        {"device_id": "a", "instance_id": ids, "stability": [0.99, 0.9], "steadiness": ["stable", "unstable"]}
    )
    assert findings.stability(scores, labels) == (
        "Within the run, the speed of 1 of 2 instances varies by over 3%, beyond chance, and drops to 90% at worst "
        "(MnasNet, PyTorch, float32)."
    )
    assert findings.stability(scores.assign(steadiness="no less stable than chance"), labels) == (
        "Within the run, the speed of none of 2 instances varies by over 3%, beyond chance."
    )
    assert "(MnasNet, PyTorch, float32 on Maker B)" in findings.stability(scores.assign(device_id=["a", "b"]), labels)
    drifts = pd.DataFrame({"gap": ["", "", "x"], "finding": ["slower", "no drift seen", "cannot be decided"]})
    assert findings.drifts(drifts, 0.05) == (
        "Over the whole run, 1 of 2 instances became slower by 5% or more, and none faster."
    )
    assert findings.drifts(drifts.assign(finding="no drift seen"), 0.025) == (
        "Over the whole run, none of 2 instances became slower or faster by 2.5% or more."
    )
    bursts = pd.DataFrame({"slowdown": [1.1, 1.0], "slowdown_low": [1.05, 0.9], "slowdown_high": [1.15, 1.1]})
    assert findings.slowdown(bursts, "first 50 images") == (
        "After the first 50 images, 1 of 2 instances is clearly slower, by 10.0%, and none clearly faster."
    )
    four = pd.concat(
        [bursts, bursts, bursts.tail(2).assign(slowdown=[0.9, 0.97], slowdown_low=0.85, slowdown_high=[0.95, 0.98])]
    )
    assert findings.slowdown(four, "first 20 seconds") == (
        "After the first 20 seconds, 2 of 6 instances are clearly slower, by up to 10.0%, and 2 clearly faster, by up "
        "to 10.0%."
    )
    for finding, frame in ((findings.tails, tails), (findings.stability, scores)):
        assert finding(frame.head(0), labels) == ""
    assert findings.drifts(drifts.head(0), 0.05) == ""


def correlations(*rows):
    return pd.DataFrame(rows, columns=["device_id", "implementation", "models", "rho", "p_value"])


def test_complexity_counts_the_devices_on_which_more_operations_clearly_take_longer():
    six = correlations(
        ("a", "tflite_cpu", 6, 0.9, 0.02), ("b", "tflite_cpu", 6, 1.0, 0.003), ("a", "pytorch_cpu", 6, -0.2, 0.7),
        ("b", "pytorch_cpu", 6, 0.1, 0.9), ("a", "caffe2_cpu", 6, 0.94, 0.02), ("b", "caffe2_cpu", 6, 0.5, 0.3),
    )  # fmt: skip
    assert findings.complexity(six) == (
        "More operations clearly take longer with TFLite CPU on both devices, with Caffe2 on only 1, with PyTorch on "
        "none (median ρ −0.05 to 0.95)."
    )
    on_a = six[six["device_id"] == "a"]
    assert findings.complexity(on_a) == (
        "More operations clearly take longer with TFLite CPU and Caffe2, not with PyTorch (ρ −0.20 to 0.94)."
    )
    assert findings.complexity(on_a[on_a["implementation"] == "pytorch_cpu"]) == (
        "More operations do not clearly take longer with PyTorch (ρ −0.20)."
    )
    reverse = correlations(("a", "tflite_cpu", 6, -1.0, 0.003), ("b", "tflite_cpu", 6, 0.5, 0.4))
    assert findings.complexity(reverse) == (
        "More operations do not clearly take longer with TFLite CPU on any of 2 devices (median ρ −0.25)."
    )
    assert findings.complexity(six.head(0)) == ""


def test_three_and_four_networks_are_too_few_for_a_test_and_five_are_not():
    """The most extreme of 3! = 6 and 4! = 24 orders have p-values of 2/6 and 2/24, that of 5! = 120 has 2/120."""
    three = correlations(("a", "tflite_cpu", 3, 1.0, 0.333), ("a", "pytorch_cpu", 3, 1.0, 0.333))
    assert findings.complexity(three) == (
        "The three networks rank by their operations with TFLite CPU and PyTorch, but three are too few for a test."
    )
    assert findings.complexity(three.assign(models=[3, 4])) == (
        "The networks rank by their operations with TFLite CPU and PyTorch, but at most four are too few for a test."
    )
    assert findings.complexity(three.assign(rho=[0.5, 1.0])) == (
        "Three networks are too few to test whether more operations take longer with TFLite CPU and PyTorch (ρ 0.50 to "
        "1.00)."
    )
    assert findings.complexity(three.assign(models=[3, 5], p_value=[0.333, 2 / 120])) == (
        "More operations clearly take longer with PyTorch (ρ 1.00; three networks are too few for a test with TFLite "
        "CPU)."
    )


def test_implementations_and_instances_off_the_line():
    off = pd.DataFrame({"implementation": ["tflite_cpu", "caffe2_cpu", "pytorch_cpu"], "off": ["faster", "slower", ""]})
    columns = ["model", "implementation", "ratio", "named"]
    near = pd.DataFrame([("mnasnet", "pytorch_cpu", 1.02, "")], columns=columns)
    assert findings.off_line(off, near) == (
        "At equal operations, TFLite CPU is faster and Caffe2 is slower than the line through all instances of a "
        "device."
    )
    far = pd.DataFrame([("densenet121", "tflite_nnapi", 9.63, "slower"), *near.to_numpy().tolist()], columns=columns)
    assert findings.off_line(off.assign(off=""), far) == (
        "No implementation is off the line with all of its networks; DenseNet121 with TFLite NNAPI takes 9.6 times as "
        "long as the line predicts."
    )
    assert findings.off_line(off.assign(named="").drop(columns="off"), near) == (
        "No implementation is off the line with all of its networks on half of the devices."
    )
    assert findings.off_line(off.assign(off=None), near) == (
        "No implementation ran all six models, so none can be judged as a whole."
    )
    assert findings.off_line(off.head(0), far.head(0)) == ""


def test_operators_and_resizing():
    key = {"device_id": "a", "framework": "pytorch"}
    shares = pd.DataFrame(
        [
            ("resnet50", "convolution", 0.9),
            ("resnet50", "relu", 0.1),
            ("mnasnet", "convolution", 0.6),
            ("mnasnet", "relu", 0.4),
        ],
        columns=["model", "kind", "share"],
    ).assign(**key)
    assert findings.operator_shares(shares) == (
        "Convolution takes the largest share of the time in ResNet50 and MnasNet: from 60% (MnasNet) to 90% (ResNet50)."
    )
    otherwise = shares.assign(device_id="b", kind=shares["kind"].map({"convolution": "relu", "relu": "convolution"}))
    other_device = pd.concat([shares, otherwise.head(2)])
    assert findings.operator_shares(other_device) == (
        "Convolution takes the largest share of the time in MnasNet: 60% (MnasNet)."
    )
    bins = pd.DataFrame(
        {"model": ["mnasnet", "mnasnet", "resnet50"], "high_ms": [0.98, math.inf, 0.98], "share": [0.9, 0.1, 0.25]}
    ).assign(**key)
    assert findings.convolutions(bins) == (
        "Of the convolutions, 25% (ResNet50) to 90% (MnasNet) take less than 0.98 ms."
    )
    boxes = pd.DataFrame({"model": ["mnasnet"] * 3 + ["resnet50"], "kind": ["input", "conv", "conv", "conv"]})
    assert findings.modules(boxes) == "Typical modules have from 1 operator (ResNet50) to 2 operators (MnasNet)."
    tied = pd.concat([boxes, pd.DataFrame({"model": ["squeezenet"], "kind": ["conv"]})])
    assert findings.modules(tied) == (
        "Typical modules have from 1 operator (ResNet50 and SqueezeNet) to 2 operators (MnasNet)."
    )
    assert findings.modules(tied[tied["model"] != "mnasnet"]) == (
        "Typical modules have 1 operator (ResNet50 and SqueezeNet)."
    )
    changes = pd.DataFrame(
        {"change": [-0.03, 0.01], "resize": ["square_crop", "resize_crop"], "verdict": ["cannot be decided", "holds"]}
    )
    assert findings.resizing(changes, 0.02) == (
        "The way of resizing changes accuracy by at most 3.0 points (resize to a square, then crop); the change is "
        "surely within 2 points in 1 of 2 comparisons, and surely beyond in none."
    )
