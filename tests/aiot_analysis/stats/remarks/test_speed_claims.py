"""Tests of the claims on speed, on fleets where they are true, false or undecidable."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from aiot_analysis.stats import remarks
from aiot_analysis.stats.remarks.claim import AGAINST, AS_CLAIMED, BUILT, FAILS, HOLDS, OPEN
from aiot_analysis.stats.remarks.evidence import Evidence
from aiot_analysis.tables import names
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.stats.remarks.fleets import EXCEPTIONS, NO_IMAGES, fleet, judged, records, true_times

ON_EACH = ["2d", "3c", "3f", "4d"]  # claims on some devices
SPEED = ["2a", "2b", "2c", "2e", "3a", "3b", "3d", "3e", "4a", "4b", "4c", "4e", "5g", "5h", "5i", "5j", "5k", "5l"]
ALL_SPEED = sorted(SPEED + ON_EACH)


def of_float32(implementation, *models):
    return [names.instance_id(implementation, "float32", model) for model in models or names.MODELS]


def quantized(delegate, quantization, *models):
    return [names.instance_id(f"tflite_{delegate}", quantization, model) for model in models]


LIGHT = ["mobilenet_v2", "mnasnet"]
FALSE = {  # factors on times that make the claim false on every device
    "2a": (of_float32("pytorch_cpu", "densenet121"), 2.0),
    "2b": (of_float32("pytorch_cpu", "squeezenet"), 3.0),
    "2c": (of_float32("tflite_cpu", "mnasnet"), 30.0),
    "2d": ([], 1.0),
    "2e": (of_float32("pytorch_cpu"), 0.01),
    "3a": (of_float32("tflite_nnapi", "resnet50"), 2.5),
    "3b": (of_float32("tflite_nnapi", "mnasnet"), 0.2),
    "3c": (of_float32("tflite_nnapi", *LIGHT), 0.8),
    "3d": (of_float32("tflite_nnapi", "densenet121"), 0.15),
    "3f": (of_float32("tflite_nnapi"), 0.1),
    "4a": (of_float32("tflite_cpu", *LIGHT), 30.0),
    "4b": (of_float32("caffe2_cpu", "squeezenet"), 4.0),
    "4c": (of_float32("pytorch_cpu", "mnasnet"), 0.1),
    "4d": (of_float32("tflite_nnapi", "inception_v3"), 3.0),
    "4e": (of_float32("tflite_nnapi", "densenet121"), 0.01),
    "5g": (quantized("cpu", "float16", "resnet50"), 1.5),
    "5h": (quantized("cpu", "dynamic", "mnasnet"), 0.5),
    "5i": (quantized("cpu", "int8", "inception_v3"), 3.0),
    "5j": (quantized("nnapi", "int8", "mnasnet"), 0.3),
    "5k": (quantized("nnapi", "int8", "densenet121"), 5.0),
    "5l": (quantized("nnapi", "dynamic", "squeezenet"), 3.0),
}


@pytest.fixture(scope="module")
def true_fleet():
    rows = fleet(devices=20, exceptions=EXCEPTIONS | {"caffe2_cpu_float32_resnet50": 0.62})  # beyond 5% of time
    return judged(rows, records(rows[rows["quantization"] == "float32"]), remarks=[2, 3, 4, 5])


@pytest.mark.parametrize("claim", ALL_SPEED)
def test_a_planted_truth_holds(true_fleet, claim):
    result = true_fleet.loc[claim]
    assert result["verdict"] == HOLDS, result["why"]
    assert result["effect_low"] <= result["effect"] <= result["effect_high"]
    assert result["n_devices"] == 20


@pytest.mark.parametrize("claim", FALSE)
def test_a_planted_falsehood_does_not_hold(claim):
    slowed, factor = FALSE[claim]
    times = {id_: ms * (factor if id_ in slowed else 1) for id_, ms in true_times().items()}
    rows = fleet(times, exceptions={})
    images = records(rows[rows["quantization"] == "float32"]) if claim in ON_EACH else NO_IMAGES
    result = judged(rows, images, remarks=[int(claim[0])]).loc[claim]
    assert result["verdict"] == FAILS, result["why"]


def test_a_graph_in_one_piece_is_not_cut():
    result = judged(fleet().assign(partitions=1), remarks=[3])
    assert result.loc["3e", "verdict"] == FAILS
    assert judged(fleet().assign(partitions=pd.NA), remarks=[3]).loc["3e", "verdict"] == OPEN


@pytest.mark.parametrize("claim", ["2a", "2b", "2c", "3a", "3b", "3d", "4b", "4c", "5g", "5i", "5j", "5l"])
def test_devices_that_disagree_decide_nothing(claim):
    rows = fleet(devices=4, scatter=1.5, seed=3)
    result = judged(rows, remarks=[int(claim[0])]).loc[claim]
    assert result["verdict"] in (OPEN, FAILS)
    assert result["verdict"] != HOLDS


def test_four_devices_that_scatter_widely_leave_it_open_and_say_so():
    result = judged(fleet(devices=4, scatter=1.5, seed=3), remarks=[3]).loc["3a"]
    assert result["verdict"] == OPEN
    assert "undecided" in result["why"] and "include the threshold" in result["why"]
    assert result["effect_low"] < 1.5 < result["effect_high"]


def test_two_devices_have_no_interval_and_are_listed():
    """At the level of three comparisons, Student's interval for the logarithms of 1.2 and 1.05 is 0.09 to 14.6."""
    slow, fast = (names.instance_id(f"tflite_{id_}", "float32", "resnet50") for id_ in ("cpu", "nnapi"))
    rows = instances(
        *(
            instance(id_, device_id=device, end_to_end_ms_mean=ms)
            for device, times in {"a": (120.0, 100.0), "b": (105.0, 100.0)}.items()
            for id_, ms in zip((slow, fast), times, strict=True)
        )
    )
    parts = remarks.parts(rows, NO_IMAGES, remarks=[3])
    [part] = parts[(parts["id"] == "3a") & parts["part"].str.startswith("ResNet50")].to_dict("records")
    assert part["effect"] == pytest.approx((1.2 * 1.05) ** 0.5)
    assert np.isnan([part["effect_low"], part["effect_high"]]).all()
    assert part["why"] == "2 devices (1.20 on a, 1.05 on b): an interval over devices needs 3"
    result = remarks.verdicts(parts).set_index("id").loc["3a"]
    assert (result["verdict"], result["figures"]) == (OPEN, "no figures")


