"""The times of operators that benchmark_model prints with --enable_op_profiling=true, as text or as CSV.

Columns are found by their names in the header, since builds before 2023 have a column [start] more.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from runner.native.text import lines, number, whole

ROWS_AT_MOST = 100_000

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
    found: list[Operator] = []
    phase, subgraph, ordered = "runs", 0, False
    columns: list[str] = []
    for _, text in lines(stdout):
        bare = text.strip()
        if bare.rstrip(":") in _PHASES:
            phase, subgraph = _PHASES[bare.rstrip(":")], 0
        elif match := _SUBGRAPH.fullmatch(bare):
            subgraph = whole(match[1]) or 0
        elif match := _TITLE.fullmatch(bare):
            ordered, columns = match[1] == "Run Order", []
        elif header := _header(text):
            # a CSV file of an early build has no titles: its first table is the one in order
            columns = header if ordered or not found else []
        elif columns and len(found) < ROWS_AT_MOST and (row := _row(text, columns)):
            mean_ms = number(row.get("mean_ms"))
            if mean_ms is not None:
                found.append(_operator(phase, subgraph, row, mean_ms))
        elif not bare:
            columns = []
    return found


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


def _cells(text: str) -> list[str]:
    """The cells of a line of either form; [] of a line that is no row."""
    if text.startswith("\t"):
        return [cell.strip() for cell in text[1:].split("\t")]
    if "," in text:
        return [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True))]
    return []


def _header(text: str) -> list[str]:
    """The columns that a line names, by their names here; [] if it is no header of operators."""
    named = [cell.strip("[]").lower() for cell in _cells(text)]
    return [_HEADERS.get(name, name) for name in named] if named[:1] == ["node type"] and "name" in named else []


def _row(text: str, columns: list[str]) -> dict[str, str]:
    """The cells of a row by column; {} of a line that is no row. What follows the last column belongs to the name."""
    cells = _cells(text)
    if len(cells) < len(columns):
        return {}
    last = len(columns) - 1
    return {**dict(zip(columns, cells[:last], strict=False)), columns[last]: "\t".join(cells[last:])}
