"""Time per image: its distribution, its phases, and ratios of the times of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from aiot_analysis.stats import pairing, variance
from aiot_analysis.tables import dependence, names, select
from aiot_analysis.tables.names import PHASE_NAMES
from aiot_analysis.words import CONFIDENCE, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]


FEWEST_DEVICES = 3
"""Minimum number of devices for an interval over devices. Two leave one degree of freedom: at the levels that several
comparisons share, Student's quantile is then in the hundreds, and the interval of a ratio spans many powers of ten.
"""
OVER_DEVICES = f"with a 95% interval over devices where there are {FEWEST_DEVICES} or more"
"""Description of the interval of a geometric mean over devices, for the captions of tables."""


def too_few_devices(values: pd.Series, written: str = "{:.2f}") -> str:
    """Return why the values of these devices have no interval over devices, naming each device; "" if they have one.

    The index of `values` has the ids of the devices, and `written` is the format of a value.
    """
    if len(values) >= FEWEST_DEVICES or values.empty:
        return ""
    listed = ", ".join(f"{written.format(value)} on {device}" for device, value in values.items())
    return f"{plural(len(values), 'device')} ({listed}): an interval over devices needs {FEWEST_DEVICES}"


def mean_over_devices(values: Floats, level: float = CONFIDENCE) -> Floats:
    """Return the mean of one value per device and the ends of Student's interval (1908), (3,).

    The ends are NaN for fewer than FEWEST_DEVICES devices. For logarithms of ratios, the exponentials are the geometric
    mean and its interval. Devices are treated as independent, although phones with the same chip are more similar than
    independent ones.
    """
    n = len(values)
    if n < FEWEST_DEVICES:
        return np.array([values.mean() if n else np.nan, np.nan, np.nan])
    middle, se = values.mean(), values.std(ddof=1) / np.sqrt(n)
    interval: Floats = middle + np.array([0.0, -1.0, 1.0]) * t.ppf((1 + level) / 2, n - 1) * se
    return interval


def image_log_ratios(
    base: Floats, other: Floats, base_turn: Floats, other_turn: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return log(mean of base / mean of other), its variance within the runs, and its freedom, (m,) each.

    Takes the times per image of m pairs of runs of two instances, (m, n) each with one column per image, and the
    position of each image in its run. By the delta method, the logarithm varies like the mean of base / mean(base) -
    other / mean(other), where neighbours in time are treated as dependent (see `dependence.errors`). If the two
    instances were shown the images in different orders, the variances of both sides are added instead. An image that is
    NaN on one side is excluded on both. NaN where fewer than two images are left.
    """
    seen = ~(np.isnan(base) | np.isnan(other))
    counts = seen.sum(axis=1)
    logs, squares, freedom = np.full((3, len(base)), np.nan)
    for n in np.unique(counts[counts > 1]):
        rows = np.flatnonzero(counts == n)
        x, y, x_turn, y_turn = (side[rows][seen[rows]].reshape(-1, n) for side in (base, other, base_turn, other_turn))
        logs[rows] = np.log(x.mean(axis=1) / y.mean(axis=1))
        x, y = x / x.mean(axis=1, keepdims=True), y / y.mean(axis=1, keepdims=True)
        order, other_order = x_turn.argsort(axis=1), y_turn.argsort(axis=1)
        x, y = np.take_along_axis(x, order, 1), np.take_along_axis(y, other_order, 1)
        alike = (order == other_order).all(axis=1)
        error, effective_size = np.empty((2, len(rows)))
        if alike.any():
            error[alike], effective_size[alike] = dependence.errors(x[alike] - y[alike])
        if not alike.all():
            (base_error, base_size), (other_error, other_size) = (
                dependence.errors(x[~alike]),
                dependence.errors(y[~alike]),
            )
            error[~alike], together = variance.standard_error(
                [base_error**2, other_error**2], [base_size - 1, other_size - 1]
            )
            effective_size[~alike] = 1 + together
        squares[rows], freedom[rows] = error**2, effective_size - 1
    return logs, squares, freedom


