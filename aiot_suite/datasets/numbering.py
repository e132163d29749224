"""How the numbers in a file of labels count the classes.

There are three ways (NUMBERINGS). What tells which is, in this order: a 0 among the numbers, WordNet ids beside them,
names of classes beside them or in the names of the files, the first images of the validation set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aiot_suite.datasets import classes
from aiot_suite.errors import DatasetError

NUMBERINGS = {
    "0": "labels count from 0 in the order of the WordNet ids",
    "1": "labels count from 1 in the order of the WordNet ids, and 1 was taken off",
    "devkit": "labels are the class numbers of ILSVRC 2012's development kit, and were translated",
}
ENOUGH = 0.9  # share of what is known of the images that a numbering has to agree with
LEAST_NAMES, LEAST_IMAGES = 2, 3


@dataclass(frozen=True)
class Row:
    """An image, what stands for its class (a number or a WordNet id), and what else the line says."""

    line: int
    text: str
    image: str
    value: int | str
    name: str
    rest: str


Known = tuple[Row, frozenset[int]]
"""A row with a number, and the labels that its image may have by what else is known of it."""


def of_folders(folder: Path, names: Sequence[str], numbering: str | None) -> tuple[dict[str, int], list[str]]:
    """Return the label of each class folder by its name, a WordNet id or a number, and notes."""
    by_wnid = classes.label_of_wnid()
    if names[0] in by_wnid:
        return {name: by_wnid[name] for name in names}, []
    numbers = {name: int(name) for name in names}
    to_label = to_labels(folder)[numbering or "0"]
    label_of = {}
    for name, number in numbers.items():
        label = to_label(number)
        if label is None or classes.outside(label, classes.IMAGENET):
            raise DatasetError(
                f"{folder / name} is no class: {reason_outside(set(numbers.values()), number, classes.IMAGENET)}."
            )
        label_of[name] = label
    why = "as --numbering says" if numbering else _of_zero(set(numbers.values()))
    return label_of, [meaning(numbering or "0", why, classes.IMAGENET)]


def choose(path: Path, rows: list[Row], label_space: str, asked: str | None) -> tuple[str | None, str]:
    """Return how the numbers of a file count the classes, and what tells so; None where it has no numbers.

    asked: what the user says. Raises DatasetError where it cannot be told and must not be guessed.
    """
    numbers = {row.value for row in rows if isinstance(row.value, int)}
    if not numbers:
        return None, ""
    if asked:
        return asked, "as --numbering says"
    if 0 in numbers or label_space != classes.IMAGENET:
        return "0", _of_zero(numbers)
    known = to_labels(path)
    for evidence, least, what in _evidence(rows):
        fits = [
            name for name, to_label in known.items() if len(evidence) >= least and _share(evidence, to_label) >= ENOUGH
        ]
        if fits:
            return fits[0], f"as {what} say"
    if not _is_single(rows):
        return "0", _of_zero(numbers)
    if path.with_name("meta.mat").exists() or "ground_truth" in path.name:
        return "devkit", "as the file's name and place say"
    raise DatasetError(
        f"{path} has one number a line and no 0: keep the development kit's meta.mat that explains them beside it, "
        "or say --numbering devkit, or --numbering 1 or 0 if they are in the order of the WordNet ids."
    )


def _is_single(rows: list[Row]) -> bool:
    return all(row.text == str(row.value) for row in rows)


def _of_zero(numbers: set[int]) -> str:
    """What a 0 among the numbers, or none, says."""
    if 0 in numbers:
        return "there is a 0"
    return "nothing here tells; if they count from 1, say --numbering 1"


def to_labels(path: Path) -> dict[str, Callable[[int], int | None]]:
    """Return, for each of NUMBERINGS, what gives the label of a number in the file, None for a number that is none."""
    kit: dict[int, int] = {}

    def of_kit(number: int) -> int | None:
        if not kit:
            kit.update(_devkit(path))
        return kit.get(number)

    return {"0": lambda number: number, "1": lambda number: number - 1, "devkit": of_kit}


def _devkit(path: Path) -> dict[int, int]:
    """The development kit's order, of meta.mat beside the file if that is there."""
    from scipy.io import loadmat

    meta = path.with_name("meta.mat")
    if not meta.exists():
        return classes.label_of_devkit()
    try:
        synsets = loadmat(meta, squeeze_me=True)["synsets"]
        pairs = [(int(row["ILSVRC2012_ID"]), str(row["WNID"])) for row in synsets]
    except Exception:  # of a file that is damaged SciPy raises many kinds
        raise DatasetError(
            f"{meta}, which explains the development kit's class numbers, is damaged: copy it anew or take it away."
        ) from None
    labels = classes.label_of_wnid()
    return {number: labels[wnid] for number, wnid in pairs if wnid in labels}


