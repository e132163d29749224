"""A run on one device: what its ledger says is left, one instance after the other; it can be gone on with later."""

from __future__ import annotations

import errno
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from aiot_suite.catalog import Catalog
from aiot_suite.datasets.store import subset
from aiot_suite.errors import RunnerError
from aiot_suite.facts import Artifact
from aiot_suite.suite import Instance, Profile
from aiot_suite.workspace import PROJECT
from runner import ledger, rawlog
from runner.attempt import carry_out, carry_out_by_tools
from runner.devices import AppliedConditions, Device, DeviceTask
from runner.devices.boot import Boot
from runner.doctor import gate
from runner.errors import DeviceError, DeviceLostError
from runner.preflight import preflight
from runner.run_request import RunRequest, conditions_of
from runner.tools import jobs

Listener = Callable[[str, Instance, dict[str, Any]], None]
"""Called with "waiting", "start", "progress", "telemetry" or an attempt's ending, the instance, and what is known."""

COOLDOWN_INTERVAL_S = 10.0

LOSSES = 3
"""How often an instance that a lost connection ended is tried again at once."""


@dataclass(frozen=True)
class Execution:
    """What all instances of a run share."""

    folder: Path
    device: Device
    request: RunRequest
    record: dict[str, Any]  # run.json
    held: AppliedConditions
    listen: Listener
    stop: threading.Event

    @cached_property
    def profile(self) -> Profile:
        return Profile(**self.record["profile"])

    @cached_property
    def images(self) -> Sequence[tuple[str, int]]:
        return subset(self.request.dataset, self.profile.max_images, self.record["seed"])

    @cached_property
    def agent(self) -> str:
        """The package on the device, pushed when it is needed first, as the images are."""
        return self.device.push(agent_files(self.request.catalog), "agent")

    @cached_property
    def image_folder(self) -> str:
        dataset = self.request.dataset
        files = {image: dataset.path(image) for image, _ in self.images}
        return self.device.push(files, f"images-{dataset.sha256[:12]}")

    @cached_property
    def native(self) -> jobs.ToolRequest:
        """What the instances that TFLite's own tools measure have in common."""
        given = self.request.native
        assert given is not None
        return jobs.ToolRequest(
            tools=given.tools_for(self.device),
            dataset=self.request.dataset,
            images=self.images,
            profile=self.profile,
            threads=self.record["threads"],
            scratch=given.scratch,
            accelerator=given.accelerator,
            timeout_s=self.request.timeout_s,
        )


def execute(
    folder: Path, device: Device, request: RunRequest, listen: Listener, stop: threading.Event | None = None
) -> list[ledger.LedgerEntry]:
    """Runs what the run's ledger says is left, one agent process an instance, and gives the ledger.

    `request` gives models and images; which instances, in which order and how long is in run.json.
    Raises RunnerError if no space is left or another run uses the device. It can be called again for the same
    folder after that, after an interruption (KeyboardInterrupt, which `stop` raises in another thread), and after
    the device was lost (DeviceLostError), whose agent may still be at work then.
    """
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    with _writable(folder), device_locked(folder.parent), device.held(conditions_of(record)) as held:
        record = _with_held(folder, record, held)
        run = Execution(folder, device, request, record, held, listen, stop or threading.Event())
        for entry in ledger.read(folder):
            if entry.status not in ledger.DONE:
                _run_instance(run, entry)
        entries = ledger.read(folder)
        if all(entry.status != "missing" for entry in entries):
            record = {**run.record, "checks": request.checks, "ended": rawlog.utc_now()}
            rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    return entries


def _with_held(folder: Path, record: dict[str, Any], held: AppliedConditions) -> dict[str, Any]:
    """Adds to run.json what the device keeps to now, if that is something else than before."""
    there = [*(record.get("held") or [])]
    now = asdict(held)
    if there and {**there[-1], "at": None} == {**now, "at": None}:
        return record
    record = {**record, "held": [*there, {"at": rawlog.utc_now(), **now}]}
    rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    return record


def _run_instance(run: Execution, entry: ledger.LedgerEntry) -> None:
    """One more attempt at an instance, and another one each time that it ended with the connection."""
    instance = Instance.parse(entry.instance_id)
    artifact = run.request.artifacts.get(instance.artifact)
    by_tools = run.request.by_tools(instance)
    obstacle = preflight(instance, artifact, run.request.catalog, run.request.dataset, run.device, by_tools)
    if obstacle or artifact is None:
        known = entry.status == "unavailable" and entry.last.get("reason") == obstacle["reason"]
        _unavailable(run, instance, None if known else entry.next_attempt, obstacle)
        return
    if by_tools:
        begun, attempt_at = None, partial(_attempt_by_tools, run, instance, artifact)
    else:
        models = run.device.push({artifact.path.name: artifact.path}, f"models-{artifact.weights}")
        begun = run.device.started(_task(run, instance, artifact, models, entry.next_attempt))
        attempt_at = partial(_attempt, run, instance, artifact, models)
    if not begun and (reasons := _not_ready(run, instance)):
        remedy = "let it cool and charge, then the same command with `--resume`; or give it longer with --cooldown"
        _unavailable(run, instance, entry.next_attempt, {"reason": "; ".join(reasons), "remedy": remedy})
        return
    run.listen("start", instance, {})
    for attempt in range(entry.next_attempt, entry.next_attempt + LOSSES + 1):
        _note_boot(run)
        if not attempt_at(attempt):
            break
    ending = rawlog.read_attempt(rawlog.attempt_path(run.folder, instance.id, attempt))
    run.listen(ending.status, instance, ending.last)


