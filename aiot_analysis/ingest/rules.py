"""Handling of odd data. docs/processing.md lists these rules in a table.

Data that cannot be told apart from damage are left out with a reason. Data that can be used with care are used, and the
doubt becomes a reason in the verdict of their instance. Nothing is repaired.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from reprlib import repr as short
from typing import Any

import numpy as np
import pyarrow
from pyarrow import compute

from aiot_analysis.ingest import checks, conditions
from aiot_analysis.ingest.attempt import Reading
from aiot_analysis.tables import choice, names, select
from runner import rawlog

Row = dict[str, Any]

CLASSES = {"sample-100": 100, "imagenet-1000": 1000}
"""Number of classes in a label space, numbered from 0; for other label spaces, the run may state it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # valid names for files of the tables
_TEXT, _NUMBER, _ABSENT = (str,), (int, float), (type(None),)


def check_run(run: Row, device: Row, where: str) -> None:
    """Raise RawLogError for values in run.json and device.json that are not valid here.

    Such a run is left out as a whole.
    """
    for field, allowed in (("origin", rawlog.ORIGINS), ("timing", tuple(choice.TIMES))):
        if run[field] not in allowed:
            raise rawlog.RawLogError(
                f"{where} has {field} {short(run[field])}, but it must be one of {', '.join(allowed)}."
            )
    for field in ("run_id", "device_slug"):
        if not _NAME.fullmatch(run[field]):
            raise rawlog.RawLogError(f"{where} has {field} {short(run[field])}, which is not a valid file name.")
    if device["slug"] != run["device_slug"]:
        raise rawlog.RawLogError(
            f"{where} is of device {run['device_slug']}, but the device.json beside it is of {short(device['slug'])}."
        )
    for instance_id in run["suite"]:
        if not isinstance(instance_id, str) or not names.is_instance_id(instance_id):
            raise rawlog.RawLogError(f"{where} has {short(instance_id)} in its suite, which is not an instance.")
    _check_models(run["models"], where)
    _check_cores(device["cores"], where)
    rawlog.check(run["profile"], {"name": _TEXT}, f"{where}, profile")
    dataset = {"name": _TEXT, "sha256": _TEXT, "label_space": _TEXT + _ABSENT}
    rawlog.check(run["dataset"], dataset, f"{where}, dataset")


def _check_models(models: Row, where: str) -> None:
    """Raise RawLogError for a model file in run.json that is not described as the format asks."""
    for instance_id, file in models.items():
        if not isinstance(file, dict):
            raise rawlog.RawLogError(f"{where} has {short(file)} as the model of {instance_id}, which is malformed.")
        fields = {"sha256": _TEXT + _ABSENT, "weights": _TEXT + _ABSENT, "size_bytes": _NUMBER + _ABSENT}
        rawlog.check(file, fields, f"{where}, model of {instance_id}")
        if isinstance(settings := file.get("preprocess"), dict):
            rawlog.check(settings, {"resize": _TEXT + _ABSENT}, f"{where}, preprocess settings of {instance_id}")


def _check_cores(cores: Sequence[Any], where: str) -> None:
    """Raise RawLogError for a core in device.json that is not described as the format asks."""
    for core in cores:
        if not isinstance(core, dict):
            raise rawlog.RawLogError(f"{where} is of a device with {short(core)} as a core, which is malformed.")
        rawlog.check(core, {"max_mhz": _NUMBER + _ABSENT}, f"{where}, a core of its device")


def choose_attempt(readings: Sequence[Reading]) -> Reading | None:
    """Return the attempt to use: the last that ended undamaged, else the last that ended, else the last."""
    complete = [reading for reading in readings if reading.status == "end"]
    sound = [reading for reading in complete if not reading.damaged]
    return next((candidates[-1] for candidates in (sound, complete, readings) if candidates), None)


def misplaced(reading: Reading) -> str | None:
    """Return why an attempt does not belong to the instance that its file is named after, or None if it does."""
    for load in reading.of("load"):
        if load["instance"] != reading.instance:
            return f"according to its content it is the log of {load['instance']}: the file was renamed or copied"
    return None


def split_labels(images: pyarrow.Table, instance_id: str, run: Row) -> tuple[pyarrow.Table, list[str]]:
    """Return the records whose label is in the label space, and what is wrong with each of the others."""
    label_space = run["dataset"].get("label_space")
    settings = run["models"].get(instance_id, {}).get("preprocess")
    classes = CLASSES.get(label_space) or (settings.get("classes") if isinstance(settings, dict) else None)
    highest = classes - 1 if type(classes) is int and classes > 0 else np.iinfo(np.int64).max
    labels = images["label"].to_numpy()
    inside = (labels >= 0) & (labels <= highest)
    if inside.all():
        return images, []
    outside = images.filter(pyarrow.array(~inside))
    problems = [
        f"query {query} has label {value}, which is not in the label space {label_space}"
        for query, value in zip(outside["query"].to_pylist(), outside["label"].to_pylist(), strict=True)
    ]
    return images.filter(pyarrow.array(inside)), problems


def unused_line_doubts(lines: int) -> list[str]:
    """Return the doubt about a log with this number of unused lines."""
    return [f"lines of its log that were excluded: {lines}"] if lines else []


def doubts(reading: Reading, images: pyarrow.Table, correct: int, lines_left_out: int, run: Row) -> list[str]:
    """Return what is odd about an attempt that is used; `images` and `correct` are of the records in the table."""
    messages = unused_line_doubts(lines_left_out)
    failed = images["failed"].to_numpy()
    counts = {"images": int((~failed).sum()), "failed_images": int(failed.sum()), "correct": correct}
    stated_counts = {name: reading.last[name] for name in counts}
    if counts != stated_counts:
        counted, stated = (
            ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items())
            for numbers in (counts, stated_counts)
        )
        messages.append(f"its log has {counted}, but its last line states {stated}")
    backward_steps = int((np.diff(images["at_ns"].to_numpy()) < 0).sum())
    if backward_steps:
        messages.append(f"times that its clock went backwards: {backward_steps}")
    took_ns = compute.coalesce(images["inference_ns"], images["spent_ns"], images["total_ns"]).to_numpy()
    timeless = int((took_ns == 0).sum())
    if timeless:
        messages.append(f"images that took no time according to its clock: {timeless}")
    return [*messages, *load_doubts(reading, run)]


def load_doubts(reading: Reading, run: Row) -> list[str]:
    """Return what is odd about an attempt that is used, apart from its records."""
    messages = []
    for load in reading.of("load"):
        if load["attempt"] != reading.attempt:
            messages.append(f"according to its content it is attempt {load['attempt']}")
        if (requested := load.get("accelerator_requested")) is not None and load.get("accelerator_actual") is None:
            messages.append(f"{requested} was requested, but it is unknown what ran")
        elif requested is None and names.instance(reading.instance).delegate == "unknown":
            messages.append("its log does not say which delegate ran")
    if run.get("study") == select.PROFILE and not reading.of("operator"):
        messages.append("no operator was timed")
    if doubt := checks.parity(run, reading.instance)[1]:
        messages.append(doubt)
    return [*messages, *conditions.condition_doubts(run), *run_doubts(run)]


def run_doubts(run: Row) -> list[str]:
    """Return what is odd about the times of a run."""
    try:
        started, ended = (datetime.fromisoformat(run[name] or run["started"]) for name in ("started", "ended"))
        backwards = ended < started
    except (ValueError, TypeError):  # TypeError: only one of them has a time zone
        return ["its run has a start or an end that is not a time in ISO 8601 UTC"]
    return ["its run ended before it started, according to the clock"] if backwards else []
