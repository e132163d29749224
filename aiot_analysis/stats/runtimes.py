"""Versions of each network on one device: which is fastest at equal accuracy, and which are on the Pareto front.

A version is an instance: a framework with a delegate and a quantization. Versions of one network are compared with its
*reference*, the float32 version of the first framework in the order of `names`. A version is *as accurate* if its
accuracy is not more than a margin below that of the reference (a test of non-inferiority): the whole 95% interval of
the change, paired by image, is above minus the margin. Only versions that are as accurate are ranked by time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.stats import blocks, intervals, tradeoff, variance, vips
from aiot_analysis.stats.accuracy import accuracy_change, with_interval
from aiot_analysis.tables import names, select

if TYPE_CHECKING:
    from collections.abc import Iterable

Floats = NDArray[np.float64]
MARGIN = 0.02
"""Loss of accuracy, as a fraction of 1, up to which a version counts as accurate as the reference."""
YES, NO, OPEN = vips.YES, vips.NO, vips.OPEN
KEY = select.KEY
COLUMNS = [
    "device_id", "model", "framework", "delegate", "implementation", "quantization", "instance_id", "reference",
    "n_images", "accuracy", "accuracy_low", "accuracy_high", "change", "change_low", "change_high", "as_accurate",
    "mean_ms", "mean_ms_low", "mean_ms_high", "rank", "rank_low", "rank_high", "tie_group", "load_ms", "peak_rss_mb",
    "model_mb", "pareto", "pareto_probability", "note",
]  # fmt: skip


def versions(
    rows: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str = "end_to_end",
    margin: float = MARGIN,
    seed: int = 0,
    resamples: int = intervals.RESAMPLES,
) -> pd.DataFrame:
    """Rank the versions of each network on each device by time at equal accuracy, and find the Pareto front.

    Takes one row per device x instance (see `select.measured_rows`, with `by_framework=False`) and image records, as a
    frame or in parts by device. Returns COLUMNS, one row per device x instance in the order of network and time:

    - reference: instance id of the version that accuracy is compared with, null if the network has no float32 version.
    - change (fraction of 1), with its interval: accuracy less that of the reference, on the images that both saw; each
      row by itself (see `accuracy.accuracy_change`).
    - as_accurate: "yes", "no" or "open".
    - mean_ms, with its interval, which includes what another run may give.
    - rank, among the versions of the network that are as accurate; rank_low and rank_high, a confidence set that holds
      for all of them at once; and tie_group, whose letters versions share that cannot be distinguished (see `vips`).
    - pareto: whether no other version of any network on the device is at least as fast and as accurate, and better in
      one of the two; pareto_probability: the share of draws in which it is.
    - note: why numbers are null.
    """
    parts = []
    for _, records in select.records_by_device(images, rows):
        device_rows = rows[rows["device_id"] == str(records["device_id"].iloc[0])]
        parts.append(_versions_of_device(device_rows, records, timing, margin, seed, resamples))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return names.ordered(table.sort_values(["device_id", "mean_ms"]), ["device_id", "model"])[COLUMNS]


def _versions_of_device(
    rows: pd.DataFrame, records: pd.DataFrame, timing: str, margin: float, seed: int, resamples: int
) -> pd.DataFrame:
    value = f"{select.time_column(timing)}_mean"
    rows = variance.assumed(rows).dropna(subset=[value]).reset_index(drop=True)
    table = with_interval(rows).assign(implementation=names.implementation(rows), mean_ms=rows[value].astype(float))
    table = table.merge(_changes(rows, records), on="instance_id", how="left")
    table["as_accurate"] = _as_accurate(table, margin)
    accuracy, time_ms = intervals.bootstrap_means(records, timing, seed, resamples)
    excess = blocks.excess_variance(records, select.time_column(timing))
    instance_ids = list(table["instance_id"])
    log_draws = np.log(time_ms.reindex(columns=instance_ids).to_numpy(float))
    log_draws += _run_errors(table, excess.reindex(instance_ids).fillna(0.0), seed, resamples)
    table[["mean_ms_low", "mean_ms_high"]] = _intervals(table, log_draws)
    table = _ranked(table, log_draws)
    correct = accuracy.reindex(columns=instance_ids).to_numpy(float)
    table["pareto"], table["pareto_probability"] = _front(table, log_draws, correct)
    recorded = np.isfinite(log_draws).any(axis=0)
    table["note"] = np.where(recorded, "", "there are no image records, so it is not compared")
    return table


def _changes(rows: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Return instance_id, reference and the change in accuracy against the reference, one row per row."""
    ordered = names.ordered(rows.assign(implementation=names.implementation(rows)), ["model", "implementation"])
    float32 = ordered[ordered["quantization"] == "float32"].drop_duplicates("model")
    base = float32[["model", *KEY]].rename(columns={field: f"{field}_base" for field in KEY})
    pairs = rows[["model", *KEY]].rename(columns={field: f"{field}_other" for field in KEY}).merge(base, on="model")
    compared = accuracy_change(records, pairs[pairs["instance_id_other"] != pairs["instance_id_base"]])
    itself = pairs[pairs["instance_id_other"] == pairs["instance_id_base"]]
    counts = records[~records["image"].duplicated()].shape[0]
    itself = itself.assign(change=0.0, change_low=0.0, change_high=0.0, n_images=counts)
    table = pd.concat([compared, itself], ignore_index=True)
    table = table.rename(columns={"instance_id_other": "instance_id", "instance_id_base": "reference"})
    return table.reindex(columns=["instance_id", "reference", "n_images", "change", "change_low", "change_high"])


