"""Where the time of a network goes, operator by operator: what Figs. 1 and 2 draw."""

from __future__ import annotations

import numpy as np
import pandas as pd

KEY = ["device_id", "framework", "model"]
CONVOLUTIONS = ["convolution", "depthwise convolution"]
BIN_MS = 0.14
LAST_MS = 1.96
"""Bins of Fig. 2: its ticks, 0.21 to 1.89 ms in steps of 0.28, are the middles of every second bin of 0.14 ms."""


def of_rows(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `operators`, `passes` or `nodes` that belong to rows of `instances`."""
    key = ["run_id", *KEY]
    return frame.merge(rows[key].drop_duplicates(), on=key)


def shares(operators: pd.DataFrame) -> pd.DataFrame:
    """Fig. 1: the share of each kind of operator in the time of all operators, by device, framework and model.

    Columns of KEY, kind, repetitions, calls (a pass), time_ms (mean over the repetitions), share, and share_p5 and
    share_p95, the 5th and 95th percentile over the repetitions. A share is the mean of the shares in each repetition,
    so that one slow repetition counts as much as any other; those of a network add up to 1.
    """
    columns = [*KEY, "kind", "repetitions", "calls", "time_ms", "share", "share_p5", "share_p95"]
    found = []
    for of, part in operators.groupby(KEY, sort=False):
        times = part.pivot_table(index="repetition", columns="kind", values="time_ms", aggfunc="sum", fill_value=0.0)
        calls = part.groupby("kind").size() / part["repetition"].nunique()
        share = times.div(times.sum(axis=1), axis=0)
        low, high = (share.quantile(level) for level in (0.05, 0.95))
        for kind in share.mean().sort_values(ascending=False).index:
            numbers = (times[kind].mean(), share[kind].mean(), low[kind], high[kind])
            found.append((*of, kind, len(times), round(calls[kind]), *numbers))
    return pd.DataFrame(found, columns=columns)


def convolution_times(operators: pd.DataFrame) -> pd.DataFrame:
    """Fig. 2: how the times of single convolutions are distributed, by device, framework and model.

    One row a bin: columns of KEY, repetitions, low_ms, high_ms, convolutions (how many of all repetitions) and share.
    The last row of a network has high_ms infinite: what lies beyond the bins of Fig. 2, which shares of all
    convolutions include.
    """
    edges = np.append(np.arange(0, LAST_MS + BIN_MS / 2, BIN_MS).round(2), np.inf)
    found = []
    for of, part in operators[operators["kind"].isin(CONVOLUTIONS)].groupby(KEY, sort=False):
        counts, _ = np.histogram(part["time_ms"], edges)
        share = counts / counts.sum()
        repetitions = part["repetition"].nunique()
        found += [(*of, repetitions, *row) for row in zip(edges[:-1], edges[1:], counts, share, strict=True)]
    return pd.DataFrame(found, columns=[*KEY, "repetitions", "low_ms", "high_ms", "convolutions", "share"])


def coverage(operators: pd.DataFrame, passes: pd.DataFrame) -> pd.DataFrame:
    """How much of a pass the operators account for, and what the profiler itself takes.

    Columns of KEY, repetitions, operators_ms, profiled_ms and plain_ms (medians of one pass: its operators together,
    the whole of it with the profiler, and without), and what follows from these: covered (operators_ms over
    profiled_ms) and overhead (profiled_ms over plain_ms, minus 1).
    """
    summed = operators.groupby([*KEY, "repetition"])["time_ms"].sum().rename("operators_ms").reset_index()
    both = passes.merge(summed, on=[*KEY, "repetition"])
    groups = both.groupby(KEY, sort=False)
    numbers = groups[["operators_ms", "profiled_ms", "plain_ms"]].median()
    numbers["covered"] = numbers["operators_ms"] / numbers["profiled_ms"]
    numbers["overhead"] = numbers["profiled_ms"] / numbers["plain_ms"] - 1
    return numbers.assign(repetitions=groups.size()).reset_index()[[*KEY, "repetitions", *numbers.columns]]
