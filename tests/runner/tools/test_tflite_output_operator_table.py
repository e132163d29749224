"""Tests of reading tables of operator times. The numbers are made up."""

from __future__ import annotations

import pytest

from runner.tools.tflite_output import Operator, read_operators

COLUMNS = ["[node type]", "[first]", "[avg ms]", "[%]", "[cdf%]", "[mem KB]", "[times called]", "[Name]"]
ROWS = [
    ["CONV_2D", "4.269", "4.267", "75.107%", "75.107%", "0.000", "1", "[a/Relu6;a/bias]:0"],
    ["SOFTMAX", "0.003", "0.002", "0.053%", "75.160%", "0.000", "1", "[probs]:30"],
]
BY_TYPE = (
    "============================== Summary by node type ==============================\n"
    "\t         [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]\n"
    "\t             CONV_2D\t        1\t     4.267\t    99.953%\t    99.953%\t     0.000\t        1\n"
    "\nTimings (microseconds): count=50 first=4272 curr=4260 min=4200 max=4300 avg=4269.1 std=12\n"
    "Memory (bytes): count=0\n2 nodes observed\n"
)


def table(title, columns, rows):
    widths = [40, *[9] * (len(columns) - 2)]
    lines = [f"============================== {title} =============================="]
    lines += [
        "\t" + "\t".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=False)) + "\t" + cells[-1]
        for cells in [columns, *rows]
    ]
    return "\n".join(lines) + "\n\n"


def profile(columns=COLUMNS, rows=ROWS):
    return table("Run Order", columns, rows) + table("Top by Computation Time", columns, rows[::-1]) + BY_TYPE


EXPECTED = [
    Operator("runs", 0, "[a/Relu6;a/bias]:0", "CONV_2D", 4.269, 4.267, 1, 0.0),
    Operator("runs", 0, "[probs]:30", "SOFTMAX", 0.003, 0.002, 1, 0.0),
]


@pytest.mark.parametrize("prefix", ["INFO: ", ""])
def test_operators_are_read_once_in_their_order(prefix):
    text = f"{prefix}Operator-wise Profiling Info for Regular Benchmark Runs:\n{profile()}"
    assert read_operators(text) == EXPECTED


def test_the_column_start_of_builds_before_2023_is_none_of_the_times():
    old = profile([COLUMNS[0], "[start]", *COLUMNS[1:]], [[row[0], "0.123", *row[1:]] for row in ROWS])
    assert read_operators(old) == EXPECTED


def test_initialization_and_the_inside_of_a_delegate_are_told_apart():
    inside = table(
        "Run Order", COLUMNS, [["Convolution", "1.000", "0.900", "9%", "9%", "0.000", "1", "Convolution (NHWC):0"]]
    )
    text = (
        "INFO: Profiling Info for Benchmark Initialization:\n"
        + table(
            "Run Order",
            COLUMNS,
            [["AllocateTensors", "1.5", "1.5", "100%", "100%", "64.000", "1", "AllocateTensors/0"]],
        )
        + "INFO: Operator-wise Profiling Info for Regular Benchmark Runs:\n"
        + profile()
        + "Delegate internal:\n"
        + inside
    )
    operators = read_operators(text)
    assert [(operator.phase, operator.name) for operator in operators] == [
        ("initialization", "AllocateTensors/0"),
        ("runs", "[a/Relu6;a/bias]:0"),
        ("runs", "[probs]:30"),
        ("delegate", "Convolution (NHWC):0"),
    ]
    assert operators[0].memory_kb == 64


def test_graphs_are_told_apart():
    text = f"Primary graph (name: main) profile:\n{profile()}Subgraph (index: 2, name: body) profile:\n{profile()}"
    assert [operator.subgraph for operator in read_operators(text)] == [0, 0, 2, 2]


def test_a_csv_file():
    header = "node type, first, avg_ms, %, cdf%, mem KB, times called, name"
    rows = [
        "CONV_2D, 4.269, 4.267, 75.107%, 75.107%, 0, 1, [a/Relu6;a/bias]:0",
        "SOFTMAX, 0.003, 0.002, 0.053%, 75.16%, 0, 1, [probs]:30",
    ]
    by_type = "node type, count, avg_ms, avg %, cdf %, mem KB, times called\nCONV_2D, 1, 4.267, 99%, 99%, 0, 1\n"
    csv = "\n".join([header, *rows, "", header, *rows[::-1], "", by_type])
    assert read_operators(csv) == EXPECTED


@pytest.mark.parametrize("text", ["", "no table\n", profile()[:300], BY_TYPE, "\t\t\t\n,,,\n", '"unclosed, cell\n'])
def test_without_a_whole_table_there_is_nothing_made_up(text):
    assert all(operator.mean_ms in (4.267, 0.002) for operator in read_operators(text))


def test_rows_that_are_none_are_passed_over():
    damaged = profile(rows=[ROWS[0], ["CONV_2D", "?", "?", "?", "?", "?", "?", "x"], ["short"], ROWS[1]])
    assert read_operators(damaged) == EXPECTED
