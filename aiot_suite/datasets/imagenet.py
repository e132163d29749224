"""Datasets of photographs: a labelled folder, and the paper's sample of ImageNet (Section III-A)."""

from __future__ import annotations

import random
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aiot_suite.datasets import labels, store
from aiot_suite.datasets.classes import IMAGENET, class_table, label_class_folders
from aiot_suite.datasets.labels import Photographs
from aiot_suite.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping


def use_folder(
    folder: Path, source: Path, list_of_labels: Path, *, label_space: str, numbering: str | None = None
) -> store.Dataset:
    """Create a dataset from the images in `source` that a label file lists (see `labels.read`).

    Raises DatasetError if the label file is invalid or lists an image that does not exist.
    """
    store.refuse_overwrite(folder, "aiot dataset use", list_of_labels)
    label_list = labels.read(list_of_labels, label_space, numbering)
    images, missing, notes = Photographs(source).named(label_list)
    if missing:
        others = f" ({len(missing)} listed images are missing)" if len(missing) > 1 else ""
        raise DatasetError(
            f"Image {missing[0].image!r} is not in {source}{others}: check line {missing[0].line} of {list_of_labels}."
        )
    imagenet_names = {label: row["name"] for label, row in enumerate(class_table())}
    class_names = imagenet_names if label_space == IMAGENET else label_list.names
    return store.write(
        folder,
        name=folder.name,
        label_space=label_space,
        images=list(images.items()),
        classes={label: class_names.get(label, str(label)) for label in images.values()},
        made_by={"tool": "aiot dataset use", "source": str(source.resolve())},
        image_folder=source,
        notes=[*label_list.notes, *notes],
    )


LABEL_SPACE = IMAGENET


def sample_imagenet(
    folder: Path,
    source: Path,
    *,
    classes: int = 100,
    per_class: int = 5,
    seed: int = 0,
    ground_truth: Path | None = None,
    numbering: str | None = None,
    progress: store.Progress | None = None,
) -> store.Dataset:
    """Copy a seeded sample of the validation images in `source`, or in a folder below it, into a new dataset.

    ground_truth: the label file of images in a flat folder (see `labels.read`).
    numbering: one of `classes.NUMBERINGS`, which overrides the numbering of classes that is detected in the label
        file or assumed for the names of class folders.
    Raises DatasetError if there are too few classes or images.
    """
    store.refuse_overwrite(folder, "aiot dataset sample", source)
    image_folder = labels.find_image_folder(source)
    notes = [f"assumed: the images are in {image_folder}"] if image_folder != source else []
    label_of, label_notes = (
        _listed(image_folder, ground_truth, numbering) if ground_truth else _class_folders(image_folder, numbering)
    )
    by_label: dict[int, list[str]] = {}
    for path, label in label_of.items():
        by_label.setdefault(label, []).append(path)
    eligible = {label: sorted(paths, key=PurePosixPath) for label, paths in by_label.items() if len(paths) >= per_class}
    if len(eligible) < classes:
        raise DatasetError(
            f"{image_folder} has {len(eligible)} classes with at least {per_class} images, but {classes} were "
            "requested: name the validation folder, or request fewer."
        )
    rng = random.Random(seed)
    chosen = {label: rng.sample(eligible[label], per_class) for label in sorted(rng.sample(sorted(eligible), classes))}
    names = _names(label_of)
    images = [(names[paths[index]], label) for index in range(per_class) for label, paths in chosen.items()]
    store.fresh_folder(folder)
    copied = 0
    for paths in chosen.values():
        for path in paths:
            target = folder / "images" / names[path]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image_folder / path, target)
            copied += 1
            if progress:
                progress(copied, len(images))
    table = class_table()
    return store.write(
        folder,
        name=folder.name,
        label_space=LABEL_SPACE,
        images=images,
        classes={label: table[label]["name"] for label in chosen},
        made_by={"tool": "aiot dataset sample", "seed": seed, "classes": classes, "per_class": per_class},
        notes=[*notes, *label_notes],
    )


def _names(paths: Mapping[str, int]) -> dict[str, str]:
    """Return the name of each file in the dataset: the file name, or, if any two are equal, its path in the folder."""
    file_names = {path: PurePosixPath(path).name for path in paths}
    # some file systems ignore case
    has_duplicates = len({name.casefold() for name in file_names.values()}) < len(file_names)
    return {path: path for path in paths} if has_duplicates else file_names


def _class_folders(folder: Path, numbering: str | None) -> tuple[dict[str, int], list[str]]:
    """Return the label of each image below the class folders, and notes."""
    folders = labels.class_folders(folder)
    if not folders:
        raise DatasetError(
            f"{folder} contains no class folders named like n01440764 or 0 to 999: name the folder that "
            "contains them, or use --ground-truth if the images are not in class folders."
        )
    label_of, notes = label_class_folders(folder, list(folders), numbering)
    others = sorted(
        subfolder.name
        for subfolder in folder.iterdir()
        if subfolder.is_dir() and subfolder.name not in folders and not labels.is_hidden(subfolder.name)
    )
    if others:
        notes.append(f"skipped: {len(others)} folders that are not classes, for example {others[0]}")
    if hidden := sum(1 for path in folders.values() for _ in path.rglob("._*")):
        notes.append(f"skipped: {hidden} hidden files (._*), which macOS stores beside photographs")
    images = {
        f"{name}/{path}": label_of[name]
        for name in sorted(folders)
        for path in labels.files_below(folders[name])
        if labels.is_image(PurePosixPath(path).name)
    }
    return images, notes


def _listed(folder: Path, ground_truth: Path, numbering: str | None) -> tuple[dict[str, int], list[str]]:
    """Return the label of each image in the folder that a label file lists, and notes."""
    label_list = labels.read(ground_truth, LABEL_SPACE, numbering)
    image_files = labels.Photographs(folder)
    images, missing, notes = image_files.named(label_list)
    if missing and not images:
        raise DatasetError(
            f"{folder} contains none of the {len(missing)} images that {ground_truth} lists, the first of "
            f"which is {missing[0].image}: name the folder of the images."
        )
    if missing:
        notes.append(
            f"skipped: {len(missing)} listed images that are not in the folder, for example {missing[0].image}"
        )
    unlisted = sorted(path for path in image_files.paths if path not in images and labels.is_image(path.split("/")[-1]))
    if unlisted:
        notes.append(f"skipped: {len(unlisted)} images in the folder that are not listed, for example {unlisted[0]}")
    return images, [*label_list.notes, *notes]
