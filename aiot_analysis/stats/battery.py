"""How far a device's battery went down while an instance or a run went on, as well as whole percents can tell."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

STEP_PERCENT = 1.0
"""Systems tell whole percents: each of the two readings is up to a step from the truth, so is their difference."""
RUN = ["device_id", "run_id"]


def changes(telemetry: pd.DataFrame, by: Sequence[str] = RUN) -> pd.DataFrame:
    """One row per run, or per group of other columns as [*RUN, "instance_id"]: the change of the battery.

    Takes the table `telemetry`. Columns samples, told (of them with a percentage), begin_percent, end_percent,
    change_percent (percentage points; under 0: used), change_percent_min and change_percent_max (what it may be with
    steps of STEP_PERCENT), hours (between the two readings), per_hour (percentage points), charged (whether any sample
    says that it was plugged in or charging; null if none says anything), overridden (set by hand in some sample) and
    gap: why the change tells nothing of what the run used, or "". per_hour is null where there is a gap.
    """
    ordered = telemetry.assign(time=pd.to_datetime(telemetry["at"], utc=True, errors="coerce", format="ISO8601"))
    ordered = ordered.sort_values([*by, "time"], kind="stable")
    groups = ordered.groupby(list(by), dropna=True)
    told = ordered.dropna(subset="battery_percent")
    readings = told.groupby(list(by), dropna=True)
    found = pd.DataFrame({"samples": groups.size(), "told": groups["battery_percent"].count()})
    found["begin_percent"] = readings["battery_percent"].first()
    found["end_percent"] = readings["battery_percent"].last()
    found["change_percent"] = found["end_percent"] - found["begin_percent"]
    several = found["told"] > 1
    found["change_percent_min"] = (found["change_percent"] - STEP_PERCENT).where(several)
    found["change_percent_max"] = (found["change_percent"] + STEP_PERCENT).where(several)
    found["change_percent"] = found["change_percent"].where(several)
    found["hours"] = (readings["time"].last() - readings["time"].first()).dt.total_seconds() / 3600
    plugged = ordered[["plugged", "charging"]].astype("boolean")
    either = (plugged["plugged"] | plugged["charging"]).groupby([ordered[column] for column in by])
    found["charged"] = either.max().astype("boolean")
    found["overridden"] = (
        ordered["overridden"].astype("boolean").fillna(False).groupby([ordered[column] for column in by]).any()
    )
    found["gap"] = found.apply(_gap, axis=1) if len(found) else pd.Series(dtype=object)
    hours = found["hours"].where((found["hours"] > 0) & (found["gap"] == ""))
    return found.assign(per_hour=found["change_percent"] / hours).reset_index()


def _gap(row: pd.Series) -> str:
    """Why the change of a row tells nothing, the plainest reason first."""
    if not row["told"]:
        return "the device tells no battery"
    if row["told"] < 2:
        return "one reading alone"
    if row["overridden"]:
        return "the battery was set by hand"
    if row["charged"] is not pd.NA and row["charged"]:
        return "it was plugged in or charging"
    if row["charged"] is pd.NA:
        return "whether it was charging is not told"
    if row["change_percent"] > 0:
        return "it went up without charging: its reading is not to be trusted"
    if row["change_percent"] > -STEP_PERCENT:
        return "under a step of its reading"
    return ""
