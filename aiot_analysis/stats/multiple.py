"""Multiple comparisons: corrected p-values, and intervals that agree with their tests.

Two families of corrections are used. Where a row has an interval, the interval and its test are both corrected by
Bonferroni's method (`level`, `bonferroni`), so that the corrected p-value is below ALPHA exactly when the interval
excludes 0. Tests without an interval may use Holm's method (`adjusted`), which detects more but has no equally simple
intervals. Both are valid under any dependence between the tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]
Ends = Callable[[float], tuple[float, float]]
"""Function that returns the ends of an interval at a level."""
ALPHA = 1 - LEVEL
LEAST_P = 1e-12  # levels closer to 1 lose their precision


def level(comparisons: int) -> float:
    """Return the level of each of so many intervals whose joint confidence is LEVEL (Bonferroni)."""
    return 1 - ALPHA / max(comparisons, 1)


def bonferroni(p_values: pd.Series) -> pd.Series:
    """Return p-values times their number, at most 1. Nulls do not count as comparisons and stay null."""
    return (p_values.astype(float) * p_values.notna().sum()).clip(upper=1)


def agreeing(p_value: float, ends: Ends) -> float:
    """Return the p-value of a test and an interval together: the larger of `p_value` and that of the interval.

    The p-value of an interval is 1 minus the level from which on it contains 0. An exact test and an approximate
    interval do not reject in exactly the same cases; the result is significant only if both reject. NaN if there is no
    interval, unless the test shows no sign of a change.
    """

    def beyond(p: float) -> float:
        """Return how far the interval at level 1 - p is from 0; negative if it contains 0."""
        low, high = ends(1 - p)
        return max(low, -high)

    largest_p = 1 - 1e-9
    if p_value >= largest_p:
        return 1.0
    distance = beyond(max(p_value, LEAST_P))
    if np.isnan(distance):
        return np.nan
    if distance > 0:
        return p_value
    return float(brentq(beyond, max(p_value, LEAST_P), largest_p)) if beyond(largest_p) > 0 else 1.0


def interval(p_value: float, ends: Ends, level: float = LEVEL) -> tuple[float, float]:
    """Return the ends of an interval that contains 0 if a test with this p-value does not reject.

    With the p-value of `agreeing`, the interval excludes 0 exactly when p is below 1 - `level`.
    """
    low, high = ends(level)
    if p_value >= 1 - level:
        return min(low, 0.0), max(high, 0.0)
    return low, high


def adjusted(p_values: pd.Series) -> pd.Series:
    """Return p-values adjusted jointly by Holm's method. Nulls do not count as comparisons and stay null."""
    present = p_values.notna()
    result = pd.Series(np.nan, index=p_values.index, dtype=float)
    if present.any():
        result[present] = holm(p_values[present].to_numpy(float))
    return result


def holm(p_values: Floats) -> Floats:
    """Adjust p-values by the method of Holm 1979, "A simple sequentially rejective multiple test procedure".

    The i-th smallest of n is multiplied by n - i + 1, and is never below the one before nor above 1. The result is that
    of statsmodels' `multipletests(p_values, method="holm")`, which runs Python's garbage collector at each call and
    takes thousands of times as long.
    """
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
