"""Long tasks: progress bars, and a file for what the processes of a task print."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import console, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def write_output_to(log: Path) -> None:
    """Append everything that this process prints to a file, including the output of the C++ parts of libraries."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)


def bar(width: int = 34, *columns: progress.ProgressColumn, bar_width: int = 24) -> progress.Progress:
    """Return a progress bar with description, count and elapsed time that disappears when it is finished.

    width: characters reserved for the description.
    columns: further columns, to the right.
    """
    screen = console.Console(
        stderr=True, markup=False, emoji=False, highlight=False
    )  # what is shown may come from a device
    return progress.Progress(
        progress.TextColumn(f"{{task.description:<{width}}}", markup=False),
        progress.BarColumn(bar_width=bar_width),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        *columns,
        console=screen,
        transient=True,
        disable=not screen.is_terminal,  # in a file it would leave an empty line
    )


@contextmanager
def counting(text: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar, and yield a function that updates it with the number of items done and the total."""
    with bar() as progress_bar:
        task = progress_bar.add_task(text, total=None)
        yield lambda done, total: progress_bar.update(task, completed=done, total=total)
