"""Handling of odd data, and what the record of a run says about checks, conditions and sessions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
from pyarrow import compute

from aiot_analysis.tables import names, select
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiot_analysis.ingest.attempt import Reading

Row = dict[str, Any]

_SHARE = (0.0, 1.0)
_NUMBERS = {  # field of a check -> column and range
    "largest_difference": ("parity_difference", (0.0, float("inf"))),
    "correlation": ("parity_correlation", (-1.0, 1.0)),
    "top1_agreement": ("parity_top1_agreement", _SHARE),
    "accuracy": ("parity_accuracy", _SHARE),
    "original_accuracy": ("parity_accuracy_original", _SHARE),
}
_FIELDS = {
    "sha256": (str,),
    "passed": (bool,),
    **dict.fromkeys(["finding", "dataset"], (str,)),
    "images": (int,),
    **dict.fromkeys(_NUMBERS, (int, float, type(None))),
}
_ROUNDING = 1e-9  # a correlation may come out as 1.0000000000000002


def parity(run: Row, instance_id: str) -> tuple[Row, str]:
    """Return the columns parity_... of an instance, and what is odd about its check ("" if nothing).

    There are no columns if the model file was not checked.
    """
    check = (run.get("checks") or {}).get(names.instance(instance_id).file)
    if check is None:
        return {}, ""
    if not _is_one(check):
        return {}, "the check of its model file in run.json is malformed: run `aiot models check`, then run it again"
    if check["sha256"] != run["models"].get(instance_id, {}).get("sha256"):
        return {}, "the check in run.json is of another model file: run `aiot models check`, then run it again"
    columns = {f"parity_{name}": check[name] for name in ("passed", "finding", "images", "dataset")}
    for name, (column, (low, high)) in _NUMBERS.items():
        value = check.get(name)
        columns[column] = None if value is None else min(max(value, low), high)
    return columns, ""


def _is_one(check: Any) -> bool:
    """Return whether a check is in the expected format."""
    if not isinstance(check, dict):
        return False
    try:
        rawlog.check(check, _FIELDS, "check")
    except rawlog.RawLogError:
        return False
    values = [(check.get(name), limits) for name, (_, limits) in _NUMBERS.items()]
    within_limits = all(value is None or low - _ROUNDING <= value <= high + _ROUNDING for value, (low, high) in values)
    return within_limits and check["images"] > 0


_WORDS = {"fixed_performance": "fixed performance", "cores": "big cores"}


def kept_conditions(run: Row) -> str | None:
    """Return the requested conditions that held throughout a run, like "fixed performance, big cores"."""
    words = [_WORDS[name] for name in _asked(run) if all(_is_kept(name, applied) for applied in _held(run))]
    return ", ".join(words) if words and _held(run) else None


def condition_doubts(run: Row) -> list[str]:
    """Return the requested conditions that did not hold, with the device's reason."""
    messages = []
    for name in _asked(run):
        missed = [applied for applied in _held(run) if not _is_kept(name, applied)]
        if not _held(run):
            messages.append(f"{_WORDS[name]} was requested, but it is unknown whether the device applied it")
        elif missed:
            refused = missed[0].get("refused")
            reason = refused.get(name) if isinstance(refused, dict) else None
            messages.append(f"{_WORDS[name]} was requested but not applied: {reason or 'the reason is unknown'}")
    return messages


def _asked(run: Row) -> list[str]:
    """Return the names of the requested conditions."""
    conditions = run.get("conditions") or {}
    requested = {
        "fixed_performance": conditions.get("fixed_performance") is True,
        "cores": conditions.get("cores") == "big",
    }
    return [name for name, value in requested.items() if value]


def _held(run: Row) -> list[Row]:
    """Return the conditions that the device applied, one record for each time they changed."""
    return [applied for applied in run.get("held") or [] if isinstance(applied, dict)]


