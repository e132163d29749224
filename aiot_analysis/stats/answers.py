"""What the devices answered on the same images, as one wide matrix an instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.stats import pairing
from aiot_analysis.tables import names, select

COLUMNS = ["run_id", "device_id", "instance_id", "query", "image", "label", "top1", "correct"]
"""Of image records, all that is needed here."""
NONE = -1  # in place of a class: the image failed
APART_COLUMNS = ["device_id", "instance_id", "reason"]


@dataclass(frozen=True)
class Answers:
    """One instance on k devices that were measured alike and saw the same n images."""

    instance_id: str
    devices: list[str]  # k
    images: list[str]  # n, in order of name
    labels: NDArray[np.int64]  # (n,)
    top1: NDArray[np.int64]  # (n, k) the class, or NONE
    correct: NDArray[np.bool_]  # (n, k) an image that failed is wrong


def collect(
    rows: pd.DataFrame, images: pd.DataFrame, alike: Sequence[str] = pairing.ALIKE["device_id"]
) -> tuple[list[Answers], pd.DataFrame]:
    """The answers to each instance of the devices that can be compared by image, and which cannot and why.

    Takes rows of `select.measured_rows` (one per device x instance) and image records with COLUMNS. Of each instance
    those devices are taken that are alike in the columns `alike` of the rows and saw the same images: the largest such
    group, of equally large ones that of the first row. The frame has the columns device_id, instance_id and reason, a
    row for each device that is not in the group. Of an image that was shown more than once the first answer counts.
    Instances are in order of model, implementation and quantization.
    """
    records = _first_answers(select.image_rows(images, rows))
    shown = {str(one): part for one, part in records.groupby("instance_id", observed=True)}
    found, apart = [], []
    ordered = _in_order(rows).reset_index(drop=True)
    fields = ordered[list(alike)].astype("object")
    conditions = fields.where(fields.notna(), "nothing").astype(str).astype("object")
    for instance, part in ordered.groupby("instance_id", sort=False):
        devices = [str(one) for one in part["device_id"]]
        measured = conditions.loc[part.index].reset_index(drop=True)
        answers, reasons = _of_instance(str(instance), devices, measured, shown.get(str(instance), records.iloc[:0]))
        found += [answers] if answers else []
        apart += [(device, str(instance), reason) for device, reason in reasons.items()]
    return found, pd.DataFrame(apart, columns=APART_COLUMNS)


def facts(one: Answers) -> dict[str, Any]:
    """What a row of a statistic over devices begins with: the instance, the number of devices and of images."""
    return {**names.facts(one.instance_id), "devices": len(one.devices), "images": len(one.images)}


def counts(top1: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each answer that was given to each image, and how often: image (row of the matrix), class, count.

    Takes a matrix (n, k) of classes. Images that failed gave no answer. In order of image, the most frequent answer of
    an image first, of equally frequent ones the smaller class.
    """
    width = max(int(top1.max(initial=0)), 0) + 1
    keys = np.arange(len(top1))[:, None] * width + top1
    found, count = np.unique(keys[top1 != NONE], return_counts=True)
    image, answer = np.divmod(found, width)
    order = np.lexsort((answer, -count, image))
    return image[order], answer[order], count[order]


def _first_answers(records: pd.DataFrame) -> pd.DataFrame:
    key = [*select.KEY, "image"]
    if records.duplicated(key).any():
        records = records.sort_values("query", kind="stable").drop_duplicates(key)
    return records


def _of_instance(
    instance: str, devices: list[str], conditions: pd.DataFrame, records: pd.DataFrame
) -> tuple[Answers | None, dict[str, str]]:
    """The answers of the largest group of devices that are alike, and why each other one is apart, by device."""
    image_codes, images = pd.factorize(records["image"].astype("object"), sort=True)
    device_codes = pd.Index(devices).get_indexer(pd.Index(records["device_id"].astype(str)))
    shape = (len(images), len(devices))
    top1, correct, seen = np.full(shape, NONE), np.zeros(shape, bool), np.zeros(shape, bool)
    top1[image_codes, device_codes] = records["top1"].to_numpy(np.int64, na_value=NONE)
    correct[image_codes, device_codes] = records["correct"].to_numpy(bool)
    seen[image_codes, device_codes] = True
    labels = np.zeros(len(images), np.int64)
    labels[image_codes] = records["label"].to_numpy(np.int64)

    saw = [one.tobytes().hex() for one in np.packbits(seen, axis=0).T]
    groups = pd.Series(["|".join(one) for one in zip(*(conditions[field] for field in conditions), saw, strict=True)])
    groups = groups.where(pd.Series(seen.any(axis=0)))  # without records a device is in no group
    if groups.isna().all():
        return None, dict.fromkeys(devices, _NO_RECORDS)
    sizes = groups.map(groups.value_counts())
    usual = int(sizes.fillna(0).to_numpy().argmax())  # the first row of the largest group
    chosen = (groups == groups[usual]).to_numpy()
    reasons = {
        devices[other]: _reason(conditions.iloc[usual], conditions.iloc[other], seen[:, usual], seen[:, other])
        for other in np.flatnonzero(~chosen)
    }
    there = seen[:, usual]
    names_of = [str(one) for one in np.asarray(images)[there]]
    taken = [device for device, yes in zip(devices, chosen, strict=True) if yes]
    matrices = (labels[there], top1[there][:, chosen], correct[there][:, chosen])
    return Answers(instance, taken, names_of, *matrices), reasons


_NO_RECORDS = "there are no records of single images"


def _reason(usual: pd.Series, other: pd.Series, saw: NDArray[np.bool_], other_saw: NDArray[np.bool_]) -> str:
    if not other_saw.any():
        return _NO_RECORDS
    unlike = [field for field in usual.index if usual[field] != other[field]]
    if unlike:
        field = unlike[0]
        return f"{field} {_short(other[field])}, that of the others: {_short(usual[field])}"
    return f"it saw other images: {other_saw.sum()}, the others {saw.sum()}, {(saw & other_saw).sum()} are the same"


def _short(value: str) -> str:
    """A hash by its beginning."""
    return value if len(value) <= 40 else f"{value[:8]}…"


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    columns = ["model", "implementation", "quantization"]
    orders = dict(zip(columns, (names.MODELS, names.IMPLEMENTATIONS, names.QUANTIZATIONS), strict=True))
    sorted_ = rows.assign(implementation=names.implementation(rows))
    return sorted_.sort_values(columns, key=lambda one: names.places(one, orders[str(one.name)]), kind="stable")
