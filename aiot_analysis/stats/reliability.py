"""Whether a pattern over devices repeats, and how similar two patterns are once their correlation is corrected for
noise.

A pattern is how a value, like the accuracy of an instance, varies from device to device. It is measured several times,
on several images or in several runs, which are called units here. Noise makes two patterns look less similar than they
are. The covariance between two different units is free of it, so everything is computed from pairs of different units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from aiot_analysis.words import CONFIDENCE

Floats = NDArray[np.float64]
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
