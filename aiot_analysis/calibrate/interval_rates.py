"""Error rates of intervals, rank sets and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from aiot_analysis.calibrate.claim_rates import EFFECT, POINTS
from aiot_analysis.calibrate.plant import ACCURACY, FLIPS, RUN_SD, FleetPlan, Floats, PlantedFleet, device_ids, plant
from aiot_analysis.calibrate.rates import AT_LEAST, AT_ONCE, COVERAGE, NULL, POWER, Counts, RateRow, Study, Target
from aiot_analysis.compare import changes, instances, matching, sides
from aiot_analysis.stats import accuracy, blocks, latency, pairing, shares, variance, vips
from aiot_analysis.tables import select
from aiot_analysis.tables.names import MODELS, PAPER_FLOAT32, instance_id

FASTER = 1.3
"""Planted speed-up."""
LOST = 0.03
"""Planted loss of accuracy, as a fraction of 1."""
SPREAD = 0.1
"""Standard deviation over devices of the logarithm of a speed-up, if speed-ups differ between devices."""

_NNAPI = {instance_id("tflite_nnapi", "float32", model): FASTER for model in MODELS}
_TFLITE = [instance_id(way, "float32", model) for model in MODELS for way in ("tflite_cpu", "tflite_nnapi")]
SPEED_UP = FleetPlan(_TFLITE, speed=_NNAPI)
SPEED_UPS = replace(SPEED_UP, speed_spread=dict.fromkeys(_NNAPI, SPREAD))
ONE_DEVICE = FleetPlan(PAPER_FLOAT32, devices=1)
_INT8 = [instance_id("tflite_cpu", quantization, "resnet50") for quantization in ("float32", "int8")]
QUANTIZED = FleetPlan(_INT8, devices=50, accuracy={_INT8[1]: ACCURACY - LOST}, same_images=False)
ONE_FILE = FleetPlan(_INT8[:1], devices=50, same_images=False)
SCORED = FleetPlan(PAPER_FLOAT32, devices=50, same_images=False)
NEIGHBOURS = FleetPlan(PAPER_FLOAT32, device_speed=[1.01**place for place in range(8)])
MANY = FleetPlan(PAPER_FLOAT32, devices=51, device_speed=[float(np.exp(0.1 * RUN_SD * place)) for place in range(51)])
WIDE = "the allowance is that of runs which deviate as a whole, and wide where they do not"
Trial = Callable[[FleetPlan, str, np.random.Generator], dict[str, Counts]]


def as_a_whole(plan: FleetPlan) -> FleetPlan:
    """Return the plan with the same run-to-run deviation for all instances of a run, instead of one each."""
    return replace(plan, run_sd=0.0, shared_sd=plan.run_sd)


def chosen_rows(instances: pd.DataFrame) -> pd.DataFrame:
    """Return one row per device and instance, with estimates of how runs of the device differ."""
    rows, _ = select.measured_rows(instances)
    return variance.with_noise(rows, instances)


def inside(low: pd.Series, high: pd.Series, truth: float | Floats) -> Counts:
    """Count the intervals that include the true value, and all intervals. Missing intervals do not include it."""
    covered = (low.to_numpy(float, na_value=np.nan) <= truth) & (high.to_numpy(float, na_value=np.nan) >= truth)
    return int(covered.sum()), len(covered)


def speed_up(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count coverage of the interval of a speed-up on one device.

    With several sessions, only one model per device is counted, since all models of a device share the estimate of how
    sessions differ.
    """
    fleet = plant(plan, rng)
    rows = chosen_rows(fleet.instances)
    if plan.sessions > 1:
        model = {device: MODELS[place % len(MODELS)] for place, device in enumerate(device_ids(plan))}
        rows = rows[rows["model"] == rows["device_id"].map(model)].reset_index(drop=True)
    table = shares.speed_ups(rows, fleet.images, "nnapi")
    return {name: inside(table["speed_up_low"], table["speed_up_high"], FASTER)}


