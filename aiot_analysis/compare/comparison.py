"""Everything that is told of two sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.compare import instances, matching, regression, sources, summaries, vips_change
from aiot_analysis.compare.sides import Side, counted
from aiot_analysis.errors import CompareError
from aiot_analysis.stats import variance
from aiot_analysis.tables import names, select

TIMINGS = list(select.TIMES)
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
"""What is told of each side, in order, before the versions of its frameworks."""


@dataclass(frozen=True)
class Asked:
    """What a comparison is to be of."""

    metrics: Sequence[str] = (instances.ACCURACY, "mean")
    timing: str = ""  # "" for end to end, or inference where some instance has no other
    verdicts: str = ",".join(select.USABLE)
    margins: regression.Margins | None = None  # None: regressions are not asked for
    run_to_run: float = variance.RUN_TO_RUN  # see there
    seed: int = 0


@dataclass(frozen=True)
class Comparison:
    """Two sides, what may be said of both, and what changed from A to B."""

    words: tuple[str, str]  # as the sides were named
    facts: tuple[dict[str, str], dict[str, str]]  # of the instances that are compared, for A and for B
    asked: Asked
    timing: str
    kind: str  # of matching: ONE, SAME or OTHER
    differs: dict[str, list[tuple[str, str]]]
    table: pd.DataFrame  # of instances.compared
    groups: pd.DataFrame  # of summaries.summaries
    scores: pd.DataFrame  # of score.scores
    costs: pd.DataFrame  # of summaries.costs
    apart: pd.DataFrame  # of Matched: what is not compared and why
    careful: pd.DataFrame  # instances that are compared and not valid without reserve: side, instance_id, reasons

    @property
    def simulated(self) -> bool:
        return any("simulated" in side["origin"] for side in self.facts)

    @property
    def regressions(self) -> list[str]:
        """What is worse by more than its margin, in words; what B tried and has no usable number of counts too."""
        found = []
        for row in self.table[self.table["regression"]].to_dict("records"):
            name = names.instance_display(row["instance_id"])
            if row["metric"] == instances.ACCURACY:
                found.append(f"{name}: {-100 * row['change']:.1f} points less accurate")
            else:
                found.append(f"{name}: {100 * row['change']:.1f} % slower ({row['metric']})")
        if self.asked.margins:
            lost = self.apart[self.apart["lost"]]
            for instance, reason in zip(lost["instance_id"], lost["reason"], strict=True):
                found.append(f"{names.instance_display(instance)}: {reason}")
        return found

    @property
    def comparisons(self) -> int:
        """How many tests and intervals of instances keep 95 % together."""
        return int(self.table["p_value"].notna().sum())

    @property
    def common(self) -> dict[str, str]:
        """The facts that both sides share."""
        return {name: value for name, value in self.facts[0].items() if self.facts[1].get(name) == value}


def compare(found: Sequence[sources.Found], asked: Asked) -> Comparison:
    """Compares A with B.

    Raises CompareError or PoolingError where nothing can be compared, and DataError for an unknown timing or verdict.
    """
    timing = asked.timing or _timing(found)
    base, other = (one.side(timing, asked.verdicts) for one in found)
    for one, side in zip(found, (base, other), strict=True):
        if side.rows.empty:
            raise CompareError(f"{one.words!r} has no instance with usable numbers{_why(side)}.")
    matched = matching.match(base, other)
    table = instances.compared(matched, base, other, asked.metrics, timing, asked.margins, asked.run_to_run, asked.seed)
    facts = [
        facts_of(one, rows, timing, table.runs[place] if table.runs else None, list(table.sessions))
        for place, (one, rows) in enumerate(zip(found, (matched.base, matched.other), strict=True))
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


def _timing(found: Sequence[sources.Found]) -> str:
    """End to end; inference where what ended has no other time, as that of native tools."""
    ended = [one.instances[one.instances["verdict"].isin(select.USABLE)] for one in found]
    return select.timing_of(pd.concat(ended), "end_to_end")


def _why(side: Side) -> str:
    if side.left_out.empty:
        return ""
    row = side.left_out.sort_values("verdict", key=lambda one: one == "unavailable", kind="stable").iloc[0]
    return f" ({row['instance_id']} is {row['verdict']}: {row['reasons']})"


def facts_of(
    found: sources.Found, rows: pd.DataFrame, timing: str, runs: pd.DataFrame | None, over_sessions: Sequence[str]
) -> dict[str, str]:
    """Return what a reader has to know of a side's instances, in the order of FACTS.

    `runs` are all runs of a single device, of which only those of the instances `over_sessions` are used beside `rows`.
    """
    known = names.devices(found.devices)
    devices = [known.get(one, one) for one in dict.fromkeys(rows["device_id"])]
    soc = found.devices.set_index("device_id")["soc"].reindex(rows["device_id"].unique()).dropna()
    used = set(rows["run_id"])
    if runs is not None:
        used |= set(runs[runs["instance_id"].isin(over_sessions)]["run_id"])
    told = {
        "tables": str(found.folder.resolve()),
        "device": _listed(devices, "devices") + (f" ({soc.iloc[0]})" if len(devices) == 1 and len(soc) else ""),
        "run": _listed(sorted(map(str, used)), "runs"),
        "sessions": "one of each device, the latest" if runs is None else counted(runs),
        "timing": names.display(timing),
    }
    for name in FACTS:
        if name not in told:
            values = rows[name].dropna().astype(str).unique()
            told[name] = _listed(sorted(values), name) if len(values) else "none"
    versions = rows.drop_duplicates(["framework", "framework_version"])
    for framework, part in versions.groupby("framework", sort=True):
        told[str(framework)] = (
            _listed(sorted(part["framework_version"].dropna().astype(str)), "versions") or "not known"
        )
    order = [*FACTS, *(name for name in told if name not in FACTS)]
    return {name: told[name] for name in order}


def _listed(values: Sequence[str], what: str) -> str:
    if len(values) > 3:
        return f"{len(values)} {what}"
    return ", ".join(values)


def careful(base: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the instances of both sides that are not valid without reserve, with the reasons."""
    parts = []
    for side, rows in (("A", base), ("B", other)):
        some = rows[rows["verdict"] != "valid"][["instance_id", "device_id", "reasons"]]
        parts.append(some.assign(side=side))
    return pd.concat(parts, ignore_index=True)
