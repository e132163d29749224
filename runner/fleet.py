"""Runs on several devices at once, one worker each, so that a slow or lost device does not delay the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from aiot_suite.errors import RunnerError
from aiot_suite.suite import PATIENCE_S
from aiot_suite.workspace import Workspace
from runner import execution, ledger
from runner.devices import Device
from runner.errors import DeviceLostError
from runner.execution import Listener
from runner.run_request import Request, begin, to_resume

Result = TypeVar("Result")

BACK_OFF_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts to reach a lost device; the last one is repeated."""

BACK_S = 60.0
"""Work that took this long shows that the device was back: one that is back for a shorter time counts as away."""

FAILED = ("failed", "cut", "damaged")
"""Statuses of an instance that make its run a failed one: see runner.ledger.LedgerEntry."""


@dataclass(frozen=True)
class DeviceOutcome:
    """The outcome of one device's run."""

    device: Device
    folder: Path | None = None
    entries: Sequence[ledger.LedgerEntry] = field(default_factory=tuple)
    error: RunnerError | None = None  # why the run did not finish
    resize: str | None = None  # see RunRequest.resize

    @property
    def failed(self) -> bool:
        """Whether the run did not finish, or an instance failed."""
        return bool(self.error) or any(entry.status in FAILED for entry in self.entries)


def run_all(
    workspace: Workspace,
    devices: Sequence[Device],
    request: Request,
    resume: bool,
    listeners: Sequence[Listener],
    patience_s: float = PATIENCE_S,
) -> list[DeviceOutcome]:
    """Run the same request on every device at the same time, and return an outcome for each, in their order.

    After Ctrl-C, wait until every device has ended its instance, and raise KeyboardInterrupt.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(len(devices), thread_name_prefix="device") as pool:
        work = [
            pool.submit(_run_one, workspace, device, request, resume, listen, stop, patience_s)
            for device, listen in zip(devices, listeners, strict=True)
        ]
        try:
            wait(work)
        except KeyboardInterrupt:
            stop.set()
            raise
    return [one.result() for one in work]


def _run_one(
    workspace: Workspace,
    device: Device,
    request: Request,
    resume: bool,
    listen: Listener,
    stop: threading.Event,
    patience_s: float,
) -> DeviceOutcome:
    folder: list[Path] = []  # known once the device has answered

    def work() -> list[ledger.LedgerEntry]:
        if not folder:
            there = to_resume(workspace, device, request) if resume else None
            folder.append(there or begin(workspace, device, request))
        return execution.execute(folder[0], device, request, listen, stop)

    try:
        return DeviceOutcome(device, entries=persist(work, patience_s, stop), folder=folder[0])
    except RunnerError as error:
        return DeviceOutcome(device, folder[0] if folder else None, ledger.read(folder[0]) if folder else (), error)


def persist(work: Callable[[], Result], patience_s: float, stop: threading.Event) -> Result:
    """Return the result of `work`, which is called again as long as its device is lost for less than `patience_s`.

    `work` must continue where it was. Raises KeyboardInterrupt once `stop` is set.
    """
    lost_at, pauses = time.monotonic(), 0
    while True:
        began = time.monotonic()
        try:
            return work()
        except DeviceLostError:
            now = time.monotonic()
            if not pauses or now - began > BACK_S:
                lost_at, pauses = now, 0
            if now - lost_at > patience_s:
                raise
        if stop.wait(BACK_OFF_S[min(pauses, len(BACK_OFF_S) - 1)]):
            raise KeyboardInterrupt
        pauses += 1
