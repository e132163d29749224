"""Input tensors of pictures of the sample set: for calibrating, fitting, and counting what is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from aiot_suite.datasets.drawing import CLASS_NAMES, draw_jpeg
from aiot_suite.facts import Settings
from aiot_suite.preprocess import Preprocess, decode

if TYPE_CHECKING:
    import torch

BATCH = 25  # divides every number of pictures of 100 classes


def inputs_of(settings: Settings, pictures: Iterable[bytes]) -> Iterator[np.ndarray]:
    """Float32 tensors of shape (1, ...) of image files, as the settings say."""
    preprocess = Preprocess.of(settings.record())
    for picture in pictures:
        yield preprocess(decode(picture)).copy()


def sample_pictures(count: int, part: str = "train", seed: int = 0) -> Iterator[bytes]:
    """Pictures like those of the sample set; number n is of class n modulo 100.

    They are drawn here, so no dataset needs to be there.
    """
    for number in range(count):
        yield draw_jpeg(number % len(CLASS_NAMES), number // len(CLASS_NAMES), part, seed)


def sample_inputs(settings: Settings, count: int, part: str = "train", seed: int = 0) -> Iterator[np.ndarray]:
    """The tensors of so many pictures of `sample_pictures`."""
    return inputs_of(settings, sample_pictures(count, part, seed))


def sample_batches(settings: Settings, per_class: int, part: str = "train", seed: int = 0) -> Iterator[torch.Tensor]:
    """The same as tensors of shape (BATCH, ...), so many pictures of each of the 100 classes."""
    import torch

    inputs = sample_inputs(settings, per_class * len(CLASS_NAMES), part, seed)
    while held := list(islice(inputs, BATCH)):
        yield torch.from_numpy(np.concatenate(held))
