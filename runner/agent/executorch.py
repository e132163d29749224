"""ExecuTorch on the device, through its Python runtime."""

import time
from importlib import metadata

import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime


def prepare(path, threads, delegate):
    """Loads the model; raises ValueError for a file that is no model."""
    if delegate != "cpu":
        raise NotImplementedError("the Python runtime of ExecuTorch has no %s delegate" % delegate)
    portable_lib._unsafe_reset_threadpool(threads)  # unsafe while something runs, and nothing does yet
    try:
        program = Runtime.get().load_program(path)
        return ExecutorchModel(program, program.load_method("forward"))
    except RuntimeError as error:
        raise ValueError(str(error).split("\n")[0])


class ExecutorchModel(object):
    """A loaded model: input tensor's type and quantization, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, program, method):
        self._program = program  # the method needs it to stay
        self._method = method
        self.threads = portable_lib._threadpool_get_thread_count()

    def infer(self, tensor):
        """Scores of shape (outputs,) and the time in ns."""
        began = time.perf_counter_ns()
        scores = self._method.execute([torch.from_numpy(tensor)])[0].numpy()
        return scores[0], time.perf_counter_ns() - began


def version():
    return "executorch " + metadata.version("executorch")
