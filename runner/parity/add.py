"""Taking in a model file that somebody else made."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aiot_suite import environments, suite
from aiot_suite.catalog import MODEL_NAME, Catalog, Framework
from aiot_suite.environments import INSTALL_LEGACY
from aiot_suite.errors import ModelError, SelectionError, SetupError
from aiot_suite.facts import Artifact, Settings, accuracy_of, prepared
from aiot_suite.model_files import Description, Tensor, describe
from aiot_suite.preprocess import Preprocess
from aiot_suite.suite import QUANTIZATIONS, Instance
from aiot_suite.weights.weight_sources import OWN_NAMES, read_json
from aiot_suite.workspace import sha256_of
from runner.devices.local import LocalDevice
from runner.parity import check

PIXELS = 8  # bits: what an image file gives
UNIT_LENGTH = 0.01  # how far the length of an embedding may be from 1
MANY = 0.1  # share of the values of a pixel
ALIKE = 0.1  # share by which the number of weights may differ from the network's that the file is said to be


def instance_of(file: Path, model: str, framework: str, quantization: str | None, known: Catalog) -> Instance:
    """Return the instance that runs a model file on the CPU.

    `model` is one of the catalogue's, or a new name: a network of another architecture. What `quantization` does not
    say is read from the file. Raises SelectionError if there is no such instance, ModelError if there is no such file.
    """
    if not file.is_file():
        raise ModelError(f"There is no file {file}: name the model file.")
    [framework] = suite.choose("Framework", [framework], list(known.frameworks))
    offered = known.frameworks[framework].quantizations
    if quantization:
        [quantization] = suite.choose("Quantization", [quantization], offered)
    else:
        quantization = describe(file, framework).quantization or "float32"
    try:
        [name] = suite.choose("Model", [model], list(known.models))
    except SelectionError:
        name = re.sub(r"[-. ]", "_", model.strip().lower())
        if not MODEL_NAME.fullmatch(name):
            raise SelectionError(
                f"Model {model!r} is no name: take one of {', '.join(known.models)}, or for another network one of "
                "lower-case letters, digits and underscores."
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
    """Copy a model file into `folder` with its settings, after it has answered to pictures.

    `instance` says which model, framework and quantization it is; `name` is what the runs call its weights. `tell` is
    given what was read from the file, and what may be wrong, a sentence at a time.
    Raises ModelError if the file is not what is said, no classifier, or none that an environment of the framework runs.
    """
    tell = tell or (lambda _: None)
    if not file.is_file():
        raise ModelError(f"There is no file {file}: name the model file.")
    if name in OWN_NAMES or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise ModelError(
            f"{name!r} cannot be the name of its weights: take one of letters, digits, '.', '_' and '-', and none of "
            f"{' and '.join(OWN_NAMES)}."
        )
    if file.name.endswith((".npz", ".safetensors", ".pth", ".pth.tar", ".ckpt")):
        raise ModelError(
            f"{file} holds weights: build model files of them with `aiot models prepare --weights FOLDER`."
        )
    framework = known.frameworks[instance.framework]
    described = describe(file, framework.name)
    _refuse_other_quantization(file, instance, described, framework)
    given = read_json(settings_file)
    accuracy = accuracy_of(given, settings_file)
    installed = [one for one in framework.environments if environments.python_of(one)]
    if not installed:
        raise SetupError(f"{framework.name} needs the legacy environment, which is missing: {INSTALL_LEGACY}.")
    given = {"layout": framework.layout, **given}
    outputs = None
    if described.inputs is not None and described.outputs is not None:
        given, outputs = _read_from(file, described.inputs, described.outputs, given, framework.layout, settings_file)
    candidate = Artifact(
        path=file,
        name=instance.artifact,
        sha256=sha256_of(file),
        size_bytes=file.stat().st_size,
        weights=name,
        weights_sha256=sha256_of(file),
        settings=_settings(instance, given, outputs, settings_file),
        made_with={},
        source_key="",
        declared_accuracy=accuracy,
        added=True,
    )
    refused = []
    for environment in installed:
        artifact = replace(candidate, environment=environment)
        try:
            found = _try(artifact, known, device)
        except ModelError as error:
            refused.append(str(error))
            continue
        artifact = replace(artifact, settings=_settings(instance, given, found, settings_file))
        for note in _notes(instance, described, artifact.settings, found, known):
            tell(note)
        _refuse_name_of_prepared(folder, artifact)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{artifact.name}{framework.suffix}"
        if target.resolve() != file.resolve():
            shutil.copyfile(file, target)
        artifact = replace(artifact, path=target)
        artifact.save()
        return artifact
    others = [one for one in framework.environments if one not in installed]
    hint = f" It may be one for the environment {others[0]}: {INSTALL_LEGACY}." if others else ""
    raise ModelError(" ".join(refused) + hint)


def _refuse_name_of_prepared(folder: Path, artifact: Artifact) -> None:
    """Refuse to write over a file that was built from weights."""
    there = prepared(folder).get(artifact.name)
    if there is not None and not there.added:
        raise ModelError(f"{folder} has {there.path.name}, which was built from weights: give another --name.")


def _refuse_other_quantization(file: Path, instance: Instance, described: Description, framework: Framework) -> None:
    """Refuse a file that is of another quantization than is said."""
    found = described.quantization
    if found is not None and found not in QUANTIZATIONS:
        raise ModelError(f"{file} has {found}, which is none of {', '.join(QUANTIZATIONS)}.")
    if found is not None and found == instance.quantization and found not in framework.quantizations:
        offered = ", ".join(framework.quantizations)
        raise ModelError(
            f"{file} is {found} by the types of its weights: of {framework.name} only {offered} is run here."
        )
    if found is not None and found != instance.quantization:
        advice = f"add it with --quantization {found}" if found in framework.quantizations else "take another file"
        raise ModelError(f"{file} is {found}, not {instance.quantization}, by the types of its weights: {advice}.")


def _read_from(
    file: Path,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    given: dict[str, Any],
    layout: str,
    settings_file: Path,
) -> tuple[dict[str, Any], int]:
    """Settings with what the input says where they do not, and the number of outputs.

    Raises ModelError if this is no network that takes one image and gives one score a class.
    """
    if len(outputs) != 1 or len(inputs) != 1:
        found, what = (outputs, "gives") if len(outputs) != 1 else (inputs, "takes")
        raise ModelError(
            f"{file} {what} {len(found)} tensors ({', '.join(map(str, found))}): it is no classifier, which takes one "
            "image and gives one score a class."
        )
    (taken,), (scores,) = inputs, outputs
    if not scores.shape or max(scores.shape) < 2 or int(np.prod(scores.shape)) != scores.shape[-1]:
        raise ModelError(
            f"{file} gives {scores}: it is no classifier, which gives 1 x classes, but may be a detector, or a network "
            "for segmentation or poses."
        )
    shape = taken.shape
    if len(shape) != 4 or shape[0] != 1 or 3 not in (shape[1], shape[3]):
        raise ModelError(f"{file} takes {taken}: an input for one image of three channels is needed.")
    found_layout = "NHWC" if shape[3] == 3 else "NCHW"
    if found_layout != layout:
        raise ModelError(f"{file} takes {taken}, which is {found_layout}: convert it again, with an input of {layout}.")
    sides = shape[1:3] if layout == "NHWC" else shape[2:4]
    if sides[0] != sides[1]:
        raise ModelError(f"{file} takes {taken}: only square images are made here.")
    if given.setdefault("size", sides[0]) != sides[0]:
        raise ModelError(
            f"{file} takes {taken}, and {settings_file} says size {given['size']!r}: mend or leave out size."
        )
    if taken.dtype not in ("float32", "uint8", "int8"):
        raise ModelError(f"{file} takes {taken}: an input of float32, uint8 or int8 is needed.")
    if taken.dtype != "float32":
        mean, std = _of_raw_pixels(taken)
        given.setdefault("mean", [mean] * 3)
        given.setdefault("std", [std] * 3)
        if not taken.scale and (list(given["mean"]), list(given["std"])) != ([mean] * 3, [std] * 3):
            raise ModelError(
                f"{file} takes {taken} without quantization, so pixels as they are: write mean {mean:g}, std {std:g} "
                f"for each channel into {settings_file}, or leave them out."
            )
    return given, scores.shape[-1]


def _of_raw_pixels(taken: Tensor) -> tuple[float, float]:
    """Mean and std under which an integer input is the image's own values (of int8: less 128)."""
    offset = 128 if taken.dtype == "int8" else 0
    return float(taken.zero_point + offset), round(1 / taken.scale, 6) if taken.scale else 1.0