def meaning(chosen: str, why: str, label_space: str) -> str:
    """Return the note that says what was assumed of the numbers."""
    if label_space == classes.IMAGENET:
        return f"assumed: {NUMBERINGS[chosen]} ({why})"
    known = classes.count(label_space)
    unknown = "" if known else ", of which nothing here knows how many classes it has"
    return f"assumed: labels count from {chosen} in the order of {label_space}{unknown} ({why})"


def reason_outside(numbers: set[int], value: int | str, label_space: str) -> str:
    """Return why a class is none, and what may be meant."""
    if isinstance(value, str):
        return f"{value} is none of the 1000 classes of ILSVRC 2012"
    reason = classes.span(label_space)
    if value == classes.count(label_space) and 0 not in numbers:
        kit = " or, if they are the development kit's, --numbering devkit" if label_space == classes.IMAGENET else ""
        return f"{reason}; if these count from 1, say --numbering 1{kit}"
    return reason


def differences(path: Path, rows: list[Row], label_of: dict[int, int]) -> list[str]:
    """Return notes on labels (by line) that differ from what the lines say otherwise.

    Raises DatasetError if a WordNet id or most of the names do.
    """
    table = classes.class_table()
    for row, known in _by_wnid(rows):
        if label_of[row.line] not in known:
            means = table[label_of[row.line]]
            raise error_in(
                path, row, f"its label means {means['wnid']}, {means['name']}: the labels are in another order"
            )
    notes = []
    for what, named in (("names", list(_by_name(rows))), ("names of files", list(_by_file_name(rows)))):
        differ = [row for row, known in named if label_of[row.line] not in known]
        if not differ:
            continue
        first, means_name = differ[0], table[label_of[differ[0].line]]["name"]
        if what == "names" and 2 * len(differ) > len(named):
            raise error_in(path, first, f"its label means {means_name!r}: labels or names are in another order")
        notes.append(
            f"{what} that are of other classes than the labels, which were believed: {len(differ)} of {len(named)}, "
            f"like {first.text!r} in line {first.line}, whose label means {means_name!r}"
        )
    return notes


def error_in(path: Path, row: Row, reason: str) -> DatasetError:
    """Return the error for a line of a file."""
    return DatasetError(f"{path} line {row.line} is {row.text!r}: {reason}.")


def _evidence(rows: list[Row]) -> Iterator[tuple[list[Known], int, str]]:
    """What is known of the images apart from the numbers; how many of them are enough; what it is."""
    yield list(_by_wnid(rows)), 1, "the WordNet ids beside them"
    yield list(_by_name(rows)), LEAST_NAMES, "the names of the classes"
    yield list(_by_file_name(rows)), LEAST_IMAGES, "the names of the files"
    yield list(_by_validation_image(rows)), LEAST_IMAGES, "the first validation images, whose classes are known,"


def _by_wnid(rows: list[Row]) -> Iterator[Known]:
    labels = classes.label_of_wnid()
    for row in rows:
        ids = {labels[wnid] for wnid in classes.WNID.findall(row.rest.replace("_", " ")) if wnid in labels}
        if isinstance(row.value, int) and len(ids) == 1:
            yield row, frozenset(ids)


def _named(row: Row, name: str) -> Iterator[Known]:
    known = classes.labels_of_name().get(name.replace("_", " ").casefold())
    if isinstance(row.value, int) and known:
        yield row, known


def _by_name(rows: list[Row]) -> Iterator[Known]:
    for row in rows:
        yield from _named(row, row.name)


def _by_file_name(rows: list[Row]) -> Iterator[Known]:
    """Of files like beagle_3.jpg or beagle/3.jpg."""
    for row in rows:
        parts = [re.sub(r"[ _-]*[0-9]*(\.\w+)?$", "", part) for part in row.image.split("/")[-2:]]
        yield from next(filter(None, (list(_named(row, part)) for part in reversed(parts))), [])


def _by_validation_image(rows: list[Row]) -> Iterator[Known]:
    known = {
        f"ILSVRC2012_val_{number:08d}": frozenset({label})
        for number, label in enumerate(classes.FIRST_OF_VALIDATION, 1)
    }
    for row in rows:
        if isinstance(row.value, int) and (stem := PurePosixPath(row.image).stem) in known:
            yield row, known[stem]


def _share(evidence: list[Known], to_label: Callable[[int], int | None]) -> float:
    return sum(to_label(int(row.value)) in known for row, known in evidence) / len(evidence)
