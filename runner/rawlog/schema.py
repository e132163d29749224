"""The fields of every record of the format, and their types."""

import re

SCHEMA_VERSION = 1

ORIGINS = ("measured", "simulated", "imported")
TERMINAL = ("end", "failed", "unavailable")
ATTEMPT_NAME = re.compile(r"(?P<instance>[a-z0-9_]+)\.(?P<attempt>[1-9][0-9]{0,8})\.jsonl")
"""The name of an attempt's file."""

_INT, _NUMBER, _TEXT, _BOOL, _LIST, _DICT = (int,), (int, float), (str,), (bool,), (list,), (dict,)
_OPTIONAL = (type(None),)


def _all(types, *names):
    return dict.fromkeys(names, types)


RUN_FIELDS = {
    "schema_version": _INT,
    **_all(_TEXT, "run_id", "device_slug", "origin"),
    "suite": _LIST,  # instance ids in the order they are run
    "profile": _DICT,  # name, warmups, passes, min_queries, min_duration_s, max_images
    "order": _DICT + _OPTIONAL,  # how it was made: seed, reversed, reverse_of
    **_all(_INT + _OPTIONAL, "seed", "threads"),  # null: not known, or not one for all (imported)
    "timing": _TEXT,  # end_to_end or inference
    "dataset": _DICT,  # name, sha256, images, label_space
    "models": _DICT,  # instance id -> sha256, weights, preprocess
    "software": _DICT,
    "conditions": _DICT + _OPTIONAL,  # that the device is to keep to
    "held": _LIST + _OPTIONAL,  # what it made of them, each time that it was something else
    "boots": _LIST + _OPTIONAL,  # starts of the device's system that it ran in; null: not known
    "native_tools": _DICT + _OPTIONAL,  # that TFLite's instances were measured with, and the accelerator asked for
    "checks": _DICT + _OPTIONAL,  # what `aiot models check` found, by file
    "imported": _DICT + _OPTIONAL,  # of a run of origin "imported": when, its files, what is not as the fields say
    **_all(_TEXT + _OPTIONAL, "study", "resize"),  # of a run that is none of the suite: what for, and which way
    "ab": _DICT + _OPTIONAL,  # of the study "ab": session, side, block, first, blocks, seed, a, b
    "started": _TEXT,  # ISO 8601, UTC
    "ended": _TEXT + _OPTIONAL,
}
"""Fields of run.json and their types."""

DEVICE_FIELDS = {
    "schema_version": _INT,
    "slug": _TEXT,
    **_all(_TEXT + _OPTIONAL, "serial_sha256", "maker", "model", "soc"),
    "ram_gb": _NUMBER + _OPTIONAL,
    **_all(_TEXT + _OPTIONAL, "os", "os_version", "abi", "kernel"),
    "cores": _LIST,  # one dict a core: max_mhz, governor
    "battery": _DICT + _OPTIONAL,
    "not_offered": _LIST,  # names of the fields above that the system does not offer
}
"""Fields of device.json and their types."""

STEPS = _all(_INT, "decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns")
"""Fields of an `image` without `total_ns`."""

EVENT_FIELDS = {
    "load": {
        "instance": _TEXT,
        "attempt": _INT,
        "load_ns": _INT + _OPTIONAL,
        **_all(_TEXT + _OPTIONAL, "model_sha256", "framework_version"),
        "image_library": _TEXT + _OPTIONAL,  # that decoded and resized; two versions may round pixels otherwise
        **_all(_TEXT + _OPTIONAL, "accelerator_requested", "accelerator_actual"),
        **_all(_INT + _OPTIONAL, "threads", "nodes", "nodes_delegated", "partitions"),
        "resolution_ms": _NUMBER + _OPTIONAL,  # of the clock; null: nanoseconds, or not known
        "at": _TEXT,
    },
    "warmup": {"inference_ns": _INT},
    "image": {
        "query": _INT,
        "image": _TEXT,
        "label": _INT,
        "top5": _LIST,  # [class, score] pairs, best first; the class is a whole number
        **_all(_INT + _OPTIONAL, *STEPS),
        "total_ns": _INT + _OPTIONAL,  # end to end, where a clock did not tell the four steps apart
        "at_ns": _INT,  # since the first query began
    },
    "image_failed": {
        "query": _INT,
        "image": _TEXT,
        "label": _INT,
        "reason": _TEXT,
        "spent_ns": _INT,
        "at_ns": _INT,
    },
    "node": {  # of a network's graph, in an order in which it can be computed
        **_all(_TEXT, "node", "kind"),
        "operation": _TEXT,  # in the words of who traced it, like Conv2d
        "within": _LIST,  # modules around it, outermost first, as path:class
        "inputs": _LIST,  # nodes
        **_all(_LIST + _OPTIONAL, "kernel", "stride"),  # height and width
        "groups": _INT + _OPTIONAL,
        **_all(_LIST, "in_shape", "out_shape"),  # of the first input; N, C, H, W
        **_all(_INT, "macs", "parameters"),  # multiply-accumulates; numbers that were learned
    },
    "operator": {**_all(_TEXT, "model", "framework", "operator", "kind"), **_all(_INT, "repetition", "time_ns")},
    "pass": _all(_INT, "repetition", "profiled_ns", "plain_ns"),  # the whole network, profiled and not
    "summary": {  # of a tool, in place of records of images
        "tool": _TEXT,
        "timing": _TEXT + _OPTIONAL,  # inference, where it is not said
        **_all(_INT + _OPTIONAL, "count", "runs_asked"),  # of runs
        "mean_ms": _NUMBER,
        **_all(_NUMBER + _OPTIONAL, "sd_ms", "min_ms", "max_ms", "first_ms", "p5_ms", "median_ms", "p95_ms"),
        "accuracy_accelerator": _TEXT + _OPTIONAL,  # what ran while accuracy was measured
        "accuracy_missing": _TEXT + _OPTIONAL,  # why there is none
    },
    "end": {**_all(_INT, "images", "failed_images", "correct", "loop_ns"), "peak_rss_kb": _INT + _OPTIONAL},
    "failed": {"reason": _TEXT},
    "unavailable": {"reason": _TEXT, "remedy": _TEXT},
}
"""Fields every event must have, by event name; more fields may follow."""

TELEMETRY_FIELDS = {
    "at": _TEXT,
    "instance": _TEXT + _OPTIONAL,
    "attempt": _INT + _OPTIONAL,
    "temperature_c": _NUMBER + _OPTIONAL,
    "temperature_sensor": _TEXT + _OPTIONAL,
    **_all(_NUMBER + _OPTIONAL, "battery_temperature_c", "skin_temperature_c"),
    "thermal_status": _TEXT + _OPTIONAL,
    **_all(_NUMBER + _OPTIONAL, "frequency_mhz", "battery_percent", "load_average"),
    **_all(_BOOL + _OPTIONAL, "plugged", "charging"),
    "overridden": _BOOL + _OPTIONAL,  # battery or thermal status was set by hand
    "lost": _BOOL + _OPTIONAL,  # the device did not answer
}
"""Fields of a line of telemetry.jsonl and their types."""

COUNTS = ("query", "repetition", "macs", "parameters", "count")
"""Fields that are never negative, beside those that end in _ns or _ms."""

LISTS = {**_all(int, "kernel", "stride", "in_shape", "out_shape"), **_all(str, "within", "inputs")}
"""Of what the lists of a `node` are."""

ONCE = {"load": None, "summary": None, "image": "query", "image_failed": "query", "node": "node"}
"""Events that come once in an attempt, or once for each value of a field."""
