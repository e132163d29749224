"""Fields of all records of the format, their types, and the validation of records."""

from __future__ import annotations

import json
import math
import reprlib
from typing import Any, Dict, Mapping, Tuple

Fields = Mapping[str, Tuple[type, ...]]
"""Type of the tables below: the allowed types of each field."""

SCHEMA_VERSION = 1

ORIGINS = ("measured", "imported", "published", "simulated")
"""Where data are from, in the order of prominence: measured here, from logs of the user's own, known through somebody
else's publication, and simulated.
"""
TERMINAL = ("end", "failed", "unavailable")

_INT, _NUMBER, _TEXT, _BOOL, _LIST, _DICT = (int,), (int, float), (str,), (bool,), (list,), (dict,)
_OPTIONAL = (type(None),)


def _all(types: Any, *names: str) -> Dict[str, Any]:
    return dict.fromkeys(names, types)


RUN_FIELDS: Fields = {
    "schema_version": _INT,
    **_all(_TEXT, "run_id", "device_slug", "origin"),
    "suite": _LIST,  # instance ids, in execution order
    "profile": _DICT,  # name, warmups, passes, min_queries, min_duration_s, max_images
    "order": _DICT + _OPTIONAL,  # how the order was determined: seed, reversed, reverse_of
    **_all(_INT + _OPTIONAL, "seed", "threads"),  # null: unknown, or not the same for all instances (imported)
    "timing": _TEXT,  # end_to_end or inference
    "dataset": _DICT,  # name, sha256, images, label_space
    "models": _DICT,  # instance id -> sha256, weights, preprocess
    "software": _DICT,
    "conditions": _DICT + _OPTIONAL,  # requested of the device
    "held": _LIST + _OPTIONAL,  # conditions that the device actually applied, recorded at each change
    "boots": _LIST + _OPTIONAL,  # boots of the device's system during which the run executed; null: unknown
    "native_tools": _DICT + _OPTIONAL,  # those that measured TFLite's instances, and the requested accelerator
    "checks": _DICT + _OPTIONAL,  # results of `aiot models check`, by file
    "imported": _DICT + _OPTIONAL,  # for "imported" and "published": time, files, deviations from the field definitions
    "suite_name": _TEXT + _OPTIONAL,  # null: one of the paper's suites, or unknown
    **_all(_TEXT + _OPTIONAL, "study", "resize"),  # for runs outside the suite: purpose, and way of resizing
    "ab": _DICT + _OPTIONAL,  # for the study "ab": session, side, block, first, blocks, seed, a, b
    "started": _TEXT,  # ISO 8601, UTC
    "ended": _TEXT + _OPTIONAL,
}
"""Fields of run.json and their types."""

DEVICE_FIELDS: Fields = {
    "schema_version": _INT,
    "slug": _TEXT,
    **_all(_TEXT + _OPTIONAL, "serial_sha256", "system_sha256", "identity_doubt", "maker", "model", "soc"),
    "ram_gb": _NUMBER + _OPTIONAL,
    **_all(_TEXT + _OPTIONAL, "os", "os_version", "abi", "kernel"),
    "cores": _LIST,  # one dict per core: max_mhz, governor
    "battery": _DICT + _OPTIONAL,
    "not_offered": _LIST,  # names of the fields above that the system does not provide
}
"""Fields of device.json and their types."""

STEPS: Fields = _all(_INT, "decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns")
"""Fields that are required in an `image` event with a time but without `total_ns`."""

TIMES: Fields = {**STEPS, **_all(_INT, "total_ns", "at_ns")}
"""Times of an `image` event. An answer without a time has none of them."""

