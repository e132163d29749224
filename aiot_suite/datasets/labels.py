"""Label files in the formats in common use, and the image files on disk that they name."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aiot_suite.datasets import classes
from aiot_suite.datasets.classes import (
    LabelRow,
    choose_numbering,
    describe_numbering,
    error_in,
    find_contradictions,
    reason_outside,
    to_labels,
)
from aiot_suite.errors import DatasetError
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")
IMAGE_HEADS = (
    *("image", "file", "filename", "file_name", "path", "filepath", "file_path", "image_path", "image_name"),
    *("imageid", "image_id", "img", "id"),
)
LABEL_HEADS = (
    *("label", "index", "target", "class_id", "classid", "class_index", "class_idx", "label_id", "label_index"),
    *("category_id", "wnid", "synset", "predictionstring", "class", "category"),
)
NAME_HEADS = ("name", "class_name", "classname", "label_name", "description", "words", "text")


@dataclass(frozen=True)
class LabelEntry:
    """An image as named in a label file, and its label in the label space."""

    image: str
    label: int
    line: int


@dataclass(frozen=True)
class LabelList:
    """Content of a label file, with notes for the user about what was assumed or ignored."""

    path: Path
    entries: tuple[LabelEntry, ...]
    names: dict[int, str]  # of the classes, for label spaces other than ImageNet's
    notes: tuple[str, ...]


def read(path: Path, label_space: str, numbering: str | None = None) -> LabelList:
    """Read a label file.

    numbering: one of `classes.NUMBERINGS`, which overrides the numbering detected in the file.
    Raises DatasetError with the line that cannot be interpreted.
    """
    lines, joint = _lines(path)
    rows, notes = _rows(path, lines, joint)
    if not rows:
        raise DatasetError(f"{path} lists no images: name the file that gives the class of each image.")
    if label_space != classes.IMAGENET:
        for row in rows:
            if isinstance(row.value, str):
                raise error_in(
                    path,
                    row,
                    f"WordNet ids are labels of {classes.IMAGENET}: use numbers, or choose --label-space "
                    f"{classes.IMAGENET}",
                )
    chosen, reason = choose_numbering(path, rows, label_space, numbering)
    if chosen:
        notes.append(describe_numbering(chosen, reason, label_space))
    to_label = to_labels(path)[chosen or "0"]
    entries = []
    for row in rows:
        label = classes.label_of_wnid().get(row.value) if isinstance(row.value, str) else to_label(row.value)
        if label is None or classes.is_outside(label, label_space):
            numbers = {other.value for other in rows if isinstance(other.value, int)}
            raise error_in(path, row, reason_outside(numbers, row.value, label_space))
        entries.append(LabelEntry(row.image, label, row.line))
    if label_space == classes.IMAGENET:
        notes += find_contradictions(path, rows, {entry.line: entry.label for entry in entries})
        return LabelList(path, tuple(entries), {}, tuple(notes))
    names = {label: name for value, name in _class_names(path, rows).items() if (label := to_label(value)) is not None}
    return LabelList(path, tuple(entries), names, tuple(notes))


def _lines(path: Path) -> tuple[list[tuple[int, list[str]]], str]:
    """Return the line number and cells of each line that is not empty, and the delimiter of the cells."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as text ({error}): name the file of labels.") from None
    non_empty = [line for line in text.splitlines() if line.strip()]
    for delimiter in ("\t", ",", ";"):
        if 2 * sum(delimiter in line for line in non_empty) > len(non_empty):
            reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
            try:
                cells = [
                    (reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))
                ]
            except csv.Error as error:
                raise DatasetError(f"{path} line {reader.line_num} cannot be read as CSV ({error}).") from None
            return cells, delimiter
    return [(number, line.rsplit(None, 1)) for number, line in enumerate(text.splitlines(), 1) if line.strip()], " "


def _parse_class(cell: str) -> int | str | None:
    """Return the class in a cell, a number or a WordNet id (which Kaggle's files repeat for each box), or None."""
    if re.fullmatch(r"-?[0-9]{1,18}(\.0+)?", cell):
        return int(cell.split(".", maxsplit=1)[0])
    words = cell.split()
    ids = set(words[::5]) if len(words) % 5 == 0 else set(words)
    return ids.pop() if len(ids) == 1 and classes.WNID.fullmatch(min(ids)) else None


def _is_image(cell: str) -> bool:
    return cell.lower().endswith(IMAGE_SUFFIXES)


