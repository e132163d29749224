import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.stats import accuracy, intervals, latency, pairing
from tests.aiot_analysis.conftest import images, instance, instances
from tests.examples import examples

F32, INT8 = "tflite_cpu_float32_mnasnet", "tflite_cpu_int8_mnasnet"
PAIRS = pairing.pair(instances(instance(F32), instance(INT8)), "quantization", "float32")


def both(base, other, base_ms=None, other_ms=None):
    base_ms, other_ms = base_ms or [1.0] * len(base), other_ms or [1.0] * len(other)
    return pd.concat([images(F32, base, base_ms), images(INT8, other, other_ms)], ignore_index=True)


def test_wilson_interval_of_70_percent_of_500():
    result = accuracy.with_interval(instances(instance(F32, 0.7))).iloc[0]
    assert result["accuracy_low"] == pytest.approx(0.6584, abs=5e-5)
    assert result["accuracy_high"] == pytest.approx(0.7385, abs=5e-5)


def test_repeated_images_do_not_narrow_the_interval():
    once, often = instance(F32, 0.7), instance(INT8, 0.7, images=1024)
    result = accuracy.with_interval(instances(once, often))
    assert result["accuracy_low"].nunique() == 1


def test_more_images_of_a_larger_set_narrow_the_interval():
    small, large = instance(F32, 0.7), instance(INT8, 0.7, images=1024, distinct_images=1024)
    result = accuracy.with_interval(instances(small, large))
    assert result["accuracy_low"].tolist() == pytest.approx([0.6584, 0.67123], abs=5e-5)


def test_no_accuracy_no_interval():
    result = accuracy.with_interval(instances(instance(F32, None, None))).iloc[0]
    assert np.isnan(result["accuracy_low"]) and np.isnan(result["accuracy_high"])


@given(st.floats(0, 1), st.integers(1, 2000))
@examples(50)
def test_wilson_interval_holds_the_estimate_and_stays_within_0_and_1(value, n):
    row = pd.DataFrame({"accuracy": [value], "images": [n], "distinct_images": [n]})
    result = accuracy.with_interval(row).iloc[0]
    assert 0 <= result["accuracy_low"] <= value <= result["accuracy_high"] <= 1


def test_six_discordant_images_of_one_direction():
    result = accuracy.accuracy_change(both([True] * 10, [False] * 6 + [True] * 4), PAIRS).iloc[0]
    assert result["only_base"] == 6 and result["only_other"] == 0
    assert result["change"] == pytest.approx(-0.6)
    assert result["p_value"] == pytest.approx(2 / 64)


def test_no_discordant_image():
    result = accuracy.accuracy_change(both([True, False], [True, False]), PAIRS).iloc[0]
    assert result["change"] == 0 and result["p_value"] == 1
    assert result["change_low"] < 0 < result["change_high"]


def test_newcombe_interval_by_hand():
    # 2 of 4 against none: phi is 0 since a margin is; Wilson ends 0.15004, 0.84996 (of 2/4) and 0, 0.48990 (of 0/4)
    low, high = accuracy.newcombe(0, 0, 2, 2)
    assert low == pytest.approx(0.5 - np.hypot(0.5 - 0.15004, 0.48990), abs=1e-4)
    assert high == pytest.approx(0.5 + (0.84996 - 0.5), abs=1e-4)


@given(*[st.integers(0, 60)] * 4)
@examples(60)
def test_the_paired_interval_is_symmetric_and_holds_the_estimate(a, b, c, d):
    if a + b + c + d == 0:
        return
    low, high = accuracy.newcombe(a, b, c, d)
    back_low, back_high = accuracy.newcombe(a, c, b, d)
    assert (low, high) == pytest.approx((-back_high, -back_low), abs=1e-9)
    assert -1 - 1e-9 <= low <= (c - b) / (a + b + c + d) + 1e-9 and high <= 1 + 1e-9


def test_images_of_one_side_only_are_not_paired():
    records = both([True, True], [True, True]).iloc[:-1]
    assert accuracy.accuracy_change(records, PAIRS)["n_images"].tolist() == [1]


def test_where_every_image_is_twice_as_fast_only_what_runs_may_add_is_uncertain():
    result = latency.speed_up(both([True] * 3, [True] * 3, [2.0, 4.0, 6.0], [1.0, 2.0, 3.0]), PAIRS).iloc[0]
    assert result[["base_ms", "other_ms", "speed_up"]].tolist() == [4, 2, 2]
    # two runs are assumed to agree within 5% in 19 of 20 cases
    assert result[["speed_up_low", "speed_up_high"]].tolist() == pytest.approx([2 / 1.05, 2 * 1.05])


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=2, max_size=20))
@examples(10)
def test_speed_up_one_way_is_the_inverse_of_the_other_way(times):
    n = len(times)
    first, second = [list(times_of_side) for times_of_side in zip(*times, strict=True)]
    forth = latency.speed_up(both([True] * n, [True] * n, first, second), PAIRS).iloc[0]
    back = latency.speed_up(both([True] * n, [True] * n, second, first), PAIRS).iloc[0]
    assert forth["speed_up"] == pytest.approx(1 / back["speed_up"])
    assert forth["speed_up_low"] < forth["speed_up"] < forth["speed_up_high"]
    assert forth["speed_up_low"] == pytest.approx(1 / back["speed_up_high"])


def test_images_that_failed_on_one_side_are_excluded_of_the_speed_up():
    records = both([True, False], [True, True], [2.0, 1000.0], [1.0, 1.0])
    records["failed"] = [False, True, False, False]
    result = latency.speed_up(records, PAIRS).iloc[0]
    assert result["n_images"] == 1 and result["speed_up"] == 2


def test_resamples_depend_on_the_seed_alone():
    assert (intervals.bootstrap_weights(7, 50, seed=1) == intervals.bootstrap_weights(7, 50, seed=1)).all()
    assert (intervals.bootstrap_weights(7, 50, seed=1) != intervals.bootstrap_weights(7, 50, seed=2)).any()
    assert intervals.bootstrap_weights(7, 50, seed=3).sum(axis=1) == pytest.approx(np.ones(50))


def test_summary_of_known_times():
    records = images(F32, [True] * 5, [50.0, 10.0, 20.0, 30.0, 40.0])
    result = latency.summary(records).iloc[0]
    assert result[["images", "mean_ms", "median_ms", "p25_ms", "p90_ms", "min_ms", "max_ms", "first_ms"]].tolist() == [
        5, 30, 30, 20, 46, 10, 50, 50,
    ]  # fmt: skip
    assert result["cv"] == pytest.approx(np.sqrt(250) / 30)
    assert latency.summary(records, "inference")["mean_ms"].tolist() == [22.5]


def test_phases_add_up_to_the_end_to_end_mean():
    result = latency.phases(images(F32, [True] * 2, [10.0, 30.0])).set_index("phase")["mean_ms"]
    assert result["inference_ms"] == pytest.approx(15) and result.sum() == pytest.approx(20)
