"""Changes in accuracy from the base to the other side of a comparison, on the images that both sides ran."""

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
from aiot_analysis.words import CONFIDENCE

Floats = NDArray[np.float64]
SAME = 1e-12  # shares of devices are equal if they differ by less than this


@dataclass(frozen=True)
class AccuracyChange:
    """Accuracy of both sides as fractions of 1, with the uncertainty of the change (other minus base)."""

    base: float
    other: float
    images: int  # number of images that the change rests on
    ends: Ends | None = None  # interval of other - base at a given level; None if unknown
    p_value: float = np.nan  # two-sided test of no change; see `multiple.agreeing`

    def interval(self, level: float = CONFIDENCE) -> tuple[float, float]:
        """Return the ends of the interval of other - base, which contains 0 if the test does not reject."""
        if self.ends is None:
            return np.nan, np.nan
        return multiple.agreeing_interval(self.p_value, self.ends, level)


def accuracy_on_images(base: Floats, other: Floats) -> AccuracyChange:
    """Return the change on images that both sides ran.

    Takes arrays of shape (n,) with one value per image: right (1) or wrong (0), or the share of devices that are right.
    With one device per side, the interval is Newcombe's and the test is the exact McNemar test. With several, the
    interval is Student's over the images and the test is the exact sign test over the images that change (for one
    device, this is McNemar's). Interval and test agree (see `multiple.agreeing`).
    """
    n = len(base)
    if not n:
        return AccuracyChange(np.nan, np.nan, 0)
    change = other - base
    won, lost = int((change > SAME).sum()), int((change < -SAME).sum())
    exact = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    ends: Ends
    if np.isin(base, (0, 1)).all() and np.isin(other, (0, 1)).all():
        both_right = int((base * other).sum())
        ends = partial(_newcombe, both_right, lost, won, n - both_right - lost - won)
    else:
        ends = partial(over_images, change)
    return AccuracyChange(float(base.mean()), float(other.mean()), n, ends, agreeing(exact, ends))


def _newcombe(both: int, lost: int, won: int, neither: int, level: float) -> tuple[float, float]:
    """Return the ends of Newcombe's interval from the numbers of images by which sides are right."""
    low, high = accuracy.newcombe(both, lost, won, neither, level)
    return float(low), float(high)


def over_images(change: Floats, level: float = CONFIDENCE) -> tuple[float, float]:
    """Return the ends of Student's interval of the mean change, with one change per image, (n,).

    Both are NaN for a single image and if all images change by the same amount, since nothing is then known about the
    scatter between images.
    """
    n = len(change)
    error = change.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    reach = student.ppf((1 + level) / 2, n - 1) * error if error > 0 else np.nan
    return float(change.mean() - reach), float(change.mean() + reach)


def accuracy_from_counts(base: tuple[float, int], other: tuple[float, int]) -> AccuracyChange:
    """Return the change between two sides of which only (accuracy, number of images) are known.

    The sides are treated as independent samples: Newcombe's interval and the score test of two independent proportions
    (1998, 17, 873; Miettinen and Nurminen 1985). Both sides ran the same images, so the interval is wider than
    necessary. Interval and test agree (see `multiple.agreeing`).
    """
    (p, n), (q, m) = base, other
    if min(n, m) < 1 or np.isnan(p) or np.isnan(q):
        return AccuracyChange(p, q, 0)
    counts = (round(q * m), m, round(p * n), n)
    ends = partial(_of_proportions, counts)
    if counts[0] == counts[2] == 0 or (counts[0] == m and counts[2] == n):
        return AccuracyChange(p, q, min(n, m), ends, 1.0)
    p_value = float(test_proportions_2indep(*counts, method="score", compare="diff").pvalue)
    return AccuracyChange(p, q, min(n, m), ends, agreeing(p_value, ends))


def _of_proportions(counts: tuple[int, int, int, int], level: float) -> tuple[float, float]:
    """Return the ends of Newcombe's interval for independent proportions from the right and all images of each side."""
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - level)
    return float(low), float(high)
