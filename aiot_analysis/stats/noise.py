"""Scatter of the measurements on a device, which plans are based on, from one's own data or from constants."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.stats import latency, variance
from aiot_analysis.tables import by_device, dependence, names, select

if TYPE_CHECKING:
    from collections.abc import Iterable

Floats = NDArray[np.float64]
Row = dict[Any, Any]

SCATTER = 0.10
AUTOCORRELATION = 0.45
"""Autocorrelation of the times of neighbouring images: the median on the development machine (docs/statistics.md)."""
DISCORDANT = 0.04
"""Share of images that are right on one side only: 2% in each direction, as in the simulations of docs/compare.md."""
ACCURACY = 0.71
SQUARED_SHARES = 0.066
"""Sum of the squared shares of the instances in a score. Both ACCURACY and this are those of the simulated phones: the
mean accuracy of their float32 instances, and the median of the sum over the phones.
"""
IMAGES = 500
INSTANCES = len(names.PAPER_FLOAT32)
EFFECTIVE_SHARE = (1 - AUTOCORRELATION) / (1 + AUTOCORRELATION)
"""Independent times per image, for an autoregressive series of order 1."""

IMAGE_COLUMNS = [*select.KEY, "query", "image", "correct", "inference_ms", "end_to_end_ms", "failed"]
"""Columns of the table `images` that `measured` reads."""


def measured(
    rows: pd.DataFrame, images: pd.DataFrame | Iterable[pd.DataFrame], timing: str = "end_to_end"
) -> pd.DataFrame:
    """Return how much the measurements on each device scatter, one row per device.

    Takes rows of `variance.with_noise`, of which those with a time count, and image records with IMAGE_COLUMNS (a
    frame, or parts by device). Columns are device_id, instances, images (median of an instance), sessions, devices (in
    all), accuracy (mean), and

    - within: n times the variance, within runs, of the log ratio of two mean times over n images, paired by image where
      possible (see `latency.image_log_ratios`); the median over instances, each with the next one. With a single
      instance it is twice its own variance, and without image records it follows from the standard deviation and
      AUTOCORRELATION.
    - effective_share: independent times per image, from 0 to 1.
    - same_runs, apart_runs and score_runs, with _freedom: variance that runs add to the log ratio of two instances of a
      session, of two devices or sessions, and of two scores.
    - discordant: share of images on which exactly one of two instances of a model is right, averaged over the pairs on
      the device (over pairs of all instances if no two share a model); discordant_devices: the same for two devices in
      an instance, averaged over the other devices with the same images, and equal to `discordant` if there are none.
    - score_within: like `within`, for the log ratio of two scores of the same images; null without a score.
    - assumed: which of these are defaults, in words, joined by "; ".
    """
    column = select.time_column(timing)
    rows = variance.assumed(rows[rows[f"{column}_mean"] > 0])
    answers, facts = {}, {}
    for device, (times, right) in by_device.map_devices(images, rows, partial(_of_records, column=column)):
        facts[device], answers[device] = times, right
    others = _between_devices(rows, answers)
    table = [
        _of_device(str(device), part, column, facts.get(str(device)), answers.get(str(device)), others.get(str(device)))
        for device, part in rows.groupby("device_id", sort=False)
    ]
    return pd.DataFrame(table).assign(devices=len(table))


def default(
    devices: int = 1, images: int = IMAGES, sessions: int = 1, run_to_run: float = variance.RUN_TO_RUN
) -> pd.DataFrame:
    """Return a row like that of `measured` for a plan without data, from the constants of this module."""
    within, runs = 2 * SCATTER**2 / EFFECTIVE_SHARE, 2 * variance.standard_deviation(run_to_run) ** 2
    row = {
        "device_id": "default",
        "instances": INSTANCES,
        "images": images,
        "sessions": sessions,
        "accuracy": ACCURACY,
        "within": within,
        "effective_share": EFFECTIVE_SHARE,
        **dict.fromkeys(["same_runs", "apart_runs", "score_runs"], runs),
        **dict.fromkeys(["same_freedom", "apart_freedom", "score_freedom"], np.inf),
        **dict.fromkeys(["discordant", "discordant_devices"], DISCORDANT),
        "score_within": SQUARED_SHARES * (within + DISCORDANT / ACCURACY**2),
        "assumed": "all of it",
        "devices": devices,
    }
    return pd.DataFrame([row])


def _of_records(records: pd.DataFrame, column: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what `measured` needs from the image records of a device.

    These are a frame of `_noise_within` and a matrix of instances x images: 1 right, 0 wrong, -1 not shown.
    """
    images = select.per_image(records[IMAGE_COLUMNS].assign(instance_id=records["instance_id"].astype(str)))
    ms = images[column].astype(float)
    images = images.assign(
        ms=ms.where((ms > 0) & ~images["failed"].astype(bool)), right=images["correct"].astype(float)
    )
    times, turn, right = (
        images.pivot(index="instance_id", columns="image", values=value).astype(float)
        for value in ("ms", "query", "right")
    )
    return _noise_within(times.to_numpy(float), turn.to_numpy(float)), right.fillna(-1).astype(np.int8)


