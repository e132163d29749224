"""Change in accuracy from the base to the other side, on the images that both sides have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm
from scipy.stats import t as student
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from aiot_analysis.stats import accuracy, multiple
from aiot_analysis.stats.multiple import Ends, agreeing
from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]
SAME = 1e-12  # shares of devices that differ by less are treated as equal


@dataclass(frozen=True)
class Change:
    """Change in accuracy, other minus base, as fractions of 1."""

    base: float
    other: float
    images: int
    ends: Ends | None = None  # interval of other - base as a function of the level, or None if unknown
    p_value: float = np.nan  # two-sided test of no change; see `agreeing`
    p_beyond: float = np.nan  # one-sided test of a loss of at most the margin: small if more is lost

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of other - base, which includes 0 exactly when the test does not reject."""
        if self.ends is None:
            return np.nan, np.nan
        return multiple.interval(self.p_value, self.ends, level)


def of_images(base: Floats, other: Floats, margin: float = 0.0) -> Change:
    """Return the change in accuracy on the same images.

    `base` and `other` have shape (n,) and are right (1) or wrong (0), or the share of devices that are right. With one
    device per side, the result has Newcombe's interval, the exact McNemar test and Tango's score test (see `tango`).
    With several devices, it has Student's interval over the images, the exact sign test over the images that change
    (which is McNemar's for one device), and Student's test. The interval and the test agree: see `agreeing`.
    """
    n = len(base)
    if not n:
        return Change(np.nan, np.nan, 0)
    change = other - base
    won, lost = int((change > SAME).sum()), int((change < -SAME).sum())
    exact_p_value = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    ends: Ends
    if np.isin(base, (0, 1)).all() and np.isin(other, (0, 1)).all():
        right_on_both = int((base * other).sum())
        ends = partial(_newcombe, right_on_both, lost, won, n - right_on_both - lost - won)
        p_beyond = tango(lost, won, n, margin)
    else:
        ends, p_beyond = partial(over_images, change), _beyond(change, margin)
    return Change(float(base.mean()), float(other.mean()), n, ends, agreeing(exact_p_value, ends), p_beyond)


def _newcombe(both: int, lost: int, won: int, neither: int, level: float) -> tuple[float, float]:
    low, high = accuracy.newcombe(both, lost, won, neither, level)
    return float(low), float(high)


def over_images(change: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return Student's interval of the mean of the changes, one per image, shape (n,).

    It is NaN for a single image, and if all images change equally: nothing is then known about other images.
    """
    error = _error(change)
    reach = student.ppf((1 + level) / 2, len(change) - 1) * error if error > 0 else np.nan
    return float(change.mean() - reach), float(change.mean() + reach)


def _beyond(change: Floats, margin: float) -> float:
    """Return `Change.p_beyond`, the one-sided p-value, by Student's test over images."""
    mean, error = float(change.mean()), _error(change)
    if not error > 0:
        return 1.0 if mean >= -margin else np.nan
    return float(student.cdf((mean + margin) / error, len(change) - 1))


def _error(change: Floats) -> float:
    n = len(change)
    return float(change.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan


def of_counts(base: tuple[float, int], other: tuple[float, int], margin: float = 0.0) -> Change:
    """Return the change between two sides of which only accuracy and number of images are known.

    The sides are treated as independent: Newcombe's interval and the score test of two independent proportions (1998,
    17, 873; Miettinen and Nurminen 1985). Since they have the same images, the interval is wider than necessary. The
    interval and the test agree: see `agreeing`.
    """
    (p, n), (q, m) = base, other
    if min(n, m) < 1 or np.isnan(p) or np.isnan(q):
        return Change(p, q, 0)
    counts = (round(q * m), m, round(p * n), n)
    ends = partial(_of_proportions, counts)
    if counts[0] == counts[2] == 0 or (counts[0] == m and counts[2] == n):
        return Change(p, q, min(n, m), ends, 1.0, 1.0)
    test = partial(test_proportions_2indep, *counts, method="score", compare="diff")
    p_beyond = float(test(value=-margin, alternative="smaller").pvalue)
    return Change(p, q, min(n, m), ends, agreeing(float(test().pvalue), ends), p_beyond)


def _of_proportions(counts: tuple[int, int, int, int], level: float) -> tuple[float, float]:
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - level)
    return float(low), float(high)


def tango(lost: int, won: int, n: int, margin: float) -> float:
    """Return the one-sided p-value of a loss of accuracy of at most `margin`, a fraction of 1, on n common images.

    `lost` images are right only on the base, `won` only on the other side. This is the score test of Tango 1998,
    "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
    Statistics in Medicine 17: with d = -margin, z = (won - lost - n d) / sqrt(n (2 q + d (1 - d))), where q, the share
    of images that are lost, has its maximum likelihood value under that d. For a margin of 0, this is McNemar's test
    without correction.
    """
    d = -margin
    # maximum likelihood of q lost and q + d won: the root of A q^2 + B q + C
    a, b, c = 2.0 * n, -won - lost + (2 * n - won + lost) * d, -lost * d * (1 - d)
    q = (np.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = n * (2 * q + d * (1 - d))
    if variance <= 0:
        return 1.0  # no image differs
    return float(norm.cdf((won - lost - n * d) / np.sqrt(variance)))
