"""Reserve a device before anything is written for a run, and decide what happens if something else uses it."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from runner import execution, ledger, rawlog
from runner.devices import BEAT_S, DeviceTask, Rival
from runner.devices.reservation import in_use
from runner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runner.devices import Device

REFUSE, WAIT, COLLECT, END = "refuse", "wait", "collect", "end"
IF_BUSY = (REFUSE, WAIT, COLLECT, END)
"""What to do if something else uses a device: give up; wait for it; fetch what agents of this workspace measure, once
they have finished; or end it.
"""
WAIT_INTERVAL_S = 5.0


@contextmanager
def reserved(
    folder: Path, device: Device, run: str, if_busy: str, timeout_s: float, stop: threading.Event
) -> Iterator[None]:
    """Hold a device reserved for a run within the block.

    folder: the device's folder of raw logs, which need not exist.
    timeout_s: time limit of an attempt that is waited for.

    Raises DeviceError if something else uses the device and `if_busy` does not help, and KeyboardInterrupt once `stop`
    is set.
    """
    while rivals := device.reserve(run, if_busy == END):
        if if_busy == COLLECT and _collect(folder, device, rivals, timeout_s, stop):
            continue
        if if_busy != WAIT:
            raise DeviceError(in_use(device.slug, rivals, _remedy(folder, rivals[0], if_busy)))
        if stop.wait(WAIT_INTERVAL_S):
            raise KeyboardInterrupt
    try:
        with _keeping_reserved(device):
            yield
    finally:
        with suppress(DeviceError):
            device.release()


@contextmanager
def _keeping_reserved(device: Device) -> Iterator[None]:
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT_S):
            with suppress(DeviceError):  # the run itself reports it
                device.keep_reserved()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _remedy(folder: Path, rival: Rival, if_busy: str) -> str:
    if if_busy == END:
        return "it cannot be ended from here, so end it by hand"
    if rival.attempt is None:
        return "wait until it finishes, for example with --if-busy wait, or end it with --if-busy end"
    if if_busy == COLLECT:
        return "it cannot be fetched into this workspace, so use --if-busy wait or --if-busy end"
    if (folder / rival.run / "run.json").is_file():
        return "continue that run with --resume, or use --if-busy collect, wait or end"
    return "that run is not in this workspace, so use --if-busy wait or --if-busy end"


def _collect(folder: Path, device: Device, rivals: Sequence[Rival], timeout_s: float, stop: threading.Event) -> bool:
    """Wait for agents of runs in this workspace and fetch their logs. Return whether that was possible for all."""
    tasks = [_task(folder, rival) for rival in rivals]
    for task in tasks:
        if task is None:
            return False
        if device.started(task):
            execution.carry_out(device, task, timeout_s, lambda _: None, stop)
    return True


def _task(folder: Path, rival: Rival) -> DeviceTask | None:
    """Return the task that an agent carries out, for fetching it; None if it is not one of a run in this workspace.

    Nothing that a device says becomes a path here unless a run in this workspace has that instance.
    """
    names = rawlog.split_attempt_name(f"{rival.attempt}.jsonl") if rival.attempt else None
    run = next((path for path in rawlog.run_folders(folder.parent) if path == folder / rival.run), None)
    if names is None or run is None or names[0] not in {entry.instance_id for entry in ledger.read(run)}:
        return None
    name = rawlog.format_attempt_name(*names)
    return DeviceTask(name=name, folder=run, agent="", module="", environment="", job={})
