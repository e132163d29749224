"""Images and classes that flip: where devices give the same image different classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aiot_analysis.stats import agreement
from aiot_analysis.stats.answers import NONE, Answers, counts


@dataclass(frozen=True)
class ClassesGiven:
    """A class that devices gave an image in one instance; NONE for the devices on which it failed."""

    instance_id: str
    answer: int
    devices: tuple[str, ...]


def image_classes(answers: Sequence[Answers]) -> pd.DataFrame:
    """Return every image of each instance of two devices or more, and whether and how it flips.

    The other functions of this module are based on this frame. Columns are instance_id, image, label, unstable (devices
    gave it different classes), sides (right on some devices and wrong on others), minority (number of devices that did
    not give its most frequent class), right (number of devices that are right) and devices. Images that failed gave no
    class.
    """
    parts = []
    for instance in answers:
        if len(instance.devices) < 2 or not instance.images:
            continue
        image, _, count = counts(instance.top1)
        n = len(instance.images)
        answered = np.bincount(image, count, n).astype(int)
        highest_count = np.zeros(n, int)
        np.maximum.at(highest_count, image, count)
        columns = {
            "instance_id": instance.instance_id,
            "image": instance.images,
            "label": instance.labels,
            "unstable": np.bincount(image, minlength=n) > 1,
            "sides": agreement.split(instance.correct),
            "minority": answered - highest_count,
            "right": instance.correct.sum(axis=1),
            "devices": len(instance.devices),
        }
        parts.append(pd.DataFrame(columns))
    if not parts:
        return pd.DataFrame(
            columns=["instance_id", "image", "label", "unstable", "sides", "minority", "right", "devices"]
        )
    return pd.concat(parts, ignore_index=True)


def by_image(flips: pd.DataFrame) -> pd.DataFrame:
    """Return the images that flip, the most frequent first, from the frame of `image_classes`.

    Columns are image, label, unstable and sides (numbers of instances), instances (all that showed it) and minority
    (share of all answers that were not the most frequent one of their instance).
    """
    counts_by_image = _counted(flips, ["image", "label"])
    order = ["unstable", "minority", "image"]
    return counts_by_image[counts_by_image["unstable"] > 0].sort_values(
        order, ascending=[False, False, True], ignore_index=True
    )


def by_class(flips: pd.DataFrame) -> pd.DataFrame:
    """Return each true class, with the class that flips most first, from the frame of `image_classes`.

    Columns are label, images (how many show it), unstable and sides (shares of its images x instances) and minority
    (share of all answers that were not the most frequent one of their instance).
    """
    counts_by_class = _counted(flips, ["label"])
    images = flips.groupby("label")["image"].nunique()
    counts_by_class = counts_by_class.assign(
        images=counts_by_class["label"].map(images),
        unstable=counts_by_class["unstable"] / counts_by_class["instances"],
        sides=counts_by_class["sides"] / counts_by_class["instances"],
    )
    columns = ["label", "images", "unstable", "sides", "minority"]
    return counts_by_class.sort_values(["unstable", "label"], ascending=[False, True], ignore_index=True)[columns]


def _counted(flips: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the numbers of flips and the share of minority answers in each group of `by`."""
    sums = flips.groupby(by, as_index=False).agg(
        unstable=("unstable", "sum"),
        sides=("sides", "sum"),
        instances=("unstable", "size"),
        minority=("minority", "sum"),
        devices=("devices", "sum"),
    )
    return sums.assign(minority=sums["minority"] / sums["devices"]).drop(columns="devices")


def answers_to_image(answers: Sequence[Answers], image: str, most: int = 3) -> list[ClassesGiven]:
    """Return the answers to an image in the `most` instances that agree least on it.

    Only instances in which devices gave it different classes count. The most frequent class comes first.
    """
    disagreements = []
    for item in answers:
        if image not in item.images or len(item.devices) < 2:
            continue
        row = item.top1[item.images.index(image)]
        _, classes, count = counts(row[None, :])
        if len(classes) < 2:
            continue
        failed = [NONE] if (row == NONE).any() else []
        classes_given = [
            ClassesGiven(item.instance_id, int(answer), tuple(np.asarray(item.devices)[row == answer].tolist()))
            for answer in [*classes.tolist(), *failed]
        ]
        disagreements.append((count.sum() - count.max(), classes_given))
    disagreements.sort(key=lambda item: -item[0])  # stable: ties keep the order of instances
    return [item for _, classes_given in disagreements[:most] for item in classes_given]


def pairs_of_classes(answers: Sequence[Answers]) -> pd.DataFrame:
    """Return the pairs of classes between which images flip, the most frequent first.

    Columns are most and other (classes), right (which of them, if any, is the label: "most", "other" or "neither"),
    flips (images x instances) and answers (number of answers that were the other class). `most` is the most frequent
    class of an image in an instance, `other` any further one.
    """
    parts = []
    for instance in answers:
        if len(instance.devices) < 2 or not instance.images:
            continue
        image, answer, count = counts(instance.top1)
        first = np.r_[True, image[1:] != image[:-1]]  # the most frequent answer of an image comes first
        most_frequent = answer[first][np.cumsum(first) - 1]
        label = instance.labels[image]
        part = {"most": most_frequent, "other": answer, "label": label, "answers": count}
        parts.append(pd.DataFrame(part)[~first])
    columns = ["most", "other", "right", "flips", "answers"]
    if not parts:
        return pd.DataFrame(columns=columns)
    flips = pd.concat(parts, ignore_index=True)
    right = np.select([flips["most"] == flips["label"], flips["other"] == flips["label"]], ["most", "other"], "neither")
    grouped = flips.assign(right=right).groupby(["most", "other", "right"], as_index=False)
    counted: pd.DataFrame = grouped.agg(flips=("answers", "size"), answers=("answers", "sum"))
    order = ["flips", "answers", "most", "other"]
    return counted.sort_values(order, ascending=[False, False, True, True], ignore_index=True)[columns]
