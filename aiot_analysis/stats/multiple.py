"""Many comparisons at once: corrected p values, and intervals that agree with their tests.

The interval and the test of a row are both corrected by Bonferroni's method (`level`, `bonferroni`), so that the
corrected p value is under ALPHA just where the interval is on one side of 0. That holds however the tests depend on one
another.
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
"""The ends of an interval at a level."""
ALPHA = 1 - LEVEL
LEAST_P = 1e-12  # nearer to 1 a level has no digits left


def level(comparisons: int) -> float:
    """Return the level of each of so many intervals that keep LEVEL together (Bonferroni)."""
    return 1 - ALPHA / max(comparisons, 1)


def bonferroni(p_values: pd.Series) -> pd.Series:
    """Return p values times their number, at most 1. Nulls are no comparison and stay null."""
    return (p_values.astype(float) * p_values.notna().sum()).clip(upper=1)


def agreeing(p_value: float, ends: Ends) -> float:
    """Return the p value of a test and an interval together: the larger of `p_value` and that of the interval.

    The p value of an interval is 1 minus the level at which it begins to have 0 inside. An exact test and an
    approximate interval do not reject in just the same cases; what both reject is shown. NaN where there is no
    interval, unless nothing speaks for a change.
    """

    def beyond(p: float) -> float:
        """How far the interval at level 1 - p is from 0; negative where it has 0 inside."""
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


def interval(p_value: float, ends: Ends, level: float = LEVEL) -> tuple[float, float]:
    """Return the ends of an interval, which has 0 inside where a test with this p value does not reject.

    With the p value of `agreeing`, the interval is on one side of 0 just where p is under 1 - `level`.
    """
    low, high = ends(level)
    if p_value >= 1 - level:
        return min(low, 0.0), max(high, 0.0)
    return low, high
