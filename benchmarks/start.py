"""Benchmark of the time of `aiot --help` against the minimum for any Python command that uses Typer."""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.pairs import Comparison, Level, Measure, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s

if TYPE_CHECKING:
    from benchmarks.pairs import Options

TARGET_S = 0.3
STARTS = 5  # number of starts per value, which is their median

OURS = [str(SCRIPTS / "aiot"), "--help"]
PEERS = {
    "python -c 'import typer'": [sys.executable, "-c", "import typer"],
    "python -c pass": [sys.executable, "-c", "pass"],
}


def missing() -> str | None:
    return None


def run(options: Options) -> list[Comparison | Level]:
    """Measure wall times of processes in s."""
    for command in (OURS, *PEERS.values()):
        wall_time_s(command)  # warm-up, so that files are in memory and bytecode is written
    values = measure(
        _median_s(OURS),
        {name: _median_s(command) for name, command in PEERS.items()},
        options.pairs,
        options.tell,
    )
    return [
        Level("aiot --help", "s", values["ours"], target=TARGET_S),
        *compared("aiot --help", "s", values, dict.fromkeys(PEERS)),
    ]


def _median_s(command: list[str]) -> Measure:
    return lambda: median(wall_time_s(command) for _ in range(STARTS))
