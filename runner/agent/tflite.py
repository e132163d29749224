"""TensorFlow Lite on the device, through the LiteRT runtime."""

from __future__ import annotations

import time
from importlib import metadata
from typing import TYPE_CHECKING

from ai_edge_litert.interpreter import Interpreter

if TYPE_CHECKING:
    import numpy as np


def prepare(path: str, threads: int, delegate: str) -> TfliteModel:
    """Load a model; raises ValueError if the file is not a model, NotImplementedError for an unsupported delegate."""
    if delegate != "cpu":
        raise NotImplementedError("the Python runtime of TFLite has no %s delegate" % delegate)
    return TfliteModel(Interpreter(model_path=path, num_threads=threads))


class TfliteModel(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    accelerator = "cpu"

    def __init__(self, interpreter: Interpreter) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        input_details, output_details = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._input, self._output = input_details["index"], output_details["index"]
        self.dtype = input_details["dtype"]
        self.scale, self.zero_point = input_details["quantization"]
        self.output_scale, self.output_zero_point = output_details["quantization"]

    def infer(self, tensor: np.ndarray) -> tuple[np.ndarray, int]:
        """Run the model on an input tensor; return the scores and the time in ns.

        The scores have shape (outputs,) and the type of the model's output, so they are 8-bit if the output is.
        """
        start = time.perf_counter_ns()
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        scores = self._interpreter.get_tensor(self._output)
        return scores.reshape(-1), time.perf_counter_ns() - start


def version() -> str:
    """Return the LiteRT version, for the log."""
    return "ai-edge-litert " + metadata.version("ai-edge-litert")
