"""Verdict on each instance: whether its numbers may be used, and what to know about them. All rules are here."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import pandas as pd

from aiot_analysis.tables import names, select, storage
from aiot_analysis.tables.workspace import check

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

MIN_IMAGES = 500  # the paper's subset of ILSVRC 2012, Section III-A
MAX_CV = 0.5  # standard deviation over mean of the times of one instance

THERMAL_STATUSES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""android.os.PowerManager.THERMAL_STATUS_*, by number."""
SEVERE = THERMAL_STATUSES.index("severe")
"""From this status on, "user experience is largely impacted" (Android's words); below it, little or not at all."""

BODY_HOT_C = 45.0  # of battery or skin; the limit for charging lithium cells in JEITA's guideline
BATTERY_LOW_PERCENT = 30.0  # same limit as in the check before a run: see runner.doctor
FULL_PERCENT = 100.0  # a full battery starts and stops charging by itself

MAX_FREQUENCY_DROP = 0.10
"""Largest drop from the median of the first third of the samples to that of the last third. It is twice the 5% within
which results must be repeatable under the rules of MLPerf Mobile; work that is bound by computation slows down as
much. That a smaller drop is not throttling is an assumption.
"""
MIN_FREQUENCIES = 6  # fewest samples, two per third

MAX_GAP_S = 30.0
"""Longest time between two samples, which are taken every 2 or 5 s; in a longer gap the device was not observed."""


RANDOM_WEIGHTS = "its weights are random, so that it has times, but no accuracy"


def judge(row: Mapping[str, Any], samples: Sequence[Mapping[str, Any]] = ()) -> tuple[str, str]:
    """Return the verdict on a row of the table `instances`, and the reasons, joined by "; " ("" if valid).

    `samples` are the rows of `telemetry` of the row's attempt, in order. The verdicts use the terms of MLPerf Mobile's
    rules:

    - unavailable: the device cannot run it (status "unavailable").
    - invalid: it failed or was cut off; there is no accuracy or no time (or only zeros); the CPU ran instead of the
      requested accelerator; the model file is not the network it should be (`aiot models check`); or the device's
      thermal status was severe or worse (SEVERE), unless the profile is `sustained`, which exists to observe this.
      Of published data (origin "published"), accuracy or time may be missing, and with random weights there is no
      accuracy, which is a reason for semi-valid.
    - semi-valid: there are numbers, but with fewer than 500 images (MIN_IMAGES), images that failed, times that scatter
      by more than half their mean (MAX_CV), another accelerator than requested, something odd in the log, times that
      were unstable over the run (see `along.doubts`), or something odd in the samples (see `_states`).
    - valid: none of these.

    An instance of the operator study shows no images; it is valid if it ended with nothing odd.

    Reads origin, study, profile, status, images, failed_images, weights, accuracy, timing, the mean and sd of that
    timing, accelerator_requested and _actual, parity_passed and parity_finding. If the row has `reasons`, they come
    from the log itself and are listed first.
    """
    log_reasons = _value(row, "reasons") or ""
    status = row["status"]
    if status == "unavailable":
        return "unavailable", log_reasons or "the device does not have this framework or delegate"
    if status in ("failed", "cut"):
        return "invalid", log_reasons or (
            "the attempt failed" if status == "failed" else "the log ends too early: run it again"
        )

    doubts = [log_reasons] if log_reasons else []
    state_doubts = list(_states(samples))
    if _value(row, "study") == select.PROFILE:
        return _verdict([*doubts, *state_doubts])

    column = select.time_column(row["timing"])
    mean, sd = _value(row, f"{column}_mean"), _value(row, f"{column}_sd")
    requested, actual = _value(row, "accelerator_requested"), _value(row, "accelerator_actual")
    faults, unpublished = _absent(row, mean)
    doubts += unpublished
    if requested not in (None, "cpu") and actual == "cpu":
        faults.append(f"{requested} was requested, but cpu ran: this is not a measurement of {requested}")
    passed = _value(row, "parity_passed")
    if passed is not None and not passed:
        faults.append(f"its model file failed the check: {_value(row, 'parity_finding')}")
    thermal_status = _thermal_status(samples)
    if thermal_status >= SEVERE and _value(row, "profile") != "sustained":
        faults.append(f"the thermal status was {THERMAL_STATUSES[thermal_status]}: let the device cool and run again")
    if faults:
        return "invalid", "; ".join([*doubts, *faults])

    images, failed = int(row["images"]), int(_value(row, "failed_images") or 0)
    if images < MIN_IMAGES and _value(row, "accuracy") is not None:
        doubts.append(f"{images} of {MIN_IMAGES} images")
    if failed:
        doubts.append(f"failed images, counted as wrong: {failed}")
    if mean and sd is not None and sd / mean > MAX_CV:
        doubts.append(
            f"times scatter by {sd / mean:.0%} of their mean, more than {MAX_CV:.0%}: let the device cool and run again"
        )
    if requested is not None and actual is not None and requested != actual:
        doubts.append(f"{requested} was requested, but {actual} ran")
    return _verdict([*doubts, *state_doubts])