@pytest.mark.parametrize("false", [False, True])
def test_what_simulated_data_decide_is_marked_and_judged_by_the_same_rule(false):
    wrong = {id_: factor for slowed, factor in FALSE.values() for id_ in slowed} if false else {}
    rows = fleet({id_: ms * wrong.get(id_, 1) for id_, ms in true_times().items()})
    measured, simulated = judged(rows), judged(rows.assign(origin="simulated"))
    assert simulated["verdict"].tolist() == measured["verdict"].tolist()
    assert {HOLDS, OPEN} <= set(simulated["verdict"])
    assert ((simulated["mark"] == BUILT) == simulated["verdict"].isin([HOLDS, FAILS])).all()
    assert set(measured["mark"]) == {""}


def test_one_simulated_device_decides_no_more_than_one_measured():
    rows = fleet(devices=1, origin="simulated")
    result = remarks.verdicts(remarks.parts(rows, records(rows), remarks=[1])).set_index("id").loc["1b"]
    assert (result["verdict"], result["mark"]) == (OPEN, "")
    assert "at least 5 are needed" in result["why"]


def test_the_effect_is_the_geometric_mean_over_devices_with_students_interval():
    rows = fleet(devices=6, scatter=0.3, seed=5)
    parts = remarks.parts(rows, NO_IMAGES, remarks=[4]).set_index(["id", "part"])
    result = parts.loc[("4e", "TFLite NNAPI, MnasNet against DenseNet121")]
    ms = rows.pivot(index="device_id", columns="instance_id", values="end_to_end_ms_mean")
    ratio = ms["tflite_nnapi_float32_densenet121"] / ms["tflite_nnapi_float32_mnasnet"]
    from scipy.stats import ttest_1samp

    test = ttest_1samp(np.log(ratio), 0).confidence_interval(1 - 0.05 / 5)  # five comparisons
    assert result["effect"] == pytest.approx(np.exp(np.log(ratio).mean()))
    assert (result["effect_low"], result["effect_high"]) == pytest.approx(tuple(np.exp(test)))


def test_one_device_is_judged_by_its_images():
    rows = fleet(devices=1, exceptions={})
    result = judged(rows, records(rows))
    assert result.loc["2a", "verdict"] == HOLDS
    assert result.loc["4a", "verdict"] == HOLDS
    assert result.loc["2d", "verdict"] == FAILS
    assert result.loc["3d", "verdict"] == OPEN  # nothing is known of most devices
    assert "most" in result.loc["3d", "why"]
    assert (result.loc[["2a", "4a", "2d"], "n_devices"] == 1).all()


def test_one_device_without_records_of_images_is_judged_by_mean_and_deviation():
    rows = fleet(devices=1, exceptions={})
    assert judged(rows, remarks=[2]).loc["2a", "verdict"] == HOLDS
    unknown = judged(rows.assign(end_to_end_ms_sd=np.nan), remarks=[2, 4])
    assert unknown.loc["2a", "verdict"] == unknown.loc["4a", "verdict"] == OPEN
    assert "no scatter of times is known" in unknown.loc["2a", "why"]


