"""Ratio of two times, other over base, and its uncertainty on a logarithmic scale."""

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
DRAWS = 1000  # draws of the block bootstrap of a median
_AT_ONCE = 4_000_000  # maximum number of values per batch of draws


@dataclass(frozen=True)
class LogRatio:
    """Logarithm of a ratio of two times, with its error."""

    value: float
    error: float  # standard error; NaN if unknown
    freedom: float  # degrees of freedom of Student's t
    doubt: str = ""  # why the error may be too small; see `blocks.doubt`

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of the ratio."""
        value, error, freedom = (np.asarray(number) for number in (self.value, self.error, self.freedom))
        low, high = variance.around(value, error, freedom, level)
        with np.errstate(over="ignore"):  # with two units and a level near 1 the ends are 0 and infinity
            return float(np.exp(low)), float(np.exp(high))

    def of_any_run(self, run_to_run: float, runs: int = 2) -> LogRatio:
        """Return the ratio with an error that allows for other runs.

        Two runs of the same thing differ by up to `run_to_run` 19 times out of 20 (see `variance`). `runs` is 2 for a
        ratio of two times and 1 for the time of one side. The allowance is treated as known, with infinite degrees of
        freedom.
        """
        allowed = np.sqrt(runs) * variance.standard_deviation(run_to_run)
        error, freedom = together([self.error, allowed], [self.freedom, np.inf])
        return replace(self, error=error, freedom=freedom)

    def p_value(self) -> float:
        """Return the two-sided p-value of no change."""
        return min(2 * self._tail(abs(self.value)), 1.0)

    def p_beyond(self, margin: float) -> float:
        """Return the one-sided p-value of a ratio of at most 1 + margin; small if `other` is slower than that."""
        return self._tail(self.value - np.log1p(margin))

    def _tail(self, distance: float) -> float:
        if not self.error > 0:
            return np.nan
        return float(student.sf(distance / self.error, self.freedom))


@dataclass(frozen=True)
class SharedRatio:
    """Logarithm of a ratio of two times over sessions, whose deviations may be common to all instances.

    It belongs to a family of `rows` instances that were measured in the same sessions. The error probability due to
    deviations of whole sessions is spent once for the family (see `deviations.chance`). The intervals of all rows at
    the level 1 - a therefore hold simultaneously with a probability of at least 1 - rows x a, although a single one may
    fail with a probability above a.
    """

    value: float
    shared: float  # standard error common to the family
    shared_freedom: float
    own: float
    own_freedom: float
    rows: int

    @property
    def error(self) -> float:
        """Standard error; NaN if unknown."""
        return _known(np.hypot(self.shared, self.own))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of the ratio as a member of the family."""
        if not self.error > 0:
            return np.nan, np.nan
        upper = self.error
        while self._chance(upper, self.rows) > 1 - level:
            upper *= 2
        half_width = brentq(lambda distance: self._chance(distance, self.rows) - (1 - level), 0, upper)
        with np.errstate(over="ignore"):
            return float(np.exp(self.value - half_width)), float(np.exp(self.value + half_width))

    def p_value(self, rows: int = 1) -> float:
        """Return the two-sided p-value of no change, individually or as a member of a family of `rows`."""
        return self._chance(abs(self.value), rows)

    def p_beyond(self, margin: float, rows: int = 1) -> float:
        """Return the one-sided p-value of a ratio of at most 1 + margin; `rows` as in `p_value`."""
        distance = self.value - np.log1p(margin)
        one_sided = self._chance(abs(distance), rows) / 2
        return one_sided if distance > 0 or np.isnan(one_sided) else 1 - one_sided

    def _chance(self, distance: float, rows: int) -> float:
        if not self.error > 0:
            return np.nan
        numbers = (distance, self.shared, self.shared_freedom, self.own, self.own_freedom)
        far, shared, shared_freedom, own, own_freedom = (np.array(number) for number in numbers)
        return float(deviations.chance(far, shared, shared_freedom, own, own_freedom, rows))


def of_images(base: Floats, other: Floats, statistic: str, paired: bool, seed: int = 0) -> LogRatio:
    """Return the ratio of two runs from their times per image in the order of measurement, shapes (n,) and (m,).

    With `paired`, the i-th times of both runs are of the same image, and n equals m. The standard error of means is
    that of the delta method with neighbours in time treated as dependent (`blocks.errors`). That of medians is from
    DRAWS draws of a circular block bootstrap with the same block length. Pairing removes the effect of an image that
    both runs share. The interval does not include variation between runs: see `of_units`. The error is unknown with
    fewer than two times, and if times do not vary (a coarse clock). An error that may be too small has a doubt
    (`blocks.doubt`).
    """
    centre = np.mean if statistic == MEAN else np.median
    if min(len(base), len(other)) < 2 or centre(base) <= 0 or centre(other) <= 0:
        return LogRatio(np.nan, np.nan, 1.0)
    value = float(np.log(centre(other) / centre(base)))
    shares = [base / base.mean(), other / other.mean()]
    series = [shares[1] - shares[0]] if paired else shares
    errors, worths = zip(*(blocks.errors(sample[None]) for sample in series), strict=True)
    freedoms = np.concatenate(worths) - 1
    error, freedom = together(np.concatenate(errors), freedoms)
    lengths = [int(blocks.lengths(sample[None])[0]) for sample in series]
    if statistic == MEAN:
        shares_of_largest = [blocks.of_largest(sample, length) for sample, length in zip(series, lengths, strict=True)]
        words = blocks.doubt(float(freedoms.min()) + 1, len(series[0]), max(shares_of_largest))
        return LogRatio(value, _known(error), freedom, words)
    rng = np.random.default_rng(seed)
    if paired:
        draws = _medians([base, other], lengths[0], rng)
    else:
        draws = [_medians([sample], length, rng)[0] for sample, length in zip((base, other), lengths, strict=True)]
    # a median does not depend on the largest times
    words = blocks.doubt(float(freedoms.min()) + 1, len(series[0]), 0.0)
    return LogRatio(value, _known(np.log(draws[1] / draws[0]).std(ddof=1)), freedom, words)


