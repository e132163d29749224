"""What makes a report out of date: its notebook, its parameters, the data, this package, the libraries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import aiot_analysis
from aiot_analysis.errors import DataError

LIBRARIES = ["numpy", "pandas", "scipy", "statsmodels", "matplotlib", "seaborn", "papermill", "nbconvert", "ipykernel"]
CODE = {".py", ".j2", ".css", ".json", ".csv", ".mplstyle"}
PACKAGE = Path(aiot_analysis.__file__).parent

FileHashes = dict[str, list[int | str]]  # path: size, modification time in ns, sha256


def combine(*parts: object) -> str:
    """One sha256 of anything that JSON can hold, and of what has a text of its own, like paths."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def code() -> str:
    """The source, templates and published numbers of this package."""
    return _contents(path for path in PACKAGE.rglob("*") if path.suffix in CODE and path.is_file())


def _contents(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of the libraries that numbers and pictures come from."""
    return {name: metadata.version(name) for name in LIBRARIES}


def processed_folder(root: Path, processed: str) -> Path:
    """The processed tables a notebook that runs in `root` finds: as aiot_analysis.data.find, but without pandas.

    Raises DataError if they are not there.
    """
    for base in [root, *root.parents]:
        if (base / processed).exists():
            if not (base / processed / "instances.parquet").exists():
                raise DataError(f"There is no table instances in {base / processed}: run `aiot process` first.")
            return base / processed
    raise DataError(f"There is no {processed} in {root} or above: run `aiot process`, or name the folder.")


def data(folder: Path, known: Mapping[str, list[int | str]], seen: FileHashes) -> str:
    """sha256 over names and contents of the processed tables in a folder.

    A file whose size and modification time are as in `known` is not read again. What was found is put
    into `seen`, which is the next call's `known`.
    """
    parts = []
    for path in sorted(folder.rglob("*.parquet")):
        status = path.stat()
        entry = known.get(str(path), [])
        if entry[:2] != [status.st_size, status.st_mtime_ns]:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            entry = [status.st_size, status.st_mtime_ns, digest]
        seen[str(path)] = entry
        parts.append((path.relative_to(folder).as_posix(), entry[2]))
    return combine(parts)
