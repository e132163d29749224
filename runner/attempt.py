"""One attempt, from the start of its process on a device to a complete log on the host."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runner import rawlog
from runner.devices import GONE, Device, DeviceProcess, DeviceTask, Work
from runner.errors import DeviceError, DeviceLostError
from runner.tools.tool_attempt import ToolJob, run_job

Tick = Callable[[bytes], None]
"""Called repeatedly with the last bytes written to the log so far."""

LOST = "the device or its connection was lost, which ended the process"


def carry_out(
    device: Device, task: DeviceTask, timeout_s: float, tick: Tick, stop: threading.Event | None = None
) -> bool:
    """Run a task or rejoin one already started. Return True if the connection was lost before it finished.

    Afterwards the log has an ending, whatever happened, unless the device is lost (DeviceLostError): its measurements
    are then still on the device, where `Device.started` finds them. `stop` ends the attempt like Ctrl-C, and both raise
    KeyboardInterrupt.
    """
    work = device.started(task) or device.start(task)
    code, reason = None, None
    try:
        try:
            code = ended(work, device.poll_interval_s, timeout_s, stop, lambda: tick(work.tail()))
        except TimeoutError as error:
            reason = str(error)
        reason = _collected(work) or reason
    except KeyboardInterrupt:
        with suppress(DeviceLostError):
            work.kill()
            reason = _collected(work)
            _close(task.log, reason or "the run was interrupted")
        raise
    if code == GONE and not has_ended(task.log):
        _close(task.log, reason or LOST)
        return True
    _close(task.log, reason or _ending(code, task.output))
    return False


def carry_out_by_tools(
    device: Device, job: ToolJob, folder: Path, core_mask: str | None = None, stop: threading.Event | None = None
) -> bool:
    """As carry_out, an attempt by TFLite's own tools, whose log is in the run's folder.

    Where the device goes away (DeviceLostError) the attempt has failed, and what still runs there is of no use.
    """

    def run(words: list[str], timeout_s: float) -> tuple[int, str, str]:
        try:
            tool = device.start_tool(folder.name, words, core_mask)
            try:
                code = ended(tool, device.poll_interval_s, timeout_s, stop)
            except KeyboardInterrupt:
                tool.kill()
                raise
            if code == GONE:
                raise _BrokenError(LOST)
            return (code, *tool.said())
        except DeviceError as error:  # it names the device's serial, which is not to be logged
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
    """The reason an attempt by tools ended, in words that may be logged."""


def ended(
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


def _collected(work: Work) -> str | None:
    """Fetch the log and the output. Return why part of them was not taken, or None."""
    try:
        work.collect()
    except DeviceLostError:
        raise
    except DeviceError as error:
        return str(error)
    return None


def _ending(code: int | None, output: Path) -> str:
    """Return the reason a process exited without logging one."""
    said = output.read_text(encoding="utf-8", errors="replace").strip().splitlines() if output.exists() else []
    words = f", saying {said[-1][:300]!r}" if said else ""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):  # the latter is how a shell says it
        words += ": it was killed, as happens when the system runs out of memory"
    return f"it ended with exit code {code}{words}"


def has_ended(log: Path) -> bool:
    """Return whether an attempt's log has its ending."""
    try:
        return log.exists() and log.stat().st_size > 0 and rawlog.read_attempt(log).status in rawlog.TERMINAL
    except rawlog.RawLogError:
        return False  # nothing in it is of the format


def _close(log: Path, reason: str) -> None:
    if not has_ended(log):
        rawlog.close_attempt(log, "failed", reason=reason)


def last_of(tail: bytes, field: str, event: str | None = None) -> int | None:
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
