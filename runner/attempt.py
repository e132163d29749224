"""One attempt, from the start of its process on a device to a log with an ending on this side."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runner import rawlog
from runner.devices import GONE, Device, Task, Work
from runner.errors import DeviceError, DeviceLostError

Tick = Callable[[bytes], None]
"""Called again and again with the last bytes of the log so far."""


def carry_out(device: Device, task: Task, timeout_s: float, tick: Tick, stop: threading.Event | None = None) -> bool:
    """Does a task, or waits for one that was started before; whether it was ended with its connection, and not done.

    The log has an ending afterwards, whatever happened. Only where the device goes away (DeviceLostError) there is
    none yet: what it measured is still there, and `Device.started` finds it. `stop` ends the attempt like Ctrl-C,
    and both raise KeyboardInterrupt.
    """
    stop = stop or threading.Event()
    work = device.started(task) or device.start(task)
    deadline = time.monotonic() + timeout_s
    reason = None
    try:
        while (code := work.poll()) is None:
            tick(work.tail())
            if time.monotonic() > deadline:
                reason = f"it took longer than {timeout_s:g} s"
                work.kill()
                break
            if stop.wait(device.poll_interval_s):
                raise KeyboardInterrupt
        reason = _collected(work) or reason
    except KeyboardInterrupt:
        with suppress(DeviceLostError):
            work.kill()
            reason = _collected(work)
            _close(task.log, reason or "the run was interrupted")
        raise
    if code == GONE and not has_ended(task.log):
        _close(task.log, reason or "the device or its connection went away, and the process ended with that")
        return True
    _close(task.log, reason or _ending(code, task.output))
    return False


def _collected(work: Work) -> str | None:
    """Fetches what there is; why not all of it was taken, if it was not."""
    try:
        work.collect()
    except DeviceLostError:
        raise
    except DeviceError as error:
        return str(error)
    return None


def _ending(code: int | None, output: Path) -> str:
    """Why a process ended that did not write so itself."""
    said = output.read_text(encoding="utf-8", errors="replace").strip().splitlines() if output.exists() else []
    words = f", saying {said[-1][:300]!r}" if said else ""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):  # the latter is how a shell says it
        words += ": something killed it, as the system does when memory runs out"
    return f"it ended with exit code {code}{words}"


def has_ended(log: Path) -> bool:
    """Whether an attempt's log has its ending."""
    try:
        return log.exists() and log.stat().st_size > 0 and rawlog.read_attempt(log).status in rawlog.TERMINAL
    except rawlog.RawLogError:
        return False  # nothing in it is of the format


def _close(log: Path, reason: str) -> None:
    if not has_ended(log):
        rawlog.close_attempt(log, "failed", reason=reason)


def last_of(tail: bytes, field: str, event: str | None = None) -> int | None:
    """The newest value of a whole number in the last bytes of a log that is being written; None if there is none."""
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
