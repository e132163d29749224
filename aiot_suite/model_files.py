"""What a file says of itself: that it is no model at all, and the types, shapes and quantization of a .tflite."""

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

_BEGINNING = 512  # bytes, of which a text is recognized


def refuse_other_files(file: Path, wanted: str) -> None:
    """Raise ModelError if a file is empty, a placeholder, a web page or another text in the place of binary data.

    wanted: what the file should be, in a word.
    """
    with file.open("rb") as opened:
        beginning = opened.read(_BEGINNING)
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    again = f"download the {wanted} again, from an address that leads to the file itself"
    if not beginning:
        raise ModelError(f"{file} is empty: {again}.")
    if text.startswith(b"version https://git-lfs.github.com/spec/") or text.startswith(b"version https://hawser"):
        raise ModelError(f"{file} is a Git LFS pointer, which only names the {wanted}: run `git lfs pull`, or {again}.")
    if text.startswith(b"/annex/objects/") or b"/.git/annex/objects/" in text:
        raise ModelError(f"{file} is a git-annex pointer, which only names the {wanted}: run `git annex get` there.")
    if b"<html" in text or text.startswith((b"<!doctype html", b"<head", b"<body")):
        raise ModelError(f"{file} is a web page (HTML): {again}.")
    if beginning.startswith(gzip.compress(b"")[:2]):
        raise ModelError(f"{file} is compressed with gzip: unpack it first.")
    if _is_text(beginning):
        shown = printable(beginning.decode("utf-8", errors="replace"))[:60]
        raise ModelError(f"{file} is a text that begins with {shown!r}: {again}.")


def _is_text(beginning: bytes) -> bool:
    try:
        text = beginning[:-4].decode() if len(beginning) == _BEGINNING else beginning.decode()
    except UnicodeDecodeError:
        return False
    return all(one.isprintable() or one in "\t\r\n\f" for one in text)


@dataclass(frozen=True)
class Tensor:
    """An input or output of a model file."""

    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0  # 0: not quantized
    zero_point: int = 0

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape)) or 'a single number'} {self.dtype}"


@dataclass(frozen=True)
class Description:
    """What a model file says of itself; None where its format does not say it."""

    quantization: str | None  # one of aiot_suite.suite.QUANTIZATIONS, or the types in words
    weights: int | None = None  # how many numbers
    inputs: tuple[Tensor, ...] | None = None
    outputs: tuple[Tensor, ...] | None = None


def describe(file: Path, framework: str) -> Description:
    """Read what a model file of a framework says of itself.

    Raises ModelError if it is no file of the framework.
    """
    refuse_other_files(file, "model file")
    if framework == "tflite":
        return _describe_tflite(file)
    quantized = {"pytorch": b"quantized::", "caffe2": b"Int8"}.get(framework)  # in the names of operators
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
        raise ModelError(f"{file} is no TFLite model file: it does not have the mark TFL3.")
    try:
        model = schema.Model.GetRootAs(data, 0)
        graph = model.Subgraphs(0)
        inputs = tuple(_tensor(graph.Tensors(graph.Inputs(number)), schema) for number in range(graph.InputsLength()))
        outputs = tuple(
            _tensor(graph.Tensors(graph.Outputs(number)), schema) for number in range(graph.OutputsLength())
        )
        kinds = _kinds_of_weights(model, graph, schema)
    except (struct.error, IndexError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{file} cannot be read as a TFLite model file ({type(error).__name__}).") from None
    main = kinds.most_common(1)[0][0] if kinds else None
    if set(kinds) == {"int8", "dynamic"}:
        main = "int8"  # only its last layer gives float32: see aiot_suite.convert.to_tflite
    return Description(main, kinds.total() or None, inputs, outputs)


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
"""Places of the activations and of the weights among the inputs of the operators that do most of the work."""

_KINDS = {
    ("float32", "float32"): "float32",
    ("float32", "float16"): "float16",
    ("float32", "int8"): "dynamic",
    ("float32", "uint8"): "dynamic",
    ("int8", "int8"): "int8",
    ("uint8", "uint8"): "int8",
    ("uint8", "int8"): "int8",
}
"""Quantization by the types of activations and weights, as the TFLite documentation defines the kinds."""


def _kinds_of_weights(model: Any, graph: Any, schema: Any) -> Counter[str]:
    """How many weights there are of each quantization."""
    names, operators = _type_names(schema), {value: name for name, value in vars(schema.BuiltinOperator).items()}
    codes = [model.OperatorCodes(number) for number in range(model.OperatorCodesLength())]
    by_code = [operators.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "") for code in codes]
    nodes = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    stored: Mapping[int, int] = {  # what DEQUANTIZE makes of weights that are kept in fewer bits
        node.Outputs(0): node.Inputs(0) for node in nodes if by_code[node.OpcodeIndex()] == "DEQUANTIZE"
    }
    kinds: Counter[str] = Counter()
    for node in nodes:
        at = _WEIGHTS_AT.get(by_code[node.OpcodeIndex()])
        if at is None:
            continue
        activations, weights = (node.Inputs(place) for place in at)
        tensor = graph.Tensors(stored.get(weights, weights))
        kept, given = names[tensor.Type()], names[graph.Tensors(activations).Type()]
        kind = _KINDS.get((given, kept), f"{kept} weights and {given} activations")
        if weights in stored and kept != "float16":
            kind = f"{kept} weights that are made {given} before they are used"
        kinds[kind] += prod(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
    return kinds
