"""PyTorch Mobile on the device, through the lite interpreter."""

from __future__ import annotations

import os
import time
import warnings
from typing import TYPE_CHECKING, Any

# Set before torch starts its threads. The threads of OpenMP and of XNNPACK would slow each other down by busy-waiting;
# a short busy-wait is kept because without it two threads are slower than one in small layers.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import torch
from torch.jit.mobile import _load_for_lite_interpreter

if TYPE_CHECKING:
    import numpy as np


def prepare(path: str, threads: int, delegate: str) -> PytorchModel:
    """Load a model; raises ValueError if the file is not a model, NotImplementedError for an unsupported delegate."""
    if delegate != "cpu":
        raise NotImplementedError("PyTorch Mobile has no %s delegate" % delegate)
    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the lite interpreter is deprecated, but it is what the paper measures
        try:
            return PytorchModel(_load_for_lite_interpreter(path))
        except RuntimeError as error:
            raise ValueError(str(error).split("\n")[0])


class PytorchModel(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, module: Any) -> None:
        self._module = module

    def infer(self, tensor: np.ndarray) -> tuple[np.ndarray, int]:
        """Run the model on an input tensor; return scores of shape (outputs,) and the time in ns."""
        start = time.perf_counter_ns()
        with torch.no_grad():
            # (1, height, width, 3) in memory, viewed as (1, 3, height, width): "channels last" is twice as fast
            scores = self._module(torch.from_numpy(tensor).permute(0, 3, 1, 2)).numpy()
        return scores[0], time.perf_counter_ns() - start


def version() -> str:
    """Return the PyTorch version, for the log."""
    return "torch " + torch.__version__
