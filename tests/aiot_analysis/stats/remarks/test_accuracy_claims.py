"""Tests of the claims on accuracy and on the score, on fleets where they are true, false or undecidable."""

import math

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import remarks, variance
from aiot_analysis.stats.remarks.claim import AGAINST, AS_CLAIMED, FAILS, HOLDS, NOT_APPLICABLE, OPEN, rows_of, verdict
from aiot_analysis.stats.remarks.evidence import Evidence
from aiot_analysis.stats.remarks.vips_claims import distinguishable, scores
from tests.aiot_analysis.stats.remarks.fleets import (
    base_answers,
    fleet,
    judged,
    patterned,
    records,
    run_twice,
    steady,
    true_times,
)
from tests.aiot_analysis.stats.series import autocorrelated

ROWS = fleet(devices=12, exceptions={})
FLOAT32 = ROWS[ROWS["quantization"] == "float32"]
OWN_WEIGHTS = FLOAT32.assign(weights=FLOAT32["framework"].astype(str) + "'s zoo")
QUANTIZED = ROWS[ROWS["quantization"] != "float32"]
TRUE = ["1a", "1b", "1c", "1d", "1e", "1f"]


def by(rate_of):
    """Make answers that flip on a share of the images that depends on the instance."""
    return lambda id_, device, rng: base_answers(id_, 400) ^ (rng.random(400) < rate_of(id_))


def together(id_, device, rng):
    """Return answers in which each device has its own number of images wrong with every instance."""
    right = base_answers("tflite_cpu_float32_mnasnet", 400).copy()
    right[: device * 4] = False
    return right


@pytest.fixture(scope="module")
def true_remark_1():
    rows = run_twice(FLOAT32)
    return judged(rows, records(rows), remarks=[1])


@pytest.mark.parametrize("claim", TRUE)
def test_a_planted_truth_holds(true_remark_1, claim):
    result = true_remark_1.loc[claim]
    assert result["verdict"] == HOLDS, result["figures"]
    assert result["n_devices"] == 12


@pytest.mark.parametrize(
    ("claim", "answers"),
    [
        ("1a", steady),
        ("1b", by(lambda id_: 0.05 if id_.startswith("pytorch") else 0.005)),
        ("1c", by(lambda id_: 0.05 if "mnasnet" in id_ else 0.005)),
        ("1e", together),
        ("1f", together),
    ],
)
def test_a_planted_falsehood_does_not_hold(claim, answers):
    result = judged(FLOAT32, records(FLOAT32, answers), remarks=[1]).loc[claim]
    assert result["verdict"] == FAILS, result["figures"]


@pytest.mark.parametrize("claim", ["1b", "1c"])
def test_what_fluctuates_alike_everywhere_decides_nothing(claim):
    result = judged(FLOAT32, records(FLOAT32, by(lambda id_: 0.02)), remarks=[1]).loc[claim]
    assert result["verdict"] in (OPEN, FAILS)
    same = judged(FLOAT32, records(FLOAT32, steady), remarks=[1])
    assert same.loc[claim, "effect"] == 0


@pytest.fixture(scope="module")
def true_remark_5():
    rows = run_twice(QUANTIZED)
    return judged(rows, records(rows, patterned(lambda id_: 0.5)), remarks=[5])


@pytest.mark.parametrize("claim", ["5a", "5b", "5c", "5d", "5e"])
def test_what_quantization_does_to_accuracy_holds_where_planted(true_remark_5, claim):
    result = true_remark_5.loc[claim]
    assert result["verdict"] == HOLDS, result["figures"]


@pytest.mark.parametrize(
    ("claim", "answers"),
    [
        ("5a", steady),
        ("5b", together),
        ("5c", together),
        ("5d", lambda id_, *_: base_answers("tflite_cpu_int8_squeezenet" if "int8" in id_ else "pytorch_x_y_z", 400)),
        ("5e", lambda id_, *_: base_answers("tflite_cpu_float32_mnasnet", 400)),
    ],
)
def test_what_quantization_does_to_accuracy_does_not_hold_where_it_is_not_so(claim, answers):
    result = judged(QUANTIZED, records(QUANTIZED, answers), remarks=[5]).loc[claim]
    assert result["verdict"] == FAILS, result["figures"]


