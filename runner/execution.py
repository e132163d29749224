"""Execution of a run on one device: one attempt after another, until no instance is left."""

from __future__ import annotations

import errno
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import RunnerError
from aiot_suite.suite import Instance
from runner import ledger, rawlog
from runner.devices import GONE, AppliedConditions, Device, DeviceProcess, DeviceTask, Work
from runner.devices.android import Boot
from runner.doctor import gate
from runner.errors import DeviceError, DeviceLostError, FolderLostError
from runner.preflight import framework_version, python_version
from runner.run_request import MakeTask, Request, StartedRun, cannot_be_written, requested_conditions
from runner.tools.tool_attempt import ToolJob, run_job

if TYPE_CHECKING:
    from pathlib import Path

Tick = Callable[[bytes], None]
"""Called repeatedly with the last bytes written to the log so far."""

LOST = "the device stopped answering"
ENDED = "the process ended without an exit code, perhaps because the connection to the device was lost"


def carry_out(
    device: Device, task: DeviceTask, timeout_s: float, tick: Tick, stop: threading.Event | None = None
) -> bool:
    """Run a task or rejoin one already started. Return True if it ended without an exit code.

    That happens when the connection is lost, and is a reason to try again at once. Afterwards the log has an ending in
    any case, unless the device is lost (DeviceLostError): the measurements are then still on the device, where
    `Device.started` finds them. `stop` interrupts the attempt like Ctrl-C, and both raise KeyboardInterrupt.
    """
    work = device.started(task) or device.start(task)
    code, reason = None, None
    try:
        try:
            code = wait_for_exit(work, device.poll_interval_s, timeout_s, stop, lambda: tick(work.tail()))
        except TimeoutError as error:
            reason = str(error)
        reason = _collect(work) or reason
    except KeyboardInterrupt:
        with suppress(DeviceLostError):
            work.kill()
            reason = _collect(work)
            _close(task.log, reason or "the run was interrupted")
        raise
    except FolderLostError as error:
        work.kill()
        _close(task.log, _collect(work) or str(error))
        raise
    if code == GONE and not has_ended(task.log):
        _close(task.log, reason or ENDED)
        return True
    _close(task.log, reason or _exit_reason(code, task.output))
    return False


def carry_out_by_tools(
    device: Device, job: ToolJob, folder: Path, core_mask: str | None = None, stop: threading.Event | None = None
) -> bool:
    """Run an attempt by TFLite's own tools, and log it in the run's folder. Return as `carry_out` does.

    If the device is lost (DeviceLostError), the attempt has failed: what still runs on the device is not used.
    """

    def run(words: list[str], timeout_s: float) -> tuple[int, str, str]:
        try:
            tool = device.start_tool(folder.name, words, core_mask)
            try:
                code = wait_for_exit(tool, device.poll_interval_s, timeout_s, stop)
            except (KeyboardInterrupt, FolderLostError):
                tool.kill()
                raise
            if code == GONE:
                raise _BrokenError(ENDED)
            return (code, *tool.output())
        except DeviceError as error:  # its message has the device's serial, which must not be logged
            if isinstance(error, FolderLostError):
                raise _BrokenError(str(error)) from error
            lost = isinstance(error, DeviceLostError)
            raise _BrokenError(LOST if lost else "the device could not run it") from error

    try:
        run_job(job, run, rawlog.attempt_path(folder, job.instance, job.attempt), folder / "native")
    except _BrokenError as broken:
        if isinstance(broken.__cause__, DeviceError):
            raise broken.__cause__ from None
        return True
    return False


class _BrokenError(Exception):
    """An attempt by tools that broke off; the message is the reason in words that may be logged."""


def wait_for_exit(
    process: DeviceProcess,
    interval_s: float,
    timeout_s: float,
    stop: threading.Event | None = None,
    tick: Callable[[], None] = lambda: None,
) -> int:
    """Wait for a process, polling it at an interval, and return its exit code.

    Raises TimeoutError if it exceeds the time limit, after killing it, and KeyboardInterrupt once `stop` is set.
    """
    stop = stop or threading.Event()
    deadline = time.monotonic() + timeout_s
    while (code := process.poll()) is None:
        tick()
        if time.monotonic() > deadline:
            process.kill()
            raise TimeoutError(f"it took longer than {timeout_s:g} s")
        if stop.wait(interval_s):
            raise KeyboardInterrupt
    return code


