"""Operator times printed by benchmark_model with --enable_op_profiling=true, as text or CSV.

Columns are identified by their names in the header, since builds before 2023 have an additional column [start]. They
may be separated by tabs, as the tool prints them, or by spaces, as after copying from a terminal.
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

    phase: str  # initialization, runs, or delegate (reported by a delegate about its own parts)
    subgraph: int
    name: str
    kind: str
    first_ms: float | None
    mean_ms: float
    times_called: int | None
    memory_kb: float | None


def read_operators(stdout: str) -> list[Operator]:
    """Return the operators in execution order; [] without such a table. Lines that are no rows are ignored."""
    return read_operator_table(lines(stdout))[0]


def read_operator_table(found: list[tuple[str, str]]) -> tuple[list[Operator], set[int]]:
    """Return the operators in execution order and the indices of all lines that belong to tables of operators."""
    rows: list[Operator] = []
    table_lines: set[int] = set()
    phase, subgraph, in_order, counts = "runs", 0, False, False
    columns: list[str] = []
    for index, (_, text) in enumerate(found):
        stripped = text.strip()
        is_table_line = True
        if stripped.rstrip(":") in _PHASES:
            phase, subgraph = _PHASES[stripped.rstrip(":")], 0
        elif match := _SUBGRAPH.fullmatch(stripped):
            subgraph = whole(match[1]) or 0
        elif match := _TITLE.fullmatch(stripped):
            in_order, columns = match[1] == "Run Order", []
        elif header := _header(stripped):
            # a CSV file of an early build has no titles; its first table is the one in execution order
            columns, counts = header, "name" in header and (in_order or not rows)
        elif columns and (row := _row(stripped, columns)):
            mean_ms = number(row.get("mean_ms"))
            is_table_line = mean_ms is not None
            if mean_ms is not None and counts and len(rows) < ROWS_AT_MOST:
                rows.append(_operator(phase, subgraph, row, mean_ms))
        else:
            is_table_line = False
            if not stripped:
                columns = []
        if is_table_line:
            table_lines.add(index)
    return rows, table_lines


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
    """Return the columns that a line names, by their names here; [] if it is no header of operators."""
    cells = _BRACKETS.findall(text) if text.startswith("[") else [cell.strip() for cell in text.split(",")]
    cells = [cell.lower() for cell in cells]
    return [_HEADERS.get(column, column) for column in cells] if cells[:1] == ["node type"] and len(cells) > 2 else []


def _row(text: str, columns: list[str]) -> dict[str, str]:
    """Return the cells of a row by column; {} if the line is no row.

    Between the kind and the name there are only numbers. Everything after the last number is the name.
    """
    if text.count(",") >= len(columns) - 1 and "\t" not in text:
        cells = [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True))]
        if len(cells) >= len(columns) and all(_CELL.fullmatch(cell) for cell in cells[1 : len(columns) - 1]):
            last = len(columns) - 1
            return {**dict(zip(columns, cells[:last], strict=False)), columns[last]: "\t".join(cells[last:])}
    has_name = "name" in columns
    numbers = len(columns) - 2 if has_name else len(columns) - 1
    words = text.split()
    for start in range(1, len(words) - numbers + 1):
        if all(_CELL.fullmatch(word) for word in words[start : start + numbers]):
            name_cells = text.split(None, start + numbers)[start + numbers :]
            cells = [" ".join(words[:start]), *words[start : start + numbers], *name_cells]
            if len(cells) > len(columns):
                return {}
            return {**dict.fromkeys(columns, ""), **dict(zip(columns, cells, strict=False))}
    return {}
