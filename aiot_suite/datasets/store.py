"""Storage of datasets, which are labelled sets of images, on disk.

<folder>/dataset.json   name, label space, number of images and classes, SHA-256, how it was made,
                        notes about what was assumed
         labels.csv     image,label    one line per image, in query order
         classes.csv    label,name
         images/        the files named in labels.csv (or in the folder that dataset.json names)
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import random
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from aiot_suite.datasets.classes import describe_range, is_outside
from aiot_suite.errors import DatasetError
from aiot_suite.workspace import sha256_of
from runner import rawlog
from runner.rawlog import replace_text, utc_now

if TYPE_CHECKING:
    from pathlib import Path

Progress = Callable[[int, int], None]
"""Progress callback, called with the number of items done and the total."""


@dataclass(frozen=True)
class Dataset:
    """A labelled set of images.

    label_space names the meaning of the label numbers: a model can only be used with datasets of its label space.
    """

    folder: Path
    name: str
    label_space: str
    sha256: str  # over the names, labels and bytes of all images
    images: tuple[tuple[str, int], ...]  # name, label
    image_folder: Path
    classes: dict[int, str]
    notes: tuple[str, ...] = ()  # what was assumed or ignored, for the owner of the images

    def path(self, image: str) -> Path:
        """Return the path of an image given by its name."""
        return self.image_folder / image


def write(
    folder: Path,
    *,
    name: str,
    label_space: str,
    images: Sequence[tuple[str, int]],
    classes: Mapping[int, str],
    made_by: Mapping[str, object],
    image_folder: Path | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """Write the description of a dataset whose images exist in `folder/images`, or outside in `image_folder`.

    notes: what was assumed or ignored when assigning classes to images.
    Raises DatasetError if there are no images, or if an image is missing, listed twice or has an invalid label.
    """
    if not images:
        raise DatasetError(f"Dataset {name!r} would contain no images: check the folder and the labels.")
    if fault := _find_fault(images, label_space):
        raise DatasetError(f"Dataset {name!r} would contain {fault}: check the labels.")
    where = image_folder or folder / "images"
    digest = hashlib.sha256()
    by_content: dict[str, list[tuple[str, int]]] = {}
    for image, label in images:
        if not (where / image).is_file():
            raise DatasetError(f"Image {image!r} is not in {where}: check the labels.")
        content = sha256_of(where / image)
        digest.update(f"{image},{label},{content}\n".encode())
        by_content.setdefault(content, []).append((image, label))
    unreadable = [image for image, _ in images if not _has_header(where / image)]
    content_notes = [*_note_same_content(by_content), *_unreadable(unreadable)]
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / "labels.csv", ("image", "label"), images)
    _write_csv(folder / "classes.csv", ("label", "name"), sorted(classes.items()))
    record = {
        "name": name,
        "label_space": label_space,
        "images": len(images),
        "classes": len({label for _, label in images}),
        "sha256": digest.hexdigest(),
        "image_folder": str(image_folder.resolve()) if image_folder else "images",
        "made_by": dict(made_by),
        "notes": [*notes, *content_notes],
        "made": utc_now(),
    }
    # Written last, so that a folder without it is an unfinished dataset.
    replace_text(folder / "dataset.json", json.dumps(record, indent=1) + "\n")
    return load(folder)


def load(folder: Path) -> Dataset:
    """Load the dataset in a folder; raises DatasetError if it does not exist or is damaged."""
    try:
        record = _read_record(folder)
        if not re.fullmatch("[0-9a-f]{64}", record["sha256"]):
            raise ValueError(f"sha256 {record['sha256'][:80]!r}")
        images = [(row["image"], int(row["label"])) for row in _read_csv(folder / "labels.csv")]
        classes = {int(row["label"]): row["name"] for row in _read_csv(folder / "classes.csv")}
        if fault := _find_fault(images, record["label_space"]):
            raise ValueError(fault)
        return Dataset(
            folder=folder,
            name=record["name"],
            label_space=record["label_space"],
            sha256=record["sha256"],
            images=tuple(images),
            image_folder=_image_folder(folder, record["image_folder"]),
            classes=classes,
            notes=tuple(record.get("notes", ())),
        )
    except FileNotFoundError as error:
        raise DatasetError(
            f"There is no dataset in {folder} ({error.filename} is missing): run `aiot dataset make`."
        ) from None
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error, rawlog.RawLogError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise DatasetError(
            f"The dataset in {folder} is damaged ({reason}): delete the folder and make it again."
        ) from None


def read_origin(folder: Path) -> dict[str, object]:
    """Return the record of how the dataset in a folder was made."""
    record: dict[str, object] = _read_record(folder)["made_by"]
    return record


def _read_record(folder: Path) -> dict[str, Any]:
    """Return the content of dataset.json; raises ValueError if it is not an object."""
    path = folder / "dataset.json"
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    record = rawlog.parse(rawlog.read_bytes(path, rawlog.RECORD_LIMIT_BYTES))
    if not isinstance(record, dict):
        raise ValueError("dataset.json is not a JSON object")
    return record


def _image_folder(folder: Path, stated: str) -> Path:
    """Return the folder of the images: one in the dataset's own folder, or the absolute path of the user's folder."""
    fault = rawlog.name_fault(stated.lstrip("/") if stated.startswith("/") else stated, subfolders=True)
    if fault:
        raise ValueError(f"image_folder {stated!a}: {fault}")
    return folder / stated


def subset(dataset: Dataset, at_most: int | None, seed: int) -> list[tuple[str, int]]:
    """Return all images in query order, or a seeded random selection of `at_most` images in the same order."""
    images = list(dataset.images)
    if at_most is None or at_most >= len(images):
        return images
    return [images[index] for index in sorted(random.Random(seed).sample(range(len(images)), at_most))]


def _find_fault(images: Sequence[tuple[str, int]], label_space: str) -> str | None:
    """Return a description of the first duplicate image or label outside the label space, or None."""
    label_by_image: dict[str, int] = {}
    for image, label in images:
        if fault := rawlog.name_fault(image, subfolders=True):
            return f"the image name {image!a} ({fault})"
        if is_outside(label, label_space):
            return f"label {label} (of {image}), but {describe_range(label_space)}"
        if image in label_by_image:
            return f"{image} twice, with the labels {label_by_image[image]} and {label}"
        label_by_image[image] = label
    return None


def _note_same_content(by_content: Mapping[str, list[tuple[str, int]]]) -> list[str]:
    """Return a note about files with equal content but different labels, if there are any."""
    pairs = [images for images in by_content.values() if len({label for _, label in images}) > 1]
    if not pairs:
        return []
    (first_image, label), (second_image, second_label) = next(
        (first, second) for first, second in combinations(pairs[0], 2) if first[1] != second[1]
    )
    return [
        (
            f"images that occur again with a different label: {len(pairs)}, for example {first_image} "
            f"({label}) and {second_image} ({second_label})"
        )
    ]


def _unreadable(images: Sequence[str]) -> list[str]:
    return [f"files that cannot be read as images: {len(images)}, for example {images[0]}"] if images else []


def _has_header(path: Path) -> bool:
    """Return whether a file starts with the header of an image."""
    from PIL import Image

    try:
        with Image.open(path):
            return True
    except Exception:  # Pillow's plugins may raise anything
        return False


def refuse_overwrite(folder: Path, tool: str, source: Path) -> None:
    """Raise DatasetError if a dataset made by `tool` from `source` would overwrite something else in `folder`."""
    if not folder.exists():
        return
    if folder.resolve() in [source.resolve(), *source.resolve().parents]:
        raise DatasetError(f"{source} is in {folder}, which would be overwritten: choose another --name.")
    others = sorted(
        {child.name for child in folder.iterdir()} - {"images", "labels.csv", "classes.csv", "dataset.json"}
    )
    if (folder / "dataset.json").is_file():
        try:
            existing_tool = str(read_origin(folder)["tool"])
        except (ValueError, KeyError, TypeError):
            existing_tool = tool  # damaged: may be overwritten
        if existing_tool != tool:
            raise DatasetError(
                f"{folder} contains a dataset made by `{existing_tool}`: choose another --name, or delete the folder."
            )
    elif others:
        raise DatasetError(
            f"{folder} already exists and is not a dataset (it contains {others[0]}): choose another --name."
        )


def fresh_folder(folder: Path) -> Path:
    """Create an empty dataset folder, deleting its previous content, and return it."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "images").mkdir(parents=True)
    return folder


def _read_csv(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    text = rawlog.read_bytes(path).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
