"""Smallest true differences that tests detect: the power of the t-test, McNemar's exact test and two proportions.

"Detect" means that a two-sided test at the level `alpha` rejects in POWER of all cases in which the difference exists.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtr, gammaln, ndtr, xlog1py, xlogy
from scipy.stats import binom, chi2, f, norm
from scipy.stats import t as student

from aiot_analysis.stats import accuracy, variance
from aiot_analysis.words import ALPHA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiot_analysis.stats.noise import Row

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
    comparisons, which are always the same (see `variance.error_rate_share`).
    """
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(DRAWS):
        own_deviations, shared_deviations = (
            rng.standard_normal((2, rows, sessions)),
            rng.standard_normal((2, 1, sessions)),
        )
        base, other = np.sqrt(1 - shared) * own_deviations + np.sqrt(shared) * shared_deviations
        sides = variance.errors(base, other)
        differences = other[0].mean() - base[0].mean()
        parts.append((differences, sides.shared, sides.shared_freedom, sides.own[0], sides.own_freedom[0]))
    differences, shared_error, shared_freedom, own_error, own_freedom = np.array(parts).T
    unit = np.sqrt(2 / sessions)

    def excess(distance: float) -> float:
        """Return the power at a true difference, in standard errors, less the power required."""
        chances = variance.error_rate_share(
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
    critical = _critical_counts(alpha, 1 << int(m[-1]).bit_length())[m]
    m, critical = m[critical >= 0], critical[critical >= 0]
    better = (differ + change) / (2 * differ)
    rejected = bdtr(critical, m, better) + bdtr(critical, m, 1 - better)
    chance = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1) + xlogy(m, differ) + xlog1py(n - m, -differ)
    return float(np.exp(chance) @ rejected)


@lru_cache(maxsize=64)
def _critical_counts(alpha: float, size: int) -> NDArray[np.int64]:
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
    return _bisect_change(lambda change: mcnemar_power(n, change, discordant, alpha), power)


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
    return _bisect_change(lambda change: unpaired_power(n, change, accuracy, alpha), power)


def _bisect_change(power_at: Callable[[float], float], power: float) -> float:
    """Return the smallest change, up to 1, that has the power, by bisection; NaN if there is none."""
    low, high = 0.0, 1.0
    if not power_at(high) >= power:
        return np.nan
    while high - low > TOLERANCE:
        middle = (low + high) / 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high


MOST_IMAGES = 50_000  # size of the validation set of ImageNet
MOST_SESSIONS = 100

TIME, CORRECT, SCORE = "time", "accuracy", "vips"
METRICS = (TIME, CORRECT, SCORE)
SAME_SESSION = "two instances of a device"
APART = "two devices or versions"
SAME_IMAGES = "two instances, same images"
DEVICES = "two devices or versions, same images"
OTHER_IMAGES = "other images on each side"
COMPARISONS = [
    (TIME, SAME_SESSION), (TIME, APART), (CORRECT, SAME_IMAGES), (CORRECT, DEVICES), (CORRECT, OTHER_IMAGES),
    (SCORE, APART),
]  # fmt: skip

COLUMNS = ["device_id", "metric", "comparison", "images", "sessions", "resolves", "half_width"]
COLUMNS += ["comparisons", "resolves_corrected"]
NEEDS = ["device_id", "metric", "comparison", "difference", "comparisons"]
NEEDS += [f"{name}{end}" for end in ("", "_corrected") for name in ("images", "runs", "sessions")]


