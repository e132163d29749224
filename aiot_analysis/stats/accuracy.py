"""Accuracy with its uncertainty, changes on the same images, and noise from run to run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.stats import intervals, pairing
from aiot_analysis.stats.pairing import NONE, counts, disagreement
from aiot_analysis.tables import by_device, names, select
from aiot_analysis.words import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | int

SIDES = ["both", "only_base", "only_other", "neither"]  # sides of a pair on which an image is right
CHANGE = ["n_images", "accuracy_base", "accuracy_other", "change", "change_low", "change_high"]
CHANGE += ["only_base", "only_other", "p_value", "p_adjusted"]


def with_interval(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with accuracy_low and accuracy_high, fractions of 1: Wilson's 95% score interval (1927).

    Each image counts once (`distinct_images`): a timed profile shows images more than once, which adds no information
    about accuracy. Null where there is no accuracy.
    """
    n = rows["distinct_images"].to_numpy(float)
    accuracy = rows["accuracy"].to_numpy(float)
    valid = (n > 0) & ~np.isnan(accuracy)
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    if valid.any():
        low[valid], high[valid] = wilson(accuracy[valid] * n[valid], n[valid])
    # accuracy * n / n may differ from accuracy in the last digit
    return rows.assign(accuracy_low=np.fmin(low, accuracy), accuracy_high=np.fmax(high, accuracy))


