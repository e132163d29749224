"""The raw log format, version 1: names, schema, writer and reader in one file.

Plain Python 3.8 and the standard library only: this file is pushed to devices with the agent, and it is
the only module of `runner` that the analysis half imports. docs/architecture.md shows the format.

    data/raw/<device-slug>/<run-id>/run.json                     what was asked for
                                    device.json                  what it ran on
                                    <instance-id>.<attempt>.jsonl  one attempt, events in order
                                    telemetry.jsonl
                                    native/                      untouched output of what ran

An attempt is only ever appended to, and a finished one is never opened for writing again.
"""

import json
import os
import re
from datetime import datetime, timezone
from pathlib import Path

SCHEMA_VERSION = 1

ORIGINS = ("measured", "simulated", "imported")
TERMINAL = ("end", "failed", "unavailable")
_INT, _NUMBER, _TEXT, _LIST, _DICT = (int,), (int, float), (str,), (list,), (dict,)
_OPTIONAL = (type(None),)

RUN_FIELDS = {
    "schema_version": _INT,
    "run_id": _TEXT,
    "device_slug": _TEXT,
    "origin": _TEXT,
    "suite": _LIST,  # instance ids in the order they are run
    "profile": _DICT,  # name, warmups, passes, min_queries, min_duration_s, max_images
    "seed": _INT,
    "threads": _INT,
    "timing": _TEXT,  # end_to_end or inference
    "dataset": _DICT,  # name, sha256, images, label_space
    "models": _DICT,  # instance id -> sha256, weights
    "software": _DICT,
    "started": _TEXT,  # ISO 8601, UTC
    "ended": _TEXT + _OPTIONAL,
}
"""Fields of run.json and their types."""

DEVICE_FIELDS = {
    "schema_version": _INT,
    "slug": _TEXT,
    "serial_sha256": _TEXT + _OPTIONAL,
    "maker": _TEXT + _OPTIONAL,
    "model": _TEXT + _OPTIONAL,
    "soc": _TEXT + _OPTIONAL,
    "ram_gb": _NUMBER + _OPTIONAL,
    "os": _TEXT + _OPTIONAL,
    "os_version": _TEXT + _OPTIONAL,
    "abi": _TEXT + _OPTIONAL,
    "kernel": _TEXT + _OPTIONAL,
    "cores": _LIST,  # one dict a core: max_mhz, governor
    "battery": _DICT + _OPTIONAL,
    "not_offered": _LIST,  # names of the fields above that the system does not offer
}
"""Fields of device.json and their types."""

EVENT_FIELDS = {
    "load": {
        "attempt": _INT,
        "instance": _TEXT,
        "load_ns": _INT,
        "framework_version": _TEXT + _OPTIONAL,
        "threads": _INT + _OPTIONAL,
        "model_sha256": _TEXT,
        "accelerator_requested": _TEXT + _OPTIONAL,
        "accelerator_actual": _TEXT + _OPTIONAL,
        "at": _TEXT,
    },
    "warmup": {"inference_ns": _INT},
    "image": {
        "query": _INT,
        "image": _TEXT,
        "label": _INT,
        "top5": _LIST,  # [class, score] pairs, best first
        "decode_ns": _INT,
        "preprocess_ns": _INT,
        "inference_ns": _INT,
        "postprocess_ns": _INT,
        "at_ns": _INT,  # since the first query began
    },
    "image_failed": {"query": _INT, "image": _TEXT, "label": _INT, "reason": _TEXT, "spent_ns": _INT, "at_ns": _INT},
    "operator": {
        "model": _TEXT,
        "framework": _TEXT,
        "operator": _TEXT,
        "kind": _TEXT,
        "repetition": _INT,
        "time_ns": _INT,
    },
    "summary": {"count": _INT, "tool": _TEXT, "mean_ms": _NUMBER},
    "end": {"images": _INT, "failed_images": _INT, "correct": _INT, "loop_ns": _INT, "peak_rss_kb": _INT + _OPTIONAL},
    "failed": {"reason": _TEXT},
    "unavailable": {"reason": _TEXT, "remedy": _TEXT},
}
"""Fields every event must have, by event name; more fields may follow."""

TELEMETRY_FIELDS = {
    "at": _TEXT,
    "instance": _TEXT + _OPTIONAL,
    "temperature_c": _NUMBER + _OPTIONAL,
    "frequency_mhz": _NUMBER + _OPTIONAL,
    "battery_percent": _NUMBER + _OPTIONAL,
    "thermal_status": _TEXT + _OPTIONAL,
    "load_average": _NUMBER + _OPTIONAL,
}
"""Fields of a line of telemetry.jsonl and their types."""

_ATTEMPT_NAME = re.compile(r"(?P<instance>[a-z0-9_]+)\.(?P<attempt>[1-9][0-9]*)\.jsonl")


class RawLogError(Exception):
    """A raw log that cannot be read or written: one sentence with the path, the value and what to try."""


