"""Intervals by resampling and by ranks, corrections for several comparisons, and correlations corrected for noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, quantile_test
from scipy.stats import t as student

from aiot_analysis.tables import names, select
from aiot_analysis.words import ALPHA, CONFIDENCE

RESAMPLES = 2000


@lru_cache(maxsize=8)
def bootstrap_weights(n_images: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """Return how often each image is drawn in each resample, divided by the number of images: (resamples, n_images).

    `weights @ values` is then the mean of every resample (Efron 1979, nonparametric bootstrap), for any number of value
    columns at once and with the same images drawn for all of them.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=resamples) / n_images


def bootstrap_means(
    records: pd.DataFrame, timing: str = "end_to_end", seed: int = 0, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return accuracy (fraction of 1) and mean time (ms) of each instance of one device in every draw of a bootstrap.

    Takes the image records of one run of each instance. Returns two frames of resamples x instances, whose columns are
    instance ids in order. The images of a draw are the same for all instances. If an image was shown several times, all
    its showings are drawn together (a bootstrap of clusters: Davison and Hinkley 1997, "Bootstrap Methods and their
    Application", Section 3.8). A failed image counts as wrong, and contributes to the time if it has one. Null where a
    draw has no image of an instance, or no positive time.
    """
    value = records[select.time_column(timing)].to_numpy(float, na_value=np.nan)
    timed = value > 0
    image, images = pd.factorize(records["image"], sort=True)
    instance, ids = pd.factorize(records["instance_id"], sort=True)
    ids = ids.astype(str)
    table = (len(images), len(ids))
    cell = image * len(ids) + instance
    # the sums are zero where an instance did not see an image
    sums = [
        np.bincount(cell, numbers, table[0] * table[1]).reshape(table)
        for numbers in (None, records["correct"].to_numpy(float, na_value=0.0), np.where(timed, value, 0.0), timed)
    ]
    draw_weights = bootstrap_weights(len(images), resamples, seed)
    ones = np.ones((len(draw_weights), len(ids)))  # in nearly all cases every image is shown, and timed, once
    n_shown, right, ms, count = (ones if (part == 1).all() else draw_weights @ part for part in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy, time_ms = right / n_shown, np.where(ms > 0, ms, np.nan) / count
    return pd.DataFrame(accuracy, columns=ids), pd.DataFrame(time_ms, columns=ids)


def percentile_interval(values: NDArray[np.float64], level: float = CONFIDENCE) -> NDArray[np.float64]:
    """Return the low and high ends, (2, ...), of the percentile intervals of bootstrap values (..., resamples)."""
    return np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=-1)


LEAST = 6  # fewest values for a 95% interval: the full range of five values reaches only 1 - 2 / 2**5 = 93.75%


def medians(frame: pd.DataFrame, value: str, by: Sequence[str], count: str = "devices") -> pd.DataFrame:
    """Return the median of the column `value` within each group of `by`, with its interval and range.

    Takes a frame with one row per group and device (or model, or whatever `count` names). Returns `by`, `count` (the
    number of non-null values), the median under the name of `value` and, with _low and _high, its 95% interval: the
    order statistics that contain the median of the distribution with a probability of at least 95% (Conover 1999,
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
    table = pd.DataFrame(rows, columns=columns)
    if table.empty:  # the keys keep their types, so that the frame can be merged with others
        table = table.astype({key: frame[key].dtype for key in by})
    return names.ordered(table, by)


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


def joint_p_value(p_value: float, ends: Ends) -> float:
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


def joint_interval(p_value: float, ends: Ends, level: float = CONFIDENCE) -> tuple[float, float]:
    """Return the ends of an interval, extended to contain 0 if a test with this p value does not reject.

    With the p value of `joint_p_value`, the interval is on one side of 0 exactly if p is below 1 - `level`.
    """
    low, high = ends(level)
    if p_value >= 1 - level:
        return min(low, 0.0), max(high, 0.0)
    return low, high


ROUNDING = 1e-9  # as a share of the largest value


@dataclass(frozen=True)
class Likeness:
    """Mean correlation of pairs of patterns, corrected for noise, and its interval; NaN where no pattern repeats."""

    repeats: bool
    correlation: float = np.nan
    low: float = np.nan
    high: float = np.nan


def likeness(values: Floats, pairs: Sequence[tuple[int, int]], level: float = CONFIDENCE) -> Likeness:
    """Return the mean correlation over devices of pairs of patterns, corrected for attenuation.

    Takes values (devices, units, patterns) of three devices or more, and pairs of indices of patterns. A unit is the
    same image or run for all patterns. With C_ab the covariance over devices of patterns a and b, averaged over all
    ordered pairs of different units, the corrected correlation of a pair is

        C_ab / sqrt(C_aa C_bb)

    (Spearman 1904, "The proof and measurement of association between two things"). The average over units equals that
    over all ways to split them into halves (Cronbach 1951, "Coefficient alpha and the internal structure of tests"),
    and noise that both patterns share in one unit does not count. For several pairs, the mean of the numerators is
    divided by the mean of the denominators; there the root of a negative number keeps its sign, so that a pattern of
    pure noise adds nothing on average. The interval is that of the jackknife over devices with Student's t (Tukey
    1958).
    """
    used = np.unique(pairs)
    products = cross_products(values)
    correlation = _ratio(products.sum(axis=0)[None], pairs)[0]
    if repetition(values[:, :, used]) <= norm.ppf((1 + level) / 2) or np.isnan(correlation):
        return Likeness(repeats=False)
    devices = len(values)
    without = _ratio(products.sum(axis=0) - products * devices / (devices - 1), pairs)
    pseudo = devices * correlation - (devices - 1) * without
    margin = student.ppf((1 + level) / 2, devices - 1) * pseudo.std(ddof=1) / np.sqrt(devices)
    ends = np.clip([correlation, correlation - margin, correlation + margin], -1, 1)
    return Likeness(True, *map(float, ends)) if np.isfinite(margin) else Likeness(repeats=False)


def repetition(values: Floats) -> float:
    """Return how certain it is that patterns repeat from unit to unit, as a standard normal deviate.

    Takes values (devices, units, patterns). The statistic is the covariance of a pattern with itself in another unit,
    summed over pairs of units and over patterns. It is divided by its standard deviation over all ways to permute the
    devices in each unit separately, in the same way for all patterns (a permutation test by its moments: Strasser and
    Weber 1999). If units have nothing in common but noise, all these permutations are equally likely. The result is 0
    where nothing varies.
    """
    centred = _centred(values)
    statistic = float((centred.sum(axis=1) ** 2).sum() - (centred**2).sum())
    gram = np.einsum("dua,dub->uab", centred, centred)
    variance = 2 * float((gram.sum(axis=0) ** 2).sum() - (gram**2).sum()) / max(len(values) - 1, 1)
    return statistic / np.sqrt(variance) if variance > 0 else 0.0


def cross_products(values: Floats) -> Floats:
    """Return what each device adds to the covariances of different units, (devices, patterns, patterns).

    Takes values (devices, units, patterns). The sum over devices, divided by their number less one, is the covariance
    of two patterns, averaged over ordered pairs of different units.
    """
    units = values.shape[1]
    centred = _centred(values)
    total = centred.sum(axis=1)
    same_unit = np.einsum("dua,dub->dab", centred, centred)
    products: Floats = (total[:, :, None] * total[:, None, :] - same_unit) / (units * (units - 1))
    return products


def _centred(values: Floats) -> Floats:
    """Return the values less their mean over devices, with rounding errors set to 0."""
    centred = values - values.mean(axis=0)
    return np.where(np.abs(centred) < ROUNDING * np.abs(values).max(initial=0.0), 0.0, centred)


def _ratio(covariances: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Return the corrected correlation of matrices (n, patterns, patterns).

    It is NaN where the denominator is not positive.
    """
    first, second = np.array(pairs).T
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    signed_root = np.sign(variances) * np.sqrt(np.abs(variances))
    denominator = (signed_root[:, first] * signed_root[:, second]).mean(axis=1)
    numerator = covariances[:, first, second].mean(axis=1)
    ratio: Floats = np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)
    return ratio