def _note_boot(run: Execution) -> None:
    """Add to run.json the start of the device's system that an attempt begins in, unless the one before began in it.

    Where only the uptime can be read it is added before each attempt: it tells restarts only beside the others.
    """
    now, earlier = run.device.boot(), run.record["boots"] or []
    if now == Boot() or (now.boot_id and earlier and earlier[-1]["boot_id"] == now.boot_id):
        return
    run.record["boots"] = [*earlier, {"at": rawlog.utc_now(), **asdict(now)}]
    rawlog.write_json(run.folder / "run.json", run.record, rawlog.RUN_FIELDS)


def _attempt(run: Execution, instance: Instance, artifact: Artifact, models: str, attempt: int) -> bool:
    """An attempt by the agent; whether it was ended with its connection."""

    def tick(tail: bytes) -> None:
        run.listen("progress", instance, {"tail": tail})

    task = _task(run, instance, artifact, models, attempt)
    with _telemetry(run, instance, attempt):
        return carry_out(run.device, task, run.request.timeout_s, tick, run.stop)


def _attempt_by_tools(run: Execution, instance: Instance, artifact: Artifact, attempt: int) -> bool:
    """An attempt by TFLite's own tools; whether it was ended with its connection."""
    job = jobs.make(run.native, instance, artifact, attempt, run.device.push)
    with _telemetry(run, instance, attempt):
        return carry_out_by_tools(run.device, job, run.folder, run.held.core_mask, run.stop)


def _unavailable(run: Execution, instance: Instance, attempt: int | None, obstacle: dict[str, str]) -> None:
    """Tells why an instance cannot run, and records it as an attempt; None: it is on record already."""
    if attempt is not None:
        rawlog.close_attempt(rawlog.attempt_path(run.folder, instance.id, attempt), "unavailable", **obstacle)
    run.listen("unavailable", instance, obstacle)


def _not_ready(run: Execution, instance: Instance) -> list[str]:
    """Waits until the device may begin, and says why it still may not after the time for that (0: not asked)."""
    if not run.request.cooldown_s:
        return []
    deadline = time.monotonic() + run.request.cooldown_s
    while reasons := gate(run.device.telemetry()):
        if time.monotonic() > deadline:
            return reasons
        run.listen("waiting", instance, {"reasons": reasons})
        if run.stop.wait(min(COOLDOWN_INTERVAL_S, run.request.cooldown_s)):
            raise KeyboardInterrupt
    return []


def _task(run: Execution, instance: Instance, artifact: Artifact, models: str, attempt: int) -> DeviceTask:
    """An attempt at an instance, whose model file is in the folder `models` of the device."""
    return DeviceTask(
        name=rawlog.format_attempt_name(instance.id, attempt),
        folder=run.folder,
        agent=run.agent,
        module="runner.agent",
        environment=artifact.environment,
        job={
            "images": run.images,
            "image_folder": run.image_folder,
            "threads": run.record["threads"],
            "warmups": run.profile.warmups,
            "passes": run.profile.passes,
            "min_queries": run.profile.min_queries,
            "min_duration_s": run.profile.min_duration_s,
            "instance": instance.id,
            "attempt": attempt,
            "framework": instance.framework,
            "delegate": instance.delegate,
            "model": f"{models}/{artifact.path.name}",
            "settings": artifact.settings.record(),
        },
        core_mask=run.held.core_mask,
    )


def agent_files(known: Catalog) -> dict[str, Path]:
    """What goes to a device, by its place there: the agent's package, plug-in frameworks included."""
    plugins = {f"runner/agent/{name}.py": one.file for name, one in known.frameworks.items() if one.file}
    suite = ("aiot_suite/__init__.py", "aiot_suite/preprocess.py")
    return package_files(*suite, "runner/__init__.py", "runner/rawlog/*.py", "runner/agent/*.py") | plugins


def package_files(*patterns: str) -> dict[str, Path]:
    """Files of this project that match, by their path in it."""
    files = [file for pattern in patterns for file in sorted(PROJECT.glob(pattern))]
    return {file.relative_to(PROJECT).as_posix(): file for file in files}


@contextmanager
def _telemetry(run: Execution, instance: Instance, attempt: int) -> Iterator[None]:
    """Samples the device's state at an interval while the block runs, and notes where it does not answer."""
    stop = threading.Event()

    def add(state: dict[str, Any]) -> None:
        line = {"at": rawlog.utc_now(), "instance": instance.id, "attempt": attempt, **state}
        with (run.folder / "telemetry.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        run.listen("telemetry", instance, line)

    def sample() -> None:
        while True:
            with suppress(OSError):  # a full disk: the run itself will say so
                try:
                    add(run.device.telemetry())
                except DeviceError:
                    add({"lost": True})
            if stop.wait(run.device.telemetry_interval_s):
                return

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    lost = False
    try:
        yield
    except DeviceLostError:
        lost = True
        raise
    finally:
        stop.set()
        thread.join()
        if lost:
            with suppress(OSError):
                add({"lost": True})


@contextmanager
def device_locked(folder: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(rawlog.locked(folder / ".lock", wait=False))
        except BlockingIOError:
            raise DeviceError(f"Another run uses the device {folder.name}: wait for it, or end it first.") from None
        yield


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Raise RunnerError where a file of the run cannot be written in the block."""
    remedies = {
        **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), ("No space is left in {}", "free some")),
        **dict.fromkeys((errno.EROFS, errno.EACCES), ("{} cannot be written to", "make it writable")),
    }
    try:
        yield
    except OSError as error:
        if error.errno not in remedies:
            raise
        problem, remedy = remedies[error.errno]
        raise RunnerError(f"{problem.format(folder)}: {remedy}, then give the same command with `--resume`.") from None
