"""Instances, devices and versions that are compared image by image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.stats import variance
from aiot_analysis.tables import names, select

if TYPE_CHECKING:
    from numpy.typing import NDArray

DESIGN = ["device_id", "model", "framework", "delegate", "quantization"]
KEY = select.KEY
RUNS = ["run_variance", "run_freedom"]
# Columns that must be equal on both sides, by the column that varies. A quantized model is another file; a model run
# with another delegate is the same file.
ALIKE = {
    "device_id": select.SAME_INSTANCE,
    "delegate": [*select.SHARED, *select.SAME_FRAMEWORK, "model_sha256"],
    "quantization": [*select.SHARED, *select.SAME_FRAMEWORK],
    "framework": select.SHARED,
    "model": [*select.SHARED, *select.SAME_FRAMEWORK],
    "resize": [field for field in select.SAME_INSTANCE if field != "resize"],
}


def pair(rows: pd.DataFrame, vary: str, base: str) -> pd.DataFrame:
    """Match each row with the row that differs from it only in the column `vary`, where that column is `base`.

    `pair(rows, "quantization", "float32")` matches each quantized instance with its float32 version; `pair(rows,
    "device_id", "local")` matches each device with one. Takes the rows chosen by `select.measured_rows`. Returns one
    row per pair: the columns of DESIGN and `vary` (of the other row), run_id_base, device_id_base, instance_id_base and
    the same with _other, and RUNS: the variance that differences between runs add to the logarithm of the ratio of the
    two times, and its degrees of freedom (see `variance.ratio_variance`). Raises PoolingError if the two rows were
    measured under different conditions.
    """
    design = list(dict.fromkeys([*DESIGN, vary]))
    same = [column for column in design if column != vary]
    checked = ALIKE[vary]
    rows = variance.assumed(rows)
    sides = []
    for half, chosen in (("other", rows[rows[vary] != base]), ("base", rows[rows[vary] == base])):
        columns = {f"{field}_{half}": chosen[field] for field in dict.fromkeys([*KEY, *checked, *variance.COLUMNS])}
        sides.append(chosen[design if half == "other" else same].assign(**columns))
    pairs = sides[0].merge(sides[1], on=same)
    halves_of = [(pairs[f"{field}_base"], pairs[f"{field}_other"]) for field in checked]
    mismatched = pd.concat(
        [
            base_values.ne(other_values).fillna(True).astype(bool) & ~(base_values.isna() & other_values.isna())
            for base_values, other_values in halves_of
        ],
        axis=1,
    ).any(axis=1)
    for row in pairs[mismatched].to_dict("records"):
        halves = [{field: row[f"{field}_{half}"] for field in checked} for half in ("base", "other")]
        select.check(pd.DataFrame(halves), checked)
    noise = ["device_id", *variance.COLUMNS]
    base_noise, other_noise = (
        pairs[[f"{field}_{half}" for field in noise]].set_axis(noise, axis=1) for half in ("base", "other")
    )
    pairs["run_variance"], pairs["run_freedom"] = variance.ratio_variance(base_noise, other_noise)
    return pairs[[*design, *(f"{column}_{half}" for half in ("base", "other") for column in KEY), *RUNS]]


def common_images(images: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the images that both sides of each pair saw, in the order of `pairs` and then of image name.

    Columns are pair (position in `pairs`, from 0), image and, with _base and _other, query, correct, end_to_end_ms,
    inference_ms and failed.
    """
    halves = [pairs[[f"{column}_{half}" for column in KEY]].set_axis(KEY, axis=1) for half in ("base", "other")]
    records = select.per_image(select.image_rows(images, pd.concat(halves)))
    records["instance"] = records.groupby(KEY, observed=True).ngroup()
    numbers = records.drop_duplicates("instance")[[*KEY, "instance"]].astype(dict.fromkeys(KEY, str))
    records = records.drop(columns=KEY)
    base, other = (
        half.assign(pair=range(len(half)))
        .merge(numbers, on=KEY)[["pair", "instance"]]
        .merge(records, on="instance")
        .drop(columns="instance")
        for half in halves
    )
    return base.merge(other, on=["pair", "image"], suffixes=("_base", "_other"))


