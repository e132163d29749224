"""Input tensors of training pictures of the sample set, for calibrating and fitting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runner.agent.preprocess import Preprocess, decode
from runner.dataset.drawing import CLASS_NAMES, draw_jpeg
from runner.zoo.facts import Settings


def sample_inputs(settings: Settings, count: int) -> Iterator[np.ndarray]:
    """Float32 tensors of shape (1, ...), as the settings say; number n is of class n modulo 100.

    The pictures are drawn here, so no dataset needs to be there.
    """
    preprocess = Preprocess.of(settings.record())
    for number in range(count):
        yield preprocess(decode(draw_jpeg(number % len(CLASS_NAMES), number // len(CLASS_NAMES), "train"))).copy()
