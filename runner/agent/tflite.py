"""TensorFlow Lite on the device, through the LiteRT runtime."""

import time
from importlib import metadata

from ai_edge_litert.interpreter import Interpreter


def prepare(path, threads, delegate):
    """Load a model; raises ValueError if the file is not a model, NotImplementedError for an unsupported delegate."""
    if delegate != "cpu":
        raise NotImplementedError("the Python runtime of TFLite has no %s delegate" % delegate)
    return TfliteModel(Interpreter(model_path=path, num_threads=threads))


class TfliteModel(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    accelerator = "cpu"

    def __init__(self, interpreter):
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        input_details, output_details = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._input, self._output = input_details["index"], output_details["index"]
        self.dtype = input_details["dtype"]
        self.scale, self.zero_point = input_details["quantization"]
        self.output_scale, self.output_zero_point = output_details["quantization"]

    def infer(self, tensor):
        """Run the model on an input tensor; return the scores and the time in ns.

        The scores have shape (outputs,) and the type of the model's output, so they are 8-bit if the output is.
        """
        start = time.perf_counter_ns()
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        scores = self._interpreter.get_tensor(self._output)
        return scores.reshape(-1), time.perf_counter_ns() - start


def version():
    """Return the LiteRT version, for the log."""
    return "ai-edge-litert " + metadata.version("ai-edge-litert")
