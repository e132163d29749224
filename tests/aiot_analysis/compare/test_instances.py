"""Tests of the table of compared instances: its numbers, and the notes in place of missing ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aiot_analysis.compare import changes, comparison, instances, matching, sides
from aiot_analysis.stats import accuracy, variance, vips
from aiot_analysis.tables import names
from tests.aiot_analysis.compare.two import MNASNET, RUN_A, RUN_B, SQUEEZENET, TORCH, answered, noisy, records, side

N = 100


def compared(base, other, metrics=("accuracy", "mean"), **options):
    matched = matching.match(base, other)
    return matched, instances.compare_instances(matched, base, other, metrics, **options)


def row_of(result, instance_id, metric):
    table = result.table
    [row] = table[(table["instance_id"] == instance_id) & (table["metric"] == metric)].to_dict("records")
    return row


def two_runs():
    """Return two sides, between which MnasNet stays the same and SqueezeNet gets half as fast and 12 images worse."""
    base = side(
        records(MNASNET, answered(N, 0.8), noisy(N, 10, 1)), records(SQUEEZENET, answered(N, 0.6), noisy(N, 20, 2))
    )
    other = side(
        records(MNASNET, answered(N, 0.8), noisy(N, 10, 3), run_id=RUN_B),
        records(SQUEEZENET, answered(N, 0.6, wrong=12), noisy(N, 40, 4), run_id=RUN_B),
    )
    return base, other


def test_numbers_of_an_instance_are_those_of_its_images():
    base, other = two_runs()
    _, result = compared(base, other, margins=instances.Margins(0.05, 0.01))
    row = row_of(result, SQUEEZENET, "accuracy")
    assert (row["base"], row["other"], row["change"]) == pytest.approx((0.6, 0.48, -0.12))
    level = 1 - 0.05 / 4  # accuracy and time of two instances
    assert (row["low"], row["high"]) == pytest.approx(tuple(map(float, accuracy.newcombe(48, 12, 0, 40, level))))
    assert row["p_value"] == pytest.approx(2 * 0.5**12)
    assert (row["units"], row["way"], row["note"]) == ("100", "images", "")
    row = row_of(result, SQUEEZENET, "mean")
    first, second = noisy(N, 20, 2), noisy(N, 40, 4)
    log = changes.ratio_of_images(first, second, "mean", paired=True).of_any_run(variance.RUN_TO_RUN)
    assert (row["base"], row["other"]) == pytest.approx((first.mean(), second.mean()))
    assert row["change"] == pytest.approx(second.mean() / first.mean() - 1)
    assert (row["low"] + 1, row["high"] + 1) == pytest.approx(log.interval(level))


def test_tests_are_corrected_together_and_regressions_are_beyond_the_margins():
    _, result = compared(*two_runs(), margins=instances.Margins(0.05, 0.01))
    table = result.table
    assert list(table["p_adjusted"]) == pytest.approx([min(4 * p, 1) for p in table["p_value"]])
    verdicts = table.set_index(["instance_id", "metric"])["verdict"].to_dict()
    assert verdicts == {
        (SQUEEZENET, "accuracy"): "worse",
        (SQUEEZENET, "mean"): "worse",
        (MNASNET, "accuracy"): "no change shown",
        (MNASNET, "mean"): "no change shown",
    }
    assert list(table[table["regression"]]["instance_id"]) == [SQUEEZENET, SQUEEZENET]


def test_sides_that_change_places_get_better():
    base, other = two_runs()
    _, result = compared(other, base, margins=instances.Margins(0.05, 0.01))
    assert (
        row_of(result, SQUEEZENET, "mean")["verdict"] == row_of(result, SQUEEZENET, "accuracy")["verdict"] == "better"
    )
    assert not result.table["regression"].any()


def test_regressions_are_judged_only_where_they_are_asked_for():
    _, result = compared(*two_runs())
    assert not result.table["regression"].any()


def test_images_in_another_order_are_no_pairs_of_times_but_of_answers():
    base = side(records(MNASNET, answered(N, 0.8), noisy(N, 10, 1)))
    row, frame = records(MNASNET, answered(N, 0.8), noisy(N, 10, 3), run_id=RUN_B)
    order = np.random.default_rng(0).permutation(N)
    shuffled = frame.assign(query=np.argsort(order)).sort_values("query", ignore_index=True)
    _, result = compared(base, side((row, shuffled)))
    paired = compared(base, side((row, frame)))[1]
    mean = row_of(result, MNASNET, "mean")
    assert (mean["units"], mean["note"]) == ("100 and 100", instances.UNPAIRED)
    assert mean["change"] == pytest.approx(row_of(paired, MNASNET, "mean")["change"])
    assert mean["high"] - mean["low"] > row_of(paired, MNASNET, "mean")["high"] - row_of(paired, MNASNET, "mean")["low"]
    assert row_of(result, MNASNET, "accuracy")["p_value"] == 1
    assert row_of(result, MNASNET, "accuracy")["units"] == "100"


def test_images_that_failed_or_have_no_time_are_excluded_of_times_on_both_sides():
    base = side(records(MNASNET, answered(N, 0.8), noisy(N, 10, 1)))
    row, frame = records(MNASNET, answered(N, 0.8), noisy(N, 10, 3), run_id=RUN_B)
    frame = frame.assign(
        failed=[at == 5 for at in range(N)],
        end_to_end_ms=[1e6 if at == 5 else ms for at, ms in enumerate(frame["end_to_end_ms"])],
    )
    _, result = compared(base, side((row, frame)))
    assert row_of(result, MNASNET, "mean")["units"] == "99"
    assert abs(row_of(result, MNASNET, "mean")["change"]) < 0.05


def test_one_image_has_no_interval():
    pair = [side(records(MNASNET, [True, True], [10.0, 11.0], run_id=run)) for run in (RUN_A, RUN_B)]
    cut = [replace(side_, images=side_.images[side_.images["query"] == 0]) for side_ in pair]
    _, result = compared(*cut)
    right, mean = row_of(result, MNASNET, "accuracy"), row_of(result, MNASNET, "mean")
    assert (right["note"], right["verdict"]) == ("one image is too few for a test", "not tested")
    assert mean["note"].startswith("no interval")
    assert np.isnan([mean["low"], mean["p_value"], right["low"], right["p_value"]]).all()


def test_no_image_in_common_is_reported():
    base = side(records(MNASNET, answered(N, 0.8), noisy(N, 10, 1)))
    row, frame = records(MNASNET, answered(N, 0.8), noisy(N, 10, 3), run_id=RUN_B)
    others = frame.assign(image=[f"other-{at}" for at in range(N)])
    _, result = compared(base, side((row, others)))
    assert row_of(result, MNASNET, "accuracy")["note"] == "the two sides share no image"
    assert row_of(result, MNASNET, "mean")["note"] == instances.UNPAIRED


def test_summaries_of_tools_have_mean_and_standard_deviation_only():
    facts = {"source": "tool", "images": 200, "distinct_images": 200, "end_to_end_ms_sd": 1.0}
    sides = [
        side((records(MNASNET, [True, False], [ms, ms + 1], run_id=run, **facts)[0], None))
        for run, ms in ((RUN_A, 9.5), (RUN_B, 19.5))
    ]
    _, result = compared(*sides, metrics=("accuracy", "mean", "median"))
    mean = row_of(result, MNASNET, "mean")
    assert (mean["base"], mean["other"], mean["note"]) == (10, 20, instances.NO_RECORDS)
    log = changes.ratio_of_summaries((10, 1, 200), (20, 1, 200)).of_any_run(variance.RUN_TO_RUN)
    assert (mean["low"] + 1, mean["high"] + 1) == pytest.approx(log.interval(1 - 0.05 / 2))  # none for the median
    assert (mean["verdict"], row_of(result, MNASNET, "median")["verdict"]) == ("worse", "not tested")
    right = row_of(result, MNASNET, "accuracy")
    assert (right["change"], right["note"]) == (0, instances.NO_RECORDS)
    assert right["low"] < 0 < right["high"]


def runs(mean, sessions, first=1, each=1, spread=0.1, within=0.0, id_=MNASNET, **facts):
    """Return runs of one instance, with one session per day from January `first` on and runs ten minutes apart."""
    parts = []
    for day in range(first, first + sessions):
        draws = np.random.default_rng(day)
        session = mean * np.exp(spread * draws.normal())
        for at in range(each):
            own = session * np.exp(within * draws.normal())
            run = f"202601{day:02}T00{10 * at:02}00Z-{day:03}{at:03}"
            started = f"2026-01-{day:02}T00:{10 * at:02}:00Z"
            columns = {"run_id": run, "started": started, **facts}
            parts.append(records(id_, answered(N, 0.8), noisy(N, own, day + at), **columns))
    return parts


def session_means(rows, each):
    """Return the mean logarithms of the times of sessions, each of which has the same number of runs, in order."""
    return np.log(rows["end_to_end_ms_mean"].to_numpy(float)).reshape(-1, each).mean(axis=1)


def test_several_sessions_a_side_are_the_unit_of_times():
    base, other = side(*runs(10, 3, 1)), side(*runs(12, 3, 11))
    _, result = compared(base, other)
    mean = row_of(result, MNASNET, "mean")
    log = changes.ratio_of_units(*(session_means(side_.runs, 1) for side_ in (base, other)))
    assert (mean["way"], mean["units"]) == ("sessions", "3 sessions (3 runs) and 3 sessions (3 runs)")
    assert (mean["low"] + 1, mean["high"] + 1) == pytest.approx(log.interval(1 - 0.05 / 2))
    assert row_of(result, MNASNET, "accuracy")["way"] == "images"


def test_instances_of_the_same_sessions_tell_together_how_these_differ():
    parts = [
        [
            *runs(mean, 3, first),
            *runs(2 * mean, 3, first, spread=0.05, id_=SQUEEZENET),
            *runs(mean, 4, first, id_=TORCH),
        ]
        for mean, first in ((10, 1), (12, 11))
    ]
    base, other = (side(*part) for part in parts)
    _, result = compared(base, other)
    logs = [
        np.log([side_.runs[side_.runs["instance_id"] == id_]["end_to_end_ms_mean"].to_numpy(float) for id_ in ids])
        for ids in ((MNASNET, SQUEEZENET), (TORCH,))
        for side_ in (base, other)
    ]
    pair, alone = changes.ratio_of_sessions(*logs[:2]), changes.ratio_of_sessions(*logs[2:])
    assert [side_.rows for side_ in (*pair, *alone)] == [2, 2, 1]
    for id_, log in zip((MNASNET, SQUEEZENET, TORCH), (*pair, *alone), strict=True):
        row = row_of(result, id_, "mean")
        assert (row["low"] + 1, row["high"] + 1) == pytest.approx(log.interval(1 - 0.05 / 6))
        assert row["p_value"] == pytest.approx(log.p_value())
        assert row["p_adjusted"] == pytest.approx(min(6 * log.p_value(log.rows), 1))


def test_runs_of_a_session_are_averaged_first():
    base, other = side(*runs(10, 3, 1, each=3, within=0.05)), side(*runs(12, 3, 11, each=2, within=0.05))
    _, result = compared(base, other)
    mean = row_of(result, MNASNET, "mean")
    logs = session_means(base.runs, 3), session_means(other.runs, 2)
    reference = stats.ttest_ind(logs[1], logs[0], equal_var=False)
    assert mean["units"] == "3 sessions (9 runs) and 3 sessions (6 runs)"
    assert mean["p_value"] == pytest.approx(reference.pvalue)
    assert np.log1p([mean["low"], mean["high"]]) == pytest.approx([*reference.confidence_interval(1 - 0.05 / 2)])
    assert mean["base"] == pytest.approx(np.exp(logs[0].mean()))


@pytest.mark.parametrize(
    ("base", "other"),
    [
        (runs(10, 1, 1, each=3), runs(10, 1, 11, each=3)),  # three runs per side, each side in one session
        (runs(10, 1, 1, each=6), runs(10, 1, 11)),
        (runs(10, 2, 1, each=3), runs(10, 3, 11, each=3)),  # three degrees of freedom
    ],
)
def test_too_few_sessions_leave_the_latest_run_of_each_side_and_the_allowance(base, other):
    sides = side(*base), side(*other)
    alone = side(base[-1]), side(other[-1])
    mean, latest = (row_of(compared(*both)[1], MNASNET, "mean") for both in (sides, alone))
    assert mean["way"] == "images"
    for column in ("base", "other", "change", "low", "high", "p_value"):
        assert mean[column] == pytest.approx(latest[column])
    assert mean["base"] == pytest.approx(base[-1][0]["end_to_end_ms_mean"])


def test_a_restart_between_two_runs_makes_them_two_sessions():
    row, frame = runs(10, 1, 1, each=2)[1]
    first = runs(10, 1, 1)[0]
    assert len(sides.over_sessions(side(first, (row, frame)).runs)) == 1
    started_anew = instances_of((first[0] | {"boot_id": "a"}, first[1]), (row | {"boot_id": "b"}, frame))
    assert len(sides.over_sessions(started_anew.runs)) == 2


def instances_of(*parts):
    """Return a side of rows with columns that the table may lack."""
    rows = pd.concat([side(part).rows.assign(boot_id=part[0]["boot_id"]) for part in parts], ignore_index=True)
    return sides.build_side(rows, pd.concat([frame for _, frame in parts]), "end_to_end")


def test_runs_under_other_conditions_or_versions_are_excluded_and_listed():
    several = runs(10, 5, 1)
    old = [(row | {"framework_version": "0.9"}, frame) for row, frame in several[:2]]
    base = side(*old, *several[2:])
    assert len(base.runs) == 3
    _, result = compared(base, side(*runs(12, 3, 11)))
    mean = row_of(result, MNASNET, "mean")
    assert mean["units"] == "3 sessions (3 runs) and 3 sessions (3 runs)"
    words = "excluded from A: 2 runs (framework version 0.9, not 1.0)"
    assert mean["note"] == row_of(result, MNASNET, "accuracy")["note"] == words


def test_an_instance_that_some_sessions_lack_is_over_those_that_have_it():
    base = side(*runs(10, 3, 1), *runs(20, 2, 1, id_=SQUEEZENET))
    other = side(*runs(10, 4, 11), *runs(20, 2, 11, id_=SQUEEZENET))
    matched, result = compared(base, other)
    assert row_of(result, MNASNET, "mean")["units"] == "3 sessions (3 runs) and 4 sessions (4 runs)"
    assert row_of(result, SQUEEZENET, "mean")["way"] == "images"
    groups = comparison.summaries(result, matched, "end_to_end").set_index(["by", "group", "metric"])
    assert groups.loc[("all", "", "mean")]["way"] == "instances"
    assert groups.loc[("model", "mnasnet", "mean")]["way"] == "sessions"
    assert groups.loc[("model", "mnasnet", "mean")]["units"] == "3 and 4"


def test_sessions_that_are_all_alike_have_no_interval():
    base, other = side(*runs(10, 3, 1, spread=0)), side(*runs(12, 3, 11, spread=0))
    rows = [side_.runs.assign(end_to_end_ms_mean=ms) for side_, ms in ((base, 10.0), (other, 12.0))]
    alike = [replace(side_, runs=side_runs) for side_, side_runs in zip((base, other), rows, strict=True)]
    mean = row_of(compared(*alike)[1], MNASNET, "mean")
    assert mean["change"] == pytest.approx(0.2)
    assert np.isnan([mean["low"], mean["high"], mean["p_value"]]).all()
    assert mean["note"].startswith("no interval")
    assert mean["verdict"] == "not tested"


def test_a_doubt_on_the_interval_stands_on_the_row():
    def of_times(run, ms):
        return side(records(MNASNET, answered(500, 0.8), ms, run_id=run))

    rare = noisy(500, 10, 2) * np.where(np.arange(500) % 250 == 99, 20, 1)
    _, result = compared(of_times(RUN_A, noisy(500, 10, 1)), of_times(RUN_B, rare))
    assert row_of(result, MNASNET, "mean")["note"].startswith("a few long times cause ")
    assert row_of(result, MNASNET, "accuracy")["note"] == ""


@pytest.mark.parametrize("seed", range(4))
def test_a_row_agrees_with_itself(seed):
    """The verdict agrees with the printed interval and with p, and a regression is beyond the margins."""
    draws = np.random.default_rng(seed)
    parts = [[], []]
    for place, id_ in enumerate(names.PAPER_FLOAT32[:8]):
        for which, run in enumerate((RUN_A, RUN_B)):
            right = list(draws.random(N) < 0.8 - 0.15 * which * (place % 3))
            ms = noisy(N, 10 * (1 + 0.02 * which * place), int(draws.integers(1000)))
            parts[which].append(records(id_, right, ms, run_id=run))
    both = [side(*side_parts) for side_parts in parts]
    table = compared(*both, margins=instances.Margins(0.05, 0.01))[1].table
    shown = table["verdict"].isin(["better", "worse"])
    assert list(shown) == list((table["low"] > 0) | (table["high"] < 0))
    assert list(shown) == list(table["p_adjusted"] < 0.05)
    beyond = np.where(table["metric"] == "accuracy", table["high"] < -0.01, table["low"] > 0.05)
    assert list(table["regression"]) == list(beyond)
    assert 0 < beyond.sum() < (table["verdict"] == "worse").sum()
    assert 0 < shown.sum() < len(table)


def fleet(devices, day, factor=1.0, wrong=0):
    run = f"202601{day:02}T000000Z-{day:06}"
    parts = []
    for at, device in enumerate(devices):
        for id_, mean in ((MNASNET, 10), (TORCH, 30)):
            own = mean * (1 + at) * factor * np.exp(0.01 * np.random.default_rng(day * 100 + at).normal())
            right = answered(N, 0.8, wrong=wrong)
            parts.append(records(id_, right, noisy(N, own, at), run_id=run, device_id=device))
    return side(*parts)


def test_devices_are_compared_each_with_itself():
    devices = ["a", "b", "c", "d"]
    base, other = fleet(devices, 1), fleet(devices, 2, 1.5, wrong=8)
    matched, result = compared(base, other, margins=instances.Margins(0.05, 0.01))
    mean, right = row_of(result, MNASNET, "mean"), row_of(result, MNASNET, "accuracy")
    ratio = matched.other["end_to_end_ms_mean"].to_numpy(float) / matched.base["end_to_end_ms_mean"].to_numpy(float)
    mine = (matched.base["instance_id"] == MNASNET).to_numpy()
    assert (mean["way"], mean["units"]) == ("devices", "4")
    interval = changes.ratio_of_pairs(np.log(ratio[mine])).interval(1 - 0.05 / 4)
    assert (mean["low"] + 1, mean["high"] + 1) == pytest.approx(interval)
    assert right["change"] == pytest.approx(-0.08)
    assert (mean["verdict"], right["verdict"]) == ("worse", "worse")
    assert right["high"] == pytest.approx(float(accuracy.newcombe(72, 8, 0, 20, 1 - 0.05 / 4)[1]))
    assert (mean["regression"], right["regression"]) == (True, False)  # the interval is from -0.159 to -0.006
    assert compared(base, other, margins=instances.Margins(0.05, 0.005))[1].table["regression"].all()


def test_two_devices_have_no_interval_and_are_listed():
    base, other = fleet(["a", "b"], 1), fleet(["a", "b"], 2, 1.5)
    matched, result = compared(base, other)
    row = row_of(result, MNASNET, "mean")
    assert np.isnan([row["low"], row["high"], row["p_value"]]).all()
    ratio = matched.other["end_to_end_ms_mean"].to_numpy(float) / matched.base["end_to_end_ms_mean"].to_numpy(float)
    a, b = ratio[(matched.base["instance_id"] == MNASNET).to_numpy()] - 1
    assert row["note"] == f"2 devices ({a:+.1%} on a, {b:+.1%} on b): an interval over devices needs 3"
    assert row["verdict"] == "not tested"


def test_fleets_without_a_device_in_common_scatter_as_their_devices_do():
    base, other = fleet(["a", "b", "c"], 1), fleet(["x", "y", "z"], 2, 1.5)
    matched, result = compared(base, other)
    mean = row_of(result, MNASNET, "mean")
    samples = [
        np.log(rows[rows["instance_id"] == MNASNET]["end_to_end_ms_mean"].to_numpy(float))
        for rows in (matched.base, matched.other)
    ]
    assert (mean["low"] + 1, mean["high"] + 1) == pytest.approx(changes.ratio_of_units(*samples).interval(1 - 0.05 / 4))
    assert (mean["units"], mean["verdict"]) == ("3 and 3", "no change shown")  # the devices differ widely


def test_groups_are_over_their_instances():
    base, other = two_runs()
    matched, result = compared(base, other)
    groups = comparison.summaries(result, matched, "end_to_end").set_index(["by", "group", "metric"])
    every = groups.loc[("all", "", "mean")]
    each = [row_of(result, id_, "mean")["change"] + 1 for id_ in (MNASNET, SQUEEZENET)]
    assert every["change"] + 1 == pytest.approx(np.sqrt(each[0] * each[1]))
    assert every["low"] < every["change"] < every["high"]
    right = groups.loc[("all", "", "accuracy")]
    lost = np.zeros(N)
    lost[:12] = -0.5  # for one of two instances
    assert right["change"] == pytest.approx(-0.06)
    error = lost.std(ddof=1) / np.sqrt(N)
    assert right["high"] - right["change"] == pytest.approx(1.9842 * error, rel=1e-3)
    own = groups.loc[("model", "squeezenet", "accuracy")]
    assert own["low"] == pytest.approx(float(accuracy.newcombe(48, 12, 0, 40)[0]))  # 95% for this row alone


def test_groups_of_devices_are_over_devices():
    devices = ["a", "b", "c", "d"]
    base, other = fleet(devices, 1), fleet(devices, 2, 1.5)
    matched, result = compared(base, other)
    groups = comparison.summaries(result, matched, "end_to_end").set_index(["by", "group", "metric"])
    ratio = matched.other["end_to_end_ms_mean"].to_numpy(float) / matched.base["end_to_end_ms_mean"].to_numpy(float)
    each = np.log(ratio).reshape(2, 4).mean(axis=0)  # rows are sorted by instance and device
    every = groups.loc[("all", "", "mean")]
    assert (every["low"] + 1, every["high"] + 1) == pytest.approx(changes.ratio_of_pairs(each).interval())
    assert every["units"] == "4"


def test_costs_are_those_that_both_sides_know():
    base, other = two_runs()
    matched, _ = compared(base, other)
    result = comparison.costs(matched.base, matched.other)
    assert set(result["cost"]) == {"load_ms", "peak_rss_mb", "model_mb"}
    assert (result["change"] == 0).all()


def test_the_score_is_equation_1_over_the_common_instances():
    base, other = two_runs()
    matched, result = compared(base, other)
    [row] = comparison.scores(result, matched, "end_to_end").to_dict("records")
    both = (matched.base, matched.other)
    values = [(side["accuracy"] / (side["end_to_end_ms_mean"] / 1000)).sum() for side in both]
    assert (row["suite"], row["instances"], row["of"]) == ("float32", 2, 24)
    assert (row["base"], row["other"]) == pytest.approx(tuple(values))
    assert row["change"] == pytest.approx(values[1] / values[0] - 1)
    assert row["low"] < row["change"] < row["high"] < 0


def test_the_interval_of_a_score_is_that_of_a_bootstrap_where_times_are_independent():
    right = [list(np.random.default_rng(at).permutation(answered(N, 0.6))) for at in range(2)]
    base = side(records(MNASNET, right[0], noisy(N, 10, 1)), records(SQUEEZENET, right[1], noisy(N, 20, 2)))
    other = side(
        records(MNASNET, right[1], noisy(N, 10, 3), run_id=RUN_B),
        records(SQUEEZENET, right[0], noisy(N, 40, 4), run_id=RUN_B),
    )
    matched, result = compared(base, other)
    [row] = comparison.scores(result, matched, "end_to_end", run_to_run=0.0).to_dict("records")
    draws = [vips.resampled(side_.images).sum(axis=1).to_numpy() for side_ in (base, other)]
    low, high = np.quantile(draws[1] / draws[0], [0.025, 0.975]) - 1
    assert row["high"] - row["low"] == pytest.approx(high - low, rel=0.25)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.25 * (high - low))


def test_scores_of_devices_are_geometric_means():
    devices = ["a", "b", "c", "d"]
    base, other = fleet(devices, 1), fleet(devices, 2, 1.5)
    matched, result = compared(base, other)
    [row] = comparison.scores(result, matched, "end_to_end").to_dict("records")
    assert row["way"] == "devices"
    assert 1 + row["change"] == pytest.approx(row["other"] / row["base"])
    assert row["change"] == pytest.approx(1 / 1.5 - 1, abs=0.03)


def test_the_score_of_several_sessions_scatters_as_they_do():
    base, other = side(*runs(10, 3, 1, each=2, within=0.02)), side(*runs(12, 3, 11))
    matched, result = compared(base, other)
    [row] = comparison.scores(result, matched, "end_to_end").to_dict("records")
    logs = [np.log(0.8) - session_means(side_.runs, each) for side_, each in ((base, 2), (other, 1))]
    alone = changes.ratio_of_units(*logs)
    assert row["change"] + 1 == pytest.approx(np.exp(alone.value))
    low, high = alone.interval()
    assert row["low"] + 1 < low * 1.02
    assert (row["units"], row["way"]) == ("3 and 3", "sessions")
    assert high > 0
    groups = comparison.summaries(result, matched, "end_to_end").set_index(["by", "group", "metric"])
    every = groups.loc[("all", "", "mean")]
    own = changes.ratio_of_units(*(session_means(side_.runs, each) for side_, each in ((base, 2), (other, 1))))
    assert (every["low"] + 1, every["high"] + 1) == pytest.approx(own.interval())


def test_the_score_of_single_runs_allows_each_side_its_part():
    base, other = two_runs()
    matched, result = compared(base, other)
    narrow, wide = (
        comparison.scores(result, matched, "end_to_end", run_to_run=allowance).iloc[0] for allowance in (0.0, 99.0)
    )
    for side_, runs_ in (("base", 1), ("other", 1), ("", 2)):
        ends = [f"{side_}_low", f"{side_}_high"] if side_ else ["low", "high"]
        less, more = (np.log(row[ends].astype(float) + (not side_)) for row in (narrow, wide))
        added = (np.ptp(more) / 2 / 1.96) ** 2 - (np.ptp(less) / 2 / 1.96) ** 2
        assert added == pytest.approx(runs_ * np.log(100) ** 2 / 1.96**2 / 2, rel=0.02)
