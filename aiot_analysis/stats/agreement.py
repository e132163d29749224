"""Agreement between devices on the same images (Remark 1), and the images and classes that flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2
from statsmodels.stats.contingency_tables import cochrans_q

from aiot_analysis.errors import DataError
from aiot_analysis.stats import accuracy, intervals
from aiot_analysis.stats.pairing import NONE, Answers, counts, disagreement, facts

if TYPE_CHECKING:
    from collections.abc import Sequence

Bools = NDArray[np.bool_]

FACTS = ["instance_id", "model", "implementation", "quantization", "devices", "images"]
SPREAD = ["sd", "sd_chance", "sd_chance_most", "sd_sampling"]
TESTS = ["q", "df", "p_value", "epsilon", "p_together"]


def instability(answers: Sequence[Answers]) -> pd.DataFrame:
    """Return how much the answers to the same images differ between devices, one row per instance.

    Columns are instance_id, model, implementation, quantization, devices (k), images (n), failed (the number of answers
    that are missing because the image failed) and the following, as fractions of the n images:

    - instability: images to which devices gave different classes, with instability_low and instability_high (Wilson,
      95%). It grows with the number of devices.
    - sides: images on which some devices were right and others wrong. A failed image counts as wrong.
    - disagreement: probability that two devices gave different classes, averaged over all pairs of devices that both
      answered. It does not depend on the number of devices.

    With fewer than two devices these are null and `gap` gives the reason.
    """
    table = []
    for instance in answers:
        row = {**facts(instance), "failed": int((instance.top1 == NONE).sum()), "gap": _too_few(instance)}
        if not row["gap"]:
            image, _, count = counts(instance.top1)
            unstable = int((np.bincount(image, minlength=len(instance.images)) > 1).sum())
            low, high = accuracy.wilson(unstable, len(instance.images))
            row |= {"instability": unstable / len(instance.images), "instability_low": low, "instability_high": high}
            row |= {"sides": float(split(instance.correct).mean()), "disagreement": disagreement(image, count)}
        table.append(row)
    columns = [*FACTS, "failed", "instability", "instability_low", "instability_high", "sides", "disagreement", "gap"]
    return pd.DataFrame(table, columns=columns)


def split(correct: Bools) -> Bools:
    """Return whether each image (row) is right on some devices (columns) and wrong on others."""
    right = correct.sum(axis=1)
    mixed: Bools = (right > 0) & (right < correct.shape[1])
    return mixed


def cochran(answers: Sequence[Answers]) -> pd.DataFrame:
    """Test whether all devices are right equally often, and compare the spread of their accuracies with chance.

    Return one row per instance, with the leading columns of `instability`, accuracy_mean, accuracy_min and accuracy_max
    over the devices, and:

    - sd: standard deviation of accuracy between the k devices, as a fraction of 1.
    - sd_chance: expected sd if all devices were right equally often and it were chance which of them are wrong on an
      image: sqrt(sum(R (k - R)) / (k (k - 1))) / n, where R is the number of devices that are right on an image.
    - sd_chance_most: upper bound for sd in such cases: in 95 of 100 of them no row exceeds it (Bonferroni). An sd is
      above it exactly when p_adjusted is below 5%.
    - sd_sampling: expected sd if each device had seen n images of its own: sqrt(p (1 - p) / n). Intervals of single
      devices allow for this, but it is not what happened.
    - q, df, p_value: Cochran's Q (1950), (k - 1) (sd / sd_chance)^2, and its chi-square p-value with k - 1 degrees of
      freedom.
    - epsilon, p_together: Q assumes that all pairs of devices are equally similar, but devices with the same chip and
      system go wrong together. Box's epsilon (1954) of the covariance of the devices, from 1 / (k - 1) to 1, corrects
      for this, as proposed for Q by Myers et al. 1982, "Repeated measurements on dichotomous variables": epsilon Q is
      compared with a chi-square distribution with epsilon (k - 1) degrees of freedom. The test is conservative where
      fewer images differ than there are devices.
    - p_adjusted: p_together times the number of rows that have one (Bonferroni).

    The chi-square approximation is rough where few images differ; for two devices, `compare_with` has the exact test.
    With fewer than two devices or two images these are null and `gap` gives the reason.
    """
    table = []
    for instance in answers:
        right = instance.correct.mean(axis=0) if len(instance.images) else np.array([np.nan])
        row = {
            **facts(instance),
            "accuracy_mean": right.mean(),
            "accuracy_min": right.min(),
            "accuracy_max": right.max(),
        }
        row["gap"] = _too_few(instance) or ("one image is too few to show a spread" if len(instance.images) < 2 else "")
        table.append(row)
    level = intervals.level(sum(not row["gap"] for row in table))
    for row, instance in zip(table, answers, strict=True):
        if not row["gap"]:
            row.update(_spread(instance.correct, level))
    columns = [*FACTS, "accuracy_mean", "accuracy_min", "accuracy_max", *SPREAD, *TESTS, "gap"]
    frame = pd.DataFrame(table, columns=columns)
    return frame.assign(p_adjusted=intervals.bonferroni(frame["p_together"]))


def _spread(correct: Bools, level: float) -> dict[str, float]:
    """Return the columns SPREAD and TESTS of one instance; `level` is that of sd_chance_most."""
    n, k = correct.shape
    accuracies, right = correct.mean(axis=0), correct.sum(axis=1)
    p = accuracies.mean()
    scatter = {"sd": accuracies.std(ddof=1), "sd_sampling": np.sqrt(p * (1 - p) / n)}
    if not split(correct).any():  # Q is 0 / 0: each image is right on all devices or on none
        return {
            **scatter,
            "sd_chance": 0.0,
            "sd_chance_most": 0.0,
            "q": 0.0,
            "df": k - 1,
            "p_value": 1.0,
            "p_together": 1,
        }
    test = cochrans_q(correct.astype(float))
    box = box_epsilon(correct)
    degrees = box * (k - 1)
    chance = np.sqrt((right * (k - right)).sum() / (k * (k - 1))) / n
    return {
        **scatter,
        "sd_chance": chance,
        "sd_chance_most": chance * np.sqrt(chi2.ppf(level, degrees) / degrees),
        "q": test.statistic,
        "df": k - 1,
        "p_value": test.pvalue,
        "epsilon": box,
        "p_together": chi2.sf(box * test.statistic, degrees),
    }


def box_epsilon(values: NDArray[np.bool_]) -> float:
    """Return Box's epsilon (1954) of the columns of a matrix (n, k).

    It is 1 if the columns vary independently and equally, and 1 / (k - 1) if a single factor explains all differences
    between them: tr(S)^2 / ((k - 1) tr(S^2)), where S is the covariance of the columns centred by row.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    covariance = np.atleast_2d(np.cov(centred, rowvar=False))
    total = float((covariance**2).sum())
    # all images that differ do so in the same way: a single degree of freedom
    return float(np.trace(covariance) ** 2 / total / (values.shape[1] - 1)) if total else 1 / (values.shape[1] - 1)