def utc_now():
    """The time as ISO 8601 UTC with seconds, like 2026-11-22T18:40:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def check(record, fields, where):
    """Raises RawLogError if a field is missing or of another type."""
    for name, types in fields.items():
        if name not in record and type(None) not in types:
            raise RawLogError("%s has no field %r." % (where, name))
        value = record.get(name)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise RawLogError("%s has %r as %s, which is not of the format." % (where, value, name))
        if name.endswith("_ns") and value is not None and value < 0:
            raise RawLogError("%s has the negative time %r as %s." % (where, value, name))


def write_json(path, record, fields):
    """Checks a record and writes it whole or not at all."""
    path = Path(path)
    check(record, fields, str(path))
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(str(temporary), str(path))


def read_json(path, fields):
    """A record of run.json or device.json; raises RawLogError if it is missing, broken or of a newer version."""
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RawLogError("%s is missing: the folder is not a run, or the run ended before it began." % path)
    except (ValueError, OSError) as error:
        raise RawLogError("%s cannot be read as JSON (%s)." % (path, error))
    if not isinstance(record, dict):
        raise RawLogError("%s does not hold a JSON object." % path)
    version = record.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION or version < 1:
        raise RawLogError(
            "%s has schema version %r; this version reads 1 to %d: update the toolkit."
            % (path, version, SCHEMA_VERSION)
        )
    check(record, fields, str(path))
    return record


def attempt_path(run_folder, instance_id, attempt):
    return Path(run_folder) / ("%s.%d.jsonl" % (instance_id, attempt))


def attempt_paths(run_folder):
    """The attempts of a run: {instance id: [path of attempt 1, 2, ...]}."""
    found = {}  # type: dict
    for path in Path(run_folder).iterdir():
        match = _ATTEMPT_NAME.fullmatch(path.name)
        if match:
            found.setdefault(match["instance"], []).append((int(match["attempt"]), path))
    return {instance: [path for _, path in sorted(paths)] for instance, paths in sorted(found.items())}


class AttemptWriter(object):
    """Appends events to a new attempt's file, each flushed to the system at once."""

    def __init__(self, path):
        try:
            self._file = open(str(path), "x", encoding="utf-8")
        except FileExistsError:
            raise RawLogError("%s exists: an attempt is never written twice." % path)

    def write(self, event, **fields):
        fields["event"] = event
        self._file.write(json.dumps(fields, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def close_attempt(path, event, **fields):
    """Ends an attempt whose agent stopped without a word; a half-written last line stays as it is."""
    path = Path(path)
    cut = path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
    fields["event"] = event
    check(fields, EVENT_FIELDS[event], str(path))
    with open(str(path), "a", encoding="utf-8") as file:
        file.write(("\n" if cut else "") + json.dumps(fields, separators=(",", ":")) + "\n")


class Attempt(object):
    """One attempt as read: its events, how it ended and what was wrong with the file.

    status is "end", "failed", "unavailable", or "cut" where the last event is none of these.
    """

    def __init__(self, path, events, dropped):
        match = _ATTEMPT_NAME.fullmatch(Path(path).name)
        self.path = Path(path)
        self.instance = match["instance"] if match else None
        self.attempt = int(match["attempt"]) if match else None
        self.events = events
        self.dropped = dropped  # text of a half-written line, or None
        self.status = events[-1]["event"] if events and events[-1]["event"] in TERMINAL else "cut"

    @property
    def last(self):
        return self.events[-1] if self.events else {}

    def of(self, event):
        """All events of one name, in order."""
        return [record for record in self.events if record["event"] == event]


def read_attempt(path):
    """Reads one attempt.

    A half-written line is what a crash leaves: it is dropped, and named in `dropped`, where it is the
    last line or stands just before the ending that the host added. Anything else that is not of the
    format raises RawLogError.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RawLogError("%s cannot be read (%s)." % (path, error.strerror))
    if lines and not lines[-1]:
        lines.pop()
    events = []  # type: list
    dropped = None
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line.decode("utf-8"))
        except ValueError:
            closing = number == len(lines) - 1 and lines[-1].find(b'"event":"failed"') >= 0
            if number == len(lines) or closing:
                dropped = line.decode("utf-8", "replace")
                continue
            raise RawLogError("%s line %d is not JSON: the file is damaged." % (path, number))
        where = "%s line %d" % (path, number)
        if not isinstance(record, dict) or record.get("event") not in EVENT_FIELDS:
            raise RawLogError("%s is not an event of schema version %d." % (where, SCHEMA_VERSION))
        if events and events[-1]["event"] in TERMINAL:
            raise RawLogError("%s follows the end of the attempt." % where)
        check(record, EVENT_FIELDS[record["event"]], where)
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in record.get("top5", [])):
            raise RawLogError("%s has %r as top5: it holds pairs of class and score." % (where, record["top5"]))
        events.append(record)
    if not events and dropped is None:
        raise RawLogError("%s is empty." % path)
    return Attempt(path, events, dropped)


def read_telemetry(path):
    """Samples of telemetry.jsonl, none if there is no such file, and how many lines are not of the format."""
    path = Path(path)
    samples = []  # type: list
    broken = 0
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                sample = json.loads(line)
                check(sample, TELEMETRY_FIELDS, str(path))
            except (ValueError, AttributeError, RawLogError):
                broken += 1
            else:
                samples.append(sample)
    return samples, broken


def run_folders(raw_root):
    """Every folder <raw_root>/<device-slug>/<run-id>, in order of name."""
    root = Path(raw_root)
    return sorted(path for path in root.glob("*/*") if path.is_dir()) if root.is_dir() else []
