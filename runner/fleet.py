"""Run on several devices at once, one thread per device, and show the progress."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rich import progress

from aiot_suite.errors import SENTENCE_LIMIT, RunnerError, printable
from aiot_suite.long_tasks import bar
from aiot_suite.suite import PATIENCE_S, Instance
from runner import execution, ledger, rawlog
from runner.errors import DeviceLostError, FolderLostError
from runner.execution import Listener, last_value
from runner.ledger import LedgerEntry, counts
from runner.reservations import REFUSE, reserved
from runner.run_request import Request, create_run, find_run_to_resume, new_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from aiot_suite.workspace import Workspace
    from runner.devices import Device


class RunProgress:
    """Progress display with a bar for each device, and a line for each instance that failed."""

    def __init__(self, devices: Sequence[str], instances: int) -> None:
        self._several = len(devices) > 1
        width = max(map(len, devices), default=0) if self._several else 0
        self._bar = bar(
            max(width, 3),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[now]}", markup=False),
            bar_width=16,
        )
        self._tasks = [
            self._bar.add_task(device if self._several else "run", total=instances, now="", heat="")
            for device in devices
        ]
        self.listeners = [partial(self._hear, device, task) for device, task in zip(devices, self._tasks, strict=True)]
        """Listener of each device, in the order of the devices: see runner.execution.Listener."""

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _hear(
        self, device: str, task: progress.TaskID, event: str, instance: Instance, details: dict[str, Any]
    ) -> None:
        if event == "telemetry":
            heat = details.get("temperature_c")
            self._bar.update(task, heat=f"{heat:.0f} °C" if heat is not None else "")
        elif event in ("start", "progress", "waiting"):
            doing = (
                f"waits: {'; '.join(details['reasons'])}"
                if event == "waiting"
                else _within_instance(details.get("tail", b""))
            )
            parts = [instance.id, doing, self._bar.tasks[task].fields["heat"]]
            self._bar.update(task, now="  ".join(filter(None, parts)))
        else:
            self._bar.advance(task)
            if event not in ("end", "unavailable"):
                prefix = f"{device}: " if self._several else ""
                reason = printable(str(details.get("reason", "its log is incomplete")))[:SENTENCE_LIMIT]
                self._bar.console.print(f"{prefix}{instance.id} {event}: {reason}")


def _within_instance(tail: bytes) -> str:
    """Return the progress within an instance, like "image 41, 12.3/s", or "pass 7" in the operator study."""
    repetition = last_value(tail, "repetition")
    if repetition is not None:
        return f"pass {repetition + 1}"
    query, at_ns = last_value(tail, "query"), last_value(tail, "at_ns")
    if query is None:
        return ""
    return f"image {query + 1}" + (f", {query / at_ns * 1e9:.1f}/s" if at_ns else "")


def summary(entries: Sequence[LedgerEntry]) -> str:
    """Return the number of instances by outcome, like "15 instances measured, 45 unavailable"."""
    numbers = counts(list(entries))
    measured = numbers.pop("end", 0)
    others = [f"{number} {status}" for status, number in sorted(numbers.items())]
    return ", ".join([f"{plural(measured, 'instance')} measured", *others])


def check_measured(outcomes: Sequence[DeviceOutcome]) -> None:
    """Raise RunnerError if no instance was measured in any of the runs, with the reasons and what would help."""
    entries = [entry for outcome in outcomes for entry in outcome.entries]
    if not outcomes or any(entry.status == "end" for entry in entries):
        return
    remedies = {
        str(entry.last.get("reason")): str(entry.last.get("remedy"))
        for entry in entries
        if entry.status == "unavailable"
    }
    reasons = "; ".join(f"{reason} ({remedy})" for reason, remedy in remedies.items())
    raise RunnerError(f"No instance was measured: {printable(reasons)[:SENTENCE_LIMIT]}.")


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, like "1 block" or "2 blocks"."""
    return f"{number} {noun}{'s' * (number != 1)}"


