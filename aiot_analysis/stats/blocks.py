"""Intervals of mean times where times depend on those before, from the standard errors of `tables.dependence`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.stats import variance
from aiot_analysis.tables import along, by_device, dependence, select
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = along.KEY
Floats = NDArray[np.float64]

MIN_SESSIONS = 3
"""Minimum for an interval over sessions. With two, Student's t is 12.7 times the standard error, which would say
little.
"""


LARGEST = 3  # number of block sums that are examined for a heavy tail
MOST_OF_LARGEST = 0.7
"""Largest share of the sum of squares of all block sums that the LARGEST may have. See `doubt`."""
FEWEST_TIMES = 30
"""Minimum effective sample size of a run. See `doubt`."""
TOO_SHORT = "the interval may be too short"


def excess_variance(images: pd.DataFrame, column: str = "end_to_end_ms") -> pd.Series:
    """Return what the dependence of neighbours adds to the variance of the log of each mean time, by instance id.

    Takes image records of one run of each instance of one device. The excess is the squared standard error of
    `dependence.errors` less that of independent times, both over the squared mean. A bootstrap that draws single images
    includes the latter, so that together they make up the former. The excess is negative where neighbours differ, or
    seem to differ, more than other images do, so that a sum over instances is not biased; it is 0 with fewer than 2
    times.
    """
    values = images[column].to_numpy(float, na_value=np.nan)
    timed = (values > 0) & np.isfinite(values)
    codes, names = pd.factorize(images["instance_id"][timed], sort=True)
    order = np.lexsort((images["query"].to_numpy()[timed], codes))
    counts = np.bincount(codes, minlength=len(names))
    begins = np.cumsum(counts) - counts
    values = values[timed][order]
    added = np.zeros(len(names))
    for n in np.unique(counts[counts > 1]):
        alike = counts == n
        times = values[begins[alike][:, None] + np.arange(n)]
        added[alike] = (dependence.errors(times)[0] ** 2 - times.var(axis=1) / (n - 1)) / times.mean(axis=1) ** 2
    return pd.Series(added, names.astype(str), dtype=float)


def share_of_largest_blocks(times: Floats, length: int) -> float:
    """Return the share of the sum of squares of block sums that the LARGEST have, for a series (n,).

    Blocks consist of `length` neighbours and do not overlap; their sums are measured from the mean of all sums. The
    share is 1 for no more than LARGEST blocks, and 0 where nothing varies.
    """
    count = len(times) // length
    sums = times[: count * length].reshape(count, length).sum(axis=1)
    squares = np.sort((sums - sums.mean()) ** 2)
    return float(squares[-LARGEST:].sum() / squares.sum()) if squares.sum() > 0 else 0.0


def doubt(effective_size: float, images: int, largest: float) -> str:
    """Return why the interval of a mean within a run may be too short, in words; "" if there is no sign of it.

    Takes the effective sample size of the run (`dependence.errors`), its number of times, and
    `share_of_largest_blocks`.

    Simulations used 200 pairs of runs of each of 14 kinds (normal noise with autocorrelations of 0 to 0.9, lognormal
    and Pareto times, rare times 21 times as long, two modes with long stays, a step), 500 images, paired. Without
    either sign the 95% intervals covered 93%, with one 72%. For normal noise, up to 1% of the pairs had a sign at
    autocorrelations up to 0.7, and 26% at 0.9; for two modes that change every 200 images 96%, for a step 90%. If
    only one of the sides was of that kind, the intervals covered 86% without a sign and 79% with one: rare long times
    that are absent from a run leave no sign. With 100 images, 8% of the pairs with an autocorrelation of 0.45 had a
    sign, and 72% at 0.7 (tests/aiot_analysis/compare/tails.py).
    """
    if images < FEWEST_TIMES:
        return ""  # neither sign would be visible
    if effective_size < min(FEWEST_TIMES, images / 2):
        return f"times change slowly over a run, so the effective sample size is below {FEWEST_TIMES}: {TOO_SHORT}"
    if largest > MOST_OF_LARGEST:
        return f"a few long times cause most of the scatter: {TOO_SHORT}"
    return ""


def _doubts(times: Floats, effective_size: Floats, block: NDArray[np.int64]) -> list[str]:
    """Return the `doubt` of each series (m, n) along a run.

    `effective_size` is the effective sample size of each, and `block` its block length, (m,) each. The first
    image is excluded from the shares of the largest blocks: it is long in every run, so no run lacks it by chance.
    """
    blocks = zip(effective_size, times, block, strict=True)
    return [doubt(w, len(row), share_of_largest_blocks(row[1:], b)) for w, row, b in blocks]


def doubts(
    images: pd.DataFrame | Iterable[pd.DataFrame], rows: pd.DataFrame, timing: str = "end_to_end"
) -> pd.DataFrame:
    """Return the rows of `rows` whose interval of the mean may be too short: KEY and note (see `doubt`).

    Takes image records with `along.COLUMNS`: a frame, or parts by device (see `by_device.map_devices`).
    """
    tables = [part for _, part in by_device.map_devices(images, rows, partial(_doubtful, timing=timing))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*KEY, "note"])


def _doubtful(images: pd.DataFrame, timing: str) -> pd.DataFrame:
    """Return the rows of `doubts` for one device."""
    parts = [pd.DataFrame(columns=[*KEY, "note"])]
    for keys, times in along.matrices(along.usable(images, timing, first=True)):
        if times.shape[1] > 1:
            block = dependence.lengths(times)
            part = keys[KEY].astype(str).assign(note=_doubts(times, dependence.errors(times, block)[1], block))
            parts.append(part[part["note"] != ""])
    return pd.concat(parts, ignore_index=True)


def mean_intervals(
    times: Floats, errors_of_means: Floats, effective_size: Floats, runs: Floats, runs_freedom: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the mean of each series (m, n) and the ends of its 95% interval, (m,) each.

    The interval is Student's on the logarithm, from the standard error and effective sample size of the mean (see
    `dependence.errors`) and what runs add to the variance of the logarithm, with its degrees of freedom. A mean of 0
    has no interval.
    """
    means_of_series = times.mean(axis=1)
    relative = np.divide(errors_of_means, means_of_series, out=np.zeros(len(times)), where=means_of_series > 0)
    logs = np.log(np.where(means_of_series > 0, means_of_series, np.nan))
    low, high = np.exp(variance.interval_of_parts(logs, [relative**2, runs], [effective_size - 1, runs_freedom]))
    return means_of_series, low, high


