"""Reading of runs, devices and attempts. Invalid parts are excluded and reported."""

from __future__ import annotations

import codecs
import reprlib
from pathlib import Path
from typing import Any, Dict, List

from .files import RECORD_LIMIT_BYTES, read_bytes
from .ids import split_attempt_name
from .schema import (
    ONCE,
    SCHEMA_VERSION,
    TELEMETRY_FIELDS,
    TERMINAL,
    Fields,
    RawLogError,
    check,
    check_event,
    parse,
)

Record = Dict[str, Any]
"""An event or another JSON object of a log."""


def read_json(path: str | Path, fields: Fields) -> Record:
    """Read run.json or device.json; raises RawLogError if the file is missing, invalid or of a newer version.

    The returned record has every field: optional fields missing in the file are None.
    """
    path = Path(path)
    if not path.exists():
        raise RawLogError("%s is missing: the folder is not a run, or the run ended before it was written." % path)
    try:
        record = parse(read_bytes(path, RECORD_LIMIT_BYTES))
    except ValueError as error:
        raise RawLogError("%s cannot be read as JSON (%s)." % (path, error))
    if not isinstance(record, dict):
        raise RawLogError("%s does not contain a JSON object." % path)
    version = record.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION or version < 1:
        text = "%s has schema version %s, but this version reads 1 to %d: update the toolkit."
        raise RawLogError(text % (path, reprlib.repr(version), SCHEMA_VERSION))
    check(record, fields, str(path))
    return dict(dict.fromkeys(fields), **record)


def attempt_paths(run_folder: str | Path) -> Dict[str, List[Path]]:
    """Return the attempt files of a run: {instance id: [path of attempt 1, 2, ...]}."""
    numbered_paths: Dict[str, List[tuple[int, Path]]] = {}
    for path in Path(run_folder).iterdir():
        name = split_attempt_name(path.name)
        if name:
            numbered_paths.setdefault(name[0], []).append((name[1], path))
    return {instance: [path for _, path in sorted(paths)] for instance, paths in sorted(numbered_paths.items())}


class Attempt(object):
    """One attempt as read from its file: its events, how it ended, and the lines that were excluded.

    status is "end", "failed" or "unavailable", or "cut" if the last event is none of these.
    """

    def __init__(self, path: str | Path, events: List[Record], left_out: List[str], dropped: str | None) -> None:
        self.path = Path(path)
        name = split_attempt_name(self.path.name)
        self.instance = name[0] if name else None
        self.attempt = name[1] if name else None
        self.events = events
        self.left_out = left_out  # a message for each line of the file that is not in events
        self.dropped = dropped  # text of a half-written line, which is also in left_out, or None
        self.status = events[-1]["event"] if events and events[-1]["event"] in TERMINAL else "cut"

    @property
    def last(self) -> Record:
        """The last event, or an empty dictionary if there are no events."""
        return self.events[-1] if self.events else {}

    @property
    def damaged(self) -> bool:
        """Whether more than the half-written line of a crash was excluded."""
        return len(self.left_out) > (self.dropped is not None)

    @property
    def contradiction(self) -> str | None:
        """What shows that the log is not that of a measurement of its instance that ended, or None.

        It is the log of another instance, or its last line states more images than it holds.
        """
        for load in self.of("load"):
            if load["instance"] != self.instance:
                return "its log is that of %s" % reprlib.repr(load["instance"])
        if self.status == "end" and not self.of("summary"):  # tools log a summary in place of the images
            for field, event in (("images", "image"), ("failed_images", "image_failed")):
                stated, counted = self.last[field], len(self.of(event))
                if stated > counted:
                    return "its last line states %d %s, but its log has %d" % (stated, field.replace("_", " "), counted)
        return None

    def of(self, event: str) -> List[Record]:
        """Return all events with a name, in order."""
        return [record for record in self.events if record["event"] == event]


def read_attempt(path: str | Path) -> Attempt:
    """Read an attempt; raises RawLogError if it cannot be read or contains no event. See `parse_attempt`."""
    return parse_attempt(path, read_bytes(path))


def parse_attempt(path: str | Path, data: bytes) -> Attempt:
    """Parse the content (bytes) of an attempt file; raises RawLogError if it contains no event.

    Invalid lines are excluded and reported, and so are lines after the end of the attempt, a second `load` and repeated
    queries. A crash may leave a half-written line: the last one, or the one before the `failed` event that the host
    appended.
    """
    lines = (data[3:] if data.startswith(codecs.BOM_UTF8) else data).split(b"\n")  # some editors add a byte order mark
    if not lines[-1]:
        lines.pop()
    events: List[Record] = []
    left_out: List[str] = []
    seen = set()
    dropped = None
    for number, line in enumerate(lines, 1):
        where = "line %d" % number
        try:
            record = parse(line)
            check_event(record, where)
            if events and events[-1]["event"] in TERMINAL:
                raise RawLogError("%s follows the end of the attempt." % where)
            if record["event"] in ONCE:
                field = ONCE[record["event"]]
                key = "%s %s" % (field, record[field]) if field else record["event"]
                if key in seen:
                    raise RawLogError("%s repeats %s." % (where, key))
                seen.add(key)
        except RawLogError as error:
            left_out.append(str(error)[:-1])
        except ValueError:
            left_out.append("%s is not JSON" % where)
            if number == len(lines) or (number == len(lines) - 1 and b'"event":"failed"' in lines[-1]):
                dropped = line.decode("utf-8", "replace")
                left_out[-1] = "an incomplete last line was dropped: %r" % dropped[:60]
        else:
            events.append(record)
    attempt = Attempt(path, events, left_out, dropped)
    if not events and (attempt.damaged or not lines):
        raise RawLogError("%s %s." % (path, "contains no event: " + left_out[0] if lines else "is empty"))
    return attempt


def read_telemetry(path: str | Path) -> tuple[List[Record], int]:
    """Return the samples of telemetry.jsonl and the number of invalid lines. The file may be missing."""
    samples: List[Record] = []
    broken = 0
    if Path(path).exists():
        lines = read_bytes(path).split(b"\n")
        for line in lines if lines[-1] else lines[:-1]:
            try:
                sample = parse(line)
                check(sample, TELEMETRY_FIELDS, str(path))
                samples.append(sample)
            except (ValueError, TypeError, AttributeError, RawLogError):  # also for JSON that is not an object
                broken += 1
    return samples, broken


def run_folders(raw_root: str | Path) -> List[Path]:
    """Return all folders <raw_root>/<device-slug>/<run-id>, in order of name."""
    root = Path(raw_root)
    return sorted(path for path in root.glob("*/*") if path.is_dir()) if root.is_dir() else []
