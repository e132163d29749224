"""The model of how measured times vary, used for every interval, whisker, claim and score.

The logarithm of the mean time of instance i in session s of a device is

    log T_is = instance_i + shared_s + own_is + error_is

- `error` is the variation within a run: other images, and noise that depends on what came just before (see `blocks`).
- `own` is what differs from session to session for each instance separately (standard deviation `run_sd`).
- `shared` is what differs from session to session for all instances alike, as on a warm day (`shared_sd`). It cancels
  in the ratio of two instances of one session, and counts in full in a score.

A single run contains no information about `own` and `shared`. Where a device was measured in enough sessions, they are
estimated from these sessions. Otherwise a declared allowance is used: two runs of the same thing agree within
`run_to_run` 19 times out of 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma, stdtr, stdtrit
from scipy.stats import norm
from scipy.stats import t as student

from aiot_analysis.tables import select
from aiot_analysis.words import CONFIDENCE, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]

RUN_TO_RUN = 0.05
"""Allowance where there are too few sessions for an estimate: two runs of the same thing agree within this share of
their time 19 times out of 20. By the rules of MLPerf Mobile, a result must be repeatable within 5%, in five tries.
"""
NO_INTERVALS = "none, since there are no data"
MIN_FREEDOM = 4
"""Minimum degrees of freedom for estimating a component. With fewer, Student's t is so large (12.7 with one) that an
interval would say little.
"""
SESSION_GAP_H = 1.0
"""Minimum number of hours between the end of a run and the start of the next for the two to count as separate sessions.
Runs that are closer share the temperature and the state of the system, unless the device was restarted in between.
"""
ROUNDING = 1e-9
"""Standard deviation of logarithms up to which differences are attributed to rounding alone."""
COLUMNS = ["session", "sessions", "run_sd", "run_freedom", "shared_sd", "shared_freedom", "run_to_run"]


def standard_deviation(run_to_run: float) -> float:
    """Return the standard deviation of the logarithm of a run's time that an allowance for two runs implies.

    The difference of two independent runs has sqrt(2) times the standard deviation of one: 0.05 gives 0.0176.
    """
    return float(np.log1p(run_to_run) / norm.ppf((1 + CONFIDENCE) / 2) / np.sqrt(2))


def sessions(rows: pd.DataFrame) -> pd.Series:
    """Return the number, from 1, of the session on its device that the run of each row belongs to.

    Takes rows of the table `instances`. A run starts a new session if it started SESSION_GAP_H or more after the
    previous run ended, or after a restart of the device (a different `boot_id`, where both runs have one). Otherwise
    the runs overlap or follow each other directly. If the end of a run is unknown, its start is used instead.
    """
    if rows.empty:
        return pd.Series(index=rows.index, dtype=int)
    columns = ["device_id", "run_id", "started"]
    runs = rows.reindex(columns=[*columns, "ended", "boot_id"]).drop_duplicates(["device_id", "run_id"])
    for column in ("started", "ended"):  # values that are not times become null
        runs[column] = pd.to_datetime(runs[column], utc=True, format="ISO8601", errors="coerce")
    runs["ended"] = runs["ended"].fillna(runs["started"])
    runs = runs.sort_values(["device_id", "started", "run_id"])
    device = runs.groupby("device_id")
    ended = device["ended"].cummax()
    gap = runs["started"] - ended.groupby(runs["device_id"]).shift()
    boot = runs["boot_id"].astype("object")
    before = device["boot_id"].shift().astype("object")
    restarted = boot.notna() & before.notna() & (boot != before)
    runs["session"] = (restarted | (gap >= pd.Timedelta(hours=SESSION_GAP_H))).groupby(runs["device_id"]).cumsum() + 1
    numbers = runs.set_index(["device_id", "run_id"])["session"]
    return pd.Series(numbers.loc[pd.MultiIndex.from_frame(rows[["device_id", "run_id"]])].to_numpy(int), rows.index)


def with_noise(
    rows: pd.DataFrame, instances: pd.DataFrame, timing: str = "end_to_end", run_to_run: float = RUN_TO_RUN
) -> pd.DataFrame:
    """Return `rows` with COLUMNS: the session of each row, and how much runs of its device differ.

    Takes rows of `select.measured_rows` and the table `instances` that they were chosen from, whose usable rows of all
    runs show how runs differ. `sessions` is the number of sessions in which some instance of the device was measured in
    the same way as in another session. `run_freedom` and `shared_freedom` are the degrees of freedom of the estimates,
    infinite where the allowance `run_to_run` is used instead. Statistics treat rows without these columns as coming
    from single runs (see `assumed`).
    """
    column = select.time_column(timing)
    usable = select.usable_rows(instances, [f"{column}_mean"])
    usable = usable.assign(session=sessions(usable))
    repeated = usable[usable.groupby("device_id")["session"].transform("nunique") > 1]
    means = _session_means(repeated, column)
    parts = {str(device): _components(part) for device, part in means.groupby("device_id")}
    allowance = standard_deviation(run_to_run)
    components_of_row = []
    for device in rows["device_id"].astype(str):
        n_sessions, run_sd, run_freedom, shared_sd, shared_freedom = parts.get(device, _NOTHING)
        if run_freedom < MIN_FREEDOM:
            run_sd, run_freedom = allowance, np.inf
        if shared_freedom < MIN_FREEDOM:
            shared_sd, shared_freedom = allowance, np.inf
        components_of_row.append((n_sessions, run_sd, run_freedom, shared_sd, shared_freedom, run_to_run))
    noise = pd.DataFrame(components_of_row, rows.index, COLUMNS[1:])
    runs = pd.concat([usable, assumed(rows)]).drop_duplicates(["device_id", "run_id"])
    session_of_run = runs.set_index(["device_id", "run_id"])["session"]
    own_session = session_of_run.reindex(pd.MultiIndex.from_frame(rows[["device_id", "run_id"]])).to_numpy(int)
    return rows.drop(columns=COLUMNS, errors="ignore").assign(session=own_session).join(noise)


def assumed(rows: pd.DataFrame, run_to_run: float = RUN_TO_RUN) -> pd.DataFrame:
    """Return `rows` with COLUMNS as if each device had one session, so that the allowance replaces what is unknown.

    Rows that already have the columns are returned unchanged.
    """
    if set(COLUMNS) <= set(rows.columns):
        return rows
    allowance = standard_deviation(run_to_run)
    return rows.assign(
        session=1, sessions=1, run_sd=allowance, run_freedom=np.inf, shared_sd=allowance, shared_freedom=np.inf,
        run_to_run=run_to_run,
    )  # fmt: skip


_NOTHING = (1, 0.0, 0.0, 0.0, 0.0)


def _session_means(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the mean of log times per device, way and session, for ways that were measured in several sessions.

    `within` is the variance of this mean that is due to the scatter of images. It comes from the standard error of the
    mean of each run, or from its standard deviation as if times were independent in tables without standard errors.
    """
    if rows.empty:
        return rows
    logs = np.log(rows[f"{column}_mean"].where(rows[f"{column}_mean"] > 0).astype(float))
    independent: pd.Series = rows[f"{column}_sd"].astype(float) / np.sqrt(rows["images"].astype(float))
    standard_errors = rows.get(f"{column}_se", pd.Series(np.nan, rows.index)).astype(float).fillna(independent)
    within = ((standard_errors / rows[f"{column}_mean"].astype(float)) ** 2).fillna(0.0)
    way = ["device_id", "way"]
    runs = rows[["device_id", "session"]].assign(way=select.ways(rows), log=logs, within=within)
    means = (
        runs.dropna(subset="log")
        .groupby([*way, "session"], as_index=False)
        .agg(log=("log", "mean"), within=("within", "mean"), runs=("log", "size"))
    )
    means["within"] /= means["runs"]
    return means[means.groupby(way)["session"].transform("size") > 1]


