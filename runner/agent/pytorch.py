"""PyTorch Mobile on the device, through the lite interpreter."""

import os
import time
import warnings

# Before torch starts its threads. Those of OpenMP and of XNNPACK would slow each other by waiting busily; a short
# such wait keeps two threads from being slower than one in small layers.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import torch
from torch.jit.mobile import _load_for_lite_interpreter


def prepare(path, threads, delegate):
    """Loads the model; raises ValueError for a file that is no model."""
    if delegate != "cpu":
        raise NotImplementedError("PyTorch Mobile has no %s delegate" % delegate)
    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the lite interpreter is deprecated, and is what the paper measures
        try:
            return PytorchModel(_load_for_lite_interpreter(path))
        except RuntimeError as error:
            raise ValueError(str(error).split("\n")[0])


class PytorchModel(object):
    """A loaded model: input tensor's type and quantization, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, module):
        self._module = module

    def infer(self, tensor):
        """Scores of shape (outputs,) and the time in ns."""
        began = time.perf_counter_ns()
        with torch.no_grad():
            # (1, height, width, 3) in memory seen as (1, 3, height, width): "channels last", twice as fast
            scores = self._module(torch.from_numpy(tensor).permute(0, 3, 1, 2)).numpy()
        return scores[0], time.perf_counter_ns() - began


def version():
    return "torch " + torch.__version__
