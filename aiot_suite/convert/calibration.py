"""Input tensors of pictures, and the images that calibrate 8-bit activations, which must not be test images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from aiot_suite.datasets import store
from aiot_suite.datasets.sample import CLASS_NAMES, draw_jpeg
from aiot_suite.datasets.store import Dataset, subset
from aiot_suite.errors import DatasetError, ModelError
from aiot_suite.facts import Artifact, Calibrated, Settings
from aiot_suite.preprocess import Preprocess, decode
from aiot_suite.workspace import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import torch

BATCH = 25  # pictures; divides 100, the number of classes


def inputs_of(settings: Settings, pictures: Iterable[bytes]) -> Iterator[np.ndarray]:
    """Yield the float32 input tensor, of shape (1, ...), of each image file given as bytes."""
    preprocess = Preprocess.of(settings.record())
    for picture in pictures:
        yield preprocess(decode(picture)).copy()


def sample_pictures(count: int, part: str = "train", seed: int = 0) -> Iterator[bytes]:
    """Yield pictures like those of the sample set as JPEG bytes; picture n belongs to class n modulo 100.

    The pictures are drawn on demand, so no dataset needs to exist.
    """
    for number in range(count):
        yield draw_jpeg(number % len(CLASS_NAMES), number // len(CLASS_NAMES), part, seed)


def sample_inputs(settings: Settings, count: int, part: str = "train", seed: int = 0) -> Iterator[np.ndarray]:
    """Yield the input tensors of `count` pictures of `sample_pictures`."""
    return inputs_of(settings, sample_pictures(count, part, seed))


def sample_batches(settings: Settings, per_class: int, part: str = "train", seed: int = 0) -> Iterator[torch.Tensor]:
    """Yield input tensors of shape (BATCH, ...), for `per_class` pictures of each of the 100 classes."""
    import torch

    inputs = sample_inputs(settings, per_class * len(CLASS_NAMES), part, seed)
    while batch := list(islice(inputs, BATCH)):
        yield torch.from_numpy(np.concatenate(batch))


QUANTIZATIONS = ("int8",)
"""Quantizations that need calibration, because the ranges of their activations are fixed at conversion."""

DRAWN_IMAGES = 100
"""Number of drawn pictures used for calibration."""

MOST_IMAGES = 500
"""Maximum number of images used from a dataset; larger ones are sampled. TFLite's documentation advises 100 to 500."""

_DRAWN = "drawn"


@cache
def _drawn_pictures() -> tuple[bytes, ...]:
    return tuple(sample_pictures(DRAWN_IMAGES))


@dataclass(frozen=True)
class Calibration:
    """Calibration images: files of a dataset, or pictures drawn as for the training part of the sample set."""

    name: str
    files: tuple[Path, ...] = ()
    dataset_sha256: str = ""

    @property
    def key(self) -> str:
        """Identifier of the set of images; changes when the images change."""
        return self.record().key if self.files else _DRAWN

    def record(self) -> Calibrated:
        """Return a description of the images, to be stored with a model file."""
        if self.files:
            hashes = [sha256_of(file) for file in self.files]
            return Calibrated(self.name, self.dataset_sha256, len(hashes), tuple(hashes))
        hashes = [hashlib.sha256(picture).hexdigest() for picture in _drawn_pictures()]
        return Calibrated(self.name, hashlib.sha256("".join(hashes).encode()).hexdigest(), len(hashes), tuple(hashes))

    def inputs(self, settings: Settings) -> Iterator[np.ndarray]:
        """Yield the preprocessed images as float32 tensors of shape (1, ...).

        Raises ModelError for an image that cannot be read.
        """
        if not self.files:
            yield from inputs_of(settings, _drawn_pictures())
        for file in self.files:
            try:
                yield from inputs_of(settings, [file.read_bytes()])
            except (OSError, ValueError) as error:
                raise ModelError(
                    f"{file} of dataset {self.name} cannot be decoded ({error}): remove it from the dataset."
                ) from None


DRAWN = Calibration("drawn sample pictures")


def calibration_from_dataset(dataset: Dataset) -> Calibration:
    """Return a calibration with the images of a dataset; raises ModelError if an image file is missing."""
    files = tuple(dataset.path(name) for name, _ in subset(dataset, MOST_IMAGES, 0))
    if missing := [file for file in files if not file.is_file()]:
        raise ModelError(f"{missing[0]} of dataset {dataset.name} no longer exists: make the dataset again.")
    return Calibration(dataset.name, files, dataset.sha256)


def calibration_required_message(artifact: str, weights: str) -> str:
    """Return the message that a model file needs calibration images, and how to provide them."""
    return (
        f"{artifact} (weights {weights}) needs calibration images that resemble the network's intended input "
        "and are not among the test images: name a dataset with --calibration (`aiot dataset use` makes one "
        "from a folder), or omit this file with `--quantizations float32,dynamic,float16`."
    )


def shared_images(calibrated: Calibrated, dataset: Dataset) -> int:
    """Return how many images of a dataset are also calibration images, judged by the content of their files."""
    calibration_hashes = set(calibrated.image_sha256)
    files = (dataset.path(name) for name, _ in dataset.images)
    return sum(sha256_of(file) in calibration_hashes for file in files if file.is_file())


def datasets_sharing_images(calibrated: Calibrated, datasets: Path) -> Iterator[tuple[str, int]]:
    """Yield the name of each other dataset in a folder that shares images with the calibration, and their number."""
    for file in sorted(datasets.glob("*/dataset.json")):
        if file.parent.name == calibrated.dataset:
            continue
        try:
            dataset = store.load(file.parent)
        except DatasetError:
            continue
        if count := shared_images(calibrated, dataset):
            yield dataset.name, count


def reason_not_to_test(artifact: Artifact, dataset: Dataset) -> str | None:
    """Return why a dataset cannot test a model file, if the file was calibrated with some of its images, else None."""
    count = shared_images(artifact.calibrated, dataset) if artifact.calibrated else 0
    if not artifact.calibrated or not count:
        return None
    return (
        f"it was calibrated with {count} of the {len(dataset.images)} images of dataset {dataset.name} "
        f"(--calibration {artifact.calibrated.dataset})"
    )


REMEDY = (
    "choose other images with --dataset, or calibrate with other images: `aiot models prepare --calibration DATASET`"
)
"""What to try if calibration and test images overlap."""
