"""Accuracy with its uncertainty, and its change from one instance to another on the same images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.stats import pairing
from aiot_analysis.stats.resample import LEVEL


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
        low[known], high[known] = proportion_confint(accuracy[known] * n[known], n[known], 1 - LEVEL, method="wilson")
    # rounding may put an end 1e-17 beyond the estimate, which error bars refuse
    return rows.assign(accuracy_low=np.fmin(low, accuracy), accuracy_high=np.fmax(high, accuracy))


def newcombe(both: int, only_base: int, only_other: int, neither: int) -> tuple[float, float]:
    """95 % interval of other minus base accuracy on the same images, fractions of 1.

    Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", Statistics in Medicine 17, method 10. It keeps a width where no image differs.
    """
    n = both + only_base + only_other + neither
    base, other = both + only_base, both + only_other
    p, q = other / n, base / n
    p_low, p_high = proportion_confint(other, n, 1 - LEVEL, method="wilson")
    q_low, q_high = proportion_confint(base, n, 1 - LEVEL, method="wilson")
    product = float(both * neither - only_base * only_other)
    if product > 0:
        product = max(product - n / 2, 0.0)
    spread = float(base) * (n - base) * other * (n - other)
    phi = product / np.sqrt(spread) if spread else 0.0

    def width(left: float, right: float) -> float:
        return float(np.sqrt(max(left**2 - 2 * phi * left * right + right**2, 0.0)))

    return float(p - q) - width(p - p_low, q_high - q), float(p - q) + width(p_high - p, q - q_low)


def accuracy_change(images: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The change in accuracy of each pair of `pairing.pair`, on the images both sides saw.

    Takes image records and pairs; gives the pairs with n_images, accuracy_base, accuracy_other, change
    (other minus base, fraction of 1), change_low and change_high (see `newcombe`), only_base and only_other
    (images right on one side only) and p_value of the exact McNemar test (1947). Null without images.
    """
    found = []
    for one, both in pairing.joined(images, pairs):
        n = len(both)
        if n == 0:
            found.append({**one, "n_images": 0})
            continue
        base, other = both["correct_base"].to_numpy(bool), both["correct_other"].to_numpy(bool)
        only_base, only_other = int((base & ~other).sum()), int((other & ~base).sum())
        low, high = newcombe(int((base & other).sum()), only_base, only_other, int((~base & ~other).sum()))
        discordant = only_base + only_other
        found.append(
            {
                **one,
                "n_images": n,
                "accuracy_base": base.mean(),
                "accuracy_other": other.mean(),
                "change": (only_other - only_base) / n,
                "change_low": low,
                "change_high": high,
                "only_base": only_base,
                "only_other": only_other,
                "p_value": binomtest(only_other, discordant, 0.5).pvalue if discordant else 1.0,
            }
        )
    columns = ["n_images", "accuracy_base", "accuracy_other", "change", "change_low", "change_high"]
    return pd.DataFrame(found, columns=[*pairs.columns, *columns, "only_base", "only_other", "p_value"])