Result = TypeVar("Result")

BACK_OFF_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts to reach a lost device, in seconds; the last one is repeated."""

BACK_S = 60.0
"""Seconds of work after which a device counts as reconnected; if it is lost again sooner, it was never back."""

FAILED = ("failed", "cut", "damaged")
"""Statuses of an instance that make its run a failure: see runner.ledger.LedgerEntry."""


@dataclass(frozen=True)
class DeviceOutcome:
    """Outcome of the run on one device."""

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
    if_busy: str = REFUSE,
) -> list[DeviceOutcome]:
    """Run the same request on all devices at the same time, and return their outcomes in the same order.

    Nothing is written for a device that something else uses, unless `if_busy` helps: see runner.reservations.

    After KeyboardInterrupt, wait until every device has ended its current instance, then raise it again.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(len(devices), thread_name_prefix="device") as pool:
        try:
            work = [
                pool.submit(_run_one, workspace, device, request, resume, listen, stop, patience_s, if_busy)
                for device, listen in zip(devices, listeners, strict=True)
            ]
            wait(work)
        except KeyboardInterrupt:
            stop.set()
            raise
    return [future.result() for future in work]


def _run_one(
    workspace: Workspace,
    device: Device,
    request: Request,
    resume: bool,
    listen: Listener,
    stop: threading.Event,
    patience_s: float,
    if_busy: str,
) -> DeviceOutcome:
    folder: list[Path] = []  # empty until the device has answered and is reserved

    def work() -> list[ledger.LedgerEntry]:
        existing = folder[0] if folder else find_run_to_resume(workspace, device, request) if resume else None
        run_id = existing.name if existing else new_run_id()
        raw = workspace.raw / device.slug
        with reserved(raw, device, run_id, if_busy, request.timeout_s, stop), execution.device_locked(raw):
            if not folder:
                folder.append(existing or create_run(workspace, device, request, run_id))
            return execution.execute(folder[0], device, request, listen, stop)

    try:
        return DeviceOutcome(device, entries=retry_while_lost(work, patience_s, stop), folder=folder[0])
    except (RunnerError, rawlog.RawLogError, OSError) as error:
        entries: Sequence[ledger.LedgerEntry] = ()
        with suppress(RunnerError, OSError):  # its run.json may be what cannot be read
            entries = ledger.read(folder[0]) if folder else ()
        return DeviceOutcome(device, folder[0] if folder else None, entries, _in_a_sentence(error, device))


def _in_a_sentence(error: Exception, device: Device) -> RunnerError:
    """Return an error of one device's run, which must not hide the outcomes of the others, as a RunnerError."""
    if isinstance(error, RunnerError):
        return error
    if not isinstance(error, OSError):
        return RunnerError(str(error))
    place = error.filename or f"a file of {device.slug}"
    return RunnerError(
        f"{place} cannot be read or written ({error.strerror or error}): make it accessible, then repeat the command "
        "with `--resume`."
    )


def retry_while_lost(work: Callable[[], Result], patience_s: float, stop: threading.Event) -> Result:
    """Return the result of `work`; call it again while its device has been lost for less than `patience_s` seconds.

    The same holds if our folder on the device was deleted. `work` must continue where it stopped. Raises
    DeviceLostError or FolderLostError after that time, and KeyboardInterrupt once `stop` is set.
    """
    lost_at, pauses = time.monotonic(), 0
    while True:
        started = time.monotonic()
        try:
            return work()
        except (DeviceLostError, FolderLostError):
            now = time.monotonic()
            if not pauses or now - started > BACK_S:
                lost_at, pauses = now, 0
            if now - lost_at > patience_s:
                raise
        if stop.wait(BACK_OFF_S[min(pauses, len(BACK_OFF_S) - 1)]):
            raise KeyboardInterrupt
        pauses += 1
