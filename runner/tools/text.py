"""Lines, numbers and endings of what a command-line tool printed, whoever made it."""

from __future__ import annotations

import math
import re
import signal
from collections import Counter

TEXT_AT_MOST = 4 << 20
"""So many characters of an output are read, half of them from its beginning and half from its end."""

LINE_AT_MOST = 10_000
"""Longer lines are not read."""

SHOWN_AT_MOST = 200
"""So many characters of a line are repeated in a sentence."""

SHAPES_AT_MOST = 5
"""So many prefixes of one output are told apart."""

NUMBER = r"[-+]?(?:nan|inf|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
"""A number as C++ streams print it: 14462.3, 1.23457e+06, and also nan and inf."""

_SEVERITY = re.compile(r"(?:(INFO|WARN|WARNING|ERROR|FATAL|VERBOSE): )?(?:\[[^\]\s]+:\d+\] ?)?")
_SEVERITY_AT_END = re.compile(r"\b(?:INFO|WARN|WARNING|ERROR|FATAL|VERBOSE): (?:\[[^\]\s]+:\d+\] ?)?$")
_GLOG = re.compile(r"([IWEF])\d{4,8} [\d:.]+ +\d+ [^\]\s]+:\d+\] ?")
_LETTERS = {"V": "VERBOSE", "D": "VERBOSE", "I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL", "A": "FATAL"}

