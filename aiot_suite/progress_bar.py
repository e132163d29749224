"""Progress bars on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import console, progress


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
