"""Bootstrap over images: the same seeded resamples for everything that saw the same images."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95


@lru_cache(maxsize=8)
def weights(n_images: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """How often each image is drawn in each resample, divided by the images: (resamples, n_images).

    `weights @ values` is then the mean of every resample (Efron 1979, nonparametric bootstrap), for any
    number of value columns at once and with the images drawn alike for all of them.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=resamples) / n_images


def interval(values: NDArray[np.float64], level: float = LEVEL) -> NDArray[np.float64]:
    """Low and high end, (2, ...), of the percentile intervals of bootstrap values (..., resamples)."""
    return np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=-1)
