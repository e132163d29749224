import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import ttest_1samp

from aiot_analysis.stats import intervals, latency, variance


def test_the_mean_over_devices_has_students_interval():
    values = np.array([0.1, 0.4, 0.2, 0.7])
    middle, low, high = latency.mean_over_devices(values, 0.9)
    expected = ttest_1samp(values, 0).confidence_interval(0.9)
    assert (middle, low, high) == pytest.approx((0.35, expected.low, expected.high))


@pytest.mark.parametrize("values", [[0.5], [0.2, 0.8]])
def test_one_device_and_two_have_no_interval_over_devices(values):
    assert latency.mean_over_devices(np.array(values))[0] == 0.5
    assert np.isnan(latency.mean_over_devices(np.array(values))[1:]).all()
    assert np.isnan(latency.mean_over_devices(np.array([]))).all()


@pytest.mark.parametrize("devices", [3, 10, 51])
def test_intervals_over_devices_cover_at_their_rate(devices):
    rng = np.random.default_rng(devices)
    result = np.array([latency.mean_over_devices(row) for row in rng.normal(0.3, 0.5, (1500, devices))])
    assert ((result[:, 1] < 0.3) & (result[:, 2] > 0.3)).mean() == pytest.approx(0.95, abs=0.02)


def in_order(*sides):
    """Return arguments of `latency.image_log_ratios` for times (m, n) of images in the order of the columns."""
    turns = np.tile(np.arange(sides[0].shape[1]), (len(sides[0]), 1))
    return *sides, turns, turns


def covered(logs, squares, freedom, truth):
    low, high = variance.student_interval(logs, np.sqrt(squares), freedom)
    return ((low < truth) & (high > truth)).mean()


def test_intervals_within_a_device_cover_at_their_rate_though_times_are_skewed():
    rng = np.random.default_rng(1)
    shared = rng.lognormal(0, 0.2, (1500, 200))
    base, other = shared * rng.lognormal(0.4, 0.3, (1500, 200)), shared * rng.lognormal(0, 0.3, (1500, 200))
    assert covered(*latency.image_log_ratios(*in_order(base, other)), 0.4) == pytest.approx(0.95, abs=0.02)


def test_intervals_within_runs_cover_where_neighbours_in_time_are_alike():
    rng = np.random.default_rng(3)
    noise = lfilter([np.sqrt(1 - 0.45**2)], [1, -0.45], rng.normal(0, 0.1, (2, 1500, 600)))[:, :, 100:]
    assert covered(*latency.image_log_ratios(*in_order(*np.exp(noise))), 0.0) == pytest.approx(0.945, abs=0.02)


def test_the_delta_method_and_the_bootstrap_agree():
    rng = np.random.default_rng(2)
    slow, fast = rng.lognormal(3, 0.3, 400), rng.lognormal(2, 0.3, 400)
    [log], [square], _ = latency.image_log_ratios(*in_order(slow[None], fast[None]))
    assert np.exp(log) == pytest.approx(slow.mean() / fast.mean())
    draws = intervals.bootstrap_weights(400) @ np.column_stack([slow, fast])
    assert np.sqrt(square) == pytest.approx(np.log(draws[:, 0] / draws[:, 1]).std(), rel=0.06)


def test_sides_that_saw_the_images_in_other_orders_are_not_paired():
    rng = np.random.default_rng(4)
    cost = rng.lognormal(0, 0.5, (1, 300))  # of an image, the same on both sides
    turns = np.arange(300.0)[None]
    _, [paired], _ = latency.image_log_ratios(2 * cost, cost, turns, turns)
    _, [apart], freedom = latency.image_log_ratios(2 * cost, cost, turns, rng.permuted(turns, axis=1))
    assert paired == pytest.approx(0, abs=1e-15)
    share = cost.std() ** 2 / cost.mean() ** 2 / 299  # of the mean of independent times
    assert apart == pytest.approx(2 * share, rel=0.25) and freedom[0] > 200


def test_images_that_lack_a_side_are_excluded_and_one_image_has_no_scatter():
    base, other = np.array([[2.0, 4.0, np.nan], [2.0, np.nan, 1.0]]), np.array([[1.0, 2.0, 5.0], [1.0, 3.0, np.nan]])
    logs, squares, _ = latency.image_log_ratios(*in_order(base, other))
    assert np.exp(logs[0]) == pytest.approx(2) and squares[0] == pytest.approx(0)
    assert np.isnan([logs[1], squares[1]]).all()


def test_what_varies_within_and_between_runs_adds_up():
    error, freedom = variance.standard_error(
        [np.full(2, 9.0), np.full(2, 16.0)], [np.full(2, 10.0), np.array([4, np.inf])]
    )
    assert error.tolist() == [5, 5]
    # Satterthwaite: (9 + 16)^2 / (9^2 / 10 + 16^2 / 4), and without the last where runs are taken as known
    assert freedom.tolist() == pytest.approx([625 / (8.1 + 64), 625 / 8.1])


def test_without_pairs_the_variances_of_both_sides_add_up():
    logs, se, n = latency.log_ratio((20.0, 2.0, 100.0), (10.0, 2.0, 50.0))
    assert np.exp(logs) == pytest.approx(2)
    assert se == pytest.approx(np.sqrt(0.1**2 / 100 + 0.2**2 / 50))
    assert n == 50


def test_over_devices_by_hand():
    frame = pd.DataFrame({"model": ["a", "a", "b", "b"], "speed_up": [2.0, 8.0, 0.5, np.nan]})
    result = latency.over_devices(frame, ["model"]).set_index("model")
    assert result.loc["a", ["devices", "slowest", "fastest", "faster_on"]].tolist() == [2, 2, 8, 2]
    assert result.loc["a", "speed_up"] == pytest.approx(4)
    assert result.loc["b", ["devices", "speed_up", "faster_on"]].tolist() == [1, 0.5, 0]
    assert np.isnan(result.loc["b", "speed_up_low"])