def test_what_was_not_measured_is_named():
    rows = fleet()
    result = judged(rows[rows["delegate"] == "cpu"])
    for claim in ("3a", "3b", "3c", "3d", "3e", "3f", "4d", "4e", "5j", "5k", "5l", "6a"):
        assert result.loc[claim, "verdict"] == OPEN
        assert "TFLite NNAPI" in result.loc[claim, "why"] and "not measured" in result.loc[claim, "why"]
        assert np.isnan(result.loc[claim, "effect"])
    assert result.loc["2a", "verdict"] == HOLDS


def test_devices_under_other_conditions_are_not_pooled():
    rows = fleet()
    rows.loc[rows["device_id"] == "phone-03", "threads"] = 4
    result = judged(rows, remarks=[2]).loc["2a"]
    assert result["verdict"] == OPEN
    assert "threads" in result["why"] and "1" in result["why"] and "4" in result["why"]


def test_two_frameworks_with_other_weights_are_compared_and_with_other_images_are_not():
    rows = fleet()
    rows.loc[rows["framework"] == "pytorch", "dataset_sha256"] = "other"
    result = judged(rows, remarks=[2]).loc["2a"]
    assert result["verdict"] == OPEN


def test_one_framework_alone():
    rows = fleet()
    result = judged(rows[rows["framework"] == "caffe2"])
    assert set(result["verdict"]) <= {OPEN, HOLDS, FAILS}
    assert result.loc["2a", "verdict"] == result.loc["2e", "verdict"] == OPEN


def test_nothing_at_all():
    result = judged(fleet().iloc[:0])
    assert len(result) == len(remarks.CLAIMS)
    assert set(result["verdict"]) == {OPEN}
    assert (result["n_devices"] == 0).all()


def test_another_timing_is_another_answer():
    rows = fleet()
    slow = rows["instance_id"] == "pytorch_cpu_float32_resnet50"
    rows.loc[slow, "inference_ms_mean"] = rows.loc[slow, "inference_ms_mean"] * 5
    assert judged(rows, remarks=[2]).loc["2a", "verdict"] == HOLDS
    assert judged(rows, remarks=[2], timing="inference").loc["2a", "verdict"] == FAILS


def test_a_time_of_zero_or_less_is_no_time():
    rows = fleet()
    rows.loc[rows["instance_id"] == "pytorch_cpu_float32_resnet50", "end_to_end_ms_mean"] = 0.0
    result = judged(rows, remarks=[2]).loc["2a"]
    assert result["verdict"] == OPEN and "PyTorch float32 not measured" in result["why"]


def test_verdicts_are_about_the_remarks_asked_for_only():
    assert set(judged(fleet(), remarks=[3]).index) == {"3a", "3b", "3c", "3d", "3e", "3f"}
    assert judged(fleet(), remarks=[]).empty


def test_parts_of_some_claims_are_those_of_all_claims():
    every = remarks.parts(fleet(), NO_IMAGES)
    selected = remarks.parts(fleet(), NO_IMAGES, ids=["2d", "3c"])
    assert set(selected["id"]) == {"2d", "3c"}
    pd.testing.assert_frame_equal(selected, every[every["id"].isin(["2d", "3c"])].reset_index(drop=True))


def test_of_two_runs_of_a_device_the_later_is_judged():
    rows = fleet()
    slow = {id_: ms * (5 if id_.startswith("pytorch") else 1) for id_, ms in true_times().items()}
    later = fleet(slow, run_id="20270101T000000Z-bbbbbb")
    assert judged(pd.concat([later, rows], ignore_index=True), remarks=[2]).loc["2a", "verdict"] == FAILS
    assert judged(pd.concat([rows, later], ignore_index=True), remarks=[2]).loc["2a", "verdict"] == FAILS


@pytest.mark.parametrize("value", [np.nan, -5.0, np.inf])
def test_odd_times_of_images_are_no_times(value):
    rows = fleet(devices=1, exceptions={})
    rows = rows[rows["quantization"] == "float32"]
    images = records(rows)
    images.loc[images["query"] % 7 == 0, "end_to_end_ms"] = value
    result = judged(rows, images, remarks=[2])
    expected = judged(rows, images[images["query"] % 7 > 0], remarks=[2])
    assert result.loc["2a", "verdict"] == HOLDS
    assert result[["effect", "effect_low"]].equals(expected[["effect", "effect_low"]])


