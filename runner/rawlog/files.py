"""Files that others wrote: names that stay in their folder, and reading that ends."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from .schema import RawLogError

if TYPE_CHECKING:
    from pathlib import Path

RECORD_LIMIT_BYTES = 64 * 2**20
"""Maximum size of run.json, device.json and other single records, which have a few hundred kB."""

LOG_LIMIT_BYTES = 512 * 2**20
"""Maximum size of a log; a log of 500 images has about 200 kB."""


def read_bytes(path: str | Path, limit_bytes: int = LOG_LIMIT_BYTES) -> bytes:
    """Return the content of a regular file.

    Everything that was copied from a device or received from others is read with this function, since it always ends:
    a pipe, a device like /dev/zero (or a link to one) and a file over the limit are not read. Raises RawLogError with
    the reason.
    """
    try:
        if not stat.S_ISREG(os.stat(str(path)).st_mode):  # checked first: opening a pipe waits until something writes
            raise RawLogError("%s is not a file." % path)
        with open(str(path), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit_bytes:
                text = "%s has %d bytes, more than the limit of %d: remove it, or copy it again."
                raise RawLogError(text % (path, size, limit_bytes))
            return file.read(size)
    except OSError as error:
        raise RawLogError("%s cannot be read (%s)." % (path, error.strerror))


def name_fault(name: str, subfolders: bool = False) -> str | None:
    """Return why a name cannot be that of a file in a given folder, or None if it can.

    Every name that comes from a file, a device or a user is checked with this function before it becomes a path.

    subfolders: whether the file may be in a subfolder, like a/b.jpg.
    """
    if "\0" in name:
        return "it contains a NUL character"
    if name.startswith("/"):
        return "it is an absolute path"
    if ".." in name.split("/"):
        return "it leads out of the folder"
    if not set(name) - set("./"):
        return "it names no file"
    if "/" in name and not subfolders:
        return "it contains a slash"
    return None
