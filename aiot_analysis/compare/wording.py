"""Output of a comparison for a terminal, a pull request and a program."""

from __future__ import annotations

import html
import json
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.compare import interleaved
from aiot_analysis.compare.comparison import COSTS, Comparison
from aiot_analysis.compare.instances import ACCURACY, UNPAIRED
from aiot_analysis.compare.matching import ONE, SAME
from aiot_analysis.compare.sides import short
from aiot_analysis.stats import intervals
from aiot_analysis.tables import names
from aiot_analysis.words import CONFIDENCE, p_value, plural, sentence

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

WORDS = {  # by verdict: text for accuracy, and for times
    "better": ("more accurate", "faster"),
    "worse": ("less accurate", "slower"),
    "no change shown": ("", ""),
    "not tested": ("accuracy not tested", "time not tested"),
}
NO_CHANGE = "no change shown"
MS_DIGITS = 4  # significant digits of a time


@dataclass(frozen=True)
class WordedRow:
    """Formatted results of one instance."""

    name: str
    cells: dict[str, tuple[str, str]]  # by metric: the values of A and B, and the change with its interval and p
    words: str  # what changed
    changed: bool
    regression: bool
    note: str


def lines(comparison: Comparison) -> list[WordedRow]:
    """Return one line per instance: regressions first, then worse ones, better ones, and all others."""
    ranked: list[tuple[bool, bool, bool, int, WordedRow]] = []
    for instance, part in comparison.table.groupby("instance_id", sort=False):
        rows = part.to_dict("records")
        cells = {row["metric"]: (_values(row), _change(row)) for row in rows}
        changes = dict.fromkeys(WORDS[row["verdict"]][row["metric"] != ACCURACY] for row in rows)
        regression = any(row["regression"] for row in rows)
        verdicts = {row["verdict"] for row in rows}
        words = ", ".join(item for item in changes if item) or NO_CHANGE
        notes = dict.fromkeys(row["note"] for row in rows if row["note"])
        changed = bool(verdicts & {"better", "worse"})
        line = WordedRow(names.instance_display(str(instance)), cells, words, changed, regression, "; ".join(notes))
        ranked.append((not regression, "worse" not in verdicts, not changed, len(ranked), line))
    return [item[-1] for item in sorted(ranked, key=lambda item: item[:4])]


def _values(row: Mapping[Hashable, Any]) -> str:
    if row["metric"] == ACCURACY:
        return f"{_points(row['base'])} → {_points(row['other'])}"
    return f"{_number(row['base'])} → {_number(row['other'])}"


def _change(row: Mapping[Hashable, Any]) -> str:
    """Return a change in points or percent, with interval and p corrected for all comparisons."""
    text = interval(row["change"], row["low"], row["high"])
    return text if pd.isna(row["p_adjusted"]) else f"{text}, p {p_value(row['p_adjusted'])}"


def interval(change: float, low: float, high: float) -> str:
    """Return fractions as points or percent, such as "+4.2 (+3.0 to +5.5)", or "?" if the change is unknown."""
    if pd.isna(change):
        return "?"
    if pd.isna(low) or pd.isna(high):
        return _signed(change)
    return f"{_signed(change)} ({_end(low)} to {_end(high)})"


def _signed(fraction: float) -> str:
    percent = 100 * fraction
    text = f"{percent:+.1f}" if abs(percent) < 1000 else f"{percent:+,.0f}"
    return text.replace("+0.0", "0.0").replace("-0.0", "0.0") if abs(percent) < 0.05 else text


def _end(fraction: float) -> str:
    """Format an end of an interval; one near 0 keeps its sign, which shows whether the interval includes 0."""
    return _signed(fraction) if abs(100 * fraction) >= 0.05 else f"{100 * fraction:+.1f}" if fraction else "0.0"


def _points(fraction: float) -> str:
    return "?" if pd.isna(fraction) else f"{100 * fraction:.1f}"


def _number(value: float) -> str:
    if pd.isna(value):
        return "?"
    digits = max(MS_DIGITS - 1 - int(np.floor(np.log10(abs(value)))), 0) if value else 0
    return f"{value:,.{min(digits, 3)}f}"


def head(metric: str) -> tuple[str, str]:
    """Return the headings of the two columns of a metric."""
    if metric == ACCURACY:
        return "accuracy, %", "change, points"
    return f"{metric} time, ms", "change, %"


