"""The three ways of resizing images, compared.

The paper states: "we experiment the three methods and find that there is little influence on the performance" (Section
IV-B).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiot_analysis.stats import accuracy, blocks, pairing, variance
from aiot_analysis.stats.remarks.claim import BUILT, FAILS, HOLDS, OPEN
from aiot_analysis.tables import dependence, names, select
from aiot_analysis.words import plural

STUDY = "resize"
WAYS = ["crop_resize", "resize_crop", "square_crop"]  # in the order of Section IV-B; the first is the default
LITTLE = 0.02  # largest change of accuracy that counts as little, fraction of 1: our choice, the paper gives no number
TIMES = {"preprocess_ms": ["preprocess_ms"], "decode_preprocess_ms": ["decode_ms", "preprocess_ms"]}


def rows(studies: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one usable row per device x instance x way, and every unused row of the study with the reason.

    Takes `Data.studies`. If there are several runs of a way, the latest is used, and only runs under the same
    conditions as the latest run of the instance: profile, threads, and what select.SAME_INSTANCE lists other than the
    way of resizing. The column `reasons` of the unused rows says why they are unused.
    """
    study_rows = studies[(studies["study"] == STUDY)].reset_index(drop=True)
    usable = study_rows["verdict"].isin(names.USABLE) & study_rows["resize"].isin(WAYS)
    instance_key = ["device_id", "instance_id"]
    usable_rows = study_rows[usable].sort_values("run_id")
    usable_rows = usable_rows.assign(
        condition=select.ways(usable_rows.assign(resize=""))
    )  # the way of resizing is what may differ
    latest_condition = usable_rows.groupby(instance_key)["condition"].transform("last")
    alike = usable_rows[usable_rows["condition"] == latest_condition]
    chosen = alike.drop_duplicates([*instance_key, "resize"], keep="last").drop(columns="condition")
    left_out = study_rows.drop(index=chosen.index)
    reasons = pd.Series(left_out["reasons"], dtype=object)
    reasons[left_out.index.isin(usable_rows.index)] = "measured under other conditions than the latest run"
    reasons[left_out.index.isin(alike.index)] = "a later run is used"
    return _in_order(chosen), left_out.assign(reasons=reasons).reset_index(drop=True)


def summary(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their accuracy and the time to prepare an image, with 95% intervals.

    Takes the rows of `rows` and image records. Adds accuracy_low and accuracy_high (Wilson), and preprocess_ms and
    decode_preprocess_ms, means over images with ..._low and ..._high: Student's interval on the logarithm, in which
    neighbours in time are treated as dependent (`dependence.errors`) and the variation between runs is included
    (`variance`). Failed images have no time and are excluded from it. Null without image records.
    """
    result = accuracy.with_interval(rows).reset_index(drop=True)
    records = select.image_rows(images, rows)
    groups = dict(iter(records[~records["failed"]].groupby(select.KEY, observed=True)))
    runs, freedom = variance.log_time_variance(result)
    keys = list(result[select.KEY].itertuples(index=False, name=None))
    for column, parts in TIMES.items():
        numbers = [_mean(groups.get(key), parts, *noise) for key, *noise in zip(keys, runs, freedom, strict=True)]
        result[[column, f"{column}_low", f"{column}_high"]] = np.array(numbers, float).reshape(len(result), 3)
    return result


def changes(rows: pd.DataFrame, images: pd.DataFrame, little: float = LITTLE) -> pd.DataFrame:
    """Compare the accuracy of each other way with crop_resize on the images that both saw, and judge the influence.

    Returns the frame of `accuracy.accuracy_change`, whose intervals have a joint confidence of 95%, with the columns
    resize (the other way), verdict ("holds" where the whole interval of the change is within `little` of 0, "does not
    hold" where all of it is beyond, else "cannot be decided") and mark ("by construction" where simulated data
    decided).
    """
    result = accuracy.accuracy_change(images, pairing.pair(rows, "resize", WAYS[0]), together=True)
    low, high = result["change_low"], result["change_high"]
    within, beyond = (low >= -little) & (high <= little), (low > little) | (high < -little)
    result["verdict"] = np.select([within, beyond], [HOLDS, FAILS], OPEN)
    mark = BUILT if (rows["origin"] == "simulated").any() else ""
    return result.assign(mark=np.where(result["verdict"] != OPEN, mark, ""))


def _mean(
    records: pd.DataFrame | None, parts: list[str], runs: float, runs_freedom: float
) -> tuple[float, float, float]:
    """Return the mean time of several phases together and its interval, in ms; an image counts once."""
    if records is None or records.empty:
        return np.nan, np.nan, np.nan
    in_order = records.sort_values("query", kind="stable")
    times = in_order[parts].sum(axis=1).groupby(in_order["image"], observed=True, sort=False).mean().to_numpy(float)
    if len(times) < 2:
        return float(times.mean()), np.nan, np.nan
    noise = np.array([runs]), np.array([runs_freedom])
    [mean], [low], [high] = blocks.mean_intervals(times[None], *dependence.errors(times[None]), *noise)
    return float(mean), float(low), float(high)


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort by device, model, framework and quantization, with the ways in the paper's order."""
    orders = {"model": names.MODELS, "quantization": names.QUANTIZATIONS, "resize": WAYS}

    by = ["device_id", "model", "framework", "delegate", "quantization", "resize"]
    return rows.sort_values(
        by, key=lambda column: names.places(column, orders.get(str(column.name), [])), ignore_index=True
    )


def verdict(changes: pd.DataFrame) -> str:
    """Return the verdict over all comparisons: holds if it holds in each, does not hold if it fails in any."""
    verdicts = set(changes["verdict"])
    if FAILS in verdicts:
        return FAILS
    return HOLDS if verdicts == {HOLDS} else OPEN


def verdict_counts(changes: pd.DataFrame) -> str:
    """Return how many comparisons have each verdict, like "2 comparisons: 1 holds, 1 cannot be decided"."""
    counts = changes["verdict"].value_counts()
    listed = ", ".join(
        f"{counts[verdict_name]} {verdict_name}" for verdict_name in (HOLDS, FAILS, OPEN) if verdict_name in counts
    )
    return f"{plural(len(changes), 'comparison')}: {listed}" if listed else "no comparison"
