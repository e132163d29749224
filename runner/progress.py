"""What a run shows while it goes on, and the one line it ends with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich import console, progress

from aiot_suite.errors import SENTENCE_LIMIT, printable
from aiot_suite.suite import Instance
from runner.attempt import last_of
from runner.ledger import LedgerEntry, counts


class RunProgress:
    """A bar for each device over its instances, and a line for each instance that failed."""

    def __init__(self, devices: Sequence[str], instances: int) -> None:
        self._several = len(devices) > 1
        width = max(map(len, devices), default=0) if self._several else 0
        screen = console.Console(markup=False, emoji=False, highlight=False)  # reasons may be what a device said
        self._bar = progress.Progress(
            progress.TextColumn(f"{{task.description:<{max(width, 3)}}}", markup=False),
            progress.BarColumn(bar_width=16),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[now]}", markup=False),
            console=screen,
            transient=True,
            disable=not screen.is_terminal,
        )
        self._tasks = [
            self._bar.add_task(device if self._several else "run", total=instances, now="", heat="")
            for device in devices
        ]
        self.listeners = [partial(self._hear, device, task) for device, task in zip(devices, self._tasks, strict=True)]
        """Of each device, in their order: see runner.execution.Listener."""

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
            doing = f"waits: {'; '.join(known['reasons'])}" if event == "waiting" else _rate(known.get("tail", b""))
            shown = [instance.id, doing, self._bar.tasks[task].fields["heat"]]
            self._bar.update(task, now="  ".join(filter(None, shown)))
        else:
            self._bar.advance(task)
            if event not in ("end", "unavailable"):
                who = f"{device}: " if self._several else ""
                reason = printable(str(known.get("reason", "its log is incomplete")))[:SENTENCE_LIMIT]
                self._bar.console.print(f"{who}{instance.id} {event}: {reason}")


def _rate(tail: bytes) -> str:
    """Like "image 41, 12.3/s"."""
    query, at_ns = last_of(tail, "query"), last_of(tail, "at_ns")
    if query is None:
        return ""
    return f"image {query + 1}" + (f", {query / at_ns * 1e9:.1f}/s" if at_ns else "")


def summary(entries: Sequence[LedgerEntry]) -> str:
    """Like "15 instances measured, 45 unavailable"."""
    found = counts(list(entries))
    measured = found.pop("end", 0)
    rest = [f"{number} {status}" for status, number in sorted(found.items())]
    return ", ".join([f"{measured} instance{'s' * (measured != 1)} measured", *rest])
