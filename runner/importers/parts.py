"""What a file becomes: attempts at instances, grouped by the session in which they were measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiot_suite.suite import Instance
from runner.importers.source import LogSource
from runner.tools.events import Event
from runner.tools.text import shown

OTHERS_SHOWN = 3
"""Maximum number of lines quoted that were not understood."""

MS_AT_MOST = 10**12
"""Upper limit of a plausible time in ms (about 30 years)."""


Datasets = Callable[[str, int, str | None], dict[str, Any]]
"""Return the dataset entry of run.json for a name, a number of images and a label space."""


@dataclass(frozen=True)
class LogPart:
    """An attempt at an instance.

    `load` is None if the attempt ended before the model was loaded. `body` holds the events after it as log lines, and
    `ending` is the last event.
    """

    instance: Instance
    load: dict[str, Any] | None
    body: bytes
    ending: Event
    images: int = 0  # number of image records in the body
    model_sha256_of: str | None = None  # text whose hash stands in for that of the model file

    @property
    def lines(self) -> bytes:
        """The whole log of the attempt."""
        events = [("load", {**self.load, "instance": self.instance.id, "attempt": 1})] if self.load is not None else []
        return event_lines(events) + self.body + event_lines([self.ending])


@dataclass(frozen=True)
class DeviceFacts:
    """What the logs state about a device, in addition to what the user states."""

    maker: str | None = None
    code: str | None = None  # Build.MODEL: either the retail name or a code like SM-G970F
    os: str | None = None
    os_version: str | None = None
    ram_gb: float | None = None
    abi: str | None = None
    other: dict[str, str] = field(default_factory=dict)  # copied unchanged to device.json


@dataclass(frozen=True)
class ImportSession:
    """A measurement session: attempts on one device, measured in the same way, at most one per instance."""

    sources: tuple[LogSource, ...]
    parts: tuple[LogPart, ...]
    device: DeviceFacts
    profile: dict[str, Any]
    timing: str  # end_to_end or inference
    threads: int | None
    dataset: dict[str, Any]  # in the form used in run.json
    started: datetime
    started_from: str  # source of the start time
    ended: datetime | None
    notes: tuple[str, ...] = ()  # messages for the user

    @property
    def where(self) -> str:
        """The paths of its files, joined for use in a sentence."""
        return " and ".join(str(source.path) for source in self.sources)

    @property
    def setting(self) -> tuple[object, ...]:
        """Device and settings; sessions in which these are equal may form one run."""
        return self.device.code, self.profile["name"], self.timing, self.threads, self.dataset["sha256"]


def understood(name: object, count: int, others: Sequence[str]) -> str:
    """Return a sentence on how many lines of a file were understood, quoting some of those that were not."""
    shown_first = ", ".join(repr(shown(text)) for text in list(dict.fromkeys(others))[:OTHERS_SHOWN])
    more = ", ..." if len(set(others)) > OTHERS_SHOWN else ""
    return f"{name}: {count} lines understood, {len(others)} not{f' ({shown_first}{more})' if others else ''}"


def event_lines(events: Iterable[Event]) -> bytes:
    """Return events as lines of a log."""
    texts = (json.dumps({**fields, "event": name}, separators=(",", ":")) + "\n" for name, fields in events)
    return "".join(texts).encode()


def dataset_record(name: str, images: int, label_space: str | None) -> dict[str, Any]:
    """Return the entry of a dataset of which only the name is known.

    Its hash is computed from the name, so that equal names mean the same dataset.
    """
    text = f"imported dataset {name}"
    record = {"name": name, "sha256": sha256_of(text), "sha256_of": text, "images": images}
    return {**record, "label_space": label_space}


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
