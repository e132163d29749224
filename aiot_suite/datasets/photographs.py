"""Image files on disk: finding the folder that contains them, and matching them with the entries of a label file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from aiot_suite.datasets import classes
from aiot_suite.datasets.labels import IMAGE_SUFFIXES, LabelEntry, LabelList
from aiot_suite.errors import DatasetError

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
    if not source.is_dir():
        raise DatasetError(f"{source} is not a folder: name the folder of the validation images.")
    if _holds(source):
        return source
    places = list(_places(source, DEPTH))
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


def _holds(folder: Path) -> bool:
    return bool(class_folders(folder)) or any(is_image(child.name) for child in folder.iterdir())


def _places(folder: Path, depth: int) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not is_hidden(child.name):
            if _holds(child):
                yield child
            elif depth > 1:
                yield from _places(child, depth - 1)


class Photographs:
    """The files below a folder, indexed by the names that label files use for them."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{folder} is not a folder: name the folder of the images.")
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
        entries = [entry for entry in labels.entries if not is_hidden(_parts(entry.image)[-1])]
        notes = []
        if hidden_count := len(labels.entries) - len(entries):
            notes.append(f"skipped: {hidden_count} entries for hidden files, which macOS stores beside photographs")
        strip = self._folders_before(entries)
        if strip:
            notes.append(
                f"assumed: the folder {'/'.join(_parts(entries[0].image)[:strip])} in the list is {self.folder}"
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
        max_depth = max((len(_parts(entry.image)) for entry in entries), default=1)
        match_counts = [sum(bool(self._candidates(entry, strip)) for entry in entries) for strip in range(max_depth)]
        return match_counts.index(max(match_counts))

    def _candidates(self, entry: LabelEntry, strip: int) -> list[str]:
        """Return the files that a listed name may mean: that path, the same name in other folders, or with a suffix."""
        parts = _parts(entry.image)[strip:]
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


def _parts(name: str) -> tuple[str, ...]:
    """Return the folders and the file name of a path as written in a label file, on any system."""
    parts = PurePosixPath(os.path.normpath(name.replace("\\", "/"))).parts
    return tuple(part for part in parts if part not in ("/", "..")) or (name,)
