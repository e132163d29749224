"""Noise from run to run: does a device answer the same when it is asked again?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiot_analysis.stats import accuracy, agreement, pooling, select
from aiot_analysis.stats.answers import NONE, counts

EACH = ["device_id", "instance_id"]


def rows(instances: pd.DataFrame) -> pd.DataFrame:
    """The rows of the table `instances` that showed an image more than once to one device under the same conditions.

    In several runs, or in one of a timed profile. Only usable rows of runs of the suite with records of images, alike
    in what pooling.SAME_INSTANCE names; where a device was measured under several conditions, those of most rows, of
    equally many those of the latest run.
    """
    usable = select.of_suite(instances)
    usable = usable[usable["verdict"].isin(select.USABLE) & (usable["source"] == "agent")]
    known = usable.assign(condition=pooling.conditions(usable))
    shown = known.groupby([*EACH, "condition"], as_index=False).agg(
        images=("images", "sum"),
        distinct=("distinct_images", "max"),
        runs=("run_id", "nunique"),
        latest=("run_id", "max"),
    )
    again = shown[shown["images"] > shown["distinct"]].sort_values(["runs", "latest"])
    chosen = again.drop_duplicates(EACH, keep="last")[[*EACH, "condition"]]
    return known.merge(chosen, on=[*EACH, "condition"]).drop(columns="condition")


def flips(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """How often a device gives another class when it sees an image again: a row per device x instance.

    Takes the frame of `rows` and image records with answers.COLUMNS. Columns device_id, instance_id, runs, images
    (that it answered more than once), changed (of them, those it did not answer alike each time), noise (their share)
    with noise_low and noise_high (Wilson, 95 %), and disagreement (see `agreement.instability`: here of two answers of
    one device). Devices whose runs have no image in common are left out.
    """
    records = select.image_rows(images, rows)
    found = []
    for (device, instance), part in records.groupby(EACH, observed=True):
        image, _ = pd.factorize(part["image"].astype("object"))
        top1 = part["top1"].to_numpy(np.int64, na_value=NONE)
        of, _, count = counts(_stacked(image, top1))
        answered = np.bincount(of, count) > 1
        if not answered.any():
            continue
        several = int((answered & (np.bincount(of) > 1)).sum())
        low, high = accuracy.wilson(several, int(answered.sum()))
        found.append(
            {
                "device_id": str(device),
                "instance_id": str(instance),
                "runs": part["run_id"].nunique(),
                "images": int(answered.sum()),
                "changed": several,
                "noise": several / answered.sum(),
                "noise_low": low,
                "noise_high": high,
                "disagreement": agreement.disagreement(of, count),
            }
        )
    columns = [*EACH, "runs", "images", "changed", "noise", "noise_low", "noise_high", "disagreement"]
    return pd.DataFrame(found, columns=columns)


def _stacked(image: np.ndarray, top1: np.ndarray) -> np.ndarray:
    """A matrix with a row an image, its answers side by side and NONE behind them."""
    turn = pd.Series(image).groupby(image).cumcount().to_numpy()
    matrix = np.full((image.max() + 1 if len(image) else 0, turn.max() + 1 if len(turn) else 0), NONE)
    matrix[image, turn] = top1
    return matrix
