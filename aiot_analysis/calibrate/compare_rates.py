"""Error rates of comparisons: how often a change is shown when there is none, and when there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from aiot_analysis.calibrate.plans import EFFECT, POINTS
from aiot_analysis.calibrate.plant import FLIPS, RUN_SD, FleetPlan, PlantedFleet, plant
from aiot_analysis.calibrate.rates import NULL, POWER, Counts, RateRow, Study
from aiot_analysis.compare import instances, matching, regression, sides, times
from aiot_analysis.tables.names import PAPER_FLOAT32

MARGINS = regression.Margins(0.05, 0.01)
PART = "compare"
UNCHANGED, CHANGED = 60, 30
"""Numbers of comparisons without and with a change. If none of 60 shows a change, the exact interval ends at 6 %; if
all of 30 show it, the interval starts at 88.4 %."""
CORRECTED = "corrected for 24 instances and two metrics"


def two_sides(sessions: int, runs: int = 1, speed: float = 1.0, points: float = 0.0, **noise: float) -> FleetPlan:
    """Return the plan of one device with `sessions` sessions of `runs` runs each on side A and as many on side B.

    B is `speed` times as fast as A and `points` percentage points more accurate.
    """
    return FleetPlan(
        PAPER_FLOAT32,
        devices=1,
        sessions=2 * sessions,
        runs=runs,
        session_speed=[1.0] * sessions + [speed] * sessions,
        session_points=[0.0] * sessions + [points] * sessions,
        flips=FLIPS,
        **noise,  # type: ignore[arg-type]
    )


def compared(plan: FleetPlan, rng: np.random.Generator) -> pd.DataFrame:
    """Plant both sides and return the table of `instances.compare_instances`."""
    fleet = plant(plan, rng)
    half = plan.sessions // 2
    base, other = (_side(fleet.of_sessions(*ends)) for ends in ((0, half), (half, plan.sessions)))
    matched = matching.match(base, other)
    return instances.compare_instances(matched, base, other, margins=MARGINS).table


def _side(fleet: PlantedFleet) -> sides.Side:
    return sides.build_side(fleet.instances, fleet.images, "end_to_end")


def any_change(plan: FleetPlan, names: Sequence[str], rng: np.random.Generator) -> dict[str, Counts]:
    """Count whether the comparison shows any change, and whether it shows any regression."""
    table = compared(plan, rng)
    changed = table["verdict"].isin(["better", "worse"]).any()
    return dict(zip(names, [(int(changed), 1), (int(table["regression"].any()), 1)], strict=True))


def at_margin(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count whether the comparison shows any regression."""
    return {name: (int(compared(plan, rng)["regression"].any()), 1)}


def worse(plan: FleetPlan, metric: str, names: Sequence[str], rng: np.random.Generator) -> dict[str, Counts]:
    """Count whether any instance is shown to be worse, and whether an instance drawn at random is."""
    table = compared(plan, rng)
    is_worse = table.loc[table["metric"] == metric, "verdict"] == "worse"
    drawn = is_worse.iloc[rng.integers(len(is_worse))]
    return dict(zip(names, [(int(is_worse.any()), 1), (int(drawn), 1)], strict=True))


SIDES = {
    "one-run": ("one run a side", 1, 1),
    "one-session": ("three runs of one session a side, on different days", 1, 3),
    "three-sessions": ("three sessions a side", 3, 1),
    "six-sessions": ("six sessions a side", 6, 1),
}
"""Description, sessions per side, and runs per session."""


def comparison_studies() -> Iterator[Study]:
    """Yield one study per pair of sides."""
    for name, (words, sessions, runs) in SIDES.items():
        yield _unchanged(name, f"no change, {words}", two_sides(sessions, runs))
    shared = two_sides(1, run_sd=0.0, shared_sd=RUN_SD)
    yield _unchanged("one-run-shared", "no change, one run a side, runs deviate as a whole", shared)
    limit = two_sides(1, speed=1 / (1 + MARGINS.time), points=-100 * MARGINS.accuracy)
    row = RateRow("at-margin", "worse by just the margins (5 %, 1 point), one run a side", PART, "any regression", NULL)
    yield Study((row,), partial(at_margin, limit, row.name), UNCHANGED)
    for name, (words, sessions, runs) in SIDES.items():
        plan = two_sides(sessions, runs, 1 / EFFECT)
        yield _worse(f"{name}-slower", f"10 % slower, {words}", plan, times.MEAN)
    plan = two_sides(1, points=-POINTS)
    yield _worse("one-run-lost", f"{POINTS:g} points less accurate, one run a side", plan, instances.ACCURACY)


def _unchanged(name: str, planted: str, plan: FleetPlan) -> Study:
    rows = (
        RateRow(f"{name}-change", planted, PART, "any change shown", NULL),
        RateRow(f"{name}-regression", planted, PART, "any regression", NULL),
    )
    return Study(rows, partial(any_change, plan, [row.name for row in rows]), UNCHANGED)


def _worse(name: str, planted: str, plan: FleetPlan, metric: str) -> Study:
    rows = (
        RateRow(name, planted, PART, "any instance shown to be worse", POWER),
        RateRow(f"{name}-each", planted, PART, "an instance drawn at random shown to be worse", None, CORRECTED),
    )
    return Study(rows, partial(worse, plan, metric, [row.name for row in rows]), CHANGED)
