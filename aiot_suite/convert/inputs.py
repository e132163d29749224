"""Input tensors of sample-set pictures, for calibration, batch-norm statistics and accuracy."""

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
