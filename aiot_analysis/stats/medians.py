"""Medians over devices or models, with distribution-free intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import quantile_test

from aiot_analysis.tables import names
from aiot_analysis.words import CONFIDENCE

LEAST = 6  # fewest values for a 95 % interval: the full range of five values reaches only 1 - 2 / 2**5 = 93.75 %


def medians(frame: pd.DataFrame, value: str, by: Sequence[str], count: str = "devices") -> pd.DataFrame:
    """Return the median of the column `value` within each group of `by`, with its interval and range.

    Takes a frame with one row per group and device (or model, or whatever `count` names). Returns `by`, `count` (the
    number of non-null values), the median under the name of `value` and, with _low and _high, its 95 % interval: the
    order statistics that contain the median of the distribution with a probability of at least 95 % (Conover 1999,
    "Practical Nonparametric Statistics", Section 3.2; scipy.stats.quantile_test), null for fewer than 6 values. The
    suffixes _min and _max give the lowest and the highest value. Rows are in the order of `names.ordered`.
    """
    rows = []
    for key, part in frame.dropna(subset=[value]).groupby(list(by), sort=False):
        values = part[value].to_numpy(float)
        low = high = np.nan
        if len(values) >= LEAST:
            low, high = quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
        ends = {"": np.median(values), "_low": low, "_high": high, "_min": values.min(), "_max": values.max()}
        numbers = {f"{value}{name}": float(number) for name, number in ends.items()}
        rows.append({**dict(zip(by, key, strict=True)), count: len(values), **numbers})
    columns = [*by, count, *(f"{value}{name}" for name in ("", "_low", "_high", "_min", "_max"))]
    return names.ordered(pd.DataFrame(rows, columns=columns), by)
