"""Benchmark of the time and memory to convert all six networks into every form of several frameworks."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from aiot_analysis.tables import names
from aiot_analysis.words import listed
from aiot_suite.suite import MODELS
from benchmarks.pairs import Comparison, Level
from benchmarks.processes import SCRIPTS, with_memory

if TYPE_CHECKING:
    from benchmarks.pairs import Options

TIME_TARGET_S = 360.0
MEMORY_TARGET_GB = 4.0
JOBS = 2
FRAMEWORKS = (("tflite", "pytorch"), ("onnxruntime", "ncnn", "mnn"))


def missing() -> str | None:
    if importlib.util.find_spec("litert_torch") is None:
        return "litert-torch is not installed: pip install 'aiotbench[models]'."
    return None


def run(options: Options) -> list[Comparison | Level]:
    """Measure conversions of all networks, from the sample weights in the package to model files."""
    return [level for frameworks in FRAMEWORKS for level in _convert(frameworks, options)]


def _convert(frameworks: tuple[str, ...], options: Options) -> list[Level]:
    """Measure the conversion into every form of some frameworks; networks are loaded and traced by each call anew."""
    folder = options.folder / "-".join(frameworks)
    folder.mkdir()
    words = ["--models", ",".join(MODELS), "--frameworks", ",".join(frameworks), "--jobs", str(JOBS)]
    options.tell(" ".join(["aiot models prepare", *words]))
    spent = with_memory([str(SCRIPTS / "aiot"), "models", "prepare", *words, "--workspace", str(folder)])
    files = sum(1 for _ in (folder / "data" / "models").glob("*/*.json"))
    what = f"{len(MODELS)} networks for {listed(map(names.framework, frameworks))}, {files} files, --jobs {JOBS}"
    return [
        Level(what, "s", [spent.wall_s], target=TIME_TARGET_S),
        Level(f"{what}: memory of all processes", "GB", [spent.memory_gb], target=MEMORY_TARGET_GB),
    ]
