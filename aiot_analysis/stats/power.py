"""The smallest true difference that a test finds: power of the t-test, McNemar's exact test and two proportions.

"Finds" means: a two-sided test at the level `alpha` rejects in POWER of all cases in which the difference is there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtr, gammaln, ndtr, xlog1py, xlogy
from scipy.stats import binom, chi2, f, norm
from scipy.stats import t as student

from aiot_analysis.stats import deviations
from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]

ALPHA = 1 - LEVEL
POWER = 0.8
DRAWS = 400  # of both sides, where the power of a test is that of draws
POINTS = 100  # of a quadrature over the distribution of an estimated variance
TOLERANCE = 1e-4  # of a difference in accuracy: a hundredth of a point


def detectable(freedom: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest true difference, in standard errors, that Student's test finds.

    Solves P(|T| > t) = power for the noncentrality of T, where t is the critical value (Cohen 1988, Chapter 2). It is
    2.80 for infinite `freedom`, and 4.26 for 3. Degrees of freedom are rounded down, to two digits.
    """
    step = 10.0 ** max(np.floor(np.log10(freedom)) - 1, 0.0) if 1 <= freedom < np.inf else 1.0
    return _detectable(float(np.floor(max(freedom, 1.0) / step) * step), alpha, power)


@lru_cache(maxsize=4096)
def _detectable(freedom: float, alpha: float, power: float) -> float:
    return _noncentrality(np.array([norm.isf(alpha / 2) if np.isinf(freedom) else student.isf(alpha / 2, freedom)]),
                          np.ones(1), freedom, power)  # fmt: skip


@lru_cache(maxsize=4096)
def detectable_by_welch(units: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest true difference, in standard errors, that Welch's test (1947) of two samples finds.

    Of `units` values on each side, at least 2, which scatter alike. The statistic is then Student's with 2 (units - 1)
    degrees of freedom, but is held against those of `welch_freedoms`.
    """
    freedoms, weights = welch_freedoms(units)
    return _noncentrality(student.isf(alpha / 2, freedoms), weights, 2.0 * (units - 1), power)


@lru_cache(maxsize=4096)
def detectable_over_sessions(
    sessions: int, rows: int, shared: float, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Return the smallest true difference, in standard errors, that `aiot compare` finds in one of `rows` instances.

    Of `sessions` on each side, which scatter alike; `shared` is the share of the variance that all instances of a
    session have in common, and `alpha` what each row has of the error rate. From DRAWS simulated comparisons, always
    the same ones (see `deviations.chance`).
    """
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(DRAWS):
        each, whole = rng.standard_normal((2, rows, sessions)), rng.standard_normal((2, 1, sessions))
        base, other = np.sqrt(1 - shared) * each + np.sqrt(shared) * whole
        found = deviations.errors(base, other)
        apart = other[0].mean() - base[0].mean()
        parts.append((apart, found.shared, found.shared_freedom, found.own[0], found.own_freedom[0]))
    apart, shared_error, shared_freedom, own, own_freedom = np.array(parts).T
    unit = np.sqrt(2 / sessions)

    def excess(distance: float) -> float:
        chances = deviations.chance(
            np.abs(apart + distance * unit), shared_error, shared_freedom, own, own_freedom, rows
        )
        return float((chances <= alpha).mean() - power)

    far = 4.0
    while excess(far) < 0:
        far *= 2
    return float(brentq(excess, 0, far, xtol=0.02))


def welch_freedoms(units: int) -> tuple[Floats, Floats]:
    """Return degrees of freedom that Welch's test estimates where both sides scatter alike, and the weight of each.

    They follow from the ratio of the two estimated variances (Satterthwaite 1946), which has an F distribution.
    """
    points, weights = _quadrature()
    ratio = f.ppf(points, units - 1, units - 1)
    return (units - 1) * (1 + ratio) ** 2 / (1 + ratio**2), weights


def _noncentrality(critical: Floats, chances: Floats, freedom: float, power: float) -> float:
    """Return the noncentrality with which t is beyond critical values, each of them with its chance, with `power`.

    A mean over the chi-square distribution of the estimated variance, since `scipy.stats.nct` gives NaN for the large
    critical values of few degrees of freedom.
    """
    if np.isfinite(freedom):
        points, weights = _quadrature()
        critical = np.outer(critical, np.sqrt(chi2.ppf(points, freedom) / freedom))
        chances = np.outer(chances, weights)

    def excess(distance: float) -> float:
        return float((chances * (ndtr(distance - critical) + ndtr(-critical - distance))).sum() - power)

    return float(brentq(excess, 0, critical.max() + 10))


@lru_cache
def _quadrature() -> tuple[Floats, Floats]:
    """Return points from 0 to 1 and the weights of Gauss and Legendre's rule."""
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    return (points + 1) / 2, weights / 2


def mcnemar_power(n: int, change: float, discordant: float, alpha: float = ALPHA) -> float:
    """Return the power of McNemar's exact test (1947) for a change in accuracy on the same n images.

    `discordant` is the share of images that are right on one side only; a change needs at least as many, so it counts
    as `change` if it is less. Sums over the number m of such images, which is binomial, the probability that the
    images right on one side only, binomial among the m, are in the tails that the test rejects.
    """
    differ = min(max(discordant, change), 1.0)
    if n < 1 or differ <= 0:
        return 0.0
    reach = 7 * np.sqrt(n * differ * (1 - differ)) + 20
    m = np.arange(max(int(n * differ - reach), 1), min(int(n * differ + reach), n) + 1)
    critical = _critical(alpha, 1 << int(m[-1]).bit_length())[m]
    m, critical = m[critical >= 0], critical[critical >= 0]
    better = (differ + change) / (2 * differ)
    rejected = bdtr(critical, m, better) + bdtr(critical, m, 1 - better)
    chance = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1) + xlogy(m, differ) + xlog1py(n - m, -differ)
    return float(np.exp(chance) @ rejected)


