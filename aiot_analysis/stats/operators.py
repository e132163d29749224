"""Time of a network by operator, as drawn in Figs. 1 and 2."""

from __future__ import annotations

import numpy as np
import pandas as pd

KEY = ["device_id", "framework", "model"]
CONVOLUTIONS = ["convolution", "depthwise convolution"]
BIN_MS = 0.14
LAST_MS = 1.96
"""Bins of Fig. 2: its ticks, 0.21 to 1.89 ms in steps of 0.28, are the centres of every second bin of 0.14 ms."""


def of_rows(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `operators`, `passes` or `nodes` that belong to rows of `instances`."""
    key = ["run_id", *KEY]
    return frame.merge(rows[key].drop_duplicates(), on=key)


def shares(operators: pd.DataFrame) -> pd.DataFrame:
    """Return Fig. 1: the share of each kind of operator in the time of all operators, by device, framework and model.

    Columns are KEY, kind, repetitions, calls (per pass), time_ms (mean over the repetitions), share, and share_p5 and
    share_p95, the 5th and 95th percentiles over the repetitions. A share is the mean of the shares in each repetition,
    so a slow repetition counts as much as any other; the shares of a network add up to 1.
    """
    columns = [*KEY, "kind", "repetitions", "calls", "time_ms", "share", "share_p5", "share_p95"]
    rows = []
    for group, part in operators.groupby(KEY, sort=False):
        times = part.pivot_table(index="repetition", columns="kind", values="time_ms", aggfunc="sum", fill_value=0.0)
        calls = part.groupby("kind").size() / part["repetition"].nunique()
        share = times.div(times.sum(axis=1), axis=0)
        low, high = (share.quantile(level) for level in (0.05, 0.95))
        for kind in share.mean().sort_values(ascending=False).index:
            numbers = (times[kind].mean(), share[kind].mean(), low[kind], high[kind])
            rows.append((*group, kind, len(times), round(calls[kind]), *numbers))
    return pd.DataFrame(rows, columns=columns)


def convolution_times(operators: pd.DataFrame) -> pd.DataFrame:
    """Return Fig. 2: the distribution of the times of single convolutions, by device, framework and model.

    One row per bin: KEY, repetitions, low_ms, high_ms, convolutions (their number over all repetitions) and share. The
    last row of a network has an infinite high_ms and counts what lies beyond the bins of Fig. 2; shares are of all
    convolutions.
    """
    edges = np.append(np.arange(0, LAST_MS + BIN_MS / 2, BIN_MS).round(2), np.inf)
    rows = []
    for group, part in operators[operators["kind"].isin(CONVOLUTIONS)].groupby(KEY, sort=False):
        counts, _ = np.histogram(part["time_ms"], edges)
        share = counts / counts.sum()
        repetitions = part["repetition"].nunique()
        rows += [(*group, repetitions, *row) for row in zip(edges[:-1], edges[1:], counts, share, strict=True)]
    return pd.DataFrame(rows, columns=[*KEY, "repetitions", "low_ms", "high_ms", "convolutions", "share"])


def coverage(operators: pd.DataFrame, passes: pd.DataFrame) -> pd.DataFrame:
    """Return how much of a pass the operators account for, and the overhead of the profiler.

    Columns are KEY, repetitions, operators_ms, profiled_ms and plain_ms (medians of a pass: its operators together, the
    whole pass with the profiler, and the whole pass without it), covered (operators_ms over profiled_ms) and overhead
    (profiled_ms over plain_ms, minus 1).
    """
    summed = operators.groupby([*KEY, "repetition"])["time_ms"].sum().rename("operators_ms").reset_index()
    with_sums = passes.merge(summed, on=[*KEY, "repetition"])
    groups = with_sums.groupby(KEY, sort=False)
    numbers = groups[["operators_ms", "profiled_ms", "plain_ms"]].median()
    numbers["covered"] = numbers["operators_ms"] / numbers["profiled_ms"]
    numbers["overhead"] = numbers["profiled_ms"] / numbers["plain_ms"] - 1
    return numbers.assign(repetitions=groups.size()).reset_index()[[*KEY, "repetitions", *numbers.columns]]
