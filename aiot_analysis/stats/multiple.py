"""Multiple comparisons: corrected p values, and intervals that agree with their tests.

The interval and the test of a row are both corrected by Bonferroni's method (`level`, `bonferroni`), so the corrected
p value is below ALPHA exactly if the interval is on one side of 0. This holds for any dependence between the tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from aiot_analysis.words import ALPHA, CONFIDENCE

Floats = NDArray[np.float64]
Ends = Callable[[float], tuple[float, float]]
"""Function that returns the ends of an interval at a given level."""
LEAST_P = 1e-12  # a level closer to 1 than this cannot be represented accurately


def level(comparisons: int) -> float:
    """Return the level at which so many intervals hold simultaneously with CONFIDENCE (Bonferroni)."""
    return 1 - ALPHA / max(comparisons, 1)


def bonferroni(p_values: pd.Series) -> pd.Series:
    """Return p values times their number, at most 1. Nulls do not count as comparisons and stay null."""
    return (p_values.astype(float) * p_values.notna().sum()).clip(upper=1)


def agreeing(p_value: float, ends: Ends) -> float:
    """Return the joint p value of a test and an interval: the larger of `p_value` and that of the interval.

    The p value of an interval is 1 minus the lowest level at which it contains 0. An exact test and an approximate
    interval do not reject in exactly the same cases, so a change counts as shown only if both reject. Returns NaN if
    there is no interval, unless `p_value` is 1.
    """

    def beyond(p: float) -> float:
        """Return the distance of the interval at level 1 - p from 0; negative if it contains 0."""
        low, high = ends(1 - p)
        return max(low, -high)

    most = 1 - 1e-9
    if p_value >= most:
        return 1.0
    distance = beyond(max(p_value, LEAST_P))
    if np.isnan(distance):
        return np.nan
    if distance > 0:
        return p_value
    return float(brentq(beyond, max(p_value, LEAST_P), most)) if beyond(most) > 0 else 1.0


def agreeing_interval(p_value: float, ends: Ends, level: float = CONFIDENCE) -> tuple[float, float]:
    """Return the ends of an interval, extended to contain 0 if a test with this p value does not reject.

    With the p value of `agreeing`, the interval is on one side of 0 exactly if p is below 1 - `level`.
    """
    low, high = ends(level)
    if p_value >= 1 - level:
        return min(low, 0.0), max(high, 0.0)
    return low, high
