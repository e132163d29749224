"""Which images and classes flip: where devices give the same image different classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aiot_analysis.stats import agreement
from aiot_analysis.stats.answers import NONE, Answers, counts


@dataclass(frozen=True)
class Given:
    """A class that devices gave an image in one instance; NONE where it failed on them."""

    instance_id: str
    answer: int
    devices: tuple[str, ...]


def each(answers: Sequence[Answers]) -> pd.DataFrame:
    """Every image of every instance of two devices or more, whether it flips and how: the ground of this module.

    Columns instance_id, image, label, unstable (devices gave it different classes), sides (right on some devices and
    wrong on others), minority (devices that did not give its most frequent class), right (devices that are right) and
    devices. Images that failed gave no class.
    """
    parts = []
    for one in answers:
        if len(one.devices) < 2 or not one.images:
            continue
        image, _, count = counts(one.top1)
        n = len(one.images)
        answered = np.bincount(image, count, n).astype(int)
        most = np.zeros(n, int)
        np.maximum.at(most, image, count)
        columns = {
            "instance_id": one.instance_id,
            "image": one.images,
            "label": one.labels,
            "unstable": np.bincount(image, minlength=n) > 1,
            "sides": agreement.split(one.correct),
            "minority": answered - most,
            "right": one.correct.sum(axis=1),
            "devices": len(one.devices),
        }
        parts.append(pd.DataFrame(columns))
    if not parts:
        return pd.DataFrame(
            columns=["instance_id", "image", "label", "unstable", "sides", "minority", "right", "devices"]
        )
    return pd.concat(parts, ignore_index=True)


def by_image(flips: pd.DataFrame) -> pd.DataFrame:
    """The images that flip, the most often first: image, label, unstable and sides (numbers of instances), instances
    (all that showed it) and minority (share of all answers that were not the most frequent one of their instance).

    Takes the frame of `each`.
    """
    found = _counted(flips, ["image", "label"])
    order = ["unstable", "minority", "image"]
    return found[found["unstable"] > 0].sort_values(order, ascending=[False, False, True], ignore_index=True)


def by_class(flips: pd.DataFrame) -> pd.DataFrame:
    """Each true class, that which flips most first: label, images (how many show it), unstable and sides (shares of its
    images x instances), minority (share of all answers that were not the most frequent one of their instance).

    Takes the frame of `each`.
    """
    found = _counted(flips, ["label"])
    images = flips.groupby("label")["image"].nunique()
    found = found.assign(
        images=found["label"].map(images),
        unstable=found["unstable"] / found["instances"],
        sides=found["sides"] / found["instances"],
    )
    columns = ["label", "images", "unstable", "sides", "minority"]
    return found.sort_values(["unstable", "label"], ascending=[False, True], ignore_index=True)[columns]


def _counted(flips: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    found = flips.groupby(by, as_index=False).agg(
        unstable=("unstable", "sum"),
        sides=("sides", "sum"),
        instances=("unstable", "size"),
        minority=("minority", "sum"),
        devices=("devices", "sum"),
    )
    return found.assign(minority=found["minority"] / found["devices"]).drop(columns="devices")


def given(answers: Sequence[Answers], image: str, most: int = 3) -> list[Given]:
    """What devices answered to an image, in the `most` instances that agree least on it; the most frequent class first.

    Only instances of which devices gave it different classes.
    """
    found = []
    for one in answers:
        if image not in one.images or len(one.devices) < 2:
            continue
        row = one.top1[one.images.index(image)]
        _, classes, count = counts(row[None, :])
        if len(classes) < 2:
            continue
        failed = [NONE] if (row == NONE).any() else []
        told = [
            Given(one.instance_id, int(answer), tuple(np.asarray(one.devices)[row == answer].tolist()))
            for answer in [*classes.tolist(), *failed]
        ]
        found.append((count.sum() - count.max(), told))
    found.sort(key=lambda one: -one[0])  # stable: of equals the first instance
    return [one for _, told in found[:most] for one in told]


def pairs_of_classes(answers: Sequence[Answers]) -> pd.DataFrame:
    """Which two classes images flip between: most and other (classes), label is one of them (`right`), images x
    instances, and answers that were the other class; the most frequent first.

    `most` is the most frequent class of an image in an instance, `other` any further one.
    """
    parts = []
    for one in answers:
        if len(one.devices) < 2 or not one.images:
            continue
        image, answer, count = counts(one.top1)
        first = np.r_[True, image[1:] != image[:-1]]  # the most frequent answer of an image comes first
        most = answer[first][np.cumsum(first) - 1]
        label = one.labels[image]
        part = {"most": most, "other": answer, "label": label, "answers": count}
        parts.append(pd.DataFrame(part)[~first])
    columns = ["most", "other", "right", "flips", "answers"]
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat(parts, ignore_index=True)
    right = np.select([found["most"] == found["label"], found["other"] == found["label"]], ["most", "other"], "neither")
    grouped = found.assign(right=right).groupby(["most", "other", "right"], as_index=False)
    counted = grouped.agg(flips=("answers", "size"), answers=("answers", "sum"))
    return counted.sort_values(["flips", "answers", "most", "other"], ascending=[False, False, True, True])[
        columns
    ].reset_index(drop=True)