def _medians(series: list[Floats], length: int, rng: np.random.Generator) -> list[Floats]:
    """Return the medians of block bootstrap draws, with the same blocks for all series."""
    n = len(series[0])
    medians_of_series: list[list[Floats]] = [[] for _ in series]
    batch = max(_AT_ONCE // n, 1)
    for first in range(0, DRAWS, batch):
        starts = rng.integers(n, size=(min(batch, DRAWS - first), -(-n // length)))
        index = ((starts[:, :, None] + np.arange(length)) % n).reshape(len(starts), -1)[:, :n]
        for times, medians in zip(series, medians_of_series, strict=True):
            medians.append(np.median(times[index], axis=1))
    return [np.concatenate(medians) for medians in medians_of_series]


def of_units(base: Floats, other: Floats) -> LogRatio:
    """Return the ratio of two samples of logarithms of times with Welch's interval (1947).

    The shapes are (k,) and (l,), with one value per run or device. If a side has a single value, both sides are assumed
    to have the variance of the other side, which gives Student's interval (1908).
    """
    value = float(other.mean() - base.mean()) if min(len(base), len(other)) else np.nan
    if min(len(base), len(other)) > 1:
        errors = [sample.std(ddof=1) / np.sqrt(len(sample)) for sample in (base, other)]
        error, freedom = together(errors, [len(base) - 1.0, len(other) - 1.0])
        return LogRatio(value, _known(error), freedom)
    freedom = len(base) + len(other) - 2
    if freedom < 1 or np.isnan(value):
        return LogRatio(value, np.nan, 1.0)
    spread = sum(((sample - sample.mean()) ** 2).sum() for sample in (base, other)) / freedom
    return LogRatio(value, _known(np.sqrt(spread * (1 / len(base) + 1 / len(other)))), float(freedom))


def of_sessions(base: Floats, other: Floats) -> list[SharedRatio]:
    """Return the ratio of each instance from logarithms of times, with shape (instances, sessions) on each side.

    All instances of a side were measured in all of its sessions. See `deviations.errors`.
    """
    errors, rows = deviations.errors(base, other), len(base)
    values = other.mean(axis=1) - base.mean(axis=1)
    return [
        SharedRatio(float(value), errors.shared, errors.shared_freedom, float(own_error), float(freedom), rows)
        for value, own_error, freedom in zip(values, errors.own, errors.own_freedom, strict=True)
    ]


def of_pairs(logs: Floats) -> LogRatio:
    """Return the mean of logarithms of ratios, (k,), one per device, with Student's interval as in `ratios.mean`."""
    if len(logs) < ratios.FEWEST_DEVICES:
        return LogRatio(float(logs.mean()) if len(logs) else np.nan, np.nan, 1.0)
    return LogRatio(float(logs.mean()), _known(logs.std(ddof=1) / np.sqrt(len(logs))), len(logs) - 1.0)


def of_summaries(base: tuple[float, float, float], other: tuple[float, float, float]) -> LogRatio:
    """Return the ratio of two runs of which only mean, standard deviation and number of images are known.

    The runs are treated as unpaired and independent.
    """
    if not (min(base[0], other[0]) > 0 and min(base[2], other[2]) > 1):
        return LogRatio(np.nan, np.nan, 1.0)
    # `ratios.log_ratio` divides the first by the second
    value, error, n = ratios.log_ratio(other, base)
    return LogRatio(value, _known(error), n - 1.0)


def mean_of(found: list[LogRatio]) -> LogRatio:
    """Return the geometric mean of independently measured ratios, such as those of the instances of a run."""
    if not found:
        return LogRatio(np.nan, np.nan, 1.0)
    error, freedom = together([ratio.error / len(found) for ratio in found], [ratio.freedom for ratio in found])
    return LogRatio(float(np.mean([ratio.value for ratio in found])), _known(error), freedom)


def together(errors: Sequence[float] | Floats, freedoms: Sequence[float] | Floats) -> tuple[float, float]:
    """Return the standard error and degrees of freedom of a sum of independent parts with these standard errors."""
    squares = [np.asarray(error, float) ** 2 for error in errors]
    error, freedom = variance.standard_error(squares, [np.asarray(of_part, float) for of_part in freedoms])
    return float(error), float(freedom)


def _known(error: float) -> float:
    """Return a standard error, or NaN if it is 0, since no measured value is known exactly."""
    return float(error) if error > 1e-12 else np.nan
