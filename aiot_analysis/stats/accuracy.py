"""Accuracy with its uncertainty, and its change from one instance to another on the same images."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.stats import multiple, pairing
from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | int

SIDES = ["both", "only_base", "only_other", "neither"]  # of a pair, on which an image is right
CHANGE = ["n_images", "accuracy_base", "accuracy_other", "change", "change_low", "change_high"]
CHANGE += ["only_base", "only_other", "p_value", "p_adjusted"]


def with_interval(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with accuracy_low and accuracy_high, fractions of 1: Wilson's 95 % score interval (1927).

    It counts each image once (`distinct_images`): a timed profile shows them more than once, which says
    nothing new about accuracy. Null where there is no accuracy.
    """
    n = rows["distinct_images"].to_numpy(float)
    accuracy = rows["accuracy"].to_numpy(float)
    known = (n > 0) & ~np.isnan(accuracy)
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    if known.any():
        low[known], high[known] = wilson(accuracy[known] * n[known], n[known])
    # accuracy * n / n may not be accuracy to the last digit
    return rows.assign(accuracy_low=np.fmin(low, accuracy), accuracy_high=np.fmax(high, accuracy))


def wilson(count: Floats | Counts, n: Floats | Counts) -> tuple[Floats, Floats]:
    """Wilson's 95 % score interval (1927) of count / n, fractions of 1."""
    low, high = proportion_confint(count, n, 1 - LEVEL, method="wilson")
    # rounding may put an end 1e-17 beyond the estimate, which error bars refuse
    return np.fmin(low, count / n), np.fmax(high, count / n)


def newcombe(
    both: Counts, only_base: Counts, only_other: Counts, neither: Counts, level: float | Floats = LEVEL
) -> tuple[Floats, Floats]:
    """Interval of other minus base accuracy on the same images, fractions of 1, of numbers of images.

    Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", Statistics in Medicine 17, method 10. It keeps a width where no image differs.
    """
    a, b, c, d = (np.asarray(count, float) for count in (both, only_base, only_other, neither))
    n = a + b + c + d
    base, other = a + b, a + c
    p, q = other / n, base / n
    p_low, p_high = proportion_confint(other, n, 1 - level, method="wilson")
    q_low, q_high = proportion_confint(base, n, 1 - level, method="wilson")
    product = a * d - b * c
    product = np.where(product > 0, np.maximum(product - n / 2, 0), product)
    spread = base * (n - base) * other * (n - other)
    phi = np.divide(product, np.sqrt(spread), out=np.zeros_like(n), where=spread > 0)

    def width(left: Floats, right: Floats) -> Floats:
        return np.sqrt(np.maximum(left**2 - 2 * phi * left * right + right**2, 0))

    return p - q - width(p - p_low, q_high - q), p - q + width(p_high - p, q - q_low)


def accuracy_change(images: pd.DataFrame, pairs: pd.DataFrame, together: bool = False) -> pd.DataFrame:
    """Return the change in accuracy of each pair of `pairing.pair`, on the images both sides saw.

    Takes image records and pairs; gives the pairs with n_images, accuracy_base, accuracy_other, change (other minus
    base, fraction of 1), only_base and only_other (images right on one side only), and the test and the interval of
    `change_of`. Null without images.
    """
    joined = pairing.joined(images, pairs)
    base, other = joined["correct_base"].astype(bool), joined["correct_other"].astype(bool)
    sides = dict(zip(SIDES, (base & other, base & ~other, other & ~base, ~(base | other)), strict=True))
    return pairing.beside(pairs, change_of(pd.DataFrame(sides).groupby(joined["pair"]).sum(), together)[CHANGE])


def change_of(counts: pd.DataFrame, together: bool = False) -> pd.DataFrame:
    """Return the change in accuracy from numbers of images, a row a pair.

    Takes the columns both, only_base, only_other and neither: images right on both sides, on one, on none. Adds the
    other columns of CHANGE, among them

    - p_value: of the exact McNemar test (1947), or of Newcombe's interval where that is larger (`multiple.agreeing`).
    - change_low, change_high: Newcombe's interval (see `newcombe`), which keeps 95 % for each row by itself, or, if
      `together`, for all rows at once (Bonferroni). It has 0 inside where the test does not reject.
    - p_adjusted: p_value times the number of rows if `together`, else p_value. It is under 5 % just where the interval
      is on one side of 0.
    """
    found = counts.copy()
    both, only_base, only_other = found["both"], found["only_base"], found["only_other"]
    found["n_images"] = found[SIDES].sum(axis=1)
    found["accuracy_base"] = (both + only_base) / found["n_images"]
    found["accuracy_other"] = (both + only_other) / found["n_images"]
    found["change"] = (only_other - only_base) / found["n_images"]
    comparisons = len(found) if together else 1
    level = multiple.level(comparisons)
    cells = found[SIDES].to_numpy(float)
    # two-sided: with equal chances both tails are alike
    tail = binom.cdf(np.minimum(only_base, only_other), only_base + only_other, 0.5)
    found["p_value"] = p_values = _agreeing(np.minimum(2 * tail, 1.0), cells)
    a, b, c, d = cells.T
    low, high = newcombe(a, b, c, d, level)
    open_ = p_values >= 1 - level
    found["change_low"] = np.where(open_, np.minimum(low, 0.0), low)
    found["change_high"] = np.where(open_, np.maximum(high, 0.0), high)
    found["p_adjusted"] = np.minimum(comparisons * p_values, 1.0)
    return found


def _agreeing(p_values: Floats, cells: Floats) -> Floats:
    """Return `multiple.agreeing` of McNemar's p values, (n,), and Newcombe's intervals of numbers of SIDES, (n, 4)."""
    a, b, c, d = cells.T
    low, high = newcombe(a, b, c, d, 1 - np.maximum(p_values, multiple.LEAST_P))
    found = p_values.copy()
    for at in np.flatnonzero((low <= 0) & (high >= 0) & (p_values < 1)):
        found[at] = multiple.agreeing(float(p_values[at]), partial(_ends, cells[at]))
    return found


def _ends(cells: Floats, level: float) -> tuple[float, float]:
    a, b, c, d = cells
    low, high = newcombe(a, b, c, d, level)
    return float(low), float(high)
