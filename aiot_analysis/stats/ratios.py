"""Ratios of times with intervals: over devices, and within a device over the images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from aiot_analysis.stats import blocks, variance
from aiot_analysis.stats.resample import LEVEL
from aiot_analysis.words import plural

Floats = NDArray[np.float64]


FEWEST_DEVICES = 3
"""Devices that an interval over devices needs. Two leave one degree of freedom: at the levels that several comparisons
share, Student's quantile is then in the hundreds, and the interval of a ratio spans many powers of ten."""
OVER_DEVICES = f"with a 95 % interval over devices where there are {FEWEST_DEVICES} or more"
"""What the interval of a geometric mean over devices is, for the captions of tables."""


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


def of_images(base: Floats, other: Floats, base_turn: Floats, other_turn: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log(mean of base / mean of other) of runs of two instances, its variance within the runs, and its freedom.

    Takes the times per image of m pairs, (m, n) each, a column an image, and when each image had its turn in its run.
    By the delta method the logarithm varies as the mean of base / mean(base) - other / mean(other) does, where
    neighbours in time are taken as dependent (see `blocks.errors`). Where the two were shown the images in different
    orders, the variances of both sides are added instead. An image that is NaN on a side is left out on both. NaN where
    fewer than two images are left.
    """
    seen = ~(np.isnan(base) | np.isnan(other))
    counts = seen.sum(axis=1)
    logs, squares, freedom = np.full((3, len(base)), np.nan)
    for n in np.unique(counts[counts > 1]):
        at = np.flatnonzero(counts == n)
        x, y, first, second = (side[at][seen[at]].reshape(-1, n) for side in (base, other, base_turn, other_turn))
        logs[at] = np.log(x.mean(axis=1) / y.mean(axis=1))
        x, y = x / x.mean(axis=1, keepdims=True), y / y.mean(axis=1, keepdims=True)
        order, other_order = first.argsort(axis=1), second.argsort(axis=1)
        x, y = np.take_along_axis(x, order, 1), np.take_along_axis(y, other_order, 1)
        alike = (order == other_order).all(axis=1)
        error, worth = np.empty((2, len(at)))
        if alike.any():
            error[alike], worth[alike] = blocks.errors(x[alike] - y[alike])
        if not alike.all():
            (one, of_one), (two, of_two) = blocks.errors(x[~alike]), blocks.errors(y[~alike])
            error[~alike], together = variance.standard_error([one**2, two**2], [of_one - 1, of_two - 1])
            worth[~alike] = 1 + together
        squares[at], freedom[at] = error**2, worth - 1
    return logs, squares, freedom


def log_ratio(base: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """Return log(mean of base / mean of other), its standard error, and the number of images of the smaller side.

    For sides that are known by mean, standard deviation and number of images alone, taken as independent.
    """
    se = np.sqrt(sum((sd / middle) ** 2 / n for middle, sd, n in (base, other)))
    return float(np.log(base[0] / other[0])), float(se), min(base[2], other[2])


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
