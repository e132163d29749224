"""Writing of runs, devices and attempts."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Mapping

from .atomic import replace_text
from .check import RawLogError, check
from .schema import EVENT_FIELDS, Fields


def utc_now() -> str:
    """Return the current time as ISO 8601 in UTC with seconds, such as 2026-11-22T18:40:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_json(path: str | Path, record: Mapping[str, Any], fields: Fields) -> None:
    """Validate a record and write it as JSON, completely or not at all."""
    check(record, fields, str(path))
    replace_text(path, json.dumps(record, indent=1, sort_keys=True) + "\n")


class AttemptWriter(object):
    """Writer that appends events to the file of a new attempt and flushes each to the operating system."""

    def __init__(self, path: str | Path) -> None:
        try:
            self._file = open(str(path), "x", encoding="utf-8")
        except FileExistsError:
            raise RawLogError("%s already exists: an attempt is never overwritten." % path)

    def write(self, event: str, **fields: Any) -> None:
        """Append an event with its fields as one line."""
        fields["event"] = event
        self._file.write(json.dumps(fields, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> AttemptWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def close_attempt(path: str | Path, event: str, **fields: Any) -> None:
    """Append the final event to an attempt whose agent stopped without writing one; keep a half-written last line."""
    path = Path(path)
    is_cut = path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
    fields["event"] = event
    check(fields, EVENT_FIELDS[event], str(path))
    with open(str(path), "a", encoding="utf-8") as file:
        file.write(("\n" if is_cut else "") + json.dumps(fields, separators=(",", ":")) + "\n")
