"""The raw log format, version 1.

    schema   names, fields and their types
    check    whether a record is of the format
    writing  run.json, device.json and attempts, as they are written
    reading  the same, as they are read: what is not of the format is left out and named

Plain Python 3.8 and the standard library only: this package is pushed to devices with the agent, and it is
the only one of `runner` that the analysis half imports. docs/architecture.md shows the format.

    data/raw/<device-slug>/<run-id>/run.json                     what was asked for
                                    device.json                  what it ran on
                                    <instance-id>.<attempt>.jsonl  one attempt, events in order
                                    telemetry.jsonl
                                    native/                      untouched output of what ran

An attempt is only ever appended to, and a finished one is never opened for writing again.
"""

from .check import RawLogError, check, check_event, parse
from .reading import (
    Attempt,
    attempt_paths,
    parse_attempt,
    read_attempt,
    read_bytes,
    read_json,
    read_telemetry,
    run_folders,
)
from .schema import (
    ATTEMPT_NAME,
    DEVICE_FIELDS,
    EVENT_FIELDS,
    ORIGINS,
    RUN_FIELDS,
    SCHEMA_VERSION,
    TELEMETRY_FIELDS,
    TERMINAL,
)
from .writing import AttemptWriter, attempt_path, close_attempt, utc_now, write_json

__all__ = [
    "ATTEMPT_NAME",
    "DEVICE_FIELDS",
    "EVENT_FIELDS",
    "ORIGINS",
    "RUN_FIELDS",
    "SCHEMA_VERSION",
    "TELEMETRY_FIELDS",
    "TERMINAL",
    "Attempt",
    "AttemptWriter",
    "RawLogError",
    "attempt_path",
    "attempt_paths",
    "check",
    "check_event",
    "close_attempt",
    "parse",
    "parse_attempt",
    "read_attempt",
    "read_bytes",
    "read_json",
    "read_telemetry",
    "run_folders",
    "utc_now",
    "write_json",
]
