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

import codecs
import json
import math
import os
import re
import reprlib
from datetime import datetime, timezone
from pathlib import Path

SCHEMA_VERSION = 1

ORIGINS = ("measured", "simulated", "imported")
TERMINAL = ("end", "failed", "unavailable")
_INT, _NUMBER, _TEXT, _BOOL, _LIST, _DICT = (int,), (int, float), (str,), (bool,), (list,), (dict,)
_OPTIONAL = (type(None),)

RUN_FIELDS = {
    "schema_version": _INT,
    **dict.fromkeys(["run_id", "device_slug", "origin"], _TEXT),
    "suite": _LIST,  # instance ids in the order they are run
    "profile": _DICT,  # name, warmups, passes, min_queries, min_duration_s, max_images
    **dict.fromkeys(["seed", "threads"], _INT + _OPTIONAL),  # null: not known, or not one for all (imported)
    "dataset": _DICT,  # name, sha256, images, label_space
    **dict.fromkeys(["models", "software"], _DICT),  # models: instance id -> sha256, weights, preprocess
    **dict.fromkeys(["conditions", "checks"], _DICT + _OPTIONAL),  # to keep to; what `aiot models check` found, by file
    "native_tools": _DICT + _OPTIONAL,  # that TFLite's instances were measured with, and the accelerator asked for
    "held": _LIST + _OPTIONAL,  # what the device made of the conditions, each time that it was something else
    "imported": _DICT + _OPTIONAL,  # of a run of origin "imported": when, its files, and what is not as the fields say
    **dict.fromkeys(["timing", "started"], _TEXT),  # end_to_end or inference; ISO 8601, UTC
    "ended": _TEXT + _OPTIONAL,
    **dict.fromkeys(["study", "resize"], _TEXT + _OPTIONAL),  # of a run that is none of the suite: what for, which way
}
"""Fields of run.json and their types."""

DEVICE_FIELDS = {
    **{"schema_version": _INT, "slug": _TEXT},
    **dict.fromkeys(["serial_sha256", "maker", "model", "soc"], _TEXT + _OPTIONAL),
    "ram_gb": _NUMBER + _OPTIONAL,
    **dict.fromkeys(["os", "os_version", "abi", "kernel"], _TEXT + _OPTIONAL),
    "cores": _LIST,  # one dict a core: max_mhz, governor
    "battery": _DICT + _OPTIONAL,
    "not_offered": _LIST,  # names of the fields above that the system does not offer
}
"""Fields of device.json and their types."""

EVENT_FIELDS = {
    "load": {
        **{"attempt": _INT, "load_ns": _INT + _OPTIONAL, "instance": _TEXT, "model_sha256": _TEXT + _OPTIONAL},
        **dict.fromkeys(["framework_version", "accelerator_requested", "accelerator_actual"], _TEXT + _OPTIONAL),
        **dict.fromkeys(["threads", "nodes", "nodes_delegated", "partitions"], _INT + _OPTIONAL),
        "resolution_ms": _NUMBER + _OPTIONAL,  # of the clock; null: nanoseconds, or not known
        "at": _TEXT,
    },
    "warmup": {"inference_ns": _INT},
    "image": {
        "query": _INT,
        "image": _TEXT,
        "label": _INT,
        "top5": _LIST,  # [class, score] pairs, best first; the class is a whole number
        **dict.fromkeys(["decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns"], _INT),
        "at_ns": _INT,  # since the first query began
    },
    "image_failed": {"query": _INT, "image": _TEXT, "label": _INT, "reason": _TEXT, "spent_ns": _INT, "at_ns": _INT},
    "node": {  # of a network's graph, in an order in which it can be computed
        **dict.fromkeys(["node", "kind"], _TEXT),
        "operation": _TEXT,  # in the words of who traced it, like Conv2d
        "within": _LIST,  # modules around it, outermost first, as path:class
        "inputs": _LIST,  # nodes
        **dict.fromkeys(["kernel", "stride"], _LIST + _OPTIONAL),  # height and width
        "groups": _INT + _OPTIONAL,
        **dict.fromkeys(["in_shape", "out_shape"], _LIST),  # of the first input; N, C, H, W
        **dict.fromkeys(["macs", "parameters"], _INT),  # multiply-accumulates; numbers that were learned
    },
    "operator": dict(dict.fromkeys(["model", "framework", "operator", "kind"], _TEXT), repetition=_INT, time_ns=_INT),
    "pass": dict.fromkeys(["repetition", "profiled_ns", "plain_ns"], _INT),  # the whole network, profiled and not
    "summary": {  # of a tool, in place of records of images: `count` runs; timing is inference where it is not said
        **{"tool": _TEXT, "mean_ms": _NUMBER, "timing": _TEXT + _OPTIONAL},
        **dict.fromkeys(["count", "runs_asked"], _INT + _OPTIONAL),
        **dict.fromkeys(["sd_ms", "min_ms", "max_ms", "first_ms", "p5_ms", "median_ms", "p95_ms"], _NUMBER + _OPTIONAL),
        **dict.fromkeys(["accuracy_accelerator", "accuracy_missing"], _TEXT + _OPTIONAL),  # ran for it; why none
    },
    "end": {"images": _INT, "failed_images": _INT, "correct": _INT, "loop_ns": _INT, "peak_rss_kb": _INT + _OPTIONAL},
    "failed": {"reason": _TEXT},
    "unavailable": {"reason": _TEXT, "remedy": _TEXT},
}
"""Fields every event must have, by event name; more fields may follow."""

