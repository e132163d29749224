"""Listing the runs below the folder of raw logs, and whether they changed. No log is read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import rawlog

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
    """List the folders below `raw`; those that cannot be listed are left out with a reason."""
    result = Scan()
    for device in _folders(raw, "", "device", result):
        for entry in _folders(raw, device.name, "run", result):
            name = f"{device.name}/{entry.name}"
            files = [_entry_state(file) for file in _entries(raw, name, result) if file.name != NOT_READ]
            result.runs[name] = RunFolder(name, Path(entry.path), tuple(files))
    return result


def _folders(raw: Path, name: str, kind: str, found: Scan) -> Iterator[os.DirEntry[str]]:
    """Yield the folders in a folder; anything else is left out with a reason."""
    for entry in _entries(raw, name, found):
        path = f"{name}/{entry.name}" if name else entry.name
        if entry.name == LOCK or path == README:
            continue
        if not entry.is_dir():
            found.left_out.append((path, f"it is not the folder of a {kind}", None))
        elif entry.name.startswith("."):
            found.left_out.append((path, "it is hidden, like files that are being written or removed", None))
        else:
            yield entry


def _entries(raw: Path, name: str, found: Scan) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of a folder in order of name."""
    try:
        with os.scandir(raw / name) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        found.left_out.append((name, f"it cannot be listed ({error.strerror})", None))


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
    """Return a path as text; bytes of a name that are not UTF-8 are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def folder_of(name: str) -> str:
    """Return the device folder of a path below the raw folder, as text; it is named after the device's id."""
    return printable_path(name.partition("/")[0])


def left_out_row(raw: Path, left_out: LeftOut) -> dict[str, Any]:
    """Return the columns of the table `left_out` that describe the file itself."""
    name, reason, lines = left_out
    return {"path": printable_path(raw / name), "reason": printable_path(reason), "lines": lines}
