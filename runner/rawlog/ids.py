"""Names in the format: ids of instances, names of model files, and file names of attempts.

An instance id is <framework>_<delegate>_<quantization>_<model>, such as tflite_cpu_float32_mobilenet_v2. Only the model
may contain underscores.
"""

from __future__ import annotations

import re
from pathlib import Path

from .files import name_fault
from .schema import RawLogError

ATTEMPT_NAME = re.compile(r"(?P<instance>[a-z0-9_]+)\.(?P<attempt>[1-9][0-9]{0,8})\.jsonl")
"""Pattern of the names of attempt files."""


def format_instance_id(framework: str, delegate: str, quantization: str, model: str) -> str:
    """Return the id of an instance."""
    return f"{framework}_{delegate}_{quantization}_{model}"


def split_instance_id(instance_id: str) -> tuple[str, str, str, str]:
    """Return framework, delegate, quantization and model; raises ValueError if the id has fewer parts."""
    framework, delegate, quantization, model = instance_id.split("_", 3)
    return framework, delegate, quantization, model


def format_model_file_name(framework: str, quantization: str, model: str) -> str:
    """Return the name, without suffix, of the model file that all delegates of a framework share."""
    return f"{framework}_{quantization}_{model}"


def split_model_file_name(name: str) -> tuple[str, str, str]:
    """Return framework, quantization and model; raises ValueError if the name has fewer parts."""
    framework, quantization, model = name.split("_", 2)
    return framework, quantization, model


def format_attempt_name(instance_id: str, attempt: int) -> str:
    """Return the name of an attempt, which is the stem of its file names: <instance-id>.<attempt>."""
    return "%s.%d" % (instance_id, attempt)


def split_attempt_name(file_name: str) -> tuple[str, int] | None:
    """Return instance id and number of the attempt that a log file holds, or None for other files."""
    match = ATTEMPT_NAME.fullmatch(file_name)
    return (match["instance"], int(match["attempt"])) if match else None


def attempt_path(run_folder: str | Path, instance_id: str, attempt: int) -> Path:
    """Return the path of an attempt's file in a run folder; raises RawLogError if the id is not a name of a file."""
    fault = name_fault(instance_id)
    if fault:
        raise RawLogError("%s has an instance %a, which cannot be a name: %s." % (run_folder, instance_id, fault))
    return Path(run_folder) / (format_attempt_name(instance_id, attempt) + ".jsonl")
