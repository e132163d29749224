"""The ratio of two times, other over base, with its uncertainty, on the scale of logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import t as student

from aiot_analysis.stats import blocks, deviations, ratios, variance
from aiot_analysis.stats.resample import LEVEL

Floats = NDArray[np.float64]

MEAN, MEDIAN = "mean", "median"
DRAWS = 1000  # of the block bootstrap of a median
_AT_ONCE = 4_000_000  # numbers that are drawn together


@dataclass(frozen=True)
class LogRatio:
    """The logarithm of a ratio of two times."""

    value: float
    error: float  # standard error; NaN where it is not known
    freedom: float  # degrees of freedom of Student's t
    doubt: str = ""  # why the error may be too small; see `blocks.doubt`

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The ends of the interval of the ratio."""
        value, error, freedom = (np.asarray(one) for one in (self.value, self.error, self.freedom))
        low, high = variance.around(value, error, freedom, level)
        with np.errstate(over="ignore"):  # of two units at a level near 1 the ends are 0 and infinity
            return float(np.exp(low)), float(np.exp(high))

    def of_any_run(self, run_to_run: float, runs: int = 2) -> LogRatio:
        """Return the ratio with an error that allows for other runs.

        Two runs of the same thing differ by up to `run_to_run` 19 times of 20 (see `variance`). A ratio of two times is
        of 2 `runs`, the time of a side by itself of 1. The allowance is taken as known, with infinite freedom.
        """
        allowed = np.sqrt(runs) * variance.standard_deviation(run_to_run)
        error, freedom = together([self.error, allowed], [self.freedom, np.inf])
        return replace(self, error=error, freedom=freedom)

    def p_value(self) -> float:
        """Two-sided, of no change."""
        if not self.error > 0:
            return np.nan
        return min(2 * float(student.sf(abs(self.value) / self.error, self.freedom)), 1.0)


