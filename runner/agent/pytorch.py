"""PyTorch Mobile on the device, through the lite interpreter."""

import os
import time
import warnings


def prepare(path, threads, delegate):
    """Loads the model; raises ImportError without torch, ValueError for a file that is no model."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning workers slow each other down
    import torch
    from torch.jit.mobile import _load_for_lite_interpreter

    if delegate != "cpu":
        raise NotImplementedError("PyTorch Mobile has no %s delegate" % delegate)
    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the lite interpreter is deprecated, and is what the paper measures
        try:
            return PytorchModel(torch, _load_for_lite_interpreter(path))
        except RuntimeError as error:
            raise ValueError(str(error).split("\n")[0])


class PytorchModel(object):
    """A loaded model: input tensor's type and quantization, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, torch, module):
        self._torch = torch
        self._module = module

    def infer(self, tensor):
        """Scores of shape (outputs,) and the time in ns."""
        began = time.perf_counter_ns()
        with self._torch.no_grad():
            scores = self._module(self._torch.from_numpy(tensor)).numpy()
        return scores[0], time.perf_counter_ns() - began


def version():
    from importlib import metadata

    return "torch " + metadata.version("torch")
