"""Add a model file that was made elsewhere."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aiot_suite import environments, suite
from aiot_suite.catalog import MODEL_NAME, Catalog, Framework
from aiot_suite.environments import INSTALL_LEGACY
from aiot_suite.errors import ModelError, SelectionError, SetupError
from aiot_suite.facts import Artifact, Description, Settings, Tensor, describe, load_artifacts, pop_declared_accuracy
from aiot_suite.preprocess import Preprocess
from aiot_suite.suite import QUANTIZATIONS, Instance
from aiot_suite.weights.weight_sources import read_json
from aiot_suite.workspace import OWN_WEIGHTS, sha256_of
from runner.parity import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.devices.local import LocalDevice

PIXELS = 8  # bits per value in an image file
UNIT_LENGTH = 0.01  # maximum deviation from 1 of an embedding's length
MANY = 0.1  # share of pixel values that may exceed the input's range without a note
ALIKE = 0.1  # maximum relative difference between the number of weights in the file and in the named network


def instance_of(file: Path, model: str, framework: str, quantization: str | None, catalog: Catalog) -> Instance:
    """Return the instance that runs a model file on the CPU.

    `model` is a model of the catalogue, or a new name for a network of another architecture. If `quantization` is None,
    it is read from the file. Raises SelectionError if there is no such instance, and ModelError if the file does not
    exist.
    """
    if not file.is_file():
        raise ModelError(f"There is no file {file}: name the model file.")
    [framework] = suite.choose("Framework", [framework], list(catalog.frameworks))
    offered = catalog.frameworks[framework].quantizations
    if quantization:
        [quantization] = suite.choose("Quantization", [quantization], offered)
    else:
        quantization = describe(file, framework).quantization or "float32"
    try:
        [name] = suite.choose("Model", [model], list(catalog.models))
    except SelectionError:
        name = re.sub(r"[-. ]", "_", model.strip().lower())
        if not MODEL_NAME.fullmatch(name):
            raise SelectionError(
                f"{model!r} is not a valid model name: use one of {', '.join(catalog.models)}, or for another "
                "network a name of lower-case letters, digits and underscores."
            ) from None
    return Instance(framework, "cpu", quantization, name)


def add(
    file: Path,
    instance: Instance,
    *,
    name: str,
    settings_file: Path,
    folder: Path,
    known: Catalog,
    device: LocalDevice,
    tell: Callable[[str], object] | None = None,
) -> Artifact:
    """Copy a model file and its settings into `folder`, after running it on a few test images.

    `instance` has the model, framework and quantization; `name` is the name of the weights in the runs. `tell` is
    called with one note at a time: what was read from the file, and possible problems. Raises ModelError if the file
    does not match `instance`, is not a classifier, or runs in no environment of the framework.
    """
    tell = tell or (lambda _: None)
    if not file.is_file():
        raise ModelError(f"There is no file {file}: name the model file.")
    if name in OWN_WEIGHTS or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise ModelError(
            f"{name!r} cannot be used as the name of the weights: use letters, digits, '.', '_' and '-', but "
            f"not {' or '.join(OWN_WEIGHTS)}."
        )
    if file.name.endswith((".npz", ".safetensors", ".pth", ".pth.tar", ".ckpt")):
        raise ModelError(
            f"{file} contains weights, not a model: build model files from them with `aiot models prepare "
            "--weights FOLDER`."
        )
    framework = known.frameworks[instance.framework]
    description = describe(file, framework.name)
    _refuse_other_quantization(file, instance, description, framework)
    fields = read_json(settings_file)
    accuracy = pop_declared_accuracy(fields, settings_file)
    installed = [env for env in framework.environments if environments.interpreter_path(env)]
    if not installed:
        raise SetupError(f"{framework.name} needs the legacy environment, which is missing: {INSTALL_LEGACY}.")
    fields = {"layout": framework.layout, **fields}
    outputs = None
    if description.inputs is not None and description.outputs is not None:
        fields, outputs = _read_from(
            file, description.inputs, description.outputs, fields, framework.layout, settings_file
        )
    candidate = Artifact(
        path=file,
        name=instance.artifact,
        sha256=sha256_of(file),
        size_bytes=file.stat().st_size,
        weights=name,
        weights_sha256=sha256_of(file),
        settings=_settings(instance, fields, outputs, settings_file),
        made_with={},
        source_key="",
        declared_accuracy=accuracy,
        added=True,
    )
    failures = []
    for environment in installed:
        artifact = replace(candidate, environment=environment)
        try:
            score_count = _try_model(artifact, known, device)
        except ModelError as error:
            failures.append(str(error))
            continue
        artifact = replace(artifact, settings=_settings(instance, fields, score_count, settings_file))
        for note in _describe_assumptions(instance, description, artifact.settings, score_count, known):
            tell(note)
        _refuse_name_of_prepared(folder, artifact)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{artifact.name}{framework.suffix}"
        if target.resolve() != file.resolve():
            shutil.copyfile(file, target)
        artifact = replace(artifact, path=target)
        artifact.save()
        return artifact
    missing_envs = [env for env in framework.environments if env not in installed]
    hint = f" The file may be meant for the environment {missing_envs[0]}: {INSTALL_LEGACY}." if missing_envs else ""
    raise ModelError(" ".join(failures) + hint)


def _refuse_name_of_prepared(folder: Path, artifact: Artifact) -> None:
    """Raise ModelError if the file would overwrite one that was built from weights."""
    existing = load_artifacts(folder).get(artifact.name)
    if existing is not None and not existing.added:
        raise ModelError(
            f"{folder} contains {existing.path.name}, which was built from weights: choose another --name."
        )


def _refuse_other_quantization(file: Path, instance: Instance, described: Description, framework: Framework) -> None:
    """Raise ModelError if the quantization of the file differs from that of the instance."""
    actual = described.quantization
    if actual is not None and actual not in QUANTIZATIONS:
        raise ModelError(
            f"{file} has {actual}, which is not one of {', '.join(QUANTIZATIONS)}: convert the model again."
        )
    if actual is not None and actual == instance.quantization and actual not in framework.quantizations:
        offered = ", ".join(framework.quantizations)
        raise ModelError(
            f"{file} is {actual} according to the types of its weights, but for {framework.name} only "
            f"{offered} can be run: convert the model again."
        )
    if actual is not None and actual != instance.quantization:
        advice = f"add it with --quantization {actual}" if actual in framework.quantizations else "use another file"
        raise ModelError(
            f"{file} is {actual}, not {instance.quantization}, according to the types of its weights: {advice}."
        )


def _read_from(
    file: Path,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    fields: dict[str, Any],
    layout: str,
    settings_file: Path,
) -> tuple[dict[str, Any], int]:
    """Return the settings, completed from the type and shape of the input, and the number of outputs.

    Raises ModelError unless the network takes one image and gives one score per class.
    """
    if len(outputs) != 1 or len(inputs) != 1:
        tensors, verb = (outputs, "gives") if len(outputs) != 1 else (inputs, "takes")
        raise ModelError(
            f"{file} {verb} {len(tensors)} tensors ({', '.join(map(str, tensors))}), so it is not a "
            "classifier: use a model that takes one image and gives one score per class."
        )
    (input_tensor,), (output_tensor,) = inputs, outputs
    if (
        not output_tensor.shape
        or max(output_tensor.shape) < 2
        or int(np.prod(output_tensor.shape)) != output_tensor.shape[-1]
    ):
        raise ModelError(
            f"{file} gives {output_tensor}, but a classifier gives 1 x classes: it may be a detector, or a "
            "network for segmentation or poses."
        )
    shape = input_tensor.shape
    if len(shape) != 4 or shape[0] != 1 or 3 not in (shape[1], shape[3]):
        raise ModelError(f"{file} takes {input_tensor}: use a model whose input is one image with three channels.")
    input_layout = "NHWC" if shape[3] == 3 else "NCHW"
    if input_layout != layout:
        raise ModelError(
            f"{file} takes {input_tensor}, which is {input_layout}: convert it again with an {layout} input."
        )
    sides = shape[1:3] if layout == "NHWC" else shape[2:4]
    if sides[0] != sides[1]:
        raise ModelError(
            f"{file} takes {input_tensor}: use a model with a square input, because only square images are supported."
        )
    if fields.setdefault("size", sides[0]) != sides[0]:
        raise ModelError(
            f"{file} takes {input_tensor}, but {settings_file} says size {fields['size']!r}: correct or remove "
            "the size."
        )
    if input_tensor.dtype not in ("float32", "uint8", "int8"):
        raise ModelError(f"{file} takes {input_tensor}: use a model with an input of float32, uint8 or int8.")
    if input_tensor.dtype != "float32":
        mean, std = _normalization_of_raw_pixels(input_tensor)
        fields.setdefault("mean", [mean] * 3)
        fields.setdefault("std", [std] * 3)
        if not input_tensor.scale and (list(fields["mean"]), list(fields["std"])) != ([mean] * 3, [std] * 3):
            raise ModelError(
                f"{file} takes {input_tensor} without quantization, so its input is unmodified pixels: write "
                f"mean {mean:g} and std {std:g} for each channel into {settings_file}, or omit them."
            )
    return fields, output_tensor.shape[-1]


def _normalization_of_raw_pixels(taken: Tensor) -> tuple[float, float]:
    """Return the mean and std for which an integer input equals the pixel values (for int8, minus 128)."""
    offset = 128 if taken.dtype == "int8" else 0
    return float(taken.zero_point + offset), round(1 / taken.scale, 6) if taken.scale else 1.0


def _settings(instance: Instance, fields: dict[str, Any], outputs: int | None, where: Path) -> Settings:
    """Return the settings for a number of outputs.

    If `outputs` is None, the number is not known yet, and settings that depend on it are not checked.
    """
    if outputs is None:
        label_fields = {"classes", "label_space", "label_offset", "label_map"}
        return Settings.of_outputs(
            instance.model, {name: value for name, value in fields.items() if name not in label_fields}, 1000, where
        )
    if not fields.get("label_map"):
        fields = {"classes": 1000, **fields}
    return Settings.of_outputs(instance.model, fields, outputs, where)


def _try_model(artifact: Artifact, catalog: Catalog, device: LocalDevice) -> int:
    """Run the model file on a few test images and return the number of scores it gives.

    Raises ModelError if the model cannot be run, or if its outputs are not those of a classifier.
    """
    rng = np.random.default_rng(0)
    grey = np.full((240, 320, 3), 127, np.uint8)
    noise = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    stripes = np.stack([np.tile(np.arange(320) % 256, (240, 1))] * 2 + [grey[:, :, 0]], 2).astype(np.uint8)
    with tempfile.TemporaryDirectory(prefix="aiot-add-") as folder:
        images = []
        for name, pixels in (("grey", grey), ("noise", noise), ("stripes", stripes)):
            Image.fromarray(pixels).save(Path(folder, f"{name}.png"))
            images.append((f"{name}.png", 0))
        scores = check.outputs(artifact, catalog, device, Path(folder), images)
    if scores.ndim != 2 or scores.shape[1] < 2:
        shape = "x".join(map(str, scores.shape[1:])) or "a single number"
        raise ModelError(
            f"{artifact.path} gives {shape} per image, but a classifier gives one score per class: it may be "
            "a detector, or a network for segmentation or poses."
        )
    if not np.isfinite(scores).all():
        raise ModelError(f"{artifact.path} gives scores that are not finite numbers: its weights may be damaged.")
    lengths = np.linalg.norm(scores, axis=1)
    if np.abs(lengths - 1).max() < UNIT_LENGTH and (scores < 0).any():
        raise ModelError(
            f"{artifact.path} gives vectors of length 1, as networks for embeddings do: use a classifier, "
            "which gives one score per class."
        )
    return int(scores.shape[1])


def _describe_assumptions(
    instance: Instance, described: Description, settings: Settings, outputs: int, catalog: Catalog
) -> list[str]:
    """Return what was read from the file, given its number of outputs, and what the user may want to check."""
    notes = []
    if described.inputs and described.outputs:
        (input_tensor,), (output_tensor,) = described.inputs, described.outputs
        notes.append(f"{instance.quantization}, takes {input_tensor}, gives {output_tensor}")
        notes += _note_on_input(input_tensor, settings)
    if instance.model not in catalog.models:
        notes.append(f"{instance.model} is not one of the suite's models: select it with --models {instance.model}")
    elif described.weights:
        network = catalog.models[instance.model].build(outputs)
        count = sum(value.numel() for value in network.parameters())
        if abs(described.weights / count - 1) > ALIKE:
            notes.append(
                f"it has {described.weights / 1e6:.2f} million weights, but {instance.model} has "
                f"{count / 1e6:.2f} million: if it is another network, choose another name with --model"
            )
    return notes


def _note_on_input(taken: Tensor, settings: Settings) -> list[str]:
    """Return a note if the settings shift pixel values slightly, or move many out of an integer input's range."""
    if not taken.scale:
        return []
    pixels = np.arange(2**PIXELS)
    table = Preprocess.of(settings.record(), taken.dtype, taken.scale, taken.zero_point).table.astype(int)
    shifted = table + (128 if taken.dtype == "int8" else 0) - pixels
    shifted_count = int((shifted != 0).any(0).sum())
    if shifted_count and np.abs(shifted).max() <= 2:
        mean, std = _normalization_of_raw_pixels(taken)
        return [
            (
                f"mean and std shift {shifted_count} of the {2**PIXELS} pixel values by "
                f"{np.abs(shifted).max()}: with mean {mean:g} and std {std:g}, the input equals the image"
            )
        ]
    limits = np.iinfo(taken.dtype)
    values = (pixels[:, None] - np.array(settings.mean)) / np.array(settings.std) / taken.scale + taken.zero_point
    share_beyond = float(np.mean((values < limits.min - 1) | (values > limits.max + 1)))
    if share_beyond > MANY:
        return [f"mean and std move {share_beyond:.0%} of the pixel values out of the range of the quantized input"]
    return []
