"""Folders and files of a workspace: processed tables, and hashes of what reports depend on."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import DamagedError, DataError
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WORKERS_TIMEOUT_S = 30.0
"""Longest time to wait for a Dask worker, at the start and after the last one has ended."""
FOLDER = "data/processed"  # default folder of the tables, relative to a workspace
NOTEBOOKS = "notebooks"  # name of the folder of the notebooks
MANIFEST = "manifest.json"
REMEDY = "run `aiot process` to rebuild it, or copy the folder again"
MOVING_S = 0.5  # longer than an update of the tables takes to move their files

Stamp = list[Any]  # of a file: size in bytes, modification time in ns, sha256


def upwards(path: Path | str, base: Path) -> Path | None:
    """Return the folder `path` below `base` or below its nearest parent that contains it; None if there is none."""
    return next((folder / path for folder in [base, *base.parents] if (folder / path).is_dir()), None)


def tables_upwards(path: Path | str, base: Path) -> Path | None:
    """Return the folder of tables `path` of a workspace: the one that holds data, at `base` or nearest above it.

    Another folder than data/processed is the nearest that `upwards` could find and that has a table; without any, what
    `upwards` returns. In a fresh clone, data/processed exists but has no tables; it does not hide those of a folder
    above.
    """
    if Path(path) == Path(FOLDER) and (workspace := rawlog.workspace_above(base)):
        return workspace / FOLDER
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
    rawlog.refuse_address(path, DataError)
    candidates = [(base, folder) for base in bases or (Path.cwd(),) if (folder := tables_upwards(path, base))]
    if not candidates:
        where = ", ".join(str(base) for base in bases) or "here"
        raise DataError(f"There is no folder {path} {'in ' * bool(bases)}{where} or in a folder above: {_NAME_IT}")
    base, folder = next((candidate for candidate in candidates if _has_tables(candidate[1])), candidates[0])
    if not (folder / "instances.parquet").exists():
        raise DataError(f"There is no table instances in {folder}: run `aiot process` first.")
    return base, folder


_NAME_IT = "run `aiot process`, or give the folder that holds it."


def find_notebooks(path: Path | str | None = None) -> Path:
    """Return the absolute path of the folder of notebooks that `path` names, by default of those of this project.

    They are part of the installed package; in a checkout, they are in its folder `notebooks`. A relative path is looked
    up in the working folder and its parent folders; if it is in none of them, it is taken to be in the working folder.
    """
    if path is None:
        installed = PACKAGE / NOTEBOOKS
        return installed if installed.is_dir() else PACKAGE.parent / NOTEBOOKS
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
    from importlib import metadata  # slow to import

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
                entry = [status.st_size, status.st_mtime_ns, digest(path)]
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


def _check_columns(table: Any, path: Path, *columns: str) -> None:
    """Raise DataError if a table lacks one of the columns."""
    for column in columns:
        if column not in table.column_names:
            raise DataError(
                f"{path} was written by another version (no column {column!r}): run `aiot process` to rebuild it."
            )


def pictures(root: Path, datasets: str, names: Iterable[str]) -> list[str]:
    """Return a line per dataset whose pictures are present: its name and the hash of its record.

    Datasets are looked up as `aiot_analysis.display.pictures` does. The pictures themselves are not read.
    """
    lines = []
    for name in sorted(names):
        folder = None if rawlog.name_fault(name) else upwards(Path(datasets) / name, root)
        if folder is None:
            continue
        # a damaged dataset counts as absent
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError, rawlog.RawLogError):
            record = rawlog.read_bytes(folder / "dataset.json", rawlog.RECORD_LIMIT_BYTES)
            if (folder / json.loads(record)["image_folder"]).is_dir():
                lines.append(f"{name} {hashlib.sha256(record).hexdigest()}")
    return lines