def _rows(path: Path, lines: list[tuple[int, list[str]]], joint: str) -> tuple[list[LabelRow], list[str]]:
    """Return the rows of a file, and notes about its columns."""
    is_single_column = Counter(len(cells) for _, cells in lines).most_common(1)[:1] == [(1, len(lines))]
    header: list[str] | None = None
    if lines and not any(_is_image(cell) or _parse_class(cell) is not None for cell in lines[0][1]):
        header = [cell.lower() for cell in lines[0][1]]
        lines = lines[1:]
    if is_single_column:
        with_image_names = [
            (line, [f"ILSVRC2012_val_{number:08d}.JPEG", *cells]) for number, (line, cells) in enumerate(lines, 1)
        ]
        notes = ["assumed: line n gives the class of validation image n"]
        image_column, label_column, name_column = 0, 1, None
        lines = with_image_names
    else:
        image_column, label_column, name_column = _columns(header, [cells for _, cells in lines])
        notes = [] if header or joint == " " else ["assumed: there is no header, and the first line is an image"]
        unused = [
            cell
            for number, cell in enumerate(header or ())
            if number not in (image_column, label_column, name_column) and cell
        ]
        if unused:
            notes.append(f"unused columns: {', '.join(unused)}")
    rows = []
    for line, cells in lines:
        value = _parse_class(cells[label_column]) if max(image_column, label_column) < len(cells) else None
        text = cells[1] if is_single_column else joint.join(cells)
        row = LabelRow(line, text, "", 0, "", "")
        if value is None or not cells[image_column]:
            raise error_in(path, row, "the columns must be image, label (a number or a WordNet id) and optionally name")
        class_name = cells[name_column] if name_column is not None and name_column < len(cells) else ""
        other_cells = " ".join(cell for number, cell in enumerate(cells) if number != label_column)
        rows.append(LabelRow(line, text, cells[image_column], value, class_name, other_cells))
    return rows, notes


def _columns(head: list[str] | None, rows: list[list[str]]) -> tuple[int, int, int | None]:
    """Return the columns of image, class and class name; the last is None if there is no such column.

    Columns are recognized by their headers, or else by their content.
    """
    width = max(map(len, rows), default=2)

    def mostly(column: int, test: Callable[[str], bool]) -> bool:
        return 2 * sum(column < len(row) and test(row[column]) for row in rows) > len(rows)

    def headed(names: Sequence[str]) -> list[int]:
        return [head.index(name) for name in names if head and name in head]

    class_columns = [column for column in range(width) if mostly(column, lambda cell: _parse_class(cell) is not None)]
    image_columns = [column for column in range(width) if mostly(column, _is_image)]
    label_columns = [column for column in headed(LABEL_HEADS) if column in class_columns]
    image_column = next(
        iter(
            [
                *headed(IMAGE_HEADS),
                *image_columns,
                *(candidate for candidate in range(width) if candidate not in label_columns),
            ]
        ),
        0,
    )
    others = [column for column in range(max(width, 2)) if column != image_column]
    label_column = next(
        iter([column for column in [*label_columns, *class_columns, *others] if column != image_column])
    )
    name_columns = [
        column
        for column in headed([*NAME_HEADS, *LABEL_HEADS])
        if column not in (image_column, label_column, *class_columns)
    ]
    if name_columns or head or width <= 2:
        return image_column, label_column, name_columns[0] if name_columns else None
    return (
        image_column,
        label_column,
        next(candidate for candidate in range(width) if candidate not in (image_column, label_column)),
    )


def _class_names(path: Path, rows: list[LabelRow]) -> dict[int, str]:
    """Return the class names by class number in the file; raises DatasetError if a class has two names."""
    first_rows: dict[int, LabelRow] = {}
    for row in rows:
        if row.name and isinstance(row.value, int):
            first_row = first_rows.setdefault(row.value, row)
            if first_row.name != row.name:
                reason = f"label {row.value} is already named {first_row.name!r} in line {first_row.line}"
                raise error_in(path, row, reason + ": give each class one name, or omit the names")
    return {value: row.name for value, row in first_rows.items()}


DEPTH = 4  # levels searched below the given folder, for paths such as Kaggle's ILSVRC/Data/CLS-LOC/val


def is_hidden(name: str) -> bool:
    """Return whether a file is hidden, such as the `._name` files that macOS creates on other file systems."""
    return name.startswith(".") or name == "__MACOSX"