_PHASES = ("decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns")
_IMAGE_AS_A_WHOLE = dict(EVENT_FIELDS["image"], total_ns=_INT, **dict.fromkeys(_PHASES, _INT + _OPTIONAL))
"""Of an `image` with `total_ns`, its time end to end, where a clock did not tell the four steps apart."""

TELEMETRY_FIELDS = {
    **{"at": _TEXT, "attempt": _INT + _OPTIONAL},
    **dict.fromkeys(["instance", "thermal_status", "temperature_sensor"], _TEXT + _OPTIONAL),
    **dict.fromkeys(["temperature_c", "battery_temperature_c", "skin_temperature_c"], _NUMBER + _OPTIONAL),
    **dict.fromkeys(["frequency_mhz", "battery_percent", "load_average"], _NUMBER + _OPTIONAL),
    **dict.fromkeys(["plugged", "charging", "overridden", "lost"], _BOOL + _OPTIONAL),  # set by hand; it did not answer
}
"""Fields of a line of telemetry.jsonl and their types."""

_COUNTS = ("query", "repetition", "macs", "parameters", "count")
_LISTS = dict(dict.fromkeys(["kernel", "stride", "in_shape", "out_shape"], int), within=str, inputs=str)
_ONCE = {"load": None, "summary": None, "image": "query", "image_failed": "query", "node": "node"}  # told apart by
_ATTEMPT_NAME = re.compile(r"(?P<instance>[a-z0-9_]+)\.(?P<attempt>[1-9][0-9]{0,8})\.jsonl")


class RawLogError(Exception):
    """A raw log that cannot be read or written: one sentence with the path, the value and what to try."""


