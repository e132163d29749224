import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.stats import blocks
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.stats.series import autocorrelated, records, runs
from tests.examples import examples

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"
T = np.arange(1, 401)


@pytest.mark.parametrize(
    "series, expected",
    [
        (np.sin(T) + 0.5 * np.sin(T * T / 7), 37.04641354685777),
        (np.cumsum(np.sin(T * T / 3)) * 0.3 + np.sin(T * T), 36.80523749155636),
        (np.sin(T * T), 2.4054022249631215),
    ],
)
def test_block_lengths_are_those_of_arch(series, expected):
    """`arch.bootstrap.optimal_block_length(series)["circular"]` of arch 8.0.0, rounded up."""
    assert blocks.lengths(series[None]).tolist() == [np.ceil(expected)]


@pytest.mark.parametrize("phi", [0.3, 0.6])
def test_block_lengths_of_long_series_tend_to_those_of_their_law(phi):
    """Of AR(1), G / sum R = 2 phi / (1 - phi^2), so b = (1.5 (2 phi / (1 - phi^2))^2 n)^(1/3)."""
    n = 20_000
    expected = (1.5 * (2 * phi / (1 - phi**2)) ** 2 * n) ** (1 / 3)
    assert np.median(blocks.lengths(autocorrelated(phi, 20, n))) == pytest.approx(expected, rel=0.1)


@given(st.lists(st.floats(0.1, 1e3), min_size=2, max_size=40))
@examples(50)
def test_block_lengths_stay_within_the_series_and_know_no_unit(times):
    series = np.array([times])
    length = blocks.lengths(series)[0]
    assert 1 <= length <= max(1, np.ceil(len(times) / 3))
    error, worth = blocks.errors(series)
    assert 0 <= error[0] <= np.ptp(times) and 2 <= worth[0] <= len(times)


def test_the_error_is_that_of_drawing_blocks():
    """Against drawing them: 4000 resamples of one series, block by block."""
    series = autocorrelated(0.6, 1, 200, seed=3)
    block = int(blocks.lengths(series)[0])
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 200, (4000, -(-200 // block)))
    drawn = ((starts[:, :, None] + np.arange(block)) % 200).reshape(4000, -1)[:, :200]
    by_drawing = series[0][drawn].mean(axis=1).std() * np.sqrt(200 / (200 - block))
    assert blocks.errors(series)[0][0] == pytest.approx(by_drawing, rel=0.05)


def test_independent_times_have_the_usual_error():
    series = autocorrelated(0.0, 200, 400)
    error, worth = blocks.errors(series)
    assert np.median(error / (series.std(axis=1) / np.sqrt(400))) == pytest.approx(1, abs=0.05)
    assert np.median(worth) >= 380


@pytest.mark.parametrize("phi, least", [(0.0, 0.93), (0.5, 0.91), (0.7, 0.89), (0.9, 0.86)])
def test_intervals_of_the_mean_cover_where_times_depend_on_those_before(phi, least):
    found = blocks.along_run(runs(10 + autocorrelated(phi, 1000, 500)))
    covered = ((found["mean_low"] <= 10) & (found["mean_high"] >= 10)).mean()
    assert least <= covered <= 0.97


def test_intervals_that_ignore_dependence_would_not():
    series = autocorrelated(0.7, 1000, 500)
    naive = 1.96 * series.std(axis=1) / np.sqrt(500)
    assert (np.abs(series.mean(axis=1)) <= naive).mean() < 0.7


def test_the_first_image_counts_and_what_has_no_time_does_not():
    frame = records(A, np.array([30.0, 10, 10, 10, 500])).assign(inference_ms=[30, 10, 10, 10, np.nan])
    assert blocks.along_run(frame, "inference").iloc[0][["images", "mean_ms"]].tolist() == [4, 15]
    assert blocks.along_run(records(A, np.array([30.0]))).iloc[0]["mean_low"] is not None
    one = blocks.along_run(records(A, np.array([30.0]))).iloc[0]
    assert one["images"] == 1 and np.isnan(one["mean_ms"]) and np.isnan(one["mean_low"])


def test_equal_times_have_no_width():
    found = blocks.along_run(records(A, np.full(50, 3.0))).iloc[0]
    assert found[["mean_low", "mean_ms", "mean_high", "worth"]].tolist() == [3, 3, 3, 50]


def several(means, **other):
    return [instance(A, time_ms=ms, run_id=f"2026010{n}", position=n, **other) for n, ms in enumerate(means)]


def test_runs_are_drawn_whole():
    rows = instances(*several([10, 11, 12, 13, 14, 15]))
    found = blocks.over_runs(rows).iloc[0]
    assert found[["runs", "mean_ms", "fastest_ms", "slowest_ms", "gap"]].tolist() == [6, 12.5, 10, 15, ""]
    assert 10 <= found["mean_low"] < 11.5 and 13.5 < found["mean_high"] <= 15
    assert found["run_ids"].count(",") == 5


@pytest.mark.parametrize("runs", [6, 8, 12])
def test_intervals_over_runs_cover_at_their_rate(runs):
    rng = np.random.default_rng(runs)
    row = instances(instance(A))
    times = rng.normal(100, 5, (400, runs))
    rows = pd.concat([row] * times.size, ignore_index=True).assign(
        end_to_end_ms_mean=times.ravel(),
        run_id=[f"r{n:02}" for n in range(runs)] * 400,
        device_id=np.repeat([f"d{n:03}" for n in range(400)], runs),
    )
    found = blocks.over_runs(rows)
    assert len(found) == 400
    assert 0.91 <= ((found["mean_low"] <= 100) & (found["mean_high"] >= 100)).mean() <= 0.99


@pytest.mark.parametrize("count, gap", [(1, "1 run, an interval"), (5, "5 runs, an interval over runs needs 6")])
def test_few_runs_give_no_interval_and_say_so(count, gap):
    found = blocks.over_runs(instances(*several([10.0] * count))).iloc[0]
    assert found["gap"].startswith(gap) and np.isnan(found["mean_low"])


def test_runs_that_were_measured_otherwise_are_not_pooled():
    rows = instances(*several([10, 11]), *several([20, 21], threads=4), *several([30], profile="quick"))
    found = blocks.over_runs(rows)
    assert sorted(found["runs"]) == [1, 2, 2]
    assert sorted(found["mean_ms"]) == [10.5, 20.5, 30]


def test_no_rows():
    assert blocks.over_runs(instances(instance(A)).iloc[:0]).empty
    assert blocks.along_run(records(A, np.ones(3)).iloc[:0]).empty
