"""Conversion of PyTorch networks to ONNX Runtime: float32, and from it dynamic range, full integer and float16.

ONNX Runtime is not in the paper. The quantizations are those of ONNX Runtime's own tools
(onnxruntime.ai/docs/performance/model-optimizations/quantization.html). docs/quantization.md describes them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aiot_suite.convert.onnx_files import export as convert_float32

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np

__all__ = ["convert_float32", "quantize"]

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # no events are sent; it counts only before the import

LAYOUT = "NCHW"
SUFFIX = ".onnx"
IMPORTS = ("onnxruntime",)
DISTRIBUTIONS = ("onnxruntime", "onnx", "torch", "torchvision")
DELEGATES = ("cpu", "nnapi", "xnnpack", "qnn")
AGENT_DELEGATES = DELEGATES[1:]  # a build of ONNX Runtime has them or not, which only the agent can tell
QUANTIZATIONS = ("float32", "dynamic", "int8", "float16")
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def quantize(float32: Path, quantization: str, calibration: Iterable[np.ndarray], target: Path) -> None:
    """Write a quantized version of a float32 .onnx file.

    quantization: "dynamic" (8-bit weights, activations quantized at run time), "int8" (weights and activations in 8
        bits, input and scores in float32) or "float16" (weights and activations in 16 bits, input and scores in
        float32).
    calibration: float32 input tensors of shape (1, 3, size, size); only "int8" needs them.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    if quantization == "dynamic":
        # signed weights have no fast convolution of this kind
        quantize_dynamic(float32, target, weight_type=QuantType.QUInt8)
    elif quantization == "int8":
        _full_integer(float32, calibration, target)
    else:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(float32), keep_io_types=True), target)


def _full_integer(float32: Path, calibration: Iterable[np.ndarray], target: Path) -> None:
    """Write the network with 8-bit weights, one scale per channel, and 8-bit activations, with scores in float32.

    The range of an activation is its minimum and maximum over all calibration images, as in the TFLite files.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    model = onnx.load(float32)
    (image,) = model.graph.input
    tensors = iter(calibration)

    class CalibrationReader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, np.ndarray] | None:
            tensor = next(tensors, None)
            return None if tensor is None else {image.name: tensor}

    quantize_static(
        float32,
        target,
        CalibrationReader(),
        quant_format=QuantFormat.QDQ,
        calibrate_method=CalibrationMethod.MinMax,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        nodes_to_exclude=_after_last_layer(model),
    )
    quantized = onnx.load(target)
    _keep_scores_float(quantized)
    onnx.save(quantized, target)


def _after_last_layer(model: Any) -> list[str]:
    """Return the names of the nodes after the last layer with weights, which stay in float32 as in the TFLite files."""
    constants = {tensor.name for tensor in model.graph.initializer}
    nodes = model.graph.node
    layers = [
        number for number, node in enumerate(nodes) if node.op_type in _LAYERS and not constants.isdisjoint(node.input)
    ]
    return [node.name for node in nodes[max(layers, default=len(nodes)) + 1 :]]


def _keep_scores_float(model: Any) -> None:
    """Remove the quantization of the output, whose 256 steps would often make the scores of the best classes equal."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    (scores,) = model.graph.output
    dequantize = made_by[scores.name]
    if dequantize.op_type != "DequantizeLinear":
        return
    quantize_node = made_by[dequantize.input[0]]
    layer = made_by[quantize_node.input[0]]
    layer.output[0] = scores.name
    model.graph.node.remove(dequantize)
    model.graph.node.remove(quantize_node)
