"""TensorFlow Lite on the device, through the LiteRT runtime."""

import time
from importlib import metadata

from ai_edge_litert.interpreter import Interpreter


def prepare(path, threads, delegate):
    """Loads the model; raises ValueError for a file that is no model."""
    if delegate != "cpu":
        raise NotImplementedError("the Python runtime of TFLite has no %s delegate" % delegate)
    return TfliteModel(Interpreter(model_path=path, num_threads=threads))


class TfliteModel(object):
    """A loaded model: input tensor's type and quantization, and infer()."""

    accelerator = "cpu"

    def __init__(self, interpreter):
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        given, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._input, self._output = given["index"], out["index"]
        self.dtype = given["dtype"]
        self.scale, self.zero_point = given["quantization"]
        self.output_scale, self.output_zero_point = out["quantization"]

    def infer(self, tensor):
        """Scores of shape (outputs,), as the model gives them (8-bit if its output is), and the time in ns."""
        began = time.perf_counter_ns()
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        scores = self._interpreter.get_tensor(self._output)
        return scores.reshape(-1), time.perf_counter_ns() - began


def version():
    return "ai-edge-litert " + metadata.version("ai-edge-litert")
