"""The option --workspace of the commands of the analysis, and the folders that follow from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiot_analysis.tables.workspace import FOLDER, find
from runner import rawlog

ReadWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="Folder that contains data/. Default: the working folder, or the nearest folder above it that has data.",
    ),
]
WriteWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="Folder that contains data/ and reports/. Default: the working folder; never a folder above it.",
    ),
]
NoWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="Has no effect, because this command uses no files of a workspace; every command accepts it.",
    ),
]
Processed = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Folder of the tables. Default: data/processed of the workspace."),
]
RunToRun = Annotated[
    str,
    typer.Option(
        metavar="PERCENT",
        help="Difference in time that two runs with the same settings may have; used where too few sessions show it.",
    ),
]


def tables_to_read(processed: Path | None, workspace: Path | None) -> Path:
    """Return the folder of tables that a command reads, as `find` locates it."""
    if processed is not None:
        return processed
    return Path(FOLDER) if workspace is None else rawlog.workspace_to_read(workspace).resolve() / FOLDER


def base_to_read(workspace: Path | None, processed: object) -> Path:
    """Return the folder in or above which reports find the tables `processed`, by default data/processed.

    Raises DataError if a workspace is named that has no tables itself.
    """
    if workspace is None:
        return Path.cwd()
    base = rawlog.workspace_to_read(workspace).resolve()
    find(base / str(processed or FOLDER))
    return base


def folder_to_write(named: Path | None, workspace: Path | None, default: str) -> Path:
    """Return the folder that a command writes to: `named`, or by default the folder `default` of the workspace."""
    return rawlog.workspace_to_write(workspace) / default if named is None else named