_OUR_TAGS = "tflite|TfLite|TFLite|litert|LiteRt|tensorflow|benchmark|native|caffe2|pytorch"
"""In tags of Android's log whose severity is one of the tools: other processes have errors of their own."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DATE = r"(?:\d{4}-)?\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[-+]\d\d:?\d\d)?"
_WHEN = rf"(?:{_DATE}|\d\d:\d\d:\d\d(?:[.,]\d+)?|\d+\.\d{{3,}})"  # a date, a time of the day, or seconds
_LETTER, _TAG = r"(?P<letter>[VDIWEFA])", r"(?P<tag>[^\s:()\[\]/]{1,100}?)"
_PREFIXES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:[>|\u2502]\s?)+",  # quotation
        rf"{_WHEN}\s+(?:\S+\s+)?\d+\s+\d+\s+{_LETTER}\s+{_TAG}\s*: ?",  # logcat -v threadtime, with uid
        rf"{_WHEN}\s+\d+-\d+/\S+\s+{_LETTER}/{_TAG}\s*: ?",  # Android Studio before 2022
        rf"{_WHEN}\s+\d+-\d+\s+{_TAG}\s+\S+\s+{_LETTER}(?:\s{{1,2}}|$)",  # Android Studio since
        rf"(?:{_WHEN}\s+)?{_LETTER}/{_TAG}\s*\(\s*\d+(?::\s*\d+)?\)\s*: ?",  # brief, time
        rf"(?:{_WHEN}\s+)?{_LETTER}/{_TAG}\s*: ?",  # tag
        rf"{_LETTER}\(\s*\d+(?::\s*\d+)?\) ",  # thread, process
        rf"(?:{_WHEN}\s+)?{_LETTER}\s+(?P<tag>\w{{0,40}}(?:{_OUR_TAGS})\w{{0,40}})\s*: ?",  # cut from a threadtime
        rf"{_WHEN}\s+{_LETTER}(?:\s{{1,2}}|$)",  # Android Studio, compact
        rf"\[ {_DATE}\s+\d+:\s*\d+ {_LETTER}/{_TAG}\s*\]",  # long: a line of its own before the message
        rf"{_DATE}\s+\S+\[\d+:\d+\] ",  # macOS, iOS
        r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+?(?:\[\d+\])?: ",  # syslog
        rf"[\[(]?(?:{_DATE}|\d\d:\d\d:\d\d(?:[.,]\d+)?)[\])]?(?:\s*[|:-])?\s+",  # a time alone
    )
)
"""What other logs put before a line, and what people put before it who quote it."""

_SUFFIX = re.compile(r"(?<=\s)\((?:tflite|litert)\s{0,20}\)$")  # logcat -v process
_PREFIXES_AT_MOST = 6

_OURS = re.compile(_OUR_TAGS, re.IGNORECASE)

_OPENINGS = re.compile(
    r"STARTING!|Num threads ?: \[|(?:Min n|N)um runs ?: \[|Graph ?: \[|Use [\w ]{2,20} ?: \["
    r"|External delegate path ?: \[|Loaded model \S|Initialized session in \d|Running benchmark for "
    r"|(?<!seconds\): )(?<!bytes\): )count=\d+ (?:first|curr)=|(?<!Average )Inference timings in us: "
    r"|Average inference timings in us: |Memory footprint delta from"
    r"|Peak memory footprint \(MB\)|Overall peak memory footprint|The input model file size|Replacing \d+ "
    r"|Explicitly applied \S+ delegate|Though \S+ delegate|\w+ delegate created\.|Created TensorFlow Lite |={5,} \w"
    r"|Model initialization: |Warmup \((?:first|avg)\): |Inference \(\w+\): |Init footprint: |Overall footprint: "
    r"|Starting benchmark\.|Running warmup runs|Main runs?[. ]|PyTorchObserver \{|Caffe2Observer \{"
    r"|Num evaluation runs: |Top-\d+ Accuracy: |Evaluated: \d|\[node type\]",
)
"""How messages of the tools begin. What is before one of them is a prefix, whatever it looks like."""

_SIGNALS = {number.value: number.name for number in signal.Signals}


def lines(*texts: str) -> list[tuple[str, str]]:
    """Return the lines of some outputs, one after the other, as (severity, text).

    The severity is that of TFLite's own log (`INFO: `), optional since builds of 2020 have none, of LiteRT's
    (`INFO: [file:line] `), of glog (`I0102 03:04:05.6 7 file.cc:8] `) or of Android's log (`I tflite  : `), as INFO,
    WARN, ERROR, FATAL or VERBOSE; it is "" where none is printed. What a log, an editor or a person put before a line
    is taken off: see `_PREFIXES`. Of other prefixes, two lines with a known message tell what they look like.
    """
    found: list[tuple[str, str]] = []
    pending = ""  # of a message whose severity is on the line before it
    for text in texts:
        for line in bounded(text).splitlines():
            if len(line) <= LINE_AT_MOST:
                severity, message, pending = *_split(line, pending), ""
                if not message and severity:
                    pending = severity
                found.append((severity, message))
    return _without_unknown_prefixes(found)


def bounded(text: str) -> str:
    """A text of at most TEXT_AT_MOST characters; what is too long lacks its middle, and a line says so."""
    if len(text) <= TEXT_AT_MOST:
        return text
    half = TEXT_AT_MOST // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def _split(line: str, severity: str = "") -> tuple[str, str]:
    """Return severity and message of a line; `severity` stands where the line has none."""
    text = _SUFFIX.sub("", _ESCAPES.sub("", line).strip()).rstrip()
    for _ in range(_PREFIXES_AT_MOST):
        match = next(filter(None, (pattern.match(text) for pattern in _PREFIXES)), None)
        if match is None:
            break
        named = match.groupdict()
        if (letter := named.get("letter")) and _OURS.search(named.get("tag") or "tflite"):
            severity = _LETTERS[letter]
        text = text[match.end() :].lstrip()
    return _own_severity(text, severity)


def _own_severity(text: str, severity: str) -> tuple[str, str]:
    """Take off the severity that a tool prints itself, which goes before that of another log."""
    if (match := _GLOG.match(text)) is not None:
        return _LETTERS[match[1]], text[match.end() :].lstrip()
    while (match := _SEVERITY.match(text)) is not None and match.end():
        severity = (match[1] or severity).replace("WARNING", "WARN")
        text = text[match.end() :].lstrip()
    return severity, text


def _without_unknown_prefixes(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Take off what comes before messages that are known, and the same from the lines between them."""
    begins = [_begin(text) for _, text in found]
    shapes = Counter(_shape(text[:begin]) for (_, text), begin in zip(found, begins, strict=True) if begin)
    common = [re.compile(shape) for shape, times in shapes.most_common(SHAPES_AT_MOST) if times > 1]
    cleaned = []
    for (severity, text), begin in zip(found, begins, strict=True):
        if begin is None and (match := next(filter(None, (shape.match(text) for shape in common)), None)):
            begin = match.end()
        cleaned.append(_own_severity(text[begin:].lstrip(), severity) if begin else (severity, text))
    return cleaned


def _begin(text: str) -> int | None:
    """Return where a known message begins, with its severity; None if there is none, or too late in a line."""
    match = _OPENINGS.search(text, 0, SHOWN_AT_MOST)
    if match is None:
        return None
    before = _SEVERITY_AT_END.search(text, 0, match.start())
    return before.start() if before else match.start()


def _shape(prefix: str) -> str:
    """Return a pattern of prefixes that differ in numbers and spaces only."""
    return re.sub(r"\d+", r"\\d+", re.sub(r"(?:\\?\s)+", r"\\s*", re.escape(prefix)))


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
