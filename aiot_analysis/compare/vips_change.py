"""Change in VIPS, over the instances that both sides have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.compare import times
from aiot_analysis.compare.instances import Compared, Courses
from aiot_analysis.compare.matching import ONE, SAME, Matched
from aiot_analysis.stats import blocks, variance, vips
from aiot_analysis.tables import names

Floats = NDArray[np.float64]
SUITES = {"float32": names.PAPER_FLOAT32, "quantized": names.PAPER_QUANTIZED}
SIDES = ("base", "other")
SCORE_COLUMNS = ["suite", "instances", "of", *SIDES, "base_low", "base_high", "other_low", "other_high"]
SCORE_COLUMNS += ["change", "low", "high", "units", "way", "note"]


def scores(found: Compared, matched: Matched, timing: str, run_to_run: float = variance.RUN_TO_RUN) -> pd.DataFrame:
    """Return one row for each part of the paper's suite of which both sides have any instances.

    The columns are suite, instances (the number that both sides have, over which VIPS is the sum of Equation 1), of
    (the number in the part), base and other (VIPS, images per second), change (other over base, minus 1), the ends of
    individual 95 % intervals (with _low and _high, or low and high for the change), units, way and note. With one
    device per side, an interval combines two errors. The error of the images is the contribution of each image to the
    logarithm of the score, through accuracy and time of all instances, with neighbours in time treated as dependent
    (delta method). The error of the sessions is the scatter of their scores, or `run_to_run` if there are too few
    sessions. Over devices, scores are geometric means over the devices that have all instances.
    """
    rows = []
    for suite, suite_instances in SUITES.items():
        instances = [instance_id for instance_id in suite_instances if instance_id in set(matched.instances)]
        if not instances:
            continue
        keys = {"suite": suite, "instances": len(instances), "of": len(suite_instances)}
        if matched.kind == ONE:
            rows.append({**keys, **_one(found, matched, instances, timing, run_to_run)})
        else:
            rows.append({**keys, **_several(matched, instances, timing)})
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def _logs(rows: pd.DataFrame, instances: list[str], timing: str, unit: str = "device_id") -> pd.Series:
    """Return the logarithm of the score of each device or session (`unit`) that has all instances."""
    parts = vips.contributions(rows.assign(device_id=rows[unit]), timing, instances).groupby("device_id")["vips"]
    sums = parts.sum(min_count=len(instances))
    return sums[sums > 0].map(np.log)


def _several(matched: Matched, instances: list[str], timing: str) -> dict[str, object]:
    base, other = (_logs(rows, instances, timing) for rows in (matched.base, matched.other))
    if matched.kind == SAME:
        base, other = base.align(other, join="inner")
    if base.empty or other.empty:
        return {"note": "no device has all of the instances"}
    samples = base.to_numpy(float), other.to_numpy(float)
    log = times.ratio_of_pairs(samples[1] - samples[0]) if matched.kind == SAME else times.ratio_of_units(*samples)
    units = str(len(base)) if matched.kind == SAME else f"{len(base)} and {len(other)}"
    return {
        **_told([times.ratio_of_pairs(sample) for sample in samples], log),
        "units": units,
        "way": "devices",
        "note": "",
    }


def _told(sides: Sequence[times.LogRatio], change: times.LogRatio) -> dict[str, object]:
    """Return the scores and their change, with intervals, from logarithms."""
    low, high = change.interval()
    numbers: dict[str, object] = {"change": np.expm1(change.value), "low": low - 1, "high": high - 1}
    for name, side in zip(SIDES, sides, strict=True):
        numbers |= {
            name: np.exp(side.value),
            **dict(zip((f"{name}_low", f"{name}_high"), side.interval(), strict=True)),
        }
    return numbers


def _one(found: Compared, matched: Matched, instances: list[str], timing: str, run_to_run: float) -> dict[str, object]:
    over_sessions = all(item in found.sessions for item in instances)
    if over_sessions:
        rows = [pd.concat([found.sessions[item][side] for item in instances]) for side in (0, 1)]
        samples = [_logs(item, instances, timing, "session").to_numpy(float) for item in rows]
    else:
        samples = [_logs(item, instances, timing).to_numpy(float) for item in (matched.base, matched.other)]
    if not all(len(item) for item in samples):
        return {"note": "no score, because an instance has no accuracy or no time"}
    facts = {"units": " and ".join(str(len(item)) for item in samples), "way": "sessions" if over_sessions else "runs"}
    change = times.ratio_of_units(*samples)
    images, note = _of_images(found, instances)
    if note:
        without_error = [times.LogRatio(float(item.mean()), np.nan, 1.0) for item in samples]
        return {**_told(without_error, times.LogRatio(change.value, np.nan, 1.0)), **facts, "note": note}
    if over_sessions:
        sides = [_both(image, times.ratio_of_pairs(item)) for image, item in zip(images, samples, strict=False)]
        return {**_told(sides, _both(images[2], change)), **facts, "note": ""}
    values = [*(float(item.mean()) for item in samples), change.value]
    logs = [
        times.LogRatio(value, image.error, image.freedom).of_any_run(run_to_run, runs)
        for value, image, runs in zip(values, images, (1, 1, 2), strict=True)
    ]
    return {**_told(logs[:2], logs[2]), **facts, "note": ""}


def _both(images: times.LogRatio, sessions: times.LogRatio) -> times.LogRatio:
    """Return the value over sessions with the combined error of images and sessions; both include image times."""
    error, freedom = times.together([images.error, sessions.error], [images.freedom, sessions.freedom])
    return times.LogRatio(sessions.value, error, freedom)


def _of_images(found: Compared, instances: list[str]) -> tuple[list[times.LogRatio], str]:
    """Return the errors due to images of the logarithms of both scores and of their difference.

    The second value says why there are no errors, or is "".
    """
    courses = [found.courses[item] for item in instances if item in found.courses]
    if len(courses) < len(instances):
        return [], "no interval, because an instance has no records of single images"
    influences = [_influence(courses, side) for side in (0, 1)]
    series = [item for item in influences if item is not None]
    if len(series) < 2:
        return [], "no interval, because not all instances were given the same images in the same order"
    side_errors = [_error(item) for item in series]
    if courses[0][0]["image"].equals(courses[0][1]["image"]):
        return [*side_errors, _error(series[1] - series[0])], ""
    error, freedom = times.together([item.error for item in side_errors], [item.freedom for item in side_errors])
    return [*side_errors, times.LogRatio(0.0, error, freedom)], ""


def _error(series: Floats) -> times.LogRatio:
    errors, worth = blocks.errors(series[None])
    return times.LogRatio(0.0, float(errors[0]), float(worth[0]) - 1)


def _influence(courses: list[Courses], side: int) -> Floats | None:
    """Return the influence of each image on the logarithm of the score, in order, with shape (images,).

    None if the instances were not shown the same images in the same order.
    """
    frames = [item[side] for item in courses]
    first = frames[0]["image"]
    if len(first) < 2 or first.duplicated().any() or not all(first.equals(item["image"]) for item in frames):
        return None
    total, influence = 0.0, np.zeros(len(first))
    for item in frames:
        right, ms = item["right"].to_numpy(), item["ms"].to_numpy()
        accuracy, time_ms = right.mean(), np.nanmean(ms)
        excess = np.nan_to_num(ms / time_ms - 1)  # images without a time do not affect the mean
        influence += ((right - accuracy) - accuracy * excess) / time_ms
        total += accuracy / time_ms
    return influence / total if total > 0 else None
