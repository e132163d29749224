"""The folder of the processed tables: its location, and whether its files are those that `aiot process` wrote.

This module imports nothing that is slow to import, so that commands can check the folder before they read anything.
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

FOLDER = "data/processed"  # default folder of the tables, relative to a workspace
NOTEBOOKS = "notebooks"  # default folder of the notebooks
MANIFEST = "manifest.json"
REMEDY = "run `aiot process` to rebuild it, or copy the folder again"
MOVING_S = 0.5  # longer than an update of the tables takes to move their files

Stamp = list[Any]  # of a file: size in bytes, modification time in ns, sha256


def upwards(path: Path | str, base: Path) -> Path | None:
    """Return the folder `path` below `base` or below its nearest parent that contains it; None if there is none."""
    return next((folder / path for folder in [base, *base.parents] if (folder / path).is_dir()), None)


def tables_upwards(path: Path | str, base: Path) -> Path | None:
    """Return the nearest folder that `upwards` could find and that has a table; without any, what `upwards` returns.

    In a fresh clone, data/processed exists but has no tables; it must not hide those of a folder above.
    """
    folders = (folder / path for folder in [base, *base.parents])
    return next((folder for folder in folders if _has_tables(folder)), upwards(path, base))


def _has_tables(folder: Path) -> bool:
    return any(folder.glob("*.parquet"))


def find(path: Path | str = FOLDER, *bases: Path) -> Path:
    """Return the folder of processed tables that `path` names, from the first of the bases where it has tables.

    A relative path is looked up in each base and its parent folders. Without bases, the lookup starts in the working
    folder. Raises DataError if there is no such folder, or if it has no table `instances`.
    """
    return _find(path, bases)[1]


def base_of(path: Path | str, *bases: Path) -> Path:
    """Return the base from which `find` finds the folder of processed tables; raise DataError as `find` does."""
    return _find(path, bases)[0]


def _find(path: Path | str, bases: tuple[Path, ...]) -> tuple[Path, Path]:
    """Return the first of the bases from which a folder with tables is found, and the folder."""
    candidates = [(base, folder) for base in bases or (Path.cwd(),) if (folder := tables_upwards(path, base))]
    if not candidates:
        where = ", ".join(str(base) for base in bases) or "here"
        raise DataError(f"There is no {path} {'in ' * bool(bases)}{where} or in a folder above: {_NAME_IT}")
    base, folder = next((candidate for candidate in candidates if _has_tables(candidate[1])), candidates[0])
    if not (folder / "instances.parquet").exists():
        raise DataError(f"There is no table instances in {folder}: run `aiot process` first.")
    return base, folder


_NAME_IT = "run `aiot process`, or give the folder that holds it."


def find_notebooks(path: Path | str = NOTEBOOKS) -> Path:
    """Return the absolute path of the folder of notebooks that `path` names.

    A relative path is looked up in the working folder and its parent folders; if it is in none of them, it is taken to
    be in the working folder.
    """
    return (upwards(path, Path.cwd()) or Path(path)).resolve()


def check(folder: Path) -> None:
    """Raise DataError if the files of the tables differ from those in the manifest by name or by size.

    The error names the first file that is missing, has another size or belongs to other tables. Nothing is checked
    without a manifest. `is_as_written` checks contents.
    """
    problem = next(_problems(folder), None)
    if problem and _is_changing(folder):  # files are being moved into place
        sleep(MOVING_S)
        problem = next(_problems(folder), None)
        if problem and _is_changing(folder):
            problem = f"An update of the tables in {folder} is incomplete: wait for `aiot process`, or run it again."
    if problem:
        raise DamagedError(problem)


def _is_changing(folder: Path) -> bool:
    """Return whether new tables are waiting to be moved into the folder, also after `aiot process` was interrupted."""
    return (folder / ".parts").is_dir()


def _problems(folder: Path) -> Iterator[str]:
    """Yield a message for each file that is missing, has another size or does not belong to the tables."""
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
                yield f"{path} does not belong to these tables according to {MANIFEST}: {REMEDY}."


def is_as_written(path: Path, folder: Path) -> bool | None:
    """Return whether a file of the tables in `folder` has the content that `aiot process` wrote, or None if unknown.

    The content is read only if the modification time differs, as it may for a copy. The answer is also unknown while
    `aiot process` updates the tables.
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
    """Return the sha256 of a file, cached by its size and modification time."""
    return digest(path)


def written(folder: Path) -> dict[str, Stamp]:
    """Return the stamp of each file of the tables by its path in the folder, empty if there is no manifest.

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
    """Return the files listed in a manifest, cached by the manifest's own size and modification time."""
    record = json.loads(path.read_bytes())
    files = record.get("files") if isinstance(record, dict) else None
    if not isinstance(files, dict) or not all(isinstance(stamp, list) and len(stamp) > 1 for stamp in files.values()):
        raise ValueError("it does not list the files")
    return files


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
