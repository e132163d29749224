"""Conversion of PyTorch networks to MNN via ONNX: float32, and from it float16. Not in the paper."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_suite.convert import onnx_files
from aiot_suite.convert.converter_process import conversion_failure, run_converter
from aiot_suite.errors import MissingOperatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from torch import nn

LAYOUT = "NCHW"
SUFFIX = ".mnn"
IMPORTS = ("MNN",)
DISTRIBUTIONS = ("mnn", "onnx", "torch", "torchvision")
QUANTIZATIONS = ("float32", "float16")
_CONVERT = "import sys, _tools; _tools.mnnconvert(sys.argv)"  # the module that the program mnnconvert calls
_MISSING = "These Op Not Support:"


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Write the network with an input of shape (1, 3, size, size).

    Raises MissingOperatorError for an operator that ONNX or MNN lacks, and ConversionError if MNN's converter crashes.
    """
    with tempfile.TemporaryDirectory(prefix="aiot-mnn-") as folder:
        source = Path(folder) / "model.onnx"
        onnx_files.export(network, size, source)
        _convert("ONNX", source, "float32", target)


def quantize(float32: Path, quantization: str, calibration: Iterable[np.ndarray], target: Path) -> None:
    """Write a version of a float32 file with weights in 16 bits; "float16" is the only quantization."""
    assert quantization == "float16"
    _convert("MNN", float32, quantization, target, "--fp16")


def _convert(kind: str, source: Path, quantization: str, target: Path, *options: str) -> None:
    """Run MNN's converter. The file keeps the quantization as its business code, which the agent reads."""
    import MNN  # noqa: F401  its absence is an error that names the package

    target.unlink(missing_ok=True)
    words = ["-f", kind, "--modelFile", str(source.resolve()), "--MNNModel", str(target.resolve())]
    words += ["--bizCode", quantization, *options]
    output = run_converter("of MNN", [sys.executable, "-c", _CONVERT, *words], source.parent)
    if _MISSING in output:
        names = output.partition(_MISSING)[2].splitlines()[0].split()
        raise MissingOperatorError("MNN", [name.removeprefix("ONNX::") for name in names])
    if not target.is_file():
        raise conversion_failure("of MNN", "wrote no model", output)
