"""The paper's dataset: 100 random classes x 5 images of the ILSVRC 2012 validation set (Section III-A).

The validation images come in one of two ways, and people who have them have either:
class folders (`val/n01440764/ILSVRC2012_val_00000293.JPEG`), or flat with a ground-truth file.
"""

from __future__ import annotations

import csv
import random
import shutil
from importlib import resources
from pathlib import Path

from runner.dataset import store
from runner.errors import DatasetError

LABEL_SPACE = "imagenet-1000"
SUFFIXES = {".jpeg", ".jpg", ".png"}


def class_table() -> list[dict[str, str]]:
    """The 1000 classes in the order of their label: label, wnid, name."""
    text = resources.files("runner.dataset").joinpath("imagenet_classes.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def sample(
    folder: Path,
    source: Path,
    *,
    classes: int = 100,
    per_class: int = 5,
    seed: int = 0,
    ground_truth: Path | None = None,
    progress: store.Progress | None = None,
) -> store.Dataset:
    """Copies a seeded sample of the validation images in `source` into a dataset.

    ground_truth: for flat images, a file of `<file name> <label 0..999>` lines.
    Raises DatasetError if there are too few classes or images.
    """
    by_label = _flat(source, ground_truth) if ground_truth else _class_folders(source)
    enough = {label: files for label, files in by_label.items() if len(files) >= per_class}
    if len(enough) < classes:
        raise DatasetError(
            f"{source} has {len(enough)} classes of at least {per_class} images, {classes} were asked for: "
            "name the validation folder, or ask for fewer."
        )
    rng = random.Random(seed)
    chosen = {
        label: rng.sample(sorted(enough[label]), per_class) for label in sorted(rng.sample(sorted(enough), classes))
    }
    images = [(files[number].name, label) for number in range(per_class) for label, files in chosen.items()]
    store.fresh_folder(folder)
    done = 0
    for files in chosen.values():
        for file in files:
            shutil.copyfile(file, folder / "images" / file.name)
            done += 1
            if progress:
                progress(done, len(images))
    names = [row["name"] for row in class_table()]
    return store.write(
        folder,
        name=folder.name,
        label_space=LABEL_SPACE,
        images=images,
        classes={label: names[label] for label in chosen},
        made_by={"tool": "aiot dataset sample", "seed": seed, "classes": classes, "per_class": per_class},
    )


def _class_folders(source: Path) -> dict[int, list[Path]]:
    labels = {row["wnid"]: int(row["label"]) for row in class_table()}
    folders = [folder for folder in source.iterdir() if folder.name in labels] if source.is_dir() else []
    if not folders:
        raise DatasetError(
            f"{source} has no class folder like n01440764: name the folder that holds them, "
            "or give --ground-truth for flat images."
        )
    return {
        labels[folder.name]: [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES]
        for folder in folders
    }


def _flat(source: Path, ground_truth: Path) -> dict[int, list[Path]]:
    try:
        lines = [line.split() for line in ground_truth.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{ground_truth} cannot be read ({error}): give the ground-truth file.") from None
    if lines and all(len(line) == 1 for line in lines):
        order = _devkit_order(ground_truth)
        lines = [
            [f"ILSVRC2012_val_{number:08d}.JPEG", str(order.get(line[0], line[0]))]
            for number, line in enumerate(lines, 1)
        ]
    by_label: dict[int, list[Path]] = {}
    for number, line in enumerate(lines, 1):
        if len(line) != 2 or not line[1].isdigit() or int(line[1]) > 999:
            raise DatasetError(
                f"{ground_truth} line {number} is {' '.join(line)!r}: lines are `<file name> <label 0 to 999>`, "
                "or one number of the ILSVRC 2012 development kit each."
            )
        if (source / line[0]).is_file():
            by_label.setdefault(int(line[1]), []).append(source / line[0])
    return by_label


def _devkit_order(ground_truth: Path) -> dict[str, int]:
    """Label of every class number of the development kit, which counts the classes in an order of its own.

    The order is in meta.mat, beside the ground truth in the kit's folder `data`.
    """
    from scipy.io import loadmat

    meta = ground_truth.with_name("meta.mat")
    try:
        synsets = loadmat(meta, squeeze_me=True)["synsets"]
    except (OSError, ValueError, KeyError):
        raise DatasetError(
            f"{ground_truth} holds the development kit's class numbers, and {meta} that explains them "
            "is not there or damaged: keep both files together."
        ) from None
    labels = {row["wnid"]: int(row["label"]) for row in class_table()}
    return {str(row["ILSVRC2012_ID"]): labels[str(row["WNID"])] for row in synsets if str(row["WNID"]) in labels}
