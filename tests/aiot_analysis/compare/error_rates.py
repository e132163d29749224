"""Estimate how often a comparison is wrong, with simulated pairs of runs whose true change is known.

`python -m tests.aiot_analysis.compare.error_rates` prints the table in docs/compare.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from aiot_analysis.compare import changes, instances
from aiot_analysis.compare.sides import TIMES, over_sessions
from aiot_analysis.stats import intervals, variance
from tests.aiot_analysis.stats.series import autocorrelated

MARGINS = instances.Margins(0.05, 0.01)


@dataclass(frozen=True)
class Case:
    """Parameters of simulated pairs: numbers of instances and images per side, noise and true changes."""

    name: str
    instances: int = 24
    images: int = 500
    autocorrelation: float = 0.45  # of consecutive times: the median on the development machine
    sessions: int = 1  # per side, a day apart
    runs: int = 1  # per session, ten minutes apart
    between: float = variance.RUN_TO_RUN  # within which two sessions agree in 19 of 20 cases
    shared: bool = False  # whether a session shifts all instances alike, or each independently
    more: int = 0  # additional sessions of the other side
    unequal: float = 1.0  # factor by which sessions of every second instance differ more
    spread: float = 0.1  # standard deviation of times in a run as a share of the mean
    ratio: float = 1.0  # of times
    lost: float = 0.0  # accuracy
    flips: float = 0.02  # share of images that flip in each direction without a loss


def trial(case: Case, seed: int) -> dict[str, float]:
    """Return whether one comparison shows any change and any regression, and shares of instances.

    The shares are of instances that are shown to be slower, and that are a regression in time and in accuracy.
    """
    rng = np.random.default_rng(seed)
    logs = _times(case, rng, seed)
    accuracy_changes = [_accuracy(case, rng) for _ in range(case.instances)]
    level = intervals.level(2 * case.instances)
    rows = [
        *({"metric": "mean", **_ends(log.interval(level), 1), **instances.tests(log)} for log in logs),
        *(
            {"metric": "accuracy", **_ends(change.interval(level), 0), **instances.tests(change)}
            for change in accuracy_changes
        ),
    ]
    judged = instances.add_verdicts(pd.DataFrame(rows), MARGINS)
    time = judged["metric"] == "mean"
    return {
        "any change": bool(judged["verdict"].isin(["better", "worse"]).any()),
        "any regression": bool(judged["regression"].any()),
        "slower": (judged["verdict"] == "worse")[time].mean(),
        "regression in time": judged["regression"][time].mean(),
        "regression in accuracy": judged["regression"][~time].mean(),
    }


def _ends(interval, none):
    """Return the ends of an interval as changes, where `none` stands for no change."""
    return {"low": interval[0] - none, "high": interval[1] - none}


def _times(case: Case, rng, seed: int) -> list[changes.LogRatio] | list[changes.SharedRatio]:
    """Return the ratio of the times of each instance, from sessions if there are enough and else from the last runs."""
    sd = variance.standard_deviation(case.between)
    sessions = case.sessions + case.more
    count = 2 * sessions * case.runs
    session = rng.normal(0, sd, (1 if case.shared else case.instances, 2, sessions, 1, 1))
    session[1::2] *= case.unequal
    noise = autocorrelated(case.autocorrelation, case.instances * count, case.images, seed)
    noise = noise.reshape(case.instances, 2, sessions, case.runs, case.images)
    image = rng.normal(0, 0.1, case.images)
    ms = 10 * np.exp(image + session + case.spread * noise) * np.array([1.0, case.ratio])[:, None, None, None]
    both = ms[:, 0, : case.sessions], ms[:, 1]
    sides = [[rows for _, rows in over_sessions(_runs(side)).groupby("instance_id")] for side in both]
    if instances.enough(sides[0][0], sides[1][0]):
        logs = [np.log([rows["end_to_end_ms_mean"].to_numpy() for rows in side]) for side in sides]
        return changes.ratio_of_sessions(*logs)
    last = ms[:, :, -1, -1]
    return [changes.ratio_of_images(*both, changes.MEAN, paired=True).of_any_run(variance.RUN_TO_RUN) for both in last]


def _runs(ms) -> pd.DataFrame:
    """Return the rows of one side and their sessions for times of shape (instances, sessions, runs, images)."""
    return _rows(*ms.shape[:3]).assign(**dict.fromkeys(TIMES, ms.mean(axis=-1).ravel()))


@cache
def _rows(many: int, sessions: int, runs: int) -> pd.DataFrame:
    """Return the rows without times, which are all that differs between trials."""
    started = [pd.Timestamp(2026, 1, 1 + day, 0, 10 * at) for day in range(sessions) for at in range(runs)]
    once = pd.DataFrame({"device_id": "local", "run_id": map(str, started), "started": map(str, started)})
    once = once.assign(session=variance.sessions(once), accuracy=0.7)
    return pd.concat([once.assign(instance_id=f"instance-{place:02}") for place in range(many)], ignore_index=True)


def _accuracy(case: Case, rng) -> changes.AccuracyChange:
    right, draw = rng.random(case.images) < 0.7, rng.random(case.images)
    other = np.where(right, draw >= (case.flips + case.lost) / 0.7, draw < case.flips / 0.3)
    return changes.accuracy_on_images(right.astype(float), other.astype(float))


def rates(case: Case, trials: int) -> dict[str, float]:
    """Return the means of `trial` over the trials."""
    return pd.DataFrame([trial(case, seed) for seed in range(trials)]).mean().to_dict()


CASES = [
    Case("one run a side"),
    Case("one run a side, autocorrelation 0.9", autocorrelation=0.9),
    Case("one run a side, 100 images", images=100),
    Case("one run a side, one instance", instances=1),
    Case("three runs a side, of one session each", runs=3),
    Case("three runs a side, of one session each that all instances share", runs=3, shared=True),
    Case("three sessions a side", sessions=3),
    Case("three sessions a side, of three runs each", sessions=3, runs=3),
    Case("three sessions a side that all instances share", sessions=3, shared=True),
    Case("three sessions a side, sessions within 50%", sessions=3, between=0.5),
    Case("three sessions a side, those of every second instance within 15%, not 5%", sessions=3, unequal=3.0),
    Case("five sessions a side", sessions=5),
    Case("five sessions a side that all instances share", sessions=5, shared=True),
    Case("two sessions and four", sessions=2, more=2),
    Case("two sessions and four that all instances share", sessions=2, more=2, shared=True),
    Case("three sessions and six that all instances share", sessions=3, more=3, shared=True),
    Case("two sessions a side", sessions=2),
    Case("two sessions a side that all instances share", sessions=2, shared=True),
    Case("one run a side that all instances share", shared=True),
    Case("one run a side, sessions within 10%, not 5%", between=0.1),
    Case("one run a side, sessions within 50%, not 5%", between=0.5),
]


def main(trials: int) -> None:
    print("| simulated | any change shown | any regression (5%, 1 point) | at the margin: any regression", end=" | ")
    print("10% slower: an instance shown to be | a regression | 20% slower: a regression", end=" | ")
    print("5 points lost: a regression |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        none = rates(case, trials)
        limit = rates(Case(**{**vars(case), "ratio": 1 + MARGINS.time, "lost": MARGINS.accuracy}), trials)
        slower = rates(Case(**{**vars(case), "ratio": 1.1}), trials)
        much = rates(Case(**{**vars(case), "ratio": 1.2, "lost": 0.05}), trials)
        numbers = [none["any change"], none["any regression"], limit["any regression"], slower["slower"]]
        numbers += [slower["regression in time"], much["regression in time"], much["regression in accuracy"]]
        print(f"| {case.name} | {' | '.join(f'{100 * number:.1f}%' for number in numbers)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
