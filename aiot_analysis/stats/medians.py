"""Medians over devices or models, with an interval that assumes nothing of the distribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import quantile_test

from aiot_analysis.stats.resample import LEVEL
from aiot_analysis.tables import names

LEAST = 6  # of fewer, not even the lowest and the highest hold a median with 95 %: 1 - 2 / 2**5 is 93.75 %


def medians(frame: pd.DataFrame, value: str, by: Sequence[str], count: str = "devices") -> pd.DataFrame:
    """The median of a number within each group of `by`, its interval and its range.

    Takes a frame of one row per device (or model, or whatever `count` names) and group. Gives `by`, `count` (how many
    have the number), the median under the name of `value`, and with _low and _high its 95 % interval: the order
    statistics that hold the median of where the values are drawn from with at least 95 % (Conover 1999, "Practical
    Nonparametric Statistics", Section 3.2; scipy.stats.quantile_test), null for fewer than 6; with _min and _max the
    lowest and the highest value. Rows are in the order of `names.ordered`.
    """
    found = []
    for key, part in frame.dropna(subset=[value]).groupby(list(by), sort=False):
        values = part[value].to_numpy(float)
        low = high = np.nan
        if len(values) >= LEAST:
            low, high = quantile_test(values, p=0.5).confidence_interval(LEVEL)
        ends = {"": np.median(values), "_low": low, "_high": high, "_min": values.min(), "_max": values.max()}
        numbers = {f"{value}{name}": float(number) for name, number in ends.items()}
        found.append({**dict(zip(by, key, strict=True)), count: len(values), **numbers})
    columns = [*by, count, *(f"{value}{name}" for name in ("", "_low", "_high", "_min", "_max"))]
    return names.ordered(pd.DataFrame(found, columns=columns), by)
