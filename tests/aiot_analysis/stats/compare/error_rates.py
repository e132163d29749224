"""How often a comparison is wrong: simulated pairs of runs whose true change is known.

`python -m tests.aiot_analysis.stats.compare.error_rates` prints the table in docs/compare.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pandas as pd

from aiot_analysis.stats.compare import answers, regression, times
from tests.aiot_analysis.stats.series import autocorrelated

MARGINS = regression.Margins(0.05, 0.01)


@dataclass(frozen=True)
class Case:
    """What is drawn: so many instances of so many images on each side."""

    name: str
    instances: int = 24
    images: int = 500
    autocorrelation: float = 0.45  # of the times of neighbours: the median on the machine this was developed on
    runs: int = 1  # of each side
    between_runs: float = times.RUN_TO_RUN  # within which two runs are, 19 times of 20
    spread: float = 0.1  # of the times in a run, as a share of their mean
    ratio: float = 1.0  # of the times
    lost: float = 0.0  # accuracy
    flips: float = 0.02  # images that change sides without being lost, each way


def trial(case: Case, seed: int) -> dict[str, bool]:
    """Whether one comparison shows any change, and whether any regression."""
    rng = np.random.default_rng(seed)
    rows = []
    image = rng.normal(0, 0.1, case.images)
    for instance in range(case.instances):
        rows.append(_time(case, image, rng, seed * 1000 + instance) | {"metric": "mean"})
        rows.append(_accuracy(case, rng) | {"metric": "accuracy"})
    judged = regression.judged(pd.DataFrame(rows), True)
    return {
        "any change": bool(judged["verdict"].isin(["better", "worse"]).any()),
        "any regression": bool(judged["regression"].any()),
    }


def _time(case: Case, image, rng, seed: int) -> dict[str, float]:
    sd = np.log1p(case.between_runs) / 1.96 / np.sqrt(2)
    run = rng.normal(0, sd, (2, case.runs))
    if case.runs == 1:
        noise = case.spread * autocorrelated(case.autocorrelation, 2, case.images, seed)
        base, other = 10 * np.exp(image + run + noise) * [[1.0], [case.ratio]]
        log = times.of_images(base, other, times.MEAN, paired=True).of_any_run(times.RUN_TO_RUN)
    else:  # what is within a run is small beside what is between
        log = times.of_units(run[0], run[1] + np.log(case.ratio))
    return {"change": np.expm1(log.value), "p_value": log.p_value(), "p_beyond": log.p_beyond(MARGINS.time)}


def _accuracy(case: Case, rng) -> dict[str, float]:
    right, draw = rng.random(case.images) < 0.7, rng.random(case.images)
    other = np.where(right, draw >= (case.flips + case.lost) / 0.7, draw < case.flips / 0.3)
    found = answers.of_images(right.astype(float), other.astype(float), MARGINS.accuracy)
    return {"change": found.other - found.base, "p_value": found.p_value, "p_beyond": found.p_beyond}


def rates(case: Case, trials: int) -> dict[str, float]:
    """The shares of `trial` that are true."""
    with patch("gc.collect"):  # statsmodels calls it at each correction, and it takes longer than all the rest
        return pd.DataFrame([trial(case, seed) for seed in range(trials)]).mean().to_dict()


NO_CHANGE = [
    Case("one run a side, independent times", autocorrelation=0.0),
    Case("one run a side"),
    Case("one run a side, autocorrelation 0.9", autocorrelation=0.9),
    Case("one run a side, 100 images", images=100),
    Case("one run a side, one instance", instances=1),
    Case("three runs a side", runs=3),
    Case("three runs a side, runs within 50 %", runs=3, between_runs=0.5),
    Case("one run a side, runs within 10 %, not 5 %", between_runs=0.1),
    Case("one run a side, runs within 50 %, not 5 %", between_runs=0.5),
]


def main(trials: int) -> None:
    print("| simulated | any change shown | any regression (5 %, 1 point) | at the margin: any regression |")
    print("| --- | --- | --- | --- |")
    for case in NO_CHANGE:
        none = rates(case, trials)
        limit = rates(Case(**{**vars(case), "ratio": 1 + MARGINS.time, "lost": MARGINS.accuracy}), trials)
        numbers = none["any change"], none["any regression"], limit["any regression"]
        print(f"| {case.name} | {' | '.join(f'{100 * one:.1f} %' for one in numbers)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
