"""The fields of all records of the format, and their types."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

Fields = Mapping[str, Tuple[type, ...]]
"""Type of the tables below: the allowed types of each field."""

SCHEMA_VERSION = 1

ORIGINS = ("measured", "simulated", "imported")
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
    "imported": _DICT + _OPTIONAL,  # for origin "imported": time, files, and deviations from the field definitions
    **_all(_TEXT + _OPTIONAL, "study", "resize"),  # for runs outside the suite: purpose, and way of resizing
    "ab": _DICT + _OPTIONAL,  # for the study "ab": session, side, block, first, blocks, seed, a, b
    "started": _TEXT,  # ISO 8601, UTC
    "ended": _TEXT + _OPTIONAL,
}
"""Fields of run.json and their types."""

DEVICE_FIELDS: Fields = {
    "schema_version": _INT,
    "slug": _TEXT,
    **_all(_TEXT + _OPTIONAL, "serial_sha256", "maker", "model", "soc"),
    "ram_gb": _NUMBER + _OPTIONAL,
    **_all(_TEXT + _OPTIONAL, "os", "os_version", "abi", "kernel"),
    "cores": _LIST,  # one dict per core: max_mhz, governor
    "battery": _DICT + _OPTIONAL,
    "not_offered": _LIST,  # names of the fields above that the system does not provide
}
"""Fields of device.json and their types."""

STEPS: Fields = _all(_INT, "decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns")
"""Fields that are required in an `image` event without `total_ns`."""

EVENT_FIELDS: Mapping[str, Fields] = {
    "load": {
        "instance": _TEXT,
        "attempt": _INT,
        "load_ns": _INT + _OPTIONAL,
        **_all(_TEXT + _OPTIONAL, "model_sha256", "framework_version"),
        "image_library": _TEXT + _OPTIONAL,  # that decoded and resized images; versions may round pixels differently
        **_all(_TEXT + _OPTIONAL, "accelerator_requested", "accelerator_actual"),
        **_all(_INT + _OPTIONAL, "threads", "nodes", "nodes_delegated", "partitions"),
        "resolution_ms": _NUMBER + _OPTIONAL,  # of the clock; null: nanoseconds, or unknown
        "at": _TEXT,
    },
    "warmup": {"inference_ns": _INT},
    "image": {
        "query": _INT,
        "image": _TEXT,
        "label": _INT,
        "top5": _LIST,  # [class, score] pairs, best first; the class is an integer
        **_all(_INT + _OPTIONAL, *STEPS),
        "total_ns": _INT + _OPTIONAL,  # end to end, if the four steps were not timed separately
        "at_ns": _INT,  # since the start of the first query
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
    "summary": {  # from a tool, instead of `image` events
        "tool": _TEXT,
        "timing": _TEXT + _OPTIONAL,  # inference if missing
        **_all(_INT + _OPTIONAL, "count", "runs_asked"),  # number of runs
        "mean_ms": _NUMBER,
        **_all(_NUMBER + _OPTIONAL, "sd_ms", "min_ms", "max_ms", "first_ms", "p5_ms", "median_ms", "p95_ms"),
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
    **_all(_NUMBER + _OPTIONAL, "frequency_mhz", "battery_percent", "load_average"),
    **_all(_BOOL + _OPTIONAL, "plugged", "charging"),
    "overridden": _BOOL + _OPTIONAL,  # battery or thermal status was set manually
    "lost": _BOOL + _OPTIONAL,  # the device did not respond
}
"""Fields of a line of telemetry.jsonl and their types."""

COUNTS = ("query", "repetition", "macs", "parameters", "count")
"""Fields that are never negative, in addition to those that end in _ns or _ms."""

LISTS: Mapping[str, type] = {**_all(int, "kernel", "stride", "in_shape", "out_shape"), **_all(str, "within", "inputs")}
"""Element types of the lists in a `node` event."""

ONCE: Mapping[str, str | None] = {
    "load": None,
    "summary": None,
    "image": "query",
    "image_failed": "query",
    "node": "node",
}
"""Events that occur once in an attempt (None), or once for each value of the field given here."""
