"""Changes in time and accuracy of one instance, with their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest
from scipy.stats import t as student
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from aiot_analysis.stats import accuracy, blocks, intervals, latency, variance
from aiot_analysis.stats.intervals import Ends, joint_p_value
from aiot_analysis.tables import dependence
from aiot_analysis.words import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]

MEAN, MEDIAN = "mean", "median"
DRAWS = 1000  # number of resamples in the block bootstrap of a median
_AT_ONCE = 4_000_000  # size of the arrays that are drawn in one step, which limits memory


@dataclass(frozen=True)
class LogRatio:
    """Logarithm of a ratio of two times, with its standard error."""

    value: float
    error: float  # standard error; NaN if unknown
    freedom: float  # degrees of freedom of Student's t
    doubt: str = ""  # why the error may be too small; see `blocks.doubt`

    def interval(self, level: float = CONFIDENCE) -> tuple[float, float]:
        """Return the ends of the interval of the ratio (not of its logarithm)."""
        value, error, freedom = (np.asarray(number) for number in (self.value, self.error, self.freedom))
        low, high = variance.student_interval(value, error, freedom, level)
        with np.errstate(over="ignore"):  # with two units, the ends at a level near 1 are 0 and infinity
            return float(np.exp(low)), float(np.exp(high))

    def of_any_run(self, run_to_run: float, runs: int = 2) -> LogRatio:
        """Return the ratio with a larger error that allows for differences between runs.

        Two runs of the same thing differ by at most `run_to_run` 19 times out of 20 (see `variance`). `runs` is 2 for a
        ratio of two times and 1 for the time of a single side. The allowance counts as known exactly, with infinite
        degrees of freedom.
        """
        allowed = np.sqrt(runs) * variance.standard_deviation(run_to_run)
        error, freedom = together([self.error, allowed], [self.freedom, np.inf])
        return replace(self, error=error, freedom=freedom)

    def p_value(self) -> float:
        """Return the p value of the two-sided test of no change; NaN if the error is unknown."""
        if not self.error > 0:
            return np.nan
        return min(2 * float(student.sf(abs(self.value) / self.error, self.freedom)), 1.0)


@dataclass(frozen=True)
class SharedRatio:
    """Logarithm of a ratio of two times over sessions, with deviations that all instances of a session share.

    It belongs to a family of `rows` instances that were measured in the same sessions. A deviation of whole sessions
    counts once for all of them (see `variance.error_rate_share`). The guarantee is therefore one for the family: the
    intervals of all rows at level 1 - a hold simultaneously with a probability of at least 1 - rows x a, although a
    single one may fail more often than a.
    """

    value: float
    shared: float  # standard error of the part that all instances have in common
    shared_freedom: float  # degrees of freedom of Student's t
    own: float  # standard error of the part of this instance
    own_freedom: float
    rows: int  # number of instances in the family

    @property
    def error(self) -> float:
        """Standard error of both parts together; NaN if unknown."""
        return _known(np.hypot(self.shared, self.own))

    def interval(self, level: float = CONFIDENCE) -> tuple[float, float]:
        """Return the ends of the interval of the ratio as one of its family; NaN if the error is unknown."""
        if not self.error > 0:
            return np.nan, np.nan
        upper = self.error
        while self._chance(upper, self.rows) > 1 - level:
            upper *= 2
        half = brentq(lambda distance: self._chance(distance, self.rows) - (1 - level), 0, upper)
        with np.errstate(over="ignore"):
            return float(np.exp(self.value - half)), float(np.exp(self.value + half))

    def p_value(self, rows: int = 1) -> float:
        """Return the p value of the two-sided test of no change, as one of a family of `rows`; NaN if unknown."""
        return self._chance(abs(self.value), rows)

    def _chance(self, distance: float, rows: int) -> float:
        """Return the probability of deviating by `distance` or more without a change; see `error_rate_share`."""
        if not self.error > 0:
            return np.nan
        numbers = (distance, self.shared, self.shared_freedom, self.own, self.own_freedom)
        far, shared, shared_freedom, own, own_freedom = (np.array(number) for number in numbers)
        return float(variance.error_rate_share(far, shared, shared_freedom, own, own_freedom, rows))


def ratio_of_images(base: Floats, other: Floats, statistic: str, paired: bool, seed: int = 0) -> LogRatio:
    """Return the ratio of two runs from their times per image in the order of measurement, (n,) and (m,).

    `paired` means that the i-th times of both runs are of the same image, so that n = m; the cost of an image that is
    common to both sides then cancels out. The standard error of means is that of the delta method and allows for
    dependence between successive times (`dependence.errors`). That of medians comes from DRAWS resamples of a circular
    block bootstrap with the same block length. The interval does not cover what another run of either side would give
    (see `ratio_of_units`). The error is unknown with fewer than two times and if times do not vary (a coarse clock). If
    it may be too small, `doubt` says why (`blocks.doubt`).
    """
    centre = np.mean if statistic == MEAN else np.median
    if min(len(base), len(other)) < 2 or centre(base) <= 0 or centre(other) <= 0:
        return LogRatio(np.nan, np.nan, 1.0)
    value = float(np.log(centre(other) / centre(base)))
    relative = [base / base.mean(), other / other.mean()]
    series = [relative[1] - relative[0]] if paired else relative
    errors, effective_sizes = zip(*(dependence.errors(times[None]) for times in series), strict=True)
    freedoms = np.concatenate(effective_sizes) - 1
    error, freedom = together(np.concatenate(errors), freedoms)
    lengths = [int(dependence.lengths(times[None])[0]) for times in series]
    if statistic == MEAN:
        shares_of_largest = [
            blocks.share_of_largest_blocks(times, length) for times, length in zip(series, lengths, strict=True)
        ]
        doubt = blocks.doubt(float(freedoms.min()) + 1, len(series[0]), max(shares_of_largest))
        return LogRatio(value, _known(error), freedom, doubt)
    rng = np.random.default_rng(seed)
    if paired:
        draws = _medians([base, other], lengths[0], rng)
    else:
        draws = [_medians([times], length, rng)[0] for times, length in zip((base, other), lengths, strict=True)]
    doubt = blocks.doubt(float(freedoms.min()) + 1, len(series[0]), 0.0)  # the largest times do not affect a median
    return LogRatio(value, _known(np.log(draws[1] / draws[0]).std(ddof=1)), freedom, doubt)


def _medians(series: list[Floats], length: int, rng: np.random.Generator) -> list[Floats]:
    """Return medians of DRAWS resamples of blocks of `length` times, with the same blocks for all series."""
    n = len(series[0])
    medians_by_series: list[list[Floats]] = [[] for _ in series]
    batch = max(_AT_ONCE // n, 1)
    for start in range(0, DRAWS, batch):
        starts = rng.integers(n, size=(min(batch, DRAWS - start), -(-n // length)))
        indices = ((starts[:, :, None] + np.arange(length)) % n).reshape(len(starts), -1)[:, :n]
        for times, medians in zip(series, medians_by_series, strict=True):
            medians.append(np.median(times[indices], axis=1))
    return [np.concatenate(medians) for medians in medians_by_series]


def ratio_of_units(base: Floats, other: Floats) -> LogRatio:
    """Return the ratio from two samples of logarithms of times, (k,) and (l,), with one value per unit.

    A unit is a session, a run or a device. The interval is Welch's (1947). If a side has only one unit, both sides are
    assumed to have the variance of the other side, and the interval is Student's (1908).
    """
    value = float(other.mean() - base.mean()) if min(len(base), len(other)) else np.nan
    if min(len(base), len(other)) > 1:
        errors = [logs.std(ddof=1) / np.sqrt(len(logs)) for logs in (base, other)]
        error, freedom = together(errors, [len(base) - 1.0, len(other) - 1.0])
        return LogRatio(value, _known(error), freedom)
    freedom = len(base) + len(other) - 2
    if freedom < 1 or np.isnan(value):
        return LogRatio(value, np.nan, 1.0)
    spread = sum(((logs - logs.mean()) ** 2).sum() for logs in (base, other)) / freedom
    return LogRatio(value, _known(np.sqrt(spread * (1 / len(base) + 1 / len(other)))), float(freedom))


def ratio_of_sessions(base: Floats, other: Floats) -> list[SharedRatio]:
    """Return the ratio of each instance from logarithms of times, (instances, sessions) per side.

    Both sides have the same instances, and all instances of a side were measured in all of its sessions. See
    `variance.errors`.
    """
    session_errors, rows = variance.errors(base, other), len(base)
    values = other.mean(axis=1) - base.mean(axis=1)
    return [
        SharedRatio(
            float(value), session_errors.shared, session_errors.shared_freedom, float(own), float(freedom), rows
        )
        for value, own, freedom in zip(values, session_errors.own, session_errors.own_freedom, strict=True)
    ]


def ratio_of_pairs(logs: Floats) -> LogRatio:
    """Return the mean of log ratios, (k,), one per device, and its interval as in `latency.mean_over_devices`."""
    if len(logs) < latency.FEWEST_DEVICES:
        return LogRatio(float(logs.mean()) if len(logs) else np.nan, np.nan, 1.0)
    return LogRatio(float(logs.mean()), _known(logs.std(ddof=1) / np.sqrt(len(logs))), len(logs) - 1.0)


def ratio_of_summaries(base: tuple[float, float, float], other: tuple[float, float, float]) -> LogRatio:
    """Return the ratio of two runs of which only (mean, standard deviation, number of images) are known.

    The times are treated as unpaired and independent.
    """
    if not (min(base[0], other[0]) > 0 and min(base[2], other[2]) > 1):
        return LogRatio(np.nan, np.nan, 1.0)
    # `latency.log_ratio` divides its first argument by its second
    value, error, n = latency.log_ratio(other, base)
    return LogRatio(value, _known(error), n - 1.0)


def mean_of(ratios: list[LogRatio]) -> LogRatio:
    """Return the geometric mean of ratios with independent errors, such as those of the instances of a run."""
    if not ratios:
        return LogRatio(np.nan, np.nan, 1.0)
    error, freedom = together([ratio.error / len(ratios) for ratio in ratios], [ratio.freedom for ratio in ratios])
    return LogRatio(float(np.mean([ratio.value for ratio in ratios])), _known(error), freedom)


def together(errors: Sequence[float] | Floats, freedoms: Sequence[float] | Floats) -> tuple[float, float]:
    """Return the standard error and the degrees of freedom of a sum of independent parts with these errors."""
    squares = [np.asarray(error, float) ** 2 for error in errors]
    error, freedom = variance.standard_error(
        squares, [np.asarray(freedom_of_part, float) for freedom_of_part in freedoms]
    )
    return float(error), float(freedom)


def _known(error: float) -> float:
    """Return a standard error, or NaN if it is 0, since no measured value is known exactly."""
    return float(error) if error > 1e-12 else np.nan


SAME = 1e-12  # shares of devices are equal if they differ by less than this


@dataclass(frozen=True)
class AccuracyChange:
    """Accuracy of both sides as fractions of 1, with the uncertainty of the change (other minus base)."""

    base: float
    other: float
    images: int  # number of images that the change rests on
    ends: Ends | None = None  # interval of other - base at a given level; None if unknown
    p_value: float = np.nan  # two-sided test of no change; see `intervals.joint_p_value`

    def interval(self, level: float = CONFIDENCE) -> tuple[float, float]:
        """Return the ends of the interval of other - base, which contains 0 if the test does not reject."""
        if self.ends is None:
            return np.nan, np.nan
        return intervals.joint_interval(self.p_value, self.ends, level)


def accuracy_on_images(base: Floats, other: Floats) -> AccuracyChange:
    """Return the change on images that both sides ran.

    Takes arrays of shape (n,) with one value per image: right (1) or wrong (0), or the share of devices that are right.
    With one device per side, the interval is Newcombe's and the test is the exact McNemar test. With several, the
    interval is Student's over the images and the test is the exact sign test over the images that change (for one
    device, this is McNemar's). Interval and test agree (see `intervals.joint_p_value`).
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
    return AccuracyChange(float(base.mean()), float(other.mean()), n, ends, joint_p_value(exact, ends))


def _newcombe(both_right: int, lost: int, won: int, neither: int, level: float) -> tuple[float, float]:
    """Return the ends of Newcombe's interval from the numbers of images by which sides are right."""
    low, high = accuracy.newcombe(both_right, lost, won, neither, level)
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
    necessary. Interval and test agree (see `intervals.joint_p_value`).
    """
    (p, n), (q, m) = base, other
    if min(n, m) < 1 or np.isnan(p) or np.isnan(q):
        return AccuracyChange(p, q, 0)
    counts = (round(q * m), m, round(p * n), n)
    ends = partial(_of_proportions, counts)
    if counts[0] == counts[2] == 0 or (counts[0] == m and counts[2] == n):
        return AccuracyChange(p, q, min(n, m), ends, 1.0)
    p_value = float(test_proportions_2indep(*counts, method="score", compare="diff").pvalue)
    return AccuracyChange(p, q, min(n, m), ends, joint_p_value(p_value, ends))


def _of_proportions(counts: tuple[int, int, int, int], level: float) -> tuple[float, float]:
    """Return the ends of Newcombe's interval for independent proportions from the right and all images of each side."""
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - level)
    return float(low), float(high)
