"""Parse the two logs of the paper's app: the result log and the program log."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from aiot_suite.suite import Instance
from runner.errors import LogError
from runner.importers.imported_runs import MS_AT_MOST
from runner.importers.input_files import lines_of, model_name
from runner.tools.text import parse_integer, quotable

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGES_AT_MOST = 10**7

_QUANTIZATIONS = {"no": "float32", "dr": "dynamic", "full_int": "int8", "f16": "float16"}
_NAME = re.compile(r"(pytorch|caffe2|tflite)_(?:(no|dr|full_int|f16)_)?(cpu|nnapi|gpu)_(.+)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?(?:E[-+]?\d+)?|Infinity|NaN)", re.IGNORECASE)  # in Java's notation
_KEYS = ("time_load", "time_first_img", "time_total", "time_avg", "time_sd", "accuracy")
_BLOCK = ("name", "framework", "device", "model", *_KEYS)
_HEADER = ("device", "ram size", "ram available size", "device fingerprint", "device hardware", "device sdk int",
           "resource name", "image count", "time total", "vips", "vops")  # fmt: skip


@dataclass(frozen=True)
class ResultBlock:
    """A block of the log. Times are in ms.

    `fault` is the reason why its numbers cannot be used, a sentence without a full stop.
    """

    name: str
    instance: Instance
    load_ms: float | None = None  # None if the load was not timed, for which the app writes -1
    first_ms: float | None = None
    total_ms: float | None = None
    mean_ms: float | None = None
    sd_ms: float | None = None
    accuracy: float | None = None
    fault: str | None = None


@dataclass(frozen=True)
class ResultLog:
    """The parsed content of a result log."""

    images: int
    workloads: tuple[ResultBlock, ...]
    header: dict[str, str] = field(default_factory=dict)  # the lines before the first block, by key
    total_ms: float | None = None
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = field(default=(), compare=False)  # lines that were not understood


def instance_of(name: str) -> Instance | None:
    """Return the instance that a workload's name denotes, or None.

    Names are, for example, tflite_cpu_resnet50 or tflite_full_int_nnapi_resnet50.
    """
    if (match := _NAME.fullmatch(name.strip())) is None:
        return None
    quantization = _QUANTIZATIONS[(match[2] or "no").lower()]
    return Instance(match[1].lower(), match[3].lower(), quantization, model_name(match[4]))


def parse_result_log(name: object, text: str) -> ResultLog:
    """Parse a result log, which error messages call `name`.

    Raises:
        LogError: The number of images is missing or invalid, a workload occurs twice, or none has usable numbers.
    """
    header, blocks, others = _blocks(text)
    count = header.get("image count", "")
    images = int(count) if count.isascii() and count.isdigit() and len(count) < 9 else 0
    if not 0 < images <= IMAGES_AT_MOST:
        raise LogError(f"{name} does not state its number of images (image count:{quotable(count)}): copy it again.")
    workloads, notes = [], []
    for number, block in enumerate(blocks, 1):
        workload = _workload(block, images)
        if workload is None:
            notes.append(f"{name}: workload {number} has no name and is skipped")
        else:
            workloads.append(workload)
            if workload.fault:
                notes.append(f"{name}: {workload.name} failed: {workload.fault}")
    if not any(entry.fault is None for entry in workloads):
        reason = notes[0].partition(": ")[2] if notes else "it ends before the first one"
        raise LogError(f"{name} has no usable workload ({reason}): copy it again.")
    if len({entry.instance for entry in workloads}) < len(workloads):
        raise LogError(
            f"{name} contains a workload twice, so the files of two runs may have been joined: import each separately."
        )
    notes += _missing(name, header.get("vips", ""), workloads)
    total = _number(header.get("time total", "").removesuffix("ms"))
    total_ms = total if total and 0 < total <= MS_AT_MOST else None
    return ResultLog(images, tuple(workloads), header, total_ms, tuple(notes), tuple(others))


def _blocks(text: str) -> tuple[dict[str, str], list[list[tuple[str, str]]], list[str]]:
    """Return the header, the blocks as lists of keys and values, and the lines that belong to neither.

    `framework` may occur twice in a block.
    """
    header: dict[str, str] = {}
    blocks: list[list[tuple[str, str]]] = []
    others: list[str] = []
    for line in lines_of(text):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if line.strip() == "workload":
            blocks.append([])
        elif colon and blocks:
            blocks[-1].append((key, value))
        elif colon:
            header.setdefault(key, value)
        if line.strip() and line.strip() != "workload" and key not in (_BLOCK if blocks else _HEADER):
            others.append(line)
    return header, blocks, others


def _missing(name: object, vips: str, workloads: list[ResultBlock]) -> list[str]:
    """Return a note if the score in the header, a sum over all workloads, shows that some are missing."""
    score = _number(vips)
    summed = sum(
        workload.accuracy / workload.mean_ms * 1000
        for workload in workloads
        if workload.mean_ms and workload.accuracy is not None
    )
    if score is None or abs(score - summed) <= 1e-6 * abs(score):
        return []
    return [
        (
            f"{name}: its vips is {score:.2f}, but its workloads add up to {summed:.2f}, so some are missing "
            "or were changed"
        )
    ]


def _workload(block: list[tuple[str, str]], images: int) -> ResultBlock | None:
    values = dict(reversed(block))  # keeps the first value of each key
    name = values.get("name", "")
    instance = instance_of(name)
    if instance is None:
        return None
    numbers = {key: _number(values[key].removesuffix("ms")) for key in _KEYS if key in values}
    fault = _result_fault(values, numbers, images)
    if fault:
        return ResultBlock(quotable(name), instance, fault=fault)
    load_ms = numbers["time_load"]
    return ResultBlock(
        name=quotable(name),
        instance=instance,
        load_ms=load_ms if load_ms is not None and load_ms >= 0 else None,
        first_ms=numbers["time_first_img"],
        total_ms=numbers["time_total"],
        mean_ms=numbers["time_avg"],
        sd_ms=numbers["time_sd"],
        accuracy=numbers["accuracy"],
    )


def _result_fault(values: dict[str, str], numbers: dict[str, float | None], images: int) -> str | None:
    """Return what is wrong with the numbers of a block, or None."""
    for key in _KEYS:
        if key not in numbers:
            return f"the log ends before its {key}"
        value, lowest = numbers[key], -1 if key == "time_load" else 0
        if value is None or not lowest <= value <= MS_AT_MOST:
            return f"its {key} is {quotable(values[key])!r}"
    if not numbers["time_avg"]:
        return "its time_avg is 0, so it was not run"
    accuracy = numbers["accuracy"] or 0.0
    if accuracy > 1 or abs(accuracy * images - round(accuracy * images)) > 1e-6 * images:
        return f"its accuracy {accuracy:g} is not a fraction of {images} images"
    return None


def _number(text: str) -> float | None:
    """Return the finite number that a text holds, or None."""
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if abs(value) < float("inf") else None


_JOINT = "  -  "
_START = re.compile(r"start workload \d{1,4} name=(.+)")
_DONE = re.compile(r"all done for workload \d{1,4} name=(.+)")
_LOADED = re.compile(r"load model: s=(-?\d{1,18}),e=(-?\d{1,18}),d=(-?\d{1,18})")
_DATA = re.compile(r"score\.len=(\d{1,9}), maxIndex=([-\d,]{1,99}) maxScore=(\S{1,400}) .*target=(-?\d{1,9})")
_IDLE = re.compile(r"load dataset: s=|flops=|vips=|all done for workload ")
_OTHER = ""  # returned instead of a fault for a line that was not understood
_STEPS = ("bitmap", "ic", "statistics")


@dataclass
class ProgramImage:
    """An image, with the start and end of it and of each step in ms of the device's clock."""

    index: int
    start_ms: int
    end_ms: int | None = None
    steps: dict[str, list[int]] = field(default_factory=dict)  # name of the step -> start and end
    target: int | None = None  # correct class
    best: tuple[tuple[int, float], ...] | None = None  # classes and scores, best first
    error: str | None = None  # error reported by the app

    def took_ms(self, step: str) -> int | None:
        """Return the duration of a step, or None if the log does not have both its start and its end."""
        times = self.steps.get(step, [])
        return times[1] - times[0] if len(times) == 2 and times[0] <= times[1] else None


