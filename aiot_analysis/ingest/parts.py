"""Folders of raw logs, and the processed folder between two calls with its atomic update."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import DataError
from aiot_analysis.tables.workspace import MANIFEST, Stamp, digest
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

NOT_READ = "native"  # output of the frameworks, kept for human readers
LOCK = ".lock"  # lock file of a process that writes there
README = "README.md"  # describes the folder of raw logs in a fresh clone
LeftOut = tuple[str, str, int | None]  # path below the raw folder, reason, lines (None if not a log)

TABLES = Path(__file__).parents[1] / "tables"
CODE = [
    *sorted(Path(__file__).parent.glob("*.py")),
    *sorted(TABLES.glob("*.py")),
    TABLES / "paper" / "devices.csv",
    *sorted(Path(rawlog.__file__).parent.glob("*.py")),
]
"""Files that the tables depend on besides the raw logs."""


@dataclass(frozen=True)
class RunFolder:
    """A folder that may be a run."""

    name: str  # <folder of the device>/<folder of the run>
    folder: Path
    files: tuple[tuple[str, int, int], ...]  # name, size in bytes (-1 if not a file), modification time in ns

    @property
    def size(self) -> int:
        """Return the total size of its files in bytes."""
        return sum(size for _, size, _ in self.files if size > 0)

    def key(self, code: str) -> str:
        """Return a hash that changes with the files and with the code that reads them."""
        return hashlib.sha256(json.dumps([code, self.name, self.files]).encode()).hexdigest()[:20]


@dataclass
class Scan:
    """Runs in order of name, and whatever is not a run."""

    runs: dict[str, RunFolder] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


def scan_runs(raw: Path) -> Scan:
    """List the folders below `raw`; those that cannot be listed are excluded with a reason."""
    result = Scan()
    for device in _folders(raw, "", "device", result):
        for entry in _folders(raw, device.name, "run", result):
            name = f"{device.name}/{entry.name}"
            files = [_entry_state(file) for file in _entries(raw, name, result) if file.name != NOT_READ]
            result.runs[name] = RunFolder(name, Path(entry.path), tuple(files))
    return result


def _folders(raw: Path, name: str, kind: str, scan: Scan) -> Iterator[os.DirEntry[str]]:
    """Yield the folders in a folder; anything else is excluded with a reason."""
    for entry in _entries(raw, name, scan):
        path = f"{name}/{entry.name}" if name else entry.name
        if entry.name == LOCK or path == README:
            continue
        if not entry.is_dir():
            scan.left_out.append((path, f"it is not the folder of a {kind}", None))
        elif entry.name.startswith("."):
            scan.left_out.append((path, "it is hidden, like files that are being written or removed", None))
        else:
            yield entry


def _entries(raw: Path, name: str, scan: Scan) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of a folder in order of name."""
    try:
        with os.scandir(raw / name) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        scan.left_out.append((name, f"it cannot be listed ({error.strerror})", None))


def _entry_state(file: os.DirEntry[str]) -> tuple[str, int, int]:
    """Return name, size and modification time of a file."""
    try:
        status = file.stat()
    except OSError:  # a dangling link
        return file.name, -1, 0
    return file.name, status.st_size if file.is_file() else -1, status.st_mtime_ns


def code_hash() -> str:
    """Return a hash of the code that the tables depend on."""
    digest = hashlib.sha256()
    for path in CODE:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def printable_path(path: Path | str) -> str:
    """Return a path as text.

    Bytes of a name that are not UTF-8, and characters that a terminal would interpret, are written as escapes.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def folder_of(name: str) -> str:
    """Return the device folder of a path below the raw folder, as text; it is named after the device's id."""
    return printable_path(name.partition("/")[0])


def left_out_row(raw: Path, left_out: LeftOut) -> dict[str, Any]:
    """Return the columns of the table `left_out` that describe the file itself."""
    name, reason, lines = left_out
    return {"path": printable_path(raw / name), "reason": printable_path(reason), "lines": lines}


Rows = dict[str, list[dict[str, Any]]]


@dataclass
class PartEntry:
    """Facts about one folder of the raw logs; without `run_id` it is not a readable run."""

    key: str  # hash of its files and of the code that read them
    left_out: list[LeftOut] = field(default_factory=list)
    device_id: str | None = None
    run_id: str | None = None
    device: dict[str, Any] | None = None
    origin: str | None = None  # None if run.json does not state it
    instances: int = 0
    images: int = 0
    used: bool = True  # false for a copy of another run; its rows are in no table

    @property
    def run(self) -> tuple[str, str] | None:
        """Return the device and run id, or None if it is not a readable run."""
        return (self.device_id, self.run_id) if self.device_id and self.run_id else None

    @property
    def images_file(self) -> str | None:
        """Return the path of its image records, relative to the processed folder; None if it has none."""
        return f"images/{self.device_id}/{self.run_id}.parquet" if self.used and self.images else None


@dataclass
class PartManifest:
    """Contents of the tables."""

    raw: str = ""  # the folder that was read
    runs: dict[str, PartEntry] = field(default_factory=dict)  # by folder name
    left_out: list[LeftOut] = field(default_factory=list)  # files that belong to no run
    files: dict[str, Stamp] = field(default_factory=dict)  # all files of the tables


