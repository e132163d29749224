"""The AI score: valid images per second (VIPS), Equation 1 in Section III-D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis import names, paper
from aiot_analysis.stats import pooling, resample, select

TOP = 10  # Table IV lists ten devices


def contributions(
    rows: pd.DataFrame, timing: str = "end_to_end", suite: Sequence[str] = tuple(names.PAPER_FLOAT32)
) -> pd.DataFrame:
    """What each instance adds to its device's score: accuracy over mean time, Equation 1.

    Takes one row per device x instance (see `select.measured_rows`). Gives one row per device x instance of
    `suite`: device_id, instance_id, model, implementation, quantization, accuracy (fraction of 1), time_s
    (mean per image), vips (images per second); null where the device lacks the instance.
    Raises PoolingError where rows of one device differ in what they were measured under; by inference alone they may
    be of an agent and of a native tool, which time the same call.
    """
    value = f"{select.time_column(timing)}_mean"
    wanted = rows[rows["instance_id"].isin(suite)]
    pooling.check(wanted, pooling.SHARED_INFERENCE if timing == "inference" else pooling.SHARED, by=["device_id"])
    pooling.check(wanted, pooling.SAME_FRAMEWORK, by=["device_id", "framework"])

    grid = pd.MultiIndex.from_product([rows["device_id"].unique(), list(suite)], names=["device_id", "instance_id"])
    found = wanted.set_index(["device_id", "instance_id"])[["accuracy", value]].reindex(grid).reset_index()
    parts = {one: one.split("_", 3) for one in suite}
    found["model"] = found["instance_id"].map({one: part[3] for one, part in parts.items()})
    found["implementation"] = found["instance_id"].map({one: f"{part[0]}_{part[1]}" for one, part in parts.items()})
    found["quantization"] = found["instance_id"].map({one: part[2] for one, part in parts.items()})
    found["time_s"] = found[value] / 1000
    found["vips"] = found["accuracy"] / found["time_s"]
    columns = ["device_id", "instance_id", "model", "implementation", "quantization", "accuracy", "time_s", "vips"]
    return found[columns]


def scores(
    rows: pd.DataFrame, timing: str = "end_to_end", suite: Sequence[str] = tuple(names.PAPER_FLOAT32)
) -> pd.DataFrame:
    """VIPS of each device, best first within its peers.

    Gives one row per device: device_id, vips (over the instances it has), instances (how many), missing
    (ids, joined by ", "), complete, peers (a number: devices of one number have the same instances, measured
    under the same conditions; the group with most instances is 1) and rank among its peers, from 1. Devices of
    different peers have no common rank. `suite=names.PAPER_QUANTIZED` gives the score of the quantized models.
    """
    parts = contributions(rows, timing, suite)
    has = parts["vips"].notna()
    devices = parts["device_id"].unique()
    known = parts[has].groupby("device_id")
    found = pd.DataFrame({"device_id": devices}).set_index("device_id")
    found["vips"] = known["vips"].sum()
    found["instances"] = known.size()
    found["instances"] = found["instances"].fillna(0).astype(int)
    found["missing"] = parts[~has].groupby("device_id")["instance_id"].agg(", ".join)
    found["missing"] = found["missing"].fillna("")
    found["complete"] = found["missing"] == ""
    found["peers"] = _peers(rows.merge(parts[has][["device_id", "instance_id"]]), found)
    found["rank"] = found.groupby("peers")["vips"].rank(ascending=False, method="min").astype("Int64")
    found = found.reset_index()[["device_id", "vips", "instances", "missing", "complete", "peers", "rank"]]
    return found.sort_values(["peers", "rank", "device_id"], ignore_index=True)


def table_iv(scores: pd.DataFrame, devices: pd.DataFrame) -> pd.DataFrame:
    """The first ten with all 24 instances, beside the paper's Table IV as printed.

    Takes the frame of `intervals` and the table `devices`; gives rank, device (maker and model, or the id), vips,
    vips_low, vips_high, printed_device and printed_vips, ten rows, null from where there are no more devices.
    """
    first = scores[scores["complete"] & (scores["peers"] == 1) & (scores["rank"] <= TOP)]
    ours = first.assign(device=first["device_id"].map(names.devices(devices)).fillna(first["device_id"]))
    printed = paper.top10().rename(columns={"device": "printed_device", "vips": "printed_vips"})
    columns = ["rank", "device", "vips", "vips_low", "vips_high"]
    return ours[columns].merge(printed, on="rank", how="outer").sort_values("rank", ignore_index=True)


def _peers(rows: pd.DataFrame, devices: pd.DataFrame) -> pd.Series:
    """The number of each device's group: largest number of instances first, then the larger group."""
    alike = pd.Series(dtype=object)
    if not rows.empty:
        alike = pooling.conditions(rows).groupby(rows["device_id"]).agg(lambda some: "\n".join(sorted(some)))
    keys = alike.reindex(devices.index).fillna("").astype(str)
    size = keys.map(keys.value_counts())
    order = pd.DataFrame({"key": keys, "instances": devices["instances"], "size": size}).drop_duplicates("key")
    order = order.sort_values(["instances", "size", "key"], ascending=[False, False, True])
    return keys.map({key: number for number, key in enumerate(order["key"], start=1)})


