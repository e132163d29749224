"""PyTorch network to TensorFlow Lite: float32, and from it dynamic range, full integer and float16.

litert-torch converts, litert-quantizer quantizes; the definitions are those of the TFLite documentation on
post-training quantization, which the paper uses (Section V, Remark 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

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

    quantization: "dynamic" (8-bit weights, activations quantized as they come), "int8" (all tensors
    8-bit, input and output too) or "float16" (weights stored in 16 bits).
    calibration: input tensors of shape (1, size, size, 3), float32; only "int8" needs them.
    """
    from litert_quantizer import quantizer, recipe

    if quantization == "dynamic":
        work = quantizer.Quantizer(str(float32), recipe.dynamic_wi8_afp32())
        result = work.quantize()
    elif quantization == "int8":
        work = quantizer.Quantizer(str(float32), recipe.static_wi8_ai8())
        result = work.quantize(work.calibrate(_signature_inputs(float32, calibration), num_threads=2))
    else:
        work = quantizer.Quantizer(str(float32))
        _add_float16(work)
        result = work.quantize()
    target.unlink(missing_ok=True)
    result.export_model(str(target))


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
