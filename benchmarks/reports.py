"""Benchmark of all reports on the measured data: `aiot report` against papermill and nbconvert for each notebook."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from aiot_analysis.report.notebooks import find
from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Options, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s

if TYPE_CHECKING:
    from pathlib import Path

TARGET = 1 / 1.6  # maximum ratio of our time to the peer's
UNCHANGED_TARGET_S = 3.0
JOBS = 2
PEER = "papermill, nbconvert"


def missing() -> str | None:
    tables = ROOT / "data" / "processed"
    if not (tables / "instances.parquet").is_file():
        return f"{tables} holds no processed tables: run `make demo`, or `aiot run --local` and `aiot process`."
    return None


def run(options: Options) -> list[Comparison | Level]:
    """Measure wall times in s of all pages, and of a second call without changes."""
    chosen = notebooks(options)
    names = [notebook.stem for notebook in chosen] if options.notebooks else []
    site = options.folder / "reports"
    unchanged: list[float] = []
    unchanged_again: list[float] = []

    def ours() -> float:
        shutil.rmtree(site, ignore_errors=True)
        spent = wall_time_s(_report(names, site, "--force"))
        check(site, chosen)
        unchanged.append(wall_time_s(_report(names, site)))
        unchanged_again.append(wall_time_s(_report(names, site)))
        return spent

    def peer() -> float:
        folder = options.folder / "peer"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        spent = wall_time_s(*(command for notebook in chosen for command in by_hand(notebook, folder)))
        check(folder, chosen)
        return spent

    values = measure(ours, {PEER: peer}, options.pairs, options.tell)
    what = f"{len(chosen)} pages"
    return [
        *compared(f"{what}, --jobs {JOBS}", "s", values, {PEER: TARGET}),
        Level(f"{what}, nothing changed", "s", unchanged, unchanged_again, UNCHANGED_TARGET_S),
    ]


def notebooks(options: Options) -> list[Path]:
    """Return the notebooks that runs of the suite have pages of, or the first `options.notebooks` of them."""
    return [notebook.path for notebook in find(ROOT / "notebooks") if notebook.is_made_for("measured")][
        : options.notebooks
    ]


def _report(names: list[str], out: Path, *more: str) -> list[str]:
    origin = ["-p", "origin", "measured"]  # the notebooks' default, which the peer uses
    return [str(SCRIPTS / "aiot"), "report", *names, *origin, "--jobs", str(JOBS), "--out", str(out), *more]


def by_hand(notebook: Path, folder: Path, *given: str) -> list[list[str]]:
    """Return the two commands that make a page without the toolkit; the notebook runs in the checkout, as with ours."""
    executed = str(folder / notebook.name)
    return [
        [str(SCRIPTS / "papermill"), "--cwd", str(ROOT), "--no-progress-bar", *given, str(notebook), executed],
        [str(SCRIPTS / "jupyter"), "nbconvert", "--to", "html", "--no-input", executed],
    ]


def check(folder: Path, notebooks: list[Path]) -> None:
    """Raise BenchmarkError if a page is missing."""
    absent = [notebook.stem for notebook in notebooks if not (folder / f"{notebook.stem}.html").is_file()]
    if absent:
        raise BenchmarkError(f"No page was made of {', '.join(absent)}.")
