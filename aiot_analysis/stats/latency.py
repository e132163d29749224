"""Time per image: how it is distributed, where it goes, and how many times faster one instance is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiot_analysis.stats import pairing, ratios, variance
from aiot_analysis.tables import select
from aiot_analysis.tables.names import PHASE_NAMES

KEY = select.KEY
QUANTILES = {"p25_ms": 0.25, "median_ms": 0.5, "p75_ms": 0.75, "p90_ms": 0.9, "p99_ms": 0.99}
SPEED = ["base_ms", "other_ms", "speed_up", "speed_up_low", "speed_up_high"]


def summary(images: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """One row per run x instance of image records: the distribution of its time per image, in ms.

    Columns run_id, device_id, instance_id, images (that have a time), mean_ms, min_ms, p25_ms, median_ms, p75_ms,
    p90_ms, p99_ms, max_ms, first_ms (the first query), later_ms (mean of the others), cv (coefficient of variation:
    standard deviation over mean), tail (p99_ms over median_ms), failed (images that failed, which count where they
    have the time asked for) and unusable (images whose time is missing, negative or not finite, and does not count:
    `along.left_out` lists them). Nothing else is left out.
    """
    ordered = images.sort_values("query", kind="stable")
    raw = ordered[select.time_column(timing)].astype(float)
    known = ordered[KEY].assign(ms=raw.where(np.isfinite(raw) & (raw >= 0)), failed=ordered["failed"].astype(bool))
    known["first"] = known["ms"].where(~known.duplicated(KEY))
    by = known.groupby(KEY, observed=True)
    found = by["ms"].agg(images="count", mean_ms="mean", min_ms="min", max_ms="max", sd_ms="std", size="size")
    levels = np.array([*QUANTILES.values()])
    found[[*QUANTILES]] = by["ms"].quantile(levels).unstack().reindex(columns=levels)
    found["first_ms"] = by["first"].max()
    rest = found["images"] - found["first_ms"].notna()
    sum_ms = found["mean_ms"] * found["images"] - found["first_ms"].fillna(0)
    found["later_ms"] = sum_ms / rest.where(rest > 0)
    found["cv"] = found["sd_ms"] / found["mean_ms"].where(found["mean_ms"] > 0)
    found["tail"] = found["p99_ms"] / found["median_ms"].where(found["median_ms"] > 0)
    found["failed"] = by["failed"].sum()
    found["unusable"] = found["size"] - found["images"]
    order = ["images", "mean_ms", "min_ms", *QUANTILES, "max_ms", "first_ms", "later_ms", "cv", "tail"]
    return found[[*order, "failed", "unusable"]].reset_index()


def phases(images: pd.DataFrame) -> pd.DataFrame:
    """The mean time of each phase, one row per run x instance x phase: columns phase and mean_ms.

    The phases are decode_ms, preprocess_ms, inference_ms and postprocess_ms; their means add up to the mean
    of end_to_end_ms where no image failed.
    """
    means = images.groupby(KEY, observed=True)[list(PHASE_NAMES)].mean().reset_index()
    return means.melt(id_vars=KEY, var_name="phase", value_name="mean_ms")


def speed_up(images: pd.DataFrame, pairs: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """How many times faster the other side of each pair is: mean time of base over mean time of other.

    Takes image records and the pairs of `pairing.pair`; gives the pairs with n_images, base_ms, other_ms, speed_up,
    speed_up_low and speed_up_high: Student's 95 % interval on the logarithm, of what varies within the runs
    (`ratios.of_images`) and what runs add (`pairing.RUNS`). Images that failed on a side are left out on both. Null
    without images; without an interval where there is one.
    """
    sides = [f"{select.time_column(timing)}_{half}" for half in ("base", "other")]
    joined = pairing.joined(images, pairs)
    times = joined[~joined["failed_base"] & ~joined["failed_other"]].dropna(subset=sides)
    found = pd.DataFrame(index=range(len(pairs)), columns=["n_images", *SPEED], dtype=float)
    # pairs of equally many images are computed together
    for n, part in times.groupby(times.groupby("pair")["pair"].transform("size")):
        at = part["pair"].unique()
        columns = [*sides, "query_base", "query_other"]
        base, other, turn, other_turn = (part[column].to_numpy(float).reshape(-1, n) for column in columns)
        logs, squares, freedom = ratios.of_images(base, other, turn, other_turn)
        runs, runs_freedom = (pairs[column].to_numpy(float)[at] for column in pairing.RUNS)
        low, high = variance.around(logs, *variance.standard_error([squares, runs], [freedom, runs_freedom]))
        base_ms, other_ms = base.mean(axis=1), other.mean(axis=1)
        numbers = [np.full(len(at), n), base_ms, other_ms, base_ms / other_ms, np.exp(low), np.exp(high)]
        found.loc[at] = np.column_stack(numbers)
    return pairing.beside(pairs, found)
