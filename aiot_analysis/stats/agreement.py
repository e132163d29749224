"""Do all devices answer alike? Paired statistics over the images that all of them saw (Remark 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2
from statsmodels.stats.contingency_tables import cochrans_q

from aiot_analysis.errors import DataError
from aiot_analysis.stats import accuracy, multiple
from aiot_analysis.stats.answers import NONE, Answers, counts, facts

Bools = NDArray[np.bool_]

FACTS = ["instance_id", "model", "implementation", "quantization", "devices", "images"]
SPREAD = ["sd", "sd_chance", "sd_chance_most", "sd_sampling"]
TESTS = ["q", "df", "p_value", "epsilon", "p_together"]


def instability(answers: Sequence[Answers]) -> pd.DataFrame:
    """How much the answers to the same images differ between devices: a row an instance.

    Columns instance_id, model, implementation, quantization, devices (k), images (n), failed (answers that are missing
    since the image failed) and, fractions of the n images:

    - instability: devices gave different classes, with instability_low and instability_high (Wilson, 95 %). It grows
      with the number of devices.
    - sides: some devices were right and some wrong, an image that failed counting as wrong.
    - disagreement: two of the devices gave different classes, on average over all pairs of devices that both answered;
      it does not depend on how many there are.

    Null, with the reason in `gap`, for fewer than two devices.
    """
    found = []
    for one in answers:
        row = {**facts(one), "failed": int((one.top1 == NONE).sum()), "gap": _few(one)}
        if not row["gap"]:
            image, _, count = counts(one.top1)
            unstable = int((np.bincount(image, minlength=len(one.images)) > 1).sum())
            low, high = accuracy.wilson(unstable, len(one.images))
            row |= {"instability": unstable / len(one.images), "instability_low": low, "instability_high": high}
            row |= {"sides": float(split(one.correct).mean()), "disagreement": disagreement(image, count)}
        found.append(row)
    columns = [*FACTS, "failed", "instability", "instability_low", "instability_high", "sides", "disagreement", "gap"]
    return pd.DataFrame(found, columns=columns)


def split(correct: Bools) -> Bools:
    """Whether each image (row) is right on some devices (columns) and wrong on others."""
    right = correct.sum(axis=1)
    return (right > 0) & (right < correct.shape[1])


def disagreement(image: NDArray[np.int64], count: NDArray[np.int64]) -> float:
    """The share of pairs of answers to the same image that differ, over all images together; null without a pair.

    Takes for each answer the image and how many gave it, as `answers.counts` has them.
    """
    if not len(image):
        return np.nan
    answers = np.bincount(image, count)
    alike = np.bincount(image, count * (count - 1.0)).sum()
    pairs = (answers * (answers - 1)).sum()
    return float(1 - alike / pairs) if pairs else np.nan


def cochran(answers: Sequence[Answers]) -> pd.DataFrame:
    """Are all devices as often right, and how much would their accuracies differ by chance? A row an instance.

    Columns as `instability` begins, accuracy_mean, accuracy_min and accuracy_max over the devices, and:

    - sd: the standard deviation of accuracy between the k devices, a fraction of 1.
    - sd_chance: what it would be if all devices were right equally often, and those that are wrong on an image were so
      by chance: sqrt(sum(R (k - R)) / (k (k - 1))) / n, with R the number of devices that are right on an image.
    - sd_chance_most: in 95 of 100 such cases no row at all has an sd beyond it (Bonferroni): an sd beyond it has a
      p_adjusted under 5 %, and no other has.
    - sd_sampling: what it would be if each device had seen n images of its own: sqrt(p (1 - p) / n). That is what
      intervals of single devices allow for, and not what happened.
    - q, df, p_value: Cochran's Q (1950), (k - 1) (sd / sd_chance)^2, and its chi-square p value with k - 1 degrees.
    - epsilon, p_together: Q takes any two devices as equally alike, but those of one chip and system go wrong together.
      Box's epsilon (1954) of the covariance of the devices, 1 / (k - 1) to 1, makes up for it, as proposed for Q
      by Myers et al. 1982, "Repeated measurements on dichotomous variables": epsilon Q against chi-square with
      epsilon (k - 1) degrees. It errs on the safe side where fewer images differ than there are devices.
    - p_adjusted: p_together times the number of rows that have one (Bonferroni).

    The chi-square approximation is rough where few images differ; of two devices `against` has the exact test. Null,
    with the reason in `gap`, for fewer than two devices or two images.
    """
    found = []
    for one in answers:
        right = one.correct.mean(axis=0) if len(one.images) else np.array([np.nan])
        row = {**facts(one), "accuracy_mean": right.mean(), "accuracy_min": right.min(), "accuracy_max": right.max()}
        row["gap"] = _few(one) or ("one image says nothing about a spread" if len(one.images) < 2 else "")
        found.append(row)
    level = multiple.level(sum(not row["gap"] for row in found))
    for row, one in zip(found, answers, strict=True):
        row |= {} if row["gap"] else _spread(one.correct, level)
    columns = [*FACTS, "accuracy_mean", "accuracy_min", "accuracy_max", *SPREAD, *TESTS, "gap"]
    frame = pd.DataFrame(found, columns=columns)
    return frame.assign(p_adjusted=multiple.bonferroni(frame["p_together"]))


def _spread(correct: Bools, level: float) -> dict[str, float]:
    n, k = correct.shape
    accuracies, right = correct.mean(axis=0), correct.sum(axis=1)
    p = accuracies.mean()
    found = {"sd": accuracies.std(ddof=1), "sd_sampling": np.sqrt(p * (1 - p) / n)}
    if not split(correct).any():  # Q is 0 / 0: every image is right everywhere or nowhere
        return {
            **found,
            "sd_chance": 0.0,
            "sd_chance_most": 0.0,
            "q": 0.0,
            "df": k - 1,
            "p_value": 1.0,
            "p_together": 1,
        }
    test = cochrans_q(correct.astype(float))
    box = epsilon(correct)
    degrees = box * (k - 1)
    chance = np.sqrt((right * (k - right)).sum() / (k * (k - 1))) / n
    return {
        **found,
        "sd_chance": chance,
        "sd_chance_most": chance * np.sqrt(chi2.ppf(level, degrees) / degrees),
        "q": test.statistic,
        "df": k - 1,
        "p_value": test.pvalue,
        "epsilon": box,
        "p_together": chi2.sf(box * test.statistic, degrees),
    }


def epsilon(values: NDArray[np.bool_]) -> float:
    """Box's epsilon (1954) of the columns of a matrix (n, k): 1 if they vary independently and alike, and 1 / (k - 1)
    if all that they differ by is one thing. tr(S)^2 / ((k - 1) tr(S^2)), S the covariance of the columns centred by
    row."""
    centred = values - values.mean(axis=1, keepdims=True)
    covariance = np.atleast_2d(np.cov(centred, rowvar=False))
    total = float((covariance**2).sum())
    # every image that differs does so in the same way: no degree but one
    return float(np.trace(covariance) ** 2 / total / (values.shape[1] - 1)) if total else 1 / (values.shape[1] - 1)


def shares_alike(answers: Sequence[Answers]) -> pd.DataFrame:
    """How often each device agrees with the others: device_id, instances, agreement; the highest agreement first.

    Agreement is the share of the other devices that gave the same class, a mean over images and then over instances of
    two devices or more. An image that failed agrees with nobody. Devices that have no such instance are not there.
    """
    found = []
    for one in answers:
        k = len(one.devices)
        if k < 2 or not one.images:
            continue
        answered = one.top1 != NONE
        keys = np.arange(len(one.images))[:, None] * (one.top1.max() + 1) + one.top1  # of image and class
        _, which, count = np.unique(keys[answered], return_inverse=True, return_counts=True)
        alike = np.zeros(one.top1.shape)
        alike[answered] = count[which] - 1
        found += list(zip(one.devices, (alike / (k - 1)).mean(axis=0), strict=True))
    frame = pd.DataFrame(found, columns=["device_id", "agreement"]).groupby("device_id", as_index=False)
    known = frame.agg(instances=("agreement", "size"), agreement=("agreement", "mean"))
    return known.sort_values(["agreement", "device_id"], ascending=[False, True], ignore_index=True)


def reference(answers: Sequence[Answers], wanted: str = "") -> str:
    """The device that others are compared with: `wanted`, or, where that is "", the one that agrees most.

    Of the devices that have most instances that one whose answers most of the others share (see `shares_alike`); of
    equals the first by id. "" if no instance has two devices. Raises DataError if `wanted` is none of the devices.
    """
    there = sorted({device for one in answers for device in one.devices})
    if wanted:
        if wanted not in there:
            some = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
            raise DataError(f"Reference {wanted!r} is no device with image records: choose {some or 'none'}.")
        return wanted
    known = shares_alike(answers)
    most = known[known["instances"] == known["instances"].max()]
    return str(most["device_id"].iloc[0]) if len(most) else ""


def against(answers: Sequence[Answers], base: str) -> pd.DataFrame:
    """Each device against the device `base`, image by image: a row for each other device x instance.

    Columns as `instability` begins, device_id, accuracy, accuracy_low, accuracy_high (Wilson, 95 %, of the device by
    itself), of the difference to `base` those of `accuracy.change_of` (accuracy_base, change with its paired interval,
    only_base, only_other, p_value, p_adjusted), and top1_differs (share of images with another class; an image that
    failed has none). The paired intervals of all rows keep 95 % together, so that a false alarm anywhere has a chance
    of 5 % at most, and p_adjusted is under 5 % just where the interval is on one side of 0. Instances that `base` is
    not in have no rows: see `without`.
    """
    parts = []
    for one in answers:
        if base not in one.devices or len(one.devices) < 2 or not one.images:
            continue
        at = one.devices.index(base)
        others = [column for column in range(len(one.devices)) if column != at]
        mine, theirs = one.correct[:, [at]], one.correct[:, others]
        sides = (mine & theirs, mine & ~theirs, theirs & ~mine, ~(mine | theirs))
        part = pd.DataFrame({name: cells.sum(axis=0) for name, cells in zip(accuracy.SIDES, sides, strict=True)})
        part["device_id"] = [one.devices[column] for column in others]
        part["top1_differs"] = (one.top1[:, [at]] != one.top1[:, others]).mean(axis=0)
        parts.append(part.assign(**facts(one)))
    columns = [*FACTS, "device_id", "accuracy", "accuracy_low", "accuracy_high", *accuracy.CHANGE]
    columns += ["top1_differs"]
    if not parts:
        return pd.DataFrame(columns=columns)
    found = accuracy.change_of(pd.concat(parts, ignore_index=True), together=True)
    own = found.assign(accuracy=found["accuracy_other"], distinct_images=found["n_images"])
    return accuracy.with_interval(own)[columns]


def without(answers: Sequence[Answers], base: str) -> dict[str, str]:
    """The instances that cannot be compared with the device `base`, and why, by instance."""
    absent = {one.instance_id: "the reference is not among its devices" for one in answers if base not in one.devices}
    return absent | {one.instance_id: gap for one in answers if (gap := _few(one))}


def _few(one: Answers) -> str:
    """Why an instance has nothing to compare; "" if it has."""
    if not one.images:
        return "no image was seen by all devices"
    return "" if len(one.devices) > 1 else "only one device ran it"
