"""Shares of the summed time, which Figs. 5, 6, 7 and 9 draw, and the speed-ups that they hide.

A share depends on every part of its sum: where one part is slow, all others look fast. So shares of different devices
or sums cannot be compared; ratios of times can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import latency, pairing, ratios, variance
from aiot_analysis.tables import names, pooling, select

RATIO = ["base_ms", "other_ms", "speed_up", "speed_up_low", "speed_up_high"]
BASE_MODEL = "resnet50"


def time_shares(
    rows: pd.DataFrame,
    panel: Sequence[str],
    part: str,
    panels: Sequence[tuple[str, ...]],
    parts: Sequence[str],
    value: str = "end_to_end_ms_mean",
    partial: bool = False,
    devices: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The share of each part in the summed time of a device, within each panel.

    Takes one row per device x instance (see `select.measured_rows`). Gives one row per panel x device x part,
    for all `panels`, `parts` and `devices` (those in `rows` if None): the columns of `panel`, device_id,
    `part`, time_ms, share (fraction of 1), missing (the parts the device lacks, joined by ", ") and partial.

    A device that lacks a part has null shares: a sum over fewer parts would be another statistic. With
    `partial` it is given shares over the parts it has, if two or more, and `partial` is true in its rows.
    Raises PoolingError where rows of one panel and device differ in what they were measured under, or are doubled.
    """
    key = [*panel, "device_id", part]
    wanted = rows[rows[part].isin(parts)]
    if wanted.duplicated(key).any():
        first = wanted[wanted.duplicated(key)].iloc[0]
        raise PoolingError(
            f"Device {first['device_id']} has {first['instance_id']} more than once: choose a run of it, "
            "as select.measured_rows does."
        )
    pooling.check(wanted, by=[*panel, "device_id"])
    pooling.check(wanted, pooling.SAME_FRAMEWORK, by=["device_id", "framework"])

    known = rows["device_id"].unique().tolist() if devices is None else list(devices)
    grid = pd.DataFrame(
        [(*one, device, name) for one in panels for device in known for name in parts], columns=key
    ).astype("object")
    found = grid.merge(wanted[[*key, value]], on=key, how="left").rename(columns={value: "time_ms"})
    groups = found.groupby([*panel, "device_id"], sort=False)
    lacks = found["time_ms"].isna()
    absent = found[part].where(lacks, "").groupby([found[column] for column in [*panel, "device_id"]], sort=False)
    found["missing"] = absent.transform(lambda some: ", ".join(name for name in some if name))
    total = groups["time_ms"].transform("sum", min_count=2 if partial else len(parts))  # one part has no share
    found["share"] = found["time_ms"] / total
    found["partial"] = (found["missing"] != "") & found.groupby([*panel, "device_id"])["share"].transform("any")
    return found[[*key, "time_ms", "share", "missing", "partial"]]


def frameworks(rows: pd.DataFrame, **options: object) -> pd.DataFrame:
    """Fig. 5: TFLite CPU, PyTorch and Caffe2 within each model, float32. Options as of `time_shares`."""
    parts = ["tflite_cpu", "pytorch_cpu", "caffe2_cpu"]
    return _float32(rows, ["model"], "implementation", [(model,) for model in names.MODELS], parts, options)


def nnapi(rows: pd.DataFrame, **options: object) -> pd.DataFrame:
    """Fig. 6: TFLite with NNAPI and without within each model, float32. Options as of `time_shares`."""
    parts = ["tflite_nnapi", "tflite_cpu"]
    return _float32(rows, ["model"], "implementation", [(model,) for model in names.MODELS], parts, options)


def models(rows: pd.DataFrame, **options: object) -> pd.DataFrame:
    """Fig. 7: the six models within each implementation, float32. Options as of `time_shares`."""
    panels = [(name,) for name in names.IMPLEMENTATIONS]
    return _float32(rows, ["implementation"], "model", panels, names.MODELS, options)


def quantizations(rows: pd.DataFrame, **options: object) -> pd.DataFrame:
    """Fig. 9: float32, dynamic, INT8 and float16 within each model x {CPU, NNAPI} of TFLite.

    Options as of `time_shares`.
    """
    panels = [(model, delegate) for model in names.MODELS for delegate in names.DELEGATES]
    tflite = rows[rows["framework"] == "tflite"]
    options.setdefault("devices", rows["device_id"].unique().tolist())
    return time_shares(tflite, ["model", "delegate"], "quantization", panels, names.QUANTIZATIONS, **options)  # type: ignore[arg-type]


