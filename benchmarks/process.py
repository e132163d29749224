"""Benchmark of `aiot process` on the simulated fleet against pandas and DuckDB on the same files."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Measure, Options, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s, with_memory

if TYPE_CHECKING:
    from pathlib import Path

JOBS = 2
UNCHANGED_TARGET_S = 3.0
INSTANCES_TARGET_S = 0.2
MEMORY_TARGET_GB = 2.0
TARGETS: dict[str, float | None] = {
    "pandas.read_json(lines=True)": 0.25,
    "DuckDB read_json, types found": 2.5,
    "DuckDB read_json, types given": None,
}
"""Maximum ratio ours/peer. Users of DuckDB can specify the types if they know the format."""

_WAYS = dict(zip(TARGETS, ("pandas", "duckdb", "duckdb-typed"), strict=True))


def missing() -> str | None:
    if importlib.util.find_spec("aiot_analysis.simulate") is None:
        return "this version has no `aiot simulate`, which makes the raw logs."
    if importlib.util.find_spec("duckdb") is None:
        return "duckdb is not installed: run `make setup`."
    return None


def run(options: Options) -> list[Comparison | Level]:
    """Measure wall times in s and memory in GB on 51 devices, with `options.images` (default 500) per instance."""
    options.tell("simulate")
    raw, tables = options.folder / "raw", options.folder / "processed"
    wall_time_s(simulate(raw, images=options.images or 500))
    unchanged: list[float] = []
    unchanged_again: list[float] = []

    def ours() -> float:
        shutil.rmtree(tables, ignore_errors=True)
        spent = wall_time_s(process(raw, tables))
        unchanged.append(wall_time_s(process(raw, tables)))
        unchanged_again.append(wall_time_s(process(raw, tables)))
        return spent

    peers = {name: _peer(way, raw, options.folder / "peer.parquet") for name, way in _WAYS.items()}
    values = measure(ours, peers, options.pairs, options.tell)
    reading: tuple[list[float], list[float]] = ([], [])
    memory: tuple[list[float], list[float]] = ([], [])
    for number in range(options.pairs):
        options.tell(f"memory and reading, pair {number + 1} of {options.pairs}")
        for index in (0, 1):
            reading[index].append(seconds_to_read_instances(tables))
        for index in (0, 1):
            shutil.rmtree(tables)
            memory[index].append(with_memory(process(raw, tables)).memory_gb)
    what = "aiot process, 51 devices"
    return [
        *compared(f"{what}, --jobs {JOBS}", "s", values, TARGETS),
        Level(f"{what}, memory of all processes", "GB", *memory, MEMORY_TARGET_GB),
        Level(f"{what}, nothing changed", "s", unchanged, unchanged_again, UNCHANGED_TARGET_S),
        Level("reading the table of instances", "s", *reading, INSTANCES_TARGET_S),
    ]


def simulate(raw: Path, devices: int = 51, images: int = 500, quantized_on: str = "") -> list[str]:
    """Return the command that simulates raw logs, by default with quantized models on 25 of every 51 devices."""
    words = ["--devices", str(devices), "--quantized-on", quantized_on or str(devices * 25 // 51)]
    words += ["--images", str(images)]
    words += ["--jobs", str(JOBS)]
    return [str(SCRIPTS / "aiot"), "simulate", "--raw", str(raw), *words]


def process(raw: Path, processed: Path) -> list[str]:
    """Return the command that makes tables from raw logs."""
    return [str(SCRIPTS / "aiot"), "process", "--raw", str(raw), "--processed", str(processed), "--jobs", str(JOBS)]


def seconds_to_read_instances(processed: Path) -> float:
    """Return the time of the first read in a new process, without imports. Raise BenchmarkError if it fails."""
    completed = subprocess.run(
        _reader("instances", processed, processed), check=False, cwd=ROOT, capture_output=True, text=True
    )
    if completed.returncode:
        raise BenchmarkError(
            f"The table of instances in {processed} could not be read: {completed.stderr.strip()[-200:]}"
        )
    return float(completed.stdout)


def _peer(way: str, raw: Path, out: Path) -> Measure:
    return lambda: wall_time_s(_reader(way, raw, out))


def _reader(way: str, raw: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.tables", way, str(raw), str(out)]
