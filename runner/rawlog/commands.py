"""What all commands have in common: which folder is the workspace, and the output of --json.

`aiot_analysis.load()` finds the workspace by the same rule.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any, Optional, Type

from .schema import RawLogError

_HOLDINGS = ("raw/*/*/run.json", "processed/*.parquet", "models/*/*.json", "datasets/*/dataset.json")
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://\S*", re.IGNORECASE)
DASK_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss", "inproc")
"""Schemes of addresses that are not those of files: those of a Dask scheduler."""


class WorkspaceError(RawLogError):
    """Raised if a folder does not exist, is not on this machine, or is not clearly the one meant."""


def refuse_address(text: str | Path, error: Type[Exception] = WorkspaceError) -> None:
    """Raise an error if a text names files by an address such as s3://bucket/raw."""
    address = _ADDRESS.search(str(text))
    if address and address[1].lower() not in DASK_SCHEMES:
        raise error(
            f"{address[0]} is an address, but only files on this machine can be used: copy or mount them, and give "
            "their path."
        )


def existing_folder(path: str | Path, remedy: str, error: Type[Exception] = WorkspaceError) -> Path:
    """Return the path of a folder; raise an error with what to do if there is no such folder."""
    refuse_address(path, error)
    if Path(path).is_dir():
        return Path(path)
    if Path(path).exists():
        raise error(f"{path} is not a folder: {remedy}.")
    raise error(f"There is no folder {path}: {remedy}.")


def holds_data(folder: Path) -> bool:
    """Return whether there are runs, tables, model files or datasets in `data` below a folder."""
    try:
        return any(next((folder / "data").glob(pattern), None) for pattern in _HOLDINGS)
    except OSError:  # a folder above that this user may not read
        return False


def workspace_above(base: Path) -> Optional[Path]:
    """Return the nearest of a folder and its parents that holds data, or None if none of them does."""
    return next((folder for folder in (base, *base.parents) if holds_data(folder)), None)


def workspace_to_read(named: str | Path | None = None) -> Path:
    """Return the workspace that a command reads.

    It is the folder `named`, or by default the nearest of the working folder and its parents that holds data, or the
    working folder if none of them does. Raises WorkspaceError if the folder `named` does not exist.
    """
    if named is not None:
        return existing_folder(named, "create it, or name another with --workspace")
    here = Path.cwd()
    above = workspace_above(here)
    return Path() if above in (None, here) else above


def workspace_to_write(named: str | Path | None = None) -> Path:
    """Return the workspace that a command writes to: the folder `named`, or by default the working folder.

    Raises WorkspaceError if the folder `named` does not exist, or if by default another folder would be read than
    written to: the working folder holds no data, but one of its parents does.
    """
    workspace = workspace_to_read(named)
    if named is None and workspace != Path():
        raise WorkspaceError(
            f"This folder is inside the workspace {workspace}: add `--workspace {workspace}` to write there, or "
            "`--workspace .` to start a new workspace here."
        )
    return workspace


def print_json(content: Any) -> None:
    """Print a table as JSON: a list of dataclasses or dictionaries, a data frame, or a dictionary of these.

    A frame becomes a list with an object per row. Missing and infinite numbers become null, and paths text. The output
    is ASCII, so that no character in a text of a device or a log acts on a terminal.
    """
    print(json.dumps(_plain(content), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if hasattr(value, "to_dict"):  # a data frame
        value = value.to_dict("records")
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
