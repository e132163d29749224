"""Noise from run to run: whether a device gives the same answer when it is asked again.

`answer_changes` considers the class that a device answers; `repeated_answers` and `answer_noise` consider right and
wrong, which accuracy counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from aiot_analysis.stats import accuracy
from aiot_analysis.stats.answers import NONE, counts, disagreement
from aiot_analysis.tables import by_device, choice, pooling, select

EACH = ["device_id", "instance_id"]
RUN_COLUMNS = [*EACH, "run_id", "images", "accuracy"]
VARIATION_COLUMNS = [*EACH, "repeated", "changed", "images", "variances", "one_change"]


def repeated_rows(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `instances` that showed an image more than once to one device under the same conditions.

    This may be in several runs, or in a single run of a timed profile. Only usable rows of runs of the suite with image
    records count, and only those that agree in what pooling.SAME_INSTANCE lists. If a device was measured under several
    conditions, the conditions with the most runs are used or, in a tie, those of the latest run.
    """
    usable = select.of_suite(instances)
    usable = usable[usable["verdict"].isin(choice.USABLE) & (usable["source"] == "agent")]
    with_conditions = usable.assign(condition=pooling.conditions(usable))
    by_condition = with_conditions.groupby([*EACH, "condition"], as_index=False).agg(
        images=("images", "sum"),
        distinct=("distinct_images", "max"),
        runs=("run_id", "nunique"),
        latest=("run_id", "max"),
    )
    again = by_condition[by_condition["images"] > by_condition["distinct"]].sort_values(["runs", "latest"])
    chosen = again.drop_duplicates(EACH, keep="last")[[*EACH, "condition"]]
    return with_conditions.merge(chosen, on=[*EACH, "condition"]).drop(columns="condition")