def summary(comparison: Comparison) -> str:
    """Return how many instances were compared and how many changed."""
    distinct = comparison.table.drop_duplicates("instance_id")
    changed = sum(line.changed for line in lines(comparison))
    text = f"{plural(len(distinct), 'instance')} compared, {changed} with a demonstrated change"
    level = f"{100 * CONFIDENCE:g}%"
    return f"{text} ({level} intervals and tests, joint over {plural(comparison.comparisons, 'comparison')})"


def judged(comparison: Comparison) -> str:
    """Return a summary of the regressions, or "" if they were not requested."""
    margins = comparison.options.margins
    if not margins:
        return ""
    points = plural(100 * margins.accuracy, "point")
    limit = f"slower by more than {100 * margins.time:g}%, or accuracy lower by more than {points}"
    if _single(comparison):
        limit += f"; assuming that two runs of the same differ by at most {100 * comparison.options.run_to_run:g}%"
    if not comparison.regressions:
        return f"no regression found ({limit})"
    return f"{plural(len(comparison.regressions), 'regression')} ({limit})"


def _single(comparison: Comparison) -> bool:
    """Return whether any times are from too few sessions to estimate how sessions differ."""
    return bool(((comparison.table["metric"] != ACCURACY) & (comparison.table["way"] == "images")).any())


def paired(comparison: Comparison) -> str:
    """Return a description of how the sides are paired and what the intervals are over."""
    if comparison.kind == interleaved.KIND:
        return interleaved.in_words(comparison.table)
    if comparison.kind == SAME:
        return "every device with itself; intervals of times are over devices, those of accuracy over images"
    if comparison.kind != ONE:
        return "no device is on both sides; intervals of times are over devices, those of accuracy over images"
    times = comparison.table[comparison.table["metric"] != ACCURACY]
    sessions = sorted(set(times[times["way"] == "sessions"]["units"]))
    by_images = times[times["way"] == "images"]
    pairs = "" if by_images["note"].str.contains(UNPAIRED, regex=False).any() or sessions else " (as are times)"
    parts = [f"accuracy is compared image by image{'' if times.empty else pairs}"]
    if sessions:
        parts.append(f"intervals of times are over sessions ({', '.join(sessions)})")
    if len(by_images):
        allowed = f"intervals of times allow for {100 * comparison.options.run_to_run:g}% between two runs of the same"
        scope = " of some instances" * bool(sessions)
        parts.append(
            f"too few sessions{scope} to estimate how sessions differ: uses the latest run of each side, and {allowed}"
        )
    return "; ".join(parts)


def together(comparison: Comparison) -> list[list[str]]:
    """Return rows for implementations and models: name, number of instances, and one cell per metric."""
    rows = []
    metrics = list(dict.fromkeys(comparison.groups["metric"]))
    for group, part in comparison.groups.groupby("group", sort=False):
        cells = part.set_index("metric")
        name = names.display(str(group)) if group else "all instances"
        change = [interval(*(cells.loc[metric, column] for column in ("change", "low", "high"))) for metric in metrics]
        rows.append([name, str(int(cells["instances"].max())), *change])
    return rows


def scored(comparison: Comparison) -> list[list[str]]:
    """Return rows for the score: name, VIPS of A, VIPS of B, change, and note."""
    rows = []
    for row in comparison.scores.to_dict("records"):
        name = f"VIPS of {row['instances']} of {row['of']} {row['suite']} instances"
        sides = [_ends(*(row[f"{side}{end}"] for end in ("", "_low", "_high"))) for side in ("base", "other")]
        rows.append([name, *sides, interval(row["change"], row["low"], row["high"]), row["note"] or ""])
    return rows


def _ends(value: float, low: float, high: float) -> str:
    return _number(value) if pd.isna(low) or pd.isna(high) else f"{_number(value)} ({_number(low)} to {_number(high)})"


def costs(comparison: Comparison) -> list[list[str]]:
    """Return rows for load time, memory and model file: name, number of instances, and range of the change.

    The range is the minimum, median and maximum over the instances.
    """
    rows = []
    for cost, name in COSTS.items():
        change = comparison.costs[comparison.costs["cost"] == cost]["change"].dropna()
        if len(change):
            rows.append(
                [
                    name,
                    str(len(change)),
                    *(f"{_signed(value)}" for value in (change.min(), change.median(), change.max())),
                ]
            )
    return rows


