"""Any labelled folder of images as a dataset; the images stay where they are."""

from __future__ import annotations

from pathlib import Path

from aiot_suite.datasets import classes, labels, store
from aiot_suite.datasets.photographs import Photographs
from aiot_suite.errors import DatasetError


def use(
    folder: Path, source: Path, list_of_labels: Path, *, label_space: str, numbering: str | None = None
) -> store.Dataset:
    """Describe the images of `source` that a file of labels names, see `labels.read`.

    Raises DatasetError if the file is not that or names an image that is not there.
    """
    store.keeps(folder, "aiot dataset use", list_of_labels)
    listed = labels.read(list_of_labels, label_space, numbering)
    images, missing, notes = Photographs(source).named(listed)
    if missing:
        others = f", nor are {len(missing) - 1} more of the list" if len(missing) > 1 else ""
        raise DatasetError(
            f"Image {missing[0].image!r} is not in {source}{others}: check line {missing[0].line} of {list_of_labels}."
        )
    names = {label: row["name"] for label, row in enumerate(classes.class_table())}
    known = names if label_space == classes.IMAGENET else listed.names
    return store.write(
        folder,
        name=folder.name,
        label_space=label_space,
        images=list(images.items()),
        classes={label: known.get(label, str(label)) for label in images.values()},
        made_by={"tool": "aiot dataset use", "source": str(source.resolve())},
        image_folder=source,
        notes=[*listed.notes, *notes],
    )
