"""Speed gained and accuracy lost through quantization (Remark 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aiot_analysis.stats import intervals, variance
from aiot_analysis.stats.accuracy import accuracy_change
from aiot_analysis.stats.intervals import medians
from aiot_analysis.stats.latency import speed_up
from aiot_analysis.stats.pairing import pair
from aiot_analysis.tables import names, select

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE = "float32"
GROUP = ["device_id", "implementation", "model"]  # versions are compared within these groups
KEY = [*GROUP, "quantization"]
COLUMNS = ["device_id", "model", "framework", "delegate", "implementation", "quantization", "instance_id"]
COLUMNS += ["n_images", "change", "change_low", "change_high", "p_value", "base_ms", "other_ms"]
COLUMNS += ["speed_up", "speed_up_low", "speed_up_high", "model_mb", "model_mb_ratio"]
COLUMNS += ["pareto", "pareto_probability", "note"]


def tradeoff(
    rows: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str = "end_to_end",
    seed: int = 0,
    resamples: int = intervals.RESAMPLES,
) -> pd.DataFrame:
    """Compare each quantized instance with its float32 version, image by image.

    Takes one row per device x instance (see `select.measured_rows`) and image records, as a frame or in parts by device
    (see `select.records_by_device`). Returns one row per device x model x framework x delegate x quantization,
    including float32 itself: implementation, instance_id, n_images, change, change_low, change_high, p_value (each row
    by itself, see `accuracy.accuracy_change`), base_ms, other_ms, speed_up, speed_up_low, speed_up_high (see
    `latency.speed_up`), model_mb, model_mb_ratio (float32 size over its size), pareto (see `pareto`),
    pareto_probability (share of the draws of a bootstrap over images and runs in which it is on the front) and note,
    which says why numbers are null: the two do not both have image records. Raises PoolingError if the two were
    measured under different conditions.
    """
    pairs = pair(rows, "quantization", BASE)
    if pairs.empty:
        return pd.DataFrame(columns=COLUMNS)
    used = rows[rows["instance_id"].isin([*pairs["instance_id_base"], *pairs["instance_id_other"]])]
    compared, probable = [], []
    for device, records in select.records_by_device(images, used):
        pairs_of_device = pairs[pairs["device_id"] == device].reset_index(drop=True)
        speed = speed_up(records, pairs_of_device, timing).drop(columns="n_images")
        compared.append(accuracy_change(records, pairs_of_device).merge(speed, on=list(pairs.columns)))
        probable.append(_on_front(records, used[used["device_id"] == device], timing, seed, resamples))
    seen = {part["device_id"].iloc[0] for part in compared if len(part)}
    unseen = pairs[~pairs["device_id"].isin(seen)].assign(n_images=0)
    itself = pairs.drop_duplicates(["device_id", "instance_id_base"])
    itself = itself.assign(quantization=BASE, speed_up=1.0, change=0.0, instance_id_other=itself["instance_id_base"])
    table = pd.concat([*compared, unseen, itself], ignore_index=True)

    table["implementation"] = names.implementation(table)
    table["instance_id"] = table["instance_id_other"]
    sizes = rows.set_index(["device_id", "instance_id"])["model_mb"].astype(float)
    table["model_mb"], base_mb = (
        sizes.reindex(pd.MultiIndex.from_frame(table[["device_id", column]])).to_numpy()
        for column in ("instance_id", "instance_id_base")
    )
    table["model_mb_ratio"] = base_mb / table["model_mb"]
    table["note"] = np.where(table["speed_up"].isna(), "there are no image records of it and of float32", "")
    table["pareto"] = pareto(table, table.groupby(GROUP).ngroup())
    chances = pd.concat(probable) if probable else pd.DataFrame(columns=["device_id", "instance_id"])
    table = table.merge(chances.reindex(columns=["device_id", "instance_id", "pareto_probability"]), how="left")
    table["pareto_probability"] = table["pareto_probability"].where(table["pareto"].notna())
    order = ["device_id", "model", "framework", "delegate", "quantization"]
    return table.reindex(columns=COLUMNS).sort_values(order, ignore_index=True)


def pareto(frame: pd.DataFrame, group: pd.Series) -> pd.Series:
    """Return whether a version is on the Pareto front of its group.

    It is on the front if no other version is at least as fast and as accurate, and better in one of the two. Takes a
    frame with the columns speed_up and change, and the group number of each of its rows. Returns a column of true,
    false and null, which is for versions without numbers and for those whose group has no other version with numbers.
    Only the estimates are used: `pareto_probability` of `tradeoff` shows how certain the result is.
    """
    complete = frame[["speed_up", "change"]].notna().all(axis=1)
    result = pd.Series(pd.NA, index=frame.index, dtype="boolean")
    for _, part in frame[complete].groupby(group[complete]):
        if len(part) > 1:
            result[part.index] = ~dominated(part["speed_up"].to_numpy(float), part["change"].to_numpy(float))
    return result


def dominated(speed: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Return which of the versions along the last axis are beaten by another one."""
    other_speed, other_accuracy = speed[..., None, :], accuracy[..., None, :]
    mine_speed, mine_accuracy = speed[..., :, None], accuracy[..., :, None]
    as_good = (other_speed >= mine_speed) & (other_accuracy >= mine_accuracy)
    better = (other_speed > mine_speed) | (other_accuracy > mine_accuracy)
    return np.asarray((as_good & better).any(axis=-1))


