"""Tables printed to the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDE = 250  # characters; the width in a file or pipe, where nothing should be shortened


def show(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print a table. Columns named in `right` are right-aligned, and the first column is never shortened."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    screen = Console()
    (screen if screen.is_terminal else Console(width=WIDE)).print(table)
