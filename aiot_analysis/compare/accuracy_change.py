"""The change in accuracy from a base to the other side, on the images that both saw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from scipy.stats import t as student
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from aiot_analysis.stats import accuracy, multiple
from aiot_analysis.stats.multiple import Ends, agreeing
from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]
SAME = 1e-12  # shares of devices that differ by less are the same


@dataclass(frozen=True)
class Change:
    """Other minus base accuracy, as fractions of 1."""

    base: float
    other: float
    images: int
    ends: Ends | None = None  # of an interval of other - base; None where it is not known
    p_value: float = np.nan  # two-sided, of no change; see `agreeing`

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the ends of the interval of other - base, which has 0 inside where the test does not reject."""
        if self.ends is None:
            return np.nan, np.nan
        return multiple.interval(self.p_value, self.ends, level)


def of_images(base: Floats, other: Floats) -> Change:
    """Return the change on the same images, (n,) each: right (1) or wrong (0), or the share of devices that are right.

    With one device a side this is Newcombe's interval and the exact McNemar test. With several it is Student's interval
    over the images, and the exact sign test over the images that change (McNemar's, for one device). Interval and test
    agree: see `agreeing`.
    """
    n = len(base)
    if not n:
        return Change(np.nan, np.nan, 0)
    change = other - base
    won, lost = int((change > SAME).sum()), int((change < -SAME).sum())
    exact = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    ends: Ends
    if np.isin(base, (0, 1)).all() and np.isin(other, (0, 1)).all():
        both = int((base * other).sum())
        ends = partial(_newcombe, both, lost, won, n - both - lost - won)
    else:
        ends = partial(over_images, change)
    return Change(float(base.mean()), float(other.mean()), n, ends, agreeing(exact, ends))


def _newcombe(both: int, lost: int, won: int, neither: int, level: float) -> tuple[float, float]:
    low, high = accuracy.newcombe(both, lost, won, neither, level)
    return float(low), float(high)


def over_images(change: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the ends of Student's interval of the mean of changes, one an image, (n,).

    They are NaN for one image, and where all change alike: what others would do is not known.
    """
    n = len(change)
    error = change.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    reach = student.ppf((1 + level) / 2, n - 1) * error if error > 0 else np.nan
    return float(change.mean() - reach), float(change.mean() + reach)


def of_counts(base: tuple[float, int], other: tuple[float, int]) -> Change:
    """Return the change of two sides known by accuracy and number of images alone, as if each had images of its own.

    Newcombe's interval and the score test of two independent proportions (1998, 17, 873; Miettinen and Nurminen 1985).
    The sides saw the same images, so that the interval is wider than it need be. Interval and test agree (`agreeing`).
    """
    (p, n), (q, m) = base, other
    if min(n, m) < 1 or np.isnan(p) or np.isnan(q):
        return Change(p, q, 0)
    counts = (round(q * m), m, round(p * n), n)
    ends = partial(_of_proportions, counts)
    if counts[0] == counts[2] == 0 or (counts[0] == m and counts[2] == n):
        return Change(p, q, min(n, m), ends, 1.0)
    p_value = float(test_proportions_2indep(*counts, method="score", compare="diff").pvalue)
    return Change(p, q, min(n, m), ends, agreeing(p_value, ends))


def _of_proportions(counts: tuple[int, int, int, int], level: float) -> tuple[float, float]:
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - level)
    return float(low), float(high)
