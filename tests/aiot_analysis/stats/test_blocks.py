import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from aiot_analysis.stats import blocks, variance
from aiot_analysis.tables import dependence, select
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.stats.series import autocorrelated, records, runs

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"
T = np.arange(1, 401)


def certain(images):
    """Return rows of the runs in image records, for runs that repeat exactly."""
    keys = images.drop_duplicates(select.KEY)[select.KEY].astype(str)
    return variance.assumed(keys.reset_index(drop=True), run_to_run=0)


def test_what_neighbours_add_to_the_variance_of_a_mean():
    """For AR(1) times with 0.45, the variance of the mean is 1.45 / 0.55 times that of independent ones: 164% more."""
    n, count = 1000, 100
    series = 10 * (1 + 0.1 * autocorrelated(0.45, count, n))
    ids = [f"tflite_cpu_float32_m{number:03}" for number in range(count)]
    parts = [records(name, times) for name, times in zip(ids, series, strict=True)]
    added = blocks.excess_variance(pd.concat(parts).sample(frac=1, random_state=0))  # with any order of rows
    assert added.index.tolist() == ids
    assert added.mean() == pytest.approx(0.1**2 / n * (1.45 / 0.55 - 1), rel=0.15)
    shuffled = np.random.default_rng(0).permuted(series, axis=1)
    parts = [records(name, times) for name, times in zip(ids, shuffled, strict=True)]
    assert blocks.excess_variance(pd.concat(parts)).mean() == pytest.approx(0.0, abs=0.1 * 0.1**2 / n)


def test_what_neighbours_add_by_hand_and_without_times():
    """One of three instances has a missing time and one a single time, and blocks of one add nothing."""
    parts = [records(A, np.array([1.0, 2.0, np.nan])), records(B, np.array([1.0]))]
    parts.append(records("caffe2_cpu_float32_mnasnet", T))
    added = blocks.excess_variance(pd.concat(parts), "inference_ms")
    assert added[[A, B]].tolist() == [0.0, 0.0]
    error, _ = dependence.errors(T[None].astype(float))
    expected = (error[0] ** 2 - (400**2 - 1) / 12 / 399) / 200.5**2  # the variance of 1 to 400 is (400^2 - 1) / 12
    assert added["caffe2_cpu_float32_mnasnet"] == pytest.approx(expected)
    assert blocks.excess_variance(parts[0].iloc[:0]).empty


@pytest.mark.parametrize("phi, least", [(0.0, 0.93), (0.5, 0.91), (0.7, 0.89), (0.9, 0.86)])
def test_intervals_of_the_mean_cover_where_times_depend_on_those_before(phi, least):
    series = runs(10 + autocorrelated(phi, 1000, 500))
    result = blocks.means(series, certain(series))
    covered = ((result["mean_low"] <= 10) & (result["mean_high"] >= 10)).mean()
    assert least <= covered <= 0.97


def test_intervals_that_ignore_dependence_would_not():
    series = autocorrelated(0.7, 1000, 500)
    naive = 1.96 * series.std(axis=1) / np.sqrt(500)
    assert (np.abs(series.mean(axis=1)) <= naive).mean() < 0.7


def test_the_first_image_counts_and_what_has_no_time_does_not():
    frame = records(A, np.array([30.0, 10, 10, 10, 500])).assign(inference_ms=[30, 10, 10, 10, np.nan])
    assert blocks.means(frame, certain(frame), "inference").iloc[0][["images", "mean_ms"]].tolist() == [4, 15]
    alone = records(A, np.array([30.0]))
    single = blocks.means(alone, certain(alone)).iloc[0]
    assert single["images"] == 1 and np.isnan(single["mean_ms"]) and np.isnan(single["mean_low"])


def test_of_equal_times_only_what_another_run_may_give_is_uncertain():
    equal = records(A, np.full(50, 3.0))
    result = blocks.means(equal, variance.assumed(certain(equal).drop(columns=variance.COLUMNS))).iloc[0]
    assert result[["mean_ms", "effective_size"]].tolist() == [3, 50]
    # a run differs from the mean of all runs by 1 / sqrt(2) of the difference of two runs
    assert result[["mean_low", "mean_high"]].tolist() == pytest.approx([3 / 1.05**0.5**0.5, 3 * 1.05**0.5**0.5])


