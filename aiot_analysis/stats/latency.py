"""Time per image: its distribution, its phases, and how many times faster one instance is than another."""

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
    """Return the distribution of the time per image, in ms, one row per run x instance of image records.

    Columns are run_id, device_id, instance_id, images (those that have a time), mean_ms, min_ms, p25_ms, median_ms,
    p75_ms, p90_ms, p99_ms, max_ms, first_ms (the first query), later_ms (mean of the others), cv (coefficient of
    variation: standard deviation over mean), tail (p99_ms over median_ms), failed (images that failed; they count where
    they have the requested time) and unusable (images whose time is missing, negative or not finite; they do not count
    and are listed by `along.left_out`). Nothing else is left out.
    """
    ordered = images.sort_values("query", kind="stable")
    raw = ordered[select.time_column(timing)].astype(float)
    valid = ordered[KEY].assign(ms=raw.where(np.isfinite(raw) & (raw >= 0)), failed=ordered["failed"].astype(bool))
    valid["first"] = valid["ms"].where(~valid.duplicated(KEY))
    by = valid.groupby(KEY, observed=True)
    table = by["ms"].agg(images="count", mean_ms="mean", min_ms="min", max_ms="max", sd_ms="std", size="size")
    levels = np.array([*QUANTILES.values()])
    table[[*QUANTILES]] = by["ms"].quantile(levels).unstack().reindex(columns=levels)
    table["first_ms"] = by["first"].max()
    later_images = table["images"] - table["first_ms"].notna()
    sum_ms = table["mean_ms"] * table["images"] - table["first_ms"].fillna(0)
    table["later_ms"] = sum_ms / later_images.where(later_images > 0)
    table["cv"] = table["sd_ms"] / table["mean_ms"].where(table["mean_ms"] > 0)
    table["tail"] = table["p99_ms"] / table["median_ms"].where(table["median_ms"] > 0)
    table["failed"] = by["failed"].sum()
    table["unusable"] = table["size"] - table["images"]
    order = ["images", "mean_ms", "min_ms", *QUANTILES, "max_ms", "first_ms", "later_ms", "cv", "tail"]
    return table[[*order, "failed", "unusable"]].reset_index()


def phases(images: pd.DataFrame) -> pd.DataFrame:
    """Return the mean time of each phase, one row per run x instance x phase, with the columns phase and mean_ms.

    The phases are decode_ms, preprocess_ms, inference_ms and postprocess_ms; their means add up to the mean of
    end_to_end_ms where no image failed.
    """
    means = images.groupby(KEY, observed=True)[list(PHASE_NAMES)].mean().reset_index()
    return means.melt(id_vars=KEY, var_name="phase", value_name="mean_ms")


def speed_up(images: pd.DataFrame, pairs: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Return how many times faster the other side of each pair is: mean time of base over mean time of other.

    Takes image records and the pairs of `pairing.pair`. Returns the pairs with n_images, base_ms, other_ms, speed_up,
    speed_up_low and speed_up_high: Student's 95 % interval on the logarithm, from the variation within runs
    (`ratios.image_log_ratios`) and what runs add (`pairing.RUNS`). Images that failed on one side are left out on both.
    Null without images; with a single image there is no interval.
    """
    sides = [f"{select.time_column(timing)}_{half}" for half in ("base", "other")]
    joined = pairing.common_images(images, pairs)
    times = joined[~joined["failed_base"] & ~joined["failed_other"]].dropna(subset=sides)
    speed = pd.DataFrame(index=range(len(pairs)), columns=["n_images", *SPEED], dtype=float)
    # pairs with the same number of images are computed together
    for n, part in times.groupby(times.groupby("pair")["pair"].transform("size")):
        pair_numbers = part["pair"].unique()
        columns = [*sides, "query_base", "query_other"]
        base, other, turn, other_turn = (part[column].to_numpy(float).reshape(-1, n) for column in columns)
        logs, squares, freedom = ratios.image_log_ratios(base, other, turn, other_turn)
        runs, runs_freedom = (pairs[column].to_numpy(float)[pair_numbers] for column in pairing.RUNS)
        low, high = variance.interval_of_parts(logs, [squares, runs], [freedom, runs_freedom])
        base_ms, other_ms = base.mean(axis=1), other.mean(axis=1)
        numbers = [np.full(len(pair_numbers), n), base_ms, other_ms, base_ms / other_ms, np.exp(low), np.exp(high)]
        speed.loc[pair_numbers] = np.column_stack(numbers)
    return pairing.join_results(pairs, speed)
