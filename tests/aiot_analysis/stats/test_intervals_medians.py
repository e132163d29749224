import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats.intervals import medians


def frame(values, group="x"):
    return pd.DataFrame({"group": group, "value": values})


def test_by_hand():
    result = medians(frame([5, 1, 3, np.nan]), "value", ["group"], "phones").iloc[0]
    assert result[["group", "phones", "value", "value_min", "value_max"]].tolist() == ["x", 3, 3, 1, 5]
    assert np.isnan(result["value_low"]) and np.isnan(result["value_high"])


def test_of_six_the_interval_is_the_range():
    """The coverage is 1 - 2 / 2**6 = 96.9%; without the outermost of six values it would be 78%."""
    result = medians(frame([1, 2, 3, 4, 5, 6]), "value", ["group"]).iloc[0]
    assert result[["value", "value_low", "value_high"]].tolist() == [3.5, 1, 6]


def test_of_25_the_interval_is_from_the_8th_to_the_18th():
    """P(8 <= B(25, 1/2) <= 17) is 95.7% for the binomial distribution (Conover 1999, Section 3.2)."""
    result = medians(frame(range(1, 26)), "value", ["group"]).iloc[0]
    assert result[["value_low", "value_high"]].tolist() == [8, 18]


def test_groups_are_apart_and_a_group_without_numbers_is_none():
    both = pd.concat([frame([1, 2], "a"), frame([np.nan], "b"), frame([9], "c")])
    result = medians(both, "value", ["group"])
    assert result["group"].tolist() == ["a", "c"] and result["value"].tolist() == [1.5, 9]
    empty = medians(both.iloc[:0], "value", ["group"])
    assert empty.empty and "value_high" in empty


def test_equal_values_have_an_interval_of_no_width():
    result = medians(frame([2.0] * 8), "value", ["group"]).iloc[0]
    assert result[["value", "value_low", "value_high"]].tolist() == [2, 2, 2]


@pytest.mark.parametrize("n", [6, 15, 51])
def test_the_interval_covers_the_median_of_a_skewed_distribution(n):
    rng = np.random.default_rng(n)
    drawn = rng.lognormal(0, 1, (400, n))  # of median 1
    frames = pd.DataFrame({"group": np.repeat(np.arange(400), n), "value": drawn.ravel()})
    result = medians(frames, "value", ["group"])
    covered = ((result["value_low"] <= 1) & (result["value_high"] >= 1)).mean()
    assert 0.93 <= covered <= 1
