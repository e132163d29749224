"""All studies, and running them in several processes."""

from __future__ import annotations

import gc
import os
import zlib
from collections import Counter
from concurrent.futures import as_completed
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from aiot_analysis.calibrate import claim_rates, interval_rates
from aiot_analysis.calibrate.rates import Rate, RateRow, Study
from aiot_analysis.errors import DataError
from runner.rawlog.worker_pools import worker_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHUNK = 8  # trials per task of a process

Task = tuple[str, int, int]
"""Name of a study, first trial, and end of the range of trials (exclusive)."""


@cache
def studies() -> dict[str, Study]:
    """Return all studies by name."""
    all_studies = chain(
        claim_rates.claim_studies(), interval_rates.interval_studies(), interval_rates.comparison_studies()
    )
    return {study.name: study for study in all_studies}


def sections() -> dict[str, list[str]]:
    """Return the names of all rows by section title, in the order of the table."""
    return {
        "What once was taken for evidence": [planted.row.name for planted in claim_rates.PITFALLS],
        "Claims, where they are false and where they are true": [planted.row.name for planted in claim_rates.PLANTED],
        "Further plans for claims": [planted.row.name for planted in claim_rates.FURTHER],
        "Intervals and rank sets": _names(interval_rates.interval_studies()),
        "Two sides": _names(interval_rates.comparison_studies()),
    }


def _names(studies: Iterator[Study]) -> list[str]:
    return [row.name for study in studies for row in study.rows]


def chosen(only: Sequence[str]) -> list[Study]:
    """Return the studies that have any of the rows, or all studies if `only` is empty.

    Raises DataError for an unknown row.
    """
    study_of_row = {row.name: study for study in studies().values() for row in study.rows}
    if unknown := [name for name in only if name not in study_of_row]:
        raise DataError(f"There is no row {unknown[0]!r}: choose from {', '.join(study_of_row)}.")
    return list({study_of_row[name].name: study_of_row[name] for name in only or study_of_row}.values())


def generator(study: Study, trial: int) -> np.random.Generator:
    """Return the random number generator of a trial, which is different for every trial."""
    return np.random.default_rng([zlib.crc32(study.name.encode()), trial])


def count(task: Task) -> tuple[str, dict[str, tuple[int, int]]]:
    """Run some trials of a study, and return its name and the sums of the counts by row."""
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
    """Run the trials of the studies, and return the rate of each row by name.

    `trials` limits the number of trials per study. The rates do not depend on the number of processes.
    """
    rows: dict[str, RateRow] = {row.name: row for study in wanted for row in study.rows}
    trial_counts = {study.name: min(study.trials, trials or study.trials) for study in wanted}
    tasks = [
        (name, first, min(first + CHUNK, number))
        for name, number in trial_counts.items()
        for first in range(0, number, CHUNK)
    ]
    remaining_tasks = Counter(name for name, _, _ in tasks)
    hits: Counter[str] = Counter()
    tries: Counter[str] = Counter()
    for name, counts in _results(tasks, processes):
        for row, (hit, tried) in counts.items():
            hits[row] += hit
            tries[row] += tried
        remaining_tasks[name] -= 1
        if not remaining_tasks[name]:
            finished = sum(not number for number in remaining_tasks.values())
            tell(f"{finished} of {len(wanted)}: {', '.join(row.name for row in studies()[name].rows)}")
    return {name: Rate(row, hits[name], tries[name]) for name, row in rows.items()}


def _results(tasks: Sequence[Task], processes: int) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    if processes < 2:
        yield from map(count, tasks)
        return
    # each process uses one core; threads of the linear algebra library would wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # statsmodels runs the garbage collector at each correction of p-values, which is slow with many modules loaded
    with worker_pool(processes, gc.freeze) as pool:
        for future in as_completed([pool.submit(count, task) for task in tasks]):
            yield future.result()
