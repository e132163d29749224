"""What a file becomes: attempts at instances, in the sitting that they are of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiot_suite.suite import Instance
from runner.importers.source import Source
from runner.tools.events import Event
from runner.tools.text import shown

OTHERS_SHOWN = 3
"""So many lines that were not understood are shown."""

MS_AT_MOST = 10**12
"""A time beyond 30 years is none."""


Datasets = Callable[[str, int, str | None], dict[str, Any]]
"""The dataset of a name, with so many images and such a label space, as run.json has it."""


@dataclass(frozen=True)
class Part:
    """An attempt at an instance: `load`, if it came so far, the events after it as lines, and its ending."""

    instance: Instance
    load: dict[str, Any] | None
    body: bytes
    ending: Event
    images: int = 0  # records of images in the body
    model_sha256_of: str | None = None  # text that stands for the model file

    @property
    def lines(self) -> bytes:
        """The whole log."""
        load = [("load", {**self.load, "instance": self.instance.id, "attempt": 1})] if self.load is not None else []
        return lines(load) + self.body + lines([self.ending])


@dataclass(frozen=True)
class DeviceFacts:
    """What is told of a device, beside what the user says."""

    maker: str | None = None
    code: str | None = None  # Build.MODEL, which may be what it is sold by or a code like SM-G970F
    os: str | None = None
    os_version: str | None = None
    ram_gb: float | None = None
    abi: str | None = None
    other: dict[str, str] = field(default_factory=dict)  # as it is, for device.json


@dataclass(frozen=True)
class Sitting:
    """What was measured together: of one device, in one way, no instance twice."""

    sources: tuple[Source, ...]
    parts: tuple[Part, ...]
    device: DeviceFacts
    profile: dict[str, Any]
    timing: str  # end_to_end or inference
    threads: int | None
    dataset: dict[str, Any]  # as run.json has it
    started: datetime
    started_from: str  # what that is told by
    ended: datetime | None
    notes: tuple[str, ...] = ()  # for the user

    @property
    def where(self) -> str:
        """Its files, for a sentence."""
        return " and ".join(str(one.path) for one in self.sources)

    @property
    def setting(self) -> tuple[object, ...]:
        """Sittings of the same device and setting may be one run."""
        return self.device.code, self.profile["name"], self.timing, self.threads, self.dataset["sha256"]


def understood(name: object, count: int, others: Sequence[str]) -> str:
    """Return the sentence on how many lines of a file were understood, with some of those that were not."""
    shown_first = ", ".join(repr(shown(text)) for text in list(dict.fromkeys(others))[:OTHERS_SHOWN])
    more = ", ..." if len(set(others)) > OTHERS_SHOWN else ""
    return f"{name}: {count} lines understood, {len(others)} not{f' ({shown_first}{more})' if others else ''}"


def lines(events: Iterable[Event]) -> bytes:
    """Events as lines of a log."""
    texts = (json.dumps({**fields, "event": name}, separators=(",", ":")) + "\n" for name, fields in events)
    return "".join(texts).encode()


def dataset(name: str, images: int, label_space: str | None) -> dict[str, Any]:
    """A dataset of which only the name is known: its hash is of that, so that the same name is the same dataset."""
    text = f"imported dataset {name}"
    record = {"name": name, "sha256": sha256_of(text), "sha256_of": text, "images": images}
    return {**record, "label_space": label_space}


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
