"""Tables on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDE = 250  # characters, for a file or a pipe, where nothing is to be shortened


def show(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Prints a table; columns that `right` names are aligned to the right, and the first is never shortened."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    screen = Console()
    (screen if screen.is_terminal else Console(width=WIDE)).print(table)
