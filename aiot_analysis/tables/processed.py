"""The folder of the processed tables: where it is, and whether its files are those that `aiot process` wrote.

Imports nothing that is slow to import, so that verbs can ask before they read anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from time import sleep
from typing import Any

from aiot_analysis.errors import DamagedError, DataError

FOLDER = "data/processed"  # where the tables are, below a workspace, if nobody says otherwise
MANIFEST = "manifest.json"
REMEDY = "run `aiot process` to make it anew, or copy the folder again"
MOVING_S = 0.5  # a change of the tables moves their files in less

Stamp = list[Any]  # of a file: size in bytes, modification time in ns, sha256


def upwards(path: Path | str, base: Path) -> Path | None:
    """Return a folder that exists: below `base`, or below the nearest folder above it. None if there is none."""
    return next((folder / path for folder in [base, *base.parents] if (folder / path).is_dir()), None)


def find(path: Path | str = FOLDER, *bases: Path) -> Path:
    """Return the folder of the tables that `path` names, seen from the first of the bases where there are any.

    A relative path is looked for in a base and in the folders above it. Without bases it is seen from the working
    folder. Raises DataError if there is no such folder, or if it has no table of instances.
    """
    seen = [folder for base in bases or (Path.cwd(),) if (folder := upwards(path, base))]
    if not seen:
        where = ", ".join(str(base) for base in bases) or "here"
        raise DataError(f"There is no {path} {'in ' * bool(bases)}{where} or in a folder above: {_NAME_IT}")
    folder = next((one for one in seen if any(one.glob("*.parquet"))), seen[0])
    if not (folder / "instances.parquet").exists():
        raise DataError(f"There is no table instances in {folder}: run `aiot process` first.")
    return folder


_NAME_IT = "run `aiot process`, or name the folder."


def check(folder: Path) -> None:
    """Raise DataError if the files of the tables are not those in the manifest: by name and by size.

    It names the first that is missing, of another size or of other tables. Nothing is checked where there is no
    manifest. Contents are for `is_as_written`.
    """
    problem = next(_problems(folder), None)
    if problem and _is_changing(folder):  # files take their places just now
        sleep(MOVING_S)
        problem = next(_problems(folder), None)
        if problem and _is_changing(folder):
            problem = f"A change of the tables in {folder} is not complete: wait for `aiot process`, or run it again."
    if problem:
        raise DamagedError(problem)


def _is_changing(folder: Path) -> bool:
    """Whether tables wait to take the places of those in the folder, or did when `aiot process` was interrupted."""
    return (folder / ".parts").is_dir()


def _problems(folder: Path) -> Iterator[str]:
    files = written(folder)
    for name, stamp in files.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError:
            yield f"There is no {path}, which belongs to these tables: {REMEDY}."
            continue
        if size != stamp[0]:
            yield f"{path} has {size:,} bytes, not the {stamp[0]:,} that `aiot process` wrote: {REMEDY}."
    if files:
        for path in sorted(folder.glob("images/*/*.parquet")):
            if path.relative_to(folder).as_posix() not in files:
                yield f"{path} does not belong to these tables, as {MANIFEST} tells them: {REMEDY}."


def is_as_written(path: Path, folder: Path) -> bool | None:
    """Tell whether a file of the tables in `folder` has the content that `aiot process` wrote; None if unknown.

    The content is only read where the time of the file differs, as that of a copy may. It is unknown too while
    `aiot process` changes the tables.
    """
    stamp = written(folder).get(path.relative_to(folder).as_posix())
    if stamp is None:
        return None
    status = path.stat()
    if [status.st_size, status.st_mtime_ns] == stamp[:2]:
        return True
    if status.st_size == stamp[0] and len(stamp) > 2 and _digest(path, status.st_size, status.st_mtime_ns) == stamp[2]:
        return True
    return None if _is_changing(folder) else False


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, time_ns: int) -> str:
    """The sha256 of a file in the state that its size and time tell."""
    return digest(path)


def written(folder: Path) -> dict[str, Stamp]:
    """Return the stamp of each file of the tables, by its path in the folder; nothing if there is no manifest.

    Raises DataError if the manifest is damaged.
    """
    path = folder / MANIFEST
    try:
        status = path.stat()
        return _files(path, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedError(f"{path} cannot be read ({error}): {REMEDY}.") from None


@lru_cache(maxsize=8)
def _files(path: Path, size: int, time_ns: int) -> dict[str, Stamp]:
    """Return the files that a manifest tells of; `size` and `time_ns` are its own, so that a new one is read."""
    record = json.loads(path.read_bytes())
    files = record.get("files") if isinstance(record, dict) else None
    if not isinstance(files, dict) or not all(isinstance(stamp, list) and len(stamp) > 1 for stamp in files.values()):
        raise ValueError("it does not tell of the files")
    return files


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
