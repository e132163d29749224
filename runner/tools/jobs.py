"""Jobs for the tools, with model files, images and labels adapted to them and pushed to the device."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aiot_suite.datasets.store import Dataset
from aiot_suite.errors import ModelError, SetupError
from aiot_suite.suite import TIMEOUT_S, Instance, Profile
from aiot_suite.workspace import sha256_of
from runner import rawlog
from runner.tools.programs import Repeats, Tool, ToolOptions, Tools, find
from runner.tools.tool_attempt import EvaluationFiles, Program, ToolJob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiot_suite.datasets.store import Dataset
    from aiot_suite.facts import Artifact, Settings
    from runner.devices import Device

TOOL_MEAN = TOOL_STD = 127.5
LEAST_OUTPUTS = 10
"""Minimum number of outputs: run_eval counts the ten best classes and refuses a model with fewer."""

NO_CLASS = "none"
"""Label of an output that is no class; no image has it."""


@dataclass(frozen=True)
class Staged:
    """Images and labels in the form that run_eval takes, in files on the host."""

    folder: Path
    names: tuple[str, ...]  # names of the files in `images`, in the order of the labels
    failed: tuple[str, ...]  # images that cannot be decoded, at the first of which the tool would give up

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def ground_truth(self) -> Path:
        """File with the label of each image, one per line."""
        return self.folder / "ground_truth.txt"


def stage_images(dataset: Dataset, chosen: Sequence[tuple[str, int]], settings: Settings, root: Path) -> Staged:
    """Create the `.rgb8` files of images (name, label) in a folder below `root`, once per set of equal settings."""
    from aiot_suite import preprocess

    versions = [preprocess.IMAGE_LIBRARY, sha256_of(Path(preprocess.__file__))]
    resizing = [settings.size, settings.resize, settings.resize_size, settings.interpolation]
    key_values = [*versions, dataset.sha256, *resizing, list(chosen)]
    folder = root / f"rgb8-{settings.size}-{_digest(key_values)}"
    marker = folder / "failed.json"
    if not marker.is_file():
        (folder / "images").mkdir(parents=True, exist_ok=True)
        preprocessing = preprocess.Preprocess.of(settings.record())
        truths: list[int] = []
        failures: list[str] = []
        for name, label in chosen:
            try:
                image = preprocess.decode(dataset.path(name).read_bytes())
                pixels = preprocess.resized(
                    image,
                    preprocessing.size,
                    preprocessing.resize,
                    preprocessing.resize_size,
                    preprocessing.interpolation,
                ).tobytes()
            except (OSError, ValueError):
                failures.append(name)
                continue
            (folder / "images" / _file(len(truths))).write_bytes(pixels)
            truths.append(label)
        (folder / "ground_truth.txt").write_text("".join(f"{label}\n" for label in truths), encoding="utf-8")
        rawlog.replace_text(marker, json.dumps(failures))  # written last: a folder without it is incomplete
    failed = json.loads(marker.read_text(encoding="utf-8"))
    return Staged(folder, tuple(_file(number) for number in range(len(chosen) - len(failed))), tuple(failed))


def _file(number: int) -> str:
    """Return the name of a file; the tool takes images in the order of their names."""
    return f"{number:06}.rgb8"


def label_lines(settings: Settings, outputs: int) -> list[str]:
    """Return the label of each output as text, in the form of the ground truth."""
    from runner.agent.loop import labels as label_of

    output_labels = [label_of(settings.record())(index) for index in range(outputs)]
    return [NO_CLASS if label == -1 else str(label) for label in output_labels]


@dataclass(frozen=True)
class FittedModel:
    """A model file for run_eval, and the file with the labels of its outputs."""

    path: Path
    sha256: str
    labels: Path
    changed: bool  # whether the file differs from the one that is timed


def fit_model(artifact: Artifact, root: Path) -> FittedModel:
    """Return a prepared TFLite model in the form that run_eval takes, in a folder below `root`.

    It is created once for equal file and settings. Raises ModelError with the reason if run_eval cannot run this model.
    """
    settings = artifact.settings
    folder = root / f"fitted-{artifact.name}-{_digest([artifact.sha256, settings.record()])}"
    label_file = folder / "labels.txt"
    model_file = folder / artifact.path.name
    if not label_file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        data = artifact.path.read_bytes()
        fitted_data, outputs = with_tool_input(data, settings, artifact.path.name)
        if fitted_data is not None:
            model_file.write_bytes(fitted_data)
        text = "".join(f"{label}\n" for label in label_lines(settings, outputs))
        rawlog.replace_text(label_file, text)  # written last: a folder without it is incomplete
    if model_file.is_file():
        return FittedModel(model_file, hashlib.sha256(model_file.read_bytes()).hexdigest(), label_file, True)
    return FittedModel(artifact.path, artifact.sha256, label_file, False)


def with_tool_input(data: bytes, settings: Settings, name: str = "The model") -> tuple[bytes | None, int]:
    """Return a .tflite file with the input of run_eval and float32 output, and its number of outputs.

    The file is None if `data` already has this form. Raises ModelError if it cannot be made.
    """
    from runner.tools import flatbuffer

    model = flatbuffer.Network(data, name)
    if model.outputs < LEAST_OUTPUTS:
        raise ModelError(f"{name} has {model.outputs} outputs, but run_eval needs {LEAST_OUTPUTS} or more.")
    weights, bias = tool_to_model(settings)
    identical = weights == ((1, 0, 0), (0, 1, 0), (0, 0, 1)) and bias == (0, 0, 0)
    if identical and model.is_float:
        return None, model.outputs
    model.take_float(weights, bias)
    model.give_float()
    return model.pack(), model.outputs


def tool_to_model(settings: Settings) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    """Return weights and biases that convert the tool's input to the model's.

    Weights have shape (3, 3), with one row per channel of the model. The tool provides t = (x - 127.5) / 127.5 in the
    order RGB, the model takes (x - mean) / std in its own order.
    """
    order = [0, 1, 2] if settings.channel_order == "RGB" else [2, 1, 0]
    weights = tuple(
        tuple(TOOL_STD / std if channel == source else 0.0 for channel in range(3))
        for source, std in zip(order, settings.std, strict=True)
    )
    bias = tuple((TOOL_MEAN - mean) / std for mean, std in zip(settings.mean, settings.std, strict=True))
    return weights, bias


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


class Push(Protocol):
    """Type of a function that pushes files: see runner.devices.Device.push."""

    def __call__(self, files: dict[str, Path], folder: str, executable: bool = False) -> str: ...


FRAMEWORK = "tflite"
"""The framework whose instances the tools measure.

