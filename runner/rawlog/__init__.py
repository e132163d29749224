"""The raw log format, version 1.

    schema   names, fields and their types
    check    validation of records
    writing  writing of run.json, device.json and attempts
    reading  reading of the same; invalid parts are left out and reported

This package uses only Python 3.8 and the standard library: it is pushed to devices with the agent, and it is the only
package of `runner` that the analysis imports. docs/raw-logs.md describes the format.

    data/raw/<device-slug>/<run-id>/run.json                     what was requested
                                    device.json                  the device it ran on
                                    <instance-id>.<attempt>.jsonl  one attempt, events in order
                                    telemetry.jsonl
                                    native/                      unmodified output of native tools

Attempts are append-only, and a finished attempt is never opened for writing again.
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
