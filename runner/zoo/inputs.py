"""Input tensors of pictures of the sample set: for calibrating, fitting, and counting what is right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from runner.agent.preprocess import Preprocess, decode
from runner.dataset.drawing import CLASS_NAMES, draw_jpeg
from runner.zoo.facts import Settings

if TYPE_CHECKING:
    import torch

BATCH = 25  # divides every number of pictures of 100 classes


def sample_inputs(settings: Settings, count: int, part: str = "train", seed: int = 0) -> Iterator[np.ndarray]:
    """Float32 tensors of shape (1, ...), as the settings say; number n is of class n modulo 100.

    The pictures are drawn here, so no dataset needs to be there.
    """
    preprocess = Preprocess.of(settings.record())
    for number in range(count):
        yield preprocess(decode(draw_jpeg(number % len(CLASS_NAMES), number // len(CLASS_NAMES), part, seed))).copy()


def sample_batches(settings: Settings, per_class: int, part: str = "train", seed: int = 0) -> Iterator[torch.Tensor]:
    """The same as tensors of shape (BATCH, ...), so many pictures of each of the 100 classes."""
    import torch

    inputs = sample_inputs(settings, per_class * len(CLASS_NAMES), part, seed)
    while held := list(islice(inputs, BATCH)):
        yield torch.from_numpy(np.concatenate(held))
