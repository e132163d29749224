"""MNN on the device, through its modules."""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING, Any

import MNN
from MNN import expr, nn

# MNN prints a line when it is imported. In a pipe it would come last, after what this process prints itself.
ctypes.CDLL(None).fflush(None)

if TYPE_CHECKING:
    import numpy as np


def prepare(path: str, threads: int, delegate: str) -> MnnModel:
    """Load a model; raises ValueError if the file is not a model, NotImplementedError for an unsupported delegate."""
    if delegate != "cpu":
        raise NotImplementedError("the agent of MNN has no %s delegate" % delegate)
    module = _load(path, threads, "high")
    if module.get_info()["bizCode"] == "float16":
        module = _load(path, threads, "low")  # computes in 16 bits where the processor can
    return MnnModel(module, threads)


def _load(path: str, threads: int, precision: str) -> Any:
    manager = nn.create_runtime_manager(({"backend": "CPU", "precision": precision, "numThread": threads},))
    try:
        return nn.load_module_from_file(path, [], [], runtime_manager=manager)
    except SystemError:  # MNN prints the reason and raises nothing
        raise ValueError("%s cannot be loaded by MNN: it is damaged, or another kind of file" % path)


class MnnModel(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, module: Any, threads: int) -> None:
        self._module = module
        self.threads = threads

    def infer(self, tensor: np.ndarray) -> tuple[np.ndarray, int]:
        """Run the model on an input tensor; return scores of shape (outputs,) and the time in ns."""
        start = time.perf_counter_ns()
        image = expr.const(tensor, list(tensor.shape), expr.NCHW)
        scores = self._module.forward([image])[0].read().copy()  # MNN reuses the memory for the next image
        return scores.reshape(-1), time.perf_counter_ns() - start


def version() -> str:
    """Return the MNN version, for the log."""
    return "mnn " + str(MNN.version())
