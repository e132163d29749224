"""Builds the model files that a suite needs; what is there and unchanged is not built again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_suite import catalog, environments
from aiot_suite.catalog import Catalog, Framework, Model
from aiot_suite.convert import calibration as calibrating
from aiot_suite.convert import legacy
from aiot_suite.convert.calibration import Calibration
from aiot_suite.datasets.store import Progress
from aiot_suite.environments import INSTALL_LEGACY
from aiot_suite.errors import ModelError, SetupError
from aiot_suite.facts import Artifact, prepared
from aiot_suite.pool import processes
from aiot_suite.suite import Instance
from aiot_suite.weights import weight_sources
from aiot_suite.workspace import sha256_of

if TYPE_CHECKING:
    from torch import nn

RECIPE = 4
"""Raised when a conversion changes in a way that the versions of the libraries do not show."""


def wanted(instances: Iterable[Instance]) -> list[Instance]:
    """One instance for every model file that the instances need, float32 before what is made from it."""
    first: dict[str, Instance] = {}
    for one in instances:
        first.setdefault(one.artifact, one)
    return sorted(first.values(), key=lambda one: (one.model, one.framework, one.quantization != "float32"))


def without_environment(files: Iterable[Instance], known: Catalog) -> list[Instance]:
    """Those whose framework has no environment here."""
    return [one for one in files if environments.first_of(known.frameworks[one.framework].environments) is None]


def prepare(
    instances: Iterable[Instance],
    *,
    kind: str,
    folder: Path,
    cache: Path,
    plugins: Path | None = None,
    calibration: Calibration | None = None,
    jobs: int = 2,
    progress: Progress | None = None,
    tell: Callable[[str], object] | None = None,
) -> tuple[list[Artifact], int]:
    """Builds the model files of the instances into `folder`: all that are there then, and how many were built.

    A file is built again only if its weights, settings, calibration or the converter's version changed. Each model is
    converted in a process of its own, whose output goes to `folder/conversion.log`. `tell` is given what was
    assumed of the weights, a sentence at a time. Without `calibration`, sample weights are calibrated with drawn
    pictures; a file of other weights stays if it was calibrated before.
    Raises ModelError if weights are missing, if a file needs a calibration and none is given, or if a conversion
    fails, and SetupError if an environment is missing.
    """
    known = catalog.load(plugins)
    if calibration is None and kind == "sample":
        calibration = calibrating.DRAWN
    sources: dict[str, weight_sources.Source] = {}
    todo: dict[str, list[Instance]] = {}
    files, added = wanted(instances), prepared(folder)
    for one in files:
        if one.model not in sources:
            sources[one.model] = weight_sources.locate(kind, known.models[one.model], cache)
            if tell:
                for note in sources[one.model].notes:
                    tell(note)
        if (there := added.get(one.artifact)) and there.added:
            raise ModelError(
                f"{folder} has {there.path.name}, which was added and not built: rename the folder of the weights."
            )
        if _current(one, known, sources[one.model], folder, calibration) is None:
            if one.quantization in calibrating.QUANTIZATIONS and calibration is None:
                raise ModelError(calibrating.needed(one.artifact, sources[one.model].name))
            todo.setdefault(one.model, []).append(one)
    folder.mkdir(parents=True, exist_ok=True)
    total, done = sum(len(group) for group in todo.values()), 0
    if todo:
        with processes(jobs, folder / "conversion.log") as pool:
            running = {
                pool.submit(_build_all, group, plugins, sources[model], folder, calibration): group
                for model, group in todo.items()
            }
            for future in as_completed(running):
                future.result()
                done += len(running[future])
                if progress:
                    progress(done, total)
    return [Artifact.load(folder / f"{one.artifact}.json") for one in files], done


def _build_all(
    group: list[Instance],
    plugins: Path | None,
    source: weight_sources.Source,
    folder: Path,
    calibration: Calibration | None,
) -> None:
    known = catalog.load(plugins)
    for one in group:
        try:
            _build(one, known, source, folder, calibration)
        except ImportError as error:
            extra = one.framework if one.framework == "executorch" else "models"
            raise ModelError(
                f"{one.artifact} cannot be built without {error.name}: pip install 'aiotbench[{extra}]'."
            ) from None


def _environment(framework: Framework) -> str:
    found = environments.first_of(framework.environments)
    if found is None:
        raise SetupError(f"{framework.name} needs the legacy environment, which is missing: {INSTALL_LEGACY}.")
    return found


def _source_key(one: Instance, known: Catalog, source: weight_sources.Source, calibration_key: str | None) -> str:
    framework, model = known.frameworks[one.framework], known.models[one.model]
    environment = _environment(framework)
    made_with = environments.versions(environment, framework.distributions)
    plugins = [sha256_of(file) for file in (framework.file, model.file) if file]
    settings = source.settings.with_layout(framework.layout).record()
    inputs = [RECIPE, one.artifact, source.sha256, settings, environment, made_with, plugins, calibration_key]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _current(
    one: Instance, known: Catalog, source: weight_sources.Source, folder: Path, calibration: Calibration | None
) -> Artifact | None:
    """The artifact if it is there, intact, and made from the same things."""
    try:
        there = Artifact.load(folder / f"{one.artifact}.json")
        key = None
        if one.quantization in calibrating.QUANTIZATIONS:
            images = calibration or there.calibrated
            if images is None:
                return None
            key = images.key
        same = there.source_key == _source_key(one, known, source, key)
        return there if same and sha256_of(there.path) == there.sha256 else None
    except (ModelError, OSError):
        return None


def _build(
    one: Instance, known: Catalog, source: weight_sources.Source, folder: Path, calibration: Calibration | None
) -> Artifact:
    framework, model = known.frameworks[one.framework], known.models[one.model]
    environment = _environment(framework)
    settings = source.settings.with_layout(framework.layout)
    target = folder / f"{one.artifact}{framework.suffix}"
    part = target.with_name(f"{one.artifact}.part{framework.suffix}")
    images = calibration if one.quantization in calibrating.QUANTIZATIONS else None
    try:
        if one.quantization != "float32":
            original = replace(one, quantization="float32")
            float32 = _current(original, known, source, folder, None) or _build(original, known, source, folder, None)
            inputs = images.inputs(settings) if images else ()
            framework.host.quantize(float32.path, one.quantization, inputs, part)
        elif environment == "legacy":
            legacy.convert_float32(framework, model, network(source, model), settings.size, part)
        else:
            framework.host.convert_float32(network(source, model), settings.size, part)
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
        made_with=environments.versions(environment, framework.distributions),
        source_key=_source_key(one, known, source, images.key if images else None),
        environment=environment,
        declared_accuracy=source.accuracy,
        calibrated=images.record() if images else None,
    )
    artifact.save()
    return artifact


def network(source: weight_sources.Source, model: Model) -> nn.Module:
    """Return the float32 network with its weights; raises ModelError if they do not fit it."""
    from aiot_suite.architectures import load_arrays
    from aiot_suite.weights import state_dicts

    try:
        if source.form == "slim":
            from aiot_suite.weights.slim import embedded

            return embedded(model.name, state_dicts.read(source.file))
        loaded = state_dicts.load(source.file, model)
        module = model.build(loaded.outputs)
        load_arrays(module, loaded.state)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{source.file} does not fit {model.name}: {detail}") from None
    return module