@lru_cache(maxsize=64)
def _critical(alpha: float, size: int) -> NDArray[np.int64]:
    """Return for 0 to size - 1 images on one side only the largest smaller number that is rejected, -1 if none is."""
    m = np.arange(size)
    least = binom.ppf(alpha / 2, m, 0.5)
    return np.where(2 * bdtr(least, m, 0.5) <= alpha, least, least - 1).astype(np.int64)


def paired_change(n: int, discordant: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest change in accuracy that McNemar's exact test finds on n images; NaN if it finds none.

    Where no image differs otherwise, about eight that all change one way are needed: 1.6 points of 500 images.
    """
    return _least(lambda change: mcnemar_power(n, change, discordant, alpha), power)


def unpaired_power(n: int, change: float, accuracy: float, alpha: float = ALPHA) -> float:
    """Return the power of the score test of two accuracies on n images each, other images on each side.

    `accuracy` is the mean of both sides (Fleiss, Levin and Paik 2003, Section 4.2, without continuity correction).
    """
    middle = min(max(accuracy, change / 2), 1 - change / 2)
    sides = np.array([middle - change / 2, middle + change / 2])
    pooled, own = np.sqrt(2 * middle * (1 - middle) / n), np.sqrt((sides * (1 - sides)).sum() / n)
    critical = norm.isf(alpha / 2) * pooled
    if own == 0:
        return float(change > critical)
    return float(norm.sf((critical - change) / own) + norm.cdf((-critical - change) / own))


def unpaired_change(n: int, accuracy: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest difference in accuracy between two sides with n images of their own; NaN if none is found."""
    return _least(lambda change: unpaired_power(n, change, accuracy, alpha), power)


def _least(power_at: Callable[[float], float], power: float) -> float:
    """Return the smallest change up to 1 with the power, by bisection; NaN if there is none."""
    low, high = 0.0, 1.0
    if not power_at(high) >= power:
        return np.nan
    while high - low > TOLERANCE:
        middle = (low + high) / 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high
