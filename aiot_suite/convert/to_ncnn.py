"""Conversion of PyTorch networks to ncnn by pnnx: float32, and float16. Not in the paper.

ncnn keeps a network in two files, its weights (.bin) and its layers as text (.param). A model file here is the first,
followed by the second, and, for float16, by FLOAT16. The tools that make int8 files are not in the package ncnn.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.convert.converter_process import conversion_failure, run_converter
from aiot_suite.errors import MissingOperatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from torch import nn

LAYOUT = "NCHW"
SUFFIX = ".ncnn"
IMPORTS = ("ncnn",)
DISTRIBUTIONS = ("ncnn", "pnnx", "torch", "torchvision")
QUANTIZATIONS = ("float32", "float16")
FLOAT16 = b"# float16\n"
"""Last line of a float16 file, which lets the agent compute in 16 bits where the processor can."""


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Write the network with an input of shape (1, 3, size, size).

    Raises MissingOperatorError for an operator that ncnn lacks, and ConversionError if pnnx crashes.
    """
    target.write_bytes(_convert(network, size, fp16=False))


def convert_quantized(
    network: nn.Module, size: int, quantization: str, calibration: Iterable[np.ndarray], target: Path
) -> None:
    """Write the network with weights in 16 bits; the only quantization is "float16", which needs no calibration."""
    assert quantization == "float16"
    target.write_bytes(_convert(network, size, fp16=True) + FLOAT16)


def _convert(network: nn.Module, size: int, fp16: bool) -> bytes:
    import ncnn
    import pnnx
    import torch

    with tempfile.TemporaryDirectory(prefix="aiot-pnnx-") as name:
        folder = Path(name)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is what pnnx reads
            jit: Any = torch.jit  # its functions have no types
            jit.trace(network, torch.zeros(1, 3, size, size)).save(str(folder / "model.pt"))
        shape = f"inputshape=[1,3,{size},{size}]f32"
        output = run_converter("pnnx", [pnnx.EXEC_PATH, "model.pt", shape, f"fp16={int(fp16)}"], folder)
        weights, layers = folder / "model.ncnn.bin", folder / "model.ncnn.param"
        if not layers.is_file() or not weights.is_file():
            raise conversion_failure("pnnx", "wrote no model", output)
        text = layers.read_text(encoding="utf-8")
        kinds = [line.split()[0] for line in text.splitlines()[2:]]
        if missing := [kind for kind in kinds if ncnn.layer_to_index(kind) < 0]:
            raise MissingOperatorError("ncnn", missing)
        return weights.read_bytes() + text.encode()
