"""A test for one change in level along a series, whose errors may depend on one another.

Times along a run are autocorrelated, and tests for independent errors (Pettitt's, CUSUM's) then find changes
everywhere. Shao and Zhang, "Testing for change points in time series", JASA 105 (2010), divide the CUSUM by its own
partial sums, which grow with the dependence just as it does, so that no bandwidth or block length is to be chosen; in
place of the values here are their ranks (Betken, "Testing for change-points in long-range dependent time series by
means of a self-normalized Wilcoxon test", J. Time Series Analysis 37, 2016), so that single slow images weigh little.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]

NULL_LENGTH = 256
"""Values of the series that the distribution under no change is drawn from: from 50 to 1000 it hardly depends on it."""
NULL_SERIES = 20_000


def statistics(values: Floats) -> Floats:
    """The self-normalized Wilcoxon statistic of series (m, n) after each k of n values, k = 1 ... n - 1: (m, n - 1).

    With R the ranks less their mean and S(a, b) = R_a + ... + R_b,

        G(k) = |S(1, k)| / sqrt(V(k)),
        V(k) = (sum_{t<=k} [S(1, t) - t/k S(1, k)]^2 + sum_{t>k} [S(t, n) - (n-t+1)/(n-k) S(k+1, n)]^2) / n.

    Its square is Shao and Zhang's statistic of ranks. A series of equal values has 0 everywhere.
    """
    m, n = values.shape
    # scaled such that sums stay small however long the series is; neither changes the statistic
    ranks = (rankdata(values, axis=1) - (n + 1) / 2) / n
    sums, left = _halves(ranks)
    right = _halves(ranks[:, ::-1])[1][:, ::-1]
    scale = np.sqrt(np.maximum(left + right, 0) / n)
    return np.divide(np.abs(sums), scale, out=np.zeros((m, n - 1)), where=scale > 1e-9)


def _halves(ranks: Floats) -> tuple[Floats, Floats]:
    """S(1, k) and the first sum of V(k), of k = 1 ... n - 1, by running sums."""
    n = ranks.shape[1]
    t = np.arange(1.0, n + 1)
    sums = np.cumsum(ranks, axis=1)
    squares, products, ts = np.cumsum(sums**2, axis=1), np.cumsum(t * sums, axis=1), np.cumsum(t**2)
    slope = sums / t
    return sums[:, :-1], (squares - 2 * slope * products + slope**2 * ts)[:, :-1]


@lru_cache(maxsize=4)
def null(seed: int = 0) -> Floats:
    """The largest G(k) of NULL_SERIES series in random order, sorted: the distribution where nothing changes.

    Ranks make it the same for every distribution of the values, and self-normalization for every short-range
    dependence of them, in long series. Its squares at 10, 5 and 1 %
    are 29.6, 40.1 and 68.6 in Shao and Zhang's Table 1.
    """
    rng = np.random.default_rng(seed)
    series = np.tile(np.arange(NULL_LENGTH, dtype=float), (1000, 1))
    found = [statistics(rng.permuted(series, axis=1)).max(axis=1) for _ in range(NULL_SERIES // 1000)]
    return np.sort(np.concatenate(found))


def change(values: Floats, seed: int = 0) -> tuple[NDArray[np.int64], Floats]:
    """Where each series (m, n) changes most, and the p-value of any change: (m,) both.

    Where is how many values come before the change. The p-value is the share of series in random order with a
    statistic as large, at least 1 / (NULL_SERIES + 1).
    """
    found = statistics(values)
    largest = found.max(axis=1)
    above = NULL_SERIES - np.searchsorted(null(seed), largest, side="left")
    return found.argmax(axis=1) + 1, (above + 1) / (NULL_SERIES + 1)
