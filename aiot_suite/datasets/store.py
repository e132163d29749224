"""A labelled set of images on disk.

<folder>/dataset.json   name, label space, number of images and classes, SHA-256, how it was made,
                        notes on what was assumed
         labels.csv     image,label    one line an image, in the order of the queries
         classes.csv    label,name
         images/        the files, by the names in labels.csv (or wherever dataset.json says)
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from aiot_suite.datasets.classes import outside, span
from aiot_suite.errors import DatasetError
from aiot_suite.workspace import sha256_of
from runner.rawlog import utc_now

Progress = Callable[[int, int], None]
"""Called with what is done and how many there are."""


@dataclass(frozen=True)
class Dataset:
    """A labelled set of images.

    label_space names what the label numbers mean: models and datasets only go together if theirs agree.
    """

    folder: Path
    name: str
    label_space: str
    sha256: str  # over the names, labels and bytes of all images
    images: tuple[tuple[str, int], ...]  # name, label
    image_folder: Path
    classes: dict[int, str]
    notes: tuple[str, ...] = ()  # what was assumed or left out: for whoever knows the images

    def path(self, image: str) -> Path:
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
    """Describe images that are in place (in `folder/images`, or in `image_folder` outside) as a dataset.

    notes: what was assumed, or left out, in finding out which image is of which class.
    Raises DatasetError if there is no image or one is missing, is there twice, or has a label that is none.
    """
    if not images:
        raise DatasetError(f"Dataset {name!r} would hold no image: check the folder and the labels.")
    if fault := _fault(images, label_space):
        raise DatasetError(f"Dataset {name!r} would hold {fault}: check the labels.")
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
    noticed = [*_same_content(by_content), *_unreadable(unreadable)]
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
        "notes": [*notes, *noticed],
        "made": utc_now(),
    }
    # Written last: a folder without it is an unfinished dataset.
    (folder / "dataset.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return load(folder)


def load(folder: Path) -> Dataset:
    """The dataset of a folder; raises DatasetError if there is none or it is damaged."""
    try:
        record = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        images = [(row["image"], int(row["label"])) for row in _read_csv(folder / "labels.csv")]
        classes = {int(row["label"]): row["name"] for row in _read_csv(folder / "classes.csv")}
        if fault := _fault(images, record["label_space"]):
            raise ValueError(fault)
        return Dataset(
            folder=folder,
            name=record["name"],
            label_space=record["label_space"],
            sha256=record["sha256"],
            images=tuple(images),
            image_folder=folder / record["image_folder"],
            classes=classes,
            notes=tuple(record.get("notes", ())),
        )
    except FileNotFoundError as error:
        raise DatasetError(
            f"There is no dataset in {folder} ({error.filename} is missing): run `aiot dataset make`."
        ) from None
    except (KeyError, ValueError) as error:
        raise DatasetError(
            f"The dataset in {folder} is damaged ({error!r}): delete the folder and make it again."
        ) from None


def made_by(folder: Path) -> dict[str, object]:
    """How the dataset of a folder was made."""
    record: dict[str, object] = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["made_by"]
    return record


def subset(dataset: Dataset, at_most: int | None, seed: int) -> list[tuple[str, int]]:
    """All images in query order, or `at_most` of them drawn with a seed, in the same order."""
    images = list(dataset.images)
    if at_most is None or at_most >= len(images):
        return images
    return [images[number] for number in sorted(random.Random(seed).sample(range(len(images)), at_most))]


def _fault(images: Sequence[tuple[str, int]], label_space: str) -> str | None:
    """What no dataset may hold: an image twice, or a label that is none of the label space."""
    seen: dict[str, int] = {}
    for image, label in images:
        if outside(label, label_space):
            return f"label {label} (of {image}), and {span(label_space)}"
        if image in seen:
            return f"{image} twice, with the labels {seen[image]} and {label}"
        seen[image] = label
    return None


def _same_content(by_content: Mapping[str, list[tuple[str, int]]]) -> list[str]:
    """A remark about files that are equal and have different labels."""
    pairs = [found for found in by_content.values() if len({label for _, label in found}) > 1]
    if not pairs:
        return []
    (one, label), (other, another) = next((a, b) for a, b in combinations(pairs[0], 2) if a[1] != b[1])
    return [
        f"images that are there again with another label: {len(pairs)}, like {one} ({label}) and {other} ({another})"
    ]


def _unreadable(images: Sequence[str]) -> list[str]:
    return [f"files that are no images that can be read: {len(images)}, like {images[0]}"] if images else []


def _has_header(path: Path) -> bool:
    """Whether a file begins as an image does."""
    from PIL import Image

    try:
        with Image.open(path):
            return True
    except Exception:  # whatever a plug-in of Pillow raises
        return False


def keeps(folder: Path, tool: str, source: Path) -> None:
    """Raise DatasetError if a dataset that `tool` makes of `source` in `folder` would overwrite anything else."""
    if not folder.exists():
        return
    if folder.resolve() in [source.resolve(), *source.resolve().parents]:
        raise DatasetError(f"{source} is in {folder}, which would be written anew: choose another --name.")
    others = sorted({one.name for one in folder.iterdir()} - {"images", "labels.csv", "classes.csv", "dataset.json"})
    if (folder / "dataset.json").is_file():
        try:
            there = str(made_by(folder)["tool"])
        except (ValueError, KeyError, TypeError):
            there = tool  # damaged: made again
        if there != tool:
            raise DatasetError(f"{folder} holds a dataset that `{there}` made: choose another --name, or delete it.")
    elif others:
        raise DatasetError(f"{folder} is there and no dataset (it holds {others[0]}): choose another --name.")


def fresh_folder(folder: Path) -> Path:
    """The folder, emptied if an unfinished dataset is in it."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "images").mkdir(parents=True)
    return folder


def _read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
