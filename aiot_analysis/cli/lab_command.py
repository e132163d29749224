"""The command `aiot lab`: a copy of the notebooks in the workspace, opened in JupyterLab."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from aiot_analysis.cli.output_commands import say
from aiot_analysis.cli.workspace_options import ReadWorkspace
from aiot_analysis.errors import ReportError
from aiot_analysis.words import plural
from runner import rawlog

COPIED = ".copied.json"  # hashes of the notebooks as they were copied, in the folder of the copies
FIRST = "explore/explore.ipynb"  # the notebook that is opened


@dataclass
class NotebookCopies:
    """What `copy_notebooks` did, with paths relative to the folder of the copies."""

    copied: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    """Copies that somebody edited, which were left as they are."""


def copy_notebooks(source: Path, target: Path) -> NotebookCopies:
    """Copy the notebooks in `source` and its subfolders to `target`, without replacing edited ones.

    A copy that was not edited is replaced if the notebook itself has changed since, for example in another version of
    this project. All other files are left as they are.
    """
    from aiot_analysis.tables.workspace import digest

    record = target / COPIED
    hashes = rawlog.parse(record.read_bytes()) if record.is_file() else {}
    if not isinstance(hashes, dict):
        raise ValueError(f"{record} is damaged")
    copies = NotebookCopies()
    for path in sorted(source.rglob("*.ipynb")):
        name = path.relative_to(source).as_posix()
        if ".ipynb_checkpoints" in path.parts:
            continue
        copy, latest = target / name, digest(path)
        present = digest(copy) if copy.exists() else None
        if present not in (None, latest, hashes.get(name)):
            copies.edited.append(name)
            continue
        if present != latest:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copies.copied.append(name)
        hashes[name] = latest
    rawlog.replace_text(record, json.dumps(hashes, indent=1))
    return copies


def _copies_folder(base: Path) -> Path:
    """Copy the notebooks to the workspace `base` and return the folder of the copies.

    In a checkout of the project, return the folder of its own notebooks instead.
    """
    from aiot_analysis.tables import workspace

    source, target = workspace.find_notebooks(), base / workspace.NOTEBOOKS
    if base.is_relative_to(source.resolve().parent):
        return source
    try:
        copies = copy_notebooks(source, target)
    except (OSError, ValueError) as error:
        raise ReportError(
            f"The notebooks cannot be copied to {target} ({error}): go to a folder that can be written to, or give one "
            "that has notebooks with --notebooks."
        ) from None
    say(f"lab       {plural(len(copies.copied), 'notebook')} copied to {target}")
    if copies.edited:
        say(f"          edited, and therefore left as they are: {', '.join(copies.edited)}")
    say(f"          to make pages of these copies: aiot report --notebooks {target}")
    return target


def lab(
    context: typer.Context,
    notebooks: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Open the notebooks in this folder themselves. Default: a copy of the project's.",
        ),
    ] = None,
    workspace: ReadWorkspace = None,
) -> None:
    """Open JupyterLab on a copy of the notebooks, for exploring.

    The notebooks are copied to the folder notebooks of the workspace; copies that you have edited are never replaced.
    In a checkout of the project, its own notebooks are opened. All other options are passed on to JupyterLab, for
    example --no-browser --port 9000.
    """
    from aiot_analysis.tables.workspace import find_notebooks

    if notebooks and not find_notebooks(notebooks).is_dir():
        raise ReportError(f"There is no folder {notebooks}: give the folder of the notebooks with --notebooks.")
    folder = find_notebooks(notebooks) if notebooks else _copies_folder(rawlog.workspace_to_read(workspace).resolve())
    command = [sys.executable, "-m", "jupyterlab"]
    if (folder / FIRST).is_file():
        command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if os.geteuid() == 0:  # as in a container
        command.append("--allow-root")
    os.execv(sys.executable, [*command, *context.args, str(folder)])  # so that signals reach JupyterLab itself