class Parts:
    """The processed folder."""

    def __init__(self, processed: Path) -> None:
        self.folder = processed
        self.staged = processed / ".parts"  # files that wait to be moved into place
        self._manifest = processed / MANIFEST

    def locked(self) -> AbstractContextManager[None]:
        """Create the folder if necessary, and lock it for one process at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        busy = DataError(f"Another `aiot process` is writing to {self.folder}: wait for it to finish, or stop it.")
        return rawlog.locked(self.folder / LOCK, busy)

    def begin(self) -> None:
        """Create the folder of waiting files."""
        self.staged.mkdir(exist_ok=True)

    def clear(self) -> None:
        """Delete the waiting files, and the processed folder if it holds nothing else."""
        if self.staged.exists():
            shutil.rmtree(self.staged)
        if [path.name for path in self.folder.iterdir()] == [LOCK]:
            shutil.rmtree(self.folder)

    def images(self, key: str) -> Path:
        """Return the path at which the image records of a part wait."""
        return self.staged / f"{key}.images"

    def table(self, name: str) -> Path:
        """Return the path at which a table waits."""
        return self.staged / f"{name}.table"

    def write(self, entry: PartEntry, rows: Rows) -> None:
        """Save a part, with its entry last: a part exists once its entry does."""
        rawlog.replace_text(self.staged / f"{entry.key}.rows", json.dumps(rows))
        rawlog.replace_text(self.staged / f"{entry.key}.entry", json.dumps(asdict(entry)))

    def has(self, key: str) -> bool:
        """Return whether there is a complete part with that key."""
        record = _read(self.staged / f"{key}.entry")
        return record is not None and (not record["images"] or self.images(key).is_file())

    def entry(self, key: str) -> PartEntry:
        """Return the entry of a part."""
        return _entry(_read(self.staged / f"{key}.entry") or {})

    def rows(self, key: str) -> Rows:
        """Return the rows of a part, by table."""
        return _read(self.staged / f"{key}.rows") or {}

    def manifest(self) -> PartManifest:
        """Return the contents of the tables, after finishing an interrupted update.

        The manifest is empty if there is none that this version can read, or if a table differs from what was written.
        A run whose images differ from what was written gets a key that matches no run: it must be read again or
        removed.
        """
        record = _read(self._manifest)
        if record is None:
            return PartManifest()
        try:
            result = PartManifest(**record)
            result.runs = {name: _entry(entry_record) for name, entry_record in record["runs"].items()}
            result.left_out = _tuples(record["left_out"])
            result.files = {name: list(stamp) for name, stamp in record["files"].items()}
        except (TypeError, KeyError, AttributeError, ValueError):  # written by another version
            return PartManifest()
        missing = self._finish(result)
        if any("/" not in name for name in missing):
            return PartManifest()
        for name, entry in result.runs.items():
            if entry.images_file in missing:
                result.runs[name] = replace(entry, key="")
        return result

    def change(self, manifest: PartManifest, names: list[str]) -> None:
        """Update the tables to match the manifest: the tables in `names` and the images of newly read runs are waiting.

        Images of other runs stay as they are.
        """
        paths = {f"{name}.parquet": self.table(name) for name in names}
        for entry in manifest.runs.values():
            if entry.images_file:
                waiting = self.images(entry.key)
                paths[entry.images_file] = waiting if waiting.exists() else self.folder / entry.images_file
        stamps = {name: _stamp(path, manifest.files.get(name, [])) for name, path in paths.items()}
        manifest.files = {name: stamp for name, stamp in stamps.items() if stamp}
        rawlog.replace_text(self._manifest, json.dumps(asdict(manifest)))
        self._finish(manifest)

    def _finish(self, manifest: PartManifest) -> list[str]:
        """Move waiting files into place and delete images of other runs; return the files that are missing."""
        waiting = {entry.images_file: self.images(entry.key) for entry in manifest.runs.values()}
        missing = []
        for name, stamp in manifest.files.items():
            source = waiting.get(name, self.table(Path(name).stem))
            target = self.folder / name
            if _file_state(source) == stamp[:2]:
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
            elif _file_state(target) != stamp[:2]:
                missing.append(name)
        (self.folder / "images").mkdir(exist_ok=True)
        for path in (self.folder / "images").rglob("*.parquet"):
            if path.relative_to(self.folder).as_posix() not in manifest.files:
                path.unlink()
        for folder in (self.folder / "images").glob("*/"):
            if not any(folder.iterdir()):
                folder.rmdir()
        return missing


def _entry(record: dict[str, Any]) -> PartEntry:
    """Return the entry that a JSON record holds."""
    return PartEntry(**{**record, "left_out": _tuples(record["left_out"])})


def _tuples(rows: list[list[Any]]) -> list[LeftOut]:
    """Return rows from JSON as tuples."""
    return [(path, reason, lines) for path, reason, lines in rows]


def _file_state(path: Path) -> list[int] | None:
    """Return the size in bytes and the modification time in ns of a file, or None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _stamp(path: Path, previous: Stamp) -> Stamp | None:
    """Return the stamp of a file, None if it does not exist. A file that matches the known stamp is not read again."""
    facts = _file_state(path)
    if facts is None:
        return None
    return previous if previous[:2] == facts and len(previous) > 2 else [*facts, digest(path)]


def _read(path: Path) -> dict[str, Any] | None:
    """Return a JSON record, or None if it does not exist or is not complete."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
