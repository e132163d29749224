"""Energy of an image according to the battery of the device, without a meter.

The energy of an instance is the charge that left the battery times its voltage, less what the idle device uses in the
same time. The charge is that of the charge counter, or the mean current if the counter confirms its unit and it is more
precise. Both tell only what the maker's fuel gauge reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from aiot_analysis.ingest import rules
from aiot_analysis.tables import dependence

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]

PROFILE = "sustained"
LEAST_CHARGE_UAH = 50_000.0
"""Smallest plausible reading of a charge counter: smaller ones are in another unit."""
IDLE_WITHIN_S = 600.0
"""Maximum time between samples of the idle device and those of the instance."""
LEAST_S = 30.0
"""Least time between the first and the last sample of the idle device or the instance."""
LARGEST_RELATIVE_ERROR = 0.25
"""Standard error of the energy, relative to it, from which on it is called not measurable."""
CURRENT_UNITS_UA = (1.0, 1000.0, 100.0)
"""Units in which devices report their current: microampere as documented, milliampere, and a tenth of that."""
AGREEMENT = 0.1
"""Relative difference between the integral of the current and the charge counter that is allowed, besides its steps."""

NO_COUNTER = "the device does not report the charge of its battery"
PLUGGED = "the device was plugged in"
PLUGGED_UNKNOWN = "the device does not report whether it was plugged in"
OVERRIDDEN = "the battery was set by hand"
TOO_SHORT = f"it was sampled for less than {LEAST_S:g} s"
NO_IDLE = "the idle device was not sampled"
SCREEN = "the screen turned on or off during the run"


@dataclass(frozen=True)
class Sample:
    """A sample of the battery: time in s, charge in C, voltage in V and current in the unit of the device."""

    at_s: float
    charge_c: float
    volts: float
    current: float | None
    screen_on: bool | None


@dataclass(frozen=True)
class Power:
    """Mean power in W over a time in s, with its standard error."""

    watts: float
    error: float
    seconds: float


def per_image(samples: Sequence[Row], instance_id: str, attempt: int | None, loop_s: float, images: int) -> Row:
    """Return the columns energy_... of an instance from the rows of `telemetry` of its run.

    `loop_s` is the time of the loop over `images`, at the end of the samples of the instance; what was before, such as
    loading the model, does not count.
    """
    ours = [row for row in samples if row["instance_id"] == instance_id and row["attempt"] == attempt]
    idle = [row for row in samples if row["instance_id"] is None]
    if gap := _gap([*ours, *idle]):
        return {"energy_gap": gap}
    attempt_samples, idle_samples = _samples(ours), _samples(idle)
    during = [sample for sample in attempt_samples if sample.at_s >= attempt_samples[-1].at_s - loop_s]
    if _seconds(during) < LEAST_S or images < 1:
        return {"energy_gap": TOO_SHORT}
    first, last = attempt_samples[0].at_s, attempt_samples[-1].at_s
    before = [sample for sample in idle_samples if first - IDLE_WITHIN_S <= sample.at_s <= first]
    after = [sample for sample in idle_samples if last <= sample.at_s <= last + IDLE_WITHIN_S]
    screens = {sample.screen_on for sample in [*before[-1:], *after]}
    if len(screens) > 1:
        return {"energy_gap": SCREEN}
    windows = [window for window in (_with_last_screen(before), after) if _seconds(window) >= LEAST_S]
    if not windows:
        return {"energy_gap": NO_IDLE}
    step_c = _step_c([*during, *idle_samples])
    if step_c is None:
        return {"energy_gap": "its charge counter did not move"}
    candidates = [(_by_counter(during, step_c), [_by_counter(window, step_c) for window in windows])]
    if unit := _current_unit(during, step_c):
        candidates.append((_by_current(during, unit), [_by_current(window, unit) for window in windows]))
    watts, error = min((_less_idle(*candidate) for candidate in candidates), key=lambda value: value[1])
    if watts <= 0 or error > LARGEST_RELATIVE_ERROR * watts:
        drawn_mah = (during[0].charge_c - during[-1].charge_c) / 3.6
        return {
            "energy_gap": f"its charge counter moves in steps of {step_c / 3.6:g} mAh, and it drew {drawn_mah:g} mAh"
        }
    ms_per_image = 1000 * loop_s / images
    return {"energy_mj": watts * ms_per_image, "energy_mj_se": error * ms_per_image, "energy_gap": None}


def _gap(rows: Sequence[Row]) -> str | None:
    """Return why rows of telemetry show no consumption, or None."""
    charges = [row["charge_uah"] for row in rows if row["charge_uah"] is not None]
    if not charges or not any(row["voltage_mv"] for row in rows):
        return NO_COUNTER
    if any(row["plugged"] for row in rows):
        return PLUGGED
    if all(row["plugged"] is None for row in rows):
        return PLUGGED_UNKNOWN
    if any(row["overridden"] for row in rows):
        return OVERRIDDEN
    if min(charges) < LEAST_CHARGE_UAH:
        return f"its charge counter reads {min(charges):g}, which is not in microampere-hours"
    return None


def _samples(rows: Sequence[Row]) -> list[Sample]:
    """Return the samples with charge, voltage and a valid time, in order."""
    samples = []
    for row in rows:
        if row["charge_uah"] is None or row["voltage_mv"] is None:
            continue
        if at := rules.parse_time(row["at"]):
            charge_c, volts = row["charge_uah"] * 3.6e-3, row["voltage_mv"] / 1000
            samples.append(Sample(at.timestamp(), charge_c, volts, row["current_ua"], row["screen_on"]))
    return sorted(samples, key=lambda sample: sample.at_s)


def _with_last_screen(samples: Sequence[Sample]) -> list[Sample]:
    """Return the last samples among which the screen did not turn on or off."""
    start = len(samples)
    while start and samples[start - 1].screen_on == samples[-1].screen_on:
        start -= 1
    return list(samples[start:])


def _seconds(samples: Sequence[Sample]) -> float:
    return samples[-1].at_s - samples[0].at_s if samples else 0.0


def _step_c(samples: Sequence[Sample]) -> float | None:
    """Return the smallest change of the counter, or None if it did not change."""
    charges = sorted({sample.charge_c for sample in samples})
    return min((after - before for before, after in pairwise(charges)), default=None)


def _volts(samples: Sequence[Sample]) -> float:
    return float(np.mean([sample.volts for sample in samples]))


def _by_counter(samples: Sequence[Sample], step_c: float) -> Power:
    """Return the power by the charge counter. Each of its two readings is wrong by up to one step, uniformly."""
    seconds = _seconds(samples)
    volts_per_s = _volts(samples) / seconds
    drawn_c = samples[0].charge_c - samples[-1].charge_c
    return Power(drawn_c * volts_per_s, math.sqrt(2 / 12) * step_c * volts_per_s, seconds)


def _currents(samples: Sequence[Sample]) -> list[float]:
    return [abs(sample.current) for sample in samples if sample.current is not None]


def _current_unit(samples: Sequence[Sample], step_c: float) -> float | None:
    """Return the unit of the current in microampere if the charge counter confirms exactly one, else None."""
    currents = _currents(samples)
    if len(currents) < len(samples) / 2 or len(currents) < 2:
        return None
    drawn_c = samples[0].charge_c - samples[-1].charge_c
    units = [
        unit
        for unit in CURRENT_UNITS_UA
        if abs(float(np.mean(currents)) * unit * 1e-6 * _seconds(samples) - drawn_c) <= step_c + AGREEMENT * drawn_c
    ]
    return units[0] if len(units) == 1 else None


def _by_current(samples: Sequence[Sample], unit: float) -> Power:
    """Return the power by the mean of the current. Successive readings are treated as dependent."""
    watts = np.array(_currents(samples)) * unit * 1e-6 * _volts(samples)
    error = float(dependence.errors(watts[np.newaxis])[0][0]) if len(watts) > 2 else math.inf
    return Power(float(watts.mean()) if len(watts) else 0.0, error, _seconds(samples))


def _less_idle(during: Power, idle: Sequence[Power]) -> tuple[float, float]:
    """Return the power less that of the idle device, and its standard error.

    The idle power is the mean before and after. Its error is that of the readings, or half their difference if larger.
    """
    seconds = sum(power.seconds for power in idle)
    idle_watts = sum(power.watts * power.seconds for power in idle) / seconds
    of_readings = math.sqrt(sum((power.error * power.seconds) ** 2 for power in idle)) / seconds
    half_difference = (max(power.watts for power in idle) - min(power.watts for power in idle)) / 2
    return during.watts - idle_watts, math.hypot(during.error, max(of_readings, half_difference))
