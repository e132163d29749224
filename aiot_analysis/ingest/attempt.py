"""One attempt's log as columns. `runner.rawlog` defines what is accepted; the fast way gives the same, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow

from aiot_analysis.ingest import fast
from runner import rawlog

TOGETHER_BYTES = 8 << 20
"""Files are read together up to this total size."""

NAMED = 5
"""Number of unused lines of a file that are listed one by one; the others are listed together."""


@dataclass(frozen=True)
class Reading:
    """The content of one attempt's log."""

    path: Path
    instance: str
    attempt: int
    status: str  # end, failed, unavailable or cut
    events: list[dict[str, Any]]  # all events except those of images, in order
    images: pyarrow.Table  # image records: the columns of fast.IMAGES, by query
    problems: list[str]  # one message for each unused line
    damaged: bool  # whether there is more damage than a half-written line

    @property
    def lines(self) -> int:
        """Return the number of lines of the log."""
        return len(self.events) + len(self.images) + len(self.problems)

    @property
    def last(self) -> dict[str, Any]:
        """Return the last event other than image records, or {} if there is none."""
        return self.events[-1] if self.events else {}

    def of(self, event: str) -> list[dict[str, Any]]:
        """Return all events of one name, in order."""
        return [record for record in self.events if record["event"] == event]


def read_all(paths: Iterable[Path]) -> Iterator[Reading | rawlog.RawLogError]:
    """Yield attempts in order, read the fast way if that is reliable for them.

    A file that cannot be read or holds no event yields the error that says so.
    """
    files: list[tuple[Path, bytes | rawlog.RawLogError]] = []
    size = 0
    for path in paths:
        try:
            data = rawlog.read_bytes(path)
            size += len(data)
            files.append((path, data))
        except rawlog.RawLogError as error:
            files.append((path, error))
        if size >= TOGETHER_BYTES:
            yield from _readings(files)
            files, size = [], 0
    yield from _readings(files)


def _readings(files: list[tuple[Path, bytes | rawlog.RawLogError]]) -> Iterator[Reading | rawlog.RawLogError]:
    """Yield the readings of files, or the errors in their place."""
    readable = [(path, data) for path, data in files if isinstance(data, bytes)]
    fast_results = dict(zip((path for path, _ in readable), fast_readings(readable), strict=True))
    for path, data in files:
        if isinstance(data, rawlog.RawLogError):
            yield data
            continue
        try:
            yield fast_results[path] or slow_reading(path, data)
        except rawlog.RawLogError as error:
            yield error


def slow_reading(path: Path, data: bytes) -> Reading:
    """Return a log read by definition, line by line; raise RawLogError if it holds no event."""
    attempt = rawlog.parse_attempt(path, data)
    image_events = [event for event in attempt.events if event["event"] in fast.EVENTS]
    return _reading(attempt, fast.table_of(sorted(image_events, key=lambda event: event["query"])))


def fast_readings(files: Sequence[tuple[Path, bytes]]) -> list[Reading | None]:
    """Return logs read with pyarrow, with None for a file that is not, or may not be, entirely of the format."""
    splits = [_around_the_images(path, data) for path, data in files]
    pieces = [split[1] for split in splits if split]
    tables = iter(_images(pieces))
    result: list[Reading | None] = []
    for split in splits:
        images = next(tables) if split else None
        result.append(_reading(split[0], images) if split and images is not None else None)
    return result


def _images(pieces: list[bytes]) -> list[pyarrow.Table | None]:
    """Return the image records of each piece: all at once if possible, otherwise one piece at a time."""
    tables = fast.images(pieces) if pieces else []
    if tables is not None:
        return [*tables]
    return [single[0] if (single := fast.images([piece])) else None for piece in pieces]


def _around_the_images(path: Path, data: bytes) -> tuple[rawlog.Attempt, bytes] | None:
    """Return the attempt without its images, and the lines of its images; None if it cannot be split like that."""
    span = fast.lines_of_images(data)
    if span is None:
        return None
    start, end = span
    try:
        attempt = rawlog.parse_attempt(path, data[:start] + data[end:])
    except rawlog.RawLogError:
        return None
    if attempt.left_out or any(event["event"] in fast.EVENTS for event in attempt.events):
        return None
    if end == len(data) and attempt.status != "cut":
        return None  # image records after the ending
    return attempt, data[start:end]


def _reading(attempt: rawlog.Attempt, images: pyarrow.Table) -> Reading:
    """Return the reading of an attempt with the given image records."""
    events = [event for event in attempt.events if event["event"] not in fast.EVENTS]
    return Reading(
        attempt.path,
        attempt.instance or "",
        attempt.attempt or 0,
        attempt.status,
        events,
        images,
        attempt.left_out,
        attempt.damaged,
    )


def together(problems: list[str], what: str = "lines") -> list[tuple[str, int]]:
    """Return problems of single lines as (reason, lines): the first ones individually, any others as one."""
    if len(problems) <= NAMED + 1:
        return [(problem, 1) for problem in problems]
    others = problems[NAMED:]
    return [
        *((problem, 1) for problem in problems[:NAMED]),
        (f"{len(others)} more unused {what}, the first of them: {others[0]}", len(others)),
    ]


def count_lines(path: Path) -> int | None:
    """Return the number of lines of a file, or None if it cannot be read."""
    try:
        data = rawlog.read_bytes(path)
    except rawlog.RawLogError:
        return None
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