def _absent(row: Mapping[str, Any], mean: float | None) -> tuple[list[str], list[str]]:
    """Return the faults and the doubts about a row without accuracy or without mean time.

    A time of 0 counts as absent: its clock stood still.
    """
    required = {"accuracy": _value(row, "accuracy"), "time": mean or None}
    absent = [quantity for quantity, value in required.items() if value is None]
    if _value(row, "weights") == names.RANDOM:
        return (["no time was measured"], []) if "time" in absent else ([], [RANDOM_WEIGHTS])
    if _value(row, "origin") == "published" and len(absent) == 1:
        return [], [f"no {absent[0]} was published"]
    return [f"no {quantity} was measured" for quantity in absent], []


def read(folder: Path) -> pd.DataFrame:
    """Return the table `instances` of a folder of processed tables, including later checks of model files.

    Raises DataError if files of the tables are missing or damaged (see `workspace.check`).
    """
    check(folder)
    return with_checks_of_files(storage.read("instances", folder))


def with_checks_of_files(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the table `instances` with each check of a model file applied to every run of that file.

    A run contains only the checks that were made before it. Rows without a check take the latest one of the same file,
    by its SHA-256, from another run, and are invalid if it failed.
    """
    columns = list(instances.filter(like="parity_").columns)
    unchecked = instances["parity_passed"].isna()
    checked = instances[~unchecked].dropna(subset=["model_sha256"]).sort_values("run_id", kind="stable")
    latest = checked.drop_duplicates("model_sha256", keep="last").set_index("model_sha256")[columns]
    has_later_check = instances["model_sha256"].where(unchecked).isin(latest.index)
    if not has_later_check.any():
        return instances
    result = instances.copy()
    checks = latest.loc[instances.loc[has_later_check, "model_sha256"]].set_axis(instances.index[has_later_check])
    for column in columns:
        result.loc[has_later_check, column] = checks[column]
    failed = has_later_check & ~result["parity_passed"].fillna(True).astype(bool) & result["verdict"].isin(names.USABLE)
    reason = "its model file failed the check: " + result.loc[failed, "parity_finding"]
    earlier_reasons = result.loc[failed, "reasons"]
    result.loc[failed, "reasons"] = reason.where(earlier_reasons == "", earlier_reasons + "; " + reason)
    result.loc[failed, "verdict"] = "invalid"
    return result


def _verdict(doubts: Sequence[str]) -> tuple[str, str]:
    """Return the verdict on an instance that has numbers: "semi-valid" with its doubts, or "valid"."""
    return ("semi-valid", "; ".join(doubts)) if doubts else ("valid", "")


def _states(samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what was not as it should be while an instance ran, from samples of the device's state.

    The thermal status was not "none"; a board was throttled; battery or skin were over BODY_HOT_C; the battery was
    under BATTERY_LOW_PERCENT; the device was plugged in or unplugged, or charging started or stopped other than on a
    full battery; the frequency fell by more than MAX_FREQUENCY_DROP; the connection was lost, or there was no sample
    for MAX_GAP_S; battery or thermal status had been set by hand; another measurement ran on the device, or the device
    does not show whether one did. Values that a device does not report give no reason.
    """
    if thermal_status := _thermal_status(samples):
        yield f"the thermal status was {THERMAL_STATUSES[thermal_status]}: let the device cool and run again"
    reasons = {reason for text in _known(samples, "throttling") for reason in text.split(", ")} - {"none"}
    if reasons:
        yield f"the device was throttled ({', '.join(sorted(reasons))}): {_throttling_remedy(reasons)} and run again"
    for name, column in (("battery", "battery_temperature_c"), ("skin", "skin_temperature_c")):
        hottest = max(_known(samples, column), default=0)
        if hottest > BODY_HOT_C:
            yield f"the {name} was at {hottest:.1f} °C, above {BODY_HOT_C:.0f} °C: let the device cool and run again"
    percent = min(_known(samples, "battery_percent"), default=FULL_PERCENT)
    if percent < BATTERY_LOW_PERCENT:
        yield f"the battery was at {percent:g}%, below {BATTERY_LOW_PERCENT:g}%: charge it and run again"
    if len(set(_known(samples, "plugged"))) > 1:
        yield "the device was plugged in or unplugged during the measurement"
    elif len(set(_known([sample for sample in samples if not _full(sample)], "charging"))) > 1:
        yield "the device started or stopped charging during the measurement"
    yield from _frequency(_known(samples, "frequency_mhz"))
    yield from _connection(samples)
    if True in _known(samples, "overridden"):
        yield "the battery or thermal status was set by hand"
    others = _known(samples, "others")
    if "seen" in others:
        yield "another measurement ran on the device at the same time: run it again alone"
    elif "unknown" in others:
        yield "the device does not show whether another measurement ran at the same time"


def _throttling_remedy(reasons: Collection[str]) -> str:
    return "use a stronger power supply" if "under-voltage" in reasons else "cool it"


def _thermal_status(samples: Sequence[Mapping[str, Any]]) -> int:
    """Return the worst thermal status by number, 0 if none is known."""
    statuses = _known(samples, "thermal_status")
    return max((THERMAL_STATUSES.index(status) for status in statuses if status in THERMAL_STATUSES), default=0)


def _full(sample: Mapping[str, Any]) -> bool:
    """Return whether the battery is full in a sample."""
    return (_value(sample, "battery_percent") or 0) >= FULL_PERCENT


def _frequency(mhz: Sequence[float]) -> Iterator[str]:
    """Yield the reason if the frequency fell too much from the first to the last third of the samples."""
    third = len(mhz) // 3
    if len(mhz) < MIN_FREQUENCIES or not (start_mhz := median(mhz[:third])):
        return
    drop = 1 - median(mhz[-third:]) / start_mhz
    if drop > MAX_FREQUENCY_DROP:
        yield f"the frequency fell by {drop:.0%} during the measurement, more than {MAX_FREQUENCY_DROP:.0%}"


def _connection(samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the reason if the connection was lost or there was no sample for too long."""
    times = [at for sample in samples if not _value(sample, "lost") and (at := _seconds(sample["at"])) is not None]
    gap_s = max((after - before for before, after in pairwise(times)), default=0.0)
    if True in _known(samples, "lost"):
        yield f"the connection was lost during the measurement ({gap_s:.0f} s between two samples of the state)"
    elif gap_s > MAX_GAP_S:
        yield f"the device's state was not sampled for {gap_s:.0f} s during the measurement"


def _seconds(at: str) -> float | None:
    """Return a time in ISO 8601 as seconds since 1970, or None if the text is not such a time."""
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _known(samples: Sequence[Mapping[str, Any]], column: str) -> list[Any]:
    """Return the values of a column that are present, in order."""
    return [value for sample in samples if (value := _value(sample, column)) is not None]


def _value(row: Mapping[str, Any], name: str) -> Any:
    """Return a value of a row, or None if it is missing or null."""
    value = row.get(name)
    return None if value is None or pd.isna(value) else value
