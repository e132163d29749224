"""Any labelled folder of images as a dataset; the images stay where they are."""

from __future__ import annotations

import csv
from pathlib import Path

from runner.dataset import store
from runner.errors import DatasetError


def use(folder: Path, source: Path, labels: Path, *, label_space: str) -> store.Dataset:
    """Describes the images of `source` that `labels` names.

    labels: a CSV with a header; the first column is the image's path below `source`, the second its
    label (a number of the label space); a third, if there, the name of the class.
    Raises DatasetError if the file is not that or names an image that is not there.
    """
    images: list[tuple[str, int]] = []
    classes: dict[int, str] = {}
    try:
        with labels.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{labels} cannot be read as CSV ({error}).") from None
    for number, row in enumerate(rows[1:], 2):
        if len(row) < 2 or not row[1].strip().lstrip("-").isdigit():
            raise DatasetError(
                f"{labels} line {number} is {','.join(row)!r}: columns are image, label (a number) and name."
            )
        label = int(row[1])
        images.append((row[0], label))
        classes.setdefault(label, row[2] if len(row) > 2 else str(label))
    folder.mkdir(parents=True, exist_ok=True)
    return store.write(
        folder,
        name=folder.name,
        label_space=label_space,
        images=images,
        classes=classes,
        made_by={"tool": "aiot dataset use", "source": str(source.resolve())},
        image_folder=source,
    )
