"""The uncertainty of a mean time where times depend on those before: blocks of neighbours, or whole runs, are drawn.

`arch.bootstrap` has block bootstraps and block lengths too, but imports matplotlib, which statistics do without, and
takes one series at a time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from aiot_analysis.stats import along, pooling, resample, select
from aiot_analysis.words import plural

KEY = along.KEY
Floats = NDArray[np.float64]

MIN_RUNS = 6
"""An interval from drawing R runs stays within the fastest and slowest of them, and R values of a symmetric
distribution are all on one side of its middle with probability 2^(1-R): none of fewer than 6 runs covers 95 %."""


def lengths(times: Floats) -> NDArray[np.int64]:
    """The block length for the circular block bootstrap of the mean of each series (m, n): (m,).

    Politis and White, "Automatic block-length selection for the dependent bootstrap", Econometric Reviews 23 (2004),
    as corrected by Patton, Politis and White (28, 2009): b = (2 G^2 / D)^(1/3) n^(1/3) with G = sum |k| R(k) and
    D = 4/3 (sum R(k))^2 over the autocovariances R(k), tapered by a flat-top window that reaches twice as far as
    autocorrelation is seen (over 2 sqrt(log10(n)/n)). At least 1, and at most 3 sqrt(n) and a third of n.
    """
    m, n = times.shape
    if n < 4:
        return np.ones(m, np.int64)
    quiet = max(5, int(np.log10(n)))  # so many small autocorrelations in a row are the end of them
    most = min(int(np.ceil(np.sqrt(n))) + quiet, n - 1)
    spectrum = np.fft.rfft(times - times.mean(axis=1, keepdims=True), 2 * n, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : most + 1] / n  # (m, lags)
    variance = covariance[:, :1]
    correlation = np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance > 0)
    small = np.abs(correlation[:, 1:]) < 2 * np.sqrt(np.log10(n) / n)
    windows = np.lib.stride_tricks.sliding_window_view(small, min(quiet, most), axis=1)  # (m, lags, quiet)
    ends = windows.sum(axis=2) == windows.shape[2]
    end = np.where(ends.any(axis=1), ends.argmax(axis=1) + 1, most)  # lag of the first that is not seen
    reach = np.clip(2 * end, 1, most)[:, None]
    lag = np.arange(1, most + 1)
    window = np.clip(2 * (1 - lag / reach), 0, 1)
    weighted = window * covariance[:, 1:]
    g, total = 2 * (weighted * lag).sum(axis=1), variance[:, 0] + 2 * weighted.sum(axis=1)
    ratio = np.divide(g, total, out=np.zeros(m), where=total > 0)
    best = (1.5 * ratio**2 * n) ** (1 / 3)
    return np.clip(np.ceil(best), 1, np.ceil(min(3 * np.sqrt(n), n / 3))).astype(np.int64)


def errors(times: Floats) -> tuple[Floats, Floats]:
    """The standard error of the mean of each series (m, n), and how many independent times would have it: (m,) both.

    That of the circular block bootstrap (Politis and Romano 1992), which needs no drawing: the variance of the mean of
    a resample is b / n times that of the means of all n blocks of b neighbours, where the series goes on with its
    begin after its end (Künsch, "The jackknife and the bootstrap for general stationary observations", Annals of
    Statistics 17, 1989); n / (n - b) times as much here, since the blocks are measured from their own mean. A block of
    1 gives sd / sqrt(n - 1). The number, at most n, is the variance of a time over that of the mean.

    In simulations of 500 times the intervals of `along_run` covered 94, 93 and 89 % at an autocorrelation of 0, 0.7
    and 0.9, where sd / sqrt(n) covers 95, 59 and 34 %; of 100 times 95, 87 and 80 %.
    """
    n = times.shape[1]
    variance = np.empty(len(times))
    block = lengths(times)
    for b in np.unique(block):
        some = times[block == b] - times[block == b].mean(axis=1, keepdims=True)
        sums = np.cumsum(np.hstack([np.zeros((len(some), 1)), some, some[:, : b - 1]]), axis=1)
        variance[block == b] = ((sums[:, b:] - sums[:, :-b]) ** 2).mean(axis=1) / (b * (n - b))
    worth = np.divide(times.var(axis=1), variance, out=np.full(len(times), float(n)), where=variance > 0)
    return np.sqrt(variance), np.clip(worth, 2, n)


def along_run(images: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """One row per run x instance of image records: its mean time with the interval that its one run allows.

    Columns images, mean_ms, mean_low, mean_high (95 %: Student's t with the standard error of the block bootstrap and
    `worth` - 1 degrees of freedom) and worth: how many independent images would tell the mean as well (see `errors`).
    The first image counts, as in the mean of the paper's app. Null with fewer than 2 images. Of what other runs of the
    device would give it says nothing: see `over_runs`.
    """
    columns = ["mean_ms", "mean_low", "mean_high", "worth"]
    parts = []
    for keys, times in along.matrices(along.usable(images, timing, first=True)):
        some = keys[KEY].assign(images=times.shape[1])
        if times.shape[1] > 1:
            mean, (error, worth) = times.mean(axis=1), errors(times)
            reach = student.ppf((1 + resample.LEVEL) / 2, worth - 1) * error
            numbers = [mean, mean - reach, mean + reach, worth]
            some = some.assign(**dict(zip(columns, numbers, strict=True)))
        parts.append(some)
    return along.every(images, parts, columns)


def over_runs(
    rows: pd.DataFrame, timing: str = "end_to_end", seed: int = 0, resamples: int = resample.RESAMPLES
) -> pd.DataFrame:
    """One row per device x instance and way it was measured: its mean time over runs of the device, each run a block.

    Takes usable rows of the table `instances`, of any number of runs. Columns device_id, instance_id, profile, run_ids,
    runs, mean_ms (of the runs' means), fastest_ms and slowest_ms (run), mean_low and mean_high (95 %: percentile
    interval from drawing runs, widened for their small number as Hesterberg, "What Teachers Should Know About the
    Bootstrap", The American Statistician 69, 2015, has it: the percentiles are those of the normal distribution at
    sqrt(R/(R-1)) times Student's t) and gap, which says why there is no interval: there are fewer than MIN_RUNS. Runs
    that differ in what must be alike (`pooling.SAME_INSTANCE`) or in profile are rows of their own.
    """
    column = f"{select.time_column(timing)}_mean"
    known = rows.dropna(subset=column)
    ways = known.assign(way=pooling.ways(known))
    key = ["device_id", "instance_id", "way"]
    ways = ways.sort_values([*key, "run_id"])
    groups = ways.groupby(key)
    found = groups.agg(
        profile=("profile", "first"),
        run_ids=("run_id", ", ".join),
        runs=("run_id", "size"),
        mean_ms=(column, "mean"),
        fastest_ms=(column, "min"),
        slowest_ms=(column, "max"),
    )
    found[["mean_low", "mean_high"]] = np.nan
    size = groups[column].transform("size")
    for runs in sorted(set(found["runs"].tolist())):
        if runs >= MIN_RUNS:
            values = ways[size == runs][column].to_numpy(float).reshape(-1, runs)  # (instances, runs)
            tail = norm.cdf(-np.sqrt(runs / (runs - 1)) * student.ppf((1 + resample.LEVEL) / 2, runs - 1))
            drawn = values @ resample.weights(runs, resamples, seed).T
            found.loc[found["runs"] == runs, ["mean_low", "mean_high"]] = resample.interval(drawn, 1 - 2 * tail).T
    few = found["runs"].map(lambda n: f"{plural(n, 'run')}, an interval over runs needs {MIN_RUNS}")
    return found.assign(gap=few.where(found["runs"] < MIN_RUNS, "")).reset_index().drop(columns="way")
