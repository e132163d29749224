"""Shares of the summed time: what Figs. 5, 6, 7 and 9 draw."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from aiot_analysis import names
from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import pooling


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
