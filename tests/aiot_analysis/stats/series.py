"""Make autocorrelated times along a run, and image records from times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from tests.aiot_analysis.conftest import images

if TYPE_CHECKING:
    from numpy.typing import NDArray


def autocorrelated(phi: float, count: int, n: int, seed: int = 0) -> NDArray[np.float64]:
    """Return AR(1) series, of shape (count, n), with mean 0, variance 1 and autocorrelation phi."""
    noise = np.random.default_rng(seed).normal(size=(count, n + 300))
    return lfilter([1], [1, -phi], noise, axis=1)[:, 300:] * np.sqrt(1 - phi**2)


def records(instance_id: str, times_ms: NDArray[np.float64], **other: object) -> pd.DataFrame:
    """Return records of consecutive images whose inference takes these times."""
    times = np.asarray(times_ms, float)
    at_s = np.concatenate([[0.0], np.cumsum(times)[:-1]]) / 1000
    columns = {"inference_ms": times, "end_to_end_ms": times, "at_s": at_s, **other}
    return images(instance_id, [True] * len(times), times.tolist(), **columns)


def runs(times_ms: NDArray[np.float64], instance_id: str = "tflite_cpu_float32_mnasnet") -> pd.DataFrame:
    """Return image records of one instance from series of shape (m, n), one run each: r0000, r0001, ..."""
    count, n = times_ms.shape
    query = np.tile(np.arange(n), count)
    at_s = np.hstack([np.zeros((count, 1)), np.cumsum(times_ms, axis=1)[:, :-1]]) / 1000
    run_ids = pd.Categorical.from_codes(np.repeat(np.arange(count), n), [f"r{at:04}" for at in range(count)])
    once = records(instance_id, np.ones(n))
    frame = once.iloc[query].reset_index(drop=True)
    times = times_ms.ravel()
    return frame.assign(run_id=run_ids, inference_ms=times, end_to_end_ms=times, at_s=at_s.ravel())
