"""Benchmark of the time and memory to convert all six networks into every TFLite and PyTorch Mobile form."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from aiot_suite.suite import MODELS
from benchmarks.pairs import Comparison, Level
from benchmarks.processes import SCRIPTS, with_memory

if TYPE_CHECKING:
    from benchmarks.pairs import Options

TIME_TARGET_S = 360.0
MEMORY_TARGET_GB = 4.0
JOBS = 2


def missing() -> str | None:
    if importlib.util.find_spec("litert_torch") is None:
        return "litert-torch is not installed: pip install 'aiotbench[models]'."
    return None


def run(options: Options) -> list[Comparison | Level]:
    """Measure one conversion of all networks, from the sample weights in the package to 30 model files."""
    options.tell("aiot models prepare")
    words = ["--models", ",".join(MODELS), "--frameworks", "tflite,pytorch", "--jobs", str(JOBS)]
    command = [str(SCRIPTS / "aiot"), "models", "prepare", *words, "--workspace", str(options.folder)]
    spent = with_memory(command)
    what = f"{len(MODELS)} networks into 4 TFLite forms and PyTorch Mobile, --jobs {JOBS}"
    return [
        Level(what, "s", [spent.wall_s], target=TIME_TARGET_S),
        Level(f"{what}, memory of all processes", "GB", [spent.memory_gb], target=MEMORY_TARGET_GB),
    ]
