"""Conversion of PyTorch networks to TensorFlow Lite: float32, and from it dynamic range, full integer and float16.

litert-torch converts and litert-quantizer quantizes. The quantizations are defined as in the TFLite documentation on
post-training quantization, which the paper uses (Section V, Remark 5). docs/quantization.md has measurements.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from torch import nn

LAYOUT = "NHWC"
SUFFIX = ".tflite"
IMPORTS = ("ai_edge_litert",)
DISTRIBUTIONS = ("litert-torch", "litert-quantizer", "torch", "torchvision")
DELEGATES = ("cpu", "nnapi", "gpu")
QUANTIZATIONS = ("float32", "dynamic", "int8", "float16")


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Write the network as a float32 .tflite file with an input of shape (1, size, size, 3)."""
    import litert_torch
    import torch

    channel_last = litert_torch.to_channel_last_io(network, args=[0]).eval()
    litert_torch.convert(channel_last, (torch.zeros(1, size, size, 3),)).export(str(target))


def quantize(float32: Path, quantization: str, calibration: Iterable[np.ndarray], target: Path) -> None:
    """Write a quantized version of a float32 .tflite file.

    quantization: "dynamic" (8-bit weights, activations quantized at run time), "int8" (weights, activations and input
        in 8 bits, scores in float32) or "float16" (weights stored in 16 bits).
    calibration: float32 input tensors of shape (1, size, size, 3); only "int8" needs them.
    """
    from litert_quantizer import quantizer, recipe

    if quantization == "dynamic":
        result = quantizer.Quantizer(str(float32), recipe.dynamic_wi8_afp32()).quantize()
    elif quantization == "int8":
        result = _full_integer(float32, calibration)
    else:
        model_quantizer = quantizer.Quantizer(str(float32))
        _add_float16(model_quantizer)
        result = model_quantizer.quantize()
    target.unlink(missing_ok=True)
    result.export_model(str(target))


def _full_integer(float32: Path, calibration: Iterable[np.ndarray]) -> Any:
    """Return the network quantized to 8-bit weights and activations, with scores in float32.

    The range of an activation is its minimum and maximum over all calibration images. The library's default is a moving
    average of the extremes of each image, which cuts off peaks and depends on the order of the images;
    docs/quantization.md shows what that costs.
    """
    from litert_quantizer import calibrator, quantizer, recipe, recipe_manager
    from litert_quantizer.utils import qsv_utils

    model_quantizer = quantizer.Quantizer(str(float32), recipe.static_wi8_ai8())
    _keep_scores_float(model_quantizer, float32)
    recipes = recipe_manager.RecipeManager()
    recipes.load_quantization_recipe(model_quantizer.get_quantization_recipe())
    range_calibrator = calibrator.Calibrator(str(float32), num_threads=2, qsv_update_func=qsv_utils.min_max_update)
    range_calibrator.calibrate(_signature_inputs(float32, calibration), recipes)
    return model_quantizer.quantize(range_calibrator.get_model_qsvs())


def _keep_scores_float(work: Any, float32: Path) -> None:
    """Exclude the operators that compute the scores from a static 8-bit recipe.

    With only 256 steps, the best classes would often have equal scores. Everything after the last layer with weights is
    computed in float32. If that layer itself outputs one number per class, it keeps its 8-bit weights and outputs
    float32 (dynamic range).
    """
    from ai_edge_litert.schema_py_generated import BuiltinOperator
    from litert_quantizer import quantizer
    from litert_quantizer.qtyping import TFLOperationName
    from litert_quantizer.utils import tfl_flatbuffer_utils

    model = tfl_flatbuffer_utils.read_model(str(float32))
    (graph,) = model.subgraphs
    layers = (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D, BuiltinOperator.FULLY_CONNECTED)
    codes = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    last_layer = max((number for number, code in enumerate(codes) if code in layers), default=len(codes))

    def numbers(tensor: int) -> int:
        return math.prod(map(int, graph.tensors[tensor].shape))

    def scope(number: int) -> str:
        name = tfl_flatbuffer_utils.get_op_scope(graph.operators[number], graph.tensors)
        return f"^{re.escape(name)}$"

    all_operations, no_quantization = TFLOperationName.ALL_SUPPORTED, quantizer.AlgorithmName.NO_QUANTIZE
    work.update_quantization_recipe(".*", TFLOperationName.OUTPUT, algorithm_key=no_quantization)
    if last_layer < len(codes) and numbers(graph.operators[last_layer].outputs[0]) == numbers(graph.outputs[0]):
        work.add_dynamic_config(scope(last_layer), all_operations, num_bits=8)
    for number in range(last_layer + 1, len(codes)):
        work.update_quantization_recipe(scope(number), all_operations, algorithm_key=no_quantization)


def _signature_inputs(float32: Path, calibration: Iterable[np.ndarray]) -> dict[str, list[dict[str, np.ndarray]]]:
    from ai_edge_litert.interpreter import Interpreter

    ((signature, tensors),) = Interpreter(str(float32)).get_signature_list().items()
    return {signature: [{tensors["inputs"][0]: tensor} for tensor in calibration]}


def _add_float16(work: object) -> None:
    from litert_quantizer import qtyping, quantizer

    work.update_quantization_recipe(  # type: ignore[attr-defined]
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        algorithm_key=quantizer.AlgorithmName.FLOAT_CASTING,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
    )
