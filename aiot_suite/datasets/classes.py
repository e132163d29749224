"""The classes of a label space: their number, their names, and their numbers in other numbering schemes."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import resources

IMAGENET = "imagenet-1000"
SAMPLE = "sample-100"
WNID = re.compile(r"(?<![A-Za-z0-9])n[0-9]{8}(?![0-9])")

FIRST_OF_VALIDATION = (65, 970, 230, 809, 516, 57, 334, 415, 674, 332)
"""Labels of images 1 to 10 of the ILSVRC 2012 validation set."""


@cache
def class_table() -> tuple[dict[str, str], ...]:
    """Return the 1000 ImageNet classes in the order of their labels, with the keys label, wnid, devkit and name.

    `devkit` is ILSVRC2012_ID, the number from 1 to 1000 that the ILSVRC 2012 development kit gives each class (in its
    files meta.mat and map_clsloc.txt).
    """
    text = resources.files("aiot_suite.datasets").joinpath("imagenet_classes.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def label_of_wnid() -> dict[str, int]:
    """Return the label of each WordNet id."""
    return {row["wnid"]: int(row["label"]) for row in class_table()}


@cache
def label_of_devkit() -> dict[int, int]:
    """Return the label of each of the development kit's class numbers."""
    return {int(row["devkit"]): int(row["label"]) for row in class_table()}


@cache
def labels_of_name() -> dict[str, frozenset[int]]:
    """Return the labels of each class name, both by the whole name and by each synonym, case-folded."""
    labels_by_name: dict[str, set[int]] = {}
    for row in class_table():
        for name in {row["name"], *row["name"].split(", ")}:
            labels_by_name.setdefault(name.casefold(), set()).add(int(row["label"]))
    return {name: frozenset(labels) for name, labels in labels_by_name.items()}


def count(label_space: str) -> int | None:
    """Return the number of classes of a label space, or None if it is unknown."""
    if label_space in (IMAGENET, SAMPLE):
        return 1000 if label_space == IMAGENET else 100
    match = re.fullmatch(r"custom-([0-9]+)", label_space)  # label space of weights with that many outputs
    return int(match[1]) if match else None


def outside(label: int, label_space: str) -> bool:
    """Return whether a label is outside a label space."""
    classes = count(label_space)
    return label < 0 or (classes is not None and label >= classes)


def span(label_space: str) -> str:
    """Return a description of the range of labels of a label space."""
    classes = count(label_space)
    return f"the labels of {label_space} are 0 " + ("and above" if classes is None else f"to {classes - 1}")
