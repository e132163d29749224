"""One attempt's log as columns, read as `runner.rawlog` defines; the fast way gives the same or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
from pyarrow import json

from aiot_analysis.tables.names import PHASES
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

EVENTS = ("image", "image_failed")

_WHOLE, _TEXT = pyarrow.int64(), pyarrow.string()
_BOTH = {"event": _TEXT, "query": _WHOLE, "image": _TEXT, "label": _WHOLE, "at_ns": _WHOLE}
_SHOWN = {"top5": pyarrow.list_(pyarrow.list_(pyarrow.float64())), **{f"{phase}_ns": _WHOLE for phase in PHASES}}
_FAILED = {"reason": _TEXT, "spent_ns": _WHOLE}
_LOGGED = pyarrow.schema({**_BOTH, **_SHOWN, **_FAILED})

IMAGES = pyarrow.schema(
    {
        "query": _WHOLE,
        "image": _TEXT,
        "label": _WHOLE,
        "classes": pyarrow.list_(_WHOLE),  # of top5, null if the image failed
        **{f"{phase}_ns": _WHOLE for phase in PHASES},  # null if the image failed, or if its answer has no time
        "spent_ns": _WHOLE,  # null unless the image failed
        "total_ns": _WHOLE,  # null if the four phases are known; logs with it are read by definition
        "at_ns": _WHOLE,  # null if the answer has no time
        "failed": pyarrow.bool_(),
    }
)
"""Schema of image records as columns."""

_HEAD_LINES = 64
_BLOCK_BYTES = 4 << 20
_MARK = b'"image"'  # a field in every image record, and in no other
_NEW_LINE, _OPENS, _CLOSES = b"\n{}"


def table_of(events: list[dict[str, Any]]) -> pyarrow.Table:
    """Return columns IMAGES of events that `runner.rawlog` read."""
    failed = [event["event"] == "image_failed" for event in events]
    columns: dict[str, list[Any]] = {name: [event[name] for event in events] for name in ("query", "image", "label")}
    columns["at_ns"] = [event.get("at_ns") for event in events]
    columns["failed"] = failed
    for name in (f"{phase}_ns" for phase in PHASES):
        columns[name] = [
            None if is_failed else event.get(name) for event, is_failed in zip(events, failed, strict=True)
        ]
    columns["spent_ns"] = [
        event["spent_ns"] if is_failed else None for event, is_failed in zip(events, failed, strict=True)
    ]
    columns["total_ns"] = [
        None if is_failed else event.get("total_ns") for event, is_failed in zip(events, failed, strict=True)
    ]
    columns["classes"] = [
        None if is_failed else [int(label) for label, _ in event["top5"]]
        for event, is_failed in zip(events, failed, strict=True)
    ]
    return pyarrow.table({name: columns[name] for name in IMAGES.names}, IMAGES)


def lines_of_images(data: bytes) -> tuple[int, int] | None:
    """Return start and end of the lines from the first image to the last; None if they are not near the ends."""
    start = 0
    for _ in range(_HEAD_LINES):
        line_end = data.find(b"\n", start)
        if line_end < 0:
            return None
        if data.find(_MARK, start, line_end) >= 0:
            break
        start = line_end + 1
    else:
        return None
    end = len(data)
    for _ in range(_HEAD_LINES):
        line_start = data.rfind(b"\n", start, end - 1) + 1
        if data.find(_MARK, line_start, end) >= 0:
            return start, end
        end = line_start
    return None


def images(pieces: Sequence[bytes]) -> list[pyarrow.Table] | None:
    """Return columns IMAGES of pieces of logs, which hold only image records with strictly increasing queries.

    Returns None if a piece is not of that kind. Many pieces are read together, since each call takes a while.
    """
    lines = b"".join(pieces)
    text = np.frombuffer(lines, np.uint8)
    (ends,) = (text == _NEW_LINE).nonzero()
    complete = all(piece.endswith(b"}\n") for piece in pieces)
    if not complete or (text[ends - 1] != _CLOSES).any() or (text[ends[:-1] + 1] != _OPENS).any():
        return None  # records must start and end exactly at line breaks
    try:
        if not lines.isascii():
            lines.decode("utf-8")
        content = json.read_json(
            pyarrow.BufferReader(lines),
            json.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            json.ParseOptions(explicit_schema=_LOGGED, unexpected_field_behavior="error"),
        )
    except (pyarrow.ArrowException, UnicodeDecodeError):
        return None
    if content.num_rows != len(ends):
        return None
    stops = np.searchsorted(ends, np.cumsum([len(piece) for piece in pieces]))
    starts = np.concatenate([[0], stops[:-1]])
    table = _checked({name: _whole(content[name]) for name in content.column_names}, starts)
    if table is None:
        return None
    return [table.slice(start, stop - start) for start, stop in zip(starts, stops, strict=True)]


def _whole(column: pyarrow.ChunkedArray) -> pyarrow.Array:
    """Return a column as a single array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _checked(column: dict[str, pyarrow.Array], starts: np.ndarray) -> pyarrow.Table | None:
    """Return columns IMAGES from columns _LOGGED of logs that start at the given rows; None if a value is invalid."""
    kind = column["event"].dictionary_encode()
    failed = np.zeros(len(kind), bool)
    if kind.dictionary.to_pylist() != ["image"]:
        if not set(kind.dictionary.to_pylist()) <= set(EVENTS):
            return None
        failed = kind.cast(_TEXT).to_numpy(zero_copy_only=False) == "image_failed"
    timeless = column["at_ns"].is_null().to_numpy(zero_copy_only=False) & ~failed
    expected_nulls = {
        **dict.fromkeys(_BOTH, None),
        **dict.fromkeys(_SHOWN, failed | timeless),
        **dict.fromkeys(_FAILED, ~failed),
        "at_ns": timeless,
        "top5": failed,
    }
    for name, nulls in expected_nulls.items():
        values = column[name]
        if values.null_count != (0 if nulls is None else nulls.sum()):
            return None
        if 0 < values.null_count < len(values) and (values.is_null().to_numpy(zero_copy_only=False) != nulls).any():
            return None
    times = [column[name] for name in column if name.endswith("_ns")]
    if any((time.drop_null().to_numpy() < 0).any() for time in times if time.null_count < len(time)):
        return None
    query = column["query"].to_numpy()
    follows = np.ones(len(query), bool)
    follows[starts] = False
    if (query[starts] < 0).any() or (np.diff(query)[follows[1:]] <= 0).any():
        return None
    classes = _classes(column["top5"], failed)
    if classes is None:
        return None
    nulls = pyarrow.nulls(len(failed), _WHOLE)
    columns = {**column, "classes": classes, "failed": pyarrow.array(failed), "total_ns": nulls}
    return pyarrow.table([columns[name] for name in IMAGES.names], IMAGES)


