"""Comparison of two sides: its settings, its results, and the facts reported about each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.compare import instances, matching, regression, sources, summaries, vips_change
from aiot_analysis.compare.sides import Side, counted
from aiot_analysis.errors import CompareError
from aiot_analysis.stats import variance
from aiot_analysis.tables import choice, names, select

TIMINGS = list(choice.TIMES)
FACTS = [
    "tables",
    "device",
    "run",
    "sessions",
    "origin",
    "dataset",
    "weights",
    "timing",
    "source",
    "profile",
    "threads",
    "conditions",
]
"""Facts reported about each side, in order, before the versions of its frameworks."""


@dataclass(frozen=True)
class CompareOptions:
    """Settings of a comparison."""

    metrics: Sequence[str] = (instances.ACCURACY, "mean")
    timing: str = ""  # "" for end to end, or inference if some instance has only that
    verdicts: str = ",".join(choice.USABLE)
    margins: regression.Margins | None = None  # None if regressions are not requested
    run_to_run: float = variance.RUN_TO_RUN  # see `variance.RUN_TO_RUN`
    seed: int = 0


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison: the facts about sides A and B, and what changed from A to B."""

    words: tuple[str, str]  # the sides as the user named them
    facts: tuple[dict[str, str], dict[str, str]]  # about the compared instances, for A and for B
    asked: CompareOptions
    timing: str
    kind: str  # ONE, SAME or OTHER of `matching`, or `in_turn.KIND`
    differs: dict[str, list[tuple[str, str]]]
    table: pd.DataFrame  # see `instances.compare_instances`
    groups: pd.DataFrame  # see `summaries.summaries`
    scores: pd.DataFrame  # see `vips_change.scores`
    costs: pd.DataFrame  # see `summaries.costs`
    apart: pd.DataFrame  # what is not compared and why; see `Matched`
    careful: pd.DataFrame  # compared instances that are not fully valid: columns side, instance_id, reasons

    @property
    def simulated(self) -> bool:
        return any("simulated" in side["origin"] for side in self.facts)

    @property
    def regressions(self) -> list[str]:
        """Descriptions of what is worse by more than its margin, including what B tried without a usable result."""
        descriptions = []
        for row in self.table[self.table["regression"]].to_dict("records"):
            name = names.instance_display(row["instance_id"])
            if row["metric"] == instances.ACCURACY:
                descriptions.append(f"{name}: accuracy lower by {-100 * row['change']:.1f} points")
            else:
                descriptions.append(f"{name}: {100 * row['change']:.1f} % slower ({row['metric']})")
        if self.asked.margins:
            lost = self.apart[self.apart["lost"]]
            for instance, reason in zip(lost["instance_id"], lost["reason"], strict=True):
                descriptions.append(f"{names.instance_display(instance)}: {reason}")
        return descriptions

    @property
    def comparisons(self) -> int:
        """Number of tests and intervals of instances that share the simultaneous 95 %."""
        return int(self.table["p_value"].notna().sum())

    @property
    def common(self) -> dict[str, str]:
        """Facts that are the same on both sides."""
        return {name: value for name, value in self.facts[0].items() if self.facts[1].get(name) == value}


def compare(found: Sequence[sources.SideSource], asked: CompareOptions) -> Comparison:
    """Compare A with B.

    Raises CompareError or PoolingError if nothing can be compared, and DataError for an unknown timing or verdict.
    """
    timing = asked.timing or _timing(found)
    base, other = (source.side(timing, asked.verdicts) for source in found)
    for source, side in zip(found, (base, other), strict=True):
        if side.rows.empty:
            raise CompareError(
                f"{source.words!r} has no instance with usable numbers{_why(side)}: choose another side."
            )
    matched = matching.match(base, other)
    table = instances.compare_instances(
        matched, base, other, asked.metrics, timing, asked.margins, asked.run_to_run, asked.seed
    )
    facts = [
        facts_of(source, rows, timing, table.runs[index] if table.runs else None, list(table.sessions))
        for index, (source, rows) in enumerate(zip(found, (matched.base, matched.other), strict=True))
    ]
    return Comparison(
        words=(found[0].words, found[1].words),
        facts=(facts[0], facts[1]),
        asked=asked,
        timing=timing,
        kind=matched.kind,
        differs=matched.differs,
        table=table.table,
        groups=summaries.summaries(table, matched, timing, asked.run_to_run),
        scores=vips_change.scores(table, matched, timing, asked.run_to_run),
        costs=summaries.costs(matched.base, matched.other),
        apart=matched.apart,
        careful=careful(matched.base, matched.other),
    )


def _timing(found: Sequence[sources.SideSource]) -> str:
    """Return "end_to_end", or "inference" if finished runs have no other time, as those of native tools."""
    ended = [source.instances[source.instances["verdict"].isin(choice.USABLE)] for source in found]
    return select.timing_of(pd.concat(ended), "end_to_end")


def _why(side: Side) -> str:
    if side.left_out.empty:
        return ""
    row = side.left_out.sort_values("verdict", key=lambda verdicts: verdicts == "unavailable", kind="stable").iloc[0]
    return f" ({row['instance_id']} is {row['verdict']}: {row['reasons']})"


def facts_of(
    found: sources.SideSource, rows: pd.DataFrame, timing: str, runs: pd.DataFrame | None, over_sessions: Sequence[str]
) -> dict[str, str]:
    """Return the facts about a side's instances, in the order of FACTS.

    `runs` are all runs of a single device; in addition to `rows`, only those of the instances `over_sessions` are used.
    """
    name_of_device = names.devices(found.devices)
    devices = [name_of_device.get(device_id, device_id) for device_id in dict.fromkeys(rows["device_id"])]
    soc = found.devices.set_index("device_id")["soc"].reindex(rows["device_id"].unique()).dropna()
    used = set(rows["run_id"])
    if runs is not None:
        used |= set(runs[runs["instance_id"].isin(over_sessions)]["run_id"])
    facts = {
        "tables": str(found.folder.resolve()),
        "device": _listed(devices, "devices") + (f" ({soc.iloc[0]})" if len(devices) == 1 and len(soc) else ""),
        "run": _listed(sorted(map(str, used)), "runs"),
        "sessions": "the latest of each device" if runs is None else counted(runs),
        "timing": names.display(timing),
    }
    for name in FACTS:
        if name not in facts:
            values = rows[name].dropna().astype(str).unique()
            facts[name] = _listed(sorted(values), name) if len(values) else "none"
    versions = rows.drop_duplicates(["framework", "framework_version"])
    for framework, part in versions.groupby("framework", sort=True):
        facts[str(framework)] = _listed(sorted(part["framework_version"].dropna().astype(str)), "versions") or "unknown"
    order = [*FACTS, *(name for name in facts if name not in FACTS)]
    return {name: facts[name] for name in order}


def _listed(values: Sequence[str], what: str) -> str:
    if len(values) > 3:
        return f"{len(values)} {what}"
    return ", ".join(values)


def careful(base: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the instances of both sides that are not fully valid, with the reasons."""
    parts = []
    for side, rows in (("A", base), ("B", other)):
        flagged = rows[rows["verdict"] != "valid"][["instance_id", "device_id", "reasons"]]
        parts.append(flagged.assign(side=side))
    return pd.concat(parts, ignore_index=True)