def intervals(
    rows: pd.DataFrame,
    images: pd.DataFrame,
    timing: str = "end_to_end",
    suite: Sequence[str] = tuple(names.PAPER_FLOAT32),
    seed: int = 0,
    resamples: int = resample.RESAMPLES,
) -> pd.DataFrame:
    """`scores` with the uncertainty that comes from the choice of images.

    Adds vips_low and vips_high (95 % percentile interval), rank_low and rank_high (best and worst rank among
    the peers, 95 %), top10_probability (share of resamples in which the device is in its peers' first ten) and
    interval_images (how many images they rest on). The images are drawn jointly for accuracy and time, for
    all instances of a device and for all devices that saw as many images. Null where an instance that counts
    has no image records.
    """
    found = scores(rows, timing, suite)
    used = rows[rows["instance_id"].isin(suite)]
    records = select.per_image(select.image_rows(images, used))
    by_device = {device: part for device, part in records.groupby("device_id", observed=True)}
    drawn: dict[str, NDArray[np.float64]] = {}
    for device, instances in found[["device_id", "instances"]].itertuples(index=False):
        part = by_device.get(device)
        if part is None:
            continue
        wide = part.pivot(index="image", columns="instance_id", values=["correct", select.time_column(timing)])
        wide = wide.astype(float).dropna()
        if wide.shape[1] != 2 * instances or wide.empty:
            continue
        means = resample.weights(len(wide), resamples, seed) @ wide.to_numpy()
        drawn[device] = (means[:, :instances] / (means[:, instances:] / 1000)).sum(axis=1)
        mine = found["device_id"] == device
        low, high = resample.interval(drawn[device])
        found.loc[mine, ["vips_low", "vips_high", "interval_images"]] = [low, high, len(wide)]
    columns = ["vips_low", "vips_high", "interval_images", "rank_low", "rank_high", "top10_probability"]
    found = found.reindex(columns=list(dict.fromkeys([*found.columns, *columns])))

    for _, peers in found.groupby("peers"):
        if not all(device in drawn for device in peers["device_id"]):
            continue
        table = np.column_stack([drawn[device] for device in peers["device_id"]])
        ranks = (-table).argsort(axis=1).argsort(axis=1) + 1
        low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="nearest")
        top = (ranks <= TOP).mean(axis=0)
        found.loc[peers.index, ["rank_low", "rank_high", "top10_probability"]] = np.column_stack([low, high, top])
    return found.astype({"rank_low": "Int64", "rank_high": "Int64", "interval_images": "Int64"})
