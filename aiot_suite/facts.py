"""Facts about model files: settings, label space and provenance, and what is read from the files themselves."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
import struct
import zipfile
from collections import Counter
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import ModelError, printable
from aiot_suite.preprocess import INTERPOLATIONS, RESIZE_WAYS
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT_SIZES = {"inception_v3": 299}
"""Input height and width in pixels of models whose size is not 224 (paper, Section IV-B)."""


NO_LABELS = "none"
"""Label space of networks with random weights: no output stands for a class."""


@dataclass(frozen=True)
class Settings:
    """Conversion of an image to the model's input, and of an output index to a label (paper, Section IV-B).

    mean and std refer to pixel values from 0 to 255, in the model's channel order.
    """

    size: int
    label_space: str
    classes: int
    resize: str = RESIZE_WAYS[0]
    resize_size: int | None = None
    channel_order: str = "RGB"
    layout: str = "NCHW"
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    label_offset: int = 0  # label = output index - label_offset; lower outputs are not classes
    label_map: dict[str, int] | None = None  # output index -> label, if the order differs; empty with NO_LABELS
    interpolation: str = INTERPOLATIONS[0]

    def with_layout(self, layout: str) -> Settings:
        """Return a copy of the settings with another tensor layout."""
        return replace(self, layout=layout)

    def record(self) -> dict[str, Any]:
        """Return the settings as a dictionary for JSON.

        The usual interpolation is left out, as in records of versions that had no other.
        """
        record = asdict(self)
        if self.interpolation == INTERPOLATIONS[0]:
            del record["interpolation"]
        return record

    @classmethod
    def parse(cls, record: dict[str, Any], where: object) -> Settings:
        """Return settings from a JSON object; raises ModelError naming the file (`where`) and the problem."""
        try:
            triples: dict[str, Any] = {
                key: tuple(record[key]) for key in ("mean", "std") if isinstance(record.get(key), (list, tuple))
            }
            settings = cls(**{**record, **triples})
        except TypeError as error:
            raise ModelError(f"The settings in {where} are incomplete or contain unknown names ({error}).") from None
        problem = settings._problem()
        if problem:
            raise ModelError(f"{where} {problem}.")
        return settings

    @classmethod
    def of_outputs(cls, model: str, fields: Mapping[str, Any], outputs: int, where: object) -> Settings:
        """Return the settings of a network with `outputs` outputs: the given ones, completed with defaults.

        where: the origin of the settings, named in error messages.
        Raises ModelError if the settings do not match the number of outputs.
        """
        offset, mapping = fields.get("label_offset", 0), fields.get("label_map")
        classes = outputs - offset if _is_whole(offset) else outputs
        if isinstance(mapping, dict) and all(map(_is_whole, mapping.values())):
            classes = max(mapping.values(), default=-1) + 1
        elif outputs == _WITH_BACKGROUND:
            classes = 1000
        classes = fields.get("classes", classes)
        label_space = "imagenet-1000" if classes == 1000 else f"custom-{classes}"
        settings = cls.parse({**default_settings(model, label_space, classes).record(), **fields}, where)
        problem = settings._problem_with(outputs)
        if problem:
            raise ModelError(f"{where}: {problem}.")
        return settings

    def _problem(self) -> str | None:
        """Return what is wrong with the values, or None if they are valid."""
        for name, minimum in (("size", 1), ("classes", 1), ("label_offset", 0)):
            value = getattr(self, name)
            if not _is_whole(value) or value < minimum:
                return f"has {name} {value!r}: write a whole number, {minimum} or more"
        if self.resize not in RESIZE_WAYS:
            return f"has resize {self.resize!r}: choose one of {', '.join(RESIZE_WAYS)}"
        if self.interpolation not in INTERPOLATIONS:
            return f"has interpolation {self.interpolation!r}: choose one of {', '.join(INTERPOLATIONS)}"
        if self.resize_size is not None and (not _is_whole(self.resize_size) or self.resize_size < self.size):
            return f"has resize_size {self.resize_size!r}: write a whole number, {self.size} (the size) or more"
        if self.channel_order not in ("RGB", "BGR"):
            return f"has channel_order {self.channel_order!r}: write RGB or BGR"
        if self.layout not in ("NHWC", "NCHW"):
            return f"has layout {self.layout!r}: write NHWC or NCHW"
        if not isinstance(self.label_space, str) or not self.label_space:
            return f"has label_space {self.label_space!r}: write a name, for example imagenet-1000"
        return self._problem_of_normalization() or self._problem_of_map()

    def _problem_of_normalization(self) -> str | None:
        for name in ("mean", "std"):
            values = getattr(self, name)
            is_numeric = isinstance(values, tuple) and all(map(_is_number, values))
            if not is_numeric or len(values) != 3:
                displayed = list(values) if isinstance(values, tuple) else values
                return f"has {name} {displayed!r}: write three numbers, one for each channel"
        if min(self.std) <= 0:
            return (
                f"has std {list(self.std)}: every value must be greater than 0, because pixels are converted "
                "with (x - mean) / std"
            )
        if min(self.std) < 1 or 0 < max(map(abs, self.mean)) <= 1:
            return (
                f"has mean {list(self.mean)} and std {list(self.std)}: these must be for pixel values from 0 "
                "to 255, so multiply values meant for the range 0 to 1 by 255"
            )
        return None

    def _problem_of_map(self) -> str | None:
        mapping = self.label_map
        if mapping is None:
            return None
        if not isinstance(mapping, dict) or not (mapping or self.label_space == NO_LABELS):
            return f'has label_map {mapping!r}: write an object that maps outputs to labels, for example {{"0": 5}}'
        for output, label in mapping.items():
            if not re.fullmatch("[0-9]{1,9}", str(output)) or not _is_whole(label) or not 0 <= label < self.classes:
                entry = f"{output!r:.80}: {label!r:.80}"
                return f"has {entry} in label_map: map an output number to a label below {self.classes}"
        return None

    def _problem_with(self, outputs: int) -> str | None:
        """Return how the settings conflict with a network that has `outputs` outputs, or None if they match."""
        count = _SPACES.get(self.label_space, self.classes)
        if count != self.classes:
            return (
                f"label_space {self.label_space} has {count} classes, but the settings have {self.classes}: "
                "correct one of them"
            )
        if self.label_map is None and self.classes + self.label_offset != outputs:
            return (
                f"the network has {outputs} outputs, but its settings say {self.classes} classes starting at "
                f"output {self.label_offset}: correct classes or label_offset (use 1 if output 0 is "
                "background, not a class)"
            )
        invalid = [output for output in self.label_map or {} if int(output) >= outputs]
        return f"label_map has output {invalid[0]}, but the network has {outputs} outputs" if invalid else None


_WITH_BACKGROUND = 1001  # outputs of networks with a background class before ImageNet's 1000
_SPACES = {"imagenet-1000": 1000, "sample-100": 100}  # number of classes of the built-in label spaces


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def pop_declared_accuracy(fields: dict[str, Any], where: object) -> float | None:
    """Remove the declared accuracy from settings read from JSON and return it, or None if there is none.

    Raises ModelError if it is not a fraction above 0 and at most 1.
    """
    accuracy = fields.pop("accuracy", None)
    if accuracy is None:
        return None
    if not _is_number(accuracy) or not 0 < accuracy <= 1:
        is_percentage = _is_number(accuracy) and 1 < accuracy <= 100
        hint = f", for example {round(accuracy / 100, 6):g} for {accuracy:g}%" if is_percentage else ""
        raise ModelError(
            f"{where} has accuracy {accuracy!r}: write the fraction of correct answers, from 0 to 1{hint}."
        )
    return float(accuracy)


def default_settings(model: str, label_space: str, classes: int) -> Settings:
    """Return the settings for torchvision's preprocessing with the paper's way of resizing."""
    return Settings(size=INPUT_SIZES.get(model, 224), label_space=label_space, classes=classes)


@dataclass(frozen=True)
class Calibrated:
    """The images used to calibrate a model file, that is, to determine the ranges of its 8-bit activations."""

    dataset: str
    sha256: str  # of the dataset; for drawn pictures, over their hashes
    images: int
    image_sha256: tuple[str, ...]  # of each image file; none of these images may be used to test the model file

    @property
    def key(self) -> str:
        """Identifier of the set of images; changes when the images change."""
        return hashlib.sha256("".join(self.image_sha256).encode()).hexdigest()

    def summary(self) -> dict[str, Any]:
        """Return all fields except the hashes of the individual images."""
        return {"dataset": self.dataset, "sha256": self.sha256, "images": self.images}


@dataclass(frozen=True)
class Artifact:
    """A model file that is ready to run, with its settings and provenance."""

    path: Path
    name: str  # <framework>_<quantization>_<model>
    sha256: str
    size_bytes: int
    weights: str
    weights_sha256: str
    settings: Settings
    made_with: dict[str, str]
    source_key: str  # changes when any input of the conversion changes
    environment: str = "main"  # in which it was built and runs: see aiot_suite.environments
    declared_accuracy: float | None = None  # top-1, 0 to 1, as stated by the author of the weights
    added: bool = False  # by the user, as a file: there is no PyTorch original to compare it with
    calibrated: Calibrated | None = None  # None: not calibrated, or calibrated by the author of an added file
    macs: int | None = None  # multiply-accumulates for one image, see architectures.count; None: unknown
    parameters: int | None = None

    def save(self) -> None:
        """Write the description to a sidecar file <name>.json next to the model file."""
        record = {**asdict(self), "path": self.path.name, "settings": self.settings.record()}
        rawlog.replace_text(self.path.with_name(f"{self.name}.json"), json.dumps(record, indent=1) + "\n")

    @classmethod
    def load(cls, sidecar: Path) -> Artifact:
        """Load an artifact from its sidecar file; raises ModelError if that is damaged or the model file is missing."""
        try:
            record = rawlog.parse(rawlog.read_bytes(sidecar, rawlog.RECORD_LIMIT_BYTES))
            for name in ("path", "name", "weights"):  # they become names of files here and on devices
                if fault := rawlog.name_fault(record[name]):
                    raise ValueError(f"{name} {record[name]!a}: {fault}")
            settings = Settings.parse(record.pop("settings"), sidecar)
            if calibrated := record.pop("calibrated", None):
                calibrated = Calibrated(**{**calibrated, "image_sha256": tuple(calibrated["image_sha256"])})
            path = sidecar.parent / record.pop("path")
            artifact = cls(path=path, settings=settings, calibrated=calibrated, **record)
        except (ValueError, TypeError, KeyError, AttributeError, rawlog.RawLogError) as error:
            raise ModelError(
                f"{sidecar} is not a valid description of a model ({error}): prepare the model again."
            ) from None
        if not artifact.path.is_file():
            raise ModelError(f"{artifact.path} no longer exists: run `aiot models prepare`.")
        return artifact


def load_artifacts(folder: Path) -> dict[str, Artifact]:
    """Return the artifacts in a folder by name, without damaged ones, which are rebuilt by preparing the models."""
    artifacts = {}
    for sidecar in sorted(folder.glob("*.json")):
        try:
            artifact = Artifact.load(sidecar)
        except ModelError:
            continue
        artifacts[artifact.name] = artifact
    return artifacts


def unsupported_file(folder: Path, artifact: str) -> Path:
    """Return the file that records why a framework does not support the network of a model file."""
    return folder / "unsupported" / f"{artifact}.json"


def load_unsupported(folder: Path) -> dict[str, str]:
    """Return why frameworks do not support the networks of model files of a folder, by the names of the files."""
    reasons = {}
    for file in sorted(unsupported_file(folder, "*").parent.glob("*.json")):
        try:
            reasons[file.stem] = str(rawlog.parse(rawlog.read_bytes(file, rawlog.RECORD_LIMIT_BYTES))["reason"])
        except (ValueError, TypeError, KeyError, rawlog.RawLogError):
            continue
    return reasons


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
