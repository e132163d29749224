"""ExecuTorch on the device, through its Python runtime."""

from __future__ import annotations

import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime

if TYPE_CHECKING:
    import numpy as np


def prepare(path: str, threads: int, delegate: str) -> ExecutorchModel:
    """Load a model; raises ValueError if the file is not a model, NotImplementedError for an unsupported delegate."""
    if delegate != "cpu":
        raise NotImplementedError("the Python runtime of ExecuTorch has no %s delegate" % delegate)
    portable_lib._unsafe_reset_threadpool(threads)  # unsafe only while a model runs, which is not the case yet
    try:
        program = Runtime.get().load_program(path)
        return ExecutorchModel(program, program.load_method("forward"))
    except RuntimeError as error:
        raise ValueError(str(error).split("\n")[0])


class ExecutorchModel(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, program: Any, method: Any) -> None:
        self._program = program  # keeps the program alive, which the method needs
        self._method = method
        self.threads = portable_lib._threadpool_get_thread_count()

    def infer(self, tensor: np.ndarray) -> tuple[np.ndarray, int]:
        """Run the model on an input tensor; return scores of shape (outputs,) and the time in ns."""
        start = time.perf_counter_ns()
        scores = self._method.execute([torch.from_numpy(tensor)])[0].numpy()
        return scores[0], time.perf_counter_ns() - start


def version() -> str:
    """Return the ExecuTorch version, for the log."""
    return "executorch " + metadata.version("executorch")
