"""The change in accuracy from a base to the other side, on the images that both saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm
from scipy.stats import t as student
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from aiot_analysis.stats import accuracy
from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]
SAME = 1e-12  # shares of devices that differ by less are the same


@dataclass(frozen=True)
class Change:
    """Other minus base accuracy, as fractions of 1."""

    base: float
    other: float
    images: int
    low: float = np.nan  # 95 % interval of other - base
    high: float = np.nan
    p_value: float = np.nan  # two-sided, of no change
    p_beyond: float = np.nan  # one-sided, of a loss of at most the margin: small where more is lost


def of_images(base: Floats, other: Floats, margin: float = 0.0) -> Change:
    """On the same images, (n,) each: right (1) or wrong (0), or the share of the devices of a side that are right.

    Of one device a side Newcombe's interval, the exact McNemar test and Tango's score test (see `tango`). Of several
    Student's interval over the images, the exact sign test over images that change (McNemar's, for one device), and
    Student's test.
    """
    n = len(base)
    if not n:
        return Change(np.nan, np.nan, 0)
    change = other - base
    won, lost = int((change > SAME).sum()), int((change < -SAME).sum())
    p_value = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    if np.isin(base, (0, 1)).all() and np.isin(other, (0, 1)).all():
        both = int((base * other).sum())
        ends = accuracy.newcombe(both, lost, won, n - both - lost - won)
        low, high, p_beyond = float(ends[0]), float(ends[1]), tango(lost, won, n, margin)
    else:
        _, low, high, p_beyond = over_images(change, margin)
    return Change(float(base.mean()), float(other.mean()), n, low, high, p_value, p_beyond)


def over_images(change: Floats, margin: float = 0.0) -> tuple[float, float, float, float]:
    """The mean of changes, one an image, (n,), its 95 % interval by Student, and the p value of `Change.p_beyond`."""
    n, mean = len(change), float(change.mean())
    error = float(change.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    if not error > 0:  # one image, or all change alike: what others would do is not known
        return mean, np.nan, np.nan, 1.0 if mean >= -margin else np.nan
    reach = student.ppf((1 + LEVEL) / 2, n - 1) * error
    return mean, mean - reach, mean + reach, float(student.cdf((mean + margin) / error, n - 1))


def of_counts(base: tuple[float, int], other: tuple[float, int], margin: float = 0.0) -> Change:
    """Of two sides known by accuracy and number of images alone: as if each had seen images of its own.

    Newcombe's interval and the score test of two independent proportions (1998, 17, 873; Miettinen and Nurminen 1985).
    They saw the same images, so that the interval is wider than it need be.
    """
    (p, n), (q, m) = base, other
    if min(n, m) < 1 or np.isnan(p) or np.isnan(q):
        return Change(p, q, 0)
    counts = (round(q * m), m, round(p * n), n)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - LEVEL)
    if counts[0] == counts[2] == 0 or (counts[0] == m and counts[2] == n):
        return Change(p, q, min(n, m), float(low), float(high), 1.0, 1.0)
    given = {"method": "score", "compare": "diff"}
    p_value = float(test_proportions_2indep(*counts, **given).pvalue)
    p_beyond = float(test_proportions_2indep(*counts, value=-margin, alternative="smaller", **given).pvalue)
    return Change(p, q, min(n, m), float(low), float(high), p_value, p_beyond)


def tango(lost: int, won: int, n: int, margin: float) -> float:
    """One-sided p value of a loss of accuracy of at most `margin`, a fraction of 1, on n images seen by both.

    `lost` images are right on the base alone, `won` on the other side alone. The score test of Tango 1998, "Equivalence
    test and confidence interval for the difference in proportions for the paired-sample design", Statistics in Medicine
    17: with d = -margin, z = (won - lost - n d) / sqrt(n (2 q + d (1 - d))), where q, the share of images that are
    lost, has its likeliest value under that d. For a margin of 0 that is McNemar's test without correction.
    """
    d = -margin
    # likelihood of q lost and q + d won: the root of A q^2 + B q + C
    a, b, c = 2.0 * n, -won - lost + (2 * n - won + lost) * d, -lost * d * (1 - d)
    q = (np.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = n * (2 * q + d * (1 - d))
    if variance <= 0:
        return 1.0  # no image differs
    return float(norm.cdf((won - lost - n * d) / np.sqrt(variance)))
