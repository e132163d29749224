"""Smallest true differences that tests detect: the power of the t-test, McNemar's exact test and two proportions.

"Detect" means that a two-sided test at the level `alpha` rejects in POWER of all cases in which the difference exists.
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
from aiot_analysis.words import ALPHA

Floats = NDArray[np.float64]

POWER = 0.8
DRAWS = 400  # simulated comparisons, where the power of a test is simulated
POINTS = 100  # nodes of the quadrature over the distribution of an estimated variance
TOLERANCE = 1e-4  # for a difference in accuracy: a hundredth of a point


def detectable(freedom: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest true difference, in standard errors, that Student's test detects.

    Solves P(|T| > t) = power for the noncentrality of T, where t is the critical value (Cohen 1988, Chapter 2). It is
    2.80 for infinite `freedom`, and 4.26 for 3. Degrees of freedom are rounded down to two digits.
    """
    step = 10.0 ** max(np.floor(np.log10(freedom)) - 1, 0.0) if 1 <= freedom < np.inf else 1.0
    return _detectable(float(np.floor(max(freedom, 1.0) / step) * step), alpha, power)


@lru_cache(maxsize=4096)
def _detectable(freedom: float, alpha: float, power: float) -> float:
    """Return the result of `detectable` for rounded degrees of freedom."""
    return _noncentrality(np.array([norm.isf(alpha / 2) if np.isinf(freedom) else student.isf(alpha / 2, freedom)]),
                          np.ones(1), freedom, power)  # fmt: skip


@lru_cache(maxsize=4096)
def detectable_by_welch(units: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest true difference, in standard errors, that Welch's test (1947) of two samples detects.

    Each side has `units` values, at least 2, with equal variances. The statistic is then Student's with 2 (units - 1)
    degrees of freedom, but is compared with the critical values of `welch_freedoms`.
    """
    freedoms, weights = welch_freedoms(units)
    return _noncentrality(student.isf(alpha / 2, freedoms), weights, 2.0 * (units - 1), power)


@lru_cache(maxsize=4096)
def detectable_over_sessions(
    sessions: int, rows: int, shared: float, alpha: float = ALPHA, power: float = POWER
) -> float:
    """Return the smallest true difference, in standard errors, that `aiot compare` detects in one of `rows` instances.

    There are `sessions` on each side, with equal variances; `shared` is the share of the variance that all instances of
    a session have in common, and `alpha` is each row's share of the error rate. The result is based on DRAWS simulated
    comparisons, which are always the same (see `deviations.error_rate_share`).
    """
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(DRAWS):
        own_deviations, shared_deviations = (
            rng.standard_normal((2, rows, sessions)),
            rng.standard_normal((2, 1, sessions)),
        )
        base, other = np.sqrt(1 - shared) * own_deviations + np.sqrt(shared) * shared_deviations
        sides = deviations.errors(base, other)
        differences = other[0].mean() - base[0].mean()
        parts.append((differences, sides.shared, sides.shared_freedom, sides.own[0], sides.own_freedom[0]))
    differences, shared_error, shared_freedom, own_error, own_freedom = np.array(parts).T
    unit = np.sqrt(2 / sessions)

    def excess(distance: float) -> float:
        """Return the power at a true difference, in standard errors, less the power required."""
        chances = deviations.error_rate_share(
            np.abs(differences + distance * unit), shared_error, shared_freedom, own_error, own_freedom, rows
        )
        return float((chances <= alpha).mean() - power)

    upper = 4.0
    while excess(upper) < 0:
        upper *= 2
    return float(brentq(excess, 0, upper, xtol=0.02))


def welch_freedoms(units: int) -> tuple[Floats, Floats]:
    """Return degrees of freedom that Welch's test estimates if both sides have equal variances, and the weight of each.

    They follow from the ratio of the two estimated variances (Satterthwaite 1946), which has an F distribution.
    """
    points, weights = _quadrature()
    ratio = f.ppf(points, units - 1, units - 1)
    return (units - 1) * (1 + ratio) ** 2 / (1 + ratio**2), weights


def _noncentrality(critical: Floats, chances: Floats, freedom: float, power: float) -> float:
    """Return the noncentrality at which t exceeds critical values with the probability `power`.

    Each critical value is weighted by its chance. The probability is averaged over the chi-square distribution of the
    estimated variance, because `scipy.stats.nct` gives NaN for the large critical values of few degrees of freedom.
    """
    if np.isfinite(freedom):
        points, weights = _quadrature()
        critical = np.outer(critical, np.sqrt(chi2.ppf(points, freedom) / freedom))
        chances = np.outer(chances, weights)

    def excess(distance: float) -> float:
        """Return the power at a noncentrality less the power required."""
        return float((chances * (ndtr(distance - critical) + ndtr(-critical - distance))).sum() - power)

    return float(brentq(excess, 0, critical.max() + 10))


@lru_cache
def _quadrature() -> tuple[Floats, Floats]:
    """Return the points, from 0 to 1, and the weights of the Gauss-Legendre rule."""
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    return (points + 1) / 2, weights / 2


def mcnemar_power(n: int, change: float, discordant: float, alpha: float = ALPHA) -> float:
    """Return the power of McNemar's exact test (1947) for a change in accuracy on the same n images.

    `discordant` is the share of images that are right on one side only. A change requires at least as many, so a
    smaller value is raised to `change`. The function sums over the number m of such images, which is binomial, the
    probability that the images right on one particular side, binomial among the m, are in the tails that the test
    rejects.
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
    """Return the largest count of the rarer side that is rejected, for 0 to size - 1 images right on one side only.

    It is -1 where no count is rejected.
    """
    m = np.arange(size)
    least: Floats = binom.ppf(alpha / 2, m, 0.5)
    return np.where(2 * bdtr(least, m, 0.5) <= alpha, least, least - 1).astype(np.int64)


def paired_change(n: int, discordant: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest change in accuracy that McNemar's exact test detects on n images; NaN if it detects none.

    Where no image differs otherwise, about eight images that all change in the same direction are required, which is
    1.6 points on 500 images.
    """
    return _least(lambda change: mcnemar_power(n, change, discordant, alpha), power)


def unpaired_power(n: int, change: float, accuracy: float, alpha: float = ALPHA) -> float:
    """Return the power of the score test of two accuracies on n images each, with other images on each side.

    `accuracy` is the mean of both sides (Fleiss, Levin and Paik 2003, Section 4.2, without continuity correction).
    """
    middle = min(max(accuracy, change / 2), 1 - change / 2)
    sides = np.array([middle - change / 2, middle + change / 2])
    pooled, standard_error = np.sqrt(2 * middle * (1 - middle) / n), np.sqrt((sides * (1 - sides)).sum() / n)
    critical = norm.isf(alpha / 2) * pooled
    if standard_error == 0:
        return float(change > critical)
    return float(norm.sf((critical - change) / standard_error) + norm.cdf((-critical - change) / standard_error))


def unpaired_change(n: int, accuracy: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest difference in accuracy detected with n other images on each side; NaN if none is."""
    return _least(lambda change: unpaired_power(n, change, accuracy, alpha), power)


def _least(power_at: Callable[[float], float], power: float) -> float:
    """Return the smallest change, up to 1, that has the power, by bisection; NaN if there is none."""
    low, high = 0.0, 1.0
    if not power_at(high) >= power:
        return np.nan
    while high - low > TOLERANCE:
        middle = (low + high) / 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high