def shares_alike(answers: Sequence[Answers]) -> pd.DataFrame:
    """Return how often each device agrees with the others: device_id, instances, agreement; highest agreement first.

    Agreement is the share of the other devices that gave the same class, averaged over images and then over instances
    with two devices or more. A failed image agrees with no other. Devices without such an instance are excluded.
    """
    shares = []
    for instance in answers:
        k = len(instance.devices)
        if k < 2 or not instance.images:
            continue
        answered = instance.top1 != NONE
        keys = (
            np.arange(len(instance.images))[:, None] * (instance.top1.max() + 1) + instance.top1
        )  # one key per image and class
        _, which, count = np.unique(keys[answered], return_inverse=True, return_counts=True)
        n_agreeing = np.zeros(instance.top1.shape)
        n_agreeing[answered] = count[which] - 1
        shares += list(zip(instance.devices, (n_agreeing / (k - 1)).mean(axis=0), strict=True))
    frame = pd.DataFrame(shares, columns=["device_id", "agreement"]).groupby("device_id", as_index=False)
    by_device = frame.agg(instances=("agreement", "size"), agreement=("agreement", "mean"))
    return by_device.sort_values(["agreement", "device_id"], ascending=[False, True], ignore_index=True)


def reference(answers: Sequence[Answers], wanted: str = "") -> str:
    """Return the device that others are compared with: `wanted` or, if that is "", the device that agrees most.

    Of the devices that have the most instances, it is the one whose answers are shared by most of the others (see
    `shares_alike`); ties go to the first id. Return "" if no instance has two devices. Raises DataError if `wanted` is
    none of the devices.
    """
    devices = sorted({device for instance in answers for device in instance.devices})
    if wanted:
        if wanted not in devices:
            listed = ", ".join(devices[:5]) + (f" and {len(devices) - 5} more" if len(devices) > 5 else "")
            raise DataError(f"Reference {wanted!r} is not a device with image records: choose {listed or 'none'}.")
        return wanted
    agreements = shares_alike(answers)
    best_covered = agreements[agreements["instances"] == agreements["instances"].max()]
    return str(best_covered["device_id"].iloc[0]) if len(best_covered) else ""


