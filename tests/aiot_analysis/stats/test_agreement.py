"""Tests of instability, Cochran's Q and McNemar against other computations and printed values, and of error rates."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2
from statsmodels.stats.contingency_tables import mcnemar

from aiot_analysis.errors import DataError
from aiot_analysis.stats import accuracy, agreement
from aiot_analysis.stats.pairing import NONE, Answers
from tests.examples import examples

ONE, TWO = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_resnet50"
CONOVER = [
    [1, 1, 1], [1, 1, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1],
    [1, 1, 1], [1, 1, 0], [0, 0, 1], [0, 1, 0], [1, 1, 1], [1, 1, 1],
]  # fmt: skip
"""Conover 1999, Practical Nonparametric Statistics, section 4.6, example 1: Q = 2.8, p = 0.2466."""


def answers(top1, instance=ONE, label=1, devices=None):
    """Return answers of one instance from classes of images (rows) on devices (columns); `label` is right."""
    top1 = np.array(top1, np.int64)
    devices = devices or [f"phone-{number}" for number in range(top1.shape[1])]
    names = [f"{number}.jpg" for number in range(len(top1))]
    return Answers(instance, devices, names, np.full(len(top1), label), top1, top1 == label)


def right(correct, **other):
    """Return answers of one instance from whether devices are right; wrong answers are all alike."""
    return answers(np.asarray(correct).astype(int), **other)


def test_instability_by_hand():
    result = agreement.instability([answers([[1, 1, 1], [1, 1, 2], [2, 3, 4], [5, 5, 5]])]).iloc[0]
    assert (result["devices"], result["images"], result["failed"]) == (3, 4, 0)
    assert result["instability"] == 0.5  # the second and the third
    assert result["sides"] == 0.25  # the second, because the third is wrong everywhere
    assert result["disagreement"] == pytest.approx((0 + 2 / 3 + 1 + 0) / 4)
    assert (result["instability_low"], result["instability_high"]) == pytest.approx(accuracy.wilson(2, 4))
    assert result["gap"] == ""


def test_an_image_that_failed_is_no_other_class_but_is_wrong():
    result = agreement.instability([answers([[1, NONE, 1], [1, 2, NONE]])]).iloc[0]
    assert result["failed"] == 2
    assert result["instability"] == 0.5
    assert result["sides"] == 1.0
    assert result["disagreement"] == 0.5  # a pair per image


matrices = arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.integers(-1, 3))


@given(matrices)
@examples(60)
def test_instability_is_what_pairs_of_devices_say(top1):
    result = agreement.instability([answers(top1)]).iloc[0]
    pairs = [[(a, b) for a, b in combinations(row, 2) if a >= 0 and b >= 0] for row in top1.tolist()]
    assert result["instability"] == pytest.approx(np.mean([any(a != b for a, b in row) for row in pairs]))
    every = [a != b for row in pairs for a, b in row]
    assert result["disagreement"] == pytest.approx(np.mean(every)) if every else np.isnan(result["disagreement"])
    assert result["instability_low"] <= result["instability"] <= result["instability_high"]


def test_cochran_of_a_printed_example():
    result = agreement.cochran([right(CONOVER)]).iloc[0]
    assert (result["q"], result["df"]) == (pytest.approx(2.8), 2)
    assert result["p_value"] == pytest.approx(0.246597, abs=1e-6)
    assert (result["accuracy_min"], result["accuracy_max"]) == pytest.approx((7 / 12, 10 / 12))


def test_q_is_the_spread_over_that_of_chance():
    rng = np.random.default_rng(1)
    result = agreement.cochran([right(rng.random((40, 6)) < 0.7)]).iloc[0]
    assert result["q"] == pytest.approx(5 * (result["sd"] / result["sd_chance"]) ** 2)
    assert (result["sd"] > result["sd_chance_most"]) == (result["p_together"] < 0.05)


def test_the_bars_of_chance_of_several_instances_share_the_error_rate():
    rng = np.random.default_rng(13)
    correct = [rng.random((40, 6)) < 0.7 for _ in range(5)]
    alone = pd.concat([agreement.cochran([right(is_right)]) for is_right in correct], ignore_index=True)
    result = agreement.cochran([right(is_right) for is_right in correct])
    degrees = 5 * result["epsilon"]
    wider = np.sqrt(chi2.isf(0.01, degrees) / chi2.isf(0.05, degrees))
    assert result["sd_chance_most"].tolist() == pytest.approx((alone["sd_chance_most"] * wider).tolist())
    assert result["p_adjusted"].tolist() == pytest.approx((5 * result["p_together"]).clip(upper=1).tolist())


def test_the_spread_of_chance_is_that_of_shuffled_devices():
    rng = np.random.default_rng(2)
    correct = rng.random((60, 8)) < rng.random((60, 1))
    result = agreement.cochran([right(correct)]).iloc[0]
    shuffled = [rng.permuted(correct, axis=1).mean(axis=0).std(ddof=1) ** 2 for _ in range(2000)]
    assert result["sd_chance"] == pytest.approx(np.sqrt(np.mean(shuffled)), rel=0.02)


def test_the_spread_on_images_of_their_own_is_that_of_drawn_images():
    rng = np.random.default_rng(3)
    result = agreement.cochran([right(rng.random((500, 20)) < 0.7)]).iloc[0]
    assert result["sd_sampling"] == pytest.approx(np.sqrt(0.21 / 500), rel=0.02)
    assert result["sd"] == pytest.approx(result["sd_sampling"], rel=0.4)  # images differ between devices


def test_epsilon_of_independent_devices_of_two_and_of_one_thing_that_differs():
    rng = np.random.default_rng(4)
    assert agreement.box_epsilon(rng.random((20_000, 5)) < 0.5) == pytest.approx(1, abs=0.01)
    assert agreement.box_epsilon(rng.random((30, 2)) < 0.5) == pytest.approx(1)
    base = rng.random((30, 1)) < 0.5
    other = base.copy()
    other[:3] = ~other[:3]
    assert agreement.box_epsilon(np.hstack([base, base, other])) == pytest.approx(0.5)


def test_epsilon_by_the_eigenvalues():
    rng = np.random.default_rng(5)
    correct = rng.random((50, 4)) < 0.6
    centring = np.eye(4) - 1 / 4
    values = np.linalg.eigvalsh(centring @ np.cov(correct, rowvar=False) @ centring)
    assert agreement.box_epsilon(correct) == pytest.approx(values.sum() ** 2 / (3 * (values**2).sum()))


@pytest.mark.parametrize("value", [True, False])
def test_all_right_and_all_wrong_is_no_difference(value):
    result = agreement.cochran([right(np.full((10, 4), value))]).iloc[0]
    assert result[["sd", "sd_chance", "sd_chance_most", "q"]].tolist() == [0, 0, 0, 0]
    assert result[["p_value", "p_together", "p_adjusted"]].tolist() == [1, 1, 1]
    assert agreement.instability([right(np.full((10, 4), value))])["instability"].tolist() == [0]
    versus = agreement.compare_with([right(np.full((10, 4), value))], "phone-0")
    assert (versus["change"] == 0).all() and (versus["p_value"] == 1).all()
    assert (versus["change_low"] < 0).all() and (versus["change_high"] > 0).all()


def test_one_device_one_image_and_no_image_are_labelled_gaps():
    one_device, no_image = right(np.ones((5, 1))), right(np.ones((0, 3)))
    one_image = right(np.array([[1, 0, 1]]))
    spread = agreement.cochran([one_device, one_image, no_image])
    assert spread[["sd", "q", "p_value", "p_adjusted"]].isna().all(axis=None)
    assert spread["gap"].tolist() == [
        "only one device ran it",
        "one image is too few to show a spread",
        "the devices have no image in common",
    ]
    unstable = agreement.instability([one_device, one_image, no_image])
    assert unstable["instability"].isna().tolist() == [True, False, True]
    assert unstable["instability"][1] == 1


def test_nothing_to_compare_gives_empty_frames_with_their_columns():
    assert {"instability", "gap"} <= set(agreement.instability([]))
    assert {"q", "p_adjusted"} <= set(agreement.cochran([]))
    assert {"change", "p_adjusted"} <= set(agreement.compare_with([], ""))
    assert agreement.reference([]) == ""
    assert agreement.reference([right(np.ones((5, 1)))]) == ""


def clumped(rng, n, k, edge, clumps):
    """Return answers of devices that are equally often right; devices of a clump are right on the same images."""
    group = rng.integers(0, clumps, k) if clumps else np.arange(k)
    coins = rng.random((n, group.max() + 1)) < 0.5
    at_edge = rng.random((n, 1)) < edge
    return np.where(at_edge, coins[:, group], rng.random((n, 1)) < 0.7)


def rejected(rng, column, times=300, **parameters):
    result = agreement.cochran([right(clumped(rng, **parameters)) for _ in range(times)])
    return (result[column] < 0.05).mean()


def test_cochran_keeps_its_level_where_devices_are_independent():
    rng = np.random.default_rng(6)
    parameters = {"n": 500, "k": 10, "edge": 0.06, "clumps": 0}
    assert 0.02 < rejected(rng, "p_value", **parameters) < 0.09
    assert rejected(rng, "p_together", **parameters) < 0.08


@pytest.mark.parametrize(("k", "clumps", "edge"), [(51, 12, 0.03), (10, 3, 0.03), (51, 15, 0.2)])
def test_devices_that_go_wrong_together_are_no_difference(k, clumps, edge):
    rng = np.random.default_rng(7)
    parameters = {"n": 300, "k": k, "edge": edge, "clumps": clumps}
    assert rejected(rng, "p_value", **parameters) > 0.09  # the purpose of epsilon
    assert rejected(rng, "p_together", **parameters) < 0.08


def test_a_device_that_is_worse_is_found():
    rng = np.random.default_rng(8)
    result = []
    for _ in range(20):
        correct = clumped(rng, 500, 10, 0.02, 0)
        correct[:, 0] &= rng.random(500) > 0.06  # four points worse
        result.append(right(correct))
    assert (agreement.cochran(result)["p_adjusted"] < 0.05).mean() > 0.9
    versus = pd.concat([agreement.compare_with([one], "phone-1") for one in result])
    sure = versus["p_adjusted"] < 0.05
    assert sure[versus["device_id"] == "phone-0"].mean() > 0.8
    assert sure[versus["device_id"] != "phone-0"].sum() == 0


def test_against_a_reference_is_mcnemar_of_each_device():
    rng = np.random.default_rng(9)
    collected = right(rng.random((80, 6)) < 0.7)
    result = agreement.compare_with([collected], "phone-2").set_index("device_id")
    assert result.index.tolist() == ["phone-0", "phone-1", "phone-3", "phone-4", "phone-5"]
    for column in (0, 1, 3, 4, 5):
        row, base, other = result.loc[f"phone-{column}"], collected.correct[:, 2], collected.correct[:, column]
        table = [[(base & other).sum(), (base & ~other).sum()], [(~base & other).sum(), (~base & ~other).sum()]]
        assert row["p_value"] == pytest.approx(mcnemar(table, exact=True).pvalue)
        assert (row["only_base"], row["only_other"]) == (table[0][1], table[1][0])
        assert row["change"] == pytest.approx(other.mean() - base.mean())
        assert row["change_low"] < row["change"] < row["change_high"]
        assert row["accuracy"] == other.mean() and row["accuracy_base"] == base.mean()
        assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(accuracy.wilson(other.sum(), 80))
        assert row["top1_differs"] == (base != other).mean()


def test_six_images_of_one_direction():
    base = np.ones(20, bool)
    result = agreement.compare_with([right(np.column_stack([base, np.arange(20) >= 6]))], "phone-0")
    assert result["p_value"].tolist() == [pytest.approx(0.03125)]
    assert result["p_adjusted"].tolist() == [pytest.approx(0.03125)]


def test_two_devices_against_a_reference_share_the_error_rate_by_hand():
    """Of 300 images, the reference has 150 right; one device loses 9 (p = 2 / 2**9), the other loses and wins 5."""
    base = np.arange(300) < 150
    worse, alike = base & (np.arange(300) >= 9), base ^ (np.abs(np.arange(300) - 149.5) < 5)
    result = agreement.compare_with([right(np.column_stack([base, worse, alike]))], "phone-0")
    assert result["p_value"].tolist() == [pytest.approx(1 / 256), 1]
    assert result["p_adjusted"].tolist() == [pytest.approx(1 / 128), 1]
    ends = [accuracy.newcombe(141, 9, 0, 150, level=0.975), accuracy.newcombe(145, 5, 5, 145, level=0.975)]
    assert result[["change_low", "change_high"]].to_numpy() == pytest.approx(np.array(ends))
    assert result["change_high"][0] < 0 < result["change_high"][1]


def test_a_difference_that_one_row_alone_would_show_is_neither_marked_nor_outside_its_interval():
    """With the six images of the previous test and a second device, 2 / 2**6 is below 5%, but twice as much is not."""
    base = np.ones(20, bool)
    result = agreement.compare_with([right(np.column_stack([base, np.arange(20) >= 6, base]))], "phone-0")
    assert result["p_adjusted"].tolist() == [pytest.approx(0.0625), 1]
    assert accuracy.newcombe(14, 6, 0, 0)[1] < 0 and result["change_high"][0] == 0


@given(st.lists(arrays(bool, st.tuples(st.integers(2, 40), st.integers(2, 6))), min_size=1, max_size=3), st.data())
@examples(80)
def test_a_row_agrees_with_itself(drawn, data):
    """Against a reference, interval, p and mark agree; over all devices, spread, bar of chance and p agree."""
    every = [right(correct) for correct in drawn]
    for collected in every:  # nearly alike, like real devices: a few images differ in one direction
        lost = data.draw(st.integers(0, len(collected.images)))
        collected.correct[:, 1] = collected.correct[:, 0] & (np.arange(len(collected.images)) >= lost)
    versus = agreement.compare_with(every, "phone-0")
    outside = (versus["change_low"] > 0) | (versus["change_high"] < 0)
    assert (outside == (versus["p_adjusted"] < 0.05)).all()
    assert ((versus["change_low"] <= versus["change"]) & (versus["change"] <= versus["change_high"])).all()
    spread = agreement.cochran(every)
    assert ((spread["sd"] > spread["sd_chance_most"] * (1 + 1e-9)) == (spread["p_adjusted"] < 0.05)).all()


def test_instances_without_the_reference_have_no_rows_and_are_named():
    with_, without = right(np.ones((4, 2))), right(np.ones((4, 2)), instance=TWO, devices=["x", "y"])
    alone = right(np.ones((4, 1)), instance="caffe2_cpu_float32_resnet50")
    every = [with_, without, alone]
    assert agreement.compare_with(every, "phone-0")["instance_id"].unique().tolist() == [ONE]
    assert agreement.not_comparable(every, "phone-0") == {
        TWO: "the reference did not run it",
        "caffe2_cpu_float32_resnet50": "only one device ran it",
    }


def test_agreement_of_each_device_by_hand():
    result = agreement.shares_alike([answers([[1, 1, 2], [3, NONE, 3]])]).set_index("device_id")["agreement"]
    # shares of two others: 1/2, 1/2, 0 on the first image; 1/2, none, 1/2 on the second
    assert result.to_dict() == {"phone-0": 0.5, "phone-1": 0.25, "phone-2": 0.25}


@given(matrices)
@examples(40)
def test_agreement_of_each_device_is_what_pairs_say(top1):
    result = agreement.shares_alike([answers(top1)]).set_index("device_id")["agreement"]
    k = top1.shape[1]
    for column in range(k):
        alike = [(top1[:, column] == top1[:, other]) & (top1[:, column] >= 0) for other in range(k) if other != column]
        assert result[f"phone-{column}"] == pytest.approx(np.mean(alike))


def test_the_reference_agrees_most_of_the_devices_with_most_instances():
    first = answers([[1, 1, 2], [1, 1, 2], [1, 3, 1]], devices=["c", "b", "a"])
    assert agreement.reference([first]) == "c"
    more = answers([[1, 2]], instance=TWO, devices=["a", "b"])
    assert agreement.reference([first, more]) == "b"  # c did not see the second image
    assert agreement.reference([answers([[1, 2]], devices=["b", "a"])]) == "a"  # a tie, so the first id


def test_a_reference_can_be_named_and_an_unknown_one_is_refused():
    collected = answers([[1, 1, 2]])
    assert agreement.reference([collected], "phone-2") == "phone-2"
    with pytest.raises(DataError, match=r"'pixel' is not a device .*: choose phone-0, phone-1, phone-2\."):
        agreement.reference([collected], "pixel")


def test_false_alarms_over_a_page_of_equal_devices_are_rare():
    rng = np.random.default_rng(10)
    pages = 40
    alarms = 0
    for _ in range(pages):
        every = [right(clumped(rng, 200, 12, 0.08, 4), instance=ONE) for _ in range(6)]
        alarms += bool((agreement.compare_with(every, "phone-0")["p_adjusted"] < 0.05).any())
        alarms += bool((agreement.cochran(every)["p_adjusted"] < 0.05).any())
    assert alarms / (2 * pages) < 0.08


@pytest.mark.parametrize("edges", [(0.02, 0.02), (0.05, 0.01), (0.0, 0.03)])
def test_the_paired_interval_covers_at_its_rate(edges):
    rng = np.random.default_rng(11)
    only_base, only_other = edges
    drawn = rng.multinomial(500, [0.7 - only_base, only_base, only_other, 0.3 - only_other], size=3000)
    low, high = accuracy.newcombe(*drawn.T)
    covered = ((low <= only_other - only_base) & (only_other - only_base <= high)).mean()
    assert 0.935 < covered < 0.995


@pytest.mark.parametrize("p", [0.3, 0.7, 0.95])
def test_wilsons_interval_covers_at_its_rate(p):
    drawn = np.random.default_rng(12).binomial(500, p, size=4000)
    low, high = accuracy.wilson(drawn, np.full(4000, 500))
    assert ((low <= p) & (p <= high)).mean() == pytest.approx(0.95, abs=0.015)