def test_images_that_failed_have_no_time_and_images_shown_twice_count_once():
    rows = fleet(devices=1, exceptions={})
    rows = rows[rows["instance_id"].isin(["pytorch_cpu_float32_resnet50", "caffe2_cpu_float32_resnet50"])]
    images = records(rows)
    twice = pd.concat([images, images.assign(query=images["query"] + 1000)], ignore_index=True)
    kinds = dict.fromkeys(("run_id", "device_id", "instance_id", "image"), "category")
    once, again = (judged(rows, frame.astype(kinds), remarks=[2]).loc["2d"] for frame in (images, twice))
    assert (once["effect_low"], once["effect_high"]) == pytest.approx(
        (again["effect_low"], again["effect_high"]), rel=1e-6
    )
    failed = images.assign(failed=images["query"] < 399)
    assert judged(rows, failed, remarks=[2]).loc["2d", "verdict"] == OPEN  # one image does not scatter


def test_records_of_one_device_after_the_other_give_the_same():
    rows = fleet(devices=6)
    rows = rows[rows["quantization"] == "float32"]
    images = records(rows)
    parts = [part for _, part in images.groupby("device_id", observed=True)]
    assert remarks.parts(rows, parts).equals(remarks.parts(rows, images))


def test_instances_that_need_care_can_be_excluded():
    rows = fleet()
    rows.loc[rows["framework"] == "caffe2", "verdict"] = "semi-valid"
    assert judged(rows, remarks=[2]).loc["2c", "verdict"] == HOLDS
    assert judged(rows, remarks=[2], wanted="valid").loc["2c", "verdict"] == OPEN


def test_where_nothing_differs_verdicts_keep_their_level():
    rng = np.random.default_rng(11)
    claim = remarks.CLAIMS["5k"]  # two comparisons, both of which must be above 1
    ids = [f"tflite_nnapi_{one}_densenet121" for one in ("float32", "dynamic", "int8")]
    rows = fleet(dict.fromkeys(ids, 10.0), devices=10, exceptions={})
    states = []
    for _ in range(300):
        drawn = rows.assign(end_to_end_ms_mean=10 * rng.lognormal(0, 0.2, len(rows)))
        states.append([part.state for part in claim.find(Evidence(drawn, NO_IMAGES))])
    holds = np.mean([set(one) == {AS_CLAIMED} for one in states])
    fails = np.mean([AGAINST in one for one in states])
    assert holds <= 0.025  # each is wrong in 1.25% of fleets, and both together more rarely
    assert fails <= 0.05  # one of the two is wrong in 2.5%


def test_a_framework_that_leads_where_it_was_measured_may_not_lead_elsewhere():
    """PyTorch is the fastest for each model, which cannot be known without the heavy models."""
    rows = fleet()
    fastest = rows["instance_id"].isin(of_float32("pytorch_cpu"))
    rows.loc[fastest, ["end_to_end_ms_mean", "inference_ms_mean"]] /= 100
    assert judged(rows, remarks=[2]).loc["2e", "verdict"] == FAILS
    result = judged(rows[rows["model"].isin(LIGHT)], remarks=[2]).loc["2e"]
    assert result["verdict"] == OPEN
    assert "not measured" in result["why"]


def test_all_devices_together_show_what_none_shows_by_itself():
    """Caffe2 is 10% faster on each of 20 devices; with 5% between runs, no single interval is beyond 5%."""
    times = true_times()
    times["caffe2_cpu_float32_resnet50"] = times["pytorch_cpu_float32_resnet50"] / 1.1
    rows = fleet(times, devices=20, scatter=0.002, exceptions={})
    parts = remarks.parts(rows, records(rows), remarks=[2])
    parts = parts[parts["id"] == "2d"]
    assert set(parts.loc[parts["device"] != "", "state"]) == {"undecided"}
    [mean] = parts[parts["device"] == ""].to_dict("records")
    assert mean["state"] == AS_CLAIMED and mean["part"].endswith("mean over devices")
    logs = np.log(rows.pivot(index="device_id", columns="instance_id", values="end_to_end_ms_mean"))
    apart = logs["pytorch_cpu_float32_resnet50"] - logs["caffe2_cpu_float32_resnet50"]
    expected = ttest_1samp(apart, 0).confidence_interval(1 - 0.05 / 21)
    assert (mean["effect_low"], mean["effect_high"]) == pytest.approx(tuple(np.exp([expected.low, expected.high])))
    assert remarks.verdicts(parts).loc[0, "verdict"] == HOLDS


def test_devices_that_all_agree_do_not_make_a_share_exact():
    rows = fleet(scatter=0.001)
    result = judged(rows, remarks=[4]).loc["4a"]
    pairs = 14  # one of the 15 pairs of models is within 10% in FLOPs
    assert (result["effect"], result["effect_high"]) == (1, 1)
    assert result["effect_low"] == pytest.approx(1 - 1 / (8 * pairs))