def is_image(name: str) -> bool:
    """Return whether a file may be an image, judged by its name."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not is_hidden(name)


def files_below(folder: Path) -> Iterator[str]:
    """Yield the relative paths of all files below a folder, without hidden ones, folder by folder in order of name."""
    for directory, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        relative_folder = Path(directory).relative_to(folder)
        yield from ((relative_folder / name).as_posix() for name in sorted(files) if not is_hidden(name))


def class_folders(folder: Path) -> dict[str, Path]:
    """Return the subfolders named after classes: by WordNet id, or else by number as in ImageNetV2."""
    subfolders = {child.name: child for child in folder.iterdir() if child.is_dir() and not is_hidden(child.name)}
    by_wnid = {name: path for name, path in subfolders.items() if name in classes.label_of_wnid()}
    return by_wnid or {name: path for name, path in subfolders.items() if name.isascii() and name.isdigit()}


def find_image_folder(source: Path) -> Path:
    """Return the folder that contains images or class folders: `source`, or the validation folder below it.

    Raises DatasetError if there is no such folder, or more than one.
    """
    rawlog.existing_folder(source, "name the folder of the validation images", DatasetError)
    if _contains_any(source):
        return source
    places = list(_candidate_folders(source, DEPTH))
    validation_places = [place for place in places if "val" in place.relative_to(source).as_posix().lower()]
    if len(validation_places or places) == 1:
        return (validation_places or places)[0]
    if not places:
        raise DatasetError(
            f"{source} contains no images and no class folders named like n01440764 or 0 to 999, and neither "
            "do its subfolders: name the folder of the validation images."
        )
    examples = ", ".join(str(place) for place in (validation_places or places)[:5])
    raise DatasetError(f"{source} contains several folders of images ({examples}): name one of them.")


def _contains_any(folder: Path) -> bool:
    return bool(class_folders(folder)) or any(is_image(child.name) for child in folder.iterdir())


def _candidate_folders(folder: Path, depth: int) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not is_hidden(child.name):
            if _contains_any(child):
                yield child
            elif depth > 1:
                yield from _candidate_folders(child, depth - 1)


class Photographs:
    """The files below a folder, indexed by the names that label files use for them."""

    def __init__(self, folder: Path) -> None:
        rawlog.existing_folder(folder, "name the folder of the images", DatasetError)
        self.folder = folder
        self.paths = frozenset(files_below(folder))
        self.by_name: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            name = PurePosixPath(path).name
            self.by_name.setdefault(name, []).append(path)
            if is_image(name):
                self.by_name.setdefault(PurePosixPath(path).stem, []).append(path)

    def named(self, labels: LabelList) -> tuple[dict[str, int], list[LabelEntry], list[str]]:
        """Match the entries of a label file with the files.

        Returns the label of each listed file, in the order of the list, the entries whose file does not exist, and
        notes. Raises DatasetError if a file has two labels.
        """
        entries = [entry for entry in labels.entries if not is_hidden(_path_parts(entry.image)[-1])]
        notes = []
        if hidden_count := len(labels.entries) - len(entries):
            notes.append(f"skipped: {hidden_count} entries for hidden files, which macOS stores beside photographs")
        strip = self._folders_before(entries)
        if strip:
            notes.append(
                f"assumed: the folder {'/'.join(_path_parts(entries[0].image)[:strip])} in the list is {self.folder}"
            )
        entries_by_path: dict[str, LabelEntry] = {}
        missing, repeated = [], 0
        for entry in entries:
            path = self._find(entry, strip, labels.path)
            if path is None:
                missing.append(entry)
                continue
            first = entries_by_path.setdefault(path, entry)
            if first.label != entry.label:
                raise DatasetError(
                    f"{labels.path} has two labels for {path}: {first.label} in line {first.line} and "
                    f"{entry.label} in line {entry.line}."
                )
            repeated += first is not entry
        if repeated:
            notes.append(f"skipped: {repeated} lines that repeat an image with the same label")
        return {path: entry.label for path, entry in entries_by_path.items()}, missing, notes

    def _folders_before(self, entries: list[LabelEntry]) -> int:
        """Return how many leading folders to strip from listed names, such as 1 for `val/a.jpg` in the folder val."""
        max_depth = max((len(_path_parts(entry.image)) for entry in entries), default=1)
        match_counts = [sum(bool(self._candidates(entry, strip)) for entry in entries) for strip in range(max_depth)]
        return match_counts.index(max(match_counts))

    def _candidates(self, entry: LabelEntry, strip: int) -> list[str]:
        """Return the files that a listed name may mean: that path, the same name in other folders, or with a suffix."""
        parts = _path_parts(entry.image)[strip:]
        path = "/".join(parts)
        if not parts or path in self.paths:
            return [path] if parts else []
        folders = parts[:-1]
        same_name = self.by_name.get(parts[-1], [])
        return [
            candidate
            for candidate in same_name
            if not folders or PurePosixPath(candidate).parts[:-1][-len(folders) :] == folders
        ]

    def _find(self, entry: LabelEntry, strip: int, listed: Path) -> str | None:
        candidates = self._candidates(entry, strip)
        if len(candidates) > 1 and entry.label < len(classes.class_table()):
            class_folder_names = {str(entry.label), classes.class_table()[entry.label]["wnid"]}
            candidates = [
                path for path in candidates if class_folder_names & set(PurePosixPath(path).parts[:-1])
            ] or candidates
        if len(candidates) > 1:
            raise DatasetError(
                f"{listed} line {entry.line} names {entry.image}, but several files have that name "
                f"({candidates[0]}, {candidates[1]}): put the folder before the name."
            )
        return candidates[0] if candidates else None


def _path_parts(name: str) -> tuple[str, ...]:
    """Return the folders and the file name of a path as written in a label file, on any system."""
    parts = PurePosixPath(os.path.normpath(name.replace("\\", "/"))).parts
    return tuple(part for part in parts if part not in ("/", "..")) or (name,)