def _noise_within(times: Floats, turn: Floats) -> pd.DataFrame:
    """Return within and effective_share, as in `measured`, of neighbouring instances, or of a single one by itself."""
    if len(times) > 1:
        counts = np.maximum((~np.isnan(times[:-1] + times[1:])).sum(axis=1), 1)
        _, squares, freedom = latency.image_log_ratios(times[:-1], times[1:], turn[:-1], turn[1:])
        table = pd.DataFrame({"within": squares * counts, "effective_share": (freedom + 1) / counts})
    else:
        series = times[0][turn[0].argsort()]
        series = series[~np.isnan(series)]
        if len(series) < 2:
            return pd.DataFrame(columns=["within", "effective_share"], dtype=float)
        error, effective_share = dependence.errors(series[None] / series.mean())
        table = pd.DataFrame({"within": 2 * error**2 * len(series), "effective_share": effective_share / len(series)})
    return table.dropna()


def _of_device(
    device: str,
    part: pd.DataFrame,
    column: str,
    times: pd.DataFrame | None,
    right: pd.DataFrame | None,
    between: float | None,
) -> Row:
    """Return the row of `measured` for one device."""
    mean, assumed = part[f"{column}_mean"].astype(float), []
    if times is not None and len(times):
        within, effective_share = float(times["within"].median()), float(times["effective_share"].median())
    else:
        relative = float((part[f"{column}_sd"].astype(float) / mean).median())
        scatter = SCATTER if np.isnan(relative) else relative
        within, effective_share = 2 * scatter**2 / EFFECTIVE_SHARE, EFFECTIVE_SHARE
        assumed.append(f"an autocorrelation of {AUTOCORRELATION:g} between times of neighbouring images")
        if np.isnan(relative):
            assumed.append(f"times that scatter by {SCATTER:.0%}")
    discordant = _between_instances(right) if right is not None else None
    if discordant is None:
        discordant = DISCORDANT
        assumed.append(f"{100 * DISCORDANT:g}% of the images right on one side only")
    first_row = part.iloc[[0]]
    same, same_freedom = variance.ratio_variance(first_row, first_row)
    apart, apart_freedom = variance.ratio_variance(first_row, first_row.assign(device_id=f"not {device}"))
    row = {
        "device_id": device,
        "instances": len(part),
        "images": int(part["distinct_images"].fillna(part["images"]).median()),
        "sessions": int(part["sessions"].iloc[0]),
        "accuracy": float(part["accuracy"].mean()),
        "within": within,
        "effective_share": effective_share,
        "same_runs": same[0],
        "same_freedom": same_freedom[0],
        "apart_runs": apart[0],
        "apart_freedom": apart_freedom[0],
        "discordant": discordant,
        "discordant_devices": discordant if between is None else between,
        **dict.fromkeys(["score_within", "score_runs", "score_freedom"], np.nan),
    }
    counted = part[part["instance_id"].isin(names.PAPER_FLOAT32) & (mean > 0) & (part["accuracy"] > 0)]
    if len(counted):
        ratio = (counted["accuracy"] / counted[f"{column}_mean"]).to_numpy(float)
        share = ratio / ratio.sum()
        runs, freedom = variance.sum_variance(counted, share)
        answers = row["discordant_devices"] / counted["accuracy"].to_numpy(float) ** 2
        row |= {"score_within": (share**2 * (within + answers)).sum(), "score_runs": 2 * runs, "score_freedom": freedom}
    return {**row, "assumed": "; ".join(assumed)}


def _between_instances(right: pd.DataFrame) -> float | None:
    """Return the mean share of images on which just one of two instances is right; None without two."""
    values = right.to_numpy()
    right_answers, wrong_answers = (
        (values == 1).astype(np.int32),
        (values == 0).astype(np.int32),
    )  # integers avoid the threads of BLAS, which take longer
    seen = (right_answers + wrong_answers) @ (right_answers + wrong_answers).T
    differ = right_answers @ wrong_answers.T
    models = np.array([names.instance(str(instance)).model for instance in right.index])
    pairs = np.triu(seen > 0, 1)
    alike = pairs & (models[:, None] == models)
    pairs = alike if alike.any() else pairs
    shares = (differ + differ.T)[pairs] / seen[pairs]
    return float(shares.mean()) if pairs.any() else None


def _between_devices(rows: pd.DataFrame, answers: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Return the mean share of images on which just one of a device and another device is right, by device.

    Only instances that were measured alike (`select.SAME_INSTANCE`) and images that both saw count.
    """
    differ, pairs = dict.fromkeys(answers, 0.0), dict.fromkeys(answers, 0.0)
    recorded = rows[rows["device_id"].isin(answers)]
    for key, part in recorded.groupby(["instance_id", select.conditions(recorded)]):
        instance = str(key[0])
        ids = [device for device in part["device_id"] if instance in answers[device].index]
        if len(ids) < 2:
            continue
        values = pd.DataFrame({device: answers[device].loc[instance] for device in ids}).fillna(-1).to_numpy()
        yes, seen = (values == 1).sum(axis=1), (values >= 0).sum(axis=1)
        for place, device in enumerate(ids):
            answers_of_device = values[:, place]
            n_different = np.where(answers_of_device == 1, seen - yes, yes) * (answers_of_device >= 0)
            differ[device] += n_different.sum()
            pairs[device] += ((seen - 1) * (answers_of_device >= 0)).sum()
    return {device: differ[device] / pairs[device] for device in answers if pairs[device]}
