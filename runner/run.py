"""One execution of a suite on one device: stage, preflight, execute, collect; and going on with it later."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from runner import ledger, rawlog
from runner.catalog import Catalog
from runner.dataset.store import Dataset, subset
from runner.devices import Device
from runner.errors import DeviceError, RunnerError
from runner.preflight import preflight
from runner.suite import Instance, Profile
from runner.workspace import Workspace
from runner.zoo.facts import Artifact

TELEMETRY_INTERVAL_S = 2.0
POLL_INTERVAL_S = 0.25
DEFAULT_TIMEOUT_S = 1800.0

RESIZE = "resize"  # the study that compares the ways of Section IV-B

Listener = Callable[[str, Instance, dict[str, Any]], None]
"""Called with "start", "progress" or an attempt's ending, the instance, and what is known of it."""


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    instances: Sequence[Instance]  # in the order they are run
    profile: Profile
    seed: int
    threads: int
    dataset: Dataset
    artifacts: dict[str, Artifact]
    catalog: Catalog
    checks: dict[str, dict[str, Any]]  # what `aiot models check` found, by name of the model file
    timeout_s: float = DEFAULT_TIMEOUT_S
    resize: str | None = None  # the way of all models, in the study that compares the ways

    def with_resize(self, way: str) -> Request:
        """The same files with one of Section IV-B's ways of resizing for all: a study, and no run of the suite."""
        artifacts = {
            name: replace(artifact, settings=replace(artifact.settings, resize=way))
            for name, artifact in self.artifacts.items()
        }
        return replace(self, artifacts=artifacts, resize=way)

    def record(self) -> dict[str, Any]:
        """The fields of run.json that say what was asked for, as they are read back: equal for equal requests."""
        fields = {
            "study": self.resize and RESIZE,
            "resize": self.resize,
            "suite": [one.id for one in self.instances],
            "profile": self.profile.record(),
            "seed": self.seed,
            "threads": self.threads,
            "timing": "end_to_end",
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
                }
                for one in self.instances
                if (artifact := self.artifacts.get(one.artifact))
            },
        }
        read_back: dict[str, Any] = json.loads(json.dumps(fields))
        return read_back


def begin(workspace: Workspace, device: Device, request: Request) -> Path:
    """Makes the folder of a new run with run.json and device.json."""
    return new_folder(workspace, device, {"checks": request.checks, **request.record()})


def new_folder(workspace: Workspace, device: Device, asked: dict[str, Any]) -> Path:
    """The folder of a run that begins, with device.json, and run.json saying what is asked for."""
    now = datetime.now(UTC)  # to the millisecond, so that the names of a device's runs sort by time
    run_id = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z-{secrets.token_hex(3)}"
    folder = workspace.raw / device.slug / run_id
    (folder / "native").mkdir(parents=True)
    rawlog.write_json(folder / "device.json", device.properties(), rawlog.DEVICE_FIELDS)
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
    rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    return folder


def to_resume(workspace: Workspace, device: Device, request: Request) -> Path | None:
    """The device's newest run, if it is unfinished on the same models and dataset, or did what is asked.

    None means that a new run has to begin.
    """
    asked = request.record()
    folder = ledger.newest_run(workspace.raw, device.slug, asked["study"], request.resize)
    if folder is None:
        return None
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    if all(record.get(field) == asked[field] for field in asked):
        return folder
    unfinished = not ledger.finished(ledger.read(folder))
    same_models = all(
        request.artifacts.get(Instance.parse(one).artifact)
        and request.artifacts[Instance.parse(one).artifact].sha256 == model["sha256"]
        for one, model in record["models"].items()
    )
    return folder if unfinished and same_models and record["dataset"] == asked["dataset"] else None