def differing(comparison: Comparison) -> list[str]:
    """Return the fields in which the two sides differ, with their values."""
    descriptions = []
    for field, values in comparison.differs.items():
        examples = "; ".join(f"{short(a)} → {short(b)}" for a, b in values[:3])
        remainder = f"; and {len(values) - 3} more" if len(values) > 3 else ""
        if field == "model_sha256":
            descriptions.append(f"model files: {len(values)} differ")
        else:
            descriptions.append(f"{field.replace('_', ' ')}: {examples}{remainder}")
    return descriptions


def left_out(comparison: Comparison) -> list[list[str]]:
    """Return rows for what was not compared: instances and reason, grouped by reason."""
    rows = []
    for reason, part in comparison.apart.groupby("reason", sort=False):
        ids = list(dict.fromkeys(part["instance_id"]))
        devices = part["device_id"].nunique()
        name = ", ".join(names.instance_display(instance_id) for instance_id in ids[:3]) + (
            f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        )
        rows.append([name + (f" (on {devices} devices)" if devices > 1 else ""), str(reason)])
    return rows


def careful(comparison: Comparison) -> list[list[str]]:
    """Return rows for what should be compared with care: side, number of instances, and reason."""
    parts = comparison.careful.groupby(["side", "reasons"], sort=False, as_index=False).size()
    return [[row["side"], plural(row["size"], "instance"), row["reasons"]] for row in parts.to_dict("records")]


def facts(comparison: Comparison) -> list[list[str]]:
    """Return rows of facts about A and B; facts that they share have a single value."""
    rows = []
    for name in dict.fromkeys([*comparison.facts[0], *comparison.facts[1]]):
        a, b = (side.get(name, "none") for side in comparison.facts)
        rows.append([name, a] if a == b else [name, a, b])
    return rows


UNCHANGED = "no change shown"


def render_text(comparison: Comparison) -> str:
    """Return the comparison as plain text, with changes first."""
    parts = [_head(comparison), [summary(comparison), *_judged(comparison)]]
    worded_rows = lines(comparison)
    metrics = list(dict.fromkeys(comparison.table["metric"]))
    heads = ["", *(word for metric in metrics for word in head(metric)), ""]
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
    changes = [head(metric)[1].replace("change", f"change in {metric}") for metric in metrics]
    parts.append(aligned([["averages (95% each)", "instances", *changes], *together(comparison)]))
    if score_rows := scored(comparison):
        parts.append(aligned([["score (95% each)", "A", "B", "change, %", ""], *score_rows]))
    if cost_rows := costs(comparison):
        parts.append(
            aligned([["one value per run", "instances", "smallest change, %", "median", "largest"], *cost_rows])
        )
    all_notes = dict.fromkeys(line.note for line in worded_rows if line.note)
    if all_notes:
        parts.append(["notes", *(f"  {_of(worded_rows, note)}: {note}" for note in all_notes)])
    if care_rows := careful(comparison):
        parts.append(aligned([["compared but flagged", "", ""], *care_rows]))
    if left_out_rows := left_out(comparison):
        parts.append(["not compared", *(f"  {name}: {reason}" for name, reason in left_out_rows)])
    return "\n\n".join("\n".join(map(plain, part)) for part in parts if part) + "\n"


def _head(comparison: Comparison) -> list[str]:
    rows = [[name, row[0], *(["→", row[1]] if len(row) > 1 else [])] for name, *row in facts(comparison)]
    head = [f"A  {comparison.words[0]}", f"B  {comparison.words[1]}", ""]
    if comparison.simulated:
        head.insert(2, "Simulated: nothing was measured, and the differences shown here were built into the data.")
    differences = [f"differs in  {difference}" for difference in differing(comparison)] or [
        "differs in  nothing recorded"
    ]
    return [*head, *aligned(rows), *differences, f"paired      {paired(comparison)}"]


def _judged(comparison: Comparison) -> list[str]:
    verdict = judged(comparison)
    return [verdict, *(f"  {regression}" for regression in comparison.regressions)] if verdict else []


def _words(line: WordedRow) -> str:
    return f"REGRESSION, {line.words}" if line.regression else line.words


def _of(worded_rows: Sequence[WordedRow], note: str) -> str:
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


SHOWN = 20
"""Maximum number of changed instances that are visible; more are folded."""
_MEANING = re.compile(r"([\\`*_{}\[\]|~#@!])")


