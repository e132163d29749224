"""How what a device prints is read: bounded, in sections, and never trusted.

A script that runs on a device begins with PREAMBLE and says `section NAME` before what belongs to it, so that one
call of the shell gives many answers. Its last line is `section end`: an answer without it was cut short.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

ANSWER_LIMIT_BYTES = 256 * 1024
"""More than this of one answer is not read: what the scripts ask for is some KiB."""

VALUE_LIMIT = 200
"""Characters of one value that are kept. Android itself allows 91 in a property that can be set."""

PREAMBLE = """\
exec 2>/dev/null
export LC_ALL=C
section() { echo "
@aiot-section $1"; }
"""
"""Errors go nowhere: a shell without a stream of its own for them would mix them into the answer. In the locale C, grep
does not leave out lines that are not UTF-8. A mark begins a line even after a file whose last line has no end."""

_SECTION = re.compile(r"@aiot-section ([a-z_]{1,30})")


def sections(answer: str | bytes) -> dict[str, str]:
    """What was printed in each section. Of two with one name it is the first; `end` is there if all was said."""
    text = answer[:ANSWER_LIMIT_BYTES]
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    found: dict[str, list[str]] = {}
    lines: list[str] = []  # before the first section: a shell's greeting, which nobody reads
    for line in text.replace("\r\n", "\n").split("\n"):  # a terminal between us and the device ends lines in \r\n
        if marker := _SECTION.fullmatch(line):
            lines = []
            found.setdefault(marker[1], lines)
        else:
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def cleaned(value: str | None) -> str | None:
    """A value on one line and within VALUE_LIMIT, of printable characters; None if nothing is left of it.

    What a terminal would act on (escape sequences, marks of writing direction) is no printable character.
    """
    shown = "".join(one if one.isprintable() else " " for one in (value or "")[: 4 * VALUE_LIMIT])
    return " ".join(shown.split())[:VALUE_LIMIT].strip() or None


def number(text: str | None, lowest: float, highest: float) -> float | None:
    """A number within limits; None for anything else that a device may say."""
    try:
        value = float((text or "")[:30])
    except ValueError:
        return None
    return value if math.isfinite(value) and lowest <= value <= highest else None


def first(pattern: re.Pattern[str], text: str | None) -> str | None:
    """The first group of the first match."""
    found = pattern.search(text or "")
    return found[1] if found else None


def from_json(text: str) -> Any:
    """What a text says in JSON; None if it is no JSON, or nested deeper than can be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