MOBILENET = ROWS[(ROWS["model"] == "mobilenet_v2") & ROWS["quantization"].isin(["float32", "float16"])]


def test_float16_of_mobilenet_is_against_its_own_float32():
    result = judged(MOBILENET, records(MOBILENET), remarks=[5]).loc["5f"]
    assert result["verdict"] == HOLDS
    assert result["effect"] == pytest.approx(-65, abs=4)
    equal = judged(MOBILENET, records(MOBILENET, lambda *_: base_answers("pytorch_x_y_z", 400)), remarks=[5])
    assert equal.loc["5f", "verdict"] == FAILS


def test_without_nnapi_the_cpu_decides_on_accuracy_and_the_gap_is_named():
    rows = QUANTIZED[QUANTIZED["delegate"] == "cpu"]
    result = judged(rows, records(rows), remarks=[5])
    assert result.loc["5e", "verdict"] == HOLDS
    assert result.loc["5e", "why"].endswith(". TFLite NNAPI dynamic/INT8/float16 not measured")
    assert result.loc["5c", "verdict"] == OPEN


def test_one_device_cannot_fluctuate():
    rows = fleet(devices=1)
    rows = rows[rows["quantization"] == "float32"]
    result = judged(rows, records(rows), remarks=[1])
    assert set(result.loc[["1a", "1b", "1c", "1e", "1f"], "verdict"]) == {OPEN}
    assert result.loc[["1a", "1b", "1e"], "why"].str.contains("1 comparable device: at least 5 are needed").all()
    assert result.loc["1d", "verdict"] == HOLDS
    assert result.loc["1d", "n_devices"] == 1


def test_four_devices_are_too_few_for_a_deviation():
    rows = FLOAT32[FLOAT32["device_id"] < "phone-04"]
    result = judged(rows, records(rows), remarks=[1])
    assert set(result.loc[["1a", "1b", "1e"], "verdict"]) == {OPEN}
    assert result.loc[["1a", "1b", "1e"], "why"].str.contains("4 comparable devices").all()


def test_devices_that_saw_different_images_are_refused_and_named():
    images = records(FLOAT32)
    images = images[(images["device_id"] != "phone-07") | (images["query"] < 200)]
    result = judged(FLOAT32, images, remarks=[1, 6])
    for claim in ("1a", "1b", "1d", "1e"):
        assert result.loc[claim, "verdict"] == OPEN
        assert "saw different images (phone-07" in result.loc[claim, "why"]
    assert "saw different images" in result.loc["6a", "why"]


def test_fluctuation_is_undecided_without_records_of_images():
    result = judged(FLOAT32, remarks=[1, 6])
    assert set(result["verdict"]) == {OPEN}
    assert result["why"].str.contains("no records of single images").all()


@pytest.mark.parametrize("right", [True, False])
def test_all_correct_or_none_is_equal_everywhere(right):
    result = judged(FLOAT32, records(FLOAT32, lambda *_: np.full(400, right)), remarks=[1])
    assert result.loc["1a", "verdict"] == FAILS
    assert result.loc["1d", "verdict"] == NOT_APPLICABLE  # all rows have the same weights
    assert math.isnan(result.loc["1d", "effect"]) and "same weights" in result.loc["1d", "reasons"][0]
    assert "no pattern that repeats" in result.loc["1e", "why"]


def test_one_image_decides_nothing_about_frameworks():
    assert remark_1d(OWN_WEIGHTS, lambda *_: np.array([True]))[0] == OPEN
    result = judged(FLOAT32, records(FLOAT32, lambda *_: np.array([True])), remarks=[2])
    assert result.loc["2a", "verdict"] == HOLDS  # decided over devices, whose times do not depend on that one image