def answer_changes(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return how often a device gives another class when it sees an image again, one row per device x instance.

    Takes the frame of `repeated_rows` and image records with answers.COLUMNS. Columns are device_id, instance_id, runs,
    images (those that it answered more than once), changed (those of them that it did not answer identically each
    time), noise (their share) with noise_low and noise_high (Wilson, 95 %), and disagreement (see
    `agreement.instability`; here between two answers of one device). Devices whose runs have no image in common are
    left out.
    """
    records = select.image_rows(images, rows)
    table = []
    for (device, instance), part in records.groupby(EACH, observed=True):
        image, _ = pd.factorize(part["image"].astype("object"))
        top1 = part["top1"].to_numpy(np.int64, na_value=NONE)
        image_of_answer, _, count = counts(_stacked(image, top1))
        answered = np.bincount(image_of_answer, count) > 1
        if not answered.any():
            continue
        n_changed = int((answered & (np.bincount(image_of_answer) > 1)).sum())
        low, high = accuracy.wilson(n_changed, int(answered.sum()))
        table.append(
            {
                "device_id": str(device),
                "instance_id": str(instance),
                "runs": part["run_id"].nunique(),
                "images": int(answered.sum()),
                "changed": n_changed,
                "noise": n_changed / answered.sum(),
                "noise_low": low,
                "noise_high": high,
                "disagreement": disagreement(image_of_answer, count),
            }
        )
    columns = [*EACH, "runs", "images", "changed", "noise", "noise_low", "noise_high", "disagreement"]
    return pd.DataFrame(table, columns=columns)


class RepeatedAnswers(NamedTuple):
    """Repeated answers, as right or wrong."""

    runs: pd.DataFrame  # RUN_COLUMNS: `accuracy` (fraction of 1) and number of `images`, per device x instance x run
    variation: pd.DataFrame  # VARIATION_COLUMNS, one row per device x instance: see `answer_noise`


def repeated_answers(images: pd.DataFrame | Iterable[pd.DataFrame], rows: pd.DataFrame) -> RepeatedAnswers:
    """Return the accuracy of each run of the frame of `repeated_rows`, and how the answers to single images vary.

    Takes image records with the columns of select.KEY, image and correct, or parts of them (see
    `by_device.map_devices`). For each device x instance, only images that were shown more than once count: `repeated`
    is the number of answers to them, `changed` the number of images answered both right and wrong, and `variances` the
    sum over images of the variance of a single answer about the mean of the image. `one_change` is the sum of what the
    variance of each image would be if one answer to it differed from the others.
    """
    parts = [part for _, part in by_device.map_devices(images, rows, _again)]
    if not parts:
        return RepeatedAnswers(pd.DataFrame(columns=RUN_COLUMNS), pd.DataFrame(columns=VARIATION_COLUMNS))
    runs, variation = zip(*parts, strict=True)
    return RepeatedAnswers(pd.concat(runs, ignore_index=True), pd.concat(variation, ignore_index=True))


def _again(records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the two frames of `repeated_answers` for one device."""
    groups = records.groupby([*EACH, "run_id"], observed=True, sort=False)
    runs = groups.head(1)[[*EACH, "run_id"]].astype(str)
    image, images = pd.factorize(records["image"])
    cell = groups.ngroup().to_numpy() * len(images) + image
    table = (len(runs), len(images))
    answers, right = (
        np.bincount(cell, values, table[0] * table[1]).reshape(table)
        for values in (np.ones(len(records)), records["correct"].astype(float).fillna(0.0))
    )
    share = np.divide(right, answers, out=np.zeros(table), where=answers > 0)
    seen = (answers > 0).sum(axis=1)
    of_each = runs.groupby(EACH)
    place = of_each.ngroup().to_numpy()
    runs = runs.assign(images=seen, accuracy=share.sum(axis=1) / seen)
    n, hits = np.zeros((2, of_each.ngroups, len(images)))
    np.add.at(n, place, answers)
    np.add.at(hits, place, right)
    several = n > 1
    variances = np.divide(hits * (n - hits), n * (n - 1), out=np.zeros(n.shape), where=several)
    variation = pd.DataFrame(
        {
            "repeated": np.where(several, n, 0).sum(axis=1).astype(int),
            "changed": (several & (hits > 0) & (hits < n)).sum(axis=1),
            "images": several.sum(axis=1),
            "variances": variances.sum(axis=1),
            "one_change": np.divide(1.0, n, out=np.zeros(n.shape), where=several).sum(axis=1),
        },
        of_each.size().index,
    )
    return runs.sort_values([*EACH, "run_id"]), variation[variation["images"] > 0].reset_index()


def answer_noise(variation: pd.DataFrame, by: str = "instance_id") -> pd.DataFrame:
    """Return how much right and wrong vary between repeated answers of one device, one row per value of `by`.

    Takes the frame `variation` of `repeated_answers`, of which `by` is a column. Columns are `repeated`, the number of
    answers to images that a device saw more than once; `changed`, the number of these images, counted per device, whose
    answers changed between right and wrong; `variance` of a single answer about its mean on the same device, averaged
    over these images; and its degrees of `freedom`. The variance counts one change more than was seen, and two degrees
    of freedom for each, so that it is not 0 where no change was seen: rare changes have a Poisson distribution, whose
    upper bounds are those of a chi-square variable with as many degrees of freedom (Garwood 1936). The variance of an
    accuracy over n images is this variance divided by n, if answers to different images vary independently.
    """
    sums = variation.groupby(by)[VARIATION_COLUMNS[2:]].sum()
    sums["variance"] = (sums["variances"] + sums["one_change"] / sums["images"]) / sums["images"]
    return sums.assign(freedom=2 * (sums["changed"] + 1))[["repeated", "changed", "variance", "freedom"]]


def _stacked(image: np.ndarray, top1: np.ndarray) -> np.ndarray:
    """Return a matrix with one row per image: its answers side by side, padded with NONE."""
    turn = pd.Series(image).groupby(image).cumcount().to_numpy()
    matrix = np.full((image.max() + 1 if len(image) else 0, turn.max() + 1 if len(turn) else 0), NONE)
    matrix[image, turn] = top1
    return matrix
