"""Images that the ranges of 8-bit activations are taken from, and how they are kept apart from the test images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiot_suite.convert.inputs import inputs_of, sample_pictures
from aiot_suite.datasets import store
from aiot_suite.datasets.store import Dataset, subset
from aiot_suite.errors import DatasetError, ModelError
from aiot_suite.facts import Artifact, Calibrated, Settings
from aiot_suite.workspace import sha256_of

QUANTIZATIONS = ("int8",)
"""Those that need calibration: their activations have a range that is fixed before an image is seen."""

DRAWN_IMAGES = 100
MOST_IMAGES = 500
"""Images of a dataset that are used at most; of more, so many are drawn. TFLite's documentation advises 100 to 500."""

_DRAWN = "drawn"


@dataclass(frozen=True)
class Calibration:
    """Images to calibrate with: files of a dataset, or drawn pictures like those of the sample set's training part."""

    name: str
    files: tuple[Path, ...] = ()
    dataset_sha256: str = ""

    @property
    def key(self) -> str:
        """Changes when the images do."""
        return self.record().key if self.files else _DRAWN

    def record(self) -> Calibrated:
        """Describe the images for the record of a model file."""
        if self.files:
            hashes = [sha256_of(file) for file in self.files]
            return Calibrated(self.name, self.dataset_sha256, len(hashes), tuple(hashes))
        hashes = [hashlib.sha256(picture).hexdigest() for picture in sample_pictures(DRAWN_IMAGES)]
        return Calibrated(self.name, hashlib.sha256("".join(hashes).encode()).hexdigest(), len(hashes), tuple(hashes))

    def inputs(self, settings: Settings) -> Iterator[np.ndarray]:
        """Yield float32 tensors of shape (1, ...), as the settings say.

        Raises ModelError for an image that cannot be read.
        """
        if not self.files:
            yield from inputs_of(settings, sample_pictures(DRAWN_IMAGES))
        for file in self.files:
            try:
                yield from inputs_of(settings, [file.read_bytes()])
            except (OSError, ValueError) as error:
                raise ModelError(
                    f"{file} of dataset {self.name} cannot be decoded ({error}): take it out of the dataset."
                ) from None


DRAWN = Calibration("drawn sample pictures")


def of_dataset(dataset: Dataset) -> Calibration:
    """Calibrate with the images of a dataset; raises ModelError if one of them is not there."""
    files = tuple(dataset.path(name) for name, _ in subset(dataset, MOST_IMAGES, 0))
    if gone := [file for file in files if not file.is_file()]:
        raise ModelError(f"{gone[0]} of dataset {dataset.name} is gone: make the dataset again.")
    return Calibration(dataset.name, files, dataset.sha256)


def needed(artifact: str, weights: str) -> str:
    """Say that a model file cannot be made without calibration images, and how to name some."""
    return (
        f"{artifact} (weights {weights}) needs images to be calibrated with, like those the network is for and other "
        "than those it is tested with: name a dataset with --calibration (`aiot dataset use` makes one of a folder), "
        "or leave it out with `--quantizations float32,dynamic,float16`."
    )


def shared_images(calibrated: Calibrated, dataset: Dataset) -> int:
    """Count the images of a dataset that are also among the calibration images, by the content of their files."""
    known = set(calibrated.image_sha256)
    files = (dataset.path(name) for name, _ in dataset.images)
    return sum(sha256_of(file) in known for file in files if file.is_file())


def sharing(calibrated: Calibrated, datasets: Path) -> Iterator[tuple[str, int]]:
    """Name the other datasets of a folder that have some of the calibration images, with how many."""
    for file in sorted(datasets.glob("*/dataset.json")):
        if file.parent.name == calibrated.dataset:
            continue
        try:
            dataset = store.load(file.parent)
        except DatasetError:
            continue
        if count := shared_images(calibrated, dataset):
            yield dataset.name, count


def overlap(artifact: Artifact, dataset: Dataset) -> str | None:
    """Say why a dataset cannot test a model file, because the file was calibrated with images of it; None if it can."""
    count = shared_images(artifact.calibrated, dataset) if artifact.calibrated else 0
    if not artifact.calibrated or not count:
        return None
    return (
        f"it was calibrated with {count} of the {len(dataset.images)} images of dataset {dataset.name} "
        f"(--calibration {artifact.calibrated.dataset})"
    )


REMEDY = "choose other images with --dataset, or calibrate with others: `aiot models prepare --calibration DATASET`"