@dataclass
class ProgramWorkload:
    """What the log has about a workload.

    `fault` is the reason why its numbers cannot be used, a sentence without a full stop.
    """

    name: str
    instance: Instance
    load_ms: int | None
    images: list[ProgramImage] = field(default_factory=list)
    classes: int | None = None  # number of classes of the model
    done: bool = False
    fault: str | None = None


@dataclass(frozen=True)
class ProgramLog:
    """The parsed content of a program log.

    `labels` has the class of every image for which any workload states it, by index.
    """

    workloads: tuple[ProgramWorkload, ...]
    labels: dict[int, int]
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = field(default=(), compare=False)  # lines that were not understood


def parse_program_log(name: object, text: str) -> ProgramLog:
    """Parse a program log, which error messages call `name`.

    Raises:
        LogError: The start of the log is missing, a workload is unknown or occurs twice, no workload can be used, or
            two of them state different classes of an image.
    """
    others: list[str] = []
    workloads = [workload for workload in _workloads(name, text, others) if workload.images or not workload.done]
    for workload in workloads:
        workload.fault = workload.fault or _program_fault(workload)
    notes = [f"{name}: {entry.name} failed: {entry.fault}" for entry in workloads if entry.fault]
    if not any(entry.fault is None for entry in workloads):
        reason = notes[0].partition(": ")[2] if notes else "it contains no images"
        raise LogError(f"{name} has no usable workload ({reason}): copy it again.")
    if len({entry.instance for entry in workloads}) < len(workloads):
        raise LogError(
            f"{name} contains a workload twice, so the files of two runs may have been joined: import each separately."
        )
    labels: dict[int, int] = {}
    for workload in workloads:
        for image in workload.images if workload.fault is None else []:
            if image.target is not None and labels.setdefault(image.index, image.target) != image.target:
                raise LogError(
                    f"{name} has the two classes {labels[image.index]} and {image.target} for image "
                    f"{image.index}: copy it again."
                )
    return ProgramLog(tuple(workloads), labels, tuple(notes), tuple(others))


