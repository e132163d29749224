"""The processed folder between two calls: what is in its tables, what is being read, and the change at once.

    data/processed/manifest.json    the runs in the tables, and size, time and sha256 of every file of the tables
                   .parts/          rows of runs that were read, and tables that wait to take their place

Writing the manifest is the moment of the change. Before it the tables are what they were; after it files from
.parts take their places. Who is interrupted before it goes on with the parts that are there, and who is
interrupted after it leaves the rest of the moving to the next call.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from aiot_analysis.errors import DataError
from aiot_analysis.ingest.scan import LeftOut
from aiot_analysis.tables.processed import MANIFEST, Stamp, digest

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Entry:
    """What is known of one folder of the raw logs; without `run_id` it is no run that can be read."""

    key: str  # of its files and of the code that read them
    left_out: list[LeftOut] = field(default_factory=list)
    device_id: str | None = None
    run_id: str | None = None
    device: dict[str, Any] | None = None
    origin: str | None = None  # None where run.json does not tell it
    instances: int = 0
    images: int = 0
    used: bool = True  # false for a copy of another run, whose rows are in no table

    @property
    def run(self) -> tuple[str, str] | None:
        return (self.device_id, self.run_id) if self.device_id and self.run_id else None

    @property
    def images_file(self) -> str | None:
        """Where its image records belong, below the processed folder."""
        return f"images/{self.device_id}/{self.run_id}.parquet" if self.used and self.images else None


@dataclass
class Manifest:
    """What the tables hold."""

    raw: str = ""  # the folder that was read
    runs: dict[str, Entry] = field(default_factory=dict)  # by name of the folder
    left_out: list[LeftOut] = field(default_factory=list)  # what is in no run
    files: dict[str, Stamp] = field(default_factory=dict)  # every file of the tables


class Parts:
    """The processed folder."""

    def __init__(self, processed: Path) -> None:
        self.folder = processed
        self.staged = processed / ".parts"  # what waits
        self._manifest = processed / MANIFEST

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder, if it is not there, for one process at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DataError(f"Another `aiot process` writes to {self.folder}: wait for it, or end it.") from None
            yield

    def begin(self) -> None:
        self.staged.mkdir(exist_ok=True)

    def clear(self) -> None:
        """Takes away what waits, and the folder if there is nothing else in it."""
        if self.staged.exists():
            shutil.rmtree(self.staged)
        if [path.name for path in self.folder.iterdir()] == [".lock"]:
            shutil.rmtree(self.folder)

    def images(self, key: str) -> Path:
        """Where the image records of a part wait."""
        return self.staged / f"{key}.images"

    def table(self, name: str) -> Path:
        """Where a table waits."""
        return self.staged / f"{name}.table"

    def write(self, entry: Entry, rows: Rows) -> None:
        """Keeps a part; it is there when its entry is."""
        _write(self.staged / f"{entry.key}.rows", rows)
        _write(self.staged / f"{entry.key}.entry", asdict(entry))

    def has(self, key: str) -> bool:
        """Whether there is a whole part of that key."""
        found = _read(self.staged / f"{key}.entry")
        return found is not None and (not found["images"] or self.images(key).is_file())

    def entry(self, key: str) -> Entry:
        return _entry(_read(self.staged / f"{key}.entry") or {})

    def rows(self, key: str) -> Rows:
        return _read(self.staged / f"{key}.rows") or {}

    def manifest(self) -> Manifest:
        """What the tables hold, a change that was interrupted being finished.

        Empty if there is none that this version can read, or if a table is not as it was written. A run whose images
        are not as they were written has the key of no run: it has to be read again, or to be taken out.
        """
        record = _read(self._manifest)
        if record is None:
            return Manifest()
        try:
            found = Manifest(**record)
            found.runs = {name: _entry(one) for name, one in record["runs"].items()}
            found.left_out = _tuples(record["left_out"])
            found.files = {name: list(stamp) for name, stamp in record["files"].items()}
        except (TypeError, KeyError, AttributeError, ValueError):  # another version's
            return Manifest()
        missing = self._finish(found)
        if any("/" not in name for name in missing):
            return Manifest()
        for name, entry in found.runs.items():
            if entry.images_file in missing:
                found.runs[name] = replace(entry, key="")
        return found

    def change(self, manifest: Manifest, names: list[str]) -> None:
        """Makes the tables those of the manifest: `names` wait, and so do the images of runs that were read.

        Images of other runs stay as they are.
        """
        paths = {f"{name}.parquet": self.table(name) for name in names}
        for entry in manifest.runs.values():
            if entry.images_file:
                waiting = self.images(entry.key)
                paths[entry.images_file] = waiting if waiting.exists() else self.folder / entry.images_file
        stamps = {name: _stamp(path, manifest.files.get(name, [])) for name, path in paths.items()}
        manifest.files = {name: stamp for name, stamp in stamps.items() if stamp}
        _write(self._manifest, asdict(manifest))
        self._finish(manifest)

    def _finish(self, manifest: Manifest) -> list[str]:
        """Moves what waits to its place and deletes images of other runs; gives the files that are not there."""
        waiting = {entry.images_file: self.images(entry.key) for entry in manifest.runs.values()}
        missing = []
        for name, stamp in manifest.files.items():
            source = waiting.get(name, self.table(Path(name).stem))
            target = self.folder / name
            if _facts(source) == stamp[:2]:
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
            elif _facts(target) != stamp[:2]:
                missing.append(name)
        (self.folder / "images").mkdir(exist_ok=True)
        for path in (self.folder / "images").rglob("*.parquet"):
            if path.relative_to(self.folder).as_posix() not in manifest.files:
                path.unlink()
        for folder in (self.folder / "images").glob("*/"):
            if not any(folder.iterdir()):
                folder.rmdir()
        return missing


def _entry(record: dict[str, Any]) -> Entry:
    return Entry(**{**record, "left_out": _tuples(record["left_out"])})


def _tuples(rows: list[list[Any]]) -> list[LeftOut]:
    return [(path, reason, lines) for path, reason, lines in rows]


def _facts(path: Path) -> list[int] | None:
    """Size in bytes and modification time in ns; None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _stamp(path: Path, known: Stamp) -> Stamp | None:
    """The stamp of a file, None if it is not there. A file of the size and time of a known stamp is not read again."""
    facts = _facts(path)
    if facts is None:
        return None
    return known if known[:2] == facts and len(known) > 2 else [*facts, digest(path)]


def _read(path: Path) -> dict[str, Any] | None:
    """A record, None if it is not there or not whole."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _write(path: Path, record: dict[str, Any]) -> None:
    """Whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(record), encoding="utf-8")
    temporary.replace(path)