def remark_1d(rows, answers):
    """Return the verdict on 1d and the states and reasons of its comparisons, of rows that are all used together."""
    claim = remarks.CLAIMS["1d"]
    compared = pd.DataFrame(rows_of(claim, claim.find(Evidence(rows, records(rows, answers))), "measured"))
    return verdict(claim, compared)["verdict"], set(compared["state"]), set(compared["why"])


def test_frameworks_with_the_same_weights_do_not_refute_that_accuracy_differs():
    alike = base_answers("tflite_cpu_float32_mnasnet", 400)
    why = "the frameworks run the same weights (sample), but each framework of the paper had its own"
    assert remark_1d(FLOAT32.assign(weights="sample"), lambda *_: alike) == (NOT_APPLICABLE, {NOT_APPLICABLE}, {why})
    assert remark_1d(OWN_WEIGHTS, lambda *_: alike) == (FAILS, {AGAINST}, {""})


def test_a_difference_with_the_same_weights_is_as_claimed():
    result = remark_1d(
        FLOAT32.assign(weights="sample"),
        lambda id_, *_: np.arange(400) < (300 if id_.startswith("caffe2") else 200),
    )
    assert result == (HOLDS, {AS_CLAIMED}, {""})


def test_the_difference_of_two_accuracies_by_hand():
    rows = fleet(dict.fromkeys(("tflite_cpu_int8_mnasnet", "tflite_cpu_dynamic_mnasnet"), 1.0), devices=2)
    planted = {"int8": [1] * 60 + [0] * 40, "dynamic": [1] * 50 + [0] * 20 + [1] * 20 + [0] * 10}
    images = records(rows, lambda id_, *_: np.array(planted[id_.split("_")[2]], bool))
    result = Evidence(rows, images).accuracy_change("tflite_cpu_int8_mnasnet", "tflite_cpu_dynamic_mnasnet")
    assert result.effect == pytest.approx(10)  # 20 won, 10 lost, of 100
    assert result.n_devices == 2
    from aiot_analysis.stats.accuracy import newcombe

    assert (result.low, result.high) == pytest.approx([100 * float(end) for end in newcombe(50, 10, 20, 20)])


def ranked(step, devices=8):
    """Return a fleet in which each device is slower by a factor than the one before."""
    rows = fleet({id_: ms for id_, ms in true_times().items() if "_float32_" in id_}, devices, exceptions={}, scatter=0)
    number = rows["device_id"].str[-2:].astype(int)
    first = rows.groupby("instance_id")["end_to_end_ms_mean"].transform("first")
    return rows.assign(end_to_end_ms_mean=first * step**number)


def test_scores_that_differ_rank_devices():
    rows = ranked(1.2)
    result = judged(rows, records(rows), remarks=[6])
    assert result["verdict"].tolist() == [HOLDS, HOLDS]
    assert result["effect"].tolist() == [1, 1]


def test_scores_that_hardly_differ_do_not():
    rows = ranked(1.00001)
    result = judged(rows, records(rows, steady, scatter=0.3), remarks=[6])
    assert result["verdict"].tolist() == [FAILS, FAILS]


def test_few_or_incomplete_devices_have_no_ranking():
    rows = ranked(1.2, devices=4)
    result = judged(rows, records(rows), remarks=[6])
    assert set(result["verdict"]) == {OPEN} and result["why"].str.contains("4 devices with all 24").all()
    lacking = ranked(1.2)
    lacking = lacking[lacking["instance_id"] != "caffe2_cpu_float32_mnasnet"]
    assert judged(lacking, records(lacking), remarks=[6])["why"].str.contains("Caffe2 float32 not measured").all()