def _as_accurate(table: pd.DataFrame, margin: float) -> NDArray[np.object_]:
    """Return "yes", "no" or "open" for each row: whether it loses at most the margin against the reference."""
    low, high = (table[f"change_{end}"].to_numpy(float, na_value=np.nan) for end in ("low", "high"))
    return np.select([low >= -margin, high < -margin], [YES, NO], OPEN).astype(object)


def _run_errors(table: pd.DataFrame, excess: pd.Series, seed: int, resamples: int) -> Floats:
    """Return errors of the logarithm of each mean time due to its run and its session: (resamples, instances).

    What a session does to all of its instances alike cancels among instances of one session.
    """
    errors = np.empty((resamples, len(table)))
    for place, row in enumerate(table.to_dict("records")):
        own = row["run_sd"] ** 2, row["run_freedom"], excess.iloc[place]
        shared = row["shared_sd"] ** 2, row["shared_freedom"], 0.0
        errors[:, place] = vips.time_errors(row["instance_id"], *own, seed, resamples)
        # the same key gives the same errors
        errors[:, place] += vips.time_errors(f"session {row['session']}", *shared, seed, resamples)
    return errors


def _is_complete(draws: Floats) -> NDArray[np.bool_]:
    """Return which versions, (versions,), have a number in all draws, (draws, versions)."""
    return np.asarray(np.isfinite(draws).all(axis=0))


def _intervals(table: pd.DataFrame, log_draws: Floats) -> Floats:
    """Return the ends of the interval of each mean time, (instances, 2); NaN without image records."""
    ends = np.exp(intervals.percentile_interval(log_draws.T)).T
    return np.where(_is_complete(log_draws)[:, None], ends, np.nan)


def _ranked(table: pd.DataFrame, log_draws: Floats) -> pd.DataFrame:
    """Return the table with rank, rank_low, rank_high and tie_group of the versions that are as accurate."""
    table = table.assign(
        rank=pd.array([pd.NA] * len(table), "Int64"),
        rank_low=pd.array([pd.NA] * len(table), "Int64"),
        rank_high=pd.array([pd.NA] * len(table), "Int64"),
        tie_group="",
    )
    usable = (table["as_accurate"] == YES) & _is_complete(log_draws)
    for _, part in table[usable].groupby("model"):
        places = part["mean_ms"].sort_values(kind="stable").index
        log_ms = np.log(table.loc[places, "mean_ms"].to_numpy(float))
        better = vips.surely_better(-log_ms, -log_draws[:, places])
        low, high = vips.rank_sets(better)
        table.loc[places, "rank"] = np.arange(1, len(places) + 1)
        table.loc[places, "rank_low"], table.loc[places, "rank_high"] = low, high
        table.loc[places, "tie_group"] = vips.tie_groups(better, np.arange(len(places)))
    return table


def _front(table: pd.DataFrame, log_draws: Floats, correct: Floats) -> tuple[pd.Series, Floats]:
    """Return whether each version is on the front over all networks, and the share of draws in which it is."""
    front = pd.Series(pd.NA, index=table.index, dtype="boolean")
    probability = np.full(len(table), np.nan)
    whole = _is_complete(log_draws) & _is_complete(correct)
    places = np.flatnonzero(whole & table["accuracy"].notna().to_numpy())
    if len(places):
        log_ms = np.log(table["mean_ms"].to_numpy(float))[places]
        front.iloc[places] = ~tradeoff.dominated(-log_ms, table["accuracy"].to_numpy(float)[places])
        probability[places] = 1 - tradeoff.dominated(-log_draws[:, places], correct[:, places]).mean(axis=0)
    return front, probability


def fastest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the fastest version of each network on each device, and those that cannot be told apart from it.

    Takes the frame of `versions`. Returns device_id, model, compared (number of versions that are as accurate),
    instance_id (lowest mean), mean_ms with its interval, and tied (list of the instance ids of the other versions that
    may be the fastest: 1 is in their confidence set of ranks).
    """
    ranked = table.dropna(subset=["rank"])
    result = []
    for (device, model), part in ranked.groupby(["device_id", "model"], sort=False):
        first = part[part["rank"] == 1].iloc[0]
        tied = list(part[(part["rank_low"] == 1) & (part["rank"] > 1)].sort_values("rank")["instance_id"])
        ends = [first["mean_ms"], first["mean_ms_low"], first["mean_ms_high"]]
        result.append([device, model, len(part), first["instance_id"], *ends, tied])
    columns = ["device_id", "model", "compared", "instance_id", "mean_ms", "mean_ms_low", "mean_ms_high", "tied"]
    return pd.DataFrame(result, columns=columns)
