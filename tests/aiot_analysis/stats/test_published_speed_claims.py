"""Tests of Remarks 2 to 6 on published profile jobs against numbers computed by hand from the published rows."""

import math
from itertools import pairwise

import numpy as np
import pytest

from aiot_analysis.stats import published_claims, published_speed, published_speed_claims, remarks
from tests.aiot_analysis.stats import published

S25 = "Samsung Galaxy S25"


@pytest.fixture(scope="module")
def jobs():
    return published_speed.profiles(published.instances())


@pytest.fixture(scope="module")
def claims(jobs):
    return {claim.id: claim for claim in published_speed_claims.translated(jobs, jobs)}


@pytest.fixture(scope="module")
def verdicts(claims):
    return published_claims.verdicts(list(claims.values())).set_index("id")


def part(claims, claim, start, device=""):
    [result] = [item for item in claims[claim].parts if item.name.startswith(start) and item.device == device]
    return result.estimate


def times(jobs, framework, precision, model):
    rows = jobs[(jobs["framework"] == framework) & (jobs["quantization"] == precision) & (jobs["model"] == model)]
    return rows[rows["same_jobs_as"] == ""].set_index("device_id")["latency_ms"]


def test_every_claim_of_remarks_2_to_6_has_a_translation_or_a_reason(claims):
    assert list(claims) == [name for name, claim in remarks.CLAIMS.items() if claim.remark > 1]
    for claim in claims.values():
        assert bool(claim.parts) == bool(claim.translation) != bool(claim.why_not), claim.id
        assert bool(claim.short) == bool(claim.parts) and len(claim.short.split()) <= 8, claim.id


def test_what_cannot_be_tested_is_not_applicable_and_says_why(verdicts):
    without = verdicts[verdicts["translation"] == ""]
    assert set(without["verdict"]) == {"not applicable"} and (without["why"] != "").all()
    assert "neither PyTorch Mobile nor Caffe2" in verdicts.loc["2a", "why"]
    assert "one device only" in verdicts.loc["5a", "why"]


def test_tflite_is_not_the_fastest_for_mnasnet(claims, verdicts, jobs):
    ratio = (times(jobs, "onnxruntime", "float", "mnasnet05") / times(jobs, "tflite", "float", "mnasnet05")).dropna()
    estimate = part(claims, "2c", "MnasNet 0.5, TFLite against ONNX Runtime")
    assert estimate.n_devices == len(ratio) == 5
    assert estimate.effect == pytest.approx(math.exp(np.log(ratio).mean()))
    assert estimate.high < 1 and verdicts.loc["2c", "verdict"] == "does not hold"


def test_the_accelerator_is_compared_with_the_cpu_where_onnx_runtime_fell_back(claims, verdicts):
    # ai_hub_performance.csv: ResNet50 in w8a8, ONNX Runtime on the CPU over QNN on the NPU
    ratios = np.array([23.437 / 6.5, 31.67 / 2.971, 17.748 / 1.244])
    result = part(claims, "3a", "ResNet50")
    assert result.n_devices == 3 and result.effect == pytest.approx(math.exp(np.log(ratios).mean()), rel=0.02)
    slowest = part(claims, "3f", "ResNet50", "Dragonwing Q-6690 MTP")
    assert slowest.effect == pytest.approx(23.437 / 6.5) and slowest.low > 1.05
    assert verdicts.loc["3f", "verdict"] == "does not hold"


def test_pairs_in_order_are_those_of_tflite_on_the_npu(claims, verdicts, jobs):
    points = published_speed.complexity(published_speed.independent(jobs))
    shares = published_speed.in_order(points[points["implementation"] == "tflite"])["share"]
    [only] = claims["4a"].parts
    assert only.estimate.effect == pytest.approx(shares.mean()) and only.estimate.low > 0.8
    assert verdicts.loc["4a", "verdict"] == "holds"


def test_half_precision_does_not_hurt_mobilenet_v2(claims, verdicts):
    # ai_hub_accuracy.csv: 72.3% with TFLite against 72.4% of the original
    estimate = part(claims, "5f", "MobileNetV2, TFLite")
    assert estimate.effect == pytest.approx(-0.1) and estimate.low > -10
    assert verdicts.loc["5f", "verdict"] == "does not hold"


def test_integers_are_faster_on_the_npu(claims, verdicts, jobs):
    ratio = (times(jobs, "tflite", "float", "resnet50") / times(jobs, "tflite", "w8a8", "resnet50")).dropna()
    assert part(claims, "5j", "ResNet50").effect == pytest.approx(math.exp(np.log(ratio).mean()))
    assert verdicts.loc["5j", "verdict"] == "does not hold"


def test_scores_differ_if_their_ratio_is_beyond_the_allowance():
    assert published_speed_claims.differ(np.array([1.0, 1.04, 1.06])).tolist() == [
        [False, False, True],
        [False, False, False],
        [True, False, False],
    ]


def test_the_share_of_distinguished_pairs_counts_devices_with_jobs_of_their_own(claims, jobs):
    own = published_speed.independent(jobs)
    scores = published_speed.scores(published_speed.with_accuracy(own, jobs))["vips"].to_numpy()
    pairs = [(a, b) for place, a in enumerate(scores) for b in scores[place + 1 :]]
    beyond = np.mean([max(a, b) / min(a, b) > 1.05 for a, b in pairs])
    [of_pairs] = claims["6a"].parts
    assert len(pairs) == 91 and of_pairs.estimate.effect == pytest.approx(beyond)
    [of_neighbours] = claims["6b"].parts
    beyond = np.mean([a / b > 1.05 for a, b in pairwise(scores)])
    assert of_neighbours.estimate.effect == pytest.approx(beyond)


def test_all_intervals_have_a_width_and_a_larger_allowance_makes_them_wider(jobs, claims):
    wider = published_claims.comparisons(published_speed_claims.translated(jobs, jobs, run_to_run=0.2))
    result = published_claims.comparisons(list(claims.values()))
    width, wide = (frame["effect_high"] - frame["effect_low"] for frame in (result, wider))
    assert (width.dropna() > 0).all()
    single = (result["device"] != "").to_numpy()
    assert single.sum() > 40 and (wide.to_numpy()[single] > 3 * width.to_numpy()[single]).all()


def test_claims_of_one_device_and_of_none_are_left_open(jobs):
    for rows in (published_speed.profiles(published.instances(device=[S25])), jobs.head(0)):
        table = published_claims.verdicts(published_speed_claims.translated(rows, jobs)).set_index("id")
        assert table.loc["4a", "verdict"] == "cannot be decided"
        assert table.loc["6a", "why"] == "too few devices have files in common"
