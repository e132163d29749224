"""Tests of comparing two settings that took turns, over the blocks of a session."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aiot_analysis.compare import instances, interleaved
from tests.aiot_analysis.compare.ab_rates import Case, rates, session
from tests.aiot_analysis.compare.two import MNASNET, SQUEEZENET
from tests.aiot_analysis.conftest import instance
from tests.aiot_analysis.conftest import instances as instances_table


def rows(times, instance_id=MNASNET, **other):
    """Return the rows of a session from (side, block, mean time) in order of time."""
    lines = []
    for place, (side, block, time) in enumerate(times):
        facts = {"run_id": f"r{place:02}", "study": "ab", "ab_session": "s", "ab_side": side, "ab_block": block}
        lines.append(instance(instance_id, 0.5, time, **facts, **other))
    return instances_table(*lines)


NOTHING = pd.DataFrame(columns=["instance_id", "image", "base", "other"])


def compared(frame, **options):
    [row] = interleaved.compare_blocks(frame, NOTHING, ["mean"], **options).to_dict("records")
    return row


def test_the_change_is_the_mean_log_ratio_with_students_interval_over_blocks():
    a, b = np.array([10.0, 11.0, 12.0, 10.5]), np.array([11.0, 12.5, 12.9, 12.0])
    order = [("a", 1, a[0]), ("b", 1, b[0]), ("b", 2, b[1]), ("a", 2, a[1])]
    order += [("b", 3, b[2]), ("a", 3, a[2]), ("a", 4, a[3]), ("b", 4, b[3])]
    row = compared(rows(order))
    paired = stats.ttest_rel(np.log(b), np.log(a))
    ends = paired.confidence_interval(0.95)
    low, high = np.expm1([ends.low, ends.high])
    assert row["change"] == pytest.approx(stats.gmean(b / a) - 1)
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["p_value"] == pytest.approx(paired.pvalue)
    assert (row["base"], row["other"]) == pytest.approx((stats.gmean(a), stats.gmean(b)))
    assert (row["units"], row["way"]) == ("4", "blocks")
    for margin, beyond in ((low - 1e-6, True), (low + 1e-6, False)):
        assert compared(rows(order), margins=instances.Margins(margin, 0.01))["regression"] == beyond
    assert not row["regression"]  # no margins are set


@pytest.mark.parametrize("seed", range(4))
def test_a_steady_drift_cancels(seed):
    """Each run takes 3% longer than the one before, and B takes no longer than A."""
    case = Case("drift", spread=0.0, run_sd=0.0, drift=11 * np.log(1.03))
    frame = session(case, seed)
    assert compared(frame)["change"] == pytest.approx(0.0, abs=1e-12)
    # in the order ABABAB, the drift would look like a change of 3%
    naive = frame.assign(ab_side=["a", "b"] * 6)
    naive["end_to_end_ms_mean"] = 10 * 1.03 ** np.arange(12)
    naive["instance_id"] = MNASNET
    logs = interleaved.by_block(naive, "end_to_end_ms_mean").to_numpy()
    assert logs == pytest.approx(np.full((1, 6), np.log(1.03)))


def test_blocks_without_both_sides_are_excluded_and_named():
    times = [("a", 1, 10.0), ("b", 1, 11.0), ("b", 2, 11.5), ("a", 2, 10.2), ("a", 3, 10.1), ("b", 3, 11.2)]
    frame = rows([*times, ("a", 4, 50.0), ("b", 5, 1.0)])
    bad = rows([("b", 4, 99.0)], verdict="invalid", reasons="it failed")
    every = pd.concat([frame, bad.assign(run_id="r99")], ignore_index=True)
    assert compared(frame)["change"] == pytest.approx(compared(frame[:6])["change"])
    assert compared(frame)["base"] == pytest.approx(stats.gmean([10.0, 10.2, 10.1]))
    assert interleaved.left_out(every, frame).values.tolist() == [
        [MNASNET, 4, "B is invalid (it failed)"],
        [MNASNET, 5, "A was not run"],
    ]


def test_fewer_blocks_than_three_are_not_compared():
    frame = rows([("a", 1, 10.0), ("b", 1, 11.0), ("b", 2, 11.5), ("a", 2, 10.2)])
    assert interleaved.compare_blocks(frame, NOTHING, ["mean"]).empty


def test_times_that_do_not_vary_have_no_interval():
    row = compared(rows([(side, block, 10.0) for block in (1, 2, 3) for side in "ab"]))
    assert row["change"] == 0
    assert np.isnan([row["low"], row["high"], row["p_value"]]).all()
    assert row["note"] == "no interval, because the times do not vary between blocks"
    assert row["verdict"] == "not tested"


def answers(instance_id, side, block, right):
    return pd.DataFrame(
        {
            "instance_id": instance_id,
            "ab_side": side,
            "ab_block": block,
            "image": [f"{place}.jpg" for place in right],
            "correct": list(right.values()),
        }
    )


def test_accuracy_is_paired_by_image_within_a_block():
    """Image 2 flips in both blocks that show it, and no block shows image 9 on both sides."""
    parts = [
        answers(MNASNET, "a", 1, {1: True, 2: True, 9: True}),
        answers(MNASNET, "b", 1, {1: True, 2: False}),
        answers(MNASNET, "a", 2, {2: True, 3: False}),
        answers(MNASNET, "b", 2, {2: False, 3: True, 9: True}),
    ]
    right = interleaved.right_by_image(pd.concat(parts))
    assert right.values.tolist() == [
        [MNASNET, "1.jpg", 1.0, 1.0],
        [MNASNET, "2.jpg", 1.0, 0.0],
        [MNASNET, "3.jpg", 0.0, 1.0],
    ]


def test_accuracy_has_the_exact_mcnemar_test():
    """Of 40 images, 9 are lost and 1 is won, so p is that of the binomial test of 1 in 10."""
    right = {place: place < 30 for place in range(40)}
    other = {place: (9 <= place < 30) or place == 35 for place in range(40)}
    records = pd.concat([answers(MNASNET, "a", 1, right), answers(MNASNET, "b", 1, other)])
    frame = rows([(side, block, 10.0 + block + (side == "b")) for block in (1, 2, 3) for side in "ab"])
    table = interleaved.compare_blocks(frame, interleaved.right_by_image(records), ["accuracy", "mean"])
    row = table.set_index("metric").loc["accuracy"]
    assert row["p_value"] == pytest.approx(stats.binomtest(1, 10).pvalue)
    assert (row["base"], row["other"], row["units"]) == (0.75, 22 / 40, "40")


def test_accuracy_without_answers_is_the_mean_over_blocks_and_not_tested():
    """A has 50% of the images right in each block; B has 30, 40 and 80%, which is 50% on average."""
    frame = rows([(side, block, 10 + block + (side == "b")) for block in (1, 2, 3) for side in "ab"])
    frame.loc[frame["ab_side"] == "b", "accuracy"] = [0.3, 0.4, 0.8]
    table = interleaved.compare_blocks(frame, NOTHING, ["accuracy", "mean"]).set_index("metric")
    row = table.loc["accuracy"]
    assert (row["base"], row["other"]) == (pytest.approx(0.5), pytest.approx(0.5))
    assert np.isnan(row["change"]) and np.isnan(row["p_value"])
    assert row["note"] == "accuracy is not tested, because the answers to single images were not recorded"
    assert "image by image" not in interleaved.in_words(table.reset_index())


def test_sides_that_differ_in_a_part_of_the_instance_go_by_the_name_in_a():
    a = rows([("a", 1, 10.0)], "tflite_cpu_float32_mnasnet")
    b = rows([("b", 1, 10.0)], "tflite_nnapi_float32_mnasnet")
    frame, varied = interleaved.aligned(pd.concat([a, b], ignore_index=True))
    assert varied == {"delegate": ("cpu", "nnapi")}
    assert set(frame["instance_id"]) == {MNASNET}
    assert list(frame["ran"]) == ["tflite_cpu_float32_mnasnet", "tflite_nnapi_float32_mnasnet"]
    same = pd.concat([rows([("a", 1, 9.0), ("b", 1, 9.0)], id_) for id_ in (MNASNET, SQUEEZENET)])
    assert interleaved.aligned(same)[1] == {}
    assert set(interleaved.aligned(same)[0]["instance_id"]) == {MNASNET, SQUEEZENET}


def test_groups_are_over_the_blocks_that_have_all_of_them():
    first = rows([("a", 1, 10.0), ("b", 1, 12.0), ("b", 2, 12.2), ("a", 2, 10.0), ("a", 3, 10.0), ("b", 3, 11.0)])
    more = [("a", 4, 10.0), ("b", 4, 30.0), ("a", 1, 20.0), ("b", 1, 20.0), ("b", 2, 21.0), ("a", 2, 20.0)]
    second = rows([*more, ("a", 3, 20.0), ("b", 3, 20.2)], SQUEEZENET)
    frame = pd.concat([first, second], ignore_index=True)
    table = interleaved.compare_blocks(frame, NOTHING, ["mean"])
    groups = interleaved.together(frame, NOTHING, table, "end_to_end").set_index("group")
    logs = np.log([[1.2, 1.22, 1.1], [1.0, 1.05, 1.01]]).mean(axis=0)
    low, high = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert groups.loc["", ["change", "low", "high"]].to_list() == pytest.approx(
        list(np.expm1([logs.mean(), low, high]))
    )
    assert (groups.loc["", "units"], groups.loc["", "instances"]) == ("3", 2)
    assert groups.loc["squeezenet", "units"] == "4"


def test_words_say_what_an_interval_is_over_and_what_is_not_in_it():
    frame = rows([(side, block, 10.0 + block + (side == "b")) for block in range(1, 7) for side in "ab"])
    assert interleaved.in_words(interleaved.compare_blocks(frame, NOTHING, ["mean"])) == (
        "A and B alternate; intervals of times are over 6 blocks of one session; "
        "differences between days are not included"
    )


def test_rates_of_errors_are_those_of_the_page():
    """Rates from few trials are within chance (99.9%) of those in docs/compare.md, which come from more trials."""
    trials = 100
    drift = np.log(1.1)
    null = rates(Case("no change", drift=drift), trials)
    assert null["shown"] <= stats.binom.ppf(0.999, trials, 0.05) / trials
    assert null["covered"] == pytest.approx(1 - null["shown"])
    assert rates(Case("slower", drift=drift, ratio=1.1), trials)["shown"] >= 0.8
