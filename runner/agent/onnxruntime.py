"""ONNX Runtime on the device."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

# Its Linux packages send events to their makers, in threads of this process, unless this is set before the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as errors

if TYPE_CHECKING:
    import numpy as np

ERROR = 3  # the lowest severity that is printed
TYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int8)": "int8"}
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "nnapi": "NnapiExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
    "qnn": "QNNExecutionProvider",
}
_NOT_A_MODEL = (errors.InvalidProtobuf, errors.InvalidGraph, errors.Fail, errors.NoModel, errors.RuntimeException)


def prepare(path: str, threads: int, delegate: str) -> OnnxruntimeModel:
    """Load a model; raises ValueError if the file is not a model.

    Raises NotImplementedError for an operator or a delegate that this build of ONNX Runtime lacks.
    """
    available = onnxruntime.get_available_providers()
    if PROVIDERS.get(delegate) not in available:
        raise NotImplementedError(
            "this build of ONNX Runtime has no provider for %s, but only %s" % (delegate, ", ".join(sorted(available))),
            "install a build of ONNX Runtime that has it",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERROR
    try:
        return OnnxruntimeModel(_session(path, options, delegate), delegate, threads)
    except errors.NotImplemented as error:
        operator = re.search(r"implementation for (\S+) node", str(error))
        if operator is None:
            raise ValueError(_first_line(error))
        raise NotImplementedError("ONNX Runtime has no operator %s" % operator[1], "use another network or runtime")
    except _NOT_A_MODEL as error:
        raise ValueError(_first_line(error))


def _session(path: str, options: Any, delegate: str) -> Any:
    """Load a file with the provider of a delegate, and the CPU for the nodes that the provider does not take."""
    if delegate == "cpu":
        return onnxruntime.InferenceSession(path, options, providers=[PROVIDERS["cpu"]])
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    settings = {}
    if delegate == "xnnpack":
        # XNNPACK has threads of its own (onnxruntime.ai/docs/execution-providers/Xnnpack-ExecutionProvider.html)
        settings = {"intra_op_num_threads": str(options.intra_op_num_threads)}
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        path, options, providers=[(PROVIDERS[delegate], settings), (PROVIDERS["cpu"], {})]
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


class OnnxruntimeModel(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    scale, zero_point = 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, session: Any, delegate: str, threads: int) -> None:
        self._session = session
        self.threads = threads
        if delegate != "cpu":
            parts = session.get_provider_graph_assignment_info()
            counts = [(part.ep_name, len(part.get_nodes())) for part in parts]
            self.nodes = sum(count for _, count in counts)
            self.nodes_delegated = sum(count for name, count in counts if name == PROVIDERS[delegate])
            self.accelerator = delegate if self.nodes_delegated else "cpu"
        image, scores = session.get_inputs()[0], session.get_outputs()[0]
        if image.type not in TYPES:
            raise ValueError("the input is %s: use a model whose input is float32, uint8 or int8" % image.type)
        self.dtype = TYPES[image.type]
        self._input, self._outputs = image.name, [scores.name]

    def infer(self, tensor: np.ndarray) -> tuple[np.ndarray, int]:
        """Run the model on an input tensor; return scores of shape (outputs,) and the time in ns."""
        start = time.perf_counter_ns()
        (scores,) = self._session.run(self._outputs, {self._input: tensor})
        return scores.reshape(-1), time.perf_counter_ns() - start


def version() -> str:
    """Return the ONNX Runtime version, for the log."""
    return "onnxruntime " + str(onnxruntime.__version__)
