"""Hashes of what makes a report out of date: its notebook, its parameters, the data, this package and the libraries."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from aiot_analysis.errors import DamagedError, DataError
from aiot_analysis.tables.processed import REMEDY, upwards
from runner import rawlog

LIBRARIES = ["numpy", "pandas", "scipy", "statsmodels", "matplotlib", "seaborn", "papermill", "nbconvert", "ipykernel"]
CODE = {".py", ".j2", ".css", ".js", ".json", ".csv", ".mplstyle"}
PACKAGE = Path(__file__).parents[1]

FileHashes = dict[str, list[int | str]]  # path: size, modification time in ns, sha256


def combine(*parts: object) -> str:
    """Return one sha256 of anything that JSON can hold, and of values with a text of their own, like paths."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def code() -> str:
    """Return a hash of the source, templates and published numbers of this package, and of the raw log definition."""
    files = [*PACKAGE.rglob("*"), *Path(rawlog.__file__).parent.glob("*.py")]
    return _contents(path for path in files if path.suffix in CODE and path.is_file())


def _contents(paths: Iterable[Path]) -> str:
    """Return a sha256 over the names and contents of files."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(PACKAGE.parent).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the libraries that numbers and pictures come from."""
    return {name: metadata.version(name) for name in LIBRARIES}


class Tables:
    """Hashes of the processed tables in a folder: of the whole folder, and of the rows of each device.

    A file whose size and modification time are as in `known` is not read again. `seen` holds the hashes of the files
    that were hashed or looked up, to be passed as `known` to the next call.
    """

    def __init__(self, folder: Path, known: Mapping[str, list[int | str]]) -> None:
        self.folder = folder
        self.seen: FileHashes = {}
        self._known = known

    @cached_property
    def whole(self) -> str:
        """Return a sha256 over names and contents of all tables."""
        return combine(list(self._files.items()))

    def of_device(self, device: str) -> str:
        """Return a sha256 over the rows of a device in all tables; rows of other devices do not change it."""
        images = [(name, digest) for name, digest in self._files.items() if name.startswith(f"images/{device}/")]
        return combine(images, self._rows.get(device, {}))

    @cached_property
    def datasets(self) -> list[str]:
        """Return the names of the datasets of all instances."""
        column = read_columns(self.folder / "instances.parquet", "dataset")["dataset"]
        return [name for name in column.unique().to_pylist() if name]

    @cached_property
    def _files(self) -> dict[str, str]:
        """Return the sha256 of each file by its path in the folder."""
        hashes = {}
        for path in sorted(self.folder.rglob("*.parquet")):
            status = path.stat()
            entry = self._known.get(str(path), [])
            if entry[:2] != [status.st_size, status.st_mtime_ns]:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                entry = [status.st_size, status.st_mtime_ns, digest]
            self.seen[str(path)] = entry
            hashes[path.relative_to(self.folder).as_posix()] = str(entry[2])
        return hashes

    @cached_property
    def _rows(self) -> dict[str, dict[str, str]]:
        """Return the sha256 of the rows of each device in each table except images: {device: {table: sha256}}."""
        hashes: dict[str, dict[str, str]] = {}
        for path in sorted(self.folder.glob("*.parquet")):
            for device, digest in _by_device(path).items():
                hashes.setdefault(device, {})[path.stem] = digest
        return hashes


def _by_device(path: Path) -> dict[str, str]:
    """Return the sha256 of the rows of each device, in order, as text: independent of how Arrow stores them."""
    from pyarrow import compute, csv

    table = read_columns(path)
    _check_columns(table, path, "device_id")
    devices = table["device_id"]
    order = compute.sort_indices(devices)  # a stable sort
    table, devices = table.take(order), devices.take(order)
    hashes, start = {}, 0
    for device, count in Counter(devices.to_pylist()).items():  # in sorted order
        text = io.BytesIO()
        csv.write_csv(table.slice(start, count), text)
        hashes[str(device)] = hashlib.sha256(text.getvalue()).hexdigest()
        start += count
    return hashes


def read_columns(path: Path, *columns: str) -> Any:
    """Return a Parquet table, or selected columns, as an Arrow table.

    This avoids pandas, which takes longer to import than everything else here. Raises DataError if the file cannot be
    read, or lacks a column.
    """
    from pyarrow import ArrowException, parquet

    try:
        content = parquet.ParquetFile(path).read(list(columns) or None)
    except (ArrowException, OSError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise DamagedError(f"{path} cannot be read ({reason.rstrip('.')}): {REMEDY}.") from None
    _check_columns(content, path, *columns)
    return content


def _check_columns(found: Any, path: Path, *columns: str) -> None:
    """Raise DataError if a table lacks one of the columns."""
    for column in columns:
        if column not in found.column_names:
            raise DataError(
                f"{path} was written by another version (no column {column!r}): run `aiot process` to rebuild it."
            )


def pictures(root: Path, datasets: str, names: Iterable[str]) -> list[str]:
    """Return a line per dataset whose pictures are present: its name and the hash of its record.

    Datasets are looked up as `aiot_analysis.display.pictures` does. The pictures themselves are not read.
    """
    lines = []
    for name in sorted(names):
        folder = upwards(Path(datasets) / name, root)
        if folder is None:
            continue
        with suppress(OSError, ValueError, KeyError, TypeError):  # a damaged dataset counts as absent
            record = (folder / "dataset.json").read_bytes()
            if (folder / json.loads(record)["image_folder"]).is_dir():
                lines.append(f"{name} {hashlib.sha256(record).hexdigest()}")
    return lines
