"""Every notebook alone on the simulated fleet with all 60 instances: how long `aiot report` takes, and its memory."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import process, reports
from benchmarks.options import ROOT, Options
from benchmarks.pairs import BenchmarkError, Comparison, Level
from benchmarks.processes import SCRIPTS, Spent, wall_time_s, with_memory

TIME_TARGET_S = 60.0
MEMORY_TARGET_GB = 2.0


def missing() -> str | None:
    return process.missing()


def run(options: Options) -> list[Comparison | Level]:
    """Wall times in s and memory in GB of each notebook, `options.pairs` values of each, in rounds over all of them."""
    options.tell("simulate and process")
    raw, tables = options.folder / "raw", options.folder / "processed"
    every = process.simulate(raw, images=options.images or 500, quantized_on="all")
    wall_time_s(every, process.process(raw, tables))
    spent: dict[str, list[Spent]] = {notebook.stem: [] for notebook in reports.notebooks(options)}
    for number in range(options.pairs):
        for name in spent:
            options.tell(f"round {number + 1} of {options.pairs}: {name}")
            spent[name].append(render(name, tables, options.folder / "reports"))
    results: list[Comparison | Level] = []
    for name, values in spent.items():
        results += [
            Level(f"{name}, 51 devices", "s", [one.wall_s for one in values], target=TIME_TARGET_S),
            Level(f"{name}, 51 devices, memory", "GB", [one.memory_gb for one in values], target=MEMORY_TARGET_GB),
        ]
    return results


def render(name: str, tables: Path, out: Path) -> Spent:
    """Renders the page of one notebook on simulated data, anew."""
    shutil.rmtree(out, ignore_errors=True)
    given = ["-p", "processed", str(tables), "-p", "origin", "simulated", "--notebooks", str(ROOT / "notebooks")]
    spent = with_memory([str(SCRIPTS / "aiot"), "report", name, *given, "--out", str(out), "--jobs", "1", "--force"])
    if not (out / f"{name}.html").is_file():
        raise BenchmarkError(f"No page was made of {name}.")
    return spent
