"""`aiot process`: turn raw logs into tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiot_analysis.cli.screen import bar

SHOWN = 10
"""Maximum number of excluded items that are printed."""


def process(
    raw: Annotated[Path, typer.Option(help="Folder that holds the raw logs.")] = Path("data/raw"),
    processed: Annotated[Path, typer.Option(help="Folder to write the tables to.")] = Path("data/processed"),
    jobs: Annotated[int, typer.Option(min=1, help="Number of runs to read at the same time.")] = 2,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask cluster that reads the runs, like tcp://10.0.0.1:8786.")
    ] = "",
) -> None:
    """Turn raw logs into tidy, validated tables.

    Only new and changed runs are read. Files that cannot be read are listed, and processing continues without them.
    The workers of a Dask cluster must be able to access both folders under the same paths.
    """
    from aiot_analysis import ingest

    with bar("process: runs read") as progress:
        task = progress.add_task("", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        result = ingest.process(raw, processed, jobs, tell, scheduler)
    print(f"process   {result.summary()} in {processed}")
    for path, reason in result.left_out[:SHOWN]:
        print(f"          excluded {path}: {reason}")
    if len(result.left_out) > SHOWN:
        print(f"          and {len(result.left_out) - SHOWN} more, listed in {processed / 'left_out.parquet'}")
