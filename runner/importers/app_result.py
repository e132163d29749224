"""Parse the result log of the paper's app (ImageClassifyActivityV2 and QuantClassifyActivity, outputResultLog).

The log has lines `key:value`: a header that describes the device, then a block for each workload, which follows a line
`workload`. It is written when all workloads are done. `time_avg` is the wall-clock time from the start to the end of a
workload divided by the number of images; `time_sd` is the population standard deviation of the times of the images,
each in whole ms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aiot_suite.suite import Instance
from runner.errors import LogError
from runner.importers.given import model_name
from runner.importers.parts import MS_AT_MOST
from runner.importers.source import lines_of
from runner.tools.text import shown

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
        raise LogError(f"{name} does not state its number of images (image count:{shown(count)}): copy it again.")
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


def _missing(name: object, vips: str, found: list[ResultBlock]) -> list[str]:
    """Return a note if the score in the header, a sum over all workloads, shows that some are missing."""
    score = _number(vips)
    summed = sum(
        workload.accuracy / workload.mean_ms * 1000
        for workload in found
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
        return ResultBlock(shown(name), instance, fault=fault)
    load_ms = numbers["time_load"]
    return ResultBlock(
        name=shown(name),
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
            return f"its {key} is {shown(values[key])!r}"
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
