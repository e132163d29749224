"""Run requests, the tasks they result in, run folders, and finding a run to resume."""

from __future__ import annotations

import json
import platform
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

from aiot_suite.datasets.store import Dataset, subset
from aiot_suite.errors import SetupError
from aiot_suite.suite import COOLDOWN_S, TIMEOUT_S, Instance, Profile
from aiot_suite.workspace import PROJECT, Workspace
from runner import ledger, rawlog
from runner.devices import CORES, Conditions, Device, DeviceTask
from runner.preflight import preflight
from runner.tools import jobs
from runner.tools.jobs import FRAMEWORK, NativeToolOptions
from runner.tools.tool_attempt import ToolJob

if TYPE_CHECKING:
    from pathlib import Path

    from aiot_suite.catalog import Catalog
    from aiot_suite.facts import Artifact

RESIZE = "resize"  # the study that compares the ways of Section IV-B
AB = "ab"  # the study of short runs of two settings in turn: see runner.ab


@dataclass(frozen=True)
class StartedRun:
    """Facts about a run on a device that its tasks need."""

    folder: Path
    device: Device
    record: dict[str, Any]  # run.json
    core_mask: str | None  # see AppliedConditions.core_mask


MakeTask = Callable[[Instance, int], DeviceTask | ToolJob]
"""Makes the task of an attempt, given its instance and its number, and pushes what it needs to the device."""


class Request(Protocol):
    """Request for a run on a device: of the suite (RunRequest), or of another study that is executed in the same way.

    `record` has what run.json keeps, which is read back when a run is resumed; the other fields concern only this
    execution.
    """

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """Model files by name."""
        ...

    @property
    def checks(self) -> Mapping[str, dict[str, Any]]:
        """Results of `aiot models check`, by the name of the model file."""
        ...

    @property
    def order_seed(self) -> int | None:
        """Seed of the order; if None, the order follows from the device and its earlier runs (see runner.ledger)."""
        ...

    @property
    def timeout_s(self) -> float:
        """Time limit for one instance, in seconds."""
        ...

    @property
    def cooldown_s(self) -> float:
        """Seconds to wait for a device that is hot or low on battery; 0: the device is not checked."""
        ...

    def record(self, device: Device) -> dict[str, Any]:
        """Return the fields of run.json that describe the request to a device; equal requests give equal fields."""
        ...

    def obstacle(self, instance: Instance, device: Device) -> dict[str, str]:
        """Return why an instance cannot run (`reason`) and what would help (`remedy`); {} if it can."""
        ...

    def tasks(self, run: StartedRun) -> MakeTask:
        """Return the function that makes the tasks of a run."""
        ...


@dataclass(frozen=True)
class RunRequest:
    """A request for a run of the suite."""

    instances: Sequence[Instance]  # in any order (see `order_seed`)
    profile: Profile
    seed: int  # for drawing the images of the profile
    threads: int
    dataset: Dataset
    artifacts: dict[str, Artifact]
    catalog: Catalog
    checks: dict[str, dict[str, Any]]  # results of `aiot models check`, by name of the model file
    timeout_s: float = TIMEOUT_S
    cooldown_s: float = COOLDOWN_S  # seconds to wait for a device that is hot or low on battery
    resize: str | None = None  # the way that all models use, in the study that compares them
    conditions: Conditions = field(default_factory=Conditions)
    native: NativeToolOptions | None = None  # TFLite's own tools, for its instances
    order_seed: int | None = None  # seed of the order; see Request.order_seed
    lacking: Mapping[str, str] = field(default_factory=dict)  # why model files cannot be built, by name
    suite_name: str | None = None  # None: one of the paper's suites
    ab: dict[str, Any] | None = None  # position of a short run in its A/B session: see runner.ab

    def by_tools(self, instance: Instance) -> bool:
        """Return whether an instance is measured by TFLite's own tools instead of the agent."""
        return self.native is not None and instance.framework == FRAMEWORK

    def obstacle(self, instance: Instance, device: Device) -> dict[str, str]:
        """Return why an instance cannot run (`reason`) and what would help (`remedy`); {} if it can."""
        if reason := self.lacking.get(instance.artifact):
            return {"reason": reason, "remedy": "use another network or framework"}
        artifact, by_tools = self.artifacts.get(instance.artifact), self.by_tools(instance)
        return preflight(instance, artifact, self.catalog, self.dataset, device, by_tools)

    def tasks(self, run: StartedRun) -> MakeTask:
        """Return the function that makes the tasks of a run."""
        return _SuiteTasks(self, run)

    def with_resize(self, way: str) -> RunRequest:
        """Return a request for the study of resizing, in which all files use the same one of Section IV-B's ways."""
        artifacts = {
            name: replace(artifact, settings=replace(artifact.settings, resize=way))
            for name, artifact in self.artifacts.items()
        }
        return replace(self, artifacts=artifacts, resize=way)

    def record(self, device: Device) -> dict[str, Any]:
        """Return the fields of run.json that describe the request to a device, in the form in which they are read back.

        Equal requests give equal fields. `suite` has the instances in any order: the order of a run is drawn when it
        starts (see `create_run`). Raises SetupError if the native tools are not for this device.
        """
        fields = {
            "study": AB if self.ab else self.resize and RESIZE,
            "resize": self.resize,
            "ab": self.ab,
            "suite": [instance.id for instance in self.instances],
            "suite_name": self.suite_name,
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
                instance.id: {
                    "sha256": artifact.sha256,
                    "size_bytes": artifact.size_bytes,
                    "weights": artifact.weights,
                    "environment": artifact.environment,
                    "preprocess": artifact.settings.record(),
                    **({"calibrated": artifact.calibrated.summary()} if artifact.calibrated else {}),
                    **({"macs": artifact.macs, "parameters": artifact.parameters} if artifact.macs else {}),
                }
                for instance in self.instances
                if (artifact := self.artifacts.get(instance.artifact))
            },
        }
        read_back: dict[str, Any] = json.loads(json.dumps(fields))
        return read_back


