"""Formatting of a comparison's numbers for readers, and their order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from aiot_analysis.compare import in_turn
from aiot_analysis.compare.comparison import Comparison
from aiot_analysis.compare.instances import ACCURACY, UNPAIRED
from aiot_analysis.compare.matching import ONE, SAME
from aiot_analysis.compare.sides import short
from aiot_analysis.compare.summaries import COSTS
from aiot_analysis.tables import names
from aiot_analysis.words import CONFIDENCE, p_value, plural

WORDS = {  # by verdict: text for accuracy, and for times
    "better": ("more accurate", "faster"),
    "worse": ("less accurate", "slower"),
    "no change shown": ("", ""),
    "not tested": ("accuracy not tested", "time not tested"),
}
NO_CHANGE = "no change shown"
UNITS = {ACCURACY: "%"}
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


def lines(found: Comparison) -> list[WordedRow]:
    """Return one line per instance: regressions first, then worse ones, better ones, and all others."""
    ranked: list[tuple[bool, bool, bool, int, WordedRow]] = []
    for instance, part in found.table.groupby("instance_id", sort=False):
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


def counted(found: Comparison) -> str:
    """Return how many instances were compared and how many changed."""
    distinct = found.table.drop_duplicates("instance_id")
    changed = sum(line.changed for line in lines(found))
    text = f"{plural(len(distinct), 'instance')} compared, {changed} with a demonstrated change"
    level = f"{100 * CONFIDENCE:g} %"
    return f"{text} ({level} intervals and tests, joint over {plural(found.comparisons, 'comparison')})"


def judged(found: Comparison) -> str:
    """Return a summary of the regressions, or "" if they were not requested."""
    margins = found.asked.margins
    if not margins:
        return ""
    points = plural(100 * margins.accuracy, "point")
    limit = f"slower by more than {100 * margins.time:g} %, or accuracy lower by more than {points}"
    if _single(found):
        limit += f"; assuming that two runs of the same differ by at most {100 * found.asked.run_to_run:g} %"
    if not found.regressions:
        return f"no regression found ({limit})"
    return f"{plural(len(found.regressions), 'regression')} ({limit})"


def _single(found: Comparison) -> bool:
    """Return whether any times are from too few sessions to estimate how sessions differ."""
    return bool(((found.table["metric"] != ACCURACY) & (found.table["way"] == "images")).any())


def paired(found: Comparison) -> str:
    """Return a description of how the sides are paired and what the intervals are over."""
    if found.kind == in_turn.KIND:
        return in_turn.in_words(found.table)
    if found.kind == SAME:
        return "every device with itself; intervals of times are over devices, those of accuracy over images"
    if found.kind != ONE:
        return "no device is on both sides; intervals of times are over devices, those of accuracy over images"
    times = found.table[found.table["metric"] != ACCURACY]
    sessions = sorted(set(times[times["way"] == "sessions"]["units"]))
    by_images = times[times["way"] == "images"]
    pairs = "" if by_images["note"].str.contains(UNPAIRED, regex=False).any() or sessions else " (as are times)"
    parts = [f"accuracy is compared image by image{'' if times.empty else pairs}"]
    if sessions:
        parts.append(f"intervals of times are over sessions ({', '.join(sessions)})")
    if len(by_images):
        allowed = f"intervals of times allow for {100 * found.asked.run_to_run:g} % between two runs of the same"
        scope = " of some instances" * bool(sessions)
        parts.append(
            f"too few sessions{scope} to estimate how sessions differ: uses the latest run of each side, and {allowed}"
        )
    return "; ".join(parts)


def together(found: Comparison) -> list[list[str]]:
    """Return rows for implementations and models: name, number of instances, and one cell per metric."""
    rows = []
    metrics = list(dict.fromkeys(found.groups["metric"]))
    for group, part in found.groups.groupby("group", sort=False):
        cells = part.set_index("metric")
        name = names.display(str(group)) if group else "all instances"
        change = [interval(*(cells.loc[metric, column] for column in ("change", "low", "high"))) for metric in metrics]
        rows.append([name, str(int(cells["instances"].max())), *change])
    return rows


def scored(found: Comparison) -> list[list[str]]:
    """Return rows for the score: name, VIPS of A, VIPS of B, change, and note."""
    rows = []
    for row in found.scores.to_dict("records"):
        name = f"VIPS of {row['instances']} of {row['of']} {row['suite']} instances"
        sides = [_ends(*(row[f"{side}{end}"] for end in ("", "_low", "_high"))) for side in ("base", "other")]
        rows.append([name, *sides, interval(row["change"], row["low"], row["high"]), row["note"] or ""])
    return rows


def _ends(value: float, low: float, high: float) -> str:
    return _number(value) if pd.isna(low) or pd.isna(high) else f"{_number(value)} ({_number(low)} to {_number(high)})"


def costs(found: Comparison) -> list[list[str]]:
    """Return rows for load time, memory and model file: name, number of instances, and range of the change.

    The range is the minimum, median and maximum over the instances.
    """
    rows = []
    for cost, name in COSTS.items():
        change = found.costs[found.costs["cost"] == cost]["change"].dropna()
        if len(change):
            rows.append(
                [
                    name,
                    str(len(change)),
                    *(f"{_signed(value)}" for value in (change.min(), change.median(), change.max())),
                ]
            )
    return rows


def differing(found: Comparison) -> list[str]:
    """Return the fields in which the two sides differ, with their values."""
    descriptions = []
    for field, values in found.differs.items():
        examples = "; ".join(f"{short(a)} → {short(b)}" for a, b in values[:3])
        remainder = f"; and {len(values) - 3} more" if len(values) > 3 else ""
        if field == "model_sha256":
            descriptions.append(f"model files: {len(values)} differ")
        else:
            descriptions.append(f"{field.replace('_', ' ')}: {examples}{remainder}")
    return descriptions


def left_out(found: Comparison) -> list[list[str]]:
    """Return rows for what was not compared: instances and reason, grouped by reason."""
    rows = []
    for reason, part in found.apart.groupby("reason", sort=False):
        ids = list(dict.fromkeys(part["instance_id"]))
        devices = part["device_id"].nunique()
        name = ", ".join(names.instance_display(instance_id) for instance_id in ids[:3]) + (
            f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        )
        rows.append([name + (f" (on {devices} devices)" if devices > 1 else ""), str(reason)])
    return rows


def careful(found: Comparison) -> list[list[str]]:
    """Return rows for what should be compared with care: side, number of instances, and reason."""
    parts = found.careful.groupby(["side", "reasons"], sort=False, as_index=False).size()
    return [[row["side"], plural(row["size"], "instance"), row["reasons"]] for row in parts.to_dict("records")]


def facts(found: Comparison) -> list[list[str]]:
    """Return rows of facts about A and B; facts that they share have a single value."""
    rows = []
    for name in dict.fromkeys([*found.facts[0], *found.facts[1]]):
        a, b = (side.get(name, "none") for side in found.facts)
        rows.append([name, a] if a == b else [name, a, b])
    return rows
