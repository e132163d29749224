"""Make sides of a comparison from rows and image records."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiot_analysis.compare import sides
from tests.aiot_analysis.conftest import images, instance, instances

MNASNET = "tflite_cpu_float32_mnasnet"
SQUEEZENET = "tflite_cpu_float32_squeezenet"
TORCH = "pytorch_cpu_float32_mnasnet"
RUN_A, RUN_B = "20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb"


def records(instance_id: str, right: list[bool], time_ms, **other) -> tuple[dict, pd.DataFrame]:
    """Return a row of the table `instances` and its image records."""
    columns = {"run_id": RUN_A, "device_id": "local"} | {
        key: other[key] for key in ("run_id", "device_id", "origin") if key in other
    }
    time_ms = np.asarray(time_ms, float)
    facts = {"images": len(right), "distinct_images": len(right), "end_to_end_ms_sd": float(np.std(time_ms, ddof=1))}
    facts |= {"end_to_end_ms_median": float(np.median(time_ms)), "load_ms": 5.0, "peak_rss_mb": 50.0}
    row = instance(instance_id, float(np.mean(right)), float(time_ms.mean()), **{**facts, **other})
    return row, images(instance_id, right, list(time_ms), **columns)


def side(*parts: tuple[dict, pd.DataFrame | None], timing: str = "end_to_end") -> sides.Side:
    """Return a side of rows, each of which has its records or None."""
    frames = [frame for _, frame in parts if frame is not None]
    frame = pd.concat(frames, ignore_index=True) if frames else images(MNASNET, [], [])
    return sides.build_side(instances(*(row for row, _ in parts)), frame, timing)


def noisy(n: int, mean: float, seed: int, image: float = 0.2) -> np.ndarray:
    """Return times of n images, which are the same for all seeds except for the noise."""
    shared = np.random.default_rng(99).normal(0, image, n)
    return mean * np.exp(shared + 0.02 * np.random.default_rng(seed).normal(size=n))


def answered(n: int, accuracy: float, wrong: int = 0) -> list[bool]:
    """Return answers that are right on the first images, except for `wrong` of them."""
    right = round(n * accuracy)
    return [wrong <= at < right for at in range(n)]
