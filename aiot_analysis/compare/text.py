"""Terminal output of a comparison."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from aiot_analysis.compare import wording
from aiot_analysis.compare.comparison import Comparison
from aiot_analysis.words import plural

UNCHANGED = "no change shown"


def render_text(found: Comparison) -> str:
    """Return the comparison as plain text, with changes first."""
    parts = [_head(found), [wording.counted(found), *_judged(found)]]
    worded_rows = wording.lines(found)
    metrics = list(dict.fromkeys(found.table["metric"]))
    heads = ["", *(word for metric in metrics for word in wording.head(metric)), ""]
    for title, section_lines in (
        ("changed", [line for line in worded_rows if line.changed]),
        (UNCHANGED, [line for line in worded_rows if not line.changed]),
    ):
        if section_lines:
            rows = [
                [line.name, *(cell for metric in metrics for cell in line.cells[metric]), _words(line)]
                for line in section_lines
            ]
            parts.append(aligned([[title, *heads[1:]], *rows]))
    changes = [wording.head(metric)[1].replace("change", f"change in {metric}") for metric in metrics]
    parts.append(aligned([["averages (95 % each)", "instances", *changes], *wording.together(found)]))
    if score_rows := wording.scored(found):
        parts.append(aligned([["score (95 % each)", "A", "B", "change, %", ""], *score_rows]))
    if cost_rows := wording.costs(found):
        parts.append(
            aligned([["one value per run", "instances", "smallest change, %", "median", "largest"], *cost_rows])
        )
    all_notes = dict.fromkeys(line.note for line in worded_rows if line.note)
    if all_notes:
        parts.append(["notes", *(f"  {_of(worded_rows, note)}: {note}" for note in all_notes)])
    if care_rows := wording.careful(found):
        parts.append(aligned([["compared but flagged", "", ""], *care_rows]))
    if left_out_rows := wording.left_out(found):
        parts.append(["not compared", *(f"  {name}: {reason}" for name, reason in left_out_rows)])
    return "\n\n".join("\n".join(map(plain, part)) for part in parts if part) + "\n"


def _head(found: Comparison) -> list[str]:
    rows = [[name, row[0], *(["→", row[1]] if len(row) > 1 else [])] for name, *row in wording.facts(found)]
    head = [f"A  {found.words[0]}", f"B  {found.words[1]}", ""]
    if found.simulated:
        head.insert(2, "Simulated: nothing was measured, and the differences shown here were built into the data.")
    differences = [f"differs in  {difference}" for difference in wording.differing(found)] or [
        "differs in  nothing recorded"
    ]
    return [*head, *aligned(rows), *differences, f"paired      {wording.paired(found)}"]


def _judged(found: Comparison) -> list[str]:
    verdict = wording.judged(found)
    return [verdict, *(f"  {regression}" for regression in found.regressions)] if verdict else []


def _words(line: wording.WordedRow) -> str:
    return f"REGRESSION, {line.words}" if line.regression else line.words


def _of(worded_rows: Sequence[wording.WordedRow], note: str) -> str:
    names = [line.name for line in worded_rows if line.note == note]
    return names[0] if len(names) == 1 else plural(len(names), "instance")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines with aligned columns."""
    width: dict[int, int] = {}
    for row in rows:
        for column, cell in enumerate(row[:-1]):  # the last column needs no padding
            width[column] = max(width.get(column, 0), len(cell))
    return ["  ".join(cell.ljust(width.get(index, 0)) for index, cell in enumerate(row)).rstrip() for row in rows]


def plain(line: str) -> str:
    """Replace control characters, which device names may contain, by question marks."""
    return "".join(character if unicodedata.category(character)[0] != "C" else "?" for character in line)
