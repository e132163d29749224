"""Deviations between sessions: those of all instances of a session together, and those of each instance separately.

The logarithm of the mean time of instance i in session s of a side is

    log T_is = instance_i + shared_s + own_is

(see `variance`). Its mean over the instances contains the shared part; the deviation of each instance from that mean
contains only the own part. All instances of a comparison have the shared part in common, so it can mislead once, and
not once per instance. The own part concerns many instances, so all of them provide information about its size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma, stdtr, stdtrit

from aiot_analysis.stats import variance

Floats = NDArray[np.float64]

FEWEST_SESSIONS = 3
"""Minimum number of sessions for a side to have its own estimate of how its sessions differ. With fewer, both sides are
assumed to have the same variance.
"""
MOST_PRIOR_FREEDOM = 8.0
"""Maximum degrees of freedom that the variance of all instances contributes to a single one. Few sessions cannot show
that some instances have one and a half times the standard deviation of others.
"""
SMALLEST = 1e-5
"""Variances below this share of the median one are raised to it, because their logarithm is taken. Probabilities this
close to 1 count as 1.
"""
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_DEEPEST = 45.0  # tail probabilities down to exp(-45) are integrated


@dataclass(frozen=True)
class Errors:
    """Standard errors of differences between two sides, with the degrees of freedom of Student's t."""

    shared: float  # of the part that all instances have in common
    shared_freedom: float
    own: Floats  # (instances,); 0 for a single instance, whose two parts cannot be separated
    own_freedom: Floats


def errors(base: Floats, other: Floats) -> Errors:
    """Return the errors of the mean differences of two sides, (instances, sessions) each, of the same instances.

    Takes logarithms of times. Sides may have different variances (Welch 1947) if both have FEWEST_SESSIONS. Variances
    of own parts are those of `moderated`, or the instance's own where that is larger: otherwise a few instances that
    scatter much more than all others would be treated like the others.
    """
    sides = base, other
    means = [side.mean(axis=0, keepdims=True) for side in sides]
    shared, shared_freedom = _error(means, moderate=False)
    if len(base) == 1:
        return Errors(float(shared[0]), float(shared_freedom[0]), np.zeros(1), np.full(1, np.inf))
    own_error, own_freedom = _error([side - mean for side, mean in zip(sides, means, strict=True)], moderate=True)
    return Errors(float(shared[0]), float(shared_freedom[0]), own_error, own_freedom)


def _error(sides: list[Floats], moderate: bool) -> tuple[Floats, Floats]:
    """Return the standard error and the freedom of the difference of two means, for each row."""
    counts = [side.shape[1] for side in sides]
    squares = [((side - side.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for side in sides]
    if min(counts) < FEWEST_SESSIONS:
        squares, freedoms, weights = [squares[0] + squares[1]], [sum(counts) - 2.0], [sum(1 / n for n in counts)]
    else:
        freedoms, weights = [n - 1.0 for n in counts], [1 / n for n in counts]
    variances = np.array([square / freedom for square, freedom in zip(squares, freedoms, strict=True)])
    if moderate:
        expected, freedoms = moderated(variances, freedoms)
        variances = np.maximum(expected, variances)
    return variance.standard_error(
        [weight * estimate for weight, estimate in zip(weights, variances, strict=True)],
        [np.full(len(variances[0]), freedom) for freedom in freedoms],
    )


def moderated(variances: Floats, freedoms: list[float]) -> tuple[Floats, list[float]]:
    """Return the variances of many instances, each shrunk towards that of all, and their degrees of freedom.

    Takes estimates from several samples of the instances, (samples, instances), and the degrees of freedom of each
    sample. The true variances of a sample are assumed to scatter around a prior variance as if it had been estimated
    with prior degrees of freedom (Smyth 2004, Section 6.2): the more similar the estimates are, the more freedom the
    prior has, up to MOST_PRIOR_FREEDOM. The prior freedom is common to all samples; the prior variance is specific to
    each. The freedom is limited to what the instances of a sample have together, with one instance less for their mean.
    """
    count = variances.shape[1]
    freedom_limits = [(count - 1) * freedom for freedom in freedoms]
    middle = np.median(variances, axis=1, keepdims=True)
    if not (middle > 0).all():
        return np.broadcast_to(variances.mean(axis=1, keepdims=True), variances.shape), freedom_limits
    logs = np.log(np.maximum(variances, SMALLEST * middle))
    excess = np.mean(
        [
            log_of_sample.var(ddof=1) - polygamma(1, freedom / 2)
            for log_of_sample, freedom in zip(logs, freedoms, strict=True)
        ]
    )
    estimated = 2 * _trigamma_inverse(float(excess)) if excess > 0 else np.inf
    prior = min(estimated, MOST_PRIOR_FREEDOM)
    shrunk = []
    for estimates, log_estimates, freedom in zip(variances, logs, freedoms, strict=True):
        alike = np.isinf(estimated)  # the estimates differ no more than by chance
        centre = estimates.mean() if alike else np.exp(log_estimates.mean() - _mean_log(freedom) + _mean_log(prior))
        shrunk.append((prior * centre + freedom * estimates) / (prior + freedom))
    return np.array(shrunk), [
        min(prior + freedom, limit) for freedom, limit in zip(freedoms, freedom_limits, strict=True)
    ]


def _mean_log(freedom: float) -> float:
    """Return the mean of the logarithm of an estimate of the variance 1."""
    return float(digamma(freedom / 2) - np.log(freedom / 2))


def _trigamma_inverse(value: float) -> float:
    """Return the x at which trigamma(x) is `value`."""
    return float(brentq(lambda x: polygamma(1, x) - value, 1e-8, 1.0 + 2.0 / value))


def error_rate_share(
    distances: Floats, shared: Floats, shared_freedom: Floats, own: Floats, own_freedom: Floats, rows: int = 1
) -> Floats:
    """Return the share of a joint error rate that differences this far from the truth use up.

    The probability that any of `rows` differences with a common shared part is `distances` or more from the truth is at
    most the mean, over the shared part, of min(1, rows x P), where P is the probability for one of them given the
    shared part. The result is this bound divided by `rows`: summed over the rows it bounds the probability of any. Both
    parts have Student's t distribution. With one row it is the p-value of a single difference; without a shared part it
    is Student's; without an own part it is Student's for the shared part divided by `rows`. All arguments but the last
    have the same shape.
    """
    distances, shared, shared_freedom, own, own_freedom = (
        np.asarray(values, float)[..., None] for values in (distances, shared, shared_freedom, own, own_freedom)
    )
    own = np.maximum(own, 1e-9 * np.maximum(shared, 1e-300))
    reach = distances - own * stdtrit(own_freedom, max(1 - 1 / rows, SMALLEST))
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = stdtr(shared_freedom, -reach / shared)  # tail of shared parts so large that min(1, rows x P) is 1
        depth = np.minimum(-np.log(np.where(reach > 0, beyond, 0.5)), _DEEPEST)
    depths = np.log(2) + (_POINTS + 1) / 2 * (depth - np.log(2))
    tails = np.exp(-depths)
    deviation = -stdtrit(shared_freedom, tails) * shared
    single = stdtr(own_freedom, (deviation - distances) / own) + stdtr(own_freedom, (-deviation - distances) / own)
    inside = np.minimum(1.0, rows * single) * tails * _WEIGHTS / 2 * (depth - np.log(2))
    bound: Floats = np.minimum(2 * (inside.sum(axis=-1) + np.exp(-depth[..., 0])), 1.0)
    return bound / rows
