"""Inspection of model files: detect files that are not models, and read types, shapes and quantization of .tflite."""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from aiot_suite.errors import ModelError, printable

_BEGINNING = 512  # bytes to read to recognize a text file


def refuse_other_files(file: Path, wanted: str) -> None:
    """Raise ModelError if a file is empty, or a placeholder, a web page or other text instead of binary data.

    wanted: a word for what the file should be, used in the message.
    """
    with file.open("rb") as stream:
        beginning = stream.read(_BEGINNING)
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    advice = f"download the {wanted} again, using an address that leads directly to the file"
    if not beginning:
        raise ModelError(f"{file} is empty: {advice}.")
    if text.startswith((b"version https://git-lfs.github.com/spec/", b"version https://hawser")):
        raise ModelError(f"{file} is a Git LFS pointer, not the {wanted} itself: run `git lfs pull`, or {advice}.")
    if text.startswith(b"/annex/objects/") or b"/.git/annex/objects/" in text:
        raise ModelError(f"{file} is a git-annex pointer, not the {wanted} itself: run `git annex get` in its folder.")
    if b"<html" in text or text.startswith((b"<!doctype html", b"<head", b"<body")):
        raise ModelError(f"{file} is a web page (HTML): {advice}.")
    if beginning.startswith(gzip.compress(b"")[:2]):
        raise ModelError(f"{file} is compressed with gzip: decompress it first.")
    if _is_text(beginning):
        excerpt = printable(beginning.decode("utf-8", errors="replace"))[:60]
        raise ModelError(f"{file} is a text file that starts with {excerpt!r}: {advice}.")


def _is_text(beginning: bytes) -> bool:
    try:
        text = beginning[:-4].decode() if len(beginning) == _BEGINNING else beginning.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)


@dataclass(frozen=True)
class Tensor:
    """An input or output tensor of a model file."""

    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0  # 0: not quantized
    zero_point: int = 0

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape)) or 'a single number'} {self.dtype}"


@dataclass(frozen=True)
class Description:
    """Properties read from a model file; None where its format does not record them."""

    quantization: str | None  # one of aiot_suite.suite.QUANTIZATIONS, or a description of the types
    weights: int | None = None  # number of values
    inputs: tuple[Tensor, ...] | None = None
    outputs: tuple[Tensor, ...] | None = None


def describe(file: Path, framework: str) -> Description:
    """Return the properties recorded in a model file of a framework.

    Raises ModelError if the file does not belong to the framework.
    """
    refuse_other_files(file, "model file")
    if framework == "tflite":
        return _describe_tflite(file)
    quantized = {"pytorch": b"quantized::", "caffe2": b"Int8"}.get(framework)  # part of the operators' names
    program = {"pytorch": "bytecode.pkl", "caffe2": "predict_net.pb"}.get(framework)
    if quantized and program and zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            parts = [archive.read(name) for name in archive.namelist() if Path(name).name == program]
        if any(quantized in part for part in parts):
            return Description("int8")
    return Description(None)


def _describe_tflite(file: Path) -> Description:
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise ModelError(f"{file} cannot be read without {error.name}: pip install 'aiotbench[run]'.") from None

    data = file.read_bytes()
    if data[4:8] != b"TFL3":
        raise ModelError(
            f"{file} is not a TFLite model file, because it lacks the identifier TFL3: check the file name."
        )
    try:
        model = schema.Model.GetRootAs(data, 0)
        graph = model.Subgraphs(0)
        inputs = tuple(_tensor(graph.Tensors(graph.Inputs(index)), schema) for index in range(graph.InputsLength()))
        outputs = tuple(_tensor(graph.Tensors(graph.Outputs(index)), schema) for index in range(graph.OutputsLength()))
        kinds = _kinds_of_weights(model, graph, schema)
    except (struct.error, IndexError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{file} cannot be read as a TFLite model file ({type(error).__name__}): it may be damaged or incomplete."
        ) from None
    main_kind = kinds.most_common(1)[0][0] if kinds else None
    if set(kinds) == {"int8", "dynamic"}:
        main_kind = "int8"  # only its last layer outputs float32: see aiot_suite.convert.to_tflite
    return Description(main_kind, kinds.total() or None, inputs, outputs)


def _tensor(tensor: Any, schema: Any) -> Tensor:
    quantization = tensor.Quantization()
    quantized = quantization is not None and quantization.ScaleLength() == 1
    return Tensor(
        tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength())),
        _type_names(schema)[tensor.Type()],
        float(quantization.Scale(0)) if quantized else 0.0,
        int(quantization.ZeroPoint(0)) if quantized and quantization.ZeroPointLength() else 0,
    )


def _type_names(schema: Any) -> dict[int, str]:
    return {value: name.lower() for name, value in vars(schema.TensorType).items() if name.isupper()}


_WEIGHTS_AT = {"CONV_2D": (0, 1), "DEPTHWISE_CONV_2D": (0, 1), "FULLY_CONNECTED": (0, 1), "TRANSPOSE_CONV": (2, 1)}
"""Input positions (activations, weights) of the operators that do most of the work."""

_KINDS = {
    ("float32", "float32"): "float32",
    ("float32", "float16"): "float16",
    ("float32", "int8"): "dynamic",
    ("float32", "uint8"): "dynamic",
    ("int8", "int8"): "int8",
    ("uint8", "uint8"): "int8",
    ("uint8", "int8"): "int8",
}
"""Kind of quantization by the types of (activations, weights), as defined in the TFLite documentation."""


def _kinds_of_weights(model: Any, graph: Any, schema: Any) -> Counter[str]:
    """Count the weights of each kind of quantization."""
    type_names, operators = _type_names(schema), {value: name for name, value in vars(schema.BuiltinOperator).items()}
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    by_code = [operators.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "") for code in codes]
    nodes = [graph.Operators(index) for index in range(graph.OperatorsLength())]
    stored_as: Mapping[int, int] = {  # dequantized tensor -> the tensor stored in fewer bits
        node.Outputs(0): node.Inputs(0) for node in nodes if by_code[node.OpcodeIndex()] == "DEQUANTIZE"
    }
    kinds: Counter[str] = Counter()
    for node in nodes:
        positions = _WEIGHTS_AT.get(by_code[node.OpcodeIndex()])
        if positions is None:
            continue
        activations, weights = (node.Inputs(position) for position in positions)
        tensor = graph.Tensors(stored_as.get(weights, weights))
        weight_type, activation_type = type_names[tensor.Type()], type_names[graph.Tensors(activations).Type()]
        kind = _KINDS.get((activation_type, weight_type), f"{weight_type} weights and {activation_type} activations")
        if weights in stored_as and weight_type != "float16":
            kind = f"{weight_type} weights that are converted to {activation_type} before use"
        kinds[kind] += prod(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
    return kinds