def means(images: pd.DataFrame, rows: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Return the mean time of each run x instance of image records, and how precisely it is known.

    Takes the rows of the table `instances` that the records belong to, with what runs add (see `variance.with_noise`).
    Columns are images, mean_ms, mean_low, mean_high (95%: Student's t on the logarithm, from the standard error of the
    block bootstrap and the variation between runs), effective_size (number of independent images that would determine
    the mean of this run equally well, see `dependence.errors`) and note: why the interval may be too short (see
    `doubt`). The first image counts, as in the mean of the paper's app. Null with fewer than 2 images.
    """
    columns = ["mean_ms", "mean_low", "mean_high", "effective_size", "note"]
    noise = variance.assumed(rows).drop_duplicates(KEY).set_index(KEY)
    parts = []
    for keys, times in along.matrices(along.usable(images, timing, first=True)):
        part = keys[KEY].assign(images=times.shape[1])
        if times.shape[1] > 1:
            block = dependence.lengths(times)
            error, effective_size = dependence.errors(times, block)
            noise_of_series = noise.reindex(pd.MultiIndex.from_frame(keys[KEY].astype(str))).reset_index()
            mean, low, high = mean_intervals(times, error, effective_size, *variance.log_time_variance(noise_of_series))
            notes = _doubts(times, effective_size, block)
            part = part.assign(mean_ms=mean, mean_low=low, mean_high=high, effective_size=effective_size, note=notes)
        parts.append(part)
    return along.with_all_instances(images, parts, columns)


def over_sessions(rows: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Return the mean time over the sessions of a device, one row per device x instance and way it was measured.

    Takes usable rows of the table `instances`, of any number of runs (see `variance.sessions`). Columns are device_id,
    instance_id, profile, run_ids, runs, sessions, mean_ms (geometric mean of the sessions, each the geometric mean of
    its runs), fastest_ms and slowest_ms (sessions), mean_low and mean_high (95%: Student's t on the logarithms of the
    sessions) and gap, which says why there is no interval: there are fewer than MIN_SESSIONS, or all have the same
    time. Runs that differ in what must be equal (`select.SAME_INSTANCE`) or in profile have rows of their own.
    """
    column = f"{select.time_column(timing)}_mean"
    timed = rows[rows[column] > 0]
    timed = timed.assign(
        way=select.ways(timed), session=variance.sessions(timed), log=np.log(timed[column].astype(float))
    )
    key = ["device_id", "instance_id", "way"]
    timed = timed.sort_values([*key, "run_id"])
    runs = timed.groupby(key).agg(profile=("profile", "first"), run_ids=("run_id", ", ".join), runs=("run_id", "size"))
    sessions = timed.groupby([*key, "session"])["log"].mean().groupby(key)
    table = runs.join(sessions.agg(sessions="size", middle="mean", least="min", most="max", sd="std"))
    n = table["sessions"]
    middle, error, freedom = (part.to_numpy(float) for part in (table["middle"], table["sd"] / np.sqrt(n), n - 1))
    ends = variance.student_interval(middle, error, freedom)
    low, high = (pd.Series(end, table.index).where(n >= MIN_SESSIONS) for end in ends)
    logs = {
        "mean_ms": table["middle"],
        "fastest_ms": table["least"],
        "slowest_ms": table["most"],
        "mean_low": low,
        "mean_high": high,
    }
    table = table.drop(columns=["middle", "least", "most", "sd"]).assign(
        **{name: np.exp(log) for name, log in logs.items()}
    )
    few = n.map(lambda count: f"{plural(count, 'session')}, but an interval over sessions needs {MIN_SESSIONS}")
    gap = few.where(n < MIN_SESSIONS, np.where(low.isna(), "unknown, because the time is the same in all sessions", ""))
    return table.assign(gap=gap).reset_index().drop(columns="way")
