"""The three ways of resizing compared: "we experiment the three methods and find that there is little influence on
the performance" (Section IV-B)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiot_analysis.stats import accuracy, blocks, pairing, variance
from aiot_analysis.stats.remarks.claim import BUILT, FAILS, HOLDS, OPEN
from aiot_analysis.tables import names, pooling, select
from aiot_analysis.words import plural

STUDY = "resize"
WAYS = ["crop_resize", "resize_crop", "square_crop"]  # in the order of Section IV-B, of which the first is the default
LITTLE = 0.02  # change of accuracy that counts as little, fraction of 1: ours, since the paper gives no number
TIMES = {"preprocess_ms": ["preprocess_ms"], "decode_preprocess_ms": ["decode_ms", "preprocess_ms"]}


def rows(studies: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One usable row per device x instance x way, and every row of the study that is not used, with the reason.

    Takes `Data.studies`. Of several runs of a way the latest is taken, and only runs under the same conditions as the
    latest run of the instance: profile, threads, and what pooling.SAME_INSTANCE names but the way of resizing. In the
    rows left out the column `reasons` says why.
    """
    there = studies[(studies["study"] == STUDY)].reset_index(drop=True)
    usable = there["verdict"].isin(select.USABLE) & there["resize"].isin(WAYS)
    each = ["device_id", "instance_id"]
    known = there[usable].sort_values("run_id")
    known = known.assign(condition=pooling.ways(known.assign(resize="")))  # in which the runs are to differ
    usual = known.groupby(each)["condition"].transform("last")
    alike = known[known["condition"] == usual]
    chosen = alike.drop_duplicates([*each, "resize"], keep="last").drop(columns="condition")
    left_out = there.drop(index=chosen.index)
    why = pd.Series(left_out["reasons"], dtype=object)
    why[left_out.index.isin(known.index)] = "measured under other conditions than the latest run"
    why[left_out.index.isin(alike.index)] = "a later run is used"
    return _in_order(chosen), left_out.assign(reasons=why).reset_index(drop=True)


def summary(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their accuracy and the time of preparing an image, with 95 % intervals.

    Takes the rows of `rows` and image records; adds accuracy_low and accuracy_high (Wilson), and preprocess_ms and
    decode_preprocess_ms, the mean over images with ..._low and ..._high: Student's interval on the logarithm, where
    neighbours in time are taken as dependent (`blocks.errors`), with what another run may give (`variance`). Images
    that failed have no time, and are left out of it. Null without image records.
    """
    found = accuracy.with_interval(rows).reset_index(drop=True)
    records = select.image_rows(images, rows)
    groups = {key: part for key, part in records[~records["failed"]].groupby(select.KEY, observed=True)}
    runs, freedom = variance.of_one(found)
    keys = list(found[select.KEY].itertuples(index=False, name=None))
    for column, parts in TIMES.items():
        numbers = [_mean(groups.get(key), parts, *noise) for key, *noise in zip(keys, runs, freedom, strict=True)]
        found[[column, f"{column}_low", f"{column}_high"]] = np.array(numbers, float).reshape(len(found), 3)
    return found


def changes(rows: pd.DataFrame, images: pd.DataFrame, little: float = LITTLE) -> pd.DataFrame:
    """The accuracy of each other way against crop_resize, on the images both saw, and whether the influence is little.

    Gives the frame of `accuracy.accuracy_change`, whose intervals keep 95 % together, with the columns resize (the
    other way), verdict ("holds" where the whole interval of the change is within `little` of 0, "does not hold" where
    the whole of it is beyond, else "cannot be decided") and mark ("by construction" where simulated data decided).
    """
    found = accuracy.accuracy_change(images, pairing.pair(rows, "resize", WAYS[0]), together=True)
    low, high = found["change_low"], found["change_high"]
    within, beyond = (low >= -little) & (high <= little), (low > little) | (high < -little)
    found["verdict"] = np.select([within, beyond], [HOLDS, FAILS], OPEN)
    mark = BUILT if (rows["origin"] == "simulated").any() else ""
    return found.assign(mark=np.where(found["verdict"] != OPEN, mark, ""))


def _mean(
    records: pd.DataFrame | None, parts: list[str], runs: float, runs_freedom: float
) -> tuple[float, float, float]:
    """Return the mean time of some phases together and its interval, in ms; an image counts once."""
    if records is None or records.empty:
        return np.nan, np.nan, np.nan
    shown = records.sort_values("query", kind="stable")
    times = shown[parts].sum(axis=1).groupby(shown["image"], observed=True, sort=False).mean().to_numpy(float)
    mean = float(times.mean())
    if len(times) < 2 or not mean > 0:
        return mean, np.nan, np.nan
    errors, worth = blocks.errors(times[None] / mean)
    error, freedom = variance.standard_error([errors**2, np.array([runs])], [worth - 1, np.array([runs_freedom])])
    low, high = np.exp(variance.around(np.log([mean]), error, freedom))
    return mean, float(low[0]), float(high[0])


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """By device, model, framework and quantization, the ways in the paper's order."""
    orders = {"model": names.MODELS, "quantization": names.QUANTIZATIONS, "resize": WAYS}

    by = ["device_id", "model", "framework", "delegate", "quantization", "resize"]
    return rows.sort_values(by, key=lambda one: names.places(one, orders.get(str(one.name), [])), ignore_index=True)


def verdict(changes: pd.DataFrame) -> str:
    """Over all comparisons: it holds if it holds in each, and does not if it does not in any."""
    found = set(changes["verdict"])
    if FAILS in found:
        return FAILS
    return HOLDS if found == {HOLDS} else OPEN


def counted(changes: pd.DataFrame) -> str:
    """How many comparisons have which verdict, like "2 comparisons: 1 holds, 1 cannot be decided"."""
    counts = changes["verdict"].value_counts()
    listed = ", ".join(f"{counts[one]} {one}" for one in (HOLDS, FAILS, OPEN) if one in counts)
    return f"{plural(len(changes), 'comparison')}: {listed}" if listed else "no comparison"
