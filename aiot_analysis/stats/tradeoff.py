"""What quantization gains in speed and costs in accuracy (Remark 5)."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.names import instance_id
from aiot_analysis.stats import resample
from aiot_analysis.stats.accuracy import accuracy_change
from aiot_analysis.stats.latency import speed_up
from aiot_analysis.stats.pairing import pair

BASE = "float32"


def tradeoff(
    rows: pd.DataFrame,
    images: pd.DataFrame,
    timing: str = "end_to_end",
    seed: int = 0,
    resamples: int = resample.RESAMPLES,
) -> pd.DataFrame:
    """Each quantized instance against its float32 version, image by image.

    Takes one row per device x instance (see `select.measured_rows`) and image records. Gives one row per
    device x model x framework x delegate x quantization, float32 itself with them: implementation,
    instance_id, n_images, change, change_low, change_high, p_value (see `accuracy.accuracy_change`), base_ms,
    other_ms, speed_up, speed_up_low, speed_up_high (see `latency.speed_up`), model_mb, model_mb_ratio (float32
    size over its size) and pareto: no other version of the same model there is both faster and more accurate, by the
    estimates alone. Numbers are null where there are no image records of both. Raises PoolingError where the
    two differ in what they were measured under.
    """
    pairs = pair(rows, "quantization", BASE)
    found = accuracy_change(images, pairs).merge(
        speed_up(images, pairs, timing, seed, resamples).drop(columns="n_images"), on=list(pairs.columns)
    )
    itself = pairs.drop_duplicates(["device_id", "instance_id_base"]).assign(
        quantization=BASE, speed_up=1.0, change=0.0
    )
    found = pd.concat([found, itself], ignore_index=True) if len(found) else found
    found["implementation"] = found["framework"] + "_" + found["delegate"]
    found["instance_id"] = [
        instance_id(*one)
        for one in found[["implementation", "quantization", "model"]].itertuples(index=False, name=None)
    ]
    sizes = rows.set_index(["device_id", "instance_id"])["model_mb"]
    found["model_mb"] = [sizes.get(key) for key in zip(found["device_id"], found["instance_id"], strict=True)]
    base_mb = [sizes.get(key) for key in zip(found["device_id"], found["instance_id_base"], strict=True)]
    found["model_mb_ratio"] = pd.Series(base_mb, dtype=float) / found["model_mb"].astype(float)
    group = found.groupby(["device_id", "implementation", "model"])
    found["pareto"] = pd.concat([pareto(part) for _, part in group]) if len(found) else pd.Series(dtype=bool)
    columns = ["device_id", "model", "framework", "delegate", "implementation", "quantization", "instance_id"]
    columns += ["n_images", "change", "change_low", "change_high", "p_value", "base_ms", "other_ms"]
    columns += ["speed_up", "speed_up_low", "speed_up_high", "model_mb", "model_mb_ratio", "pareto"]
    order = [*columns[:2], "framework", "delegate", "quantization"]
    return found[columns].sort_values(order, ignore_index=True)


def pareto(frame: pd.DataFrame) -> pd.Series:
    """Whether no other row has at least the speed_up and the change of a row, and more of one; false where null."""
    speed, change = frame["speed_up"].to_numpy(float), frame["change"].to_numpy(float)
    beaten = [
        bool((((speed >= s) & (change >= c)) & ((speed > s) | (change > c))).any())
        for s, c in zip(speed, change, strict=True)
    ]
    return pd.Series(beaten, index=frame.index).eq(False) & frame[["speed_up", "change"]].notna().all(axis=1)