def _on_front(records: pd.DataFrame, rows: pd.DataFrame, timing: str, seed: int, resamples: int) -> pd.DataFrame:
    """Return device_id, instance_id and pareto_probability of the instances of a device, computed within each model.

    Images are resampled for accuracy and time together, and each time gets the deviation that its run may have by
    itself (`run_sd`). What all instances of a run share moves no version past another.
    """
    accuracy, time_ms = intervals.bootstrap_means(records, timing, seed, resamples)
    run_sd = variance.assumed(rows).set_index("instance_id")["run_sd"].reindex(accuracy.columns).to_numpy(float)
    time_ms = time_ms * np.exp(run_sd * np.random.default_rng(seed).standard_normal(time_ms.shape))
    parts = pd.DataFrame(map(names.instance, accuracy.columns), columns=names.InstanceParts._fields)
    probabilities = pd.DataFrame({"instance_id": accuracy.columns, "pareto_probability": np.nan})
    probabilities["device_id"] = rows["device_id"].iloc[0]
    for _, part in parts.groupby(["framework", "delegate", "model"]):
        # a draw without any image of a version contains no information about it
        speed, right = 1 / time_ms.to_numpy()[:, part.index], accuracy.to_numpy()[:, part.index]
        whole = ~(np.isnan(speed) | np.isnan(right)).any(axis=1)
        if whole.any():
            probabilities.loc[part.index, "pareto_probability"] = 1 - dominated(speed[whole], right[whole]).mean(axis=0)
    return probabilities


def over_devices(tradeoffs: pd.DataFrame) -> pd.DataFrame:
    """Return the trade-off of each version over devices.

    Takes the frame of `tradeoff`. Returns one row per model x implementation x quantization: devices, speed_up and
    change (medians over devices, each with its interval and range, see `medians`), compared (number of devices
    that have the largest number of versions of the model: it is easier to be on the front among fewer), on_front (on
    how many of these it is on the Pareto front) and front_share (fraction).
    """
    by = ["model", "implementation", "quantization"]
    result = medians(tradeoffs, "speed_up", by).merge(medians(tradeoffs, "change", by).drop(columns="devices"), on=by)
    compared = tradeoffs.dropna(subset=["pareto"])
    versions = compared.groupby(GROUP)["quantization"].transform("size")
    most_versions = versions.groupby([compared["model"], compared["implementation"]]).transform("max")
    fronts = (
        compared[versions == most_versions].groupby(by)["pareto"].agg(compared="size", on_front="sum").reset_index()
    )
    result = result.merge(fronts, on=by, how="left").fillna({"compared": 0, "on_front": 0})
    result = result.astype({"compared": int, "on_front": int})
    result["front_share"] = (result["on_front"] / result["compared"]).where(result["compared"] > 0)
    return names.ordered(result, by)


def sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the size on disk of the files of each model and quantization.

    Takes one row per device x instance (see `select.measured_rows`). Returns framework, model, quantization, files
    (number of distinct files, by hash), mb_min and mb_max (smallest and largest, millions of bytes), ratio_min and
    ratio_max (size of the float32 file of the same device over its size). Null where the size was not recorded.
    """
    key = ["device_id", "framework", "delegate", "model"]
    base = rows[rows["quantization"] == BASE][[*key, "model_mb"]].rename(columns={"model_mb": "base_mb"})
    with_base = rows.merge(base, on=key, how="left")
    with_base["ratio"] = with_base["base_mb"] / with_base["model_mb"]
    by = ["framework", "model", "quantization"]
    summary = with_base.groupby(by, as_index=False).agg(
        files=("model_sha256", "nunique"),
        mb_min=("model_mb", "min"),
        mb_max=("model_mb", "max"),
        ratio_min=("ratio", "min"),
        ratio_max=("ratio", "max"),
    )
    return names.ordered(summary, by)
