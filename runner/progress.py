"""Progress bars; what a run shows while it goes on, and the one line it ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich import console, progress

from runner.attempt import last_of
from runner.ledger import Entry, counts
from runner.suite import Instance


def bar(width: int = 34) -> progress.Progress:
    """A bar that vanishes when it is done: a description of so many characters, how many of how many, the time."""
    screen = console.Console()
    return progress.Progress(
        progress.TextColumn(f"{{task.description:<{width}}}"),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,  # it would leave an empty line in a file
    )


@contextmanager
def counting(text: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, as a function of what is done and how many there are."""
    with bar() as shown:
        task = shown.add_task(text, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


class RunProgress:
    """A listener of `runner.execution.execute`: one bar over the instances, a line for each that failed."""

    def __init__(self, instances: int) -> None:
        self._bar = bar(48)
        self._task = self._bar.add_task("run", total=instances)

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, event: str, instance: Instance, known: dict[str, Any]) -> None:
        if event in ("start", "progress"):
            query = last_of(known.get("tail", b""), "query")
            shown = f" image {query + 1}" if query is not None else ""
            self._bar.update(self._task, description=f"run: {instance.id}{shown}")
            return
        self._bar.advance(self._task)
        if event not in ("end", "unavailable"):
            self._bar.console.print(f"{instance.id} {event}: {known.get('reason', 'its log is incomplete')}")

    @staticmethod
    def summary(entries: list[Entry]) -> str:
        """Like "15 instances measured, 45 unavailable"."""
        found = counts(entries)
        measured = found.pop("end", 0)
        rest = [f"{number} {status}" for status, number in sorted(found.items())]
        return ", ".join([f"{measured} instances measured", *rest])