@dataclass(frozen=True)
class _SuiteTasks:
    """Makes the tasks of a run of the suite. What its instances share is pushed to the device only once."""

    request: RunRequest
    run: StartedRun

    def __call__(self, instance: Instance, attempt: int) -> DeviceTask | ToolJob:
        """Return the task of an attempt by the agent, or the job of one by TFLite's own tools."""
        artifact = self.request.artifacts[instance.artifact]
        if self.request.by_tools(instance):
            return jobs.make(self._tools, instance, artifact, attempt, self.run.device.push)
        models = self.run.device.push({artifact.path.name: artifact.path}, f"models-{artifact.weights}")
        return DeviceTask(
            name=rawlog.format_attempt_name(instance.id, attempt),
            folder=self.run.folder,
            agent=self._agent,
            module="runner.agent",
            environment=artifact.environment,
            job={
                "images": self._images,
                "image_folder": self._image_folder,
                "threads": self.run.record["threads"],
                "warmups": self._profile.warmups,
                "passes": self._profile.passes,
                "min_queries": self._profile.min_queries,
                "min_duration_s": self._profile.min_duration_s,
                "instance": instance.id,
                "attempt": attempt,
                "framework": instance.framework,
                "delegate": instance.delegate,
                "model": f"{models}/{artifact.path.name}",
                "settings": artifact.settings.record(),
            },
            core_mask=self.run.core_mask,
        )

    @cached_property
    def _profile(self) -> Profile:
        return Profile.parse(self.run.record["profile"], self.run.folder / "run.json")

    @cached_property
    def _images(self) -> Sequence[tuple[str, int]]:
        return subset(self.request.dataset, self._profile.max_images, self.run.record["seed"])

    @cached_property
    def _agent(self) -> str:
        """Folder of the agent on the device. Like the images, it is pushed at its first use."""
        return self.run.device.push(agent_files(self.request.catalog), "agent")

    @cached_property
    def _image_folder(self) -> str:
        dataset = self.request.dataset
        files = {image: dataset.path(image) for image, _ in self._images}
        return self.run.device.push(files, f"images-{dataset.sha256[:12]}")

    @cached_property
    def _tools(self) -> jobs.ToolRequest:
        """Settings shared by all instances that TFLite's own tools measure."""
        options = self.request.native
        assert options is not None
        return jobs.ToolRequest(
            tools=options.tools_for(self.run.device),
            dataset=self.request.dataset,
            images=self._images,
            profile=self._profile,
            threads=self.run.record["threads"],
            scratch=options.scratch,
            accelerator=options.accelerator,
            timeout_s=self.request.timeout_s,
        )


