"""PyTorch network to TensorFlow Lite: float32, and from it dynamic range, full integer and float16.

litert-torch converts, litert-quantizer quantizes; the definitions are those of the TFLite documentation on
post-training quantization, which the paper uses (Section V, Remark 5). docs/quantization.md has what was measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

LAYOUT = "NHWC"
SUFFIX = ".tflite"
DISTRIBUTIONS = ("litert-torch", "litert-quantizer", "torch", "torchvision")
DELEGATES = ("cpu", "nnapi", "gpu")
QUANTIZATIONS = ("float32", "dynamic", "int8", "float16")


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Writes the network as float32 .tflite with input of shape (1, size, size, 3)."""
    import litert_torch
    import torch

    channel_last = litert_torch.to_channel_last_io(network, args=[0]).eval()
    litert_torch.convert(channel_last, (torch.zeros(1, size, size, 3),)).export(str(target))


def quantize(float32: Path, quantization: str, calibration: Iterable[np.ndarray], target: Path) -> None:
    """Writes a quantized version of a float32 .tflite.

    quantization: "dynamic" (8-bit weights, activations quantized as they come), "int8" (weights,
    activations and the input in 8 bits; the scores are float32) or "float16" (weights stored in 16 bits).
    calibration: input tensors of shape (1, size, size, 3), float32; only "int8" needs them.
    """
    from litert_quantizer import quantizer, recipe

    if quantization == "dynamic":
        result = quantizer.Quantizer(str(float32), recipe.dynamic_wi8_afp32()).quantize()
    elif quantization == "int8":
        result = _full_integer(float32, calibration)
    else:
        work = quantizer.Quantizer(str(float32))
        _add_float16(work)
        result = work.quantize()
    target.unlink(missing_ok=True)
    result.export_model(str(target))


def _full_integer(float32: Path, calibration: Iterable[np.ndarray]) -> Any:
    """The network with weights and activations in 8 bits, and scores in float32.

    The range of an activation is its minimum and maximum over all calibration images. The library's own
    default is a moving average of the extremes of each image, which cuts off peaks and depends on the order of the
    images: docs/quantization.md says what that cost.
    """
    from litert_quantizer import calibrator, quantizer, recipe, recipe_manager
    from litert_quantizer.utils import qsv_utils

    work = quantizer.Quantizer(str(float32), recipe.static_wi8_ai8())
    _keep_scores_float(work, float32)
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(work.get_quantization_recipe())
    ranges = calibrator.Calibrator(str(float32), num_threads=2, qsv_update_func=qsv_utils.min_max_update)
    ranges.calibrate(_signature_inputs(float32, calibration), manager)
    return work.quantize(ranges.get_model_qsvs())


def _keep_scores_float(work: Any, float32: Path) -> None:
    """Leaves out of a static 8-bit recipe what gives the scores: in 256 steps, the best classes are often equal.

    What comes after the last layer with weights is computed in float32. Where that layer itself gives one number
    a class, it keeps its 8-bit weights and gives float32 (dynamic range).
    """
    from ai_edge_litert.schema_py_generated import BuiltinOperator
    from litert_quantizer import quantizer
    from litert_quantizer.qtyping import TFLOperationName
    from litert_quantizer.utils import tfl_flatbuffer_utils

    model = tfl_flatbuffer_utils.read_model(str(float32))
    (graph,) = model.subgraphs
    layers = (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D, BuiltinOperator.FULLY_CONNECTED)
    codes = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    last = max((number for number, code in enumerate(codes) if code in layers), default=len(codes))

    def numbers(tensor: int) -> int:
        return math.prod(map(int, graph.tensors[tensor].shape))

    def scope(number: int) -> str:
        name = tfl_flatbuffer_utils.get_op_scope(graph.operators[number], graph.tensors)
        return f"^{re.escape(name)}$"

    everything, nothing = TFLOperationName.ALL_SUPPORTED, quantizer.AlgorithmName.NO_QUANTIZE
    work.update_quantization_recipe(".*", TFLOperationName.OUTPUT, algorithm_key=nothing)
    if last < len(codes) and numbers(graph.operators[last].outputs[0]) == numbers(graph.outputs[0]):
        work.add_dynamic_config(scope(last), everything, num_bits=8)
    for number in range(last + 1, len(codes)):
        work.update_quantization_recipe(scope(number), everything, algorithm_key=nothing)


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
