"""Lines, numbers and exit states in the output of command-line tools, however it was recorded."""

from __future__ import annotations

import math
import re
import signal
from collections import Counter

TEXT_AT_MOST = 4 << 20
"""Maximum number of characters read of an output, half from its start and half from its end."""

LINE_AT_MOST = 10_000
"""Maximum length of a line; longer lines are ignored."""

SHOWN_AT_MOST = 200
"""Maximum number of characters of a line quoted in a sentence."""

SHAPES_AT_MOST = 5
"""Maximum number of different prefixes recognized in one output."""

NUMBER = r"[-+]?(?:nan|inf|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
"""A number as printed by C++ streams: 14462.3, 1.23457e+06, and also nan and inf."""

_SEVERITY = re.compile(r"(?:(INFO|WARN|WARNING|ERROR|FATAL|VERBOSE): )?(?:\[[^\]\s]+:\d+\] ?)?")
_SEVERITY_AT_END = re.compile(r"\b(?:INFO|WARN|WARNING|ERROR|FATAL|VERBOSE): (?:\[[^\]\s]+:\d+\] ?)?$")
_GLOG = re.compile(r"([IWEF])\d{4,8} [\d:.]+ +\d+ [^\]\s]+:\d+\] ?")
_LETTERS = {"V": "VERBOSE", "D": "VERBOSE", "I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL", "A": "FATAL"}

_OUR_TAGS = "tflite|TfLite|TFLite|litert|LiteRt|tensorflow|benchmark|native|caffe2|pytorch"
"""Parts of tags in Android's log whose severity is the tool's: other processes have errors of their own."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DATE = r"(?:\d{4}-)?\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[-+]\d\d:?\d\d)?"
_WHEN = rf"(?:{_DATE}|\d\d:\d\d:\d\d(?:[.,]\d+)?|\d+\.\d{{3,}})"  # a date, a time of day, or seconds
_LETTER, _TAG = r"(?P<letter>[VDIWEFA])", r"(?P<tag>[^\s:()\[\]/]{1,100}?)"
_PREFIXES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:[>|\u2502]\s?)+",  # quotation prefix
        rf"{_WHEN}\s+(?:\S+\s+)?\d+\s+\d+\s+{_LETTER}\s+{_TAG}\s*: ?",  # logcat -v threadtime, with uid
        rf"{_WHEN}\s+\d+-\d+/\S+\s+{_LETTER}/{_TAG}\s*: ?",  # Android Studio before 2022
        rf"{_WHEN}\s+\d+-\d+\s+{_TAG}\s+\S+\s+{_LETTER}(?:\s{{1,2}}|$)",  # Android Studio since 2022
        rf"(?:{_WHEN}\s+)?{_LETTER}/{_TAG}\s*\(\s*\d+(?::\s*\d+)?\)\s*: ?",  # brief, time
        rf"(?:{_WHEN}\s+)?{_LETTER}/{_TAG}\s*: ?",  # tag
        rf"{_LETTER}\(\s*\d+(?::\s*\d+)?\) ",  # thread, process
        # fragment of a threadtime line
        rf"(?:{_WHEN}\s+)?{_LETTER}\s+(?P<tag>\w{{0,40}}(?:{_OUR_TAGS})\w{{0,40}})\s*: ?",
        rf"{_WHEN}\s+{_LETTER}(?:\s{{1,2}}|$)",  # Android Studio, compact
        rf"\[ {_DATE}\s+\d+:\s*\d+ {_LETTER}/{_TAG}\s*\]",  # long: a separate line before the message
        rf"{_DATE}\s+\S+\[\d+:\d+\] ",  # macOS, iOS
        r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+?(?:\[\d+\])?: ",  # syslog
        rf"[\[(]?(?:{_DATE}|\d\d:\d\d:\d\d(?:[.,]\d+)?)[\])]?(?:\s*[|:-])?\s+",  # only a time
    )
)
"""Prefixes added to a line by other logs, or by people who quote it."""

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
"""Starts of known messages of the tools. Anything before one of them is a prefix, whatever it looks like."""

_SIGNALS = {number.value: number.name for number in signal.Signals}


def split_lines(*texts: str) -> list[tuple[str, str]]:
    """Return the lines of the outputs, one after the other, as (severity, text).

    The severity is that of TFLite's own log (`INFO: `), optional since builds of 2020 have none, of LiteRT's
    (`INFO: [file:line] `), of glog (`I0102 03:04:05.6 7 file.cc:8] `) or of Android's log (`I tflite  : `), given as
    INFO, WARN, ERROR, FATAL or VERBOSE; it is "" if none is printed. Prefixes added by a log, an editor or a person are
    removed: see `_PREFIXES`. Other prefixes are recognized if at least two lines with a known message have them.
    """
    result: list[tuple[str, str]] = []
    pending = ""  # severity of a message if it is on the line before
    for text in texts:
        for line in limit_length(text).splitlines():
            if len(line) <= LINE_AT_MOST:
                severity, message, pending = *_split(line, pending), ""
                if not message and severity:
                    pending = severity
                result.append((severity, message))
    return _without_unknown_prefixes(result)


def limit_length(text: str) -> str:
    """Return a text of at most TEXT_AT_MOST characters; a longer one lacks its middle, and a line says so."""
    if len(text) <= TEXT_AT_MOST:
        return text
    half = TEXT_AT_MOST // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters omitted]\n{text[-half:]}"


def _split(line: str, severity: str = "") -> tuple[str, str]:
    """Return severity and message of a line; `severity` is the default if the line has none."""
    text = _SUFFIX.sub("", _ESCAPES.sub("", line).strip()).rstrip()
    for _ in range(_PREFIXES_AT_MOST):
        match = next(filter(None, (pattern.match(text) for pattern in _PREFIXES)), None)
        if match is None:
            break
        groups = match.groupdict()
        if (letter := groups.get("letter")) and _OURS.search(groups.get("tag") or "tflite"):
            severity = _LETTERS[letter]
        text = text[match.end() :].lstrip()
    return _own_severity(text, severity)


def _own_severity(text: str, severity: str) -> tuple[str, str]:
    """Remove the severity printed by the tool itself, which takes precedence over that of another log."""
    if (match := _GLOG.match(text)) is not None:
        return _LETTERS[match[1]], text[match.end() :].lstrip()
    while (match := _SEVERITY.match(text)) is not None and match.end():
        severity = (match[1] or severity).replace("WARNING", "WARN")
        text = text[match.end() :].lstrip()
    return severity, text


def _without_unknown_prefixes(output_lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Remove what precedes known messages, and equal prefixes from the other lines."""
    starts = [_begin(text) for _, text in output_lines]
    shapes = Counter(_shape(text[:start]) for (_, text), start in zip(output_lines, starts, strict=True) if start)
    common = [re.compile(shape) for shape, times in shapes.most_common(SHAPES_AT_MOST) if times > 1]
    cleaned = []
    for (severity, text), start in zip(output_lines, starts, strict=True):
        match = next(filter(None, (shape.match(text) for shape in common)), None) if start is None else None
        prefix_end = match.end() if match else start
        cleaned.append(_own_severity(text[prefix_end:].lstrip(), severity) if prefix_end else (severity, text))
    return cleaned


