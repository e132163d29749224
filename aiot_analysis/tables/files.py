"""Locks, and files that are written whole or not at all. Imports nothing that is slow to import."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, busy: Exception) -> Iterator[None]:
    """Lock an existing folder, or a file that is created if necessary, for one process at a time.

    The lock of a folder leaves no file, but file systems that are shared by several machines lock only files. It ends
    with the process. Raises `busy` if another process has locked it, and OSError if it cannot be locked.
    """
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        yield
    finally:
        os.close(handle)


def unfinished(path: Path) -> Path:
    """Return the path beside a file at which it is while it is incomplete."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def whole(path: Path, temporary: Path | None = None) -> Iterator[Path]:
    """Yield a path to write a file or a folder to; it takes the place of `path` when the block ends.

    It is `temporary`, on the same file system, or by default `unfinished(path)`. If the block fails, `path` stays as it
    is, and what was written is deleted.
    """
    temporary = temporary or unfinished(path)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)
    except BaseException:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