EVENT_FIELDS: Mapping[str, Fields] = {
    "load": {
        "instance": _TEXT,
        "attempt": _INT,
        "load_ns": _INT + _OPTIONAL,
        **_all(_TEXT + _OPTIONAL, "model_sha256", "framework_version"),
        "image_library": _TEXT + _OPTIONAL,  # that decoded and resized images; versions may round pixels differently
        **_all(_TEXT + _OPTIONAL, "accelerator_requested", "accelerator_actual"),
        **_all(_INT + _OPTIONAL, "threads", "nodes", "nodes_delegated", "partitions"),
        **_all(_INT + _OPTIONAL, "layers_npu", "layers_gpu", "layers_cpu"),  # layers by the unit that computed them
        "job": _TEXT + _OPTIONAL,  # id of the measurement at its publisher
        "resolution_ms": _NUMBER + _OPTIONAL,  # of the clock; null: nanoseconds, or unknown
        **_all(_TEXT + _OPTIONAL, "publication", "publisher", "submitter", "scenario", "address", "retrieved"),
        "at": _TEXT,
    },
    "warmup": {"inference_ns": _INT},
    "image": {
        "query": _INT,
        "image": _TEXT,
        "label": _INT,
        "top5": _LIST,  # [class, score] pairs, best first; the class is an integer, the score null if unknown
        **_all(_INT + _OPTIONAL, *STEPS),
        "total_ns": _INT + _OPTIONAL,  # end to end, if the four steps were not timed separately
        "at_ns": _INT + _OPTIONAL,  # since the start of the first query; null if the answer has no time
    },
    "image_failed": {
        "query": _INT,
        "image": _TEXT,
        "label": _INT,
        "reason": _TEXT,
        "spent_ns": _INT,
        "at_ns": _INT,
    },
    "node": {  # of a network's graph; nodes are in topological order
        **_all(_TEXT, "node", "kind"),
        "operation": _TEXT,  # as named by the tracer, such as Conv2d
        "within": _LIST,  # enclosing modules, outermost first, as path:class
        "inputs": _LIST,  # names of nodes
        **_all(_LIST + _OPTIONAL, "kernel", "stride"),  # height and width
        "groups": _INT + _OPTIONAL,
        **_all(_LIST, "in_shape", "out_shape"),  # N, C, H, W; in_shape is that of the first input
        **_all(_INT, "macs", "parameters"),  # multiply-accumulate operations; learned parameters
    },
    "operator": {**_all(_TEXT, "model", "framework", "operator", "kind"), **_all(_INT, "repetition", "time_ns")},
    "pass": _all(_INT, "repetition", "profiled_ns", "plain_ns"),  # the whole network, with and without profiling
    "summary": {  # from a tool, instead of the times of `image` events
        "tool": _TEXT,
        "timing": _TEXT + _OPTIONAL,  # inference if missing
        **_all(_INT + _OPTIONAL, "count", "runs_asked"),  # number of runs
        "mean_ms": _NUMBER,
        **_all(_NUMBER + _OPTIONAL, "sd_ms", "min_ms", "max_ms", "first_ms"),
        **_all(_NUMBER + _OPTIONAL, "p5_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms"),
        **_all(_NUMBER + _OPTIONAL, "memory_min_mb", "memory_max_mb"),
        **_all(_TEXT + _OPTIONAL, "scenario", "validity"),  # validity: as MLPerf LoadGen states it
        "torch_accuracy": _NUMBER + _OPTIONAL,  # of the PyTorch original on the same images
        "accuracy_accelerator": _TEXT + _OPTIONAL,  # accelerator used when accuracy was measured
        "accuracy_missing": _TEXT + _OPTIONAL,  # why there is no accuracy
    },
    "end": {**_all(_INT, "images", "failed_images", "correct", "loop_ns"), "peak_rss_kb": _INT + _OPTIONAL},
    "failed": {"reason": _TEXT},
    "unavailable": {"reason": _TEXT, "remedy": _TEXT},
}
"""Fields that every event must have, by event name; additional fields are allowed."""

TELEMETRY_FIELDS: Fields = {
    "at": _TEXT,
    "instance": _TEXT + _OPTIONAL,
    "attempt": _INT + _OPTIONAL,
    "temperature_c": _NUMBER + _OPTIONAL,
    "temperature_sensor": _TEXT + _OPTIONAL,
    **_all(_NUMBER + _OPTIONAL, "battery_temperature_c", "skin_temperature_c"),
    "thermal_status": _TEXT + _OPTIONAL,
    "throttling": _TEXT + _OPTIONAL,  # what slows a board down, or none
    **_all(_NUMBER + _OPTIONAL, "frequency_mhz", "battery_percent", "load_average"),
    **_all(_BOOL + _OPTIONAL, "plugged", "charging"),
    **_all(_NUMBER + _OPTIONAL, "charge_uah", "voltage_mv", "current_ua"),  # of the battery
    "screen_on": _BOOL + _OPTIONAL,  # only in samples of the idle device, which have no instance
    "overridden": _BOOL + _OPTIONAL,  # battery or thermal status was set manually
    "lost": _BOOL + _OPTIONAL,  # the device did not respond
    "others": _TEXT + _OPTIONAL,  # other measurements on the device: none, seen or unknown
}
"""Fields of a line of telemetry.jsonl and their types."""