def utc_now():
    """The time as ISO 8601 UTC with seconds, like 2026-11-22T18:40:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text):
    """What a line or a file (bytes) says in JSON; raises ValueError if it is no JSON, or no text in UTF-8."""
    try:
        record = json.loads(text.decode("utf-8"))
        if b"\\u" in text:  # an escape may be one half of a character, which no file can hold
            json.dumps(record, ensure_ascii=False).encode("utf-8")
        return record
    except RecursionError:
        raise ValueError("it is nested too deeply")


def check(record, fields, where):
    """Raises RawLogError if a field is missing or of another type.

    Whole numbers have at most 64 bits, other numbers are finite, times and query numbers are not negative.
    """
    for name, types in fields.items():
        if name not in record and type(None) not in types:
            raise RawLogError("%s has no field %r." % (where, name))
        value = record.get(name)
        fits = math.isfinite(value) if isinstance(value, float) else type(value) is not int or -(2**63) <= value < 2**63
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types) or not fits:
            raise RawLogError("%s has %s as %s, which is not of the format." % (where, reprlib.repr(value), name))
        if (name.endswith(("_ns", "_ms")) or name in _COUNTS) and value is not None and value < 0:
            raise RawLogError("%s has the negative value %r as %s." % (where, value, name))


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
        record = parse(path.read_bytes())
    except FileNotFoundError:
        raise RawLogError("%s is missing: the folder is not a run, or the run ended before it began." % path)
    except (ValueError, OSError) as error:
        raise RawLogError("%s cannot be read as JSON (%s)." % (path, error))
    if not isinstance(record, dict):
        raise RawLogError("%s does not hold a JSON object." % path)
    version = record.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION or version < 1:
        text = "%s has schema version %s; this version reads 1 to %d: update the toolkit."
        raise RawLogError(text % (path, reprlib.repr(version), SCHEMA_VERSION))
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
    """One attempt as read: its events, how it ended and which lines of the file are not used.

    status is "end", "failed", "unavailable", or "cut" where the last event is none of these.
    """

    def __init__(self, path, events, left_out, dropped):
        match = _ATTEMPT_NAME.fullmatch(Path(path).name)
        self.path = Path(path)
        self.instance = match["instance"] if match else None
        self.attempt = int(match["attempt"]) if match else None
        self.events = events
        self.left_out = left_out  # what is wrong with each line of the file that is no event here
        self.dropped = dropped  # text of a half-written line, which is left out too, or None
        self.status = events[-1]["event"] if events and events[-1]["event"] in TERMINAL else "cut"

    @property
    def last(self):
        return self.events[-1] if self.events else {}

    @property
    def damaged(self):
        """Whether more is left out than the half-written line that a crash leaves."""
        return len(self.left_out) > (self.dropped is not None)

    def of(self, event):
        """All events of one name, in order."""
        return [record for record in self.events if record["event"] == event]


def read_bytes(path):
    """The content of a file; raises RawLogError if it is none, or cannot be read."""
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would never end
            raise RawLogError("%s is not a file." % path)
        return Path(path).read_bytes()
    except OSError as error:
        raise RawLogError("%s cannot be read (%s)." % (path, error.strerror))


def read_attempt(path):
    """Reads one attempt; raises RawLogError if it cannot be read or holds no event. See parse_attempt."""
    return parse_attempt(path, read_bytes(path))


def parse_attempt(path, data):
    """The attempt that a file of this name and content (bytes) is; RawLogError if there is no event in it.

    A line that is not of the format is left out and named, and so are a line after the ending, a second `load`
    and a query that was there before. A half-written line is what a crash leaves: the last line, or the one
    before the ending that the host added.
    """
    lines = (data[3:] if data.startswith(codecs.BOM_UTF8) else data).split(b"\n")  # some editors add the mark
    if not lines[-1]:
        lines.pop()
    events, left_out, known = [], [], set()  # type: list, list, set
    dropped = None
    for number, line in enumerate(lines, 1):
        where = "line %d" % number
        try:
            record = parse(line)
            _check_event(record, where)
            if events and events[-1]["event"] in TERMINAL:
                raise RawLogError("%s follows the end of the attempt." % where)
            if record["event"] in _ONCE:
                field = _ONCE[record["event"]]
                once = "%s %s" % (field, record[field]) if field else record["event"]
                if once in known:
                    raise RawLogError("%s is %s a second time." % (where, once))
                known.add(once)
        except RawLogError as error:
            left_out.append(str(error)[:-1])
        except ValueError:
            left_out.append("%s is not JSON" % where)
            if number == len(lines) or (number == len(lines) - 1 and b'"event":"failed"' in lines[-1]):
                dropped = line.decode("utf-8", "replace")
                left_out[-1] = "a half-written line was dropped: %r" % dropped[:60]
        else:
            events.append(record)
    attempt = Attempt(path, events, left_out, dropped)
    if not events and (attempt.damaged or not lines):
        raise RawLogError("%s %s." % (path, "holds no event: " + left_out[0] if lines else "is empty"))
    return attempt


def _check_event(record, where):
    """Raises RawLogError if what a line says is not an event of the format."""
    event = record.get("event") if isinstance(record, dict) else None
    if not isinstance(event, str) or event not in EVENT_FIELDS:
        raise RawLogError("%s is not an event of schema version %d." % (where, SCHEMA_VERSION))
    whole = event == "image" and record.get("total_ns") is not None
    check(record, _IMAGE_AS_A_WHOLE if whole else EVENT_FIELDS[event], where)
    if event == "image" and not all(_is_answer(pair) for pair in record["top5"]):
        raise RawLogError("%s has %s as top5: pairs of class and score." % (where, reprlib.repr(record["top5"])))
    for name in _LISTS if event == "node" else ():
        values = record.get(name) or ()
        if not all(type(one) is _LISTS[name] and (type(one) is not int or 0 <= one < 2**53) for one in values):
            raise RawLogError("%s has %s as %s, which is not of the format." % (where, reprlib.repr(values), name))


def _is_answer(pair):
    """Whether it is a class and its score; a score may be NaN, which a broken network gives."""
    if not isinstance(pair, list) or [type(value) in (int, float) for value in pair] != [True, True]:
        return False
    return abs(pair[0]) < 2**53 and pair[0] == int(pair[0])  # JSON tells 36 and 36.0 not apart (RFC 8259, section 6)


def read_telemetry(path):
    """Samples of telemetry.jsonl, none without such a file, and how many lines are not of the format."""
    samples, broken = [], 0  # type: list, int
    if Path(path).exists():
        lines = read_bytes(path).split(b"\n")
        for line in lines if lines[-1] else lines[:-1]:
            try:
                sample = parse(line)
                check(sample, TELEMETRY_FIELDS, str(path))
                samples.append(sample)
            except (ValueError, TypeError, AttributeError, RawLogError):  # also what is JSON, and no object
                broken += 1
    return samples, broken


def run_folders(raw_root):
    """Every folder <raw_root>/<device-slug>/<run-id>, in order of name."""
    root = Path(raw_root)
    return sorted(path for path in root.glob("*/*") if path.is_dir()) if root.is_dir() else []
