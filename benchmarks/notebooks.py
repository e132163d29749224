"""Benchmark of `aiot report` for each notebook alone, on the simulated fleet with all 60 instances: time and memory."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks import process, reports
from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Options
from benchmarks.processes import SCRIPTS, Spent, wall_time_s, with_memory

if TYPE_CHECKING:
    from pathlib import Path

TIME_TARGET_S = 60.0
MEMORY_TARGET_GB = 2.0


def missing() -> str | None:
    return process.missing()


def run(options: Options) -> list[Comparison | Level]:
    """Measure wall time in s and memory in GB of each notebook, in `options.pairs` rounds over all notebooks."""
    options.tell("simulate and process")
    raw, tables = options.folder / "raw", options.folder / "processed"
    simulate_command = process.simulate(raw, images=options.images or 500, quantized_on="all")
    wall_time_s(simulate_command, process.process(raw, tables))
    spent: dict[str, list[Spent]] = {notebook.stem: [] for notebook in reports.notebooks(options)}
    for number in range(options.pairs):
        for name, values in spent.items():
            options.tell(f"round {number + 1} of {options.pairs}: {name}")
            values.append(render(name, tables, options.folder / "reports"))
    results: list[Comparison | Level] = []
    for name, values in spent.items():
        results += [
            Level(f"{name}, 51 devices", "s", [usage.wall_s for usage in values], target=TIME_TARGET_S),
            Level(
                f"{name}, 51 devices, memory",
                "GB",
                [usage.memory_gb for usage in values],
                target=MEMORY_TARGET_GB,
            ),
        ]
    return results


def render(name: str, tables: Path, out: Path) -> Spent:
    """Render the page of one notebook on simulated data from scratch."""
    shutil.rmtree(out, ignore_errors=True)
    args = ["-p", "processed", str(tables), "-p", "origin", "simulated", "--notebooks", str(ROOT / "notebooks")]
    spent = with_memory([str(SCRIPTS / "aiot"), "report", name, *args, "--out", str(out), "--jobs", "1", "--force"])
    if not (out / f"{name}.html").is_file():
        raise BenchmarkError(f"No page was made of {name}.")
    return spent
