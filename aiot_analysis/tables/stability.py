"""Stability of an instance's times from part to part of its run."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.tables import along
from aiot_analysis.tables.along import KEY

Floats = NDArray[np.float64]

STABLE = 0.97
"""Frame-rate stability from which 3DMark's stress tests count as passed (UL Solutions)."""
SHUFFLES = 100
CHANCE = 0.01
"""How often the times of an equally noisy instance, in random order, may score as low as an unstable one."""
STEADINESS = ("stable", "unstable", "no less stable than chance", "cannot be decided")


def scores(images: pd.DataFrame, timing: str = "inference", seed: int = 0) -> pd.DataFrame:
    """Return the stability score of image records, one row per run x instance.

    The score is that of 3DMark's stress tests: the frame rate of the worst loop over that of the best one. This is the
    mean time of the fastest of `along.loops` over that of the slowest, from 0 to 1. The first image is excluded.

    Columns are images, loops, fastest_ms and slowest_ms (mean times of those loops), stability, chance and chance_low
    (median and 1st percentile of the score over SHUFFLES random orders of the same times, since noise alone makes some
    loops slower than others), steadiness and gap. `steadiness` is `stable` from STABLE on. Below that, it is `unstable`
    if the score is also under chance_low, otherwise `no less stable than chance`. With fewer than `along.MIN_IMAGES`
    images it is `cannot be decided`, and `gap` says so.
    """
    parts = []
    for keys, times in along.matrices(along.usable(images, timing)):
        part = keys[KEY].assign(images=times.shape[1])
        if times.shape[1] >= along.MIN_IMAGES:
            fastest, slowest = _extremes(times)
            score, chance = _ratio(fastest, slowest), _by_chance(times, seed)
            median, lowest = np.quantile(chance, [0.5, CHANCE], axis=1)
            numbers = {"fastest_ms": fastest, "slowest_ms": slowest, "stability": score, "chance": median}
            part = part.assign(loops=len(along.loops(times)), **numbers, chance_low=lowest)
        parts.append(part)
    columns = ["loops", "fastest_ms", "slowest_ms", "stability", "chance", "chance_low"]
    result = along.with_all_instances(images, parts, columns)
    unstable = result["stability"] < result["chance_low"]
    conditions = [result["stability"].isna(), result["stability"] >= STABLE, unstable]
    result["steadiness"] = np.select(conditions, [STEADINESS[3], STEADINESS[0], STEADINESS[1]], STEADINESS[2])
    gap = result["images"].map(f"{{}} images with a time after the first, but a score needs {along.MIN_IMAGES}".format)
    return result.assign(gap=gap.where(result["images"] < along.MIN_IMAGES, ""))


def doubts(scores: pd.DataFrame) -> dict[str, str]:
    """Return why the unstable instances of a run should be used with care, by instance id."""
    unstable = scores[scores["steadiness"] == STEADINESS[1]]
    template = (
        "its time was unstable over the run: the slowest of {loops:.0f} parts took {more:.0%} longer than the "
        "fastest, more than by chance: close other programs, let the device cool and run again"
    )
    return {
        str(row["instance_id"]): template.format(loops=row["loops"], more=row["slowest_ms"] / row["fastest_ms"] - 1)
        for row in unstable.to_dict("records")
    }


def _extremes(times: Floats) -> tuple[Floats, Floats]:
    """Return the smallest and the largest mean over `along.loops` for each row of times."""
    sizes = np.array([part.shape[1] for part in along.loops(times)])
    means = np.add.reduceat(times, np.cumsum(sizes) - sizes, axis=1) / sizes
    return means.min(axis=1), means.max(axis=1)


def _ratio(fastest: Floats, slowest: Floats) -> Floats:
    """Return fastest / slowest, and 1 where both are 0: a clock too coarse for the model sees no difference."""
    return np.divide(fastest, slowest, out=np.ones_like(fastest), where=slowest > 0)


def _by_chance(times: Floats, seed: int) -> Floats:
    """Return the scores (m, SHUFFLES) of times (m, n) in random orders, which are the same for all instances."""
    rng = np.random.default_rng(seed)
    orders = (rng.permutation(times.shape[1]) for _ in range(SHUFFLES))
    return np.column_stack([_ratio(*_extremes(times[:, order])) for order in orders])
