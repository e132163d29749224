"""Replacing files completely or not at all, and locks that one process holds at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path, suffix: str = ".part") -> Iterator[Path]:
    """Yield the path of a temporary file that replaces `path` when the block ends.

    The temporary file is in the same folder and has the name of `path` followed by `suffix`. If the block raises an
    exception, the temporary file is deleted and `path` is left unchanged.
    """
    path = Path(path)
    temporary = path.with_name(path.name + suffix)
    try:
        yield temporary
        os.replace(str(temporary), str(path))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def locked(path: str | Path, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock within the block, so that one process at a time runs it.

    path: a folder that exists, or a file, which is created if necessary and stays.
    wait: whether to wait until another process releases the lock; otherwise BlockingIOError is raised.
    """
    import fcntl  # not available on every system that reads logs

    flags = os.O_RDONLY if os.path.isdir(str(path)) else os.O_RDWR | os.O_CREAT
    handle = os.open(str(path), flags, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
