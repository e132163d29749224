"""Builds the model files that a suite needs; what is there and unchanged is not built again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from runner.dataset.store import Progress
from runner.errors import ModelError
from runner.pool import processes
from runner.suite import Instance
from runner.workspace import sha256_of
from runner.zoo import convert_pytorch, convert_tflite, weights
from runner.zoo.facts import Artifact
from runner.zoo.inputs import sample_inputs

if TYPE_CHECKING:
    from torch import nn

CONVERTERS: dict[str, ModuleType] = {"tflite": convert_tflite, "pytorch": convert_pytorch}
CALIBRATION_IMAGES = 100
RECIPE = 1
"""Raised when a conversion changes in a way that the versions of the libraries do not show."""


def wanted(instances: Iterable[Instance]) -> list[Instance]:
    """One instance for every model file that the instances need, float32 before what is made from it."""
    first: dict[str, Instance] = {}
    for one in instances:
        first.setdefault(one.artifact, one)
    return sorted(first.values(), key=lambda one: (one.model, one.framework, one.quantization != "float32"))


def prepare(
    instances: Iterable[Instance],
    *,
    kind: str,
    folder: Path,
    cache: Path,
    jobs: int = 2,
    progress: Progress | None = None,
) -> tuple[list[Artifact], int]:
    """Builds the model files of the instances into `folder`: all that are there then, and how many were built.

    A file is built again only if its weights, settings or the converter's version changed. Each model is
    converted in a process of its own, whose output goes to `folder/conversion.log`.
    Raises ModelError if weights are missing or a conversion fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, weights.Source] = {}
    todo: dict[str, list[Instance]] = {}
    files = wanted(instances)
    for one in files:
        if one.framework not in CONVERTERS:
            raise ModelError(f"There is no conversion to {one.framework}: choose {' or '.join(CONVERTERS)}.")
        if one.model not in sources:
            sources[one.model] = weights.locate(kind, one.model, cache)
        if _current(one, sources[one.model], folder) is None:
            todo.setdefault(one.model, []).append(one)
    total, done = sum(len(group) for group in todo.values()), 0
    if todo:
        with processes(jobs, folder / "conversion.log") as pool:
            running = {pool.submit(_build_all, group, sources[model], folder): group for model, group in todo.items()}
            for future in as_completed(running):
                future.result()
                done += len(running[future])
                if progress:
                    progress(done, total)
    return [Artifact.load(folder / f"{one.artifact}.json") for one in files], done


def _build_all(group: list[Instance], source: weights.Source, folder: Path) -> None:
    for one in group:
        try:
            _build(one, source, folder)
        except ImportError as error:
            raise ModelError(
                f"{one.artifact} cannot be built without {error.name}: pip install 'aiotbench[models]'."
            ) from None


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


def _current(one: Instance, source: weights.Source, folder: Path) -> Artifact | None:
    """The artifact if it is there, intact, and made from the same things."""
    try:
        there = Artifact.load(folder / f"{one.artifact}.json")
        intact = there.source_key == _source_key(one, source) and sha256_of(there.path) == there.sha256
        return there if intact else None
    except (ModelError, OSError):
        return None


def _build(one: Instance, source: weights.Source, folder: Path) -> Artifact:
    converter = CONVERTERS[one.framework]
    settings = source.settings.with_layout(converter.LAYOUT)
    target = folder / f"{one.artifact}{converter.SUFFIX}"
    part = target.with_name(f"{one.artifact}.part{converter.SUFFIX}")
    try:
        if one.quantization == "float32":
            converter.convert_float32(network(source, one.model), settings.size, part)
        else:
            original = replace(one, quantization="float32")
            float32 = _current(original, source, folder) or _build(original, source, folder)
            converter.quantize(float32.path, one.quantization, sample_inputs(settings, CALIBRATION_IMAGES), part)
        part.replace(target)
    finally:
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
        source_key=_source_key(one, source),
    )
    artifact.save()
    return artifact


def network(source: weights.Source, model: str) -> nn.Module:
    """The float32 network with its weights; raises ModelError if they do not fit it."""
    from runner.zoo.architectures import build, build_pretrained, load_arrays
    from runner.zoo.slim import embedded

    if source.form == "torchvision":
        return build_pretrained(model, source.file.parent.parent)
    try:
        if source.form == "slim":
            return embedded(model, weights.read(source.file))
        module = build(model, source.settings.classes)
        load_arrays(module, weights.read(source.file))
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{source.file} does not fit {model}: {detail}") from None
    return module
