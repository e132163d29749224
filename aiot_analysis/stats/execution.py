"""What executed an instance: delegation, battery use, and whether model files agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import norm

from aiot_analysis.tables import names

if TYPE_CHECKING:
    from collections.abc import Sequence

NODES = ["nodes", "nodes_delegated", "partitions", "threads"]
COLUMNS = ["accelerator_requested", "accelerator_actual", *NODES, "share_delegated", "peak_rss_mb", "load_ms"]
NOT_SAMPLED = "the run was made without samples of the charge of the battery"
DELEGATIONS = ("none requested", "not reported", "another ran", "none of it", "part of it", "all of it")


def delegations(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per row of the table `instances`, with its verdict and reasons.

    Columns are run_id, device_id, instance_id, source, those of COLUMNS and delegation, one of DELEGATIONS.
    share_delegated is nodes_delegated over all nodes of the graph, from 0 to 1. Frameworks do not report to an agent
    which nodes a delegate took, whereas native tools do; what was not reported is null. peak_rss_mb is the peak
    resident memory of the process of an instance, in 10^6 bytes, including the interpreter, the framework and one
    image.
    """
    nodes, delegated = (rows[column].astype("Float64") for column in ("nodes", "nodes_delegated"))
    share = (delegated / nodes.where(nodes > 0)).astype(float)
    requested, actual = rows["accelerator_requested"], rows["accelerator_actual"]
    delegation = pd.Series(DELEGATIONS[1], index=rows.index)
    delegation[delegated.eq(0).fillna(False)] = DELEGATIONS[3]
    delegation[delegated.gt(0).fillna(False) & share.notna()] = DELEGATIONS[4]
    delegation[share >= 1] = DELEGATIONS[5]
    delegation[requested.notna() & actual.notna() & (requested != actual)] = DELEGATIONS[2]
    delegation[requested.eq("cpu") | (requested.isna() & rows["delegate"].eq("cpu"))] = DELEGATIONS[0]
    result = rows.assign(share_delegated=share, delegation=delegation)
    columns = ["run_id", "device_id", "instance_id", "source", *COLUMNS, "delegation", "verdict", "reasons"]
    return result[columns].reset_index(drop=True)


def energies(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the energy of an image for rows of the table `instances` with the profile `sustained`.

    Columns are run_id, device_id, instance_id, energy_mj (less that of the idle device), energy_mj_low and
    energy_mj_high (95% interval of the readings, not of other runs) and gap: why there is no energy, or "".
    """
    long_runs = rows[rows["profile"].eq("sustained") & rows["status"].eq("end")]
    gap = long_runs["energy_gap"].fillna(NOT_SAMPLED).where(long_runs["energy_mj"].isna(), "")
    margin = norm.ppf(0.975) * long_runs["energy_mj_se"]
    result = long_runs.assign(
        energy_mj_low=long_runs["energy_mj"] - margin, energy_mj_high=long_runs["energy_mj"] + margin, gap=gap
    )
    columns = ["run_id", "device_id", "instance_id", "energy_mj", "energy_mj_low", "energy_mj_high", "gap"]
    return result[columns].reset_index(drop=True)


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
    result["gap"] = result.apply(_gap_reason, axis=1) if len(result) else pd.Series(dtype=object)
    hours = result["hours"].where((result["hours"] > 0) & (result["gap"] == ""))
    return result.assign(per_hour=result["change_percent"] / hours).reset_index()


def _gap_reason(row: pd.Series) -> str:
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


PASSED, FAILED, UNCHECKED = "passed", "failed", "not checked"
KEY = ["model", "weights", "framework", "quantization"]


def model_files(instances: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model file of the latest run, with models, frameworks and quantizations in the paper's order.

    Takes the table `instances`, including rows that could not be run: devices and delegates share a file. Returns the
    columns of KEY, model_sha256, state ("passed", "failed" or "not checked") and the table's columns parity_..., which
    are null where the file was not checked. A check is also used if only an earlier run with the same file recorded it.
    """
    with_file = instances.dropna(subset=["model_sha256"])
    latest = with_file.sort_values("run_id").groupby(KEY, dropna=False)["model_sha256"].transform("last")
    same = with_file[with_file["model_sha256"] == latest.reindex(with_file.index)]
    same = same.assign(checked=same["parity_passed"].notna()).sort_values(["checked", "run_id"])
    result = same.drop_duplicates(KEY, keep="last")
    result = result.assign(state=result["parity_passed"].map({True: PASSED, False: FAILED}).astype("object"))
    result["state"] = result["state"].where(result["parity_passed"].notna(), UNCHECKED)
    orders = {"model": names.MODELS, "framework": names.FRAMEWORKS, "quantization": names.QUANTIZATIONS}
    result = result.sort_values(
        KEY, key=lambda column: names.places(column, orders.get(str(column.name), [])), ignore_index=True
    )
    return result[[*KEY, "model_sha256", "state", *result.filter(like="parity_")]]
