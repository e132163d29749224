"""A framework that computes nothing: an image takes the time that the model file states, in milliseconds."""

import time
from pathlib import Path

import numpy as np

SUFFIX = ".paced"
IMPORTS = ("numpy",)
CLASSES = 100


def prepare(path, threads, delegate):
    """Load a model file."""
    return Model(float(Path(path).read_text(encoding="utf-8").split()[0]) / 1000)


class Model:
    """A loaded model, whose answer depends on the mean of the picture alone."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, pace_s):
        self._pace_s = pace_s

    def infer(self, tensor):
        """Return the scores and the time in ns."""
        start = time.perf_counter_ns()
        time.sleep(self._pace_s)
        scores = np.zeros(CLASSES, np.float32)
        scores[int(abs(float(tensor.mean())) * 1000) % CLASSES] = 1
        return scores, time.perf_counter_ns() - start


def version():
    return "paced 1"
