"""A framework for `aiot run` whose work is waiting: it computes nothing, so that any number of devices fit one machine.

benchmarks/devices.py puts it into a workspace, as plugins/frameworks/waiting.py.
"""

import time
from types import SimpleNamespace

SUFFIX = ".waiting"
INFERENCE_S = 0.1


def version():
    return "waiting 1"


def prepare(path, threads, delegate):
    import numpy as np

    scores = np.zeros(100, dtype=np.float32)

    def infer(tensor):
        began = time.perf_counter_ns()
        time.sleep(INFERENCE_S)
        return scores, time.perf_counter_ns() - began

    unscaled = {"scale": 0.0, "zero_point": 0, "output_scale": 0.0, "output_zero_point": 0}
    return SimpleNamespace(infer=infer, dtype="float32", accelerator="cpu", **unscaled)
