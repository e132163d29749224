"""The numbers of a comparison as readers see them, and the order in which they come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aiot_analysis.compare import in_turn
from aiot_analysis.compare.comparison import Comparison
from aiot_analysis.compare.instances import ACCURACY, UNPAIRED
from aiot_analysis.compare.matching import ONE, SAME
from aiot_analysis.compare.sides import short
from aiot_analysis.compare.summaries import COSTS
from aiot_analysis.stats.resample import LEVEL
from aiot_analysis.tables import names
from aiot_analysis.words import plural

WORDS = {  # of a verdict on accuracy, and on times
    "better": ("more accurate", "faster"),
    "worse": ("less accurate", "slower"),
    "no change shown": ("", ""),
    "not tested": ("accuracy not tested", "time not tested"),
}
NO_CHANGE = "no change shown"
UNITS = {ACCURACY: "%"}
MS_DIGITS = 4  # significant ones of a time


@dataclass(frozen=True)
class Line:
    """One instance."""

    name: str
    cells: dict[str, tuple[str, str]]  # by metric: from A to B, and the change with its interval and p
    words: str  # what changed
    changed: bool
    regression: bool
    note: str


def lines(found: Comparison) -> list[Line]:
    """A line an instance: regressions first, then what is worse, what is better, and all others."""
    ranked: list[tuple[bool, bool, bool, int, Line]] = []
    for instance, part in found.table.groupby("instance_id", sort=False):
        rows = part.to_dict("records")
        cells = {row["metric"]: (_values(row), _change(row)) for row in rows}
        told = dict.fromkeys(WORDS[row["verdict"]][row["metric"] != ACCURACY] for row in rows)
        regression = any(row["regression"] for row in rows)
        verdicts = {row["verdict"] for row in rows}
        words = ", ".join(one for one in told if one) or NO_CHANGE
        notes = dict.fromkeys(row["note"] for row in rows if row["note"])
        changed = bool(verdicts & {"better", "worse"})
        line = Line(names.instance_display(str(instance)), cells, words, changed, regression, "; ".join(notes))
        ranked.append((not regression, "worse" not in verdicts, not changed, len(ranked), line))
    return [one[-1] for one in sorted(ranked, key=lambda one: one[:4])]


def _values(row: dict) -> str:
    if row["metric"] == ACCURACY:
        return f"{_points(row['base'])} → {_points(row['other'])}"
    return f"{_number(row['base'])} → {_number(row['other'])}"


def _change(row: dict) -> str:
    """Return a change with its interval, in points or percent, and p, both for all comparisons together."""
    text = interval(row["change"], row["low"], row["high"])
    return text if pd.isna(row["p_adjusted"]) else f"{text}, {p_value(row['p_adjusted'])}"


def interval(change: float, low: float, high: float) -> str:
    """Fractions as points or percent, like "+4.2 (+3.0 to +5.5)"; "?" where nothing is known."""
    if pd.isna(change):
        return "?"
    if pd.isna(low) or pd.isna(high):
        return _signed(change)
    return f"{_signed(change)} ({_end(low)} to {_end(high)})"


def p_value(p: float) -> str:
    return "p <0.001" if p < 0.001 else f"p {p:.2g}" if p < 0.1 else f"p {p:.1f}"


def _signed(fraction: float) -> str:
    percent = 100 * fraction
    text = f"{percent:+.1f}" if abs(percent) < 1000 else f"{percent:+,.0f}"
    return text.replace("+0.0", "0.0").replace("-0.0", "0.0") if abs(percent) < 0.05 else text


def _end(fraction: float) -> str:
    """Write an end of an interval; one that is nearly 0 keeps its sign, which tells whether 0 is inside."""
    return _signed(fraction) if abs(100 * fraction) >= 0.05 else f"{100 * fraction:+.1f}" if fraction else "0.0"


def _points(fraction: float) -> str:
    return "?" if pd.isna(fraction) else f"{100 * fraction:.1f}"


def _number(value: float) -> str:
    if pd.isna(value):
        return "?"
    digits = max(MS_DIGITS - 1 - int(np.floor(np.log10(abs(value)))), 0) if value else 0
    return f"{value:,.{min(digits, 3)}f}"


def head(metric: str) -> tuple[str, str]:
    """The heads of the two columns of a metric."""
    if metric == ACCURACY:
        return "accuracy, %", "change, points"
    return f"{metric} time, ms", "change, %"


def counted(found: Comparison) -> str:
    """How much was compared, and what came of it."""
    once = found.table.drop_duplicates("instance_id")
    changed = sum(line.changed for line in lines(found))
    text = f"{plural(len(once), 'instance')} compared, {changed} with a change that is shown"
    return f"{text} (intervals and tests: {LEVEL:.0%} together over {plural(found.comparisons, 'comparison')})".replace(
        "%", " %"
    )


def judged(found: Comparison) -> str:
    """What the regressions come to; "" if they were not asked for."""
    margins = found.asked.margins
    if not margins:
        return ""
    points = plural(100 * margins.accuracy, "point")
    limit = f"slower by more than {100 * margins.time:g} %, or less accurate by more than {points}"
    if _single(found):
        limit += f"; if two runs of the same differ by no more than {100 * found.asked.run_to_run:g} %"
    if not found.regressions:
        return f"no regression is shown ({limit})"
    return f"{plural(len(found.regressions), 'regression')} ({limit})"


def _single(found: Comparison) -> bool:
    """Return whether some times are of too few sessions to tell how sessions differ."""
    return bool(((found.table["metric"] != ACCURACY) & (found.table["way"] == "images")).any())


def paired(found: Comparison) -> str:
    """What the intervals are over."""
    if found.kind == in_turn.KIND:
        return in_turn.in_words(found.table)
    if found.kind == SAME:
        return "every device with itself; intervals of times are over devices, of accuracy over images"
    if found.kind != ONE:
        return "no device is on both sides; intervals of times are over devices, of accuracy over images"
    times = found.table[found.table["metric"] != ACCURACY]
    sessions = sorted(set(times[times["way"] == "sessions"]["units"]))
    single = times[times["way"] == "images"]
    pairs = "" if single["note"].str.contains(UNPAIRED, regex=False).any() or sessions else " (times too)"
    told = [f"accuracy image by image{'' if times.empty else pairs}"]
    if sessions:
        told.append(f"intervals of times are over sessions ({', '.join(sessions)})")
    if len(single):
        allowed = f"intervals of times allow for {100 * found.asked.run_to_run:g} % between two runs of the same"
        some = " of some instances" * bool(sessions)
        told.append(f"too few sessions{some} to tell how sessions differ: the latest run of each side, {allowed}")
    return "; ".join(told)


def together(found: Comparison) -> list[list[str]]:
    """Rows of implementations and models: name, instances, and a cell a metric."""
    rows = []
    metrics = list(dict.fromkeys(found.groups["metric"]))
    for group, part in found.groups.groupby("group", sort=False):
        cells = part.set_index("metric")
        name = names.display(str(group)) if group else "all instances"
        change = [interval(*(cells.loc[one, column] for column in ("change", "low", "high"))) for one in metrics]
        rows.append([name, str(int(cells["instances"].max())), *change])
    return rows


def scored(found: Comparison) -> list[list[str]]:
    """Rows of the score: name, VIPS of A, of B, and the change."""
    rows = []
    for row in found.scores.to_dict("records"):
        name = f"VIPS of {row['instances']} of {row['of']} {row['suite']} instances"
        sides = [_ends(*(row[f"{side}{end}"] for end in ("", "_low", "_high"))) for side in ("base", "other")]
        rows.append([name, *sides, interval(row["change"], row["low"], row["high"]), row["note"] or ""])
    return rows


def _ends(value: float, low: float, high: float) -> str:
    return _number(value) if pd.isna(low) or pd.isna(high) else f"{_number(value)} ({_number(low)} to {_number(high)})"


def costs(found: Comparison) -> list[list[str]]:
    """Rows of load time, memory and model file: name, least, median and greatest change over the instances."""
    rows = []
    for cost, name in COSTS.items():
        change = found.costs[found.costs["cost"] == cost]["change"].dropna()
        if len(change):
            rows.append(
                [name, str(len(change)), *(f"{_signed(one)}" for one in (change.min(), change.median(), change.max()))]
            )
    return rows


def differing(found: Comparison) -> list[str]:
    """The fields in which the two sides differ, each with its values."""
    told = []
    for field, values in found.differs.items():
        some = "; ".join(f"{short(a)} → {short(b)}" for a, b in values[:3])
        more = f"; and {len(values) - 3} more" if len(values) > 3 else ""
        if field == "model_sha256":
            told.append(f"model files: {len(values)} differ")
        else:
            told.append(f"{field.replace('_', ' ')}: {some}{more}")
    return told


def left_out(found: Comparison) -> list[list[str]]:
    """What was not compared: instances, and the reason; the same reason once."""
    rows = []
    for reason, part in found.apart.groupby("reason", sort=False):
        ids = list(dict.fromkeys(part["instance_id"]))
        devices = part["device_id"].nunique()
        name = ", ".join(names.instance_display(one) for one in ids[:3]) + (
            f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        )
        rows.append([name + (f" (on {devices} devices)" if devices > 1 else ""), str(reason)])
    return rows


def careful(found: Comparison) -> list[list[str]]:
    """What is compared with care: side, how many instances, and the reason."""
    parts = found.careful.groupby(["side", "reasons"], sort=False, as_index=False).size()
    return [[row["side"], plural(row["size"], "instance"), row["reasons"]] for row in parts.to_dict("records")]


def facts(found: Comparison) -> list[list[str]]:
    """Rows of the facts of A and of B; those that both share come with one value."""
    rows = []
    for name in dict.fromkeys([*found.facts[0], *found.facts[1]]):
        a, b = (side.get(name, "none") for side in found.facts)
        rows.append([name, a] if a == b else [name, a, b])
    return rows