def test_the_linear_part_of_a_score_has_the_variance_of_the_bootstrap():
    rows = ranked(1.05, devices=3)
    images = records(rows, scatter=0.2)
    scored, why = scores(Evidence(rows, images))
    assert why == ""
    wide = images.pivot(
        index="image", columns=["device_id", "instance_id"], values=["correct", "end_to_end_ms"]
    ).astype(float)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(400):
        mean = wide.iloc[rng.integers(0, len(wide), len(wide))].mean()
        draws.append((mean["correct"] / mean["end_to_end_ms"] * 1000).groupby(level="device_id").sum())
    draws = np.array(draws)
    assert draws.mean(axis=0) == pytest.approx(scored.total, rel=0.01)
    assert np.cov(scored.linear) / scored.linear.shape[1] == pytest.approx(np.cov(draws.T), rel=0.3)
    apart = distinguishable(scored)
    assert (apart == apart.T).all() and not apart.diagonal().any()


def alike(id_, device, rng):
    """Return answers that are right on the same 60% of the images."""
    return np.arange(400) < 240


def test_scores_that_differ_by_less_than_two_runs_do_are_not_distinguished():
    """With equal answers and little scatter, two runs differ by up to 1.96 x sqrt(2) x 1.76% = 4.9%."""
    for step, share in ((1.04, 0), (1.06, 1)):
        rows = ranked(step)
        result = judged(rows, records(rows, alike, scatter=0.001), remarks=[6])
        assert result.loc["6b", "effect"] == share
    rows = variance.assumed(ranked(1.04), 0.0)  # runs that agree exactly
    scored, _ = scores(Evidence(rows, records(rows, alike, scatter=0.001)))
    assert distinguishable(scored).sum() == 8 * 7


def test_what_runs_add_to_the_variance_of_a_score_by_hand():
    """All 24 instances are alike, so each has a share of 1 / 24, and all belong to one session."""
    noise = {"session": 1, "sessions": 3, "run_sd": 0.02, "run_freedom": 20.0, "shared_sd": 0.01}
    noise |= {"shared_freedom": 5.0, "run_to_run": 0.05}
    rows = ranked(1.0, devices=2).assign(end_to_end_ms_mean=10.0, **noise)
    scored, _ = scores(Evidence(rows, records(rows, alike, scatter=0.0)))
    own, shared = 0.02**2 / 24, 0.01**2
    assert scored.total == pytest.approx(24 * 60)
    assert scored.error**2 == pytest.approx((own + shared) * scored.total**2)
    assert scored.freedom == pytest.approx((own + shared) ** 2 / (own**2 / 20 + shared**2 / 5))


def test_neighbours_that_are_alike_add_to_the_variance_of_a_score():
    """With an autocorrelation of 0.7, the variance of a mean is 1.7 / 0.3 times that of independent times."""
    rows = variance.assumed(ranked(1.0, devices=6), 0.0)
    images = records(rows, alike, scatter=0.0)
    series = 1 + 0.1 * autocorrelated(0.7, len(rows), 400)
    images["end_to_end_ms"] *= series.ravel()
    scored, _ = scores(Evidence(rows, images))
    of_time = rows["end_to_end_ms_mean"].to_numpy().reshape(6, 24)
    parts = 600 / of_time
    expected = (parts**2 * 0.1**2 / 400 * (1.7 / 0.3 - 1)).sum(axis=1)
    assert (scored.error**2).mean() == pytest.approx(expected.mean(), rel=0.25)
    assert (scored.error**2).mean() > 2 * (parts**2 * 0.1**2 / 400).sum(axis=1).mean()


def test_every_claim_says_all_that_a_reader_needs():
    assert list(remarks.CLAIMS) == sorted(remarks.CLAIMS)
    assert {claim.remark for claim in remarks.CLAIMS.values()} == set(range(1, 7))
    for claim in remarks.CLAIMS.values():
        assert claim.text.endswith(".") and len(claim.text) < 110
        assert len(claim.quote) > 20 and len(claim.rule) > 40
        assert claim.source.startswith(f"Section V, Remark {claim.remark}, ")