def _workloads(name: object, text: str, others: list[str]) -> Iterator[ProgramWorkload]:
    """Yield the workloads of a log, and add the lines that were not understood to `others`."""
    current: ProgramWorkload | None = None
    load_ms: int | None = None
    log_lines = lines_of(text)
    if log_lines and log_lines[-1].startswith("ic"):
        others.append(log_lines.pop())  # cut off: a complete line ends with a line break
    for line in log_lines:
        if line.startswith(f"ic{_JOINT}"):
            if current is None:
                raise LogError(
                    f"{name} has images before the first line `start workload`, so its beginning is missing: copy "
                    "it again."
                )
            if not _take_line(line, current):
                others.append(line)
        elif match := _LOADED.fullmatch(line):
            load_ms = int(match[3]) if 0 <= int(match[3]) <= MS_AT_MOST else None
        elif match := _START.fullmatch(line):
            if current is not None:
                yield current
            current, load_ms = _begin(name, match[1], load_ms), None
        elif (match := _DONE.fullmatch(line)) and current is not None:
            current.done = True
        elif line.strip() and not _IDLE.match(line):
            others.append(line)
    if current is not None:
        yield current


def _begin(name: object, title: str, load_ms: int | None) -> ProgramWorkload:
    """Return the workload that a line `start workload` names.

    Raises
    ------
    LogError
        Its framework or device is unknown.
    """
    instance = instance_of(title)
    if instance is None:
        raise LogError(f"{name} has a workload {quotable(title)!r}, whose framework or device is unknown.")
    return ProgramWorkload(quotable(title), instance, load_ms)


