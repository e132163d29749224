"""Tests of corrections for many comparisons against their definitions and another library."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from aiot_analysis.stats import intervals


def test_bonferroni_is_that_of_statsmodels_and_nulls_are_no_comparison():
    p_values = np.random.default_rng(1).random(60) ** 3
    result = intervals.bonferroni(pd.Series([np.nan, *p_values]))
    assert np.isnan(result[0])
    assert result[1:].tolist() == pytest.approx(multipletests(p_values, method="bonferroni")[1].tolist())
    assert intervals.bonferroni(pd.Series([], dtype=float)).empty


@given(st.floats(0, 1), st.floats(-5, 5), st.floats(0.01, 0.5))
def test_an_interval_and_a_test_that_know_nothing_of_one_another_agree(p_value, middle, alpha):
    """The interval is Student's with one degree of freedom, whose quantiles are tangents, and p is arbitrary."""

    def ends(level):
        reach = np.tan(np.pi * level / 2)
        return middle - reach, middle + reach

    p = intervals.joint_p_value(p_value, ends)
    own = 1 - 2 * np.arctan(abs(middle)) / np.pi  # the interval starts to include 0 at the level 1 - own
    assert p == pytest.approx(max(p_value, own), abs=1e-6)
    low, high = intervals.joint_interval(p, ends, 1 - alpha)
    assert low <= middle <= high
    if abs(p - alpha) > 1e-6:
        assert (low > 0 or high < 0) == (p < alpha)
