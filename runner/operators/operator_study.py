"""The operator study: one process for each network, executed and recorded like the instances of the suite."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from aiot_suite.environments import INSTALL_LEGACY, how_to_install, not_installed
from aiot_suite.suite import COOLDOWN_S, TIMEOUT_S, Instance
from aiot_suite.workspace import PROJECT
from runner import rawlog
from runner.devices import Device, DeviceTask
from runner.run_request import MakeTask, StartedRun, package_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aiot_suite.facts import Artifact

STUDY = "profile"
"""The study in run.json. Logs of earlier versions have this name too."""

LIBRARIES = ("torch", "torchvision")
ENVIRONMENTS = {"pytorch": "main", "caffe2": "legacy"}
"""The frameworks whose operators can be timed, and the Python environment that each needs: aiot_suite.environments."""

_MODULES = {"pytorch": "runner.operators.pytorch_operators", "caffe2": "runner.operators.caffe2_operators"}
"""The module of each framework that runs as a process and times the operators of one network."""


@dataclass(frozen=True)
class OperatorRequest:
    """A request for a run of the operator study: see runner.run_request.Request."""

    models: Sequence[str]
    plugins: Path  # the workspace's, which may define models
    frameworks: Sequence[str] = ("pytorch",)
    repeat: int = 100
    warmups: int = 3
    threads: int = 1
    seed: int = 0  # of weights and input
    timeout_s: float = TIMEOUT_S
    cooldown_s: float = COOLDOWN_S
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)  # of the frameworks that need a model file
    checks: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    order_seed: int | None = None

    @property
    def instances(self) -> list[Instance]:
        return [Instance(framework, "cpu", "float32", model) for framework in self.frameworks for model in self.models]

    def record(self, device: Device) -> dict[str, Any]:
        """Return the fields of run.json that say what is asked, as they are read back."""
        fields = {
            "study": STUDY,
            "suite": [instance.id for instance in self.instances],
            "profile": {"name": "operators", "warmups": self.warmups, "passes": self.repeat},
            "seed": self.seed,
            "threads": self.threads,
            "timing": "inference",
            "dataset": {"name": "random", "sha256": "", "images": 0, "label_space": None},
            "models": {instance.id: _model_record(self._artifact(instance)) for instance in self.instances},
        }
        read_back: dict[str, Any] = json.loads(json.dumps(fields))
        return read_back

    def obstacle(self, instance: Instance, device: Device) -> dict[str, str]:
        """Return why a network cannot be timed (`reason`) and what would help (`remedy`); {} if it can."""
        environment = ENVIRONMENTS[instance.framework]
        if environment not in device.environments:
            return {"reason": f"{instance.framework} needs the environment {environment}", "remedy": INSTALL_LEGACY}
        if environment == "main" and (absent := device.missing(LIBRARIES, [environment])):
            return {"reason": not_installed(absent), "remedy": how_to_install(absent)}
        if environment != "main" and instance.artifact not in self.artifacts:
            remedy = f"`aiot models prepare --models {instance.model} --frameworks {instance.framework}`"
            return {"reason": "the model is not prepared", "remedy": remedy}
        return {}

    def tasks(self, run: StartedRun) -> MakeTask:
        """Return the function that makes the tasks of a run."""
        return partial(self._task, run)

    def _task(self, run: StartedRun, instance: Instance, attempt: int) -> DeviceTask:
        environment = ENVIRONMENTS[instance.framework]
        artifact = self._artifact(instance)
        return DeviceTask(
            name=rawlog.format_attempt_name(instance.id, attempt),
            folder=run.folder,
            # another environment's Python sees only what it needs, and none of this one's packages
            agent=str(PROJECT) if environment == "main" else run.device.push(_pushed_files(), "operators"),
            module=_MODULES[instance.framework],
            environment=environment,
            job={
                "model": instance.model,
                "instance": instance.id,
                "attempt": attempt,
                "repeat": run.record["profile"]["passes"],
                "warmups": run.record["profile"]["warmups"],
                "threads": run.record["threads"],
                "seed": run.record["seed"],
                "plugins": str(self.plugins.resolve()),
                "file": str(artifact.path.resolve()) if artifact else None,
                "size": artifact.settings.size if artifact else None,
            },
            core_mask=run.core_mask,
        )

    def _artifact(self, instance: Instance) -> Artifact | None:
        """Return the model file that is run; PyTorch runs the definition, with random weights."""
        return self.artifacts.get(instance.artifact) if ENVIRONMENTS[instance.framework] != "main" else None


def _model_record(artifact: Artifact | None) -> dict[str, Any]:
    """Return what run.json says of a model; the process itself draws the weights of one without a file."""
    if artifact is None:
        return {"weights": "random"}
    return {"weights": artifact.weights, "sha256": artifact.sha256, "size_bytes": artifact.size_bytes}


def _pushed_files() -> dict[str, Path]:
    agent = ("runner/agent/__init__.py", "runner/agent/caffe2.py")
    study = ("runner/operators/__init__.py", "runner/operators/caffe2_operators.py")
    return package_files("runner/__init__.py", "runner/rawlog/*.py", *agent, *study)
