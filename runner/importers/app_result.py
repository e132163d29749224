"""The result log of the paper's app (ImageClassifyActivityV2 and QuantClassifyActivity, outputResultLog).

Lines `key:value`: a header of the device, then a block for each workload, after a line `workload`. It is written when
all workloads are done. `time_avg` is the time from begin to end of a workload by the wall clock, divided by the images;
`time_sd` is of the population of the images' own times, each in whole ms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aiot_suite.suite import Instance
from runner.errors import LogError
from runner.importers.given import model_name
from runner.importers.parts import MS_AT_MOST
from runner.importers.source import lines
from runner.tools.text import shown

IMAGES_AT_MOST = 10**7

_QUANTIZATIONS = {"no": "float32", "dr": "dynamic", "full_int": "int8", "f16": "float16"}
_NAME = re.compile(r"(pytorch|caffe2|tflite)_(?:(no|dr|full_int|f16)_)?(cpu|nnapi|gpu)_(.+)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?(?:E[-+]?\d+)?|Infinity|NaN)", re.IGNORECASE)  # as Java writes it
_KEYS = ("time_load", "time_first_img", "time_total", "time_avg", "time_sd", "accuracy")
_BLOCK = ("name", "framework", "device", "model", *_KEYS)
_HEADER = ("device", "ram size", "ram available size", "device fingerprint", "device hardware", "device sdk int",
           "resource name", "image count", "time total", "vips", "vops")  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """A block. Times in ms; `fault` says why its numbers cannot be used, one sentence without its full stop."""

    name: str
    instance: Instance
    load_ms: float | None = None  # null: the app writes -1 where it was not timed
    first_ms: float | None = None
    total_ms: float | None = None
    mean_ms: float | None = None
    sd_ms: float | None = None
    accuracy: float | None = None
    fault: str | None = None


@dataclass(frozen=True)
class ResultLog:
    """What the log says."""

    images: int
    workloads: tuple[Workload, ...]
    header: dict[str, str] = field(default_factory=dict)  # the other lines before the first block
    total_ms: float | None = None
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = field(default=(), compare=False)  # lines that were not understood


def instance_of(name: str) -> Instance | None:
    """The instance of a workload's name, like tflite_cpu_resnet50 or tflite_full_int_nnapi_resnet50; None if none."""
    if (match := _NAME.fullmatch(name.strip())) is None:
        return None
    quantization = _QUANTIZATIONS[(match[2] or "no").lower()]
    return Instance(match[1].lower(), match[3].lower(), quantization, model_name(match[4]))


def parse(name: object, text: str) -> ResultLog:
    """Reads it; raises LogError, calling it `name`, if there is no workload in it whose numbers can be used."""
    header, blocks, others = _blocks(text)
    count = header.get("image count", "")
    images = int(count) if count.isascii() and count.isdigit() and len(count) < 9 else 0
    if not 0 < images <= IMAGES_AT_MOST:
        raise LogError(f"{name} does not say of how many images it is (image count:{shown(count)}): copy it again.")
    found, notes = [], []
    for number, block in enumerate(blocks, 1):
        workload = _workload(block, images)
        if workload is None:
            notes.append(f"{name}: its workload {number} is not named, and left out")
        else:
            found.append(workload)
            if workload.fault:
                notes.append(f"{name}: {workload.name} failed: {workload.fault}")
    if not any(one.fault is None for one in found):
        reason = notes[0].partition(": ")[2] if notes else "it breaks off before the first one"
        raise LogError(f"{name} has no workload that can be used ({reason}): copy it again.")
    if len({one.instance for one in found}) < len(found):
        raise LogError(f"{name} has a workload twice: the files of two runs seem to be in one, import each by itself.")
    notes += _missing(name, header.get("vips", ""), found)
    total = _number(header.get("time total", "").removesuffix("ms"))
    total_ms = total if total and 0 < total <= MS_AT_MOST else None
    return ResultLog(images, tuple(found), header, total_ms, tuple(notes), tuple(others))


def _blocks(text: str) -> tuple[dict[str, str], list[list[tuple[str, str]]], list[str]]:
    """The header, and the lines of each block, as keys and values, and the lines that are of neither.

    `framework` may come twice in a block.
    """
    header: dict[str, str] = {}
    blocks: list[list[tuple[str, str]]] = []
    others: list[str] = []
    for line in lines(text):
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


def _missing(name: object, vips: str, found: list[Workload]) -> list[str]:
    """Whether the score in the header, a sum over all workloads, says that some are not there."""
    told = _number(vips)
    summed = sum(one.accuracy / one.mean_ms * 1000 for one in found if one.mean_ms and one.accuracy is not None)
    if told is None or abs(told - summed) <= 1e-6 * abs(told):
        return []
    return [f"{name}: its vips is {told:.2f}, and its workloads give {summed:.2f}: some are missing or changed"]


def _workload(block: list[tuple[str, str]], images: int) -> Workload | None:
    values = dict(reversed(block))  # the first of each
    name = values.get("name", "")
    instance = instance_of(name)
    if instance is None:
        return None
    numbers = {key: _number(values[key].removesuffix("ms")) for key in _KEYS if key in values}
    fault = _fault(values, numbers, images)
    if fault:
        return Workload(shown(name), instance, fault=fault)
    load_ms = numbers["time_load"]
    return Workload(
        name=shown(name),
        instance=instance,
        load_ms=load_ms if load_ms is not None and load_ms >= 0 else None,
        first_ms=numbers["time_first_img"],
        total_ms=numbers["time_total"],
        mean_ms=numbers["time_avg"],
        sd_ms=numbers["time_sd"],
        accuracy=numbers["accuracy"],
    )


def _fault(values: dict[str, str], numbers: dict[str, float | None], images: int) -> str | None:
    """What is wrong with the numbers of a block."""
    for key in _KEYS:
        if key not in numbers:
            return f"the log breaks off before its {key}"
        value, lowest = numbers[key], -1 if key == "time_load" else 0
        if value is None or not lowest <= value <= MS_AT_MOST:
            return f"its {key} is {shown(values[key])!r}"
    if not numbers["time_avg"]:
        return "its time_avg is 0: it was not run"
    accuracy = numbers["accuracy"] or 0.0
    if accuracy > 1 or abs(accuracy * images - round(accuracy * images)) > 1e-6 * images:
        return f"its accuracy {accuracy:g} is no share of {images} images"
    return None


def _number(text: str) -> float | None:
    """A finite number, None if it is none."""
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if abs(value) < float("inf") else None
