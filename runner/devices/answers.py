"""Parsing of what devices print, which is limited in size, divided into sections and never trusted.

A script for a device begins with PREAMBLE and calls `section NAME` before the output that belongs to the section, so
that one shell call returns many answers. The last line is `section end`: an answer without it was cut short.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

ANSWER_LIMIT_BYTES = 256 * 1024
"""Maximum number of bytes read of one answer; the scripts print only a few KiB."""

VALUE_LIMIT = 200
"""Maximum number of characters kept of one value. Android allows 91 in a property that can be set."""

PREAMBLE = """\
exec 2>/dev/null
export LC_ALL=C
section() { echo "
@aiot-section $1"; }
"""
"""First lines of every script.

Errors are discarded: a shell without a separate error stream would mix them into the answer. In the C locale, grep does
not skip lines that are not UTF-8. The marker starts on a new line even after a file that does not end with a newline.
"""

_SECTION = re.compile(r"@aiot-section ([a-z_]{1,30})")


def sections(answer: str | bytes) -> dict[str, str]:
    """Return the text printed in each section.

    If a name occurs twice, the first section counts. `end` is present only if the answer is complete.
    """
    text = answer[:ANSWER_LIMIT_BYTES]
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    lines_of: dict[str, list[str]] = {}
    lines: list[str] = []  # text before the first section, such as a shell's greeting, is dropped
    for line in text.replace("\r\n", "\n").split("\n"):  # a terminal on the way to the device ends lines in \r\n
        if marker := _SECTION.fullmatch(line):
            lines = []
            lines_of.setdefault(marker[1], lines)
        else:
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in lines_of.items()}


def cleaned(value: str | None) -> str | None:
    """Return a value on one line, of printable characters and at most VALUE_LIMIT long; None if nothing remains.

    Characters that a terminal would act on (escape sequences, marks of writing direction) are not printable.
    """
    text = "".join(character if character.isprintable() else " " for character in (value or "")[: 4 * VALUE_LIMIT])
    return " ".join(text.split())[:VALUE_LIMIT].strip() or None


def number(text: str | None, lowest: float, highest: float) -> float | None:
    """Return the number in a text if it is within the limits, else None."""
    try:
        value = float((text or "")[:30])
    except ValueError:
        return None
    return value if math.isfinite(value) and lowest <= value <= highest else None


def first(pattern: re.Pattern[str], text: str | None) -> str | None:
    """Return the first group of the first match, or None."""
    match = pattern.search(text or "")
    return match[1] if match else None


def from_json(text: str) -> Any:
    """Return the value of a JSON text, or None if it is not valid JSON or nested too deeply to parse."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
