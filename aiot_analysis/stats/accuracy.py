"""Accuracy with its uncertainty, and changes in accuracy between instances on the same images."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.stats import multiple, pairing
from aiot_analysis.words import CONFIDENCE

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | int

SIDES = ["both", "only_base", "only_other", "neither"]  # sides of a pair on which an image is right
CHANGE = ["n_images", "accuracy_base", "accuracy_other", "change", "change_low", "change_high"]
CHANGE += ["only_base", "only_other", "p_value", "p_adjusted"]


def with_interval(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with accuracy_low and accuracy_high, fractions of 1: Wilson's 95 % score interval (1927).

    Each image counts once (`distinct_images`): a timed profile shows images more than once, which adds no information
    about accuracy. Null where there is no accuracy.
    """
    n = rows["distinct_images"].to_numpy(float)
    accuracy = rows["accuracy"].to_numpy(float)
    valid = (n > 0) & ~np.isnan(accuracy)
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    if valid.any():
        low[valid], high[valid] = wilson(accuracy[valid] * n[valid], n[valid])
    # accuracy * n / n may differ from accuracy in the last digit
    return rows.assign(accuracy_low=np.fmin(low, accuracy), accuracy_high=np.fmax(high, accuracy))


def wilson(count: Floats | Counts, n: Floats | Counts, level: float | Floats = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return Wilson's score interval (1927) of count / n, as fractions of 1."""
    low, high = proportion_confint(count, n, 1 - level, method="wilson")
    # rounding may put an end 1e-17 beyond the estimate, which error bars do not accept
    return np.fmin(low, count / n), np.fmax(high, count / n)


def clopper_pearson(count: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % interval of count / n (Clopper and Pearson 1934), as fractions of 1."""
    low, high = proportion_confint(count, n, 1 - CONFIDENCE, method="beta")
    return float(low), float(high)


def newcombe(
    both: Counts, only_base: Counts, only_other: Counts, neither: Counts, level: float | Floats = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return an interval for other minus base accuracy on the same images, fractions of 1, from numbers of images.

    The interval is method 10 of Newcombe 1998, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17. Its width stays positive where no image differs.
    """
    a, b, c, d = (np.asarray(count, float) for count in (both, only_base, only_other, neither))
    n = a + b + c + d
    base, other = a + b, a + c
    p, q = other / n, base / n
    (p_low, p_high), (q_low, q_high) = wilson(other, n, level), wilson(base, n, level)
    product = a * d - b * c
    product = np.where(product > 0, np.maximum(product - n / 2, 0), product)
    spread = base * (n - base) * other * (n - other)
    phi = np.divide(product, np.sqrt(spread), out=np.zeros_like(n), where=spread > 0)

    def width(left: Floats, right: Floats) -> Floats:
        """Return the distance of an end of the interval from the difference."""
        distance: Floats = np.sqrt(np.maximum(left**2 - 2 * phi * left * right + right**2, 0))
        return distance

    return p - q - width(p - p_low, q_high - q), p - q + width(p_high - p, q - q_low)


def accuracy_change(images: pd.DataFrame, pairs: pd.DataFrame, together: bool = False) -> pd.DataFrame:
    """Return the change in accuracy of each pair of `pairing.pair`, on the images that both sides saw.

    Takes image records and pairs. Returns the pairs with n_images, accuracy_base, accuracy_other, change (other minus
    base, fraction of 1), only_base and only_other (images that are right on one side only), and the test and interval
    of `change_of`. Null without images.
    """
    joined = pairing.common_images(images, pairs)
    base, other = joined["correct_base"].astype(bool), joined["correct_other"].astype(bool)
    sides = dict(zip(SIDES, (base & other, base & ~other, other & ~base, ~(base | other)), strict=True))
    return pairing.join_results(pairs, change_of(pd.DataFrame(sides).groupby(joined["pair"]).sum(), together)[CHANGE])


def change_of(counts: pd.DataFrame, together: bool = False) -> pd.DataFrame:
    """Return changes in accuracy from numbers of images, one row per pair.

    Takes the columns both, only_base, only_other and neither: the numbers of images that are right on both sides, on
    one side, or on neither. Adds the other columns of CHANGE, among them

    - p_value: from the exact McNemar test (1947), or from Newcombe's interval where that is larger
      (`multiple.agreeing`).
    - change_low, change_high: Newcombe's interval (see `newcombe`), with 95 % confidence for each row separately or, if
      `together`, for all rows jointly (Bonferroni). It contains 0 where the test does not reject.
    - p_adjusted: p_value times the number of rows if `together`, else p_value. It is below 5 % exactly when the
      interval excludes 0.
    """
    result = counts.copy()
    both_right, only_base, only_other = result["both"], result["only_base"], result["only_other"]
    result["n_images"] = result[SIDES].sum(axis=1)
    result["accuracy_base"] = (both_right + only_base) / result["n_images"]
    result["accuracy_other"] = (both_right + only_other) / result["n_images"]
    result["change"] = (only_other - only_base) / result["n_images"]
    comparisons = len(result) if together else 1
    level = multiple.level(comparisons)
    cells = result[SIDES].to_numpy(float)
    # two-sided: both tails are equal, since the probabilities are
    tail = binom.cdf(np.minimum(only_base, only_other), only_base + only_other, 0.5)
    result["p_value"] = p_values = _agreeing(np.minimum(2 * tail, 1.0), cells)
    a, b, c, d = cells.T
    low, high = newcombe(a, b, c, d, level)
    not_rejected = p_values >= 1 - level
    result["change_low"] = np.where(not_rejected, np.minimum(low, 0.0), low)
    result["change_high"] = np.where(not_rejected, np.maximum(high, 0.0), high)
    result["p_adjusted"] = multiple.bonferroni(result["p_value"]) if together else result["p_value"]
    return result


def _agreeing(p_values: Floats, cells: Floats) -> Floats:
    """Return `multiple.agreeing` for McNemar's p-values, (n,), and Newcombe's intervals of counts of SIDES, (n, 4)."""
    a, b, c, d = cells.T
    low, high = newcombe(a, b, c, d, 1 - np.maximum(p_values, multiple.LEAST_P))
    joint_p_values = p_values.copy()
    for row in np.flatnonzero((low <= 0) & (high >= 0) & (p_values < 1)):
        joint_p_values[row] = multiple.agreeing(float(p_values[row]), partial(_ends, cells[row]))
    return joint_p_values


def _ends(cells: Floats, level: float) -> tuple[float, float]:
    """Return Newcombe's interval of one row of numbers of SIDES."""
    a, b, c, d = cells
    low, high = newcombe(a, b, c, d, level)
    return float(low), float(high)
