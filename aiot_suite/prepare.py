"""Building of the model files that a suite needs; unchanged model files are not built again."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import as_completed
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aiot_suite import catalog, environments
from aiot_suite.convert import calibration as calibrating
from aiot_suite.convert import legacy
from aiot_suite.environments import INSTALL_LEGACY
from aiot_suite.errors import ConversionError, ModelError, SetupError, UnsupportedNetworkError
from aiot_suite.facts import Artifact, load_artifacts, load_unsupported, unsupported_file
from aiot_suite.long_tasks import write_output_to
from aiot_suite.suite import BEYOND_FRAMEWORKS
from aiot_suite.weights import weight_sources
from aiot_suite.workspace import sha256_of
from runner import rawlog
from runner.rawlog.worker_pools import worker_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from torch import nn

    from aiot_suite.catalog import Catalog, Framework, Model
    from aiot_suite.convert.calibration import Calibration
    from aiot_suite.datasets.store import Progress
    from aiot_suite.suite import Instance

RECIPE = 4
"""Version of the conversion recipe: increase it when a conversion changes without a change of library versions."""


def one_instance_per_file(instances: Iterable[Instance]) -> list[Instance]:
    """Return one instance per model file that the instances need, float32 files before those derived from them."""
    by_artifact: dict[str, Instance] = {}
    for instance in instances:
        by_artifact.setdefault(instance.artifact, instance)
    return sorted(
        by_artifact.values(),
        key=lambda instance: (instance.model, instance.framework, instance.quantization != "float32"),
    )


def instances_without_environment(files: Iterable[Instance], catalog: Catalog) -> list[Instance]:
    """Return the instances whose framework has no installed environment."""
    return [
        instance
        for instance in files
        if environments.first_installed(catalog.frameworks[instance.framework].environments) is None
    ]


def instances_without_packages(files: Iterable[Instance], catalog: Catalog) -> list[Instance]:
    """Return the instances of frameworks that are not in the paper and whose packages are not installed here."""
    return [
        instance
        for instance in files
        if instance.framework in BEYOND_FRAMEWORKS
        and environments.missing_modules(catalog.frameworks[instance.framework].imports, ["main"])
    ]


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
    """Build the model files of the instances in `folder`.

    Returns the model files of all instances, and the number of files that were built now. A file is built again only
    if its weights, settings, calibration or converter version changed. Each model is converted in a separate process,
    whose output goes to `folder/conversion.log`. A file whose framework does not support the network, for example
    because it lacks an operator, is left out, and the reason is kept in the folder (see
    `aiot_suite.facts.load_unsupported`).
    If a converter fails, the other files are built before the error is raised.

    calibration: without it, sample and random weights are calibrated with drawn pictures; files of other weights that
        are already calibrated are kept.
    tell: called with each assumption made about the weights, as a sentence.
    Raises ModelError if weights are missing, if a file needs calibration images and none are given, or if a conversion
    fails, and SetupError if an environment is missing.
    """
    available = catalog.load(plugins)
    if calibration is None and kind in ("sample", "random"):
        calibration = calibrating.DRAWN
    sources: dict[str, weight_sources.WeightSource] = {}
    todo: dict[str, list[Instance]] = {}
    files, on_disk = one_instance_per_file(instances), load_artifacts(folder)
    for instance in files:
        if instance.model not in sources:
            sources[instance.model] = weight_sources.locate(kind, available.model(instance.model), cache)
            if tell:
                for note in sources[instance.model].notes:
                    tell(note)
        if (existing := on_disk.get(instance.artifact)) and existing.added:
            raise ModelError(
                f"{folder} contains {existing.path.name}, which was added with `aiot models add` and not "
                "built from weights: rename the folder of the weights."
            )
        if _up_to_date(instance, available, sources[instance.model], folder, calibration) is None:
            if instance.quantization in calibrating.QUANTIZATIONS and calibration is None:
                raise ModelError(
                    calibrating.calibration_required_message(instance.artifact, sources[instance.model].name)
                )
            todo.setdefault(instance.model, []).append(instance)
    folder.mkdir(parents=True, exist_ok=True)
    if todo:
        build = partial(_build_all, plugins=plugins, folder=folder, calibration=calibration)
        _convert({model: (group, sources[model]) for model, group in todo.items()}, build, folder, jobs, progress)
    unsupported = load_unsupported(folder)
    built = sum(instance.artifact not in unsupported for group in todo.values() for instance in group)
    names = [instance.artifact for instance in files if instance.artifact not in unsupported]
    return [Artifact.load(folder / f"{name}.json") for name in names], built


def _convert(
    todo: Mapping[str, tuple[list[Instance], weight_sources.WeightSource]],
    build: Callable[[list[Instance], weight_sources.WeightSource], list[str]],
    folder: Path,
    jobs: int,
    progress: Progress | None,
) -> None:
    """Build the files of each model in worker processes; raises ModelError at the end if a converter failed."""
    log = folder / "conversion.log"
    log.touch()  # fail here if it cannot be written
    total, done = sum(len(group) for group, _ in todo.values()), 0
    failures: list[str] = []
    with worker_pool(jobs, partial(write_output_to, log)) as pool:
        sizes = {pool.submit(build, group, source): len(group) for group, source in todo.values()}
        for future in as_completed(sizes):
            failures += future.result()
            done += sizes[future]
            if progress:
                progress(done, total)
    if failures:
        raise ModelError(_describe_failures(failures))


def _build_all(
    group: list[Instance],
    source: weight_sources.WeightSource,
    *,
    plugins: Path | None,
    folder: Path,
    calibration: Calibration | None,
) -> list[str]:
    """Build the files of one model; returns a message for each file whose converter failed."""
    available = catalog.load(plugins)
    failures = []
    for instance in group:
        refusal = unsupported_file(folder, instance.artifact)
        try:
            _build(instance, available, source, folder, calibration)
            refusal.unlink(missing_ok=True)
        except ConversionError as error:
            failures.append(f"{instance.artifact} cannot be built, because {error}")
            print(failures[-1], flush=True)  # into conversion.log
        except UnsupportedNetworkError as error:
            refusal.parent.mkdir(exist_ok=True)
            rawlog.replace_text(refusal, json.dumps({"reason": error.reason}) + "\n")
        except ImportError as error:
            module = (error.name or "").partition(".")[0]
            command = environments.how_to_install([module])
            raise ModelError(f"{instance.artifact} cannot be built without {module}: {command}.") from None
    return failures


def _describe_failures(failures: list[str]) -> str:
    """Return the first message, followed by the names of the other files that could not be built."""
    first, *others = sorted(failures)
    names = ", ".join(message.partition(" ")[0] for message in others)
    return f"{first} These could not be built either, see conversion.log: {names}." if others else first


def _environment(framework: Framework) -> str:
    environment = environments.first_installed(framework.environments)
    if environment is None:
        raise SetupError(f"{framework.name} needs the legacy environment, which is missing: {INSTALL_LEGACY}.")
    return environment


def _source_key(
    instance: Instance, catalog: Catalog, source: weight_sources.WeightSource, calibration_key: str | None
) -> str:
    framework, model = catalog.frameworks[instance.framework], catalog.model(instance.model)
    environment = _environment(framework)
    made_with = environments.versions(environment, framework.distributions)
    plugins = [sha256_of(file) for file in (framework.file, model.file) if file]
    settings = source.settings.with_layout(framework.layout).record()
    inputs = [RECIPE, instance.artifact, source.sha256, settings, environment, made_with, plugins, calibration_key]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _up_to_date(
    instance: Instance,
    catalog: Catalog,
    source: weight_sources.WeightSource,
    folder: Path,
    calibration: Calibration | None,
) -> Artifact | None:
    """Return the artifact of an instance if it exists, is intact and was built from the same inputs, else None."""
    try:
        artifact = Artifact.load(folder / f"{instance.artifact}.json")
        key = None
        if instance.quantization in calibrating.QUANTIZATIONS:
            images = calibration or artifact.calibrated
            if images is None:
                return None
            key = images.key
        is_unchanged = artifact.source_key == _source_key(instance, catalog, source, key)
        return artifact if is_unchanged and sha256_of(artifact.path) == artifact.sha256 else None
    except (ModelError, OSError):
        return None


def _build(
    instance: Instance,
    catalog: Catalog,
    source: weight_sources.WeightSource,
    folder: Path,
    calibration: Calibration | None,
) -> Artifact:
    from aiot_suite.architectures import count

    framework, model = catalog.frameworks[instance.framework], catalog.model(instance.model)
    environment = _environment(framework)
    settings = source.settings.with_layout(framework.layout)
    target = folder / f"{instance.artifact}{framework.suffix}"
    images = calibration if instance.quantization in calibrating.QUANTIZATIONS else None
    # converters may depend on the suffix, so the temporary file has it too
    partial = rawlog.partial_path(target)
    macs: int | None
    parameters: int | None
    with rawlog.replacing(target, partial.with_name(partial.name + framework.suffix)) as temporary:
        inputs = images.inputs(settings) if images else ()
        if instance.quantization != "float32" and hasattr(framework.host, "convert_quantized"):
            module = network(source, model)
            macs, parameters = count(module, settings.size)
            framework.host.convert_quantized(module, settings.size, instance.quantization, inputs, temporary)
        elif instance.quantization != "float32":
            original = replace(instance, quantization="float32")
            float32 = _up_to_date(original, catalog, source, folder, None) or _build(
                original, catalog, source, folder, None
            )
            macs, parameters = float32.macs, float32.parameters
            framework.host.quantize(float32.path, instance.quantization, inputs, temporary)
        else:
            module = network(source, model)
            macs, parameters = count(module, settings.size)
            if environment == "legacy":
                legacy.convert_float32(framework, model, module, settings.size, temporary)
            else:
                framework.host.convert_float32(module, settings.size, temporary)
    artifact = Artifact(
        path=target,
        name=instance.artifact,
        sha256=sha256_of(target),
        size_bytes=target.stat().st_size,
        weights=source.name,
        weights_sha256=source.sha256,
        settings=settings,
        made_with=environments.versions(environment, framework.distributions),
        source_key=_source_key(instance, catalog, source, images.key if images else None),
        environment=environment,
        declared_accuracy=source.accuracy,
        calibrated=images.record() if images else None,
        macs=macs,
        parameters=parameters,
    )
    artifact.save()
    return artifact


def network(source: weight_sources.WeightSource, model: Model) -> nn.Module:
    """Return the float32 network with its weights loaded; raises ModelError if the weights do not fit."""
    from aiot_suite.architectures import load_arrays
    from aiot_suite.weights import state_dicts

    if source.file is None:
        return weight_sources.draw(model)
    try:
        if source.form == "slim":
            from aiot_suite.train import embedded

            return embedded(model.name, state_dicts.read(source.file))
        fitted = state_dicts.load(source.file, model)
        module = model.build(fitted.outputs)
        load_arrays(module, fitted.state)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{source.file} does not fit {model.name}: {detail}") from None
    return module
