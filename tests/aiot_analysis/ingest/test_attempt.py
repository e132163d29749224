"""Tests that the fast reader of attempts agrees with the definition or gives nothing, and accounts for all lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.ingest import attempt
from runner import rawlog
from tests.aiot_analysis.ingest import fuzz
from tests.examples import examples
from tests.rawlogs import LOAD, answer, end, failed_image, image

PATH = Path(f"{fuzz.INSTANCE}.1.jsonl")
FULL = [{**LOAD, "instance": fuzz.INSTANCE, "attempt": 1}, *(image(query) for query in range(4))]
FULL += [failed_image(4), image(5), {**end(), "images": 5, "failed_images": 1, "correct": 5}]


def slow(data):
    """Read a log by the definition; return None if it has no event."""
    try:
        return attempt.slow_reading(PATH, data)
    except rawlog.RawLogError:
        return None


def fast_reading(data):
    [result] = attempt.fast_readings([(PATH, data)])
    return result


def line_count(data):
    data = data.removeprefix(b"\xef\xbb\xbf")
    return data.count(b"\n") + (data != b"" and not data.endswith(b"\n"))


def test_a_log_as_the_agent_writes_it_is_read_the_fast_way():
    result = fast_reading(fuzz.lines_of(FULL))
    assert result == slow(fuzz.lines_of(FULL))
    assert (result.status, result.lines, result.problems, result.damaged) == ("end", 8, [], False)
    assert result.images["query"].to_pylist() == [0, 1, 2, 3, 4, 5]
    assert result.images["failed"].to_pylist() == [False] * 4 + [True, False]
    assert result.images["classes"].to_pylist()[3:] == [[7, 9], None, [7, 9]]
    assert result.images["spent_ns"].to_pylist()[3:] == [None, 50_000_000, None]
    assert result.images["inference_ns"].to_pylist()[3:] == [6_000_000, None, 6_000_000]


def test_answers_without_times_are_read_the_fast_way():
    events = [FULL[0], *(answer(query, score=score) for query, score in enumerate([None, 0.5, None])), FULL[-1]]
    result = fast_reading(fuzz.lines_of(events))
    assert result == slow(fuzz.lines_of(events))
    assert result.images["classes"].to_pylist() == [[7], [7], [7]]
    times = [f"{name}_ns" for name in ("decode", "preprocess", "inference", "postprocess", "spent", "total", "at")]
    assert all(result.images[name].null_count == 3 for name in times)


@given(fuzz.logs())
@examples(100)
def test_whatever_the_agent_writes_is_read_the_fast_way(data):
    result = fast_reading(data)
    assert result == (slow(data) if b'"image"' in data else None)


@given(fuzz.damaged_logs())
@examples(1000)
def test_the_fast_way_gives_what_the_definition_gives_or_nothing(data):
    fast_found, slow_found = fast_reading(data), slow(data)
    assert fast_found is None or fast_found == slow_found


@given(st.lists(st.one_of(fuzz.logs(), fuzz.damaged_logs()), max_size=4))
@examples(200)
def test_logs_that_are_read_together_are_what_each_of_them_is(logs):
    paths = [PATH.with_name(f"{fuzz.INSTANCE}.{number}.jsonl") for number in range(1, len(logs) + 1)]
    readings = attempt.fast_readings(list(zip(paths, logs, strict=True)))
    assert [reading is None for reading in readings] == [fast_reading(data) is None for data in logs]
    for path, data, reading in zip(paths, logs, readings, strict=True):
        assert reading is None or reading == attempt.slow_reading(path, data)


@pytest.mark.parametrize("together_bytes", [1, 1 << 20])
def test_files_come_in_their_order_and_errors_in_their_places(tmp_path, monkeypatch, together_bytes):
    monkeypatch.setattr(attempt, "TOGETHER_BYTES", together_bytes)
    contents = [
        fuzz.lines_of(FULL),
        b"",
        fuzz.lines_of(FULL[:3]),
        b"what\nis this\n",
        fuzz.lines_of(FULL).replace(b'"query":2', b'"query":x'),
    ]
    paths = [tmp_path / f"{fuzz.INSTANCE}.{number}.jsonl" for number in range(1, 7)]
    for path, content in zip(paths, contents, strict=False):
        path.write_bytes(content)
    readings = list(attempt.read_all(paths))
    assert [
        str(reading) if isinstance(reading, Exception) else (reading.path, reading.status, len(reading.images))
        for reading in readings
    ] == [
        (paths[0], "end", 6),
        f"{paths[1]} is empty.",
        (paths[2], "cut", 2),
        f"{paths[3]} contains no event: line 1 is not JSON.",
        (paths[4], "end", 5),
        f"{paths[5]} cannot be read (No such file or directory).",
    ]


@given(fuzz.damaged_logs())
@examples(300)
def test_every_line_is_an_event_or_is_named(data):
    result = slow(data)
    if result is not None:
        assert result.lines == line_count(data)
        assert sum(lines for _, lines in attempt.together(result.problems)) == len(result.problems)


# pyarrow's reader accepts each of these as a record of an image, unlike the definition
TRAPS = [
    b'{"a":1} {"b":2}\n',
    *(fuzz.lines_of([image(1)])[:-1] + more for more in (fuzz.lines_of([image(2)]), b"\0{}\n", b"\0\n")),
    fuzz.lines_of([image(1)])[:-1] + fuzz.lines_of([image(2)]) + fuzz.lines_of([image(3)]).replace(b",", b",\n", 1),
    fuzz.lines_of([image(1)]).replace(b"001.jpg", b"\xff.jpg"),
    *(fuzz.lines_of([image(1)]).replace(b"0.9", number) for number in (b"NaN", b"Inf", b"-NaN")),
    fuzz.lines_of([image(1)]).replace(b"[7,0.9]", b"[null,0.9]"),
    fuzz.lines_of([image(1)]).replace(b'"at_ns":1000000000', b'"at_ns":null'),
    fuzz.lines_of([image(1)]).replace(b'"decode_ns":1000000,', b""),
    fuzz.lines_of([answer(1)]).replace(b"[7,null]", b"[7]"),
    fuzz.lines_of([answer(1), failed_image(2)]).replace(b',"at_ns":2000000000', b""),
    fuzz.lines_of([image(1)]).replace(b'"label":7', b'"label":null'),
    fuzz.lines_of([image(1)]).replace(b"[7,0.9],[9,0.1]", b"[7,0.9,9,0.1]"),
    fuzz.lines_of([image(1)]).replace(b"[7,0.9],[9,0.1]", b"[7,0.9,9],[0.1]"),
    fuzz.lines_of([image(1)]).replace(b"[7,0.9]", b"[7.5,0.9]"),
    fuzz.lines_of([image(1)]).replace(b"[7,0.9]", b"[9007199254740993,0.9]"),
    fuzz.lines_of([image(1)]).replace(b'"decode_ns":1000000', b'"decode_ns":-1'),
    fuzz.lines_of([image(1)]).replace(b",", b",\n"),
    fuzz.lines_of([image(1), image(1)]),
    fuzz.lines_of([image(2), image(1)]),
    fuzz.lines_of([{**image(1), "query": -1}]),
    fuzz.lines_of([{**image(1), "reason": "none"}]),
    fuzz.lines_of([{**image(1), "event": "image_failed"}]),
    fuzz.lines_of([{**image(1), "event": None}]),
    fuzz.lines_of([{**image(1), "image": "\ud800.jpg"}]),
]


@pytest.mark.parametrize("lines", TRAPS, ids=range(len(TRAPS)))
def test_what_only_pyarrow_takes_for_records_is_not_read_the_fast_way(lines):
    assert attempt.images([lines]) is None
    around = fuzz.lines_of(FULL[:1]) + lines + fuzz.lines_of(FULL[-1:])
    assert fast_reading(around) is None


@pytest.mark.parametrize("name", ["ü.jpg", "\\u00fc.jpg", "a\\u0000b.jpg", "a\\/b.jpg", "\\ud83d\\ude00.jpg"])
def test_names_in_any_writing_are_read_the_fast_way(name):
    data = fuzz.lines_of(FULL).replace(b"001.jpg", name.encode())
    result = fast_reading(data)
    assert result is not None and result == slow(data)


def test_records_after_the_ending_are_not_read_the_fast_way():
    data = fuzz.lines_of([FULL[0], FULL[-1], *FULL[1:4]])
    assert fast_reading(data) is None
    result = slow(data)
    assert (result.status, result.images.num_rows, result.lines) == ("end", 0, 5)
    assert result.problems == [f"line {number} follows the end of the attempt" for number in (3, 4, 5)]


def test_swapped_lines_are_read_in_the_order_of_their_queries():
    data = fuzz.lines_of([FULL[0], FULL[3], FULL[1], FULL[2], FULL[-1]])
    result = attempt.slow_reading(PATH, data)
    assert result.images["query"].to_pylist() == [0, 1, 2]
    assert result.images["at_ns"].to_pylist() == [0, 1_000_000_000, 2_000_000_000]


def test_a_log_with_a_byte_order_mark_or_other_line_ends_loses_nothing():
    for data in (b"\xef\xbb\xbf" + fuzz.lines_of(FULL), fuzz.lines_of(FULL).replace(b"\n", b"\r\n")):
        result = attempt.slow_reading(PATH, data)
        assert result == fast_reading(fuzz.lines_of(FULL))


def test_a_large_log_is_read_the_fast_way_in_blocks(monkeypatch):
    monkeypatch.setattr(attempt, "_BLOCK_BYTES", 1000)
    data = fuzz.lines_of([FULL[0], *(image(query, name=f"{query}.jpg") for query in range(50)), FULL[-1]])
    result = fast_reading(data)
    assert result is not None and result == slow(data)


@given(st.lists(st.text(min_size=1), max_size=30))
def test_many_problems_are_named_in_few_rows_and_all_counted(problems):
    rows = attempt.together(problems)
    assert sum(lines for _, lines in rows) == len(problems)
    assert len(rows) <= attempt.NAMED + 1
    assert [reason for reason, lines in rows if lines == 1] == problems[: len(rows) if len(problems) <= 6 else 5]


@pytest.mark.parametrize(
    ("content", "lines"), [(b"", 0), (b"\n", 1), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"a\n\n", 2)]
)
def test_lines_are_counted_as_the_format_splits_them(content, lines, tmp_path):
    (tmp_path / "x").write_bytes(content)
    assert attempt.count_lines(tmp_path / "x") == lines
    assert attempt.count_lines(tmp_path) is None


def test_json_numbers_are_what_the_definition_takes_them_for():
    data = fuzz.lines_of(FULL).replace(b"[7,0.9]", b"[7.0,9e-1]").replace(b"[9,0.1]", b"[-0.0,NaN]")
    classes = attempt.slow_reading(PATH, data).images["classes"].to_pylist()
    assert classes[0] == [7, 0]
    assert json.loads(data.split(b"\n")[1])["top5"][0] == [7.0, 0.9]
