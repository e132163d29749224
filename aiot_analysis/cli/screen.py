"""Parameters of notebooks on the command line, and output of the commands on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.progress import Progress


def parameter_values(words: Sequence[str]) -> dict[str, object]:
    """Return the values of parameters by name, from words like timing=inference."""
    values: dict[str, object] = dict(word.partition("=")[::2] for word in words)
    if "" in values or not all("=" in word for word in words):
        raise typer.BadParameter("give a name and a value, like -p timing inference", param_hint="'-p'")
    return values


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
