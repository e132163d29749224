"""Estimate the coverage of intervals within a run whose times have heavy tails or slow changes.

`python -m tests.aiot_analysis.compare.tails` prints the numbers in the docstring of `blocks.doubt`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.compare import changes
from tests.aiot_analysis.stats.series import autocorrelated

Floats = NDArray[np.float64]
Kind = tuple[Callable[[np.random.Generator, Floats], Floats], float]
"""A function that turns usual times, of shape (images,), into others, and the mean of these."""

USUAL = 10 * np.exp(0.1**2 / 2)  # the mean of `usual`


def usual(n: int, seed: int, phi: float = 0.45) -> Floats:
    """Return times in ms that scatter by 10% with an autocorrelation."""
    return 10 * np.exp(0.1 * autocorrelated(phi, 1, n, seed)[0])


def two_modes(change: float) -> Kind:
    """Return the kind with two modes 50% apart, which changes before an image with this probability."""
    return lambda rng, ms: ms * (1 + 0.5 * ((np.cumsum(rng.random(len(ms)) < change) + rng.integers(2)) % 2)), 1.25


def rare(share: float) -> Kind:
    """Return the kind in which this share of times is 21 times as long."""
    return lambda rng, ms: ms * (1 + 20 * (rng.random(len(ms)) < share)), 1 + 20 * share


def pareto(index: float) -> Kind:
    """Return the kind that adds a part in ms whose tail has this index."""
    return lambda rng, ms: ms + rng.pareto(index, len(ms)), 1 + 1 / (index - 1) / USUAL


def lognormal(sd: float) -> Kind:
    return lambda rng, ms: 10 * np.exp(sd * rng.normal(size=len(ms))), 10 * np.exp(sd**2 / 2) / USUAL


def step(rng: np.random.Generator, ms: Floats) -> Floats:
    """Return times that are 40% longer from a random image on."""
    return ms * np.where(np.arange(len(ms)) < rng.integers(len(ms)), 1, 1.4)


NORMAL = {f"autocorrelation {phi}": phi for phi in (0.0, 0.45, 0.7, 0.9)}
KINDS: dict[str, Kind] = {
    **{f"lognormal {sd}": lognormal(sd) for sd in (1.0, 1.5)},
    **{f"Pareto {index}": pareto(index) for index in (3.0, 2.0, 1.5)},
    **{f"rare long times, {share:.1%}": rare(share) for share in (0.02, 0.005)},
    **{f"two modes, change every {1 / change:g}": two_modes(change) for change in (0.02, 0.005)},
    "a step": (step, 1.2),
}


def pair(kind: str, both: bool, n: int, seed: int) -> tuple[bool, bool]:
    """Return whether the interval for a pair of runs covers the true ratio, and whether it is flagged.

    Both runs are of this kind, or only the second one.
    """
    rng = np.random.default_rng(seed)
    phi = NORMAL.get(kind, 0.45)
    make, mean = KINDS.get(kind, (lambda rng, ms: ms, 1.0))
    other = make(rng, usual(n, 2 * seed, phi))
    base = usual(n, 2 * seed + 1, phi if both else 0.45)
    if both:
        base, mean = make(rng, base), 1.0
    log = changes.ratio_of_images(base, other, changes.MEAN, paired=True)
    low, high = log.interval()
    return low < mean < high, log.doubt != ""


def main(trials: int) -> None:
    for n in (500, 100):
        for both in (True, False):
            rows = [(kind, *pair(kind, both, n, s)) for kind in [*NORMAL, *KINDS] for s in range(trials)]
            frame = pd.DataFrame(rows, columns=["kind", "covers", "doubt"])
            shares = frame.groupby("doubt")["covers"].mean()
            print(f"\n{n} images, {'both sides' if both else 'one side'}: covered {shares.to_dict()}")
            print(frame.groupby("kind", sort=False)[["covers", "doubt"]].mean().round(3).to_string(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
