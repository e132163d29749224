"""Markdown output of a comparison for a pull request: a table of changes, with everything else folded."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from aiot_analysis.compare import wording
from aiot_analysis.compare.comparison import Comparison
from aiot_analysis.compare.text import plain
from aiot_analysis.words import plural

SHOWN = 20
"""Maximum number of changed instances that are visible; more are folded."""
_MEANING = re.compile(r"([\\`*_{}\[\]|~#@!])")


def render_markdown(found: Comparison) -> str:
    """Return the comparison as GitHub Markdown. Names are escaped, since they come from devices."""
    worded_rows = wording.lines(found)
    changed = [line for line in worded_rows if line.changed or line.regression]
    visible, folded = changed[:SHOWN], [*changed[SHOWN:], *(line for line in worded_rows if line not in changed)]
    parts = [f"### `aiot compare`: {escaped(found.words[0])} → {escaped(found.words[1])}"]
    if found.simulated:
        parts.append("**Simulated**: nothing was measured, and the differences shown here were built into the data.")
    parts.append(f"**{escaped(_verdict(found))}**")
    if found.regressions:
        parts.append("\n".join(f"- {escaped(regression)}" for regression in found.regressions))
    differing_fields = "; ".join(map(escaped, wording.differing(found)))
    parts.append(f"Recorded differences: {differing_fields or 'none'}.")
    if visible:
        parts.append(_instances(found, visible))
    if folded:
        title = f"{len(folded)} {'more' if len(changed) > SHOWN else 'without a demonstrated change'}"
        parts.append(_folded(f"{title}", _instances(found, folded)))
    metrics = list(dict.fromkeys(found.table["metric"]))
    changes = [wording.head(metric)[1].replace("change", f"change in {metric}") for metric in metrics]
    groups = _table(["", "instances", *changes], wording.together(found))
    if score_rows := wording.scored(found):
        groups += "\n\n" + _table(["score", "A", "B", "change, %", ""], score_rows)
    if cost_rows := wording.costs(found):
        groups += "\n\n" + _table(
            ["one value per run", "instances", "smallest change, %", "median", "largest"], cost_rows
        )
    parts.append(_folded("By implementation and model, score, memory, load time", groups))
    if left_out_rows := wording.left_out(found):
        parts.append(_folded(f"Not compared: {len(found.apart)}", _table(["instances", "reason"], left_out_rows)))
    parts.append(_folded("What was compared, and how", _how(found)))
    return "\n\n".join(parts) + "\n"


def _verdict(found: Comparison) -> str:
    verdict = wording.judged(found)
    counts = wording.counted(found)
    return f"{verdict[0].upper()}{verdict[1:]}. {counts}." if verdict else f"{counts}."


def _instances(found: Comparison, worded_rows: Sequence[wording.WordedRow]) -> str:
    metrics = list(dict.fromkeys(found.table["metric"]))
    heads = ["instance", *(word for metric in metrics for word in wording.head(metric)), ""]
    rows = []
    for line in worded_rows:
        words = f"**regression**: {line.words}" if line.regression else line.words
        rows.append([escaped(line.name), *(cell for metric in metrics for cell in line.cells[metric]), words])
    return _table(heads, rows, escape=False)


def _how(found: Comparison) -> str:
    rows = [[name, row[0], row[-1]] for name, *row in wording.facts(found)]
    parts = [_table(["", "A", "B"], rows), f"Paired: {escaped(wording.paired(found))}."]
    if care_rows := wording.careful(found):
        parts.append(_table(["side", "flagged", "reason"], care_rows))
    notes = dict.fromkeys(line.note for line in wording.lines(found) if line.note)
    parts += [f"- {escaped(note)}" for note in notes]
    comparisons = plural(found.comparisons, "comparison")
    parts.append(
        f"Intervals are in brackets. Those of instances, and their p-values, hold together at 95 % over {comparisons} "
        "(Bonferroni); those of groups and scores hold at 95 % each."
    )
    return "\n\n".join(parts)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], escape: bool = True) -> str:
    body = [[escaped(cell) for cell in row] if escape else list(row) for row in rows]
    used = [column for column, head in enumerate(heads) if head or any(row[column] for row in body)]
    table_rows = [[row[column] for column in used] for row in [list(heads), *body]]
    lines = [f"| {' | '.join(row)} |" for row in table_rows]
    lines.insert(1, "|" + " --- |" * len(used))
    return "\n".join(lines)


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{html.escape(title)}</summary>\n\n{content}\n\n</details>"


def escaped(text: str) -> str:
    """Escape text so that it contains no HTML, Markdown, line breaks or mentions."""
    return _MEANING.sub(r"\\\1", html.escape(plain(text), quote=False)).replace("@", "@\u200b")