def _settings(instance: Instance, given: dict[str, Any], outputs: int | None, where: Path) -> Settings:
    """As given, for so many outputs; None: they are not known yet, and nothing is compared with them."""
    if outputs is None:
        of_labels = {"classes", "label_space", "label_offset", "label_map"}
        return Settings.of_outputs(
            instance.model, {name: value for name, value in given.items() if name not in of_labels}, 1000, where
        )
    if not given.get("label_map"):
        given = {"classes": 1000, **given}
    return Settings.of_outputs(instance.model, given, outputs, where)


def _try(artifact: Artifact, known: Catalog, device: LocalDevice) -> int:
    """Show it a few pictures; return how many scores it gives.

    Raises ModelError if it does not answer, or as no classifier does.
    """
    rng = np.random.default_rng(0)
    grey = np.full((240, 320, 3), 127, np.uint8)
    noise = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    stripes = np.stack([np.tile(np.arange(320) % 256, (240, 1))] * 2 + [grey[:, :, 0]], 2).astype(np.uint8)
    with tempfile.TemporaryDirectory(prefix="aiot-add-") as folder:
        shown = []
        for name, pixels in (("grey", grey), ("noise", noise), ("stripes", stripes)):
            Image.fromarray(pixels).save(Path(folder, f"{name}.png"))
            shown.append((f"{name}.png", 0))
        scores = check.outputs(artifact, known, device, Path(folder), shown)
    if scores.ndim != 2 or scores.shape[1] < 2:
        shape = "x".join(map(str, scores.shape[1:])) or "a single number"
        raise ModelError(
            f"{artifact.path} gives {shape} an image: it is no classifier, which gives one score a class, but may be a "
            "detector, or a network for segmentation or poses."
        )
    if not np.isfinite(scores).all():
        raise ModelError(f"{artifact.path} gives scores that are not finite numbers: its weights are damaged.")
    lengths = np.linalg.norm(scores, axis=1)
    if np.abs(lengths - 1).max() < UNIT_LENGTH and (scores < 0).any():
        raise ModelError(
            f"{artifact.path} gives vectors of length 1, as embeddings are: it is no classifier, which gives one score "
            "a class."
        )
    return int(scores.shape[1])


