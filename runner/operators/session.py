"""A run that profiles networks: one process and one attempt each, in a folder like that of a run of the suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiot_suite.environments import INSTALL_LEGACY
from aiot_suite.facts import Artifact
from aiot_suite.suite import Instance
from aiot_suite.workspace import PROJECT, Workspace
from runner import ledger, rawlog
from runner.attempt import carry_out, last_of
from runner.devices import ATTEMPT_TIMEOUT_S, Device, DeviceTask
from runner.execution import device_locked, package_files
from runner.run_request import new_folder

STUDY = "profile"
LIBRARIES = ("torch", "torchvision")
ENVIRONMENTS = {"pytorch": "main", "caffe2": "legacy"}
"""The frameworks that can be profiled, and the Python environment that each needs (see aiot_suite.environments)."""

Progress = Callable[[str, int, int], None]
"""Called with an instance, how many repetitions are done in all, and how many there are."""


@dataclass(frozen=True)
class StudyRequest:
    """What is asked for."""

    models: Sequence[str]
    frameworks: Sequence[str] = ("pytorch",)
    repeat: int = 100
    warmups: int = 3
    threads: int = 1
    seed: int = 0
    timeout_s: float = ATTEMPT_TIMEOUT_S
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)  # of the frameworks that need a model file

    @property
    def instances(self) -> list[Instance]:
        return [Instance(framework, "cpu", "float32", model) for framework in self.frameworks for model in self.models]

    def artifact(self, instance: Instance) -> Artifact | None:
        """The model file that is run; PyTorch runs the definition, with random weights."""
        return self.artifacts.get(instance.artifact) if ENVIRONMENTS[instance.framework] != "main" else None

    def record(self) -> dict[str, Any]:
        """The fields of run.json that say what was asked for, as they are read back."""
        fields = {
            "study": STUDY,
            "suite": [one.id for one in self.instances],
            "profile": {"name": "operators", "warmups": self.warmups, "passes": self.repeat},
            "seed": self.seed,
            "threads": self.threads,
            "timing": "inference",
            "dataset": {"name": "random", "sha256": "", "images": 0, "label_space": None},
            "models": {one.id: _model(self.artifact(one)) for one in self.instances},
        }
        read_back: dict[str, Any] = json.loads(json.dumps(fields))
        return read_back


def begin(workspace: Workspace, device: Device, request: StudyRequest) -> Path:
    """Makes the folder of a new run with run.json and device.json."""
    return new_folder(workspace, device, request.record())


def to_resume(workspace: Workspace, device: Device, request: StudyRequest) -> Path | None:
    """The device's newest profile if it is of what is asked; None means that a new one has to begin."""
    folder = ledger.newest_run(workspace.raw, device.slug, STUDY)
    if folder is None:
        return None
    record, asked = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS), request.record()
    return folder if all(record.get(name) == asked[name] for name in asked) else None


def _model(artifact: Artifact | None) -> dict[str, Any]:
    """What run.json says of a model; one without a file is drawn at random in the process that profiles it."""
    if artifact is None:
        return {"weights": "random"}
    return {"weights": artifact.weights, "sha256": artifact.sha256, "size_bytes": artifact.size_bytes}


def execute(
    folder: Path, workspace: Workspace, device: Device, request: StudyRequest, progress: Progress
) -> list[ledger.LedgerEntry]:
    """Profiles one instance after the other, those that ended before left out, and gives how each ended.

    A process that crashes or takes too long is an attempt that failed; the others go on. Raises DeviceError if
    another run uses the device.
    """
    total = len(request.instances) * request.repeat
    with device_locked(folder.parent):
        for number, (instance, entry) in enumerate(zip(request.instances, ledger.read(folder), strict=True)):
            if entry.status in ledger.DONE:
                continue
            log = rawlog.attempt_path(folder, instance.id, entry.next_attempt)
            obstacle = preflight(instance, request, device)
            if obstacle:
                rawlog.close_attempt(log, "unavailable", **obstacle)
                continue
            environment = ENVIRONMENTS[instance.framework]
            task = DeviceTask(
                name=log.stem,
                folder=folder,
                # another environment's Python sees only what it needs, and none of this one's packages
                agent=str(PROJECT) if environment == "main" else device.push(_files(), "profile"),
                module=f"runner.operators.profile_{instance.framework}",
                environment=environment,
                job=_job(instance, entry.next_attempt, request, workspace),
            )

            def tick(tail: bytes, name: str = instance.id, before: int = number * request.repeat) -> None:
                done = last_of(tail, "repetition", "pass")
                progress(name, before + (0 if done is None else done + 1), total)

            carry_out(device, task, request.timeout_s, tick)
        record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        rawlog.write_json(folder / "run.json", {**record, "ended": rawlog.utc_now()}, rawlog.RUN_FIELDS)
    return ledger.read(folder)


def preflight(instance: Instance, request: StudyRequest, device: Device) -> dict[str, str]:
    """Why an instance cannot be profiled (reason), and what would help (remedy); {} if nothing is known of."""
    environment = ENVIRONMENTS[instance.framework]
    if environment not in device.environments:
        return {"reason": f"{instance.framework} needs the environment {environment}", "remedy": INSTALL_LEGACY}
    if environment == "main" and (absent := device.missing(LIBRARIES)):
        return {"reason": f"{', '.join(absent)} is not installed", "remedy": "`pip install 'aiotbench[models]'`"}
    if environment != "main" and instance.artifact not in request.artifacts:
        remedy = f"`aiot models prepare --models {instance.model} --frameworks {instance.framework}`"
        return {"reason": "the model is not prepared", "remedy": remedy}
    return {}


def _job(instance: Instance, attempt: int, request: StudyRequest, workspace: Workspace) -> dict[str, Any]:
    artifact = request.artifact(instance)
    return {
        "model": instance.model,
        "instance": instance.id,
        "attempt": attempt,
        "repeat": request.repeat,
        "warmups": request.warmups,
        "threads": request.threads,
        "seed": request.seed,
        "plugins": str(workspace.plugins.resolve()),
        "file": str(artifact.path.resolve()) if artifact else None,
        "size": artifact.settings.size if artifact else None,
    }


def _files() -> dict[str, Path]:
    agent = ("runner/agent/__init__.py", "runner/agent/caffe2.py")
    study = ("runner/operators/__init__.py", "runner/operators/profile_caffe2.py")
    return package_files("runner/__init__.py", "runner/rawlog/*.py", *agent, *study)
