"""Everything that is tried, and trying it in several processes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache

import numpy as np

from aiot_analysis.calibrate import claim_rates, compare_rates, interval_rates
from aiot_analysis.calibrate.rates import Rate, Row, Study
from aiot_analysis.errors import DataError

CHUNK = 8  # trials that a process does before it reports

Task = tuple[str, int, int]
"""Name of a study, first trial, and the one after the last."""


@cache
def studies() -> dict[str, Study]:
    """Return all studies by name."""
    return {study.name: study for part in (claim_rates, interval_rates, compare_rates) for study in part.studies()}


def sections() -> dict[str, list[str]]:
    """Return the names of all rows under the titles that they have in the table, in its order."""
    titles = {
        "What once was taken for evidence": [one.row.name for one in claim_rates.PITFALLS],
        "Claims, where they are false and where they are true": [one.row.name for one in claim_rates.PLANTED],
        "Further plans for claims": [one.row.name for one in claim_rates.FURTHER],
        "Intervals and rank sets": _names(interval_rates.studies()),
        "Two sides": _names(compare_rates.studies()),
    }
    return titles


def _names(some: Iterator[Study]) -> list[str]:
    return [row.name for study in some for row in study.rows]


def chosen(only: Sequence[str]) -> list[Study]:
    """Return the studies that have any of the rows, all of them if none is named. Raises DataError for unknown rows."""
    every = {row.name: study for study in studies().values() for row in study.rows}
    if unknown := [name for name in only if name not in every]:
        raise DataError(f"There is no row {unknown[0]!r}: choose from {', '.join(every)}.")
    return list({every[name].name: every[name] for name in only or every}.values())


def generator(study: Study, trial: int) -> np.random.Generator:
    """Return the random numbers of a trial, which are those of no other trial."""
    return np.random.default_rng([zlib.crc32(study.name.encode()), trial])


def count(task: Task) -> tuple[str, dict[str, tuple[int, int]]]:
    """Do some trials of a study, and return its name and the sums of their counts by row."""
    name, first, last = task
    study = studies()[name]
    hits: Counter[str] = Counter()
    tries: Counter[str] = Counter()
    for trial in range(first, last):
        for row, (hit, tried) in study.trial(generator(study, trial)).items():
            hits[row] += hit
            tries[row] += tried
    return name, {row: (hits[row], tries[row]) for row in tries}


def rates(
    wanted: Sequence[Study],
    trials: int | None = None,
    processes: int = 2,
    tell: Callable[[str], None] = lambda words: None,
) -> dict[str, Rate]:
    """Do the trials of some studies, and return the rate of each of their rows by name.

    `trials` is how many each study has at most. The rates do not depend on the number of processes.
    """
    rows: dict[str, Row] = {row.name: row for study in wanted for row in study.rows}
    number = {study.name: min(study.trials, trials or study.trials) for study in wanted}
    tasks = [(name, first, min(first + CHUNK, n)) for name, n in number.items() for first in range(0, n, CHUNK)]
    left = Counter(name for name, _, _ in tasks)
    hits: Counter[str] = Counter()
    tries: Counter[str] = Counter()
    for name, counts in _results(tasks, processes):
        for row, (hit, tried) in counts.items():
            hits[row] += hit
            tries[row] += tried
        left[name] -= 1
        if not left[name]:
            done = sum(not n for n in left.values())
            tell(f"{done} of {len(wanted)}: {', '.join(row.name for row in studies()[name].rows)}")
    return {name: Rate(row, hits[name], tries[name]) for name, row in rows.items()}


def _results(tasks: Sequence[Task], processes: int) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    if processes < 2:
        yield from map(count, tasks)
        return
    # a process uses one core: threads of the linear algebra would wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    # statsmodels calls the garbage collector at each correction of p-values, which takes long with many modules
    with ProcessPoolExecutor(processes, context, initializer=gc.freeze) as pool:
        for done in as_completed([pool.submit(count, task) for task in tasks]):
            yield done.result()
