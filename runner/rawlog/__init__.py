"""The raw log format, version 1.

This package uses only Python 3.8 and the standard library: it is pushed to devices with the agent, and it is the only
package of `runner` that the analysis imports. docs/raw-logs.md describes the format.

    data/raw/<device-slug>/<run-id>/run.json                     what was requested
                                    device.json                  the device it ran on
                                    <instance-id>.<attempt>.jsonl  one attempt, events in order
                                    telemetry.jsonl
                                    native/                      unmodified output of native tools

Attempts are append-only, and a finished attempt is never opened for writing again.
"""

from .commands import (
    WorkspaceError,
    existing_folder,
    print_json,
    refuse_address,
    workspace_above,
    workspace_to_read,
    workspace_to_write,
)
from .files import (
    LOG_LIMIT_BYTES,
    RECORD_LIMIT_BYTES,
    name_fault,
    read_bytes,
)
from .ids import (
    ATTEMPT_NAME,
    attempt_path,
    format_attempt_name,
    format_instance_id,
    format_model_file_name,
    split_attempt_name,
    split_instance_id,
    split_model_file_name,
)
from .reader import (
    Attempt,
    attempt_paths,
    parse_attempt,
    read_attempt,
    read_json,
    read_telemetry,
    run_folders,
)
from .schema import (
    DEVICE_FIELDS,
    EVENT_FIELDS,
    ORIGINS,
    RUN_FIELDS,
    SCHEMA_VERSION,
    TELEMETRY_FIELDS,
    TERMINAL,
    RawLogError,
    check,
    check_event,
    parse,
)
from .writer import AttemptWriter, close_attempt, locked, partial_path, replace_text, replacing, utc_now, write_json

__all__ = [
    "ATTEMPT_NAME",
    "DEVICE_FIELDS",
    "EVENT_FIELDS",
    "LOG_LIMIT_BYTES",
    "ORIGINS",
    "RECORD_LIMIT_BYTES",
    "RUN_FIELDS",
    "SCHEMA_VERSION",
    "TELEMETRY_FIELDS",
    "TERMINAL",
    "Attempt",
    "AttemptWriter",
    "RawLogError",
    "WorkspaceError",
    "attempt_path",
    "attempt_paths",
    "check",
    "check_event",
    "close_attempt",
    "existing_folder",
    "format_attempt_name",
    "format_instance_id",
    "format_model_file_name",
    "locked",
    "name_fault",
    "parse",
    "parse_attempt",
    "partial_path",
    "print_json",
    "read_attempt",
    "read_bytes",
    "read_json",
    "read_telemetry",
    "refuse_address",
    "replace_text",
    "replacing",
    "run_folders",
    "split_attempt_name",
    "split_instance_id",
    "split_model_file_name",
    "utc_now",
    "workspace_above",
    "workspace_to_read",
    "workspace_to_write",
    "write_json",
]