def _collect(work: Work) -> str | None:
    """Fetch the log and the output. Return why part of them could not be fetched, or None."""
    try:
        work.collect()
    except DeviceLostError:
        raise
    except DeviceError as error:
        return str(error)
    return None


def _exit_reason(code: int | None, output: Path) -> str:
    """Return the reason a process exited without logging one."""
    printed = output.read_text(encoding="utf-8", errors="replace").strip().splitlines() if output.exists() else []
    words = f", saying {printed[-1][:300]!r}" if printed else ""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):  # the latter is the exit code in a shell
        words += ": it was killed, as happens when the system runs out of memory"
    return f"it ended with exit code {code}{words}"


def has_ended(log: Path) -> bool:
    """Return whether an attempt's log has its ending."""
    try:
        return log.exists() and log.stat().st_size > 0 and rawlog.read_attempt(log).status in rawlog.TERMINAL
    except rawlog.RawLogError:
        return False  # it has no valid line


def _close(log: Path, reason: str) -> None:
    if not has_ended(log):
        rawlog.close_attempt(log, "failed", reason=reason)


def last_value(tail: bytes, field: str, event: str | None = None) -> int | None:
    """Return the latest integer value of a field in the last bytes of a log that is being written, or None."""
    for line in reversed(tail.split(b"\n")[:-1]):
        try:
            record = rawlog.parse(line)
        except ValueError:
            continue
        if isinstance(record, dict) and (event is None or record.get("event") == event):
            value = record.get(field)
            if type(value) is int and abs(value) < 2**63:
                return value
    return None


Listener = Callable[[str, Instance, dict[str, Any]], None]
"""Called with "waiting", "start", "progress", "telemetry" or an attempt's ending, the instance, and details."""

COOLDOWN_INTERVAL_S = 10.0
IDLE_S = 120.0
"""Time for which an idle device is sampled before and after an instance of the profile sustained."""

LOSSES = 3
"""Maximum number of immediate further attempts at an instance that ended without an exit code."""


@dataclass(frozen=True)
class Execution:
    """Context that all attempts of a run share."""

    folder: Path
    device: Device
    request: Request
    record: dict[str, Any]  # run.json
    make_task: MakeTask
    core_mask: str | None  # see AppliedConditions.core_mask
    listen: Listener
    stop: threading.Event
    finished: Sequence[ledger.LedgerEntry]  # instances that were measured before this execution
    checked: set[str] = field(default_factory=set)  # frameworks whose versions are those of `finished`


def execute(
    folder: Path, device: Device, request: Request, listen: Listener, stop: threading.Event | None = None
) -> list[ledger.LedgerEntry]:
    """Run the instances of a run that are not done yet, one process for each, and return the ledger.

    `request` provides the models and images; run.json states the instances, their order and how long each is measured.
    The caller has reserved the device (see runner.reservations). Raises RunnerError if no space is left. It can be
    called again for the same folder after that error, after an interruption (KeyboardInterrupt, which `stop` raises
    from another thread), after our folder on the device was deleted (FolderLostError), and after the device was lost
    (DeviceLostError), on which the agent may still be running.
    """
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    with _explaining_write_errors(folder), device.hold(requested_conditions(record)) as applied:
        record = _record_applied_conditions(folder, record, applied)
        make_task = request.tasks(StartedRun(folder, device, record, applied.core_mask))
        entries = ledger.read(folder)
        finished = [entry for entry in entries if entry.status in ledger.DONE]
        run = Execution(
            folder, device, request, record, make_task, applied.core_mask, listen, stop or threading.Event(), finished
        )
        for entry in entries:
            if entry.status not in ledger.DONE:
                _run_instance(run, entry)
        entries = ledger.read(folder)
        if all(entry.status != "missing" for entry in entries):
            record = {**run.record, "checks": request.checks, "ended": rawlog.utc_now()}
            rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    return entries