def _notes(instance: Instance, described: Description, settings: Settings, outputs: int, known: Catalog) -> list[str]:
    """What was read from the file, of so many outputs, and what a user may want to look at."""
    notes = []
    if described.inputs and described.outputs:
        (taken,), (scores,) = described.inputs, described.outputs
        notes.append(f"{instance.quantization}, takes {taken}, gives {scores}")
        notes += _note_on_input(taken, settings)
    if instance.model not in known.models:
        notes.append(f"{instance.model} is none of the suite's models: choose it with --models {instance.model}")
    elif described.weights:
        network = known.models[instance.model].build(outputs)
        count = sum(value.numel() for value in network.parameters())
        if abs(described.weights / count - 1) > ALIKE:
            notes.append(
                f"it has {described.weights / 1e6:.2f} million weights and {instance.model} has {count / 1e6:.2f}: "
                "if it is another network, add it under a name of its own with --model"
            )
    return notes


def _note_on_input(taken: Tensor, settings: Settings) -> list[str]:
    """Where the settings nearly give an integer input the image's own values, or many beyond what it can hold."""
    if not taken.scale:
        return []
    pixels = np.arange(2**PIXELS)
    table = Preprocess.of(settings.record(), taken.dtype, taken.scale, taken.zero_point).table.astype(int)
    shifted = table + (128 if taken.dtype == "int8" else 0) - pixels
    wrong = int((shifted != 0).any(0).sum())
    if wrong and np.abs(shifted).max() <= 2:
        mean, std = _of_raw_pixels(taken)
        return [
            f"mean and std shift {wrong} of the {2**PIXELS} values of a pixel by {np.abs(shifted).max()}: with mean "
            f"{mean:g} and std {std:g} the input is the image itself"
        ]
    limits = np.iinfo(taken.dtype)
    values = (pixels[:, None] - np.array(settings.mean)) / np.array(settings.std) / taken.scale + taken.zero_point
    beyond = float(np.mean((values < limits.min - 1) | (values > limits.max + 1)))
    if beyond > MANY:
        return [f"mean and std take {beyond:.0%} of the values of a pixel beyond what the quantized input holds"]
    return []
