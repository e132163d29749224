"""The classes of a label space, and detection of the numbering that a label file uses."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aiot_suite.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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


def is_outside(label: int, label_space: str) -> bool:
    """Return whether a label is outside a label space."""
    classes = count(label_space)
    return label < 0 or (classes is not None and label >= classes)


def describe_range(label_space: str) -> str:
    """Return a description of the range of labels of a label space."""
    classes = count(label_space)
    return f"the labels of {label_space} are 0 " + ("and above" if classes is None else f"to {classes - 1}")


NUMBERINGS = {
    "0": "labels count from 0 in the order of the WordNet ids",
    "1": "labels count from 1 in the order of the WordNet ids, so 1 was subtracted",
    "devkit": "labels are the class numbers of ILSVRC 2012's development kit and were converted",
}
ENOUGH = 0.9  # share of the evidence that a numbering has to agree with
TEXT_LIMIT = 200
"""Maximum length of a line that an error quotes."""

LEAST_NAMES, LEAST_IMAGES = 2, 3  # minimum number of rows with evidence from class names, and from images


@dataclass(frozen=True)
class LabelRow:
    """A line of a label file: an image, its class (a number or a WordNet id), and the rest of the line."""

    line: int
    text: str
    image: str
    value: int | str
    name: str
    rest: str


Evidence = tuple[LabelRow, frozenset[int]]
"""A row with a class number, and the labels that its image may have according to other evidence."""


def label_class_folders(folder: Path, names: Sequence[str], numbering: str | None) -> tuple[dict[str, int], list[str]]:
    """Return the label of each class folder, which is named by a WordNet id or a number, and notes."""
    by_wnid = label_of_wnid()
    if names[0] in by_wnid:
        return {name: by_wnid[name] for name in names}, []
    numbers = {name: int(name) for name in names}
    to_label = to_labels(folder)[numbering or "0"]
    label_of = {}
    for name, number in numbers.items():
        label = to_label(number)
        if label is None or is_outside(label, IMAGENET):
            raise DatasetError(
                f"{folder / name} is not a class: {reason_outside(set(numbers.values()), number, IMAGENET)}."
            )
        label_of[name] = label
    reason = "set by --numbering" if numbering else _reason_from_zero(set(numbers.values()))
    return label_of, [describe_numbering(numbering or "0", reason, IMAGENET)]


def choose_numbering(path: Path, rows: list[LabelRow], label_space: str, asked: str | None) -> tuple[str | None, str]:
    """Return the numbering of a file and the reason for choosing it; the numbering is None if the file has no numbers.

    asked: the numbering requested by the user, which takes precedence.
    Raises DatasetError if the numbering is ambiguous and must not be guessed.
    """
    numbers = {row.value for row in rows if isinstance(row.value, int)}
    if not numbers:
        return None, ""
    if asked:
        return asked, "set by --numbering"
    if 0 in numbers or label_space != IMAGENET:
        return "0", _reason_from_zero(numbers)
    converters = to_labels(path)
    for evidence, minimum, description in _evidence(rows):
        matching = [
            name
            for name, to_label in converters.items()
            if len(evidence) >= minimum and _share_of_matches(evidence, to_label) >= ENOUGH
        ]
        if matching:
            return matching[0], f"according to {description}"
    if not _is_whole_name(rows):
        return "0", _reason_from_zero(numbers)
    if path.with_name("meta.mat").exists() or "ground_truth" in path.name:
        return "devkit", "according to the file's name and location"
    raise DatasetError(
        f"{path} has one number per line and no 0, so the meaning of the numbers is ambiguous: put the "
        "development kit's meta.mat, which explains them, in the same folder, or use --numbering devkit, or "
        "use --numbering 1 or 0 if they follow the order of the WordNet ids."
    )


def _is_whole_name(rows: list[LabelRow]) -> bool:
    return all(row.text == str(row.value) for row in rows)


def _reason_from_zero(numbers: set[int]) -> str:
    """Return the reason for numbering "0", depending on whether 0 is among the numbers."""
    if 0 in numbers:
        return "the numbers include 0"
    return "nothing in the file confirms this; if the labels count from 1, use --numbering 1"


def to_labels(path: Path) -> dict[str, Callable[[int], int | None]]:
    """Return, for each of NUMBERINGS, a function from a number in the file to its label (None if it has none)."""
    kit: dict[int, int] = {}

    def of_kit(number: int) -> int | None:
        if not kit:
            kit.update(_devkit(path))
        return kit.get(number)

    return {"0": lambda number: number, "1": lambda number: number - 1, "devkit": of_kit}


def _devkit(path: Path) -> dict[int, int]:
    """Return the label of each class number of the development kit, from the meta.mat next to the file if it exists."""
    from scipy.io import loadmat

    meta = path.with_name("meta.mat")
    if not meta.exists():
        return label_of_devkit()
    try:
        synsets = loadmat(meta, squeeze_me=True)["synsets"]
        pairs = [(int(row["ILSVRC2012_ID"]), str(row["WNID"])) for row in synsets]
    except Exception:  # SciPy raises many exceptions for damaged files
        raise DatasetError(
            f"{meta}, which explains the development kit's class numbers, is damaged: copy it again or remove it."
        ) from None
    labels = label_of_wnid()
    return {number: labels[wnid] for number, wnid in pairs if wnid in labels}


def describe_numbering(chosen: str, why: str, label_space: str) -> str:
    """Return the note about which numbering was assumed."""
    if label_space == IMAGENET:
        return f"assumed: {NUMBERINGS[chosen]} ({why})"
    class_count = count(label_space)
    remark = "" if class_count else ", whose number of classes is unknown"
    return f"assumed: labels count from {chosen} in the order of {label_space}{remark} ({why})"


def reason_outside(numbers: set[int], value: int | str, label_space: str) -> str:
    """Return why a class is not in the label space, and which numbering may be meant."""
    if isinstance(value, str):
        return f"{value} is not one of the 1000 classes of ILSVRC 2012"
    reason = describe_range(label_space)
    if value == count(label_space) and 0 not in numbers:
        kit = ", or --numbering devkit if they are the development kit's" if label_space == IMAGENET else ""
        return f"{reason}; if these labels count from 1, use --numbering 1{kit}"
    return reason


def find_contradictions(path: Path, rows: list[LabelRow], label_of: dict[int, int]) -> list[str]:
    """Return notes about labels that contradict the other information in their lines.

    label_of: label by line number.
    Raises DatasetError if a label contradicts a WordNet id, or if most labels contradict the class names.
    """
    table = class_table()
    for row, possible_labels in _by_wnid(rows):
        if label_of[row.line] not in possible_labels:
            meant_class = table[label_of[row.line]]
            raise error_in(
                path,
                row,
                f"its label means {meant_class['wnid']}, {meant_class['name']}, so the labels are in another "
                "order: check --numbering",
            )
    notes = []
    for kind, pairs in (("names", list(_by_name(rows))), ("names of files", list(_by_file_name(rows)))):
        conflicts = [row for row, possible_labels in pairs if label_of[row.line] not in possible_labels]
        if not conflicts:
            continue
        first_row, meant_name = conflicts[0], table[label_of[conflicts[0].line]]["name"]
        if kind == "names" and 2 * len(conflicts) > len(pairs):
            raise error_in(
                path,
                first_row,
                f"its label means {meant_name!r}, so the labels or the names are in another order: check --numbering",
            )
        notes.append(
            f"{kind} that contradict the labels (the labels were used): {len(conflicts)} of {len(pairs)}, for "
            f"example {first_row.text!r} in line {first_row.line}, whose label means {meant_name!r}"
        )
    return notes


def error_in(path: Path, row: LabelRow, reason: str) -> DatasetError:
    """Return the error for a line of a file."""
    return DatasetError(f"{path} line {row.line} is {row.text[:TEXT_LIMIT]!r}: {reason}.")


def _evidence(rows: list[LabelRow]) -> Iterator[tuple[list[Evidence], int, str]]:
    """Yield each kind of evidence about the images: its rows, the minimum number of rows, and a description."""
    yield list(_by_wnid(rows)), 1, "the WordNet ids in the same lines"
    yield list(_by_name(rows)), LEAST_NAMES, "the class names"
    yield list(_by_file_name(rows)), LEAST_IMAGES, "the file names"
    yield list(_by_validation_image(rows)), LEAST_IMAGES, "the first validation images, whose classes are known"


def _by_wnid(rows: list[LabelRow]) -> Iterator[Evidence]:
    labels = label_of_wnid()
    for row in rows:
        ids = {labels[wnid] for wnid in WNID.findall(row.rest.replace("_", " ")) if wnid in labels}
        if isinstance(row.value, int) and len(ids) == 1:
            yield row, frozenset(ids)


def _named(row: LabelRow, name: str) -> Iterator[Evidence]:
    labels = labels_of_name().get(name.replace("_", " ").casefold())
    if isinstance(row.value, int) and labels:
        yield row, labels


def _by_name(rows: list[LabelRow]) -> Iterator[Evidence]:
    for row in rows:
        yield from _named(row, row.name)


def _by_file_name(rows: list[LabelRow]) -> Iterator[Evidence]:
    """Yield evidence from class names in paths such as beagle_3.jpg or beagle/3.jpg."""
    for row in rows:
        parts = [re.sub(r"[ _-]*[0-9]*(\.\w+)?$", "", part) for part in row.image.split("/")[-2:]]
        yield from next(filter(None, (list(_named(row, part)) for part in reversed(parts))), [])


def _by_validation_image(rows: list[LabelRow]) -> Iterator[Evidence]:
    labels_by_stem = {
        f"ILSVRC2012_val_{number:08d}": frozenset({label}) for number, label in enumerate(FIRST_OF_VALIDATION, 1)
    }
    for row in rows:
        if isinstance(row.value, int) and (stem := PurePosixPath(row.image).stem) in labels_by_stem:
            yield row, labels_by_stem[stem]


def _share_of_matches(evidence: list[Evidence], to_label: Callable[[int], int | None]) -> float:
    return sum(to_label(int(row.value)) in possible_labels for row, possible_labels in evidence) / len(evidence)
