"""One attempt, from the start of its process on a device to a log with an ending on this side."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from runner import rawlog
from runner.devices import GONE, Device, Task
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
        try:
            work.collect()
        except DeviceLostError:
            raise
        except DeviceError as error:
            reason = str(error)
    except KeyboardInterrupt:
        with suppress(DeviceLostError):
            work.kill()
            work.collect()
            _close(task.log, "the run was interrupted")
        raise
    if code == GONE and not has_ended(task.log):
        _close(task.log, "the device or its connection went away, and the process ended with that")
        return True
    _close(task.log, reason or _ending(code, task.output))
    return False


def _ending(code: int | None, output: Path) -> str:
    """Why a process ended that did not write so itself."""
    said = output.read_text(encoding="utf-8", errors="replace").strip().splitlines() if output.exists() else []
    words = f", saying {said[-1][:300]!r}" if said else ""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):  # the latter is how a shell says it
        words += ": something killed it, as the system does when memory runs out"
    return f"it ended with exit code {code}{words}"


def has_ended(log: Path) -> bool:
    """Whether an attempt's log has its ending."""
    return log.exists() and log.stat().st_size > 0 and rawlog.read_attempt(log).status in rawlog.TERMINAL


def _close(log: Path, reason: str) -> None:
    if not has_ended(log):
        rawlog.close_attempt(log, "failed", reason=reason)


def last_of(tail: bytes, field: str, event: str | None = None) -> int | None:
    """The newest value of a whole number in the last bytes of a log that is being written; None if there is none."""
    for line in reversed(tail.split(b"\n")[:-1]):
        try:
            record: dict[str, Any] = json.loads(line)
            if event is None or record["event"] == event:
                return int(record[field])
        except (ValueError, KeyError, TypeError):
            continue
    return None