def _begin(text: str) -> int | None:
    """Return the start of a known message, severity included; None if there is none or it starts too late in a line."""
    match = _OPENINGS.search(text, 0, SHOWN_AT_MOST)
    if match is None:
        return None
    severity_match = _SEVERITY_AT_END.search(text, 0, match.start())
    return severity_match.start() if severity_match else match.start()


def _shape(prefix: str) -> str:
    """Return a pattern for prefixes that differ only in numbers and spaces."""
    return re.sub(r"\d+", r"\\d+", re.sub(r"(?:\\?\s)+", r"\\s*", re.escape(prefix)))


def parse_number(text: str | None) -> float | None:
    """Return the number in a text; None if it is none or not finite: tools print nan for missing measurements."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_milliseconds(microseconds: str | None) -> float | None:
    """Convert a text in microseconds as `parse_number` does; None also for a negative time."""
    value = parse_number(microseconds)
    return None if value is None or value < 0 else value / 1000


def parse_integer(text: str | None) -> int | None:
    """Return the integer written in digits; None if the text is anything else or has more than 18 digits."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 18 else None


def quotable(text: str) -> str:
    """Return a tool's text in a form that can be quoted in a sentence: printable and not too long."""
    printable = "".join(character if character.isprintable() else "�" for character in text.strip())
    return printable if len(printable) <= SHOWN_AT_MOST else printable[: SHOWN_AT_MOST - 1] + "…"


def error_output(output_lines: list[tuple[str, str]]) -> str:
    """Return the errors that a tool printed, else its last line; "" if it printed nothing."""
    errors = [text for severity, text in output_lines if severity in ("ERROR", "FATAL") and text.strip()]
    last_lines = [text for _, text in output_lines if text.strip()][-1:]
    return "; ".join(quotable(text).rstrip(".") for text in dict.fromkeys([*errors[:3]] or last_lines))


def describe_exit(exit_code: int) -> str:
    """Describe how a process ended, by its exit code as a shell or (negative) as Python's subprocess reports it."""
    signal_number = -exit_code if exit_code < 0 else exit_code - 128
    if signal_number in _SIGNALS:
        explanation = ", as happens when the system runs out of memory" if signal_number == signal.SIGKILL else ""
        return f"it was ended by {_SIGNALS[signal_number]}{explanation}"
    if exit_code == 127:
        return "it was not found (exit code 127)"
    if exit_code == 126:
        return "it cannot be executed (exit code 126)"
    return f"it ended with exit code {exit_code}"


def failure(measured: bool, output_lines: list[tuple[str, str]], exit_code: int, tool: str, what: str) -> str | None:
    """Return why a tool's numbers cannot be used, one sentence without a full stop; None if they can.

    measured: whether the tool printed `what`, such as "time", in a form that was understood
    """
    if exit_code == 0 and measured:
        return None
    message = error_output(output_lines)
    if exit_code != 0:
        return f"{tool}: {describe_exit(exit_code)}, saying {repr(message) if message else 'nothing'}"
    if not message:
        return f"{tool} printed nothing"
    return f"{tool} printed no {what} that can be understood; its message is {message!r}"