def _classes(top5: pyarrow.ListArray, failed: np.ndarray) -> pyarrow.ListArray | None:
    """Return the classes from pairs of class and score, or None if they are not such pairs."""
    pairs = top5.flatten()
    numbers = pairs.flatten()
    if pairs.null_count or (pairs.value_lengths().to_numpy() != 2).any():
        return None
    values = numbers.to_numpy(zero_copy_only=False)  # a missing score is NaN here, a missing class is not finite
    classes = values[::2]
    scores_missing = numbers.is_null().to_numpy(zero_copy_only=False)[1::2]
    is_number = np.isfinite(values)
    is_number[1::2] |= scores_missing
    if not is_number.all() or (classes != np.floor(classes)).any() or (np.abs(classes) >= 2.0**53).any():
        return None
    ends = top5.value_lengths().fill_null(0).to_numpy().cumsum(dtype=np.int32)
    offsets = np.concatenate([np.zeros(1, np.int32), ends])
    return pyarrow.ListArray.from_arrays(
        pyarrow.array(offsets), pyarrow.array(classes.astype(np.int64)), mask=pyarrow.array(failed)
    )


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
    images: pyarrow.Table  # image records: the columns of IMAGES, by query
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
    image_events = [event for event in attempt.events if event["event"] in EVENTS]
    return _reading(attempt, table_of(sorted(image_events, key=lambda event: event["query"])))


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
    tables = images(pieces) if pieces else []
    if tables is not None:
        return [*tables]
    return [single[0] if (single := images([piece])) else None for piece in pieces]


def _around_the_images(path: Path, data: bytes) -> tuple[rawlog.Attempt, bytes] | None:
    """Return the attempt without its images, and the lines of its images; None if it cannot be split like that."""
    span = lines_of_images(data)
    if span is None:
        return None
    start, end = span
    try:
        attempt = rawlog.parse_attempt(path, data[:start] + data[end:])
    except rawlog.RawLogError:
        return None
    if attempt.left_out or any(event["event"] in EVENTS for event in attempt.events):
        return None
    if end == len(data) and attempt.status != "cut":
        return None  # image records after the ending
    return attempt, data[start:end]


def _reading(attempt: rawlog.Attempt, images: pyarrow.Table) -> Reading:
    """Return the reading of an attempt with the given image records."""
    events = [event for event in attempt.events if event["event"] not in EVENTS]
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