def _take_line(line: str, workload: ProgramWorkload) -> bool:
    """Apply a line about an image to a workload that has no fault yet. Return whether the line was understood."""
    if workload.fault is not None:
        return True  # nothing after the first fault is used
    fault = _take(line.split(_JOINT)[1:], workload)
    if fault == _OTHER:
        return False
    workload.fault = fault
    return True


def _take(fields: list[str], workload: ProgramWorkload) -> str | None:
    """Apply the fields of a line to a workload.

    Return what is wrong with them, _OTHER if they are not understood, or None.
    """
    image = workload.images[-1] if workload.images else None
    match fields:
        case ["index", index, "all", "start", time]:
            number, start = parse_integer(index), parse_integer(time)
            if number != len(workload.images) or start is None or start > MS_AT_MOST:
                return f"its image {len(workload.images)} is followed by {quotable(index)!r} at {quotable(time)!r}"
            workload.images.append(ProgramImage(number, start))
            return None
        case ["index", index, *rest] if image is not None:
            if index != str(image.index):
                return f"a line about image {quotable(index)!r} is inside image {image.index}"
            return _step(rest, image, workload)
        case ["bitmap", _, "ic" | "statistics" as step, "start" | "end" as edge, time] if image is not None:
            return _stamp(image, step, edge, time)
    return _OTHER


def _step(fields: list[str], image: ProgramImage, workload: ProgramWorkload) -> str | None:
    match fields:
        case ["all", "end", time] if image.end_ms is None:
            end = parse_integer(time)
            if end is None or not image.start_ms <= end <= MS_AT_MOST:
                return f"its image {image.index} starts at {image.start_ms} ms and ends at {quotable(time)!r}"
            image.end_ms = end
        case ["all", "end", *_]:
            return None  # repeats the end, with the duration
        case ["bitmap" | "statistics" as step, "start" | "end" as edge, time]:
            return _stamp(image, step, edge, time)
        case ["bitmap.size", _, "ic", "start", time]:
            return _stamp(image, "ic", "start", time)
        case ["statistics", "data", data]:
            return _answer(data, image, workload)
        case ["do image classification error", "exception", *words]:
            image.error = quotable(_JOINT.join(words)) or "an exception"
        case _:
            return _OTHER
    return None


def _stamp(image: ProgramImage, step: str, edge: str, text: str) -> str | None:
    time = parse_integer(text)
    times = image.steps.setdefault(step, [])
    if time is None or len(times) != (edge == "end"):
        return f"its image {image.index} has {quotable(text)!r} as the {edge} of {step}"
    times.append(time)
    return None


def _answer(data: str, image: ProgramImage, workload: ProgramWorkload) -> str | None:
    match = _DATA.fullmatch(data)
    indices = [item for item in match[2].split(",") if item] if match else []
    scores = [item for item in match[3].split(",") if item] if match else []
    try:
        pairs = [(int(index), float(score)) for index, score in zip(indices, scores, strict=True)]
    except ValueError:
        pairs = []
    if match is None or not pairs or image.best is not None:
        return f"its answer for image {image.index} is {quotable(data)!r}"
    image.best = tuple((index, score) for index, score in pairs if index >= 0)  # -1: no score exceeded another
    image.target = int(match[4])
    workload.classes = int(match[1])
    return None


def _program_fault(workload: ProgramWorkload) -> str | None:
    """Return why a workload is incomplete or inconsistent, or None."""
    if not workload.images:
        return "it ends before its first image"
    last = workload.images[-1]
    if not workload.done or last.end_ms is None:
        return f"it ends after {len(workload.images) - (last.end_ms is None)} images"
    for previous, image in pairwise(workload.images):
        if previous.end_ms is None or image.start_ms < previous.end_ms:
            return f"its image {image.index} starts before image {previous.index} ends"
    for image in workload.images:
        if image.error is None and image.best is None:
            return f"its image {image.index} has no answer"
        if image.target is not None and image.target < 0:
            return f"its image {image.index} has the class {image.target}"
    return None