RNG = np.random.default_rng(5)
NOISE = 10 * (1 + 0.05 * RNG.normal(size=500))
KINDS = {
    "normal": (NOISE, ""),
    "rare times 20 times as long": (np.where(np.isin(T500 := np.arange(500), [50, 333]), 200.0, NOISE), "a few long"),
    "heavy tail": (10 + RNG.pareto(1.1, 500), "a few long"),
    "two modes with long stays": (np.where(T500 // 170 % 2, 1.5, 1.0) * NOISE, "times change slowly"),
    "a step": (np.where(T500 < 300, 1.0, 1.4) * NOISE, "times change slowly"),
    "a long first image, as every run has one": (np.append(200.0, NOISE[1:]), ""),
    "too few to tell": (np.append(200.0, NOISE[:20]), ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_times_whose_interval_may_be_too_short_are_named_wherever_intervals_are(kind):
    times, why = KINDS[kind]
    images = pd.concat([records(A, times), records(B, NOISE)])
    rows = variance.assumed(instances(instance(A), instance(B)))
    result = blocks.doubts(images, rows)
    assert result["instance_id"].tolist() == [A] * bool(why)
    assert all(note.startswith(why) for note in result["note"])
    means = blocks.means(images, rows)
    assert (
        means[means["note"] != ""][[*select.KEY, "note"]].astype(str).to_numpy().tolist() == result.to_numpy().tolist()
    )


def several(means, **other):
    days = [f"2026-01-{n + 1:02}T00:00:00Z" for n in range(len(means))]
    return [
        instance(A, time_ms=ms, run_id=f"2026010{n}", position=n, started=day, **other)
        for n, (ms, day) in enumerate(zip(means, days, strict=True))
    ]


def test_the_interval_over_sessions_is_students_of_the_logarithms():
    result = blocks.over_sessions(instances(*several([10, 11, 13]))).iloc[0]
    assert result[["runs", "sessions", "gap"]].tolist() == [3, 3, ""]
    assert result[["mean_ms", "fastest_ms", "slowest_ms"]].tolist() == pytest.approx([1430 ** (1 / 3), 10, 13])
    expected = ttest_1samp(np.log([10, 11, 13]), 0).confidence_interval(0.95)
    assert result[["mean_low", "mean_high"]].tolist() == pytest.approx([np.exp(expected.low), np.exp(expected.high)])
    assert result["run_ids"].count(",") == 2


def test_runs_of_one_session_count_once():
    """Three consecutive runs on one day and one run on each of two other days are three sessions."""
    rows = instances(*several([10, 40, 20, 20, 30])).assign(
        started=["2026-01-01T00:00:00Z"] * 3 + ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
    )
    result = blocks.over_sessions(rows).iloc[0]
    assert result[["runs", "sessions"]].tolist() == [5, 3]
    assert result[["mean_ms", "fastest_ms", "slowest_ms"]].tolist() == pytest.approx([12000 ** (1 / 3), 20, 30])


@pytest.mark.parametrize("count", [3, 6, 12])
def test_intervals_over_sessions_cover_at_their_rate(count):
    rng = np.random.default_rng(count)
    times = rng.normal(100, 5, (400, count))
    rows = pd.concat([instances(instance(A))] * times.size, ignore_index=True).assign(
        end_to_end_ms_mean=times.ravel(),
        run_id=[f"r{n:02}" for n in range(count)] * 400,
        started=[f"2026-01-{n + 1:02}T00:00:00Z" for n in range(count)] * 400,
        device_id=np.repeat([f"d{n:03}" for n in range(400)], count),
    )
    result = blocks.over_sessions(rows)
    assert len(result) == 400
    assert 0.92 <= ((result["mean_low"] <= 100) & (result["mean_high"] >= 100)).mean() <= 0.98


@pytest.mark.parametrize(
    "count, gap", [(1, "1 session, but an interval"), (2, "2 sessions, but an interval over sessions needs 3")]
)
def test_few_sessions_give_no_interval_and_say_so(count, gap):
    result = blocks.over_sessions(instances(*several([10.0] * count))).iloc[0]
    assert result["gap"].startswith(gap) and np.isnan(result["mean_low"])


def test_runs_that_were_measured_otherwise_are_not_pooled():
    rows = instances(*several([10, 11]), *several([20, 21], threads=4), *several([30], profile="quick"))
    result = blocks.over_sessions(rows)
    assert sorted(result["runs"]) == [1, 2, 2]
    assert sorted(result["mean_ms"]) == pytest.approx([110**0.5, 420**0.5, 30])


def test_no_rows():
    assert blocks.over_sessions(instances(instance(A)).iloc[:0]).empty
    nothing = records(A, np.ones(3)).iloc[:0]
    assert blocks.means(nothing, certain(nothing)).empty


def test_a_mean_says_where_its_interval_may_be_too_short():
    """After a step, 500 times count as few; in another run, three times 40 times as long cause the scatter."""
    noise = np.random.default_rng(0).normal(1, 0.1, 500)
    step = noise + np.where(np.arange(500) < 250, 0, 3)
    tail = noise.copy()
    tail[[100, 250, 400]] = 40.0
    notes = [
        blocks.means(frame, certain(frame)).iloc[0]["note"]
        for frame in (records(A, each) for each in (noise, step, tail))
    ]
    assert notes[0] == ""
    assert notes[1].startswith("times change slowly over a run") and "may be too short" in notes[1]
    assert notes[2] == "a few long times cause most of the scatter: the interval may be too short"
