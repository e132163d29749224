"""Change of a device's battery level over an instance or a run, as far as whole percents can show it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

STEP_PERCENT = 1.0
"""Systems report whole percents: each of the two readings, and so their difference, may be off by up to one step."""
RUN = ["device_id", "run_id"]


def battery_changes(telemetry: pd.DataFrame, by: Sequence[str] = RUN) -> pd.DataFrame:
    """Return the change of the battery level per run, or per group of other columns such as [*RUN, "instance_id"].

    Takes the table `telemetry`. Columns are samples, told (samples with a percentage), begin_percent, end_percent,
    change_percent (percentage points; negative if charge was used), change_percent_min and change_percent_max (the
    range that steps of STEP_PERCENT leave open), hours (between the two readings), per_hour (percentage points),
    charged (whether any sample says that the device was plugged in or charging; null if no sample says), overridden
    (whether the level was set by hand in any sample) and gap: why the change does not show what the run used, or "".
    per_hour is null where there is a gap.
    """
    ordered = telemetry.assign(time=pd.to_datetime(telemetry["at"], utc=True, errors="coerce", format="ISO8601"))
    ordered = ordered.sort_values([*by, "time"], kind="stable")
    groups = ordered.groupby(list(by), dropna=True)
    with_level = ordered.dropna(subset="battery_percent")
    readings = with_level.groupby(list(by), dropna=True)
    result = pd.DataFrame({"samples": groups.size(), "told": groups["battery_percent"].count()})
    result["begin_percent"] = readings["battery_percent"].first()
    result["end_percent"] = readings["battery_percent"].last()
    result["change_percent"] = result["end_percent"] - result["begin_percent"]
    several = result["told"] > 1
    result["change_percent_min"] = (result["change_percent"] - STEP_PERCENT).where(several)
    result["change_percent_max"] = (result["change_percent"] + STEP_PERCENT).where(several)
    result["change_percent"] = result["change_percent"].where(several)
    result["hours"] = (readings["time"].last() - readings["time"].first()).dt.total_seconds() / 3600
    plugged = ordered[["plugged", "charging"]].astype("boolean")
    either = (plugged["plugged"] | plugged["charging"]).groupby([ordered[column] for column in by])
    result["charged"] = either.max().astype("boolean")
    result["overridden"] = (
        ordered["overridden"].astype("boolean").fillna(False).groupby([ordered[column] for column in by]).any()
    )
    result["gap"] = result.apply(_gap, axis=1) if len(result) else pd.Series(dtype=object)
    hours = result["hours"].where((result["hours"] > 0) & (result["gap"] == ""))
    return result.assign(per_hour=result["change_percent"] / hours).reset_index()


def _gap(row: pd.Series) -> str:
    """Return why the change of a row is uninformative, the plainest reason first."""
    if not row["told"]:
        return "the device does not report a battery"
    if row["told"] < 2:
        return "there is only one reading"
    if row["overridden"]:
        return "the battery was set by hand"
    if row["charged"] is not pd.NA and row["charged"]:
        return "it was plugged in or charging"
    if row["charged"] is pd.NA:
        return "it is unknown whether it was charging"
    if row["change_percent"] > 0:
        return "the level rose without charging, so the reading is unreliable"
    if row["change_percent"] > -STEP_PERCENT:
        return "below the resolution of the reading"
    return ""