def wilson(count: Floats | Counts, n: Floats | Counts, level: float | Floats = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return Wilson's score interval (1927) of count / n, as fractions of 1."""
    low, high = proportion_confint(count, n, 1 - level, method="wilson")
    # rounding may put an end 1e-17 beyond the estimate, which error bars do not accept
    return np.fmin(low, count / n), np.fmax(high, count / n)


def clopper_pearson(count: int, n: int) -> tuple[float, float]:
    """Return the exact 95% interval of count / n (Clopper and Pearson 1934), as fractions of 1."""
    low, high = proportion_confint(count, n, 1 - CONFIDENCE, method="beta")
    return float(low), float(high)


def newcombe(
    both_right: Counts | Floats,
    only_base: Counts | Floats,
    only_other: Counts | Floats,
    neither: Counts | Floats,
    level: float | Floats = CONFIDENCE,
) -> tuple[Floats, Floats]:
    """Return an interval for other minus base accuracy on the same images, fractions of 1, from numbers of images.

    The interval is method 10 of Newcombe 1998, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17. Its width stays positive where no image differs.
    """
    a, b, c, d = (np.asarray(count, float) for count in (both_right, only_base, only_other, neither))
    n = a + b + c + d
    base, other = a + b, a + c
    p, q = other / n, base / n
    (p_low, p_high), (q_low, q_high) = wilson(other, n, level), wilson(base, n, level)
    product = a * d - b * c
    product = np.where(product > 0, np.maximum(product - n / 2, 0), product)
    spread = base * (n - base) * other * (n - other)
    phi = np.divide(product, np.sqrt(spread), out=np.zeros_like(n), where=spread > 0)

    def width(left: Floats, right: Floats) -> Floats:
        """Return the distance of an end of the interval from the difference."""
        distance: Floats = np.sqrt(np.maximum(left**2 - 2 * phi * left * right + right**2, 0))
        return distance

    return p - q - width(p - p_low, q_high - q), p - q + width(p_high - p, q - q_low)


def accuracy_change(images: pd.DataFrame, pairs: pd.DataFrame, together: bool = False) -> pd.DataFrame:
    """Return the change in accuracy of each pair of `pairing.pair`, on the images that both sides saw.

    Takes image records and pairs. Returns the pairs with n_images, accuracy_base, accuracy_other, change (other minus
    base, fraction of 1), only_base and only_other (images that are right on one side only), and the test and interval
    of `change_of`. Null without images.
    """
    joined = pairing.common_images(images, pairs)
    base, other = joined["correct_base"].astype(bool), joined["correct_other"].astype(bool)
    sides = dict(zip(SIDES, (base & other, base & ~other, other & ~base, ~(base | other)), strict=True))
    return pairing.join_results(pairs, change_of(pd.DataFrame(sides).groupby(joined["pair"]).sum(), together)[CHANGE])


def change_of(counts: pd.DataFrame, together: bool = False) -> pd.DataFrame:
    """Return changes in accuracy from numbers of images, one row per pair.

    Takes the columns both, only_base, only_other and neither: the numbers of images that are right on both sides, on
    one side, or on neither. Adds the other columns of CHANGE, among them

    - p_value: from the exact McNemar test (1947), or from Newcombe's interval where that is larger
      (`intervals.joint_p_value`).
    - change_low, change_high: Newcombe's interval (see `newcombe`), with 95% confidence for each row separately or, if
      `together`, for all rows jointly (Bonferroni). It contains 0 where the test does not reject.
    - p_adjusted: p_value times the number of rows if `together`, else p_value. It is below 5% exactly when the
      interval excludes 0.
    """
    result = counts.copy()
    both_right, only_base, only_other = result["both"], result["only_base"], result["only_other"]
    result["n_images"] = result[SIDES].sum(axis=1)
    result["accuracy_base"] = (both_right + only_base) / result["n_images"]
    result["accuracy_other"] = (both_right + only_other) / result["n_images"]
    result["change"] = (only_other - only_base) / result["n_images"]
    comparisons = len(result) if together else 1
    level = intervals.level(comparisons)
    cells = result[SIDES].to_numpy(float)
    # two-sided: both tails are equal, since the probabilities are
    tail = binom.cdf(np.minimum(only_base, only_other), only_base + only_other, 0.5)
    result["p_value"] = p_values = _with_tests(np.minimum(2 * tail, 1.0), cells)
    a, b, c, d = cells.T
    low, high = newcombe(a, b, c, d, level)
    not_rejected = p_values >= 1 - level
    result["change_low"] = np.where(not_rejected, np.minimum(low, 0.0), low)
    result["change_high"] = np.where(not_rejected, np.maximum(high, 0.0), high)
    result["p_adjusted"] = intervals.bonferroni(result["p_value"]) if together else result["p_value"]
    return result


def _with_tests(p_values: Floats, cells: Floats) -> Floats:
    """Return `intervals.joint_p_value` for McNemar's p-values, (n,), and Newcombe's intervals of counts, (n, 4)."""
    a, b, c, d = cells.T
    low, high = newcombe(a, b, c, d, 1 - np.maximum(p_values, intervals.LEAST_P))
    joint_p_values = p_values.copy()
    for row in np.flatnonzero((low <= 0) & (high >= 0) & (p_values < 1)):
        joint_p_values[row] = intervals.joint_p_value(float(p_values[row]), partial(_newcombe_ends, cells[row]))
    return joint_p_values


def _newcombe_ends(cells: Floats, level: float) -> tuple[float, float]:
    """Return Newcombe's interval of one row of numbers of SIDES."""
    a, b, c, d = cells
    low, high = newcombe(a, b, c, d, level)
    return float(low), float(high)


EACH = ["device_id", "instance_id"]
RUN_COLUMNS = [*EACH, "run_id", "images", "accuracy"]
VARIATION_COLUMNS = [*EACH, "repeated", "changed", "images", "variances", "one_change"]


def repeated_rows(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `instances` that showed an image more than once to one device under the same conditions.

    This may be in several runs, or in a single run of a timed profile. Only usable rows of runs of the suite with image
    records count, and only those that agree in what select.SAME_INSTANCE lists. If a device was measured under several
    conditions, the conditions with the most runs are used or, in a tie, those of the latest run.
    """
    usable = select.of_suite(instances)
    usable = usable[usable["verdict"].isin(names.USABLE) & (usable["source"] == "agent")]
    with_conditions = usable.assign(condition=select.conditions(usable))
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

    Takes the frame of `repeated_rows` and image records with pairing.COLUMNS. Columns are device_id, instance_id, runs,
    images (those that it answered more than once), changed (those of them that it did not answer identically each
    time), noise (their share) with noise_low and noise_high (Wilson, 95%), and disagreement (see
    `agreement.instability`; here between two answers of one device). Devices whose runs have no image in common are
    excluded.
    """
    records = select.image_rows(images, rows)
    table = []
    for (device, instance), part in records.groupby(EACH, observed=True):
        image, _ = pd.factorize(part["image"].astype("object"))
        top1 = part["top1"].to_numpy(np.int64, na_value=NONE)
        image_of_answer, _, count = counts(_answers_by_image(image, top1))
        answered = np.bincount(image_of_answer, count) > 1
        if not answered.any():
            continue
        n_changed = int((answered & (np.bincount(image_of_answer) > 1)).sum())
        low, high = wilson(n_changed, int(answered.sum()))
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
    parts = [part for _, part in by_device.map_devices(images, rows, _repeats_of_device)]
    if not parts:
        return RepeatedAnswers(pd.DataFrame(columns=RUN_COLUMNS), pd.DataFrame(columns=VARIATION_COLUMNS))
    runs, variation = zip(*parts, strict=True)
    return RepeatedAnswers(pd.concat(runs, ignore_index=True), pd.concat(variation, ignore_index=True))


def _repeats_of_device(records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def _answers_by_image(image: np.ndarray, top1: np.ndarray) -> np.ndarray:
    """Return a matrix with one row per image: its answers side by side, padded with NONE."""
    turn = pd.Series(image).groupby(image).cumcount().to_numpy()
    matrix = np.full((image.max() + 1 if len(image) else 0, turn.max() + 1 if len(turn) else 0), NONE)
    matrix[image, turn] = top1
    return matrix
