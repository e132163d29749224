"""Read a file to import: compute its hash and decode its text, or refuse it."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import LogError

BYTES_AT_MOST = 256 << 20
"""Maximum size of a file. A program log of the app with 60 instances and 500 images has about 30 MB."""

LINE_AT_MOST = 10_000
"""Longer lines are ignored; lines of the supported formats have a few hundred characters."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class LogSource:
    """A file as it was when it was read."""

    path: Path
    sha256: str
    modified: datetime  # UTC
    format: str = ""  # see runner.importers.formats


def read_source(path: Path) -> tuple[LogSource, str]:
    """Return a file and its text.

    The text may be UTF-8 with or without a byte order mark, or UTF-16 with one, which is what PowerShell writes for
    `adb shell ... > file`.

    Raises:
        LogError: The path is not a regular file, or the file is empty, too large or not text.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise LogError(f"{path} is not a file: name the log file itself.")
        if facts.st_size > BYTES_AT_MOST:
            raise LogError(
                f"{path} has {facts.st_size / 1e6:.0f} MB, but no log in these formats has more than "
                f"{BYTES_AT_MOST >> 20} MB: name the log file itself."
            )
        data = path.read_bytes()
    except OSError as error:
        raise LogError(f"{path} cannot be read ({error.strerror}): check the name.") from None
    if not data.strip():
        raise LogError(f"{path} is empty: copy the log again.")
    modified = datetime.fromtimestamp(facts.st_mtime, UTC)
    return LogSource(path, hashlib.sha256(data).hexdigest(), modified), _text(path, data)


def _text(path: Path, data: bytes) -> str:
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in data:
        raise LogError(f"{path} is a binary file: name the text that the tool printed or the app wrote.")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise LogError(
            f"{path} is not valid {encoding.removesuffix('-sig').upper()} text (byte {error.start}): save it as UTF-8."
        ) from None


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without line ends, leaving out lines longer than LINE_AT_MOST."""
    return [line.removesuffix("\r") for line in text.split("\n") if len(line) <= LINE_AT_MOST]


def copy_source(source: LogSource, target: Path) -> None:
    """Copy a file unchanged to `target`, with its modification time.

    Raises:
        LogError: The file has changed since it was read.
    """
    data = source.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise LogError(f"{source.path} changed while it was being read: import it again when nothing writes to it.")
    target.write_bytes(data)
    os.utime(target, ns=(int(source.modified.timestamp() * 1e9),) * 2)