def _record_applied_conditions(folder: Path, record: dict[str, Any], applied: AppliedConditions) -> dict[str, Any]:
    """Add the conditions that the device applied to run.json, if they changed. Return the record."""
    earlier = [*(record.get("held") or [])]
    now = asdict(applied)
    if earlier and {**earlier[-1], "at": None} == {**now, "at": None}:
        return record
    record = {**record, "held": [*earlier, {"at": rawlog.utc_now(), **now}]}
    rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    return record


def _run_instance(run: Execution, entry: ledger.LedgerEntry) -> None:
    """Attempt an instance, and again at once (up to LOSSES times) if it ended without an exit code."""
    instance = Instance.parse(entry.instance_id)
    obstacle = run.request.obstacle(instance, run.device)
    if obstacle:
        is_recorded = entry.status == "unavailable" and entry.last.get("reason") == obstacle["reason"]
        _unavailable(run, instance, None if is_recorded else entry.next_attempt, obstacle)
        return
    attempt = entry.next_attempt
    task = run.make_task(instance, attempt)
    is_running = isinstance(task, DeviceTask) and run.device.started(task)
    if isinstance(task, DeviceTask) and not is_running:
        _check_versions(run, instance, task)
    if not is_running and (reasons := _wait_until_ready(run, instance)):
        remedy = "let it cool and charge, then repeat the command with `--resume`; or allow more time with --cooldown"
        _unavailable(run, instance, attempt, {"reason": "; ".join(reasons), "remedy": remedy})
        return
    if not is_running:
        _sample_idle_device(run, instance)
    run.listen("start", instance, {})
    while _attempt(run, instance, task, attempt) and attempt < entry.next_attempt + LOSSES:
        attempt += 1
        task = run.make_task(instance, attempt)
    status, last = ledger.read_ending(rawlog.attempt_path(run.folder, instance.id, attempt))
    if status == "end":
        _sample_idle_device(run, instance)
    run.listen(status, instance, last)


def _check_versions(run: Execution, instance: Instance, task: DeviceTask) -> None:
    """Add the device's Python to run.json. Raise RunnerError if Python or the framework changed during the run.

    Only the main environment can be upgraded; the versions of the others are fixed.
    """
    if task.environment != "main" or instance.framework in run.checked:
        return
    now = python_version(run.device, task.agent)
    before = run.record["software"].get("device_python")
    if run.finished and now and before and before != now:
        raise _other_version(run, f"Python {before}", now)
    if now and now != before:
        run.record["software"] = {**run.record["software"], "device_python": now}
        rawlog.write_json(run.folder / "run.json", run.record, rawlog.RUN_FIELDS)
    for entry in run.finished:
        if Instance.parse(entry.instance_id).framework == instance.framework:
            path = rawlog.attempt_path(run.folder, entry.instance_id, entry.attempts)
            before = rawlog.read_attempt(path).of("load")[0].get("framework_version")
            can_run, now = framework_version(run.device, task.agent, instance.framework)
            if can_run and before and now != before:
                raise _other_version(run, before, now)
            break
    run.checked.add(instance.framework)


def _other_version(run: Execution, before: str, now: str) -> RunnerError:
    return RunnerError(
        f"Run {run.folder.name} was measured with {before}, and {run.device.slug} has {now} now: install the "
        "former version to finish the run, or start a new run with the same command without `--resume`."
    )


def _note_boot(run: Execution) -> None:
    """Add the current boot of the device's system to run.json, unless it is the one of the previous attempt.

    If only the uptime can be read, it is added before each attempt: restarts show in the sequence of uptimes.
    """
    now, earlier = run.device.boot(), run.record["boots"] or []
    if now == Boot() or (now.boot_id and earlier and earlier[-1]["boot_id"] == now.boot_id):
        return
    run.record["boots"] = [*earlier, {"at": rawlog.utc_now(), **asdict(now)}]
    rawlog.write_json(run.folder / "run.json", run.record, rawlog.RUN_FIELDS)


