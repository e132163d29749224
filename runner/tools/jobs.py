"""Creating the job of an instance for the tools, with its files made on the host and pushed to the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiot_suite.datasets.store import Dataset
from aiot_suite.errors import ModelError, SetupError
from aiot_suite.facts import Artifact
from aiot_suite.suite import TIMEOUT_S, Instance, Profile
from runner import rawlog
from runner.devices import Device
from runner.tools import fitting
from runner.tools.commands import Ask, Repeats
from runner.tools.programs import Tool, Tools, find
from runner.tools.tool_attempt import EvaluationFiles, Program, ToolJob


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
    scratch: Path  # see Given.scratch
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
        ask=Ask(instance.delegate, request.threads, request.accelerator, request.xnnpack),
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
            fitted = fitting.fit(artifact, request.scratch)
        except ModelError as error:
            return None, str(error).rstrip(".")
        staged = fitting.stage(request.dataset, request.images, artifact.settings, request.scratch)
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
