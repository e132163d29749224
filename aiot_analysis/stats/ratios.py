"""Ratios of times with intervals: over devices and, within a device, over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from aiot_analysis.stats import blocks, variance
from aiot_analysis.words import CONFIDENCE, plural

Floats = NDArray[np.float64]


FEWEST_DEVICES = 3
"""Minimum number of devices for an interval over devices. Two leave one degree of freedom: at the levels that several
comparisons share, Student's quantile is then in the hundreds, and the interval of a ratio spans many powers of ten.
"""
OVER_DEVICES = f"with a 95 % interval over devices where there are {FEWEST_DEVICES} or more"
"""Description of the interval of a geometric mean over devices, for the captions of tables."""


def too_few_devices(values: pd.Series, written: str = "{:.2f}") -> str:
    """Return why the values of these devices have no interval over devices, naming each device; "" if they have one.

    The index of `values` has the ids of the devices, and `written` is the format of a value.
    """
    if len(values) >= FEWEST_DEVICES or values.empty:
        return ""
    listed = ", ".join(f"{written.format(value)} on {device}" for device, value in values.items())
    return f"{plural(len(values), 'device')} ({listed}): an interval over devices needs {FEWEST_DEVICES}"


def mean_over_devices(values: Floats, level: float = CONFIDENCE) -> Floats:
    """Return the mean of one value per device and the ends of Student's interval (1908), (3,).

    The ends are NaN for fewer than FEWEST_DEVICES devices. For logarithms of ratios, the exponentials are the geometric
    mean and its interval. Devices are treated as independent, although phones with the same chip are more similar than
    independent ones.
    """
    n = len(values)
    if n < FEWEST_DEVICES:
        return np.array([values.mean() if n else np.nan, np.nan, np.nan])
    middle, se = values.mean(), values.std(ddof=1) / np.sqrt(n)
    interval: Floats = middle + np.array([0.0, -1.0, 1.0]) * t.ppf((1 + level) / 2, n - 1) * se
    return interval


def image_log_ratios(
    base: Floats, other: Floats, base_turn: Floats, other_turn: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return log(mean of base / mean of other), its variance within the runs, and its freedom, (m,) each.

    Takes the times per image of m pairs of runs of two instances, (m, n) each with one column per image, and the
    position of each image in its run. By the delta method, the logarithm varies like the mean of base / mean(base) -
    other / mean(other), where neighbours in time are treated as dependent (see `blocks.errors`). If the two instances
    were shown the images in different orders, the variances of both sides are added instead. An image that is NaN on
    one side is left out on both. NaN where fewer than two images are left.
    """
    seen = ~(np.isnan(base) | np.isnan(other))
    counts = seen.sum(axis=1)
    logs, squares, freedom = np.full((3, len(base)), np.nan)
    for n in np.unique(counts[counts > 1]):
        rows = np.flatnonzero(counts == n)
        x, y, x_turn, y_turn = (side[rows][seen[rows]].reshape(-1, n) for side in (base, other, base_turn, other_turn))
        logs[rows] = np.log(x.mean(axis=1) / y.mean(axis=1))
        x, y = x / x.mean(axis=1, keepdims=True), y / y.mean(axis=1, keepdims=True)
        order, other_order = x_turn.argsort(axis=1), y_turn.argsort(axis=1)
        x, y = np.take_along_axis(x, order, 1), np.take_along_axis(y, other_order, 1)
        alike = (order == other_order).all(axis=1)
        error, worth = np.empty((2, len(rows)))
        if alike.any():
            error[alike], worth[alike] = blocks.errors(x[alike] - y[alike])
        if not alike.all():
            (base_error, base_worth), (other_error, other_worth) = blocks.errors(x[~alike]), blocks.errors(y[~alike])
            error[~alike], together = variance.standard_error(
                [base_error**2, other_error**2], [base_worth - 1, other_worth - 1]
            )
            worth[~alike] = 1 + together
        squares[rows], freedom[rows] = error**2, worth - 1
    return logs, squares, freedom


def log_ratio(base: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """Return log(mean of base / mean of other), its standard error, and the number of images of the smaller side.

    Each side is given by mean, standard deviation and number of images alone; the sides are treated as independent.
    """
    se = np.sqrt(sum((sd / middle) ** 2 / n for middle, sd, n in (base, other)))
    return float(np.log(base[0] / other[0])), float(se), min(base[2], other[2])


def over_devices(frame: pd.DataFrame, by: list[str], level: float = CONFIDENCE) -> pd.DataFrame:
    """Return the geometric mean of the column speed_up over the devices of each group of `by`, one row per group.

    The columns are those of `by`, devices (their number), speed_up, speed_up_low and speed_up_high (over devices, see
    `mean_over_devices`), slowest and fastest (smallest and largest speed-up of a device) and faster_on (number of
    devices on which it is above 1).
    """
    table = []
    valid = frame.dropna(subset="speed_up")
    for group, part in valid.groupby(by, sort=False, observed=True):
        ratio = part["speed_up"].to_numpy(float)
        middle, low, high = np.exp(mean_over_devices(np.log(ratio), level))
        numbers = [len(ratio), middle, low, high, ratio.min(), ratio.max(), int((ratio > 1).sum())]
        table.append([*(group if isinstance(group, tuple) else (group,)), *numbers])
    columns = [*by, "devices", "speed_up", "speed_up_low", "speed_up_high", "slowest", "fastest", "faster_on"]
    return pd.DataFrame(table, columns=columns)
