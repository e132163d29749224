"""Sensitivity of the score, and of the ranks by it, to timing, instances and the clock."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

from aiot_analysis.stats import blocks, intervals, variance, vips
from aiot_analysis.tables import by_device, names, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

FLOAT32 = tuple(names.PAPER_FLOAT32)
CLOCKS = ["exact", "run", "image", "cut"]
"""Ways of reading time, see `clocks`."""
NS_PER_MS = 1_000_000


def timings(rows: pd.DataFrame, suite: Sequence[str] = FLOAT32) -> pd.DataFrame:
    """Return the VIPS and rank of each device by both timings: the paper's end-to-end time, and inference alone.

    Takes one row per device x instance (see `select.measured_rows`). Returns device_id, peer_group, instances,
    vips_end_to_end, vips_inference, rank_end_to_end, rank_inference, rank_change (places gained with inference alone)
    and ratio (VIPS by inference over VIPS end to end). Where a native tool measured an instance, only inference times
    exist and the columns of the other timing are null. Ranks are within a peer group (see `vips.scores`), and are
    compared only where both timings are based on the same instances.
    """
    table = vips.scores(rows, "inference", suite)
    table = table.rename(columns={"vips": "vips_inference", "rank": "rank_inference"})
    has_end_to_end = select.timing_of(rows[rows["instance_id"].isin(suite)], "end_to_end") == "end_to_end"
    other = vips.scores(rows, "end_to_end", suite) if has_end_to_end else table.assign(vips=np.nan, rank=np.nan)
    other = other[["device_id", "vips", "rank", "missing"]].astype({"rank": "Int64"})
    other = other.rename(columns={"vips": "vips_end_to_end", "rank": "rank_end_to_end", "missing": "other_missing"})
    table = table.merge(other, on="device_id")
    # a peer group of one timing is also one of the other if none of its devices lacks a time
    alike = (table["missing"] == table["other_missing"]).groupby(table["peer_group"]).transform("all")
    table["rank_change"] = (table["rank_end_to_end"] - table["rank_inference"]).where(alike)
    table["ratio"] = (table["vips_inference"] / table["vips_end_to_end"]).where(alike)
    columns = ["device_id", "peer_group", "instances", "vips_end_to_end", "vips_inference"]
    return table[[*columns, "rank_end_to_end", "rank_inference", "rank_change", "ratio"]]


def rank_agreement(frame: pd.DataFrame, rank: str, other: str, by: Sequence[str] = ("peer_group",)) -> pd.DataFrame:
    """Return how far two rankings of the same devices agree, one row per group of `by`.

    Takes a frame with the columns `by`, `rank` and `other` (ranks from 1). Returns `by`, devices (those with both
    ranks), tau (Kendall's tau-b, scipy.stats.kendalltau: 1 for the same order, -1 for the reversed one), moved (number
    of devices whose rank differs), largest_move (places), first_ten_changed (how many of the first ten are not among
    the first ten by the other ranking) and note, which says why a number is missing. The numbers describe these
    devices; they are not estimates for other devices.
    """
    table = []
    for key, part in frame.dropna(subset=[rank, other]).groupby(list(by), sort=False):
        first, second = part[rank].to_numpy(int), part[other].to_numpy(int)
        n, moves = len(part), np.abs(first - second)
        row: dict[str, object] = {**dict(zip(by, key, strict=True)), "devices": n}
        if n < 2:
            table.append({**row, "note": "one device: there is no order"})
            continue
        ten = int(((first <= vips.TOP) & (second > vips.TOP)).sum()) if n > vips.TOP else None
        tau = float(kendalltau(first, second).statistic)
        row |= {"tau": tau, "moved": int((moves > 0).sum()), "largest_move": int(moves.max())}
        table.append({**row, "first_ten_changed": ten, "note": "" if n > vips.TOP else "no more than ten devices"})
    columns = [*by, "devices", "tau", "moved", "largest_move", "first_ten_changed", "note"]
    whole = dict.fromkeys(["moved", "largest_move", "first_ten_changed"], "Int64")
    return pd.DataFrame(table, columns=columns).astype({**whole, "tau": float})


def shares(
    rows: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str = "end_to_end",
    suite: Sequence[str] = FLOAT32,
    seed: int = 0,
    resamples: int = intervals.RESAMPLES,
) -> pd.DataFrame:
    """Return `vips.contributions` with the 95% interval of each share: share_low and share_high, fractions of 1.

    The interval contains percentiles of a bootstrap over images (see `vips.resampled`), in which the log odds of each
    share get an error due to runs and neighbours as in `vips.intervals`: a share s_i changes by s_i (s_j - [i = j])
    where the logarithm of the time of j changes by 1. It is null for a device some of whose instances have no image
    records, or one image; for the share of a single instance, which is 1; and for a device that got no image right.
    """
    parts = vips.contributions(rows, timing, suite)
    counted = parts.dropna(subset=["vips"]).groupby("device_id").size()
    used = vips.counted_rows(rows, timing, suite)
    measured = dict(list(used.groupby("device_id")))
    ends = []
    for device, records in select.records_by_device(images, used):
        if vips.missing_interval_reason(records, counted.get(device, 0)):
            continue
        drawn = vips.resampled(records, timing, seed, resamples)
        low, high = _share_ends(
            drawn,
            measured[device].set_index("instance_id", drop=False).loc[drawn.columns],
            blocks.excess_variance(records, select.time_column(timing)).reindex(drawn.columns).to_numpy(),
            seed,
        )
        ends.append(
            pd.DataFrame({"instance_id": drawn.columns, "share_low": low, "share_high": high, "device_id": device})
        )
    columns = ["device_id", "instance_id", "share_low", "share_high"]
    return parts.merge(pd.concat(ends) if ends else pd.DataFrame(columns=columns), on=columns[:2], how="left")


def _share_ends(
    drawn: pd.DataFrame, rows: pd.DataFrame, excess: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the intervals of the shares of one device, (instances,) each.

    Takes what each instance adds to the score in each draw, and the rows of the instances with their excess variance.
    """
    values = drawn.to_numpy()
    total = values.sum(axis=1)
    shares = values.mean(axis=0) / total.mean()
    ends = np.full((2, len(shares)), np.nan)
    for place, share in enumerate(shares):
        if not 0 < share < 1:
            continue
        weights = -shares / (1 - share)  # for the log odds, whose change is that of log(share) over 1 - share
        weights[place] = 1.0
        of_runs, freedom = variance.sum_variance(rows, weights)
        key = f"{rows['device_id'].iloc[0]} {drawn.columns[place]}"
        errors = vips.time_errors(key, of_runs, freedom, float(weights**2 @ excess), seed, len(drawn))
        perturbed = values[:, place] * np.exp(errors)
        ends[:, place] = intervals.percentile_interval(perturbed / (total - values[:, place] + perturbed))
    return ends[0], ends[1]


