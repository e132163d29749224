"""Bootstrap over images: the same seeded resamples for everything that saw the same images."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.tables import select

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


def means(
    records: pd.DataFrame, timing: str = "end_to_end", seed: int = 0, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy (fraction of 1) and mean time (ms) of each instance of one device in every draw of a bootstrap.

    Takes the image records of one run of each instance; gives two frames of resamples x instances, whose columns are
    instance ids in order. The images of a draw are the same for all instances. An image that was shown several times is
    drawn with all its showings (a bootstrap of clusters: Davison and Hinkley 1997, "Bootstrap Methods and their
    Application", Section 3.8). One that failed is wrong, and counts for the time where it has one. Null where a draw
    has no image, or no time above 0, of an instance.
    """
    value = records[select.time_column(timing)].to_numpy(float, na_value=np.nan)
    timed = value > 0
    image, images = pd.factorize(records["image"], sort=True)
    instance, ids = pd.factorize(records["instance_id"], sort=True)
    ids = ids.astype(str)
    table = (len(images), len(ids))
    cell = image * len(ids) + instance
    # an instance that did not see an image has zeros there
    sums = [
        np.bincount(cell, numbers, table[0] * table[1]).reshape(table)
        for numbers in (None, records["correct"].to_numpy(float, na_value=0.0), np.where(timed, value, 0.0), timed)
    ]
    drawn = weights(len(images), resamples, seed)
    once = np.ones((len(drawn), len(ids)))  # nearly always the share of the images that are shown, and timed
    shown, right, ms, count = (once if (part == 1).all() else drawn @ part for part in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy, time_ms = right / shown, np.where(ms > 0, ms, np.nan) / count
    return pd.DataFrame(accuracy, columns=ids), pd.DataFrame(time_ms, columns=ids)


def interval(values: NDArray[np.float64], level: float = LEVEL) -> NDArray[np.float64]:
    """Low and high end, (2, ...), of the percentile intervals of bootstrap values (..., resamples)."""
    return np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=-1)