@dataclass(frozen=True)
class SharedRatio:
    """The logarithm of a ratio of two times over sessions, which may deviate for all instances alike.

    It is one of `rows` instances that were measured in the same sessions, and what deviates in whole sessions is spent
    once on all of them (see `deviations.chance`). So an interval is one of a family: those of all rows at the level
    1 - a hold at once with a chance of at least 1 - rows x a, though a single one may fail more often than a.
    """

    value: float
    shared: float  # standard error
    shared_freedom: float
    own: float
    own_freedom: float
    rows: int

    @property
    def error(self) -> float:
        """The standard error; NaN where it is not known."""
        return _known(np.hypot(self.shared, self.own))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The ends of the interval of the ratio, one of a family."""
        if not self.error > 0:
            return np.nan, np.nan
        far = self.error
        while self._chance(far, self.rows) > 1 - level:
            far *= 2
        half = brentq(lambda distance: self._chance(distance, self.rows) - (1 - level), 0, far)
        with np.errstate(over="ignore"):
            return float(np.exp(self.value - half)), float(np.exp(self.value + half))

    def p_value(self, rows: int = 1) -> float:
        """Two-sided, of no change: by itself, or of `rows` as one of a family."""
        return self._chance(abs(self.value), rows)

    def _chance(self, distance: float, rows: int) -> float:
        if not self.error > 0:
            return np.nan
        numbers = (distance, self.shared, self.shared_freedom, self.own, self.own_freedom)
        far, shared, shared_freedom, own, own_freedom = (np.array(number) for number in numbers)
        return float(deviations.chance(far, shared, shared_freedom, own, own_freedom, rows))


def of_images(base: Floats, other: Floats, statistic: str, paired: bool, seed: int = 0) -> LogRatio:
    """Of two runs by their times per image in the order in which they were measured, (n,) and (m,).

    `paired` says that the n-th time of both is of the same image; n is m then. Of means the standard error is that of
    the delta method, with neighbours in time taken as dependent (`blocks.errors`), of medians that of DRAWS draws of
    a circular block bootstrap with the same block length. Pairs leave out what an image costs on both sides. The
    interval tells nothing of what another run of either would give: see `of_units`. No error is known of fewer than
    two times, or where times do not vary (a coarse clock). An error that may be too small has a doubt (`blocks.doubt`).
    """
    centre = np.mean if statistic == MEAN else np.median
    if min(len(base), len(other)) < 2 or centre(base) <= 0 or centre(other) <= 0:
        return LogRatio(np.nan, np.nan, 1.0)
    value = float(np.log(centre(other) / centre(base)))
    shares = [base / base.mean(), other / other.mean()]
    series = [shares[1] - shares[0]] if paired else shares
    errors, worths = zip(*(blocks.errors(one[None]) for one in series), strict=True)
    freedoms = np.concatenate(worths) - 1
    error, freedom = together(np.concatenate(errors), freedoms)
    lengths = [int(blocks.lengths(one[None])[0]) for one in series]
    if statistic == MEAN:
        shares_of_largest = [blocks.of_largest(one, length) for one, length in zip(series, lengths, strict=True)]
        words = blocks.doubt(float(freedoms.min()) + 1, len(series[0]), max(shares_of_largest))
        return LogRatio(value, _known(error), freedom, words)
    rng = np.random.default_rng(seed)
    if paired:
        draws = _medians([base, other], lengths[0], rng)
    else:
        draws = [_medians([one], length, rng)[0] for one, length in zip((base, other), lengths, strict=True)]
    words = blocks.doubt(float(freedoms.min()) + 1, len(series[0]), 0.0)  # a median does not follow the largest times
    return LogRatio(value, _known(np.log(draws[1] / draws[0]).std(ddof=1)), freedom, words)


def _medians(series: list[Floats], length: int, rng: np.random.Generator) -> list[Floats]:
    """The medians of draws of blocks of neighbours, the same ones of each of the series."""
    n = len(series[0])
    found: list[list[Floats]] = [[] for _ in series]
    some = max(_AT_ONCE // n, 1)
    for first in range(0, DRAWS, some):
        starts = rng.integers(n, size=(min(some, DRAWS - first), -(-n // length)))
        at = ((starts[:, :, None] + np.arange(length)) % n).reshape(len(starts), -1)[:, :n]
        for one, medians in zip(series, found, strict=True):
            medians.append(np.median(one[at], axis=1))
    return [np.concatenate(medians) for medians in found]


def of_units(base: Floats, other: Floats) -> LogRatio:
    """Of two samples of logarithms of times, (k,) and (l,), each of one run or one device: Welch's (1947) interval.

    Where a side has one, both are taken to scatter alike, as the other side does: Student's (1908).
    """
    value = float(other.mean() - base.mean()) if min(len(base), len(other)) else np.nan
    if min(len(base), len(other)) > 1:
        errors = [one.std(ddof=1) / np.sqrt(len(one)) for one in (base, other)]
        error, freedom = together(errors, [len(base) - 1.0, len(other) - 1.0])
        return LogRatio(value, _known(error), freedom)
    freedom = len(base) + len(other) - 2
    if freedom < 1 or np.isnan(value):
        return LogRatio(value, np.nan, 1.0)
    spread = sum(((one - one.mean()) ** 2).sum() for one in (base, other)) / freedom
    return LogRatio(value, _known(np.sqrt(spread * (1 / len(base) + 1 / len(other)))), float(freedom))


def of_sessions(base: Floats, other: Floats) -> list[SharedRatio]:
    """Of logarithms of times of the same instances, (instances, sessions) each, a ratio of each instance.

    All instances of a side were measured in all of its sessions. See `deviations.errors`.
    """
    found, rows = deviations.errors(base, other), len(base)
    values = other.mean(axis=1) - base.mean(axis=1)
    return [
        SharedRatio(float(value), found.shared, found.shared_freedom, float(own), float(freedom), rows)
        for value, own, freedom in zip(values, found.own, found.own_freedom, strict=True)
    ]


def of_pairs(logs: Floats) -> LogRatio:
    """Of logarithms of ratios, (k,), each of one device: Student's interval of their mean, as in `ratios.mean`."""
    if len(logs) < ratios.FEWEST_DEVICES:
        return LogRatio(float(logs.mean()) if len(logs) else np.nan, np.nan, 1.0)
    return LogRatio(float(logs.mean()), _known(logs.std(ddof=1) / np.sqrt(len(logs))), len(logs) - 1.0)


def of_summaries(base: tuple[float, float, float], other: tuple[float, float, float]) -> LogRatio:
    """Of two runs known by mean, standard deviation and number of images alone: unpaired, and as if independent."""
    if not (min(base[0], other[0]) > 0 and min(base[2], other[2]) > 1):
        return LogRatio(np.nan, np.nan, 1.0)
    # `ratios.log_ratio` divides the first by the second
    value, error, n = ratios.log_ratio(other, base)
    return LogRatio(value, _known(error), n - 1.0)


def mean_of(found: list[LogRatio]) -> LogRatio:
    """The geometric mean of ratios that were measured one apart from the other, as those of instances of a run are."""
    if not found:
        return LogRatio(np.nan, np.nan, 1.0)
    error, freedom = together([one.error / len(found) for one in found], [one.freedom for one in found])
    return LogRatio(float(np.mean([one.value for one in found])), _known(error), freedom)


def together(errors: Sequence[float] | Floats, freedoms: Sequence[float] | Floats) -> tuple[float, float]:
    """Return the standard error of a sum of independent parts with these standard errors, and its freedom."""
    squares = [np.asarray(error, float) ** 2 for error in errors]
    error, freedom = variance.standard_error(squares, [np.asarray(of_part, float) for of_part in freedoms])
    return float(error), float(freedom)


def _known(error: float) -> float:
    """A standard error, or NaN where it is 0: nothing that is measured is known exactly."""
    return float(error) if error > 1e-12 else np.nan