def _is_kept(name: str, applied: Row) -> bool:
    """Return whether a condition is among those applied."""
    if name == "fixed_performance":
        return applied.get("fixed_performance") is True
    return isinstance(applied.get("core_mask"), str)


TOLERANCE = timedelta(minutes=1)
"""Largest difference between the boot times that two uptimes of one boot give: two clocks, both in whole seconds."""


def run_ended(run: Row, telemetry: Iterable[Row]) -> str | None:
    """Return when a run ended; for one that was cut off, the time of its last telemetry sample, or None without any."""
    ends = [run.get("ended")] if run.get("ended") else [sample.get("at") for sample in telemetry]
    times = {moment: text for text in ends if (moment := parse_time(text))}
    return times[max(times)] if times else None


def boot_id(run: Row) -> str | None:
    """Return the id of the boot in which all of a run was measured, or None if unknown.

    If the system does not report a boot id, it is the hour of the system's start, computed from its uptime. A run that
    was resumed after a restart belongs to several boots and has None, so that only the time between runs separates it
    from the runs before and after it.
    """
    boots = [boot for boot in run.get("boots") or [] if isinstance(boot, dict)]
    ids = {boot.get("boot_id") for boot in boots}
    if len(ids) != 1:
        return None
    reported = ids.pop()
    if reported is not None:
        return reported if isinstance(reported, str) else None
    starts = [_start(boot) for boot in boots]
    known_starts = [start for start in starts if start]
    if len(known_starts) < len(starts) or max(known_starts) - min(known_starts) > TOLERANCE:
        return None
    return f"started {min(known_starts):%Y-%m-%dT%HZ}"


def _start(boot: Row) -> datetime | None:
    """Return when the system started, from its uptime at one moment, or None if unknown."""
    moment, uptime_s = parse_time(boot.get("at")), boot.get("uptime_s")
    if moment is None or isinstance(uptime_s, bool) or not isinstance(uptime_s, (int, float)):
        return None
    try:
        return moment - timedelta(seconds=uptime_s)
    except (OverflowError, ValueError):
        return None


def parse_time(text: object) -> datetime | None:
    """Return a time in ISO 8601, in UTC unless it names a time zone; None if the text is not such a time."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


CLASSES = {"sample-100": 100, "imagenet-1000": 1000}
"""Number of classes in a label space, numbered from 0; for other label spaces, the run may state it."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # valid names for files of the tables
_TEXT, _NUMBER, _ABSENT = (str,), (int, float), (type(None),)


def check_run(run: Row, device: Row, where: str) -> None:
    """Raise RawLogError for values in run.json and device.json that are not valid here.

    Such a run is excluded as a whole.
    """
    for field, allowed in (("origin", rawlog.ORIGINS), ("timing", tuple(names.TIMES))):
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
        fields = {
            **dict.fromkeys(["sha256", "weights"], _TEXT + _ABSENT),
            **dict.fromkeys(["size_bytes", "macs", "parameters"], _NUMBER + _ABSENT),
        }
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
    untimed = images["at_ns"].null_count
    if 0 < untimed < len(images):
        messages.append(f"images whose answer has no time: {untimed}")
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
            ran = load.get("accelerator_actual")
            unstated = "which delegate ran" if ran is None else f"which accelerator was requested ({ran} ran)"
            messages.append(f"its log does not say {unstated}")
    if run.get("study") == select.PROFILE and not reading.of("operator"):
        messages.append("no operator was timed")
    if doubt := parity(run, reading.instance)[1]:
        messages.append(doubt)
    return [*messages, *condition_doubts(run), *run_doubts(run)]


def run_doubts(run: Row) -> list[str]:
    """Return what is odd about the times of a run."""
    try:
        started, ended = (datetime.fromisoformat(run[name] or run["started"]) for name in ("started", "ended"))
        backwards = ended < started
    except (ValueError, TypeError):  # TypeError: only one of them has a time zone
        return ["its run has a start or an end that is not a time in ISO 8601 UTC"]
    return ["its run ended before it started, according to the clock"] if backwards else []
