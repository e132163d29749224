"""Tests of reading lines, numbers and failures in outputs of tools."""

from __future__ import annotations

import re
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.tools import text


def six_digits(value: float) -> str:
    """Print a double like a C++ stream: std::defaultfloat with a precision of 6, which is %g in C."""
    return f"{value:g}"


@given(st.floats(min_value=0, max_value=1e12))
def test_a_number_of_six_digits_is_read_to_five_parts_in_ten_million(value):
    read = text.parse_number(six_digits(value))
    assert read == pytest.approx(value, rel=5.1e-6, abs=1e-300)
    assert six_digits(read) == six_digits(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_of_six_digits_are_read_exactly(value):
    printed = six_digits(value)
    assert re.fullmatch(text.NUMBER, printed)
    assert text.parse_number(printed) == float(printed)


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_whole_numbers_are_read_whole(value):
    assert text.parse_integer(str(value)) == value


@pytest.mark.parametrize("printed", ["nan", "-nan", "inf", "-inf", "1e999", "", "x", "1,5", None])
def test_a_number_that_is_not_finite_is_none(printed):
    assert text.parse_number(printed) is None
    assert text.parse_milliseconds(printed) is None


@pytest.mark.parametrize("printed", ["", "-1", "1.0", "٣", "1" * 19, "0x10", None])
def test_text_that_is_not_a_plain_whole_number_is_none(printed):
    assert text.parse_integer(printed) is None


def test_microseconds_become_milliseconds():
    assert text.parse_milliseconds("1.23457e+06") == 1234.57
    assert text.parse_milliseconds("14462.3") == pytest.approx(14.4623)
    assert text.parse_milliseconds("-1") is None


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(output):
    for severity, line in text.split_lines(output):
        assert severity in ("", "INFO", "WARN", "ERROR", "FATAL", "VERBOSE")
        assert "\n" not in line
    assert text.error_output(text.split_lines(output)).isprintable()
    assert text.failure(False, text.split_lines(output), 0, "it", "time")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("INFO: STARTING!", ("INFO", "STARTING!")),
        ("WARNING: low", ("WARN", "low")),
        ("STARTING!", ("", "STARTING!")),
        ("INFO: [bench.cc:12] Inference (avg): 5 ms", ("INFO", "Inference (avg): 5 ms")),
        (
            "I0102 03:04:05.678901 77 net_observer_reporter_print.cc:33] Caffe2Observer {}",
            ("INFO", "Caffe2Observer {}"),
        ),
        ("E0000 00:00:1700000000.1 77 stage.cc:155] Failed", ("ERROR", "Failed")),
        ("INFORMATION: no severity", ("", "INFORMATION: no severity")),
        ("ERROR: bad\r", ("ERROR", "bad")),
    ],
)
def test_severities_of_three_log_formats_are_separated_from_the_text(line, expected):
    assert text.split_lines(line) == [expected]


def test_a_long_output_is_read_from_both_ends_and_a_long_line_not_at_all():
    output = "first\n" + "x" * (text.LINE_AT_MOST + 1) + "\n" + ("y" * 400 + "\n") * (text.TEXT_AT_MOST // 400) + "last"
    read = [line for _, line in text.split_lines(output)]
    assert (read[0], read[-1]) == ("first", "last")
    assert len(text.limit_length(output)) < text.TEXT_AT_MOST + 100
    assert max(map(len, read)) <= text.LINE_AT_MOST
    assert sum("characters omitted" in line for line in read) == 1


def test_a_line_in_a_sentence_is_short_and_printable():
    assert text.quotable("\x1b[31mred\x00") == "�[31mred�"
    assert len(text.quotable("x" * 5000)) == text.SHOWN_AT_MOST


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "it ended with exit code 1"),
        (-signal.SIGSEGV, "it was ended by SIGSEGV"),
        (128 + signal.SIGABRT, "it was ended by SIGABRT"),
        (137, "it was ended by SIGKILL, as happens when the system runs out of memory"),
        (127, "it was not found (exit code 127)"),
        (126, "it cannot be executed (exit code 126)"),
        (255, "it ended with exit code 255"),
    ],
)
def test_endings_in_words(code, words):
    assert text.describe_exit(code) == words


def test_a_failure_is_one_sentence_with_what_the_tool_says():
    lines = text.split_lines("INFO: a\nERROR: Failed to load model x.\nERROR: Benchmarking failed.\n")
    sentence = text.failure(False, lines, 1, "benchmark_model", "time")
    assert sentence == (
        "benchmark_model: it ended with exit code 1, saying 'Failed to load model x; Benchmarking failed'"
    )
    assert text.failure(False, [], 139, "run_eval", "accuracy") == "run_eval: it was ended by SIGSEGV, saying nothing"
    assert text.failure(False, [], 0, "run_eval", "accuracy") == "run_eval printed nothing"
    assert text.failure(True, lines, 0, "run_eval", "accuracy") is None
