"""Bootstrap over images, with the same seeded resamples for everything that saw the same images."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.tables import select
from aiot_analysis.words import CONFIDENCE

RESAMPLES = 2000


@lru_cache(maxsize=8)
def bootstrap_weights(n_images: int, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """Return how often each image is drawn in each resample, divided by the number of images: (resamples, n_images).

    `weights @ values` is then the mean of every resample (Efron 1979, nonparametric bootstrap), for any number of value
    columns at once and with the same images drawn for all of them.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=resamples) / n_images


def bootstrap_means(
    records: pd.DataFrame, timing: str = "end_to_end", seed: int = 0, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return accuracy (fraction of 1) and mean time (ms) of each instance of one device in every draw of a bootstrap.

    Takes the image records of one run of each instance. Returns two frames of resamples x instances, whose columns are
    instance ids in order. The images of a draw are the same for all instances. If an image was shown several times, all
    its showings are drawn together (a bootstrap of clusters: Davison and Hinkley 1997, "Bootstrap Methods and their
    Application", Section 3.8). A failed image counts as wrong, and contributes to the time if it has one. Null where a
    draw has no image of an instance, or no positive time.
    """
    value = records[select.time_column(timing)].to_numpy(float, na_value=np.nan)
    timed = value > 0
    image, images = pd.factorize(records["image"], sort=True)
    instance, ids = pd.factorize(records["instance_id"], sort=True)
    ids = ids.astype(str)
    table = (len(images), len(ids))
    cell = image * len(ids) + instance
    # the sums are zero where an instance did not see an image
    sums = [
        np.bincount(cell, numbers, table[0] * table[1]).reshape(table)
        for numbers in (None, records["correct"].to_numpy(float, na_value=0.0), np.where(timed, value, 0.0), timed)
    ]
    draw_weights = bootstrap_weights(len(images), resamples, seed)
    ones = np.ones((len(draw_weights), len(ids)))  # in nearly all cases every image is shown, and timed, once
    n_shown, right, ms, count = (ones if (part == 1).all() else draw_weights @ part for part in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy, time_ms = right / n_shown, np.where(ms > 0, ms, np.nan) / count
    return pd.DataFrame(accuracy, columns=ids), pd.DataFrame(time_ms, columns=ids)


def percentile_interval(values: NDArray[np.float64], level: float = CONFIDENCE) -> NDArray[np.float64]:
    """Return the low and high ends, (2, ...), of the percentile intervals of bootstrap values (..., resamples)."""
    return np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=-1)