def resolution(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the smallest difference that the data show, one row per device and comparison of COMPARISONS.

    Takes the frame of `noise.measured`. Columns are COLUMNS: images and sessions per side; resolves (the smallest
    difference that a single test detects), half_width (of the 95% interval where there is no difference), comparisons
    (the number of tests that pages and `aiot compare` correct for) and resolves_corrected. Times and VIPS are a share
    of the smaller side; accuracy is a fraction of 1. Null where nothing is resolved, for example with too few images.

    Two instances of a device are compared on the pages, with one run of each and against a single base: `comparisons`
    is the number of other instances. Two devices or versions are compared by `aiot compare`, over sessions if each side
    has enough, with two metrics for each instance. Accuracy of several devices is compared on a page, in each instance
    against one reference. Scores are compared for the ranks, each with each other.
    """
    table = []
    for device in measured.to_dict("records"):
        for metric, comparison in COMPARISONS:
            if not _applies(device, comparison) or (metric == SCORE and np.isnan(device["score_within"])):
                continue
            tests = _tests(device, metric, comparison)
            design = device["images"], device["sessions"] if comparison == APART else 1
            single, corrected = (
                smallest(device, metric, comparison, *design, *test) for test in ((ALPHA, 1), _corrected(device, tests))
            )
            width = _half_width(device, metric, comparison, *design)
            table.append([device["device_id"], metric, comparison, *design, single, width, tests, corrected])
    return pd.DataFrame(table, columns=COLUMNS)


def _applies(device: Row, comparison: str) -> bool:
    """Return whether the device has enough instances for the comparison."""
    return comparison not in (SAME_SESSION, SAME_IMAGES) or device["instances"] > 1


def _tests(device: Row, metric: str, comparison: str) -> int:
    """Return how many tests of the metric and comparison are corrected for together."""
    instances, devices = int(device["instances"]), int(device["devices"])
    if metric == SCORE:
        return max(devices * (devices - 1) // 2, 1)
    if comparison == DEVICES and devices > 1:
        return instances * (devices - 1)
    return instances - 1 if comparison in (SAME_SESSION, SAME_IMAGES) else 2 * instances


def _corrected(device: Row, tests: int) -> tuple[float, int]:
    """Return the level of each of so many tests, and the number of instances that are compared."""
    return ALPHA / tests, int(device["instances"])


def smallest(
    device: Row,
    metric: str,
    comparison: str,
    images: int,
    sessions: int = 1,
    alpha: float = ALPHA,
    instances: int = 1,
) -> float:
    """Return the smallest difference that a test at `alpha` detects with this many images and sessions per side.

    `device` is a row of `noise.measured`. If several `instances` are compared over the same sessions, their times
    jointly show how sessions differ. NaN if no difference is detected.
    """
    if metric == CORRECT:
        if comparison == OTHER_IMAGES:
            return unpaired_change(images, device["accuracy"], alpha)
        share = device["discordant_devices" if comparison == DEVICES else "discordant"]
        return paired_change(images, share, alpha)
    error, freedom = _log_ratio_error(device, metric, comparison, images, sessions)
    units = _sessions_per_side(comparison, sessions)
    if units and metric == TIME and instances > 1:
        ways = (detectable_over_sessions(units, instances, way, alpha) for way in _shared_variance(device, images))
        return float(np.expm1(max(ways) * error))
    reach = detectable_by_welch(units, alpha) if units else detectable(freedom, alpha)
    return float(np.expm1(reach * error))


def _shared_variance(device: Row, images: int) -> list[float]:
    """Return the share of the variance of a session that all instances have in common, rounded to a tenth.

    An allowance for what runs add covers both ways in which runs may differ; there are then two values.
    """
    apart_runs, same_runs = device["apart_runs"], device["same_runs"]
    variances = [0.0, apart_runs] if np.isinf(device["apart_freedom"]) else [max(apart_runs - same_runs, 0.0)]
    total = device["within"] / images + apart_runs
    return [round(way / total, 1) if total > 0 else 0.0 for way in variances]


def _sessions_per_side(comparison: str, sessions: int) -> int:
    """Return how many sessions per side Welch's test of `aiot compare` uses as its sample; 0 if there are too few."""
    return sessions if comparison == APART and 2 * (sessions - 1) >= variance.MIN_FREEDOM else 0


def _log_ratio_error(device: Row, metric: str, comparison: str, images: int, sessions: int) -> tuple[float, float]:
    """Return the standard error of a log ratio, and its degrees of freedom.

    From `variance.MIN_FREEDOM` on, the sessions themselves show how they differ: within a device through all its
    instances, otherwise on each side separately. Below that, a single session counts, and what runs add is taken from
    `noise.measured`.
    """
    kind = "score" if metric == SCORE else "same" if comparison == SAME_SESSION else "apart"
    within, runs = device["score_within" if metric == SCORE else "within"], device[f"{kind}_runs"]
    session_freedom = (sessions - 1) * (device["instances"] - 1 if kind == "same" else 2)
    if session_freedom >= variance.MIN_FREEDOM:
        return float(np.sqrt((within / images + runs) / sessions)), float(session_freedom)
    squares = [np.array([within / images]), np.array([runs])]
    freedoms = [np.array([max(images * device["effective_share"] - 1, 1.0)]), np.array([device[f"{kind}_freedom"]])]
    [error], [freedom] = variance.standard_error(squares, freedoms)
    return float(error), float(freedom)


def _half_width(device: Row, metric: str, comparison: str, images: int, sessions: int) -> float:
    """Return half the width of the 95% interval where there is no difference.

    For a ratio it is the distance of the upper end from 1.
    """
    if metric != CORRECT:
        error, freedom = _log_ratio_error(device, metric, comparison, images, sessions)
        units = _sessions_per_side(comparison, sessions)
        freedoms, weights = welch_freedoms(units) if units else (np.array([freedom]), np.ones(1))
        return float(np.expm1(weights @ student.isf(ALPHA / 2, freedoms) * error))
    p = device["accuracy"]
    if comparison == OTHER_IMAGES:  # the discordant share of two independent sides
        share = 2 * p * (1 - p)
    else:
        share = min(device["discordant_devices" if comparison == DEVICES else "discordant"], 2 * p, 2 * (1 - p))
    cells = np.array([p - share / 2, share / 2, share / 2, 1 - p - share / 2]) * images
    low, high = accuracy.newcombe(*cells)
    return float(high - low) / 2


def needed(measured: pd.DataFrame, wanted: Mapping[str, float]) -> pd.DataFrame:
    """Return what it takes to detect the differences `wanted`, by metric: one row per device and comparison.

    A difference is a fraction (0.03 of a time or of VIPS, 0.02 for two points of accuracy). Columns are device_id,
    metric, comparison, difference and the following, for a single test and, with _corrected, for the `comparisons` of
    `resolution`:

    - images: the fewest images with which one run per side detects it; null if more than MOST_IMAGES are required.
    - runs: the number of runs in one session, each with the present number of images, that together provide as many.
    - sessions: the fewest sessions with the present number of images; null if more than MOST_SESSIONS are required, and
      for accuracy, since other sessions show the same images.
    """
    table = []
    for device in measured.to_dict("records"):
        for metric, comparison in COMPARISONS:
            if metric not in wanted or not _applies(device, comparison):
                continue
            if metric == SCORE and np.isnan(device["score_within"]):
                continue
            difference, tests = wanted[metric], _tests(device, metric, comparison)
            row = {"device_id": device["device_id"], "metric": metric, "comparison": comparison}
            row |= {"difference": difference, "comparisons": tests}
            for end, test in (("", (ALPHA, 1)), ("_corrected", _corrected(device, tests))):
                numbers = _needs(device, metric, comparison, difference, *test)
                row |= {f"{name}{end}": number for name, number in numbers.items()}
            table.append(row)
    return pd.DataFrame(table, columns=NEEDS).astype(dict.fromkeys(NEEDS[5:], "Int64"))


def _needs(device: Row, metric: str, comparison: str, difference: float, alpha: float, instances: int) -> Row:
    """Return the images, runs and sessions that `needed` lists for one test at the level `alpha`."""

    def finds(images: int, sessions: int = 1) -> bool:
        """Return whether this many images and sessions per side detect the difference."""
        if metric != CORRECT:
            return smallest(device, metric, comparison, images, sessions, alpha, instances) <= difference
        if comparison == OTHER_IMAGES:
            return unpaired_power(images, difference, device["accuracy"], alpha) >= POWER
        share = device["discordant_devices" if comparison == DEVICES else "discordant"]
        return mcnemar_power(images, difference, share, alpha) >= POWER

    images = _bisect_count(finds, 2, MOST_IMAGES)
    sessions = None
    if metric != CORRECT:
        sessions = (
            1 if finds(device["images"]) else _bisect_count(lambda n: finds(device["images"], n), 2, MOST_SESSIONS)
        )
    return {"images": images, "runs": images and -(-images // device["images"]), "sessions": sessions}


def _bisect_count(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """Return the smallest number from `least` to `most` that is enough, by bisection; None if none is."""
    if not enough(most):
        return None
    low, high = least - 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