def compare_with(answers: Sequence[Answers], base: str) -> pd.DataFrame:
    """Compare each device with the device `base`, image by image: one row per other device and instance.

    Columns are the leading columns of `instability`, device_id, accuracy, accuracy_low, accuracy_high (Wilson, 95%, of
    the device by itself), the difference from `base` as in `accuracy.change_of` (accuracy_base, change with its paired
    interval, only_base, only_other, p_value, p_adjusted), and top1_differs (share of images with another class; a
    failed image has none). The paired intervals of all rows have a joint confidence of 95%, so the probability of any
    false alarm is at most 5%, and p_adjusted is below 5% exactly when the interval excludes 0. Instances that `base`
    did not run have no rows: see `not_comparable`.
    """
    parts = []
    for instance in answers:
        if base not in instance.devices or len(instance.devices) < 2 or not instance.images:
            continue
        base_column = instance.devices.index(base)
        others = [column for column in range(len(instance.devices)) if column != base_column]
        base_correct, other_correct = instance.correct[:, [base_column]], instance.correct[:, others]
        sides = (
            base_correct & other_correct,
            base_correct & ~other_correct,
            other_correct & ~base_correct,
            ~(base_correct | other_correct),
        )
        part = pd.DataFrame({name: cells.sum(axis=0) for name, cells in zip(accuracy.SIDES, sides, strict=True)})
        part["device_id"] = [instance.devices[column] for column in others]
        part["top1_differs"] = (instance.top1[:, [base_column]] != instance.top1[:, others]).mean(axis=0)
        parts.append(part.assign(**facts(instance)))
    columns = [*FACTS, "device_id", "accuracy", "accuracy_low", "accuracy_high", *accuracy.CHANGE]
    columns += ["top1_differs"]
    if not parts:
        return pd.DataFrame(columns=columns)
    changes = accuracy.change_of(pd.concat(parts, ignore_index=True), together=True)
    table = changes.assign(accuracy=changes["accuracy_other"], distinct_images=changes["n_images"])
    return accuracy.with_interval(table)[columns]


def not_comparable(answers: Sequence[Answers], base: str) -> dict[str, str]:
    """Return why instances cannot be compared with the device `base`, by instance id."""
    absent = {
        instance.instance_id: "the reference did not run it" for instance in answers if base not in instance.devices
    }
    return absent | {instance.instance_id: gap for instance in answers if (gap := _too_few(instance))}


def _too_few(answers: Answers) -> str:
    """Return why an instance has nothing to compare, or "" if it has."""
    if not answers.images:
        return "the devices have no image in common"
    return "" if len(answers.devices) > 1 else "only one device ran it"


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
            "sides": split(instance.correct),
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
    counts_by_image = _count_flips(flips, ["image", "label"])
    order = ["unstable", "minority", "image"]
    return counts_by_image[counts_by_image["unstable"] > 0].sort_values(
        order, ascending=[False, False, True], ignore_index=True
    )


def by_class(flips: pd.DataFrame) -> pd.DataFrame:
    """Return each true class, with the class that flips most first, from the frame of `image_classes`.

    Columns are label, images (how many show it), unstable and sides (shares of its images x instances) and minority
    (share of all answers that were not the most frequent one of their instance).
    """
    counts_by_class = _count_flips(flips, ["label"])
    images = flips.groupby("label")["image"].nunique()
    counts_by_class = counts_by_class.assign(
        images=counts_by_class["label"].map(images),
        unstable=counts_by_class["unstable"] / counts_by_class["instances"],
        sides=counts_by_class["sides"] / counts_by_class["instances"],
    )
    columns = ["label", "images", "unstable", "sides", "minority"]
    return counts_by_class.sort_values(["unstable", "label"], ascending=[False, True], ignore_index=True)[columns]


def _count_flips(flips: pd.DataFrame, by: list[str]) -> pd.DataFrame:
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
