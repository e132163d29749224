"""A verdict on each instance: may its numbers be used, and what is to be known about them. All rules are here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from aiot_analysis.tables import select, storage
from aiot_analysis.tables.processed import check

MIN_IMAGES = 500  # the paper's subset of ILSVRC 2012, Section III-A
MAX_CV = 0.5  # standard deviation over mean of the times of one instance

THERMAL_STATUSES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""android.os.PowerManager.THERMAL_STATUS_*, by number."""
SEVERE = THERMAL_STATUSES.index("severe")
"""From it on "user experience is largely impacted" (Android's words); under it little or nothing of it is."""

BODY_HOT_C = 45.0  # of battery or skin: lithium cells are to be charged up to it (JEITA's guideline)
BATTERY_LOW_PERCENT = 30.0  # the limit of the gate before a run: see runner.doctor
FULL_PERCENT = 100.0  # of a full battery charging begins and ends by itself

MAX_FREQUENCY_DROP = 0.10
"""From the median of the first third of the samples to that of the last one. Twice the 5 % within which a result is to
be repeatable by the rules of MLPerf Mobile: what is bound by computation slows down as much. That less than twice is
no throttling is assumed."""
MIN_FREQUENCIES = 6  # samples, two for each third

MAX_GAP_S = 30.0
"""Between two samples, which come every 2 or 5 s: longer, and nobody looked."""


def judge(row: Mapping[str, Any], samples: Sequence[Mapping[str, Any]] = ()) -> tuple[str, str]:
    """The verdict on a row of the table `instances`, and the reasons, joined by "; " ("" if valid).

    `samples` are the rows of `telemetry` of the row's attempt, in order. The words are those of MLPerf Mobile's rules:

    - unavailable: the device cannot run it (status "unavailable").
    - invalid: it failed or was cut off; there is no accuracy or no time (or none but zeros); the CPU ran in place of
      the accelerator that was asked for; the model file is not the network it should be (`aiot models check`); the
      device's thermal status was severe or worse (SEVERE), unless the profile is `sustained`, which is there to see it.
    - semi-valid: there are numbers, but with fewer than 500 images (MIN_IMAGES), images that failed, times that
      scatter by more than half their mean (MAX_CV), another accelerator than was asked for, something odd in the log,
      times that were unstable along the run (see `stability.doubts`), or something odd in the samples (see `_states`).
    - valid: none of these.

    A profile of operators shows no images, and is valid if it ended with nothing odd.

    Reads study, profile, status, images, failed_images, accuracy, timing, the mean and sd of that timing,
    accelerator_requested and _actual, parity_passed and parity_finding; `reasons`, if the row has any, are what
    the log itself says and come first.
    """
    said = _value(row, "reasons") or ""
    status = row["status"]
    if status == "unavailable":
        return "unavailable", said or "the device offers no such framework or delegate"
    if status in ("failed", "cut"):
        return "invalid", said or ("the attempt failed" if status == "failed" else "the log breaks off: run it again")

    doubts = [said] if said else []
    states = list(_states(samples))
    if _value(row, "study") == select.PROFILE:
        return _verdict([*doubts, *states])

    column = select.time_column(row["timing"])
    mean, sd = _value(row, f"{column}_mean"), _value(row, f"{column}_sd")
    asked, actual = _value(row, "accelerator_requested"), _value(row, "accelerator_actual")
    known = {"accuracy": _value(row, "accuracy"), "time": mean or None}  # a clock that stands still gives 0
    faults = [f"no {what} was measured" for what, value in known.items() if value is None]
    if asked not in (None, "cpu") and actual == "cpu":
        faults.append(f"{asked} was asked for, cpu ran: it is no measurement of {asked}")
    passed = _value(row, "parity_passed")
    if passed is not None and not passed:
        faults.append(f"its model file failed the check: {_value(row, 'parity_finding')}")
    heat = _thermal_status(samples)
    if heat >= SEVERE and _value(row, "profile") != "sustained":
        faults.append(f"its thermal status was {THERMAL_STATUSES[heat]}: let it cool and run again")
    if faults:
        return "invalid", "; ".join([*doubts, *faults])

    images, failed = int(row["images"]), int(_value(row, "failed_images") or 0)
    if images < MIN_IMAGES:
        doubts.append(f"{images} of {MIN_IMAGES} images")
    if failed:
        doubts.append(f"failed images, counted as wrong: {failed}")
    if mean and sd is not None and sd / mean > MAX_CV:
        doubts.append(
            f"times scatter by {sd / mean:.0%} of their mean, more than {MAX_CV:.0%}: cool down and run again"
        )
    if asked is not None and actual is not None and asked != actual:
        doubts.append(f"{asked} was asked for, {actual} ran")
    return _verdict([*doubts, *states])


def read(folder: Path) -> pd.DataFrame:
    """Return the table `instances` of a folder of processed tables, with the checks of model files that came later.

    Raises DataError where files of the tables are missing or damaged (see `processed.check`).
    """
    check(folder)
    return with_checks_of_files(storage.read("instances", folder))