The tools also measure its instances on the CPU, so that all of them have the same tool and timing.
"""


@dataclass(frozen=True)
class NativeToolOptions:
    """Native tools and options that a user gives for a run."""

    folder: Path  # folder with the tools, for one or several ABIs
    scratch: Path  # folder on the host for files made from models and images, kept for later runs
    accelerator: str | None = None  # accelerator of NNAPI, by its name on the device

    def tools_for(self, device: Device) -> Tools:
        """Return the tools for a device. Raise SetupError with the device's name if there are none."""
        try:
            return find(self.folder, device.properties()["abi"] or "")
        except SetupError as error:
            raise SetupError(f"{device.slug}: {error}") from None

    def record(self, device: Device) -> dict[str, str | None]:
        """Return the fields for run.json."""
        tools = self.tools_for(device)
        return {
            "benchmark_model": tools.benchmark_model.version,
            "run_eval": tools.run_eval.version if tools.run_eval else None,
            "accelerator": self.accelerator,
        }


@dataclass(frozen=True)
class ToolRequest:
    """Settings shared by the instances of a run."""

    tools: Tools
    dataset: Dataset
    images: Sequence[tuple[str, int]]  # (name, label) of each
    profile: Profile
    threads: int
    scratch: Path  # see NativeToolOptions.scratch
    accelerator: str | None = None
    xnnpack: bool = True
    timeout_s: float = TIMEOUT_S  # time limit of each command


def make(request: ToolRequest, instance: Instance, artifact: Artifact, attempt: int, push: Push) -> ToolJob:
    """Return the job of an attempt, after pushing everything it needs to the device.

    Without run_eval, or if it cannot take the model, the job has no evaluation but the reason.
    """
    models = push({artifact.path.name: artifact.path}, f"models-{artifact.weights}")
    evaluation, reason = _evaluation(request, artifact, push)
    return ToolJob(
        instance=instance.id,
        attempt=attempt,
        ask=ToolOptions(instance.delegate, request.threads, request.accelerator, request.xnnpack),
        repeats=Repeats.of(request.profile, len(request.images), request.timeout_s / 2),
        benchmark=_program(request.tools.benchmark_model, f"{models}/{artifact.path.name}", artifact.sha256, push),
        evaluation=evaluation,
        no_evaluation=reason,
        timeout_s=max(request.timeout_s, 2 * request.profile.min_duration_s),
    )


def _evaluation(request: ToolRequest, artifact: Artifact, push: Push) -> tuple[EvaluationFiles | None, str]:
    """Return what accuracy is measured with, or None and the reason."""
    tool = request.tools.run_eval
    if tool is None:
        return None, "run_eval was not provided"
    request.scratch.mkdir(parents=True, exist_ok=True)
    with rawlog.locked(request.scratch / ".lock"):  # runs on several devices share these files
        try:
            fitted = fit_model(artifact, request.scratch)
        except ModelError as error:
            return None, str(error).rstrip(".")
        staged = stage_images(request.dataset, request.images, artifact.settings, request.scratch)
    if not staged.names:
        return None, "none of the images can be decoded"
    files = {f"images/{name}": staged.images / name for name in staged.names}
    images = push({**files, staged.ground_truth.name: staged.ground_truth}, staged.folder.name)
    models = push({fitted.path.name: fitted.path, fitted.labels.name: fitted.labels}, fitted.labels.parent.name)
    evaluation = EvaluationFiles(
        program=_program(tool, f"{models}/{fitted.path.name}", fitted.sha256, push),
        images=f"{images}/images",
        labels=f"{models}/{fitted.labels.name}",
        ground_truth=f"{images}/{staged.ground_truth.name}",
        count=len(staged.names),
        failed=len(staged.failed),
    )
    return evaluation, ""


def _program(tool: Tool, model: str, sha256: str, push: Push) -> Program:
    folder = push({tool.name: tool.path}, f"tools-{tool.sha256[:12]}", executable=True)
    return Program(f"{folder}/{tool.name}", tool.version, model, sha256)
