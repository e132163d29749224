"""One attempt's log as columns. `runner.rawlog` says what is accepted; the fast way gives the same, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow

from aiot_analysis.ingest import fast
from runner import rawlog

TOGETHER_BYTES = 8 << 20
"""Files are read together until they have so many bytes."""

NAMED = 5
"""So many lines of a file that are not used are named one by one, the rest together."""


@dataclass(frozen=True)
class Reading:
    """An attempt as read."""

    path: Path
    instance: str
    attempt: int
    status: str  # end, failed, unavailable or cut
    events: list[dict[str, Any]]  # all but those of images, in order
    images: pyarrow.Table  # those of images: the columns of fast.IMAGES, by query
    problems: list[str]  # what is wrong with each line that is not used
    damaged: bool  # whether that is more than a half-written line

    @property
    def lines(self) -> int:
        return len(self.events) + self.images.num_rows + len(self.problems)

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1] if self.events else {}

    def of(self, event: str) -> list[dict[str, Any]]:
        """All events of one name, in order."""
        return [record for record in self.events if record["event"] == event]


def read_all(paths: Iterable[Path]) -> Iterator[Reading | rawlog.RawLogError]:
    """Reads attempts in their order, the fast way where that can vouch for them.

    In the place of a file that cannot be read or holds no event there is the error that says so.
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
    readable = [(path, data) for path, data in files if isinstance(data, bytes)]
    quick = dict(zip((path for path, _ in readable), fast_readings(readable), strict=True))
    for path, data in files:
        if isinstance(data, rawlog.RawLogError):
            yield data
            continue
        try:
            yield quick[path] or slow_reading(path, data)
        except rawlog.RawLogError as error:
            yield error


def slow_reading(path: Path, data: bytes) -> Reading:
    """By definition, line by line; raises RawLogError if there is no event in it."""
    attempt = rawlog.parse_attempt(path, data)
    shown = [event for event in attempt.events if event["event"] in fast.EVENTS]
    return _reading(attempt, fast.table_of(sorted(shown, key=lambda event: event["query"])))


def fast_readings(files: Sequence[tuple[Path, bytes]]) -> list[Reading | None]:
    """By pyarrow; None in the place of a file that is not wholly of the format, or may not be."""
    around = [_around_the_images(path, data) for path, data in files]
    pieces = [one[1] for one in around if one]
    tables = iter(_images(pieces))
    found: list[Reading | None] = []
    for one in around:
        images = next(tables) if one else None
        found.append(_reading(one[0], images) if one and images is not None else None)
    return found


def _images(pieces: list[bytes]) -> list[pyarrow.Table | None]:
    together = fast.images(pieces) if pieces else []
    if together is not None:
        return [*together]
    return [found[0] if (found := fast.images([piece])) else None for piece in pieces]


def _around_the_images(path: Path, data: bytes) -> tuple[rawlog.Attempt, bytes] | None:
    """What an attempt is but for its images, and their lines; None if it cannot be cut in two like that."""
    place = fast.lines_of_images(data)
    if place is None:
        return None
    begin, end = place
    try:
        attempt = rawlog.parse_attempt(path, data[:begin] + data[end:])
    except rawlog.RawLogError:
        return None
    if attempt.left_out or any(event["event"] in fast.EVENTS for event in attempt.events):
        return None
    if end == len(data) and attempt.status != "cut":
        return None  # the images follow the ending
    return attempt, data[begin:end]


def _reading(attempt: rawlog.Attempt, images: pyarrow.Table) -> Reading:
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
    """Problems of single lines as (reason, lines): each by itself, but many of them in one."""
    if len(problems) <= NAMED + 1:
        return [(problem, 1) for problem in problems]
    rest = problems[NAMED:]
    return [
        *((problem, 1) for problem in problems[:NAMED]),
        (f"{len(rest)} more {what} that are not used, the first: {rest[0]}", len(rest)),
    ]


def count_lines(path: Path) -> int | None:
    """How many lines a file has, None if it cannot be read."""
    try:
        data = rawlog.read_bytes(path)
    except rawlog.RawLogError:
        return None
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
