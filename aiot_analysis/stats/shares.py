"""Shares of the summed time, which Figs. 5, 6, 7 and 9 draw, and the speed-ups that they hide.

A share depends on every part of its sum: if one part is slow, all others look fast. Shares of different devices or sums
are therefore not comparable, whereas ratios of times are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np
import pandas as pd

from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import latency, pairing, variance
from aiot_analysis.tables import names, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BASE_MODEL = "resnet50"


class ShareOptions(TypedDict, total=False):
    """Options of `time_shares` that the functions for single figures pass on."""

    value: str
    partial: bool
    devices: Sequence[str] | None


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
    """Return the share of each part in the summed time of a device, within each panel.

    Takes one row per device x instance (see `select.measured_rows`). Returns one row per panel x device x part, for all
    `panels`, `parts` and `devices` (those in `rows` if None), with the columns of `panel`, device_id, `part`, time_ms,
    share (fraction of 1), missing (the parts that the device lacks, joined by ", ") and partial.

    The shares of a device that lacks a part are null, since a sum over fewer parts would be a different statistic. If
    `partial`, such a device gets shares over the parts that it has, if there are two or more, and the column partial is
    true in its rows. Raises PoolingError if rows of one panel and device were measured under different conditions or
    are duplicated.
    """
    key = [*panel, "device_id", part]
    wanted = rows[rows[part].isin(parts)]
    if wanted.duplicated(key).any():
        first = wanted[wanted.duplicated(key)].iloc[0]
        raise PoolingError(
            f"Device {first['device_id']} has {first['instance_id']} more than once: choose one run, "
            "as select.measured_rows does."
        )
    select.check(wanted, by=[*panel, "device_id"])
    select.check(wanted, select.SAME_FRAMEWORK, by=["device_id", "framework"])

    device_ids = rows["device_id"].unique().tolist() if devices is None else list(devices)
    grid = pd.DataFrame(
        [(*panel_values, device, name) for panel_values in panels for device in device_ids for name in parts],
        columns=key,
    ).astype("object")
    table = grid.merge(wanted[[*key, value]], on=key, how="left").rename(columns={value: "time_ms"})
    groups = table.groupby([*panel, "device_id"], sort=False)
    is_missing = table["time_ms"].isna()
    absent = table[part].where(is_missing, "").groupby([table[column] for column in [*panel, "device_id"]], sort=False)
    table["missing"] = absent.transform(lambda parts_lacking: ", ".join(name for name in parts_lacking if name))
    total = groups["time_ms"].transform("sum", min_count=2 if partial else len(parts))  # a single part has no share
    table["share"] = table["time_ms"] / total
    table["partial"] = (table["missing"] != "") & table.groupby([*panel, "device_id"])["share"].transform("any")
    return table[[*key, "time_ms", "share", "missing", "partial"]]


def frameworks(rows: pd.DataFrame, **options: Unpack[ShareOptions]) -> pd.DataFrame:
    """Return Fig. 5: TFLite CPU, PyTorch and Caffe2 within each model, float32; options as in `time_shares`."""
    parts = ["tflite_cpu", "pytorch_cpu", "caffe2_cpu"]
    return _float32(rows, ["model"], "implementation", [(model,) for model in names.MODELS], parts, options)


def nnapi(rows: pd.DataFrame, **options: Unpack[ShareOptions]) -> pd.DataFrame:
    """Return Fig. 6: TFLite with and without NNAPI within each model, float32; options as in `time_shares`."""
    parts = ["tflite_nnapi", "tflite_cpu"]
    return _float32(rows, ["model"], "implementation", [(model,) for model in names.MODELS], parts, options)


def models(rows: pd.DataFrame, **options: Unpack[ShareOptions]) -> pd.DataFrame:
    """Return Fig. 7: the six models within each implementation, float32; options as in `time_shares`."""
    panels = [(name,) for name in names.IMPLEMENTATIONS]
    return _float32(rows, ["implementation"], "model", panels, names.MODELS, options)


def quantizations(rows: pd.DataFrame, **options: Unpack[ShareOptions]) -> pd.DataFrame:
    """Return Fig. 9: float32, dynamic, INT8 and float16 within each model x {CPU, NNAPI} of TFLite.

    Options are those of `time_shares`.
    """
    panels = [(model, delegate) for model in names.MODELS for delegate in names.DELEGATES]
    tflite = rows[rows["framework"] == "tflite"]
    options.setdefault("devices", rows["device_id"].unique().tolist())
    return time_shares(tflite, ["model", "delegate"], "quantization", panels, names.QUANTIZATIONS, **options)


def _float32(
    rows: pd.DataFrame,
    panel: list[str],
    part: str,
    panels: Sequence[tuple[str, ...]],
    parts: list[str],
    options: ShareOptions,
) -> pd.DataFrame:
    """Return `time_shares` of the float32 rows, with the column implementation."""
    options.setdefault("devices", rows["device_id"].unique().tolist())
    wanted = rows[rows["quantization"] == "float32"].assign(implementation=names.implementation)
    return time_shares(wanted, panel, part, panels, parts, **options)


def speed_ups(
    rows: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    figure: str,
    timing: str = "end_to_end",
) -> pd.DataFrame:
    """Return the speed-ups that the shares of a figure hide, with 95% intervals.

    `figure` is "frameworks" (Fig. 5: against TFLite CPU), "nnapi" (Fig. 6: against TFLite CPU), "models" (Fig. 7:
    against ResNet50) or "quantizations" (Fig. 9: against float32). Takes rows of `select.measured_rows` and image
    records, as a frame or in parts by device (see `select.records_by_device`). Returns one row per panel x device x
    part: the columns of the panel, device_id, the part, n_images, base_ms, other_ms, speed_up (times as fast as the
    base), speed_up_low and speed_up_high (see `latency.speed_up`). Without image records, as with native tools,
    n_images is 0 and the variation within runs is taken from the standard deviations of both sides
    (`latency.log_ratio`). Intervals include what runs add (see `variance.with_noise`).
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
        pairs_of_device = pairs[pairs["device_id"] == device].reset_index(drop=True)
        parts.append(latency.speed_up(records, pairs_of_device, timing))
    seen = pd.concat([part["device_id"] for part in parts]) if parts else pd.Series(dtype=object)
    unseen = pairs[~pairs["device_id"].isin(seen)].assign(n_images=0)
    unseen = unseen.reindex(columns=[*pairs, "n_images", *latency.SPEED])
    ratios_of_pairs = pd.concat([part for part in [*parts, unseen] if len(part)] or [unseen], ignore_index=True)
    ratios_of_pairs = _fill_without_images(ratios_of_pairs.assign(implementation=names.implementation), wanted, timing)
    by = [*panel, "device_id", part]
    return names.ordered(ratios_of_pairs, by)[[*by, "n_images", *latency.SPEED]]


