"""Output of the commands on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress


def bar(text: str) -> Progress:
    """Return a progress bar that disappears when it is done, and that is disabled if the output is not a terminal."""
    from rich import console, progress

    screen = console.Console()
    return progress.Progress(
        progress.TextColumn(text),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,  # it would leave an empty line in a file
    )


def used(verb: str, folder: Path) -> None:
    """Print the folder of the tables that a command uses."""
    print(f"{verb:<10}tables in {folder.resolve()}")