def _components(means: pd.DataFrame) -> tuple[int, float, float, float, float]:
    """Return the variance components of one device: sessions, run_sd and its freedom, shared_sd and its freedom.

    Takes the session means of the device. A least squares fit has an effect for each instance and for each session. Its
    residuals contain `own` and the error within runs, whose own estimate is subtracted. The session effects scatter by
    `shared` and by what the residuals leave in a mean over instances. Where nothing scatters, neither within nor
    between runs, `own` has no degrees of freedom.
    """
    instance_columns = pd.get_dummies(means["way"], dtype=float).to_numpy()
    session_columns = pd.get_dummies(means["session"], dtype=float).to_numpy()
    n_sessions = session_columns.shape[1]
    design = np.column_stack([instance_columns, session_columns[:, 1:]])
    freedom = len(means) - np.linalg.matrix_rank(design)
    log = means["log"].to_numpy(float)
    fit = np.linalg.lstsq(design, log, rcond=None)[0]
    residual = ((log - design @ fit) ** 2).sum() / freedom if freedom > 0 else 0.0
    error = float(means["within"].mean())
    effects = np.concatenate([[0.0], fit[instance_columns.shape[1] :]])
    if max(residual, error) < ROUNDING**2:  # a clock that returns identical times carries no information
        freedom = 0
    shared = (
        max(float(effects.var(ddof=1)) - residual / session_columns.sum(axis=0).mean(), 0.0) if n_sessions > 1 else 0.0
    )
    return (
        n_sessions,
        float(np.sqrt(max(residual - error, 0.0))),
        float(freedom),
        float(np.sqrt(shared)),
        n_sessions - 1.0,
    )


