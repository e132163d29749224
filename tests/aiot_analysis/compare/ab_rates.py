"""Estimate how often the verdict on an A/B session is right, with simulated sessions of known true change.

`python -m tests.aiot_analysis.compare.ab_rates` prints the table in docs/compare.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aiot_analysis.compare import changes, interleaved
from aiot_analysis.words import ALPHA
from runner.ab.session import draw_first_sides
from tests.aiot_analysis.stats.series import autocorrelated

INSTANCE = "tflite_cpu_float32_mnasnet"
RUN_SD = np.log(1.05) / 1.96 / np.sqrt(2)
"""Standard deviation of the logarithm of a run's mean if two runs agree within 5% in 19 of 20 cases."""


@dataclass(frozen=True)
class Case:
    """Parameters of simulated sessions, whose blocks have two short runs each."""

    name: str
    blocks: int = 6
    images: int = 50
    autocorrelation: float = 0.45  # of consecutive times
    spread: float = 0.1  # standard deviation of times in a run as a share of the mean
    run_sd: float = RUN_SD  # of the deviation of each short run, on the log scale
    drift: float = 0.0  # from the first run to the last, on the log scale
    ratio: float = 1.0  # of times, B over A


def session(case: Case, seed: int) -> pd.DataFrame:
    """Return the rows of the table `instances` of one session, with the columns that a verdict reads."""
    rng = np.random.default_rng(seed)
    sides = [
        side for first in draw_first_sides(case.blocks, seed) for side in (("a", "b") if first == "a" else ("b", "a"))
    ]
    noise = case.spread * autocorrelated(case.autocorrelation, len(sides), case.images, seed)
    level = rng.normal(0, case.run_sd, len(sides)) + np.linspace(0, case.drift, len(sides))
    image = rng.normal(0, 0.1, (case.blocks, case.images)).repeat(2, axis=0)  # A and B of a block see the same ones
    ms = 10 * np.exp(level[:, None] + image + noise)
    mean = ms.mean(axis=1) * np.where(np.array(sides) == "b", case.ratio, 1.0)
    block = np.arange(len(sides)) // 2 + 1
    return pd.DataFrame({"instance_id": INSTANCE, "ab_side": sides, "ab_block": block, "end_to_end_ms_mean": mean})


def rates(case: Case, trials: int) -> dict[str, float]:
    """Return the shares of sessions that show a change in time, and whose 95% interval has the true one.

    The sessions are compared together, as instances of one. Each is one test with an interval by itself, so that none
    is corrected for the others.
    """
    frames = [session(case, seed).assign(instance_id=f"tflite_cpu_float32_m{seed}") for seed in range(trials)]
    rows = pd.concat(frames, ignore_index=True)
    table = interleaved.compare_blocks(rows, pd.DataFrame(), ["mean"])
    by_block = interleaved.by_block(rows, "end_to_end_ms_mean").to_numpy()
    low, high = np.transpose([changes.ratio_of_pairs(logs).interval() for logs in by_block])
    covered = (low <= case.ratio) & (case.ratio <= high)
    return {"shown": float((table["p_value"] < ALPHA).mean()), "covered": float(covered.mean())}


CASES = [
    Case("6 blocks"),
    Case("6 blocks, drift of 10% over the session", drift=np.log(1.1)),
    Case("6 blocks, drift of 50% over the session", drift=np.log(1.5)),
    Case("6 blocks, autocorrelation 0.9", autocorrelation=0.9),
    Case("4 blocks, drift of 10%", blocks=4, drift=np.log(1.1)),
    Case("12 blocks, drift of 10%", blocks=12, drift=np.log(1.1)),
    Case("6 blocks, runs within 20%, not 5%", run_sd=RUN_SD * np.log(1.2) / np.log(1.05)),
]


def main(trials: int) -> None:
    """Print a row for each case."""
    print("| simulated | no change: a change shown | interval has the truth | 10% slower: shown | 5% slower: shown |")
    print("| --- | --- | --- | --- | --- |")
    for case in CASES:
        null = rates(case, trials)
        powers = [rates(replace(case, ratio=ratio), trials)["shown"] for ratio in (1.1, 1.05)]
        numbers = [null["shown"], null["covered"], *powers]
        print(f"| {case.name} | {' | '.join(f'{100 * number:.1f}%' for number in numbers)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
