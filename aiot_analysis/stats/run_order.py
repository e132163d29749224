"""Does an instance's place in the order of a run explain its time, as where a device heats up while a run goes on?"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from aiot_analysis.stats import resample
from aiot_analysis.tables import pooling, select
from aiot_analysis.words import plural

EFFECT = ["effect", "effect_low", "effect_high", "p_value"]
MIN_FREE = 5  # degrees of freedom left for the errors


def common(rows: pd.DataFrame) -> str:
    """Return a sentence where all runs took their instances in one order, and "" where two of them differ in it.

    Takes rows of the table `instances`, of any number of devices and runs. The runs may have other instances: there is
    one order for all if the relations "ran before" of all runs together have no cycle. Runs of single instances have
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
        f"{whose} took the instances in one order. The effect of the order and the speed of an instance cannot be told "
        "apart: where a device slows down along a run, the instances that come late in it look slow."
    )


def effects(rows: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """One row per device: by how much an instance at the end of a run is slower than the same one at its begin.

    Takes usable rows of the table `instances`, of any number of runs. Instances differ a hundredfold in time, so
    only one that ran at several places tells of the place: its rows of several runs, alike in all that must be
    (`pooling.SAME_INSTANCE`) and in profile. Least squares with an effect of each instance and of each run:

        log(mean time) = instance + run + beta * place,   place = position / (instances of the run - 1), from 0 to 1

    Columns device_id, runs and instances (that tell), effect (exp(beta) - 1: 0.1 is 10 % slower at the end),
    effect_low and effect_high (95 %), p_value (beta = 0; heteroscedasticity-robust, HC3) and gap, which says why there
    is none: with one run place and instance cannot be told apart, and neither where all runs had one order.
    """
    column = f"{select.time_column(timing)}_mean"
    last = rows.groupby(["device_id", "run_id"])["position"].transform("max")
    known = rows.assign(
        place=rows["position"] / last.where(last > 0),
        way=pooling.ways(rows),
        log_ms=np.log(rows[column].where(rows[column] > 0)),
    ).dropna(subset=["place", "log_ms"])
    devices = rows["device_id"].unique()
    found = [{"device_id": device, **_effect(known[known["device_id"] == device])} for device in devices]
    return pd.DataFrame(found, columns=["device_id", "runs", "instances", *EFFECT, "gap"])


def _effect(rows: pd.DataFrame) -> dict[str, object]:
    """The columns of one device but for its id."""
    runs = rows["run_id"].nunique()
    rows = rows[rows.groupby("way")["run_id"].transform("nunique") > 1]
    counts = {"runs": rows["run_id"].nunique() or runs, "instances": rows["way"].nunique()}
    told = {**counts, **dict.fromkeys(EFFECT, np.nan)}
    if runs < 2:
        return {**told, "gap": "one run: the place of an instance and its own speed cannot be told apart"}
    if rows.empty:
        return {**told, "gap": f"{runs} runs, but no instance that was measured in the same way in two of them"}
    own = pd.get_dummies(rows["way"], dtype=float)
    run = pd.get_dummies(rows["run_id"], dtype=float, drop_first=True)
    fixed = np.column_stack([own, run])
    free = len(rows) - np.linalg.matrix_rank(fixed) - 1
    place = rows["place"].to_numpy(float)
    apart = place - fixed @ np.linalg.lstsq(fixed, place, rcond=None)[0]
    if np.ptp(apart) < 1e-9:
        return {**told, "gap": f"the {counts['runs']} runs had the same order"}
    if free < MIN_FREE:
        return {**told, "gap": f"{len(rows)} times are too few to tell"}
    fit = OLS(rows["log_ms"].to_numpy(float), np.column_stack([fixed, place])).fit(cov_type="HC3", use_t=True)
    low, high = fit.conf_int(1 - resample.LEVEL)[-1]
    numbers = np.expm1([fit.params[-1], low, high])
    return {**told, **dict(zip(EFFECT, [*numbers, fit.pvalues[-1]], strict=True)), "gap": ""}