def _float32(
    rows: pd.DataFrame,
    panel: list[str],
    part: str,
    panels: Sequence[tuple[str, ...]],
    parts: list[str],
    options: dict[str, object],
) -> pd.DataFrame:
    options.setdefault("devices", rows["device_id"].unique().tolist())
    wanted = rows[rows["quantization"] == "float32"].assign(implementation=names.implementation)
    return time_shares(wanted, panel, part, panels, parts, **options)  # type: ignore[arg-type]


def speed_ups(
    rows: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    figure: str,
    timing: str = "end_to_end",
) -> pd.DataFrame:
    """The speed-ups that the shares of a figure hide, with 95 % intervals.

    `figure` is "frameworks" (Fig. 5: against TFLite CPU), "nnapi" (Fig. 6: against TFLite CPU), "models" (Fig. 7:
    against ResNet50) or "quantizations" (Fig. 9: against float32). Takes rows of `select.measured_rows` and image
    records, as a frame or in parts by device (see `select.records_by_device`). Gives one row per panel x device x part:
    the columns of the panel, device_id, the part, n_images, base_ms, other_ms, speed_up (times as fast as the base),
    speed_up_low and speed_up_high (see `latency.speed_up`). Where there are no records of images, as of native tools,
    n_images is 0 and what varies within the runs is taken from the standard deviations of both sides
    (`ratios.log_ratio`). Intervals include what runs add (see `variance.with_noise`).
    """
    cpu, tflite = rows["delegate"] == "cpu", rows["framework"] == "tflite"
    float32 = rows["quantization"] == "float32"
    wanted, vary, base, panel, part = {
        "frameworks": (rows[float32 & cpu], "framework", "tflite", ["model"], "implementation"),
        "nnapi": (rows[float32 & tflite], "delegate", "cpu", ["model"], "implementation"),
        "models": (rows[float32], "model", BASE_MODEL, ["implementation"], "model"),
        "quantizations": (rows[tflite], "quantization", "float32", ["model", "delegate"], "quantization"),
    }[figure]
    pairs = pairing.pair(wanted, vary, base)
    parts = []
    for device, records in select.records_by_device(images, wanted):
        mine = pairs[pairs["device_id"] == device].reset_index(drop=True)
        parts.append(latency.speed_up(records, mine, timing))
    seen = pd.concat([part["device_id"] for part in parts]) if parts else pd.Series(dtype=object)
    unseen = pairs[~pairs["device_id"].isin(seen)].assign(n_images=0).reindex(columns=[*pairs, "n_images", *RATIO])
    found = pd.concat([part for part in [*parts, unseen] if len(part)] or [unseen], ignore_index=True)
    found = _without_images(found.assign(implementation=names.implementation), wanted, timing)
    orders = {"model": names.MODELS, "implementation": names.IMPLEMENTATIONS, "quantization": names.QUANTIZATIONS}
    by = [*panel, "device_id", part]
    found = found.sort_values(by, key=lambda one: names.places(one, orders.get(str(one.name), [])), ignore_index=True)
    return found[[*by, "n_images", *RATIO]]


def _without_images(found: pd.DataFrame, rows: pd.DataFrame, timing: str) -> pd.DataFrame:
    """The frame of `latency.speed_up` with the ratio of means where no image was seen by both sides."""
    column = select.time_column(timing)
    sides = rows[[*select.KEY, f"{column}_mean", f"{column}_sd", "images"]]
    known = {one[: len(select.KEY)]: one[len(select.KEY) :] for one in sides.itertuples(index=False, name=None)}
    made = []
    for pair in found[found["n_images"] == 0].to_dict("records"):
        keys = [tuple(pair[f"{field}_{half}"] for field in select.KEY) for half in ("base", "other")]
        base, other = (tuple(map(float, known[key])) for key in keys)
        log, se, n = ratios.log_ratio(base, other)
        runs = (np.array([pair[column]], float) for column in pairing.RUNS)
        added, added_freedom = runs
        error, freedom = variance.standard_error([np.array([se**2]), added], [np.array([n - 1]), added_freedom])
        low, high = variance.around(np.array([log]), error, freedom)
        made.append([base[0], other[0], *np.exp([log, low[0], high[0]])])
    found.loc[found["n_images"] == 0, RATIO] = np.array(made, float).reshape(-1, len(RATIO))
    return found
