"""Effect of an instance's place in a run on its time, for example where a device heats up during a run."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from aiot_analysis.tables import pooling, select
from aiot_analysis.words import CONFIDENCE, plural

EFFECT = ["effect", "effect_low", "effect_high", "p_value"]
MIN_FREE = 5  # residual degrees of freedom


def common_order(rows: pd.DataFrame) -> str:
    """Return a sentence if all runs took their instances in one order, and "" if two of them differ in it.

    Takes rows of the table `instances`, of any number of devices and runs. The runs may have different instances: they
    have a common order if the relations "ran before" of all runs together have no cycle. Runs of single instances have
    no order.
    """
    before: dict[str, set[str]] = {}
    for _, run in rows.sort_values("position").groupby(["device_id", "run_id"]):
        for first, second in pairwise(run["instance_id"]):
            before.setdefault(second, set()).add(first)
    try:
        TopologicalSorter(before).prepare()
    except CycleError:
        return ""
    if not before:
        return ""
    devices, runs = rows["device_id"].nunique(), len(rows[["device_id", "run_id"]].drop_duplicates())
    whose = "The only run" if runs == 1 else f"All {runs} runs of {plural(devices, 'device')}"
    return (
        f"{whose} used one order of the instances. The effect of the order and the speed of an instance cannot be "
        "separated: if a device slows down over a run, the instances that come late look slow."
    )


def order_effects(rows: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Return how much slower an instance is at the end of a run than at its start, one row per device.

    Takes usable rows of the table `instances`, of any number of runs. Instances differ a hundredfold in time, so only
    those that ran at several places contain information: their rows of several runs that agree in all that must be
    equal (`pooling.SAME_INSTANCE`) and in profile. A least squares fit has an effect for each instance and for each
    run:

        log(mean time) = instance + run + beta * place,   place = position / (instances of the run - 1), from 0 to 1

    Columns are device_id, runs and instances (those with information), effect (exp(beta) - 1: 0.1 is 10 % slower at the
    end), effect_low and effect_high (95 %), p_value (of beta = 0; heteroscedasticity-robust, HC3) and gap, which says
    why there is no effect: place and instance cannot be separated with a single run, nor if all runs had the same
    order.
    """
    column = f"{select.time_column(timing)}_mean"
    last = rows.groupby(["device_id", "run_id"])["position"].transform("max")
    timed = rows.assign(
        place=rows["position"] / last.where(last > 0),
        way=pooling.ways(rows),
        log_ms=np.log(rows[column].where(rows[column] > 0)),
    ).dropna(subset=["place", "log_ms"])
    devices = rows["device_id"].unique()
    rows_of_devices = [{"device_id": device, **_effect(timed[timed["device_id"] == device])} for device in devices]
    return pd.DataFrame(rows_of_devices, columns=["device_id", "runs", "instances", *EFFECT, "gap"])


def _effect(rows: pd.DataFrame) -> dict[str, object]:
    """Return the columns of one device other than its id."""
    runs = rows["run_id"].nunique()
    rows = rows[rows.groupby("way")["run_id"].transform("nunique") > 1]
    counts = {"runs": rows["run_id"].nunique() or runs, "instances": rows["way"].nunique()}
    row = {**counts, **dict.fromkeys(EFFECT, np.nan)}
    if runs < 2:
        return {**row, "gap": "one run: the position of an instance and its own speed cannot be separated"}
    if rows.empty:
        return {**row, "gap": f"{runs} runs, but no instance was measured under the same conditions in two of them"}
    instance_columns = pd.get_dummies(rows["way"], dtype=float)
    run_columns = pd.get_dummies(rows["run_id"], dtype=float, drop_first=True)
    fixed = np.column_stack([instance_columns, run_columns])
    free = len(rows) - np.linalg.matrix_rank(fixed) - 1
    place = rows["place"].to_numpy(float)
    place_residual = place - fixed @ np.linalg.lstsq(fixed, place, rcond=None)[0]
    if np.ptp(place_residual) < 1e-9:
        return {**row, "gap": f"the {counts['runs']} runs had the same order"}
    if free < MIN_FREE:
        return {**row, "gap": f"{len(rows)} times are too few for an estimate"}
    fit = OLS(rows["log_ms"].to_numpy(float), np.column_stack([fixed, place])).fit(cov_type="HC3", use_t=True)
    low, high = fit.conf_int(1 - CONFIDENCE)[-1]
    numbers = np.expm1([fit.params[-1], low, high])
    return {**row, **dict(zip(EFFECT, [*numbers, fit.pvalues[-1]], strict=True)), "gap": ""}
