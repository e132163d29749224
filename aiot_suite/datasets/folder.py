"""Datasets from any labelled folder of images, which stay in place."""

from __future__ import annotations

from pathlib import Path

from aiot_suite.datasets import classes, labels, store
from aiot_suite.datasets.photographs import Photographs
from aiot_suite.errors import DatasetError


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
    imagenet_names = {label: row["name"] for label, row in enumerate(classes.class_table())}
    class_names = imagenet_names if label_space == classes.IMAGENET else label_list.names
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
