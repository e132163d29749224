"""Framework for `aiot run` that only waits and computes nothing, so that one machine can run any number of devices.

benchmarks/devices.py copies it into a workspace as plugins/frameworks/waiting.py.
"""

import time
from types import SimpleNamespace

SUFFIX = ".waiting"
INFERENCE_S = 0.1


def version() -> str:
    return "waiting 1"


def prepare(path: str, threads: int, delegate: str) -> SimpleNamespace:
    import numpy as np

    scores = np.zeros(100, dtype=np.float32)

    def infer(tensor: np.ndarray) -> tuple[np.ndarray, int]:
        started = time.perf_counter_ns()
        time.sleep(INFERENCE_S)
        return scores, time.perf_counter_ns() - started

    unscaled = {"scale": 0.0, "zero_point": 0, "output_scale": 0.0, "output_zero_point": 0}
    return SimpleNamespace(infer=infer, dtype="float32", accelerator="cpu", **unscaled)
