"""What is done with odd data. docs/architecture.md has these rules as a table.

What cannot be told apart from damage is left out and named; what can be used with care is used, and the doubt
is a reason in the verdict of its instance. Nothing is mended.
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
from aiot_analysis.tables import select
from runner import rawlog

Row = dict[str, Any]

CLASSES = {"sample-100": 100, "imagenet-1000": 1000}
"""How many classes a label space has: their numbers are 0 and up. Of others the run may say it, or it is unknown."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # what may name a file of the tables
_INSTANCE = re.compile(r"[a-z0-9]+_[a-z0-9]+_[a-z0-9]+_[a-z0-9_]+")
_TEXT, _NUMBER, _ABSENT = (str,), (int, float), (type(None),)


def check_run(run: Row, device: Row, where: str) -> None:
    """Raises RawLogError for values of run.json and device.json that mean nothing here.

    Such a run is left out as a whole.
    """
    for field, known in (("origin", rawlog.ORIGINS), ("timing", tuple(select.TIMES))):
        if run[field] not in known:
            raise rawlog.RawLogError(f"{where} has {field} {short(run[field])}, which is none of {', '.join(known)}.")
    for field in ("run_id", "device_slug"):
        if not _NAME.fullmatch(run[field]):
            raise rawlog.RawLogError(f"{where} has {field} {short(run[field])}, which cannot name a file.")
    if device["slug"] != run["device_slug"]:
        raise rawlog.RawLogError(
            f"{where} is of device {run['device_slug']}, and the device.json beside it of {short(device['slug'])}."
        )
    for instance_id in run["suite"]:
        if not isinstance(instance_id, str) or not _INSTANCE.fullmatch(instance_id):
            raise rawlog.RawLogError(f"{where} has {short(instance_id)} in its suite, which is no instance.")
    for instance_id, file in run["models"].items():
        if not isinstance(file, dict):
            raise rawlog.RawLogError(
                f"{where} has {short(file)} as the model of {instance_id}, which is not of the format."
            )
        fields = {"sha256": _TEXT + _ABSENT, "weights": _TEXT + _ABSENT, "size_bytes": _NUMBER + _ABSENT}
        rawlog.check(file, fields, f"{where}, model of {instance_id}")
        if isinstance(settings := file.get("preprocess"), dict):
            rawlog.check(settings, {"resize": _TEXT + _ABSENT}, f"{where}, preprocess settings of {instance_id}")
    for core in device["cores"]:
        if not isinstance(core, dict):
            raise rawlog.RawLogError(
                f"{where} is of a device with {short(core)} as a core, which is not of the format."
            )
        rawlog.check(core, {"max_mhz": _NUMBER + _ABSENT}, f"{where}, a core of its device")
    rawlog.check(run["profile"], {"name": _TEXT}, f"{where}, profile")
    dataset = {"name": _TEXT, "sha256": _TEXT, "label_space": _TEXT + _ABSENT}
    rawlog.check(run["dataset"], dataset, f"{where}, dataset")


def chosen(readings: Sequence[Reading]) -> Reading | None:
    """The attempt that is used: the last one that ended and is not damaged, else the last that ended, else the last."""
    complete = [reading for reading in readings if reading.status == "end"]
    sound = [reading for reading in complete if not reading.damaged]
    return next((some[-1] for some in (sound, complete, readings) if some), None)


def misplaced(reading: Reading) -> str | None:
    """Why an attempt is not of the instance that its file is named after."""
    for load in reading.of("load"):
        if load["instance"] != reading.instance:
            return f"it is the log of {load['instance']} by its own words: the file was renamed or copied"
    return None


def split_labels(images: pyarrow.Table, instance_id: str, run: Row) -> tuple[pyarrow.Table, list[str]]:
    """The records whose label is of the label space, and what is wrong with each of the others."""
    space = run["dataset"].get("label_space")
    settings = run["models"].get(instance_id, {}).get("preprocess")
    classes = CLASSES.get(space) or (settings.get("classes") if isinstance(settings, dict) else None)
    highest = classes - 1 if type(classes) is int and classes > 0 else np.iinfo(np.int64).max
    label = images["label"].to_numpy()
    inside = (label >= 0) & (label <= highest)
    if inside.all():
        return images, []
    outside = images.filter(pyarrow.array(~inside))
    problems = [
        f"query {query} has label {value}, which is not of the label space {space}"
        for query, value in zip(outside["query"].to_pylist(), outside["label"].to_pylist(), strict=True)
    ]
    return images.filter(pyarrow.array(inside)), problems


def left_out(lines: int) -> list[str]:
    """The doubt about a log of which so many lines are not used."""
    return [f"lines of its log that were left out: {lines}"] if lines else []


def doubts(reading: Reading, images: pyarrow.Table, correct: int, lines_left_out: int, run: Row) -> list[str]:
    """What is odd about an attempt that is used; `images` and `correct` are of the records in the table."""
    found = left_out(lines_left_out)
    failed = images["failed"].to_numpy()
    counts = {"images": int((~failed).sum()), "failed_images": int(failed.sum()), "correct": correct}
    told = {name: reading.last[name] for name in counts}
    if counts != told:
        there, said = (
            ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in one.items()) for one in (counts, told)
        )
        found.append(f"its log holds {there}, and ends with {said}")
    back = int((np.diff(images["at_ns"].to_numpy()) < 0).sum())
    if back:
        found.append(f"times its clock went back: {back}")
    took = compute.coalesce(images["inference_ns"], images["spent_ns"], images["total_ns"]).to_numpy()
    still = int((took == 0).sum())
    if still:
        found.append(f"images that took no time by its clock: {still}")
    return [*found, *odd(reading, run)]


def odd(reading: Reading, run: Row) -> list[str]:
    """What is odd about an attempt that is used, apart from its records."""
    found = []
    for load in reading.of("load"):
        if load["attempt"] != reading.attempt:
            found.append(f"by its own words it is attempt {load['attempt']}")
        if (asked := load.get("accelerator_requested")) is not None and load.get("accelerator_actual") is None:
            found.append(f"{asked} was asked for, and what ran is not known")
        elif asked is None and reading.instance.split("_")[1:2] == ["unknown"]:
            found.append("its log does not tell which delegate ran")
    if run.get("study") == select.PROFILE and not reading.of("operator"):
        found.append("no operator was timed")
    if doubt := checks.parity(run, reading.instance)[1]:
        found.append(doubt)
    return [*found, *conditions.doubts(run), *run_doubts(run)]


def run_doubts(run: Row) -> list[str]:
    """What is odd about the times of a run."""
    try:
        started, ended = (datetime.fromisoformat(run[name] or run["started"]) for name in ("started", "ended"))
        backwards = ended < started
    except (ValueError, TypeError):  # TypeError: one has a time zone, and the other none
        return ["its run has a start or an end that is no time in ISO 8601 UTC"]
    return ["its run ended before it started by the clock"] if backwards else []