def execute(folder: Path, device: Device, request: Request, listen: Listener) -> list[ledger.Entry]:
    """Runs what the run's ledger says is left, one agent process an instance, and gives the ledger.

    `request` gives models and images; which instances, in which order and how long is in run.json.
    Raises RunnerError if no space is left or another run uses the device. An interrupted run
    (KeyboardInterrupt) can be executed again.
    """
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    profile = Profile(**record["profile"])
    with device_locked(folder.parent), _space_checked(folder):
        agent = device.push(agent_files(request.catalog), "agent")
        images = subset(request.dataset, profile.max_images, record["seed"])
        files = {image: request.dataset.path(image) for image, _ in images}
        common = {
            "images": images,
            "image_folder": device.push(files, f"images-{request.dataset.sha256[:12]}"),
            "threads": record["threads"],
            "warmups": profile.warmups,
            "passes": profile.passes,
            "min_queries": profile.min_queries,
            "min_duration_s": profile.min_duration_s,
            "parent": os.getpid(),
        }
        for entry in ledger.read(folder):
            if entry.status in ledger.DONE:
                continue
            instance = Instance.parse(entry.instance_id)
            log = rawlog.attempt_path(folder, instance.id, entry.next_attempt)
            artifact = request.artifacts.get(instance.artifact)
            obstacle = preflight(instance, artifact, request.catalog, request.dataset, device)
            if obstacle or artifact is None:
                if entry.status != "unavailable" or entry.last.get("reason") != obstacle["reason"]:
                    rawlog.close_attempt(log, "unavailable", **obstacle)
                listen("unavailable", instance, obstacle)
                continue
            job = {**common, **_job(instance, artifact, entry.next_attempt, log, device)}
            job_file = folder / "native" / f"{log.stem}.job.json"
            job_file.write_text(json.dumps(job), encoding="utf-8")
            with _telemetry(folder, device, instance):
                _attempt(device, agent, artifact.environment, job_file, instance, log, request.timeout_s, listen)
            ending = rawlog.read_attempt(log)
            listen(ending.status, instance, ending.last)
        entries = ledger.read(folder)
        if all(entry.status != "missing" for entry in entries):
            rawlog.write_json(
                folder / "run.json", {**record, "checks": request.checks, "ended": rawlog.utc_now()}, rawlog.RUN_FIELDS
            )
    return entries


def _job(instance: Instance, artifact: Artifact, attempt: int, log: Path, device: Device) -> dict[str, Any]:
    """What belongs to one instance of what the agent is told."""
    folder = device.push({artifact.path.name: artifact.path}, f"models-{artifact.weights}")
    return {
        "instance": instance.id,
        "attempt": attempt,
        "framework": instance.framework,
        "delegate": instance.delegate,
        "model": f"{folder}/{artifact.path.name}",
        "settings": artifact.settings.record(),
        "log": str(log.resolve()),
    }


def agent_files(known: Catalog) -> dict[str, Path]:
    """What goes to a device, by its place there: the agent's package, plug-in frameworks included."""
    package = Path(__file__).parent
    files = [package / "__init__.py", package / "rawlog.py", *sorted((package / "agent").glob("*.py"))]
    own = {f"runner/agent/{name}.py": framework.agent for name, framework in known.frameworks.items()}
    return {str(file.relative_to(package.parent)): file for file in files} | own


def _attempt(
    device: Device,
    agent: str,
    environment: str,
    job: Path,
    instance: Instance,
    log: Path,
    timeout_s: float,
    listen: Listener,
) -> None:
    output = job.with_name(f"{log.stem}.output.txt")
    listen("start", instance, {"log": log})
    process = device.start_agent(agent, ["-m", "runner.agent", str(job.resolve())], environment, output)
    deadline = time.monotonic() + timeout_s
    reason = None
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                reason = f"it took longer than {timeout_s:g} s"
                process.kill()
            try:
                process.wait(POLL_INTERVAL_S)
            except subprocess.TimeoutExpired:
                listen("progress", instance, {"log": log})
    except KeyboardInterrupt:
        process.kill()
        process.wait()
        _close(log, "the run was interrupted")
        raise
    if not has_ended(log):
        lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = f", saying {lines[-1]!r}" if lines else ""
        if process.returncode == -signal.SIGKILL:
            said += ": something killed it, as the system does when memory runs out"
        _close(log, reason or f"the agent ended with exit code {process.returncode}{said}")


def has_ended(log: Path) -> bool:
    """Whether an attempt's log has its ending."""
    return log.exists() and log.stat().st_size > 0 and rawlog.read_attempt(log).status in rawlog.TERMINAL


def _close(log: Path, reason: str) -> None:
    if not has_ended(log):
        rawlog.close_attempt(log, "failed", reason=reason)


@contextmanager
def _telemetry(folder: Path, device: Device, instance: Instance) -> Iterator[None]:
    """Samples the device's state at an interval while the block runs."""
    stop = threading.Event()

    def sample() -> None:
        with (folder / "telemetry.jsonl").open("a", encoding="utf-8") as file:
            while True:
                line = {"at": rawlog.utc_now(), "instance": instance.id, **device.telemetry()}
                file.write(json.dumps(line) + "\n")
                file.flush()
                if stop.wait(TELEMETRY_INTERVAL_S):
                    return

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def device_locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DeviceError(f"Another run uses the device {folder.name}: wait for it, or end it first.") from None
        yield


@contextmanager
def _space_checked(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise RunnerError(f"No space is left in {folder}: free some, then go on with `aiot run --resume`.") from None
