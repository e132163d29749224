"""The times of operators that benchmark_model prints with --enable_op_profiling=true, as text or as CSV.

Columns are found by their names in the header, since builds before 2023 have a column [start] more. They may be aligned
by tabs, as the tool prints them, or by spaces, as they are after a copy from a terminal.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from runner.tools.text import lines, number, whole

ROWS_AT_MOST = 100_000

_CELL = re.compile(r"[-+]?(?:nan|inf|[\d.]+(?:e[-+]?\d+)?)%?")
_BRACKETS = re.compile(r"\[([^\]]{1,40})\]")
_HEADERS = {"node type": "kind", "first": "first_ms", "avg ms": "mean_ms", "avg_ms": "mean_ms", "mem kb": "memory_kb",
            "times called": "times_called", "name": "name"}  # fmt: skip
_TITLE = re.compile(r"=+ (Run Order|Top by Computation Time|Top by Memory Use|Summary by node type) =+")
_PHASES = {
    "Profiling Info for Benchmark Initialization": "initialization",
    "Operator-wise Profiling Info for Regular Benchmark Runs": "runs",
    "Delegate internal": "delegate",
}
_SUBGRAPH = re.compile(r"(?:Primary graph|Subgraph \(index: (\d+)(?:, name: .*)?\))(?: \(name: .*\))? profile:")


@dataclass(frozen=True)
class Operator:
    """A row of a table "Run Order": the mean over the runs of one operator."""

    phase: str  # initialization, runs, or delegate: what a delegate says of its own parts
    subgraph: int
    name: str
    kind: str
    first_ms: float | None
    mean_ms: float
    times_called: int | None
    memory_kb: float | None


def operators(stdout: str) -> list[Operator]:
    """The operators in the order they ran; [] if there is no such table. Lines that are no rows are passed over."""
    return read(lines(stdout))[0]


def read(found: list[tuple[str, str]]) -> tuple[list[Operator], set[int]]:
    """Return the operators in the order they ran, and the indices of all lines that are of tables of operators."""
    operators: list[Operator] = []
    taken: set[int] = set()
    phase, subgraph, in_order, counts = "runs", 0, False, False
    columns: list[str] = []
    for index, (_, text) in enumerate(found):
        bare = text.strip()
        of_table = True
        if bare.rstrip(":") in _PHASES:
            phase, subgraph = _PHASES[bare.rstrip(":")], 0
        elif match := _SUBGRAPH.fullmatch(bare):
            subgraph = whole(match[1]) or 0
        elif match := _TITLE.fullmatch(bare):
            in_order, columns = match[1] == "Run Order", []
        elif header := _header(bare):
            # a CSV file of an early build has no titles: its first table is the one in order
            columns, counts = header, "name" in header and (in_order or not operators)
        elif columns and (row := _row(bare, columns)):
            mean_ms = number(row.get("mean_ms"))
            of_table = mean_ms is not None
            if mean_ms is not None and counts and len(operators) < ROWS_AT_MOST:
                operators.append(_operator(phase, subgraph, row, mean_ms))
        else:
            of_table = False
            if not bare:
                columns = []
        if of_table:
            taken.add(index)
    return operators, taken


def _operator(phase: str, subgraph: int, row: dict[str, str], mean_ms: float) -> Operator:
    return Operator(
        phase=phase,
        subgraph=subgraph,
        name=row.get("name", ""),
        kind=row.get("kind", ""),
        first_ms=number(row.get("first_ms")),
        mean_ms=mean_ms,
        times_called=whole(row.get("times_called")),
        memory_kb=number(row.get("memory_kb")),
    )


def _header(text: str) -> list[str]:
    """The columns that a line names, by their names here; [] if it is no header of operators."""
    named = _BRACKETS.findall(text) if text.startswith("[") else [cell.strip() for cell in text.split(",")]
    named = [cell.lower() for cell in named]
    return [_HEADERS.get(name, name) for name in named] if named[:1] == ["node type"] and len(named) > 2 else []


def _row(text: str, columns: list[str]) -> dict[str, str]:
    """The cells of a row by column; {} of a line that is no row.

    Between the kind and the name there are only numbers. What follows the last of them is the name.
    """
    if text.count(",") >= len(columns) - 1 and "\t" not in text:
        cells = [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True))]
        if len(cells) >= len(columns) and all(_CELL.fullmatch(cell) for cell in cells[1 : len(columns) - 1]):
            last = len(columns) - 1
            return {**dict(zip(columns, cells[:last], strict=False)), columns[last]: "\t".join(cells[last:])}
    named = "name" in columns
    numbers = len(columns) - 2 if named else len(columns) - 1
    words = text.split()
    for begin in range(1, len(words) - numbers + 1):
        if all(_CELL.fullmatch(word) for word in words[begin : begin + numbers]):
            rest = text.split(None, begin + numbers)[begin + numbers :]
            cells = [" ".join(words[:begin]), *words[begin : begin + numbers], *rest]
            if len(cells) > len(columns):
                return {}
            return {**dict.fromkeys(columns, ""), **dict(zip(columns, cells, strict=False))}
    return {}
