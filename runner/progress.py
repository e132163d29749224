"""The progress that a run shows, and the line it ends with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich import progress

from aiot_suite.errors import SENTENCE_LIMIT, printable
from aiot_suite.progress_bar import bar
from aiot_suite.suite import Instance
from runner.attempt import last_of
from runner.ledger import LedgerEntry, counts


class RunProgress:
    """A bar for each device over its instances, and a line for each instance that failed."""

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
        """The listener of each device, in their order: see runner.execution.Listener."""

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _hear(self, device: str, task: progress.TaskID, event: str, instance: Instance, known: dict[str, Any]) -> None:
        if event == "telemetry":
            heat = known.get("temperature_c")
            self._bar.update(task, heat=f"{heat:.0f} °C" if heat is not None else "")
        elif event in ("start", "progress", "waiting"):
            doing = (
                f"waits: {'; '.join(known['reasons'])}"
                if event == "waiting"
                else _within_instance(known.get("tail", b""))
            )
            shown = [instance.id, doing, self._bar.tasks[task].fields["heat"]]
            self._bar.update(task, now="  ".join(filter(None, shown)))
        else:
            self._bar.advance(task)
            if event not in ("end", "unavailable"):
                who = f"{device}: " if self._several else ""
                reason = printable(str(known.get("reason", "its log is incomplete")))[:SENTENCE_LIMIT]
                self._bar.console.print(f"{who}{instance.id} {event}: {reason}")


def _within_instance(tail: bytes) -> str:
    """Return the progress within an instance, like "image 41, 12.3/s", or "pass 7" in the operator study."""
    repetition = last_of(tail, "repetition")
    if repetition is not None:
        return f"pass {repetition + 1}"
    query, at_ns = last_of(tail, "query"), last_of(tail, "at_ns")
    if query is None:
        return ""
    return f"image {query + 1}" + (f", {query / at_ns * 1e9:.1f}/s" if at_ns else "")


def summary(entries: Sequence[LedgerEntry]) -> str:
    """Return the number of instances by outcome, like "15 instances measured, 45 unavailable"."""
    numbers = counts(list(entries))
    measured = numbers.pop("end", 0)
    rest = [f"{number} {status}" for status, number in sorted(numbers.items())]
    return ", ".join([f"{counted(measured, 'instance')} measured", *rest])


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, like "1 block" or "2 blocks"."""
    return f"{number} {noun}{'s' * (number != 1)}"
