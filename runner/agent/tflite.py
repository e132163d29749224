"""TensorFlow Lite on the device, through the LiteRT runtime."""

import time


def prepare(path, threads, delegate):
    """Loads the model; raises ImportError without the runtime, ValueError for a file that is no model."""
    from ai_edge_litert import interpreter as litert

    if delegate != "cpu":
        raise NotImplementedError("the Python runtime of TFLite has no %s delegate" % delegate)
    return TfliteModel(litert.Interpreter(model_path=path, num_threads=threads))


class TfliteModel(object):
    """A loaded model: input tensor's type and quantization, and infer()."""

    def __init__(self, interpreter):
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        given, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._input, self._output = given["index"], out["index"]
        self.dtype = given["dtype"]
        self.scale, self.zero_point = given["quantization"]
        self.output_scale, self.output_zero_point = out["quantization"]
        self.accelerator = "cpu"

    def infer(self, tensor):
        """Scores of shape (outputs,), as the model gives them (8-bit if its output is), and the time in ns."""
        began = time.perf_counter_ns()
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        scores = self._interpreter.get_tensor(self._output)
        return scores[0], time.perf_counter_ns() - began


def version():
    from importlib import metadata

    return "ai-edge-litert " + metadata.version("ai-edge-litert")
