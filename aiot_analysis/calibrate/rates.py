"""Shares of trials with exact intervals and targets, and their table in docs/statistics.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.errors import DataError
from aiot_analysis.words import ALPHA, CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True)
class Target:
    """Acceptable shares of trials, from `low` to `high`."""

    words: str
    low: float = 0.0
    high: float = 1.0


COVERAGE = Target("93 to 97%", 0.93, 0.97)
AT_ONCE = AT_LEAST = Target("at least 93%", low=0.93)
NULL = Target("at most 5%", high=ALPHA)
POWER = Target("at least 80%", low=0.8)

MET, WITHIN_ERROR, NOT_MET, SHOWN = "met", "within the error of the trials", "not met", "no target"


@dataclass(frozen=True)
class RateRow:
    """Row of the table: what was planted, which function was tested, and the target share.

    Without a target, the share is shown but not judged, and `note` says why.
    """

    name: str
    planted: str
    part: str
    share_of: str  # what is counted, such as "3c holds"
    target: Target | None
    note: str = ""


Counts = tuple[int, int]
"""Number of hits and number of independent tries."""


@dataclass(frozen=True)
class Study:
    """Set of rows that are counted on the same fleets.

    `trial` draws a fleet and returns the counts of each row by row name.
    """

    rows: tuple[RateRow, ...]
    trial: Callable[[np.random.Generator], Mapping[str, Counts]]
    trials: int

    @property
    def name(self) -> str:
        return self.rows[0].name


@dataclass(frozen=True)
class Rate:
    """Row with its counts over all trials."""

    row: RateRow
    hits: int
    tries: int

    @property
    def share(self) -> float:
        return self.hits / self.tries if self.tries else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95% interval of the share (Clopper and Pearson 1934)."""
        if not self.tries:
            return 0.0, 1.0
        low, high = proportion_confint(self.hits, self.tries, 1 - CONFIDENCE, method="beta")
        return float(low), float(high)

    @property
    def verdict(self) -> str:
        """`MET` if the share is within the target, `NOT_MET` if its whole interval is outside, else `WITHIN_ERROR`.

        `SHOWN` if the row has no target.
        """
        if self.row.target is None:
            return SHOWN
        low, high = self.interval
        if high < self.row.target.low or low > self.row.target.high:
            return NOT_MET
        return MET if self.row.target.low <= self.share <= self.row.target.high else WITHIN_ERROR


BEGIN = "<!-- error rates: written by `make calibrate` -->"
END = "<!-- end of the error rates -->"

HEAD = [
    "| planted | looked at by | share of the trials | target | trials | met | row |",
    "| --- | --- | --- | --- | --- | --- | --- |",
]
VERDICTS = {MET: "yes", WITHIN_ERROR: "within error", NOT_MET: "**no**"}


def percent(share: float) -> str:
    """Return a share in percent with at most one decimal, without the sign."""
    return f"{100 * share:.1f}".removesuffix(".0")


def line(rate: Rate) -> str:
    """Return a rate as a row of the Markdown table."""
    row = rate.row
    low, high = rate.interval
    share = f"{row.share_of}: {percent(rate.share)}% ({percent(low)} to {percent(high)}%)"
    target = row.target.words if row.target else "none"
    verdict = VERDICTS.get(rate.verdict, row.note)
    if row.note and row.target:
        verdict = f"{verdict}: {row.note}"
    return f"| {row.planted} | {row.part} | {share} | {target} | {rate.tries} | {verdict} | `{row.name}` |"


def markdown(sections: Mapping[str, Sequence[Rate]]) -> str:
    """Return a summary of how many rows meet their targets, and the tables of all sections."""
    rates = [rate for section in sections.values() for rate in section]
    judged = [rate for rate in rates if rate.row.target]
    counts = Counter(rate.verdict for rate in judged)
    words = [
        (
            f"Of {len(judged)} rows with a target {counts[MET]} meet it, {counts[WITHIN_ERROR]} miss it within the "
            f"error of the trials, and {counts[NOT_MET]} do not meet it."
        )
    ]
    for title, section in sections.items():
        words += ["", f"**{title}**", "", *HEAD, *map(line, section)]
    return "\n".join(words)


def written(document: str, content: str) -> str:
    """Return the document with the content between its two markers.

    Raises DataError unless the document has each marker exactly once.
    """
    head, begin, remainder = document.partition(BEGIN)
    _, end, tail = remainder.partition(END)
    if not begin or not end or BEGIN in tail or END in tail:
        raise DataError(f"The document must have one line {BEGIN!r} and, after it, one line {END!r}.")
    return f"{head}{BEGIN}\n\n{content}\n\n{END}{tail}"


def write(path: Path, content: str) -> None:
    """Replace the table in a document."""
    path.write_text(written(path.read_text(encoding="utf-8"), content), encoding="utf-8")
