"""Ratios of times with intervals: over devices, and within a device over the images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from aiot_analysis.stats.resample import LEVEL
from aiot_analysis.words import plural

Floats = NDArray[np.float64]


FEWEST_DEVICES = 3
"""Devices that an interval over devices needs. Two leave one degree of freedom: at the levels that several comparisons
share, Student's quantile is then in the hundreds, and the interval of a ratio spans many powers of ten."""


def too_few_devices(values: pd.Series, written: str = "{:.2f}") -> str:
    """Return why the values of these devices have no interval over devices, each of them named; "" if they have one.

    The index of `values` has the ids of the devices, and `written` says how a value is written.
    """
    if len(values) >= FEWEST_DEVICES or values.empty:
        return ""
    each = ", ".join(f"{written.format(value)} on {device}" for device, value in values.items())
    return f"{plural(len(values), 'device')} ({each}): an interval over devices needs {FEWEST_DEVICES}"


def mean(values: Floats, level: float = LEVEL) -> Floats:
    """Return the mean of one value per device and the ends of Student's interval (1908), (3,).

    The ends are NaN for fewer than FEWEST_DEVICES devices. For logarithms of ratios, the exponentials are the geometric
    mean and its interval. Devices count as independent, although phones with the same chip are more alike than that.
    """
    n = len(values)
    if n < FEWEST_DEVICES:
        return np.array([values.mean() if n else np.nan, np.nan, np.nan])
    middle, se = values.mean(), values.std(ddof=1) / np.sqrt(n)
    return middle + np.array([0.0, -1.0, 1.0]) * t.ppf((1 + level) / 2, n - 1) * se


def paired_log_ratio(base: Floats, other: Floats) -> tuple[Floats, Floats, Floats]:
    """Logarithm of mean(base) / mean(other) of each row of times (devices, images), its standard error, and n.

    By the delta method: the variance of base / mean(base) - other / mean(other) over the images, divided by their
    number n. An image that is NaN on a side is left out on both. NaN where n is under 2.
    """
    known = ~(np.isnan(base) | np.isnan(other))
    n = known.sum(axis=1).astype(float)
    base, other = np.where(known, base, np.nan), np.where(known, other, np.nan)
    logs, se = np.full(len(n), np.nan), np.full(len(n), np.nan)
    some = n > 1
    if some.any():
        x, y = np.nanmean(base[some], axis=1), np.nanmean(other[some], axis=1)
        logs[some] = np.log(x / y)
        apart = base[some] / x[:, None] - other[some] / y[:, None]
        se[some] = np.nanstd(apart, axis=1, ddof=1) / np.sqrt(n[some])
    return logs, se, n


def log_ratio(base: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """As `paired_log_ratio` of two sides known by mean, standard deviation and number of images alone: unpaired."""
    se = np.sqrt(sum((sd / middle) ** 2 / n for middle, sd, n in (base, other)))
    return float(np.log(base[0] / other[0])), float(se), min(base[2], other[2])


def around(values: Floats, se: Floats, freedom: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Student's interval around values with their standard errors and degrees of freedom."""
    width = t.ppf((1 + level) / 2, np.maximum(freedom, 1)) * se
    return values - width, values + width


def over_devices(frame: pd.DataFrame, by: list[str], level: float = LEVEL) -> pd.DataFrame:
    """Return the geometric mean of the column speed_up over the devices of each group of `by`, one row per group.

    The columns are those of `by`, devices (how many), speed_up, speed_up_low and speed_up_high (over devices, see
    `mean`), slowest and fastest (the least and the greatest of a device) and faster_on (devices on which it is over 1).
    """
    found = []
    known = frame.dropna(subset="speed_up")
    for of, part in known.groupby(by, sort=False, observed=True):
        ratio = part["speed_up"].to_numpy(float)
        middle, low, high = np.exp(mean(np.log(ratio), level))
        numbers = [len(ratio), middle, low, high, ratio.min(), ratio.max(), int((ratio > 1).sum())]
        found.append([*(of if isinstance(of, tuple) else (of,)), *numbers])
    columns = [*by, "devices", "speed_up", "speed_up_low", "speed_up_high", "slowest", "fastest", "faster_on"]
    return pd.DataFrame(found, columns=columns)
