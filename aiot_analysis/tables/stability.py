"""How steady an instance's time is from part to part of its run."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.tables import along

KEY = along.KEY
Floats = NDArray[np.float64]

STABLE = 0.97
"""The frame-rate stability with which 3DMark's stress tests count as passed (UL Solutions)."""
SHUFFLES = 100
CHANCE = 0.01
"""How often times in random order, of an instance that is as noisy, may score as low as one that is unstable."""
STEADINESS = ("stable", "unstable", "no less stable than chance", "cannot be decided")


def scores(images: pd.DataFrame, timing: str = "inference", seed: int = 0) -> pd.DataFrame:
    """Return one row per run x instance of image records: its stability score.

    It is that of 3DMark's stress tests: the frame rate of the worst loop over that of the best one, which is the mean
    time of the fastest of `along.loops` over that of the slowest, from 0 to 1. The first image is apart. Columns
    images, loops, fastest_ms and slowest_ms (mean time of those loops), stability, chance, chance_low (median and 1st
    percentile of the score of the same times in SHUFFLES random orders: noise alone makes a loop slower than another),
    steadiness and gap. `steadiness` is `stable` from STABLE on; below, `unstable` where the score is also under
    chance_low, else `no less stable than chance`; `cannot be decided` under `along.MIN_IMAGES` images, as the gap says.
    """
    parts = []
    for keys, times in along.matrices(along.usable(images, timing)):
        some = keys[KEY].assign(images=times.shape[1])
        if times.shape[1] >= along.MIN_IMAGES:
            fastest, slowest = _extremes(times)
            score, chance = _ratio(fastest, slowest), _by_chance(times, seed)
            middle, low = np.quantile(chance, [0.5, CHANCE], axis=1)
            numbers = {"fastest_ms": fastest, "slowest_ms": slowest, "stability": score, "chance": middle}
            some = some.assign(loops=len(along.loops(times)), **numbers, chance_low=low)
        parts.append(some)
    columns = ["loops", "fastest_ms", "slowest_ms", "stability", "chance", "chance_low"]
    found = along.every(images, parts, columns)
    unstable = found["stability"] < found["chance_low"]
    ways = [found["stability"].isna(), found["stability"] >= STABLE, unstable]
    found["steadiness"] = np.select(ways, [STEADINESS[3], STEADINESS[0], STEADINESS[1]], STEADINESS[2])
    few = found["images"].map(f"{{}} images with a time after the first, a score needs {along.MIN_IMAGES}".format)
    return found.assign(gap=few.where(found["images"] < along.MIN_IMAGES, ""))


def doubts(scores: pd.DataFrame) -> dict[str, str]:
    """Return the reason, by instance id, why the instances of a run that are unstable are to be used with care."""
    unstable = scores[scores["steadiness"] == STEADINESS[1]]
    words = (
        "its time was unstable along the run: the slowest of {loops:.0f} parts took {more:.0%} longer than the "
        "fastest, more than by chance: close other programs, let it cool and run again"
    )
    return {
        str(row["instance_id"]): words.format(loops=row["loops"], more=row["slowest_ms"] / row["fastest_ms"] - 1)
        for row in unstable.to_dict("records")
    }


def _extremes(times: Floats) -> tuple[Floats, Floats]:
    """The least and the largest mean of `along.loops`."""
    sizes = np.array([part.shape[1] for part in along.loops(times)])
    means = np.add.reduceat(times, np.cumsum(sizes) - sizes, axis=1) / sizes
    return means.min(axis=1), means.max(axis=1)


def _ratio(fastest: Floats, slowest: Floats) -> Floats:
    """1 where both are 0: a clock too coarse for the model sees no difference."""
    return np.divide(fastest, slowest, out=np.ones_like(fastest), where=slowest > 0)


def _by_chance(times: Floats, seed: int) -> Floats:
    """Return the scores of times (m, n) in random orders, the same for all instances: (m, SHUFFLES)."""
    rng = np.random.default_rng(seed)
    orders = (rng.permutation(times.shape[1]) for _ in range(SHUFFLES))
    return np.column_stack([_ratio(*_extremes(times[:, order])) for order in orders])