def leave_one_out(rows: pd.DataFrame, timing: str = "end_to_end", suite: Sequence[str] = FLOAT32) -> pd.DataFrame:
    """Return what the score and the rank of each device would be if one instance were missing.

    Takes one row per device x instance (see `select.measured_rows`). Returns one row per device x instance that it has:
    device_id, peer_group, instance_id, share (of the score, fraction of 1), vips, vips_without, rank, rank_without
    (when all devices of the peer group lack the instance) and rank_alone: the rank of this device without the instance
    among the others with it, which is the false rank of a device that lacks an instance and is compared nevertheless.
    """
    parts = vips.contributions(rows, timing, suite).dropna(subset=["vips"])
    scored = vips.scores(rows, timing, suite)
    tables = []
    for number, group in scored.groupby("peer_group"):
        parts_of_group = parts[parts["device_id"].isin(group["device_id"])]
        if parts_of_group.empty:
            continue
        table = parts_of_group.pivot(index="device_id", columns="instance_id", values="vips")
        table = table.reindex(index=group["device_id"])
        values = table.to_numpy()  # (devices, instances), complete: the devices of a group have the same instances
        total = values.sum(axis=1)
        without = np.round(total[:, None] - values, 9)  # otherwise equal sums would differ in the last digit
        better = total[None, :, None] > without[:, None, :]  # (device, other, instance)
        better[np.arange(len(total)), np.arange(len(total))] = False
        columns_of_table = {
            "share": np.divide(values, total[:, None], out=np.full_like(values, np.nan), where=total[:, None] > 0),
            "vips": np.repeat(total[:, None], values.shape[1], axis=1),
            "vips_without": without,
            "rank": np.repeat(group["rank"].to_numpy(int)[:, None], values.shape[1], axis=1),
            "rank_without": rankdata(-without, axis=0, method="min").astype(int),
            "rank_alone": 1 + better.sum(axis=1),
        }
        grid = pd.MultiIndex.from_product([table.index, table.columns], names=["device_id", "instance_id"])
        whole = pd.DataFrame(
            {name: values_by_device.ravel() for name, values_by_device in columns_of_table.items()}, index=grid
        ).reset_index()
        tables.append(whole.assign(peer_group=number))
    columns = ["device_id", "peer_group", "instance_id", "share", "vips", "vips_without"]
    columns += ["rank", "rank_without", "rank_alone"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def by_instance(left_out: pd.DataFrame) -> pd.DataFrame:
    """Return the weight of each instance in the score and in the ranks, from the frame of `leave_one_out`.

    One row per peer group x instance: the columns of `rank_agreement` for the ranks with and without it, share_median,
    share_min and share_max (median, lowest and highest over the devices, fractions of 1) and places_lost: the median
    number of places that a device would lose if it alone lacked the instance and were compared nevertheless.
    """
    by = ["peer_group", "instance_id"]
    groups = left_out.assign(lost=left_out["rank_alone"] - left_out["rank"]).groupby(by)
    summary = groups.agg(
        share_median=("share", "median"),
        share_min=("share", "min"),
        share_max=("share", "max"),
        places_lost=("lost", "median"),
        size=("lost", "size"),
    )
    summary["places_lost"] = (
        summary["places_lost"].astype(float).where(summary["size"] > 1)
    )  # a single device cannot lose places
    table = rank_agreement(left_out, "rank", "rank_without", by).merge(
        summary.drop(columns="size").reset_index(), on=by
    )
    return table.sort_values(["peer_group", "share_median"], ascending=[True, False], ignore_index=True)


def clocks(
    rows: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str = "end_to_end",
    suite: Sequence[str] = FLOAT32,
) -> pd.DataFrame:
    """Return the VIPS and rank of each device if time had been read with a clock of 1 ms, as in the paper's app.

    For an instance with n images, where image i starts at s_i ms and takes t_i ms, the mean time by each clock is

        exact   sum(t_i) / n, times in ns, as they are logged here
        run     floor(sum(t_i)) / n: the app's mean, which reads the clock before and after all images
        image   sum(floor(s_i + t_i) - floor(s_i)) / n: reads it before and after each image, as the app's log does
        cut     sum(floor(t_i)) / n: truncates each time to whole ms

    `run` is less than 1 / n ms too short. `image` is right on average if images start at any fraction of a ms. `cut` is
    half a ms too short on average, which affects a fast network most. Takes rows and image records as `vips.intervals`
    does. Returns one row per device x clock: device_id, peer_group, clock, vips, change (as a fraction of `exact`),
    exact_rank, rank (in the peer group, among devices that have a score by this clock) and note, which says why a score
    is null: some instance has no records, or takes 0 ms by this clock.
    """
    scored = vips.scores(rows, timing, suite).set_index("device_id")
    used = vips.counted_rows(rows, timing, suite)
    accuracy = used.set_index(["device_id", "instance_id"])["accuracy"]
    table = []
    for device, seconds in by_device.map_devices(images, used, partial(_mean_times, timing=timing)):
        right = np.array([accuracy[device, instance] for instance in seconds.index])
        lacking = len(seconds) != scored.loc[device, "instances"]
        for clock in CLOCKS:
            time_s = seconds[clock].to_numpy()
            note = "an instance has no records of images" if lacking else ""
            if not note and not (time_s > 0).all():
                note = "an instance takes 0 ms by this clock"
            score = np.nan if note else float((right / time_s).sum())
            table.append({"device_id": device, "clock": clock, "vips": score, "note": note})
    frame = pd.DataFrame(table, columns=["device_id", "clock", "vips", "note"]).astype({"vips": float})
    frame["peer_group"] = frame["device_id"].map(scored["peer_group"]).astype("Int64")
    exact = frame[frame["clock"] == "exact"].set_index("device_id")["vips"]
    frame["change"] = frame["vips"] / frame["device_id"].map(exact) - 1
    ranks = frame.groupby(["peer_group", "clock"])["vips"].rank(ascending=False, method="min")
    frame["rank"] = ranks.astype("Int64")
    exact_rank = frame[frame["clock"] == "exact"].set_index("device_id")["rank"]
    frame["exact_rank"] = frame["device_id"].map(exact_rank).astype("Int64")
    columns = ["device_id", "peer_group", "clock", "vips", "change", "exact_rank", "rank", "note"]
    return frame[columns].sort_values(["peer_group", "device_id"], kind="stable", ignore_index=True)


def _mean_times(records: pd.DataFrame, timing: str) -> pd.DataFrame:
    """Return the mean time in s of each instance by each clock, from the image records of one device.

    Times are converted to whole ns, so that floors are exact.
    """
    value = select.time_column(timing)
    timed = records[records[value].notna()]
    spent = _to_ns(timed[value])
    start = _to_ns(timed["at_s"] * 1000)
    if timing == "inference":
        start = start + _to_ns(timed["decode_ms"] + timed["preprocess_ms"])
    read = pd.DataFrame(
        {
            "exact": spent,
            "image": ((start + spent) // NS_PER_MS - start // NS_PER_MS) * NS_PER_MS,
            "cut": spent // NS_PER_MS * NS_PER_MS,
        },
        index=timed.index,
    )
    groups = read.groupby(timed["instance_id"].astype(str))
    sums = groups.sum()
    sums["run"] = sums["exact"] // NS_PER_MS * NS_PER_MS
    return sums[CLOCKS].div(groups.size(), axis=0) / 1e9


def _to_ns(milliseconds: pd.Series) -> NDArray[np.int64]:
    """Convert milliseconds to whole nanoseconds."""
    nanoseconds: NDArray[np.float64] = np.rint(milliseconds.to_numpy(float) * NS_PER_MS)
    return nanoseconds.astype(np.int64)