def with_checks_of_files(instances: pd.DataFrame) -> pd.DataFrame:
    """The table `instances`, in which a check of a model file counts for every run of that file.

    A run knows only the checks that were made before it. Rows without one take the latest that another run has of the
    same file, by its SHA-256, and are invalid if it failed.
    """
    columns = list(instances.filter(like="parity_").columns)
    unchecked = instances["parity_passed"].isna()
    known = instances[~unchecked].dropna(subset=["model_sha256"]).sort_values("run_id", kind="stable")
    latest = known.drop_duplicates("model_sha256", keep="last").set_index("model_sha256")[columns]
    found = instances["model_sha256"].where(unchecked).isin(latest.index)
    if not found.any():
        return instances
    result = instances.copy()
    taken = latest.loc[instances.loc[found, "model_sha256"]].set_axis(instances.index[found])
    for column in columns:
        result.loc[found, column] = taken[column]
    failed = found & ~result["parity_passed"].fillna(True).astype(bool) & result["verdict"].isin(select.USABLE)
    why = "its model file failed the check: " + result.loc[failed, "parity_finding"]
    before = result.loc[failed, "reasons"]
    result.loc[failed, "reasons"] = why.where(before == "", before + "; " + why)
    result.loc[failed, "verdict"] = "invalid"
    return result


def _verdict(doubts: Sequence[str]) -> tuple[str, str]:
    return ("semi-valid", "; ".join(doubts)) if doubts else ("valid", "")


def _states(samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was not as it should be while an instance ran, by samples of the device's state.

    The thermal status was not "none"; battery or skin were over BODY_HOT_C; the battery was under
    BATTERY_LOW_PERCENT; the device was plugged in or out, or charging began or ended other than on a full battery;
    the frequency fell by more than MAX_FREQUENCY_DROP; the connection was lost, or nobody looked for MAX_GAP_S;
    somebody had set battery or thermal status by hand. What a device does not tell gives no reason.
    """
    if heat := _thermal_status(samples):
        yield f"its thermal status was {THERMAL_STATUSES[heat]}: let it cool and run again"
    for name, column in (("battery", "battery_temperature_c"), ("skin", "skin_temperature_c")):
        hottest = max(_known(samples, column), default=0)
        if hottest > BODY_HOT_C:
            yield f"its {name} was at {hottest:.1f} °C, over {BODY_HOT_C:.0f} °C: let it cool and run again"
    percent = min(_known(samples, "battery_percent"), default=FULL_PERCENT)
    if percent < BATTERY_LOW_PERCENT:
        yield f"its battery was at {percent:g} %, under {BATTERY_LOW_PERCENT:g} %: charge it and run again"
    if len(set(_known(samples, "plugged"))) > 1:
        yield "it was plugged in or out in the middle"
    elif len(set(_known([one for one in samples if not _full(one)], "charging"))) > 1:
        yield "it began or stopped to charge in the middle"
    yield from _frequency(_known(samples, "frequency_mhz"))
    yield from _connection(samples)
    if True in _known(samples, "overridden"):
        yield "its battery or thermal status was set by hand"


def _thermal_status(samples: Sequence[Mapping[str, Any]]) -> int:
    """The worst there was, by number; 0 where none is known."""
    known = _known(samples, "thermal_status")
    return max((THERMAL_STATUSES.index(one) for one in known if one in THERMAL_STATUSES), default=0)


def _full(sample: Mapping[str, Any]) -> bool:
    return (_value(sample, "battery_percent") or 0) >= FULL_PERCENT


def _frequency(mhz: Sequence[float]) -> Iterator[str]:
    third = len(mhz) // 3
    if len(mhz) < MIN_FREQUENCIES or not (first := median(mhz[:third])):
        return
    drop = 1 - median(mhz[-third:]) / first
    if drop > MAX_FREQUENCY_DROP:
        yield f"its frequency fell by {drop:.0%} in the course of it, more than {MAX_FREQUENCY_DROP:.0%}"


def _connection(samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    times = [at for one in samples if not _value(one, "lost") and (at := _seconds(one["at"])) is not None]
    gap_s = max((after - before for before, after in pairwise(times)), default=0.0)
    if True in _known(samples, "lost"):
        yield f"its connection was lost in the middle (there are {gap_s:.0f} s between two samples of its state)"
    elif gap_s > MAX_GAP_S:
        yield f"nobody asked for its state for {gap_s:.0f} s in the middle"


def _seconds(at: str) -> float | None:
    """A time in ISO 8601 in seconds since 1970; None if it is none."""
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _known(samples: Sequence[Mapping[str, Any]], column: str) -> list[Any]:
    """The values of a column that are there, in order."""
    return [value for one in samples if (value := _value(one, column)) is not None]


def _value(row: Mapping[str, Any], name: str) -> Any:
    """The value of a row, or None where it is missing or null."""
    value = row.get(name)
    return None if value is None or pd.isna(value) else value