def join_results(pairs: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs joined with `results`, indexed by position in `pairs`; a pair without a row gets 0 images."""
    joined_pairs = pairs.reset_index(drop=True).join(results)
    return joined_pairs.assign(n_images=joined_pairs["n_images"].fillna(0).astype(int))


COLUMNS = ["run_id", "device_id", "instance_id", "query", "image", "label", "top1", "correct"]
"""The columns of image records that are used here."""
NONE = -1  # stands for a class where the image failed
APART_COLUMNS = ["device_id", "instance_id", "reason"]
BETWEEN = ("device_id", "quantization", "framework")  # what `collect` compares


@dataclass(frozen=True)
class Answers:
    """Answers to one instance by k devices that were measured alike and saw the same n images."""

    instance_id: str
    devices: list[str]  # k
    images: list[str]  # n, in order of name
    labels: NDArray[np.int64]  # (n,)
    top1: NDArray[np.int64]  # (n, k); the class, or NONE
    correct: NDArray[np.bool_]  # (n, k); a failed image is wrong


def collect(rows: pd.DataFrame, images: pd.DataFrame, between: str = "device_id") -> tuple[list[Answers], pd.DataFrame]:
    """Return the answers to each instance by comparable devices, and the other devices with the reason.

    Takes rows of `select.measured_rows` (one per device x instance) and image records with COLUMNS. Of each instance,
    the largest group of devices is used that agree in the columns that pairing.ALIKE lists and saw the same images; in
    a tie, the group of the first row. The frame has the columns device_id, instance_id and reason, and one row for each
    device that is not in the group. If an image was shown more than once, the first answer counts. Instances are in
    order of model, implementation and quantization.

    If `between` is "quantization" or "framework", the versions of a model on one device take the place of devices:
    `devices` of an Answers has quantizations or frameworks, and its `instance_id` is the id of an instance with "*" in
    the place of that part, followed by the device: "tflite_cpu_*_mnasnet@local".
    """
    if between != "device_id":
        rows, images = _by_version(rows, images, between)
    records = _first_answers(select.image_rows(images, rows))
    records_of = {str(value): part for value, part in records.groupby("instance_id", observed=True)}
    comparable, apart = [], []
    with_implementation = rows.reset_index(drop=True).assign(implementation=names.implementation)
    ordered = names.ordered(with_implementation, ["model", "implementation", "quantization"])
    fields = ordered[ALIKE[between]].astype("object")
    conditions = fields.where(fields.notna(), "nothing").astype(str).astype("object")
    for instance, part in ordered.groupby("instance_id", sort=False):
        devices = [str(value) for value in part["device_id"]]
        measured = conditions.loc[part.index].reset_index(drop=True)
        answers, reasons = _of_instance(
            str(instance), devices, measured, records_of.get(str(instance), records.iloc[:0])
        )
        comparable += [answers] if answers else []
        apart += [(device, str(instance), reason) for device, reason in reasons.items()]
    return comparable, pd.DataFrame(apart, columns=APART_COLUMNS)


def facts(answers: Answers) -> dict[str, Any]:
    """Return the leading columns of a statistic over devices: the instance, the number of devices and of images."""
    return {**names.facts(answers.instance_id), "devices": len(answers.devices), "images": len(answers.images)}


def counts(top1: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct answers to each image and their counts: image (row of the matrix), class, count.

    Takes a matrix (n, k) of classes. Images that failed gave no answer. The order is by image, then from the most to
    the least frequent answer, with ties in ascending order of class.
    """
    width = max(int(top1.max(initial=0)), 0) + 1
    keys = np.arange(len(top1))[:, None] * width + top1
    distinct, count = np.unique(keys[top1 != NONE], return_counts=True)
    image, answer = np.divmod(distinct, width)
    order = np.lexsort((answer, -count, image))
    return image[order], answer[order], count[order]


def disagreement(image: NDArray[np.int64], count: NDArray[np.int64]) -> float:
    """Return the share of pairs of answers to the same image that differ, pooled over images; NaN if there is no pair.

    For each distinct answer, `image` is the image it was given to and `count` how often it was given, as returned by
    `counts`.
    """
    if not len(image):
        return np.nan
    answers = np.bincount(image, count)
    identical_pairs = np.bincount(image, count * (count - 1.0)).sum()
    pairs = (answers * (answers - 1)).sum()
    return float(1 - identical_pairs / pairs) if pairs else np.nan


def _first_answers(records: pd.DataFrame) -> pd.DataFrame:
    """Return the records with only the first of several answers to an image."""
    key = [*select.KEY, "image"]
    if records.duplicated(key).any():
        records = records.sort_values("query", kind="stable").drop_duplicates(key)
    return records


def _of_instance(
    instance: str, devices: list[str], conditions: pd.DataFrame, records: pd.DataFrame
) -> tuple[Answers | None, dict[str, str]]:
    """Return the answers of the largest group of devices that are alike, and why each other one is apart."""
    image_codes, images = pd.factorize(records["image"].astype("object"), sort=True)
    device_codes = pd.Index(devices).get_indexer(pd.Index(records["device_id"].astype(str)))
    shape = (len(images), len(devices))
    top1, correct, seen = np.full(shape, NONE), np.zeros(shape, bool), np.zeros(shape, bool)
    top1[image_codes, device_codes] = records["top1"].to_numpy(np.int64, na_value=NONE)
    correct[image_codes, device_codes] = records["correct"].to_numpy(bool)
    seen[image_codes, device_codes] = True
    labels = np.zeros(len(images), np.int64)
    labels[image_codes] = records["label"].to_numpy(np.int64)

    saw = [column.tobytes().hex() for column in np.packbits(seen, axis=0).T]
    groups = pd.Series(
        ["|".join(column) for column in zip(*(conditions[field] for field in conditions), saw, strict=True)]
    )
    groups = groups.where(pd.Series(seen.any(axis=0)))  # a device without records is in no group
    if groups.isna().all():
        return None, dict.fromkeys(devices, _NO_RECORDS)
    sizes = groups.map(groups.value_counts())
    usual = int(sizes.fillna(0).to_numpy().argmax())  # the first row of the largest group
    chosen = (groups == groups[usual]).to_numpy()
    reasons = {
        devices[other]: _exclusion_reason(
            conditions.iloc[usual], conditions.iloc[other], seen[:, usual], seen[:, other]
        )
        for other in np.flatnonzero(~chosen)
    }
    used_images = seen[:, usual]
    names_of = [str(column) for column in np.asarray(images)[used_images]]
    taken = [device for device, is_chosen in zip(devices, chosen, strict=True) if is_chosen]
    matrices = (labels[used_images], top1[used_images][:, chosen], correct[used_images][:, chosen])
    return Answers(instance, taken, names_of, *matrices), reasons


_NO_RECORDS = "there are no records of single images"


def _exclusion_reason(usual: pd.Series, other: pd.Series, saw: NDArray[np.bool_], other_saw: NDArray[np.bool_]) -> str:
    """Return why a device is not in the group, from the conditions and the images seen by it and by the group."""
    if not other_saw.any():
        return _NO_RECORDS
    unlike = [field for field in usual.index if usual[field] != other[field]]
    if unlike:
        field = unlike[0]
        return f"{field} {_short_hash(other[field])}, but on the others {_short_hash(usual[field])}"
    return f"it has other images: {other_saw.sum()}, the others {saw.sum()}, with {(saw & other_saw).sum()} in common"


def _short_hash(value: str) -> str:
    """Abbreviate a hash to its first digits."""
    return value if len(value) <= 40 else f"{value[:8]}…"


def _by_version(rows: pd.DataFrame, images: pd.DataFrame, between: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows and image records with the part `between` of instance ids in the place of the device.

    The instance id is that of `collect`, with "*" for this part and followed by the device.
    """
    codes = images["instance_id"].cat.codes.to_numpy()
    parts = _version_parts(images["instance_id"].cat.categories, between)
    devices = images["device_id"].cat
    same, same_names = pd.factorize(parts["same"])
    label = same[codes] * len(devices.categories) + devices.codes.to_numpy()
    labels = [f"{base_id}@{device}" for base_id in same_names for device in devices.categories]
    version, versions = pd.factorize(parts["version"])
    records = images.assign(
        device_id=pd.Categorical.from_codes(version[codes], pd.Index(versions)),
        instance_id=pd.Categorical.from_codes(label.astype(np.int64), pd.Index(labels)),
    )
    parts = _version_parts(rows["instance_id"], between)
    return rows.assign(device_id=parts["version"], instance_id=parts["same"] + "@" + rows["device_id"]), records


def _version_parts(ids: pd.Series | pd.Index, between: str) -> pd.DataFrame:
    """Split each instance id into the part that varies and the remainder.

    Returns the columns same (the id without that part) and version (the part), with the index of `ids`.
    """
    instances = [names.instance(str(instance)) for instance in ids]
    same = ["_".join(instance._replace(**{between: "*"})) for instance in instances]
    index = ids.index if isinstance(ids, pd.Series) else None
    return pd.DataFrame({"same": same, "version": [getattr(instance, between) for instance in instances]}, index=index)