def _attempt(run: Execution, instance: Instance, task: DeviceTask | ToolJob, attempt: int) -> bool:
    """Carry out an attempt. Return True if it ended without an exit code."""

    def tick(tail: bytes) -> None:
        run.listen("progress", instance, {"tail": tail})

    _note_boot(run)
    with _sampling_telemetry(run, instance, attempt):
        if isinstance(task, ToolJob):
            return carry_out_by_tools(run.device, task, run.folder, run.core_mask, run.stop)
        return carry_out(run.device, task, run.request.timeout_s, tick, run.stop)


def _unavailable(run: Execution, instance: Instance, attempt: int | None, obstacle: dict[str, str]) -> None:
    """Report why an instance cannot run, and record it as an attempt, unless `attempt` is None (already recorded)."""
    if attempt is not None:
        rawlog.close_attempt(rawlog.attempt_path(run.folder, instance.id, attempt), "unavailable", **obstacle)
    run.listen("unavailable", instance, obstacle)


def _sample_idle_device(run: Execution, instance: Instance) -> None:
    """Sample the idle device for IDLE_S with the profile sustained, for the energy that it uses without work.

    This is of no use if the device is plugged in or does not report its charge. If it is lost, the next attempt tells.
    """
    if run.record["profile"].get("name") != "sustained":
        return
    deadline = time.monotonic() + IDLE_S
    with suppress(DeviceError):
        while (state := run.device.telemetry()).get("charge_uah") is not None and state.get("plugged") is False:
            _add_sample(run, {"instance": None, "attempt": None, **state, "screen_on": run.device.screen_on()})
            if time.monotonic() > deadline:
                return
            run.listen("waiting", instance, {"reasons": [f"the idle device is sampled for {IDLE_S:g} s"]})
            if run.stop.wait(run.device.telemetry_interval_s):
                raise KeyboardInterrupt


def _add_sample(run: Execution, state: dict[str, Any]) -> dict[str, Any]:
    """Add a sample of the device's state to telemetry.jsonl, and return it."""
    line = {"at": rawlog.utc_now(), **state}
    with suppress(OSError), (run.folder / "telemetry.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")  # an error, such as a full disk, will be reported by the run itself
    return line


def _wait_until_ready(run: Execution, instance: Instance) -> list[str]:
    """Wait until the device is ready. Return why it is still not ready after the time limit (0: no check)."""
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


@contextmanager
def _sampling_telemetry(run: Execution, instance: Instance, attempt: int) -> Iterator[None]:
    """Sample the device's state at an interval during the block, and record when the device does not answer."""
    stop = threading.Event()

    def add(state: dict[str, Any]) -> None:
        line = _add_sample(run, {"instance": instance.id, "attempt": attempt, **state})
        run.listen("telemetry", instance, line)

    def sample() -> None:
        while True:
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
            add({"lost": True})


@contextmanager
def device_locked(folder: Path) -> Iterator[None]:
    """Lock the folder of a device's raw logs, which is made if necessary, for one run at a time.

    Raises DeviceError if another run holds it, and SetupError if it cannot be written to.
    """
    busy = DeviceError(f"Another run is using the device {folder.name}: wait until it finishes, or stop it.")
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(rawlog.locked(folder / ".lock", busy))
        except OSError as error:
            raise cannot_be_written(folder.parent, error) from None
        yield


@contextmanager
def _explaining_write_errors(folder: Path) -> Iterator[None]:
    """Raise RunnerError if a file of the run cannot be written in the block."""
    remedies = {
        **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), ("No space is left in {}", "free some space")),
        **dict.fromkeys((errno.EROFS, errno.EACCES), ("{} cannot be written to", "make it writable")),
    }
    try:
        yield
    except OSError as error:
        if error.errno not in remedies:
            raise
        problem, remedy = remedies[error.errno]
        raise RunnerError(f"{problem.format(folder)}: {remedy}, then repeat the command with `--resume`.") from None
