"""Writing of runs, devices and attempts; replacing files completely or not at all, and locks."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping

from .schema import EVENT_FIELDS, Fields, RawLogError, check

if TYPE_CHECKING:
    from collections.abc import Iterator


def partial_path(path: str | Path) -> Path:
    """Return the path, beside a file or folder, at which it is written until it is complete."""
    path = Path(path)
    return path.with_name(".%s.part" % path.name)


@contextmanager
def replacing(path: str | Path, temporary: Path | None = None) -> Iterator[Path]:
    """Yield a path to write a file or a folder to, which takes the place of `path` when the block ends.

    temporary: that path, on the same file system as `path`; by default `partial_path(path)`. Missing parent folders of
        both are created.

    If the block raises an exception, what it wrote is deleted and `path` is left unchanged.
    """
    path, temporary = Path(path), temporary or partial_path(path)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(str(temporary), str(path))
    except BaseException:
        if temporary.is_dir():
            shutil.rmtree(str(temporary), ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        raise


def replace_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def locked(path: str | Path, busy: Exception | None = None) -> Iterator[None]:
    """Hold an exclusive lock within the block, so that one process at a time runs it.

    path: a folder that exists, or a file, which is created if necessary and stays. The lock of a folder leaves no file,
        but file systems that several machines share lock only files.
    busy: exception that is raised if another process holds the lock; without it, wait until the lock is released.

    Raises OSError with the path if it cannot be locked.
    """
    import fcntl  # not available on every system that reads logs

    flags = os.O_RDONLY if os.path.isdir(str(path)) else os.O_RDWR | os.O_CREAT
    handle = os.open(str(path), flags, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if busy is not None and isinstance(error, BlockingIOError):
                raise busy from None
            raise OSError(error.errno, error.strerror, str(path)) from None
        yield
    finally:
        os.close(handle)


def utc_now() -> str:
    """Return the current time as ISO 8601 in UTC with seconds, such as 2026-11-22T18:40:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_json(path: str | Path, record: Mapping[str, Any], fields: Fields) -> None:
    """Validate a record and write it as JSON, completely or not at all."""
    check(record, fields, str(path))
    replace_text(path, json.dumps(record, indent=1, sort_keys=True) + "\n")


class AttemptWriter(object):
    """Writer that appends events to the file of a new attempt and flushes each to the operating system."""

    def __init__(self, path: str | Path) -> None:
        try:
            self._file = open(str(path), "x", encoding="utf-8")
        except FileExistsError:
            raise RawLogError("%s already exists: an attempt is never overwritten." % path)

    def write(self, event: str, **fields: Any) -> None:
        """Append an event with its fields as one line."""
        fields["event"] = event
        self._file.write(json.dumps(fields, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> AttemptWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def close_attempt(path: str | Path, event: str, **fields: Any) -> None:
    """Append the final event to an attempt whose agent stopped without writing one; keep a half-written last line."""
    path = Path(path)
    fields["event"] = event
    check(fields, EVENT_FIELDS[event], str(path))
    if path.exists() and not path.is_file():  # opening a pipe would never end
        raise RawLogError("%s is not a file." % path)
    with open(str(path), "ab+") as file:
        is_cut = False
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            is_cut = file.read(1) != b"\n"
        line = json.dumps(fields, separators=(",", ":")) + "\n"
        file.write((("\n" if is_cut else "") + line).encode())