SPEED_UP = latency.SPEED[2:]


def with_base(faster: pd.DataFrame, panel: Sequence[str], part: str, base: str) -> pd.DataFrame:
    """Return speed-ups over a base together with those of the base itself, which are 1."""
    rows = faster.dropna(subset="speed_up")
    itself = rows[[*panel, "device_id"]].drop_duplicates().assign(**{part: base}, **dict.fromkeys(SPEED_UP, 1.0))
    return pd.concat([rows[[*panel, "device_id", part, *SPEED_UP]], itself], ignore_index=True)


def leaders(speeds: pd.DataFrame, panel: Sequence[str], part: str) -> pd.DataFrame:
    """Return the part that is clearly the fastest on each device within each panel, in the column leader.

    Its interval is beyond those of all other parts; where intervals overlap, the leader is "". Groups with a single
    part are excluded.
    """
    values = speeds[SPEED_UP].to_numpy(float)
    low, high = (np.where(np.isnan(end), values[:, 0], end) for end in values[:, 1:].T)
    table = []
    key = [*panel, "device_id"]
    for places_of_group in speeds.groupby(key, sort=False, observed=True).indices.values():
        places = np.asarray(places_of_group)
        if len(places) > 1:
            first = int(places[np.argmax(low[places])])
            others = places[places != first]
            leader = str(speeds[part].iloc[first]) if low[first] > high[others].max() else ""
            table.append([*speeds[key].iloc[first], leader])
    return pd.DataFrame(table, columns=[*key, "leader"])


def fastest(faster: pd.DataFrame, base: str) -> pd.DataFrame:
    """Return the `leaders` of a frame of `speed_ups`, whose parts are compared with each other and with their base."""
    place = list(faster.columns).index("device_id")
    panel, part = list(faster.columns[:place]), str(faster.columns[place + 1])
    return leaders(with_base(faster, panel, part, base), panel, part)


def _fill_without_images(compared: pd.DataFrame, rows: pd.DataFrame, timing: str) -> pd.DataFrame:
    """Fill in the ratio of means in the frame of `latency.speed_up` where no image was seen by both sides."""
    column = select.time_column(timing)
    sides = rows[[*select.KEY, f"{column}_mean", f"{column}_sd", "images"]]
    summaries = {row[: len(select.KEY)]: row[len(select.KEY) :] for row in sides.itertuples(index=False, name=None)}
    numbers = []
    for pair in compared[compared["n_images"] == 0].to_dict("records"):
        keys = [tuple(pair[f"{field}_{half}"] for field in select.KEY) for half in ("base", "other")]
        base, other = (tuple(map(float, summaries[key])) for key in keys)
        log, se, n = latency.log_ratio(base, other)
        runs, runs_freedom = (np.array([pair[column]], float) for column in pairing.RUNS)
        freedoms = [np.array([n - 1]), runs_freedom]
        low, high = variance.interval_of_parts(np.array([log]), [np.array([se**2]), runs], freedoms)
        numbers.append([base[0], other[0], *np.exp([log, low[0], high[0]])])
    compared.loc[compared["n_images"] == 0, latency.SPEED] = np.array(numbers, float).reshape(-1, len(latency.SPEED))
    return compared
