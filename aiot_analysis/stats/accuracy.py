"""Accuracy with its uncertainty, and its change from one instance to another on the same images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.stats import pairing
from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | int

SIDES = ["both", "only_base", "only_other", "neither"]  # of a pair, on which an image is right
CHANGE = ["n_images", "accuracy_base", "accuracy_other", "change", "change_low", "change_high"]
CHANGE += ["only_base", "only_other", "p_value"]


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
    both: Counts, only_base: Counts, only_other: Counts, neither: Counts, level: float = LEVEL
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


def accuracy_change(images: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The change in accuracy of each pair of `pairing.pair`, on the images both sides saw.

    Takes image records and pairs; gives the pairs with n_images, accuracy_base, accuracy_other, change
    (other minus base, fraction of 1), change_low and change_high (see `newcombe`), only_base and only_other
    (images right on one side only) and p_value of the exact McNemar test (1947). Null without images.
    """
    joined = pairing.joined(images, pairs)
    base, other = joined["correct_base"].astype(bool), joined["correct_other"].astype(bool)
    sides = dict(zip(SIDES, (base & other, base & ~other, other & ~base, ~(base | other)), strict=True))
    return pairing.beside(pairs, change_of(pd.DataFrame(sides).groupby(joined["pair"]).sum())[CHANGE])


def change_of(counts: pd.DataFrame) -> pd.DataFrame:
    """The change in accuracy from numbers of images, a row a pair.

    Takes the columns both, only_base, only_other and neither: images right on both sides, on one, on none. Adds the
    other columns of CHANGE: see `accuracy_change`.
    """
    found = counts.copy()
    both, only_base, only_other = found["both"], found["only_base"], found["only_other"]
    found["n_images"] = found[SIDES].sum(axis=1)
    found["accuracy_base"] = (both + only_base) / found["n_images"]
    found["accuracy_other"] = (both + only_other) / found["n_images"]
    found["change"] = (only_other - only_base) / found["n_images"]
    a, b, c, d = (found[name].to_numpy() for name in SIDES)
    found["change_low"], found["change_high"] = newcombe(a, b, c, d)
    # two-sided: with equal chances both tails are alike
    tail = binom.cdf(np.minimum(only_base, only_other), only_base + only_other, 0.5)
    found["p_value"] = np.minimum(2 * tail, 1.0)
    return found
