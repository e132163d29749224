"""Writing of runs, devices and attempts."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path

from .check import RawLogError, check
from .schema import EVENT_FIELDS


def utc_now():
    """Return the current time as ISO 8601 in UTC with seconds, such as 2026-11-22T18:40:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_json(path, record, fields):
    """Validate a record and write it atomically as JSON."""
    path = Path(path)
    check(record, fields, str(path))
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(str(temporary), str(path))


def attempt_path(run_folder, instance_id, attempt):
    """Return the path of an attempt's file in a run folder."""
    return Path(run_folder) / ("%s.%d.jsonl" % (instance_id, attempt))


class AttemptWriter(object):
    """Writer that appends events to the file of a new attempt and flushes each to the operating system."""

    def __init__(self, path):
        try:
            self._file = open(str(path), "x", encoding="utf-8")
        except FileExistsError:
            raise RawLogError("%s exists: an attempt is never written twice." % path)

    def write(self, event, **fields):
        """Append an event with its fields as one line."""
        fields["event"] = event
        self._file.write(json.dumps(fields, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self):
        """Close the file."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def close_attempt(path, event, **fields):
    """Append the final event to an attempt whose agent stopped without writing one; keep a half-written last line."""
    path = Path(path)
    is_cut = path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
    fields["event"] = event
    check(fields, EVENT_FIELDS[event], str(path))
    with open(str(path), "a", encoding="utf-8") as file:
        file.write(("\n" if is_cut else "") + json.dumps(fields, separators=(",", ":")) + "\n")