COUNTS = ("query", "repetition", "macs", "parameters", "count")
"""Fields that are never negative, in addition to those that end in _ns or _ms."""

LISTS: Mapping[str, type] = {**_all(int, "kernel", "stride", "in_shape", "out_shape"), **_all(str, "within", "inputs")}
"""Element types of the lists in a `node` event."""

ITEMS: Mapping[str, type] = {"suite": str, "held": dict, "boots": dict, "cores": dict}
"""Element types of the lists in run.json and device.json."""

ONCE: Mapping[str, str | None] = {
    "load": None,
    "summary": None,
    "image": "query",
    "image_failed": "query",
    "node": "node",
}
"""Events that occur once in an attempt (None), or once for each value of the field given here."""


class RawLogError(Exception):
    """Raised if a raw log cannot be read or written. The message is one sentence with path, value and what to try."""


def parse(text: bytes) -> Any:
    """Parse the bytes of a line or a file as JSON; raises ValueError if they are not JSON or not valid UTF-8."""
    try:
        record = json.loads(text.decode("utf-8"))
        if b"\\u" in text:  # an escape may be a lone surrogate, which cannot be encoded
            json.dumps(record, ensure_ascii=False).encode("utf-8")
        return record
    except RecursionError:
        raise ValueError("it is nested too deeply")


def check(record: Mapping[str, Any], fields: Fields, where: str) -> None:
    """Raise RawLogError if a field is missing, has the wrong type or has an invalid value.

    Integers must fit in 64 bits, other numbers must be finite, and times and counts must not be negative.

    fields: the allowed types of each field; a field that allows None may be missing.
    where: the origin of the record, which starts the error message.
    """
    for name, types in fields.items():
        if name not in record and type(None) not in types:
            raise RawLogError("%s has no field %r." % (where, name))
        value = record.get(name)
        fits = math.isfinite(value) if isinstance(value, float) else type(value) is not int or -(2**63) <= value < 2**63
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types) or not fits:
            raise RawLogError("%s has %s as %s, which is not valid in the format." % (where, reprlib.repr(value), name))
        if name in ITEMS:
            _check_items(name, value, where)
        if (name.endswith(("_ns", "_ms")) or name in COUNTS) and isinstance(value, (int, float)) and value < 0:
            raise RawLogError("%s has the negative value %r as %s." % (where, value, name))


def _check_items(name: str, items: Any, where: str) -> None:
    """Raise RawLogError if an element of a list has the wrong type."""
    for item in items or ():
        if type(item) is not ITEMS[name]:
            raise RawLogError(
                "%s has %s in its %s, which is not valid in the format." % (where, reprlib.repr(item), name)
            )


def check_event(record: Any, where: str) -> None:
    """Raise RawLogError if a record is not a valid event. The error message starts with `where`."""
    event = record.get("event") if isinstance(record, dict) else None
    if not isinstance(event, str) or event not in EVENT_FIELDS:
        raise RawLogError("%s is not an event of schema version %d." % (where, SCHEMA_VERSION))
    check(record, EVENT_FIELDS[event], where)
    if event == "image" and any(record.get(name) is not None for name in TIMES):
        check(record, {"at_ns": _INT}, where)
        if record.get("total_ns") is None:
            check(record, STEPS, where)
    if event == "image" and not all(_is_answer(pair) for pair in record["top5"]):
        raise RawLogError(
            "%s has %s as top5, which must be pairs of class and score." % (where, reprlib.repr(record["top5"]))
        )
    for name in LISTS if event == "node" else ():
        values = record.get(name) or ()
        if not all(type(item) is LISTS[name] and (type(item) is not int or 0 <= item < 2**53) for item in values):
            raise RawLogError(
                "%s has %s as %s, which is not valid in the format." % (where, reprlib.repr(values), name)
            )


def _is_answer(pair: Any) -> bool:
    """Return whether a pair is a class and its score.

    The score is null if only the answer is known, and may be NaN, which a broken network produces.
    """
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    if type(pair[0]) not in (int, float) or type(pair[1]) not in (int, float, type(None)):
        return False
    # JSON does not distinguish 36 and 36.0 (RFC 8259, section 6)
    return bool(abs(pair[0]) < 2**53 and pair[0] == int(pair[0]))
