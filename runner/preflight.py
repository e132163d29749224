"""What is known of an instance before it runs: checks of its model file, obstacles, and versions on the device."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiot_suite.convert import calibration
from aiot_suite.facts import NO_LABELS
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from aiot_suite.catalog import Catalog, Framework
    from aiot_suite.datasets.store import Dataset
    from aiot_suite.facts import Artifact, Settings
    from aiot_suite.suite import Instance
    from runner.devices import Device


@dataclass(frozen=True)
class Check:
    """Result of checking one model file."""

    artifact: str
    sha256: str  # hash of the model file
    settings: dict[str, Any]
    dataset: str
    dataset_sha256: str
    images: int
    unreadable: list[str]  # skipped images, each with the reason
    accuracy: float | None  # None: random weights
    original_accuracy: float | None  # None: no PyTorch original, or random weights
    declared_accuracy: float | None
    largest_difference: float | None  # as a share of the range (maximum minus minimum) of the original's outputs
    correlation: float | None
    top1_agreement: float | None
    passed: bool
    finding: str  # one sentence

    def is_of(self, artifact: Artifact) -> bool:
        """Return whether the check still applies to the file in its present state."""
        return self.sha256 == artifact.sha256 and self.settings == plain_settings(artifact.settings)


def read_checks(folder: Path, artifacts: Iterable[Artifact]) -> dict[str, Check]:
    """Return the earlier checks that still apply to these files, by file name."""
    check_of = {}
    for artifact in artifacts:
        try:
            earlier = Check(**rawlog.parse(rawlog.read_bytes(check_file(folder, artifact))))
        except (rawlog.RawLogError, ValueError, TypeError):
            continue
        if earlier.is_of(artifact):
            check_of[artifact.name] = earlier
    return check_of


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings as they are read back from JSON."""
    record: dict[str, Any] = json.loads(json.dumps(settings.record()))
    return record


def check_file(folder: Path, artifact: Artifact) -> Path:
    """Return the file that keeps the check of a model file in `folder`."""
    return folder / "checks" / f"{artifact.name}.json"


_FRAMEWORK_VERSION = """\
import importlib, sys
from runner.agent import loop
print(importlib.import_module("runner.agent." + sys.argv[1]).version())
"""


def preflight(
    instance: Instance,
    artifact: Artifact | None,
    catalog: Catalog,
    dataset: Dataset,
    device: Device,
    by_tools: bool = False,
) -> dict[str, str]:
    """Return why an instance cannot run (`reason`) and what would help (`remedy`); {} if no obstacle is known.

    An instance that is measured by TFLite's own tools (see runner.tools) needs no Python on the device.
    """
    framework = catalog.frameworks.get(instance.framework)
    of_agent = framework.agent_delegates if framework else ()
    if instance.delegate not in (device.tool_delegates if by_tools else (*device.delegates, *of_agent)):
        return device.without_delegate(instance.delegate)
    if framework is None:
        return {
            "reason": f"there is no framework {instance.framework} in this workspace",
            "remedy": f"put its file into the workspace as plugins/frameworks/{instance.framework}.py",
        }
    if not by_tools and (obstacle := _without_environment(framework, artifact, device)):
        return obstacle
    if artifact is None:
        return {
            "reason": "the model is not prepared",
            "remedy": f"`aiot models prepare --models {instance.model} --frameworks {instance.framework}`",
        }
    if artifact.settings.layout != framework.layout:
        return {
            "reason": f"the model file was made for the layout {artifact.settings.layout}, but {framework.name} "
            f"takes {framework.layout}",
            "remedy": f"`aiot models prepare --models {instance.model} --frameworks {instance.framework}`",
        }
    if artifact.settings.label_space == NO_LABELS:
        return {}  # any images do, because there is no accuracy
    return _unfit_labels(artifact, dataset)


def _unfit_labels(artifact: Artifact, dataset: Dataset) -> dict[str, str]:
    """Return the obstacle as `preflight` does, if accuracy on a dataset would be meaningless."""
    if artifact.settings.label_space != dataset.label_space:
        return {
            "reason": f"the model has the classes of {artifact.settings.label_space}, but the dataset has those of "
            f"{dataset.label_space}",
            "remedy": "choose another dataset with --dataset, or other weights with --weights",
        }
    highest = max((label for _, label in dataset.images), default=0)
    if highest >= artifact.settings.classes:
        return {
            "reason": f"the model has {artifact.settings.classes} classes, but the dataset has label {highest}",
            "remedy": "make the dataset again with the model's labels, or choose another with --dataset",
        }
    if reason := calibration.reason_not_to_test(artifact, dataset):
        return {
            "reason": f"{reason}, so accuracy measured with them would be meaningless",
            "remedy": calibration.REMEDY,
        }
    return {}


def python_version(device: Device, agent: str) -> str | None:
    """Return the version of the Python that runs the pushed agent on a device, or None if it does not start."""
    code, printed = device.run_python(["-c", "import platform; print(platform.python_version())"], agent)
    return None if code else _last_line(printed)


def framework_version(device: Device, agent: str, framework: str) -> tuple[bool, str]:
    """Return whether the device's Python can run a framework, and its version as the agent logs it.

    If it cannot, the text is the last line that the Python printed.
    """
    code, printed = device.run_python(["-c", _FRAMEWORK_VERSION, framework], agent)
    return not code, _last_line(printed)


def _last_line(printed: str) -> str:
    return (printed.strip().splitlines() or ["it printed nothing"])[-1]


def _without_environment(framework: Framework, artifact: Artifact | None, device: Device) -> dict[str, str]:
    """Return the obstacle as `preflight` does, if the Python environment of the framework is missing or incomplete."""
    wanted = (artifact.environment,) if artifact else framework.environments
    if not set(wanted) & set(device.environments):
        return device.without_framework(framework.name, [])
    missing = device.missing(framework.imports, wanted)
    return device.without_framework(framework.name, missing) if missing else {}
