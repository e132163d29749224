"""How long `aiot --help` takes, against what no command in Python that uses Typer can do without."""

from __future__ import annotations

import sys
from statistics import median

from benchmarks.options import Options
from benchmarks.pairs import Comparison, Level, Measure, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s

TARGET_S = 0.3
STARTS = 5  # a value is the median of so many

OURS = [str(SCRIPTS / "aiot"), "--help"]
PEERS = {
    "python -c 'import typer'": [sys.executable, "-c", "import typer"],
    "python -c pass": [sys.executable, "-c", "pass"],
}


def missing() -> str | None:
    return None


def run(options: Options) -> list[Comparison | Level]:
    """Wall times of processes in s."""
    for command in (OURS, *PEERS.values()):
        wall_time_s(command)  # so that files are in memory and bytecode is written for all alike
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
