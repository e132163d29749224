"""A run of a suite on a device: what is asked for, its folder, and which earlier one to go on with."""

from __future__ import annotations

import json
import platform
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from aiot_suite.catalog import Catalog
from aiot_suite.datasets.store import Dataset
from aiot_suite.errors import SetupError
from aiot_suite.facts import Artifact
from aiot_suite.suite import Instance, Profile
from aiot_suite.workspace import Workspace
from runner import ledger, order, rawlog
from runner.devices import ATTEMPT_TIMEOUT_S, COOLDOWN_S, CORES, Conditions, Device
from runner.tools.jobs import FRAMEWORK, NativeToolOptions

RESIZE = "resize"  # the study that compares the ways of Section IV-B
AB = "ab"  # the study of short runs of two settings in turn: see runner.ab


@dataclass(frozen=True)
class RunRequest:
    """What is asked for."""

    instances: Sequence[Instance]  # in any order: see `order_seed`
    profile: Profile
    seed: int  # of the images that a profile draws
    threads: int
    dataset: Dataset
    artifacts: dict[str, Artifact]
    catalog: Catalog
    checks: dict[str, dict[str, Any]]  # what `aiot models check` found, by name of the model file
    timeout_s: float = ATTEMPT_TIMEOUT_S
    cooldown_s: float = COOLDOWN_S  # how long a device that is hot or empty is waited for
    resize: str | None = None  # the way of all models, in the study that compares the ways
    conditions: Conditions = field(default_factory=Conditions)
    native: NativeToolOptions | None = None  # TFLite's own tools, for its instances
    order_seed: int | None = None  # of the order; None: from the device and its earlier runs (see runner.order)
    ab: dict[str, Any] | None = None  # the place of a short run in its A/B session: see runner.ab

    def by_tools(self, instance: Instance) -> bool:
        """Whether an instance is measured by TFLite's own tools, and by no agent."""
        return self.native is not None and instance.framework == FRAMEWORK

    def with_resize(self, way: str) -> RunRequest:
        """The same files with one of Section IV-B's ways of resizing for all: a study, and no run of the suite."""
        artifacts = {
            name: replace(artifact, settings=replace(artifact.settings, resize=way))
            for name, artifact in self.artifacts.items()
        }
        return replace(self, artifacts=artifacts, resize=way)

    def record(self, device: Device) -> dict[str, Any]:
        """The fields of run.json that say what was asked of a device, as they are read back: equal for equal requests.

        `suite` has the instances in any order: that of a run is drawn when it begins (see `begin`). Raises SetupError
        if the tools that were given are not for it.
        """
        fields = {
            "study": AB if self.ab else self.resize and RESIZE,
            "resize": self.resize,
            "ab": self.ab,
            "suite": [one.id for one in self.instances],
            "profile": self.profile.record(),
            "seed": self.seed,
            "threads": self.threads,
            "timing": "end_to_end",
            "conditions": asdict(self.conditions) if self.conditions != Conditions() else None,
            "native_tools": self.native and self.native.record(device),
            "dataset": {
                "name": self.dataset.name,
                "sha256": self.dataset.sha256,
                "images": len(self.dataset.images),
                "label_space": self.dataset.label_space,
            },
            "models": {
                one.id: {
                    "sha256": artifact.sha256,
                    "size_bytes": artifact.size_bytes,
                    "weights": artifact.weights,
                    "environment": artifact.environment,
                    "preprocess": artifact.settings.record(),
                    **({"calibrated": artifact.calibrated.summary()} if artifact.calibrated else {}),
                }
                for one in self.instances
                if (artifact := self.artifacts.get(one.artifact))
            },
        }
        read_back: dict[str, Any] = json.loads(json.dumps(fields))
        return read_back


def conditions_of(record: dict[str, Any]) -> Conditions:
    """What a run.json says that the device is to keep to; what it does not say is not asked for."""
    said = record.get("conditions") or {}
    fixed, cores = said.get("fixed_performance") is True, said.get("cores")
    return Conditions(fixed, cores) if cores in CORES else Conditions(fixed)


def refused(folder: Path) -> list[str]:
    """What a run asked for of its device and the device has not done, with the reason."""
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    wanted = conditions_of(record)
    names = {"fixed_performance": wanted.fixed_performance, "cores": wanted.cores != Conditions().cores}
    found = [
        f"{name.replace('_', ' ')} as asked for could not be had: {reason}"
        for held in record.get("held") or []
        for name, reason in held["refused"].items()
        if names.get(name)
    ]
    return list(dict.fromkeys(found))


def begin(workspace: Workspace, device: Device, request: RunRequest) -> Path:
    """Makes the folder of a new run with run.json and device.json."""
    asked = request.record(device)
    drawn = order.draw(workspace.raw, device.slug, asked, request.order_seed)
    return new_folder(workspace, device, {"checks": request.checks, **asked, **drawn})


def new_folder(workspace: Workspace, device: Device, asked: dict[str, Any]) -> Path:
    """Make the folder of a new run, with device.json and a run.json of what is asked for.

    Raises SetupError if it cannot be written.
    """
    now = datetime.now(UTC)  # to the millisecond, so that the names of a device's runs sort by time
    run_id = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z-{secrets.token_hex(3)}"
    folder = workspace.raw / device.slug / run_id
    properties = device.properties()
    record = {
        "schema_version": rawlog.SCHEMA_VERSION,
        "run_id": run_id,
        "device_slug": device.slug,
        "origin": "measured",
        "software": {"aiotbench": metadata.version("aiotbench"), "python": platform.python_version()},
        "started": rawlog.utc_now(),
        "ended": None,
        **asked,
    }
    try:
        (folder / "native").mkdir(parents=True)
        rawlog.write_json(folder / "device.json", properties, rawlog.DEVICE_FIELDS)
        rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SetupError(
            f"No run can be written to {workspace.raw} ({error.strerror}): free some space, or make it a folder that "
            "you may write to."
        ) from None
    return folder


def to_resume(workspace: Workspace, device: Device, request: RunRequest) -> Path | None:
    """The device's newest run, if it is unfinished on the same models and dataset, or did what is asked.

    It keeps its order. None means that a new run has to begin.
    """
    asked = request.record(device)
    folder = ledger.newest_run(workspace.raw, device.slug, asked["study"], request.resize)
    if folder is None:
        return None
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    if order.is_same(record, asked) and order.is_of_seed(record, request.order_seed):
        return folder
    unfinished = not ledger.finished(ledger.read(folder))
    same_models = all(
        request.artifacts.get(Instance.parse(one).artifact)
        and request.artifacts[Instance.parse(one).artifact].sha256 == model["sha256"]
        for one, model in record["models"].items()
    )
    return folder if unfinished and same_models and record["dataset"] == asked["dataset"] else None
