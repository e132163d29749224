"""The simulated fleet from raw logs to tables: `aiot process` against pandas and DuckDB on the same files."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.options import ROOT, Options
from benchmarks.pairs import BenchmarkError, Comparison, Level, Measure, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s, with_memory

JOBS = 2
UNCHANGED_TARGET_S = 3.0
INSTANCES_TARGET_S = 0.2
MEMORY_TARGET_GB = 2.0
TARGETS: dict[str, float | None] = {
    "pandas.read_json(lines=True)": 0.25,
    "DuckDB read_json, types found": 2.5,
    "DuckDB read_json, types given": None,
}
"""Highest ratio ours/peer. Giving the types is what a user of DuckDB can do who knows the format."""

_WAYS = dict(zip(TARGETS, ("pandas", "duckdb", "duckdb-typed"), strict=True))


def missing() -> str | None:
    if importlib.util.find_spec("aiot_analysis.simulate") is None:
        return "this version has no `aiot simulate`, which makes the raw logs."
    if importlib.util.find_spec("duckdb") is None:
        return "duckdb is not installed: pip install 'aiotbench[dev]'."
    return None


def run(options: Options) -> list[Comparison | Level]:
    """Wall times in s and memory in GB on 51 devices; `options.images` of each instance instead of 500."""
    options.tell("simulate")
    raw, tables = options.folder / "raw", options.folder / "processed"
    wall_time_s(simulate(raw, images=options.images or 500))
    unchanged: list[float] = []
    again: list[float] = []

    def ours() -> float:
        shutil.rmtree(tables, ignore_errors=True)
        spent = wall_time_s(process(raw, tables))
        unchanged.append(wall_time_s(process(raw, tables)))
        again.append(wall_time_s(process(raw, tables)))
        return spent

    peers = {name: _peer(way, raw, options.folder / "peer.parquet") for name, way in _WAYS.items()}
    values = measure(ours, peers, options.pairs, options.tell)
    reading: tuple[list[float], list[float]] = ([], [])
    memory: tuple[list[float], list[float]] = ([], [])
    for number in range(options.pairs):
        options.tell(f"memory and reading, pair {number + 1} of {options.pairs}")
        for some in (0, 1):
            reading[some].append(seconds_to_read_instances(tables))
        for some in (0, 1):
            shutil.rmtree(tables)
            memory[some].append(with_memory(process(raw, tables)).memory_gb)
    what = "aiot process, 51 devices"
    return [
        *compared(f"{what}, --jobs {JOBS}", "s", values, TARGETS),
        Level(f"{what}, memory of all processes", "GB", *memory, MEMORY_TARGET_GB),
        Level(f"{what}, nothing changed", "s", unchanged, again, UNCHANGED_TARGET_S),
        Level("reading the table of instances", "s", *reading, INSTANCES_TARGET_S),
    ]


def simulate(raw: Path, devices: int = 51, images: int = 500, quantized_on: str = "") -> list[str]:
    """The command that makes the raw logs of so many devices: quantized models on 25 of each 51, or as many as told."""
    words = ["--devices", str(devices), "--quantized-on", quantized_on or str(devices * 25 // 51)]
    words += ["--images", str(images)]
    words += ["--jobs", str(JOBS)]
    return [str(SCRIPTS / "aiot"), "simulate", "--raw", str(raw), *words]


def process(raw: Path, processed: Path) -> list[str]:
    """The command that makes tables of raw logs."""
    return [str(SCRIPTS / "aiot"), "process", "--raw", str(raw), "--processed", str(processed), "--jobs", str(JOBS)]


def seconds_to_read_instances(processed: Path) -> float:
    """How long the first reading in a fresh process takes, imports apart; BenchmarkError if it fails."""
    done = subprocess.run(_reader("instances", processed, processed), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkError(f"The table of instances in {processed} could not be read: {done.stderr.strip()[-200:]}")
    return float(done.stdout)


def _peer(way: str, raw: Path, out: Path) -> Measure:
    return lambda: wall_time_s(_reader(way, raw, out))


def _reader(way: str, raw: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.tables", way, str(raw), str(out)]
