import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from aiot_analysis.stats import latency, pairing, ratios, resample
from tests.aiot_analysis.conftest import images, instance, instances


def test_the_mean_over_devices_has_students_interval():
    values = np.array([0.1, 0.4, 0.2, 0.7])
    middle, low, high = ratios.mean(values, 0.9)
    expected = ttest_1samp(values, 0).confidence_interval(0.9)
    assert (middle, low, high) == pytest.approx((0.35, expected.low, expected.high))


@pytest.mark.parametrize("values", [[0.5], [0.2, 0.8]])
def test_one_device_and_two_have_no_interval_over_devices(values):
    assert ratios.mean(np.array(values))[0] == 0.5
    assert np.isnan(ratios.mean(np.array(values))[1:]).all()
    assert np.isnan(ratios.mean(np.array([]))).all()


@pytest.mark.parametrize("devices", [3, 10, 51])
def test_intervals_over_devices_cover_at_their_rate(devices):
    rng = np.random.default_rng(devices)
    found = np.array([ratios.mean(row) for row in rng.normal(0.3, 0.5, (1500, devices))])
    assert ((found[:, 1] < 0.3) & (found[:, 2] > 0.3)).mean() == pytest.approx(0.95, abs=0.02)


def test_intervals_within_a_device_cover_at_their_rate_though_times_are_skewed():
    rng = np.random.default_rng(1)
    shared = rng.lognormal(0, 0.2, (1500, 200))
    base, other = shared * rng.lognormal(0.4, 0.3, (1500, 200)), shared * rng.lognormal(0, 0.3, (1500, 200))
    logs, se, n = ratios.paired_log_ratio(base, other)
    low, high = ratios.around(logs, se, n - 1)
    assert ((low < 0.4) & (high > 0.4)).mean() == pytest.approx(0.95, abs=0.02)


def test_the_delta_method_and_the_bootstrap_agree():
    rng = np.random.default_rng(2)
    one, two = "tflite_cpu_float32_mnasnet", "tflite_cpu_int8_mnasnet"
    slow, fast = rng.lognormal(3, 0.3, 400), rng.lognormal(2, 0.3, 400)
    pairs = pairing.pair(instances(instance(one), instance(two)), "quantization", "float32")
    records = pd.concat([images(one, [True] * 400, list(slow)), images(two, [True] * 400, list(fast))])
    expected = latency.speed_up(records, pairs, resamples=resample.RESAMPLES).iloc[0]
    logs, se, n = ratios.paired_log_ratio(slow[None], fast[None])
    low, high = ratios.around(logs, se, n - 1)
    assert np.exp(logs[0]) == pytest.approx(expected["speed_up"])
    assert np.exp([low[0], high[0]]) == pytest.approx([expected["speed_up_low"], expected["speed_up_high"]], rel=0.005)


def test_images_that_lack_a_side_are_left_out_and_one_image_has_no_scatter():
    base, other = np.array([[2.0, 4.0, np.nan], [2.0, np.nan, 1.0]]), np.array([[1.0, 2.0, 5.0], [1.0, 3.0, np.nan]])
    logs, se, n = ratios.paired_log_ratio(base, other)
    assert n.tolist() == [2, 1]
    assert np.exp(logs[0]) == pytest.approx(2) and se[0] == pytest.approx(0)
    assert np.isnan([logs[1], se[1]]).all()


def test_without_pairs_the_variances_of_both_sides_add_up():
    logs, se, n = ratios.log_ratio((20.0, 2.0, 100.0), (10.0, 2.0, 50.0))
    assert np.exp(logs) == pytest.approx(2)
    assert se == pytest.approx(np.sqrt(0.1**2 / 100 + 0.2**2 / 50))
    assert n == 50


def test_over_devices_by_hand():
    frame = pd.DataFrame({"model": ["a", "a", "b", "b"], "speed_up": [2.0, 8.0, 0.5, np.nan]})
    found = ratios.over_devices(frame, ["model"]).set_index("model")
    assert found.loc["a", ["devices", "slowest", "fastest", "faster_on"]].tolist() == [2, 2, 8, 2]
    assert found.loc["a", "speed_up"] == pytest.approx(4)
    assert found.loc["b", ["devices", "speed_up", "faster_on"]].tolist() == [1, 0.5, 0]
    assert np.isnan(found.loc["b", "speed_up_low"])
