"""VIPS of both sides, over the instances that both have."""

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
COLUMNS = ["suite", "instances", "of", *SIDES, "base_low", "base_high", "other_low", "other_high"]
COLUMNS += ["change", "low", "high", "units", "way", "note"]


def scores(found: Compared, matched: Matched, timing: str, run_to_run: float = variance.RUN_TO_RUN) -> pd.DataFrame:
    """A row for each part of the paper's suite that both sides have some instances of.

    Columns suite, instances (how many both have, over which VIPS of both sides is the sum of Equation 1), of (how many
    the part has), base and other (VIPS, images per second), change (other over base, less 1), with _low and _high or
    low and high (95 %, each by itself), units, way and note. With one device a side an interval is of the images and of
    the sessions: what each image adds to the logarithm of the score through accuracy and time of all instances, with
    neighbours in time taken as dependent (the delta method), and how the scores of the sessions scatter, or
    `run_to_run` where they are too few. Over devices, scores are geometric means of those of the devices that have all
    the instances.
    """
    rows = []
    for suite, whole in SUITES.items():
        instances = [one for one in whole if one in set(matched.instances)]
        if not instances:
            continue
        known = {"suite": suite, "instances": len(instances), "of": len(whole)}
        if matched.kind == ONE:
            rows.append({**known, **_one(found, matched, instances, timing, run_to_run)})
        else:
            rows.append({**known, **_several(matched, instances, timing)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _logs(rows: pd.DataFrame, instances: list[str], timing: str, unit: str = "device_id") -> pd.Series:
    """The logarithm of the score of each device, or each session, that has all the instances."""
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
    log = times.of_pairs(samples[1] - samples[0]) if matched.kind == SAME else times.of_units(*samples)
    units = str(len(base)) if matched.kind == SAME else f"{len(base)} and {len(other)}"
    return {**_told([times.of_pairs(one) for one in samples], log), "units": units, "way": "devices", "note": ""}


def _told(sides: Sequence[times.LogRatio], change: times.LogRatio) -> dict[str, object]:
    """Scores and their change from logarithms."""
    low, high = change.interval()
    told: dict[str, object] = {"change": np.expm1(change.value), "low": low - 1, "high": high - 1}
    for name, side in zip(SIDES, sides, strict=True):
        told |= {name: np.exp(side.value), **dict(zip((f"{name}_low", f"{name}_high"), side.interval(), strict=True))}
    return told


def _one(found: Compared, matched: Matched, instances: list[str], timing: str, run_to_run: float) -> dict[str, object]:
    over_sessions = all(one in found.sessions for one in instances)
    if over_sessions:
        rows = [pd.concat([found.sessions[one][side] for one in instances]) for side in (0, 1)]
        samples = [_logs(one, instances, timing, "session").to_numpy(float) for one in rows]
    else:
        samples = [_logs(one, instances, timing).to_numpy(float) for one in (matched.base, matched.other)]
    if not all(len(one) for one in samples):
        return {"note": "no score: an instance has no accuracy, or no time"}
    told = {"units": " and ".join(str(len(one)) for one in samples), "way": "sessions" if over_sessions else "runs"}
    spread = times.of_units(*samples)
    images, note = _of_images(found, instances)
    if note:
        unknown = [times.LogRatio(float(one.mean()), np.nan, 1.0) for one in samples]
        return {**_told(unknown, times.LogRatio(spread.value, np.nan, 1.0)), **told, "note": note}
    if over_sessions:
        sides = [_both(image, times.of_pairs(one)) for image, one in zip(images, samples, strict=False)]
        return {**_told(sides, _both(images[2], spread)), **told, "note": ""}
    values = [*(float(one.mean()) for one in samples), spread.value]
    logs = [
        times.LogRatio(value, image.error, image.freedom).of_any_run(run_to_run, runs)
        for value, image, runs in zip(values, images, (1, 1, 2), strict=True)
    ]
    return {**_told(logs[:2], logs[2]), **told, "note": ""}


def _both(images: times.LogRatio, sessions: times.LogRatio) -> times.LogRatio:
    """Return the value over sessions, with the errors of images and of sessions; the time of images is in both."""
    error, freedom = times.together([images.error, sessions.error], [images.freedom, sessions.freedom])
    return times.LogRatio(sessions.value, error, freedom)


def _of_images(found: Compared, instances: list[str]) -> tuple[list[times.LogRatio], str]:
    """The errors, through the images, of the logarithms of both scores and of their difference, or why not."""
    courses = [found.courses[one] for one in instances if one in found.courses]
    if len(courses) < len(instances):
        return [], "no interval: some instance has no records of single images"
    known = [_influence(courses, side) for side in (0, 1)]
    series = [one for one in known if one is not None]
    if len(series) < 2:
        return [], "no interval: not all instances were shown the same images in one order"
    alone = [_error(one) for one in series]
    if courses[0][0]["image"].equals(courses[0][1]["image"]):
        return [*alone, _error(series[1] - series[0])], ""
    error, freedom = times.together([one.error for one in alone], [one.freedom for one in alone])
    return [*alone, times.LogRatio(0.0, error, freedom)], ""


def _error(series: Floats) -> times.LogRatio:
    errors, worth = blocks.errors(series[None])
    return times.LogRatio(0.0, float(errors[0]), float(worth[0]) - 1)


def _influence(courses: list[Courses], side: int) -> Floats | None:
    """What each image adds to the logarithm of the score, (images,), in order; None if the instances saw others."""
    frames = [one[side] for one in courses]
    first = frames[0]["image"]
    if len(first) < 2 or first.duplicated().any() or not all(first.equals(one["image"]) for one in frames):
        return None
    total, added = 0.0, np.zeros(len(first))
    for one in frames:
        right, ms = one["right"].to_numpy(), one["ms"].to_numpy()
        accuracy, time_ms = right.mean(), np.nanmean(ms)
        late = np.nan_to_num(ms / time_ms - 1)  # an image without a time leaves the mean as it is
        added += ((right - accuracy) - accuracy * late) / time_ms
        total += accuracy / time_ms
    return added / total if total > 0 else None
