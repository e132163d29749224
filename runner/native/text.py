"""Lines, numbers and endings of what a command-line tool printed, whoever made it."""

from __future__ import annotations

import math
import re
import signal

TEXT_AT_MOST = 4 << 20
"""So many characters of an output are read, half of them from its beginning and half from its end."""

LINE_AT_MOST = 10_000
"""Longer lines are not read."""

SHOWN_AT_MOST = 200
"""So many characters of a line are repeated in a sentence."""

NUMBER = r"[-+]?(?:nan|inf|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
"""A number as C++ streams print it: 14462.3, 1.23457e+06, and also nan and inf."""

_SEVERITY = re.compile(r"(?:(INFO|WARN|WARNING|ERROR|FATAL|VERBOSE): )?(?:\[[^\]\s]+:\d+\] )?")
_GLOG = re.compile(r"([IWEF])\d{4,8} [\d:.]+ +\d+ [^\]\s]+:\d+\] ")
_SIGNALS = {number.value: number.name for number in signal.Signals}


def lines(*texts: str) -> list[tuple[str, str]]:
    """The lines of some outputs, one after the other, as (severity, text); the severity is "" where none is printed.

    The severity is that of TFLite's own log (`INFO: `), optional since builds of 2020 have none, of LiteRT's
    (`INFO: [file:line] `) or of glog (`I0102 03:04:05.6 7 file.cc:8] `), as INFO, WARN, ERROR, FATAL or VERBOSE.
    """
    found = []
    for text in texts:
        for line in bounded(text).splitlines():
            if len(line) <= LINE_AT_MOST:
                found.append(_split(line.rstrip(" \r")))
    return found


def bounded(text: str) -> str:
    """A text of at most TEXT_AT_MOST characters; what is too long lacks its middle, and a line says so."""
    if len(text) <= TEXT_AT_MOST:
        return text
    half = TEXT_AT_MOST // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def _split(line: str) -> tuple[str, str]:
    if (match := _GLOG.match(line)) is not None:
        severity = {"I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL"}[match[1]]
    else:
        match = _SEVERITY.match(line)
        assert match is not None  # all of it is optional
        severity = (match[1] or "").replace("WARNING", "WARN")
    return severity, line[match.end() :]


def number(text: str | None) -> float | None:
    """The number of a text, None if it is none or not finite: a tool prints nan where it measured nothing."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def milliseconds(microseconds: str | None) -> float | None:
    """As `number`, of microseconds; None also for a negative time."""
    value = number(microseconds)
    return None if value is None or value < 0 else value / 1000


def whole(text: str | None) -> int | None:
    """The whole number of digits, None if it is none or has more than 18 digits."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 18 else None


def shown(text: str) -> str:
    """A text of a tool as it may stand in a sentence: printable, and not long."""
    plain = "".join(one if one.isprintable() else "�" for one in text.strip())
    return plain if len(plain) <= SHOWN_AT_MOST else plain[: SHOWN_AT_MOST - 1] + "…"


def complaint(found: list[tuple[str, str]]) -> str:
    """What a tool says is wrong: its errors, or else its last line; "" if it printed nothing."""
    errors = [text for severity, text in found if severity in ("ERROR", "FATAL") and text.strip()]
    last = [text for _, text in found if text.strip()][-1:]
    return "; ".join(shown(text).rstrip(".") for text in dict.fromkeys([*errors[:3]] or last))


def ending(exit_code: int) -> str:
    """How a process ended in words, by its exit code as a shell gives it, or the negative of Python's subprocess."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number in _SIGNALS:
        killed = ", as the system does when memory runs out" if number == signal.SIGKILL else ""
        return f"it was ended by {_SIGNALS[number]}{killed}"
    if exit_code == 127:
        return "it was not found (exit code 127)"
    if exit_code == 126:
        return "it cannot be executed (exit code 126)"
    return f"it ended with exit code {exit_code}"


def failure(measured: bool, found: list[tuple[str, str]], exit_code: int, tool: str, what: str) -> str | None:
    """Why a tool's numbers cannot be used, one sentence without its full stop; None if they can.

    measured: whether it printed `what`, like "time", in a form that was understood
    """
    if exit_code == 0 and measured:
        return None
    said = complaint(found)
    if exit_code != 0:
        return f"{tool}: {ending(exit_code)}, saying {repr(said) if said else 'nothing'}"
    if not said:
        return f"{tool} printed nothing"
    return f"{tool} printed no {what} that can be understood; what it says is {said!r}"
