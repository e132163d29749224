"""Taking in a model file that somebody else made."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

from runner import environments
from runner.catalog import Catalog
from runner.devices.local import LocalDevice
from runner.environments import INSTALL_LEGACY
from runner.errors import ModelError, SetupError
from runner.suite import Instance
from runner.workspace import sha256_of
from runner.zoo import check
from runner.zoo.facts import Artifact, Settings, default_settings
from runner.zoo.weights import read_json


def add(
    file: Path,
    instance: Instance,
    *,
    name: str,
    settings_file: Path,
    folder: Path,
    known: Catalog,
    device: LocalDevice,
) -> Artifact:
    """Copies a model file into `folder` with its settings, after it has answered to a picture.

    `instance` says which model, framework and quantization it is; `name` is what the runs call its weights.
    Raises ModelError if the file is no model that one of the framework's environments can run.
    """
    if not file.is_file():
        raise ModelError(f"There is no file {file}: name the model file.")
    framework = known.frameworks[instance.framework]
    given = read_json(settings_file)
    accuracy = given.pop("accuracy", None)
    defaults = default_settings(instance.model, "imagenet-1000", 1000).with_layout(framework.layout).record()
    settings = Settings.parse({**defaults, **given}, settings_file)
    installed = [one for one in framework.environments if environments.python_of(one)]
    if not installed:
        raise SetupError(f"{framework.name} needs the legacy environment, which is missing: {INSTALL_LEGACY}.")
    folder.mkdir(parents=True, exist_ok=True)
    candidate = Artifact(
        path=file,
        name=instance.artifact,
        sha256=sha256_of(file),
        size_bytes=file.stat().st_size,
        weights=name,
        weights_sha256=sha256_of(file),
        settings=settings,
        made_with={},
        source_key="",
        declared_accuracy=accuracy,
        added=True,
    )
    refused = []
    for environment in installed:
        artifact = replace(candidate, environment=environment)
        try:
            _try(artifact, known, device)
        except ModelError as error:
            refused.append(str(error))
            continue
        target = folder / f"{artifact.name}{framework.suffix}"
        if target.resolve() != file.resolve():
            shutil.copyfile(file, target)
        artifact = replace(artifact, path=target)
        artifact.save()
        return artifact
    others = [one for one in framework.environments if one not in installed]
    hint = f" It may be one for the environment {others[0]}: {INSTALL_LEGACY}." if others else ""
    raise ModelError(" ".join(refused) + hint)


def _try(artifact: Artifact, known: Catalog, device: LocalDevice) -> None:
    """Shows it a grey picture; raises ModelError if it does not answer, or not with as many numbers as it should."""
    with tempfile.TemporaryDirectory(prefix="aiot-add-") as folder:
        Image.new("RGB", (320, 240), (127, 127, 127)).save(Path(folder, "grey.png"))
        scores = check.outputs(artifact, known, device, Path(folder), [("grey.png", 0)])
    settings = artifact.settings
    if scores.shape[1] < settings.classes + settings.label_offset:
        raise ModelError(
            f"{artifact.path} has {scores.shape[1]} outputs, and its settings say {settings.classes} classes from "
            f"output {settings.label_offset} on: mend classes or label_offset."
        )
