"""Image files on a disk: which folder holds them, and which of them a file of labels means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from aiot_suite.datasets import classes
from aiot_suite.datasets.labels import IMAGE_SUFFIXES, Entry, LabelList
from aiot_suite.errors import DatasetError

DEPTH = 4  # folders below the one that is named, as Kaggle's ILSVRC/Data/CLS-LOC/val


def is_hidden(name: str) -> bool:
    """Return whether a name is none of a photograph: macOS keeps `._name` beside each on other file systems."""
    return name.startswith(".") or name == "__MACOSX"


def is_image(name: str) -> bool:
    """Return whether a file may be a photograph by its name."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not is_hidden(name)


def files_below(folder: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder that are not hidden, in the order of their names."""
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        below = Path(where).relative_to(folder)
        yield from ((below / name).as_posix() for name in sorted(files) if not is_hidden(name))


def class_folders(folder: Path) -> dict[str, Path]:
    """Return the subfolders that are named after a class: by WordNet id, else by number as ImageNetV2 has them."""
    subfolders = {one.name: one for one in folder.iterdir() if one.is_dir() and not is_hidden(one.name)}
    by_wnid = {name: path for name, path in subfolders.items() if name in classes.label_of_wnid()}
    return by_wnid or {name: path for name, path in subfolders.items() if name.isascii() and name.isdigit()}


def holding(source: Path) -> Path:
    """Return the folder that holds images or class folders: `source`, or the validation folder below it.

    Raises DatasetError if there is none, or several.
    """
    if not source.is_dir():
        raise DatasetError(f"{source} is no folder: name the folder of the validation images.")
    if _holds(source):
        return source
    places = list(_places(source, DEPTH))
    of_validation = [place for place in places if "val" in place.relative_to(source).as_posix().lower()]
    if len(of_validation or places) == 1:
        return (of_validation or places)[0]
    if not places:
        raise DatasetError(
            f"{source} has no class folder like n01440764 or 0 to 999 and no image, nor has a folder below it: "
            "name the folder of the validation images."
        )
    named = ", ".join(str(place) for place in (of_validation or places)[:5])
    raise DatasetError(f"{source} has several folders of images ({named}): name one of them.")


def _holds(folder: Path) -> bool:
    return bool(class_folders(folder)) or any(is_image(one.name) for one in folder.iterdir())


def _places(folder: Path, depth: int) -> Iterator[Path]:
    for one in sorted(folder.iterdir()):
        if one.is_dir() and not is_hidden(one.name):
            if _holds(one):
                yield one
            elif depth > 1:
                yield from _places(one, depth - 1)


class Photographs:
    """The files below a folder, by the names under which files of labels know them."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{folder} is no folder: name the folder of the images.")
        self.folder = folder
        self.paths = frozenset(files_below(folder))
        self.by_name: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            name = PurePosixPath(path).name
            self.by_name.setdefault(name, []).append(path)
            if is_image(name):
                self.by_name.setdefault(PurePosixPath(path).stem, []).append(path)

    def named(self, labels: LabelList) -> tuple[dict[str, int], list[Entry], list[str]]:
        """Return the label of each file that is listed, in the order of the list.

        Also the entries whose file is not there, and notes. Raises DatasetError if a file has two labels.
        """
        entries = [entry for entry in labels.entries if not is_hidden(_parts(entry.image)[-1])]
        notes = []
        if left := len(labels.entries) - len(entries):
            notes.append(f"left out: {left} entries for hidden files, which macOS keeps beside photographs")
        strip = self._folders_before(entries)
        if strip:
            notes.append(f"assumed: the list's folder {'/'.join(_parts(entries[0].image)[:strip])} is {self.folder}")
        found: dict[str, Entry] = {}
        missing, again = [], 0
        for entry in entries:
            path = self._find(entry, strip, labels.path)
            if path is None:
                missing.append(entry)
                continue
            first = found.setdefault(path, entry)
            if first.label != entry.label:
                raise DatasetError(
                    f"{labels.path} has two labels for {path}: {first.label} in line {first.line} and {entry.label} in "
                    f"line {entry.line}."
                )
            again += first is not entry
        if again:
            notes.append(f"left out: {again} lines that list an image again, with the same label")
        return {path: entry.label for path, entry in found.items()}, missing, notes

    def _folders_before(self, entries: list[Entry]) -> int:
        """How many leading folders of the listed names are none below this folder: `val/a.jpg` in the folder val."""
        deepest = max((len(_parts(entry.image)) for entry in entries), default=1)
        hits = [sum(bool(self._candidates(entry, strip)) for entry in entries) for strip in range(deepest)]
        return hits.index(max(hits))

    def _candidates(self, entry: Entry, strip: int) -> list[str]:
        """The files that a listed name may mean: as it is, or below further folders, or with a suffix."""
        parts = _parts(entry.image)[strip:]
        path = "/".join(parts)
        if not parts or path in self.paths:
            return [path] if parts else []
        folders = parts[:-1]
        named = self.by_name.get(parts[-1], [])
        return [one for one in named if not folders or PurePosixPath(one).parts[:-1][-len(folders) :] == folders]

    def _find(self, entry: Entry, strip: int, listed: Path) -> str | None:
        known = self._candidates(entry, strip)
        if len(known) > 1 and entry.label < len(classes.class_table()):
            of_class = {str(entry.label), classes.class_table()[entry.label]["wnid"]}
            known = [path for path in known if of_class & set(PurePosixPath(path).parts[:-1])] or known
        if len(known) > 1:
            raise DatasetError(
                f"{listed} line {entry.line} names {entry.image}, and several files have that name ({known[0]}, "
                f"{known[1]}): write the folder before the name."
            )
        return known[0] if known else None


def _parts(name: str) -> tuple[str, ...]:
    """The folders and the name of a path as files of labels write it, on any system."""
    parts = PurePosixPath(os.path.normpath(name.replace("\\", "/"))).parts
    return tuple(part for part in parts if part not in ("/", "..")) or (name,)