def over_devices(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count coverage of the interval of the geometric mean speed-up over devices, one interval per model."""
    fleet = plant(plan, rng)
    table = shares.speed_ups(chosen_rows(fleet.instances), fleet.images, "nnapi")
    means = latency.over_devices(table, ["model"])
    return {name: inside(means["speed_up_low"], means["speed_up_high"], FASTER)}


def mean_time(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count coverage of the device's true time by the interval of the mean time of one run."""
    fleet = plant(plan, rng)
    table = blocks.means(fleet.images, chosen_rows(fleet.instances))
    return {name: inside(table["mean_low"], table["mean_high"], 10.0)}


def mean_over_sessions(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count coverage of the device's true time by the interval of the mean time over sessions."""
    table = blocks.over_sessions(select.usable_rows(plant(plan, rng).instances))
    return {name: inside(table["mean_low"], table["mean_high"], 10.0)}


def wilson(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count coverage of the interval of an accuracy."""
    table = accuracy.with_interval(chosen_rows(plant(plan, rng).instances))
    return {name: inside(table["accuracy_low"], table["accuracy_high"], ACCURACY)}


def newcombe(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count coverage of the interval of a change in accuracy on the same images."""
    fleet = plant(plan, rng)
    pairs = pairing.pair(chosen_rows(fleet.instances), "quantization", "float32")
    table = accuracy.accuracy_change(fleet.images, pairs)
    return {name: inside(table["change_low"], table["change_high"], -LOST)}


def score(plan: FleetPlan, name: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count coverage of the interval of VIPS."""
    table = _scores(plant(plan, rng), rng)
    return {name: inside(table["vips_low"], table["vips_high"], len(plan.instances) * ACCURACY / 0.01)}


def ranks(plan: FleetPlan, at_once: str, single: str, rng: np.random.Generator) -> dict[str, Counts]:
    """Count whether the rank sets of all devices include the true rank, and whether that of a random device does."""
    table = _scores(plant(plan, rng), rng).set_index("device_id").loc[device_ids(plan)]
    truth = pd.Series(plan.device_speed, table.index).rank(ascending=False)
    covers = (table["rank_low"].astype(float) <= truth) & (table["rank_high"].astype(float) >= truth)
    return {at_once: (int(covers.all()), 1), single: (int(covers.iloc[rng.integers(len(covers))]), 1)}


def _scores(fleet: PlantedFleet, rng: np.random.Generator) -> pd.DataFrame:
    """Return the scores of a fleet, with a seed of its own, so that trials do not share the error of 2,000 draws."""
    return vips.intervals(chosen_rows(fleet.instances), fleet.images, seed=int(rng.integers(2**31)))


def interval_studies() -> Iterator[Study]:
    """Yield one study per interval. A fleet has many intervals, but only one set of simultaneous ranks."""
    two_sessions_plan, six_sessions_plan = (replace(SPEED_UP, sessions=sessions) for sessions in (2, 6))
    six_sessions = replace(ONE_DEVICE, sessions=6)
    shared_text, own_text = "runs deviate as a whole", "each instance of a run deviates by itself"
    means = "a speed-up of 1.3 in the geometric mean over 8 devices, which differ by a standard deviation of 10%"
    yield _study(speed_up, SPEED_UP, "speed-up", "a speed-up of 1.3 on one device", "shares.speed_ups", 40)
    yield _study(
        speed_up, two_sessions_plan, "speed-up-2", "the same, two sessions of the device", "shares.speed_ups", 100
    )
    yield _study(
        speed_up, six_sessions_plan, "speed-up-6", "the same, six sessions of the device", "shares.speed_ups", 100
    )
    yield _study(over_devices, SPEED_UPS, "over-devices", means, "latency.over_devices", 125)
    yield _study(mean_time, ONE_DEVICE, "mean-time", "the mean time of a device, one run", "blocks.means", 80)
    over_sessions = "the mean time of a device, six sessions"
    yield _study(mean_over_sessions, six_sessions, "mean-over-sessions", over_sessions, "blocks.over_sessions", 80)
    yield _study(wilson, ONE_FILE, "wilson", "an accuracy of 70%", "accuracy.with_interval", 40)
    yield _study(newcombe, QUANTIZED, "newcombe", "3 points less", "accuracy.accuracy_change", 40)
    yield _study(score, as_a_whole(SCORED), "vips-shared", f"the VIPS of a device, {shared_text}", "vips.intervals", 30)
    yield _study(score, SCORED, "vips-own", f"the VIPS of a device, {own_text}", "vips.intervals", 10, AT_LEAST, WIDE)
    yield _rank_study(as_a_whole(NEIGHBOURS), "ranks-8-shared", f"8 devices 1% apart, {shared_text}", 60)
    yield _rank_study(NEIGHBOURS, "ranks-8-own", f"8 devices 1% apart, {own_text}", 60)
    yield _rank_study(as_a_whole(MANY), "ranks-51", f"51 devices 0.1 standard errors apart, {shared_text}", 60)


def _study(
    trial: Trial,
    plan: FleetPlan,
    name: str,
    planted: str,
    part: str,
    trials: int,
    target: Target = COVERAGE,
    note: str = "",
) -> Study:
    row = RateRow(name, planted, part, "the interval has it inside", target, note)
    return Study((row,), partial(trial, plan, name), trials)


def _rank_study(plan: FleetPlan, name: str, planted: str, trials: int) -> Study:
    rows = (
        RateRow(name, planted, "vips.intervals", "all rank sets have the true rank inside", AT_ONCE),
        RateRow(f"{name}-each", planted, "vips.intervals", "the rank set of one device has it inside", AT_ONCE),
    )
    return Study(rows, partial(ranks, plan, name, f"{name}-each"), trials)


MARGINS = instances.Margins(0.05, 0.01)
PART = "compare"
UNCHANGED, CHANGED = 60, 30
"""Numbers of comparisons without and with a change. If none of 60 shows a change, the exact interval ends at 6%; if
all of 30 show it, the interval starts at 88.4%."""
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
    return sides.build_side(fleet.instances, fleet.images[sides.IMAGE_COLUMNS], "end_to_end")


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
    row = RateRow("at-margin", "worse by just the margins (5%, 1 point), one run a side", PART, "any regression", NULL)
    yield Study((row,), partial(at_margin, limit, row.name), UNCHANGED)
    for name, (words, sessions, runs) in SIDES.items():
        plan = two_sides(sessions, runs, 1 / EFFECT)
        yield _worse(f"{name}-slower", f"10% slower, {words}", plan, changes.MEAN)
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