def agent_files(installed: Catalog) -> dict[str, Path]:
    """Return the files of the agent and of plug-in frameworks, by their path on the device."""
    plugins = {
        f"runner/agent/{name}.py": framework.file for name, framework in installed.frameworks.items() if framework.file
    }
    suite = ("aiot_suite/__init__.py", "aiot_suite/preprocess.py")
    return package_files(*suite, "runner/__init__.py", "runner/rawlog/*.py", "runner/agent/*.py") | plugins


def package_files(*patterns: str) -> dict[str, Path]:
    """Return the files of this project that match one of the patterns, by their path in the project."""
    files = [file for pattern in patterns for file in sorted(PROJECT.glob(pattern))]
    return {file.relative_to(PROJECT).as_posix(): file for file in files}


def requested_conditions(record: dict[str, Any]) -> Conditions:
    """Return the conditions that a run.json requests; missing ones count as not requested."""
    conditions = record.get("conditions") or {}
    fixed, cores = conditions.get("fixed_performance") is True, conditions.get("cores")
    return Conditions(fixed, cores) if cores in CORES else Conditions(fixed)


def refused_conditions(folder: Path) -> list[str]:
    """Return a sentence, with the reason, for each condition that a run requested and the device did not apply.

    Every run on a device with a screen requests that the screen stays on.
    """
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    wanted = requested_conditions(record)
    statements = {"screen_on": "the screen does not stay on"}
    if wanted.fixed_performance:
        statements["fixed_performance"] = "the request for fixed performance was refused"
    if wanted.cores != Conditions().cores:
        statements["cores"] = "the request for cores was refused"
    sentences = [
        f"{statements[name]}: {reason}"
        for applied in record.get("held") or []
        for name, reason in applied["refused"].items()
        if name in statements
    ]
    return list(dict.fromkeys(sentences))


def new_run_id() -> str:
    """Return an id for a run that starts now, to the millisecond, so that the names of a device's runs sort by time."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z-{secrets.token_hex(3)}"


def cannot_be_written(folder: Path, error: OSError) -> SetupError:
    """Return the error that says why a folder of raw logs cannot be written to."""
    return SetupError(
        f"No run can be written to {folder} ({error.strerror}): free some space, or make it a folder that you can "
        "write to."
    )


def create_run(workspace: Workspace, device: Device, request: Request, run_id: str | None = None) -> Path:
    """Create the folder of a new run, with device.json and a run.json that describes the request.

    Raises SetupError if it cannot be written.
    """
    run_id = run_id or new_run_id()
    request_record = request.record(device)
    order = ledger.draw_order(workspace.raw, device.slug, request_record, request.order_seed)
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
        "checks": dict(request.checks),
        **request_record,
        **order,
    }
    try:
        (folder / "native").mkdir(parents=True)
        rawlog.write_json(folder / "device.json", properties, rawlog.DEVICE_FIELDS)
        rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise cannot_be_written(workspace.raw, error) from None
    return folder


def find_run_to_resume(workspace: Workspace, device: Device, request: Request) -> Path | None:
    """Return the device's newest run if it can be resumed, or None if a new run has to start.

    A run can be resumed if it had the same request, or if it is unfinished and has the same models and dataset. It
    keeps its order. A model whose file is missing does not count as the same. A run without any result, here or on the
    device, does not stand in the way of an unfinished one before it.
    """
    request_record = request.record(device)
    runs = ledger.runs_of(workspace.raw, device.slug, request_record["study"], request_record.get("resize"))
    unfetched = device.unfetched()
    with_results = [run for run in runs if run[0].name in unfetched or rawlog.attempt_paths(run[0])]
    candidates = runs[:1]
    if with_results and not ledger.finished(ledger.read(with_results[0][0])):
        candidates = [with_results[0], *candidates]
    return next(
        (folder for folder, record in candidates if _can_be_resumed(record, folder, request_record, request)), None
    )


def _can_be_resumed(record: dict[str, Any], folder: Path, request_record: dict[str, Any], request: Request) -> bool:
    if ledger.is_same_request(record, request_record) and ledger.has_order_of(record, request.order_seed):
        return True
    unfinished = not ledger.finished(ledger.read(folder))
    same_models = all(
        (artifact := request.artifacts.get(Instance.parse(instance_id).artifact))
        and artifact.sha256 == model.get("sha256")
        for instance_id, model in record["models"].items()
    )
    return bool(unfinished and same_models and record["dataset"] == request_record["dataset"])
