"""Builds the model files that a suite needs; what is there and unchanged is not built again."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from runner.errors import ModelError
from runner.suite import Instance
from runner.workspace import sha256_of
from runner.zoo import convert_pytorch, convert_tflite, weights
from runner.zoo.facts import Artifact, Settings

if TYPE_CHECKING:
    from torch import nn

CONVERTERS: dict[str, ModuleType] = {"tflite": convert_tflite, "pytorch": convert_pytorch}
CALIBRATION_IMAGES = 100
RECIPE = 1
"""Raised when a conversion changes in a way that the versions of the libraries do not show."""

Report = Callable[[str, str], None]
"""Called with an artifact's name and what became of it: "built", "there" or the reason it could not be."""


def wanted(instances: Iterable[Instance]) -> list[Instance]:
    """One instance for every model file that the instances need, float32 before what is made from it."""
    first: dict[str, Instance] = {}
    for one in instances:
        first.setdefault(one.artifact, one)
    return sorted(first.values(), key=lambda one: (one.model, one.framework, one.quantization != "float32"))


def prepare(instances: Iterable[Instance], *, kind: str, folder: Path, cache: Path, report: Report) -> list[Artifact]:
    """Builds the model files of the instances into `folder`, and gives all that are there now.

    A file is built again only if its weights, settings or the converter's version changed.
    Raises ModelError if weights are missing or a conversion fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    built = []
    for one in wanted(instances):
        if one.framework not in CONVERTERS:
            report(one.artifact, f"there is no conversion to {one.framework} yet")
            continue
        artifact, new = _ensure(one, weights.locate(kind, one.model, cache), folder)
        report(one.artifact, "built" if new else "there")
        built.append(artifact)
    return built


def _source_key(one: Instance, source: weights.Source) -> str:
    converter = CONVERTERS[one.framework]
    inputs = [RECIPE, one.artifact, source.sha256, source.settings.record(), _versions(converter.DISTRIBUTIONS)]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _versions(distributions: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _ensure(one: Instance, source: weights.Source, folder: Path) -> tuple[Artifact, bool]:
    """The artifact, and whether it had to be built."""
    key = _source_key(one, source)
    try:
        there = Artifact.load(folder / f"{one.artifact}.json")
        if there.source_key == key and sha256_of(there.path) == there.sha256:
            return there, False
    except (ModelError, OSError):
        pass  # not there or damaged: it is built
    try:
        return _build(one, source, key, folder), True
    except ImportError as error:
        raise ModelError(
            f"{one.artifact} cannot be built without {error.name}: pip install 'aiotbench[models]'."
        ) from None


def _build(one: Instance, source: weights.Source, key: str, folder: Path) -> Artifact:
    converter = CONVERTERS[one.framework]
    settings = source.settings.with_layout(converter.LAYOUT)
    target = folder / f"{one.artifact}{converter.SUFFIX}"
    part = target.with_name(f"{one.artifact}.part{converter.SUFFIX}")
    logging.disable(logging.WARNING)  # the converters log every step at these levels
    try:
        if one.quantization == "float32":
            converter.convert_float32(network(source, one.model), settings.size, part)
        else:
            float32, _ = _ensure(replace(one, quantization="float32"), source, folder)
            converter.quantize(float32.path, one.quantization, calibration(settings), part)
        part.replace(target)
    finally:
        logging.disable(logging.NOTSET)
        part.unlink(missing_ok=True)
    artifact = Artifact(
        path=target,
        name=one.artifact,
        sha256=sha256_of(target),
        size_bytes=target.stat().st_size,
        weights=source.name,
        weights_sha256=source.sha256,
        settings=settings,
        made_with=_versions(converter.DISTRIBUTIONS),
        source_key=key,
    )
    artifact.save()
    return artifact


def network(source: weights.Source, model: str) -> nn.Module:
    """The float32 network with its weights; raises ModelError if they do not fit it."""
    from runner.zoo.architectures import build

    if source.file is None:
        from runner.zoo.fit import fitted

        return fitted(model, source.settings)
    module = build(model, source.settings.classes)
    try:
        module.load_state_dict(weights.read(source.file))
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{source.file} does not fit {model}: {detail}") from None
    return module


def calibration(settings: Settings) -> Iterator[np.ndarray]:
    """Input tensors of training pictures of the sample set, drawn here: no dataset needs to be there."""
    from runner.agent.preprocess import Preprocess, decode
    from runner.dataset.drawing import CLASS_NAMES, draw_jpeg

    preprocess = Preprocess(
        settings.size,
        settings.resize,
        settings.channel_order,
        settings.layout,
        settings.mean,
        settings.std,
        settings.resize_size,
    )
    for number in range(CALIBRATION_IMAGES):
        yield preprocess(decode(draw_jpeg(number % len(CLASS_NAMES), number // len(CLASS_NAMES), "train"))).copy()