def log_ratio(base: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """Return log(mean of base / mean of other), its standard error, and the number of images of the smaller side.

    Each side is given by mean, standard deviation and number of images alone; the sides are treated as independent.
    """
    se = np.sqrt(sum((sd / middle) ** 2 / n for middle, sd, n in (base, other)))
    return float(np.log(base[0] / other[0])), float(se), min(base[2], other[2])


def over_devices(frame: pd.DataFrame, by: list[str], level: float = CONFIDENCE) -> pd.DataFrame:
    """Return the geometric mean of the column speed_up over the devices of each group of `by`, one row per group.

    The columns are those of `by`, devices (their number), speed_up, speed_up_low and speed_up_high (over devices, see
    `mean_over_devices`), slowest and fastest (smallest and largest speed-up of a device) and faster_on (number of
    devices on which it is above 1).
    """
    table = []
    valid = frame.dropna(subset="speed_up")
    for group, part in valid.groupby(by, sort=False, observed=True):
        ratio = part["speed_up"].to_numpy(float)
        middle, low, high = np.exp(mean_over_devices(np.log(ratio), level))
        numbers = [len(ratio), middle, low, high, ratio.min(), ratio.max(), int((ratio > 1).sum())]
        table.append([*(group if isinstance(group, tuple) else (group,)), *numbers])
    columns = [*by, "devices", "speed_up", "speed_up_low", "speed_up_high", "slowest", "fastest", "faster_on"]
    return pd.DataFrame(table, columns=columns)


KEY = select.KEY
QUANTILES = {"p25_ms": 0.25, "median_ms": 0.5, "p75_ms": 0.75, "p90_ms": 0.9, "p99_ms": 0.99}
SPEED = ["base_ms", "other_ms", "speed_up", "speed_up_low", "speed_up_high"]


def summary(images: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Return the distribution of the time per image, in ms, one row per run x instance of image records.

    Columns are run_id, device_id, instance_id, images (those that have a time), mean_ms, min_ms, p25_ms, median_ms,
    p75_ms, p90_ms, p99_ms, max_ms, first_ms (the first query), later_ms (mean of the others), cv (coefficient of
    variation: standard deviation over mean), tail (p99_ms over median_ms), failed (images that failed; they count where
    they have the requested time) and unusable (images whose time is missing, negative or not finite; they do not count
    and are listed by `along.left_out`). Nothing else is excluded.
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
    speed_up_low and speed_up_high: Student's 95% interval on the logarithm, from the variation within runs
    (`image_log_ratios`) and what runs add (`pairing.RUNS`). Images that failed on one side are excluded on both.
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
        logs, squares, freedom = image_log_ratios(base, other, turn, other_turn)
        runs, runs_freedom = (pairs[column].to_numpy(float)[pair_numbers] for column in pairing.RUNS)
        low, high = variance.interval_of_parts(logs, [squares, runs], [freedom, runs_freedom])
        base_ms, other_ms = base.mean(axis=1), other.mean(axis=1)
        numbers = [np.full(len(pair_numbers), n), base_ms, other_ms, base_ms / other_ms, np.exp(low), np.exp(high)]
        speed.loc[pair_numbers] = np.column_stack(numbers)
    return pairing.join_results(pairs, speed)


RATIO = ["speed_up", "speed_up_low", "speed_up_high"]
COLUMNS = [
    "device_id", "model", "implementation", "quantization", "mean_ms", "median_ms", *RATIO, "accuracy",
    "framework_version",
]  # fmt: skip


def implementations_beyond_paper(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the inference time of all implementations of each model that has one beyond the paper's 60 instances.

    Takes the rows of `select.measured_rows` and image records. Returns one row per float32 row of such a model, and one
    per row in another quantization that is not the paper's, in the order of `names`, with COLUMNS. mean_ms and
    median_ms are times of inference alone. speed_up, with its 95% interval, is how many times faster the row is than
    the model in TFLite CPU, float32, on the images that both saw (`latency.speed_up`); it is null for TFLite CPU itself
    and where that was not measured. The frame is empty if there is nothing beyond the paper's instances.
    """
    others = ~rows["instance_id"].isin(names.PAPER)
    device_models = pd.MultiIndex.from_frame(rows[["device_id", "model"]])
    compared = rows[device_models.isin(device_models[others]) & ((rows["quantization"] == "float32") | others)]
    table = compared.assign(implementation=names.implementation).merge(_inference_times(images), on=KEY, how="left")
    pairs = pairing.pair(
        compared[(compared["quantization"] == "float32") & (compared["delegate"] == "cpu")], "framework", "tflite"
    )
    faster = speed_up(images, pairs, "inference")
    faster = faster.rename(columns={f"{column}_other": column for column in ("run_id", "instance_id")})
    table = table.merge(faster[[*KEY, *RATIO]], on=KEY, how="left")
    return names.ordered(table, ["device_id", "model", "implementation", "quantization"])[COLUMNS]


def _inference_times(images: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and median inference time per run and instance, in ms."""
    times = summary(images, "inference")[[*KEY, "mean_ms", "median_ms"]]
    return times.astype(dict.fromkeys(KEY, str))