def ratio_variance(base: pd.DataFrame, other: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return the variance that runs add to log(time of base / time of other), and its degrees of freedom, (n,) each.

    Takes two frames of n rows with COLUMNS and device_id, one pair per row.
    """
    base, other = assumed(base), assumed(other)
    same = (base["device_id"].to_numpy() == other["device_id"].to_numpy()) & (
        base["session"].to_numpy() == other["session"].to_numpy()
    )
    halves = [_squares(side) for side in (base, other)]
    own_variance = halves[0][0] + halves[1][0]
    shared_variance = np.where(same, 0.0, halves[0][2] + halves[1][2])
    freedoms = [(own_freedom, shared_freedom) for _, own_freedom, _, shared_freedom in halves]
    own_freedom = np.minimum(freedoms[0][0], freedoms[1][0])
    shared_freedom = np.minimum(freedoms[0][1], freedoms[1][1])
    return _together(own_variance, own_freedom, shared_variance, shared_freedom)


def sum_variance(rows: pd.DataFrame, weights: Floats) -> tuple[float, float]:
    """Return the variance that runs add to the sum of weight x log time over rows of one device, and its freedom.

    For a score, the weights are the shares of the instances, since its logarithm changes by the share of an instance
    where the logarithm of that instance's time changes by 1. The sign of the weights does not matter.
    """
    rows = assumed(rows)
    own_variance, own_freedom, shared_variance, shared_freedom = _squares(rows)
    common = np.bincount(pd.factorize(rows["session"].to_numpy(), use_na_sentinel=False)[0], weights)
    parts = (
        np.array([(own_variance * weights**2).sum()]),
        np.array([own_freedom.min(initial=np.inf)]),
        np.array([shared_variance.max(initial=0.0) * (common**2).sum()]),
        np.array([shared_freedom.min(initial=np.inf)]),
    )
    variance, freedom = _together(*parts)
    return float(variance[0]), float(freedom[0])


def log_time_variance(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return the variance that runs add to the log time of each row, and its degrees of freedom, (n,) each."""
    own_variance, own_freedom, shared_variance, shared_freedom = _squares(rows)
    return _together(own_variance, own_freedom, shared_variance, shared_freedom)


def _squares(rows: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the variances of the own and the shared part of each row, each with its degrees of freedom."""
    columns = ["run_sd", "run_freedom", "shared_sd", "shared_freedom"]
    own_sd, own_freedom, shared_sd, shared_freedom = assumed(rows)[columns].to_numpy(float).T
    return own_sd**2, own_freedom, shared_sd**2, shared_freedom


def _together(own: Floats, own_freedom: Floats, shared: Floats, shared_freedom: Floats) -> tuple[Floats, Floats]:
    """Add two components. Two allowances count as the larger one, since an allowance covers a run as a whole."""
    allowances = np.isinf(own_freedom) & np.isinf(shared_freedom)
    variance = np.where(allowances, np.maximum(own, shared), own + shared)
    return variance, satterthwaite([own, shared], [own_freedom, shared_freedom])


def satterthwaite(variances: Sequence[Floats], freedoms: Sequence[Floats]) -> Floats:
    """Return the degrees of freedom of sums of variances (Satterthwaite 1946), (n,); infinite where all are known."""
    total = np.sum(variances, axis=0)
    shares = np.sum([v**2 / np.maximum(f, 1.0) for v, f in zip(variances, freedoms, strict=True)], axis=0)
    freedom: Floats = np.divide(total**2, shares, out=np.full_like(total, np.inf), where=shares > 0)
    return freedom


def standard_error(variances: Sequence[Floats], freedoms: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return the standard error of a sum of independent parts with these variances, and its freedom, (n,) each.

    Typical parts are the variation within runs (0 where all times are equal) and between runs (see `ratio_variance`).
    """
    return np.sqrt(np.sum(variances, axis=0)), satterthwaite(variances, freedoms)


def student_interval(values: Floats, se: Floats, freedom: Floats, level: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return Student's interval around values, given their standard errors and degrees of freedom (may be infinite).

    The ends are NaN where the standard error is 0 apart from rounding (`ROUNDING`): identical times, such as those of a
    coarse clock, do not show how precisely their mean is known.
    """
    error = np.where(se > ROUNDING, se, np.nan)
    width = student.ppf((1 + level) / 2, np.maximum(freedom, 1)) * error
    return values - width, values + width


def interval_of_parts(
    values: Floats, variances: Sequence[Floats], freedoms: Sequence[Floats], level: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Return Student's interval around values whose errors are sums of independent parts (see `standard_error`)."""
    return student_interval(values, *standard_error(variances, freedoms), level)


def describe_noise(rows: pd.DataFrame, whole: bool = False) -> str:
    """Return what intervals of times of these rows include, in words for a figure or a table.

    Examples are "95%, including an assumed 5% between runs" and "95%, including the scatter between 3 sessions (46
    degrees of freedom)"; without rows it is `NO_INTERVALS`. What all instances of a session share counts in the
    intervals of mean times and of scores (`whole`). It counts in those of ratios, and is named there, only where the
    rows of a device are from several sessions.
    """
    noise = assumed(rows)
    if noise.empty:
        return NO_INTERVALS
    several_sessions = noise.groupby("device_id")["session"].transform("nunique") > 1
    by_device = noise.assign(whole=whole | several_sessions).drop_duplicates("device_id")
    own_estimated, shared_estimated = (
        np.isfinite(by_device[f"{part}_freedom"].astype(float)) for part in ("run", "shared")
    )
    allowance = f"an assumed {100 * float(by_device['run_to_run'].iloc[0]):g}%"
    estimated = "the scatter between {sessions} sessions ({run_freedom} degrees of freedom)"
    together = " and the scatter of all instances together ({shared_freedom} degrees of freedom)"
    first = pd.Series(np.where(own_estimated, estimated, f"{allowance} between runs"), by_device.index, dtype=object)
    second = np.where(
        shared_estimated, together, np.where(own_estimated, f" and {allowance} of all instances together", "")
    )
    descriptions = first + pd.Series(second, by_device.index, dtype=object).where(by_device["whole"], "")
    parts: list[str] = []
    for text, part in by_device.groupby(descriptions, sort=False):
        numbers = {name: _range(part[name]) for name in ("sessions", "run_freedom", "shared_freedom")}
        devices = (
            f" on {plural(len(part), 'other device' if parts else 'device')}" if descriptions.nunique() > 1 else ""
        )
        parts.append(str(text).format(**numbers) + devices)
    return f"{CONFIDENCE:.0%}, including {'; '.join(parts)}"


def _range(values: pd.Series) -> str:
    """Format the values as a single number if they are all equal, otherwise as the smallest and the largest."""
    return " to ".join(dict.fromkeys(f"{value:.0f}" for value in (values.min(), values.max())))


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
    return standard_error(
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
    """Return the expected logarithm of an estimate of a variance that is 1."""
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
