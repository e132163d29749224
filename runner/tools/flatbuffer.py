"""Adding operators at the ends of a .tflite file, without changes to the network inside: the edits of `fitting`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from aiot_suite.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

_IDENTIFIER = b"TFL3"
_INTEGERS = (schema.TensorType.INT8, schema.TensorType.UINT8)


class Network:
    """A network with one input of shape (1, height, width, 3) and one output of shape (1, classes).

    Input and output are float32 or quantized to 8 bits. Raises ModelError for any other file.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if data[4:8] != _IDENTIFIER:
            raise ModelError(f"{name} is not a TFLite model file.")
        try:
            self._model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
            self._take_in_buffers(data)
        except (struct.error, IndexError, ValueError, TypeError) as error:
            raise ModelError(f"{name} cannot be read as a TFLite model file ({type(error).__name__}).") from None
        graphs = self._model.subgraphs or []
        if len(graphs) != 1 or len(graphs[0].inputs) != 1 or len(graphs[0].outputs) != 1:
            raise ModelError(
                f"{name} does not have exactly one graph with one input and one output, which run_eval requires."
            )
        self._graph = graphs[0]
        self._input, self._output = int(self._graph.inputs[0]), int(self._graph.outputs[0])
        shapes = [list(self._tensor(index).shape) for index in (self._input, self._output)]
        if len(shapes[0]) != 4 or shapes[0][0] != 1 or shapes[0][3] != 3 or len(shapes[1]) != 2 or shapes[1][0] != 1:
            raise ModelError(
                f"{name} takes {_decoded(shapes[0])} and gives {_decoded(shapes[1])}, but run_eval requires 1 x height "
                "x width x 3 and 1 x classes."
            )
        kinds = {self._tensor(index).type for index in (self._input, self._output)}
        if not kinds <= {schema.TensorType.FLOAT32, *_INTEGERS}:
            raise ModelError(
                f"{name} has an input or output that is neither float32 nor 8-bit, which run_eval does not support."
            )
        self.outputs = int(shapes[1][1])

    @property
    def is_float(self) -> bool:
        """Whether input and output are float32."""
        return {self._tensor(index).type for index in (self._input, self._output)} == {schema.TensorType.FLOAT32}

    def take_float(self, weights: Sequence[Sequence[float]], bias: Sequence[float]) -> None:
        """Add a 1x1 convolution before the input, followed by a QUANTIZE if the network takes 8 bits.

        weights: (3, 3), one row per channel that the network takes; bias: (3,)
        """
        model_input = self._tensor(self._input)
        tool_input = self._add_tensor("tool_input", model_input.shape)
        kernel = self._add_constant("tool_weights", np.array(weights, np.float32).reshape(3, 1, 1, 3))
        shift = self._add_constant("tool_bias", np.array(bias, np.float32))
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
        normalized, quantize = self._input, []
        if model_input.type != schema.TensorType.FLOAT32:
            normalized = self._add_tensor("tool_normalized", model_input.shape)
            quantize = [self._operator(schema.BuiltinOperator.QUANTIZE, 1, [normalized], [self._input])]
        convolution = self._operator(schema.BuiltinOperator.CONV_2D, 1, [tool_input, kernel, shift], [normalized])
        convolution.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
        convolution.builtinOptions = options
        self._graph.operators = [convolution, *quantize, *self._graph.operators]
        self._graph.inputs = [tool_input]
        self._rename("inputs", self._input, tool_input)

    def give_float(self) -> None:
        """Add a DEQUANTIZE after the output if the network returns 8 bits."""
        model_output = self._tensor(self._output)
        if model_output.type == schema.TensorType.FLOAT32:
            return
        scores = self._add_tensor("tool_scores", model_output.shape)
        # the version of the operator depends on the type of its input
        version = 2 if model_output.type == schema.TensorType.INT8 else 1
        dequantize = self._operator(schema.BuiltinOperator.DEQUANTIZE, version, [self._output], [scores])
        self._graph.operators = [*self._graph.operators, dequantize]
        self._graph.outputs = [scores]
        self._rename("outputs", self._output, scores)

    def pack(self) -> bytes:
        """Return the content of the file."""
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), _IDENTIFIER)
        return bytes(builder.Output())

    def _take_in_buffers(self, data: bytes) -> None:
        """Move large constants, which may lie behind the flat buffer at an offset in the file, into the buffer."""
        for buffer in self._model.buffers:
            if buffer.offset > 1:  # 0 and 1 mean no offset in the schema
                content = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
                buffer.data, buffer.offset, buffer.size = content, 0, 0

    def _tensor(self, index: int) -> Any:
        return self._graph.tensors[index]

    def _add_tensor(self, name: str, shape: Sequence[int], buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.name = name.encode()
        tensor.shape = [int(size) for size in shape]
        tensor.type = schema.TensorType.FLOAT32
        tensor.buffer = buffer
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _add_constant(self, name: str, values: np.ndarray) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._add_tensor(name, values.shape, len(self._model.buffers) - 1)

    def _operator(self, kind: int, version: int, inputs: list[int], outputs: list[int]) -> Any:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = version
        self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, outputs
        return operator

    def _rename(self, side: str, old: int, new: int) -> None:
        """Update the signatures, which refer to tensors by number too."""
        for signature in self._model.signatureDefs or []:
            for entry in getattr(signature, side) or []:
                if entry.tensorIndex == old:
                    entry.tensorIndex = new


def _decoded(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "nothing"