def render_markdown(comparison: Comparison) -> str:
    """Return the comparison as GitHub Markdown. Names are escaped, since they come from devices."""
    worded_rows = lines(comparison)
    changed = [line for line in worded_rows if line.changed or line.regression]
    visible, folded = changed[:SHOWN], [*changed[SHOWN:], *(line for line in worded_rows if line not in changed)]
    parts = [f"### `aiot compare`: {escaped(comparison.words[0])} → {escaped(comparison.words[1])}"]
    if comparison.simulated:
        parts.append("**Simulated**: nothing was measured, and the differences shown here were built into the data.")
    parts.append(f"**{escaped(_verdict(comparison))}**")
    if comparison.regressions:
        parts.append("\n".join(f"- {escaped(regression)}" for regression in comparison.regressions))
    differing_fields = "; ".join(map(escaped, differing(comparison)))
    parts.append(f"Recorded differences: {differing_fields or 'none'}.")
    if visible:
        parts.append(_instances(comparison, visible))
    if folded:
        title = f"{len(folded)} {'more' if len(changed) > SHOWN else 'without a demonstrated change'}"
        parts.append(_folded(f"{title}", _instances(comparison, folded)))
    metrics = list(dict.fromkeys(comparison.table["metric"]))
    changes = [head(metric)[1].replace("change", f"change in {metric}") for metric in metrics]
    groups = _table(["", "instances", *changes], together(comparison))
    if score_rows := scored(comparison):
        groups += "\n\n" + _table(["score", "A", "B", "change, %", ""], score_rows)
    if cost_rows := costs(comparison):
        groups += "\n\n" + _table(
            ["one value per run", "instances", "smallest change, %", "median", "largest"], cost_rows
        )
    parts.append(_folded("By implementation and model, score, memory, load time", groups))
    if left_out_rows := left_out(comparison):
        parts.append(_folded(f"Not compared: {len(comparison.apart)}", _table(["instances", "reason"], left_out_rows)))
    parts.append(_folded("What was compared, and how", _how(comparison)))
    return "\n\n".join(parts) + "\n"


def _verdict(comparison: Comparison) -> str:
    verdict = judged(comparison)
    counts = summary(comparison)
    return f"{sentence(verdict)} {counts}." if verdict else f"{counts}."


def _instances(comparison: Comparison, worded_rows: Sequence[WordedRow]) -> str:
    metrics = list(dict.fromkeys(comparison.table["metric"]))
    heads = ["instance", *(word for metric in metrics for word in head(metric)), ""]
    rows = []
    for line in worded_rows:
        words = f"**regression**: {line.words}" if line.regression else line.words
        rows.append([escaped(line.name), *(cell for metric in metrics for cell in line.cells[metric]), words])
    return _table(heads, rows, escape=False)


def _how(comparison: Comparison) -> str:
    rows = [[name, row[0], row[-1]] for name, *row in facts(comparison)]
    parts = [_table(["", "A", "B"], rows), f"Paired: {escaped(paired(comparison))}."]
    if care_rows := careful(comparison):
        parts.append(_table(["side", "flagged", "reason"], care_rows))
    notes = dict.fromkeys(line.note for line in lines(comparison) if line.note)
    parts += [f"- {escaped(note)}" for note in notes]
    comparisons = plural(comparison.comparisons, "comparison")
    parts.append(
        f"Intervals are in brackets. Those of instances, and their p-values, hold together at 95% over {comparisons} "
        "(Bonferroni); those of groups and scores hold at 95% each."
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


SCHEMA_VERSION = 1


def render_json(comparison: Comparison) -> str:
    """Return the comparison as a JSON object, whose fields are described in docs/compare.md.

    Fractions are of 1, times are in ms, and unknown values are null.
    """
    margins = comparison.options.margins
    sides = [{"words": words, **facts} for words, facts in zip(comparison.words, comparison.facts, strict=True)]
    content = {
        "schema_version": SCHEMA_VERSION,
        "simulated": comparison.simulated,
        "a": sides[0],
        "b": sides[1],
        "timing": comparison.timing,
        "kind": comparison.kind,
        "paired": paired(comparison),
        "differs_in": {field: [list(pair) for pair in pairs] for field, pairs in comparison.differs.items()},
        "comparisons": comparison.comparisons,
        "level": intervals.level(comparison.comparisons),
        "margins": {"time": margins.time, "accuracy": margins.accuracy} if margins else None,
        "regressions": comparison.regressions,
        "instances": _rows(comparison.table),
        "together": _rows(comparison.groups),
        "scores": _rows(comparison.scores),
        "costs": _rows(comparison.costs),
        "with_care": _rows(comparison.careful),
        "not_compared": _rows(comparison.apart),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): _value(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _value(value: Any) -> Any:
    """Convert a value to a JSON number, text or null; missing and non-finite numbers become null."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
