"""Shares of trials, their exact intervals, and whether they meet a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.words import ALPHA, CONFIDENCE


@dataclass(frozen=True)
class Target:
    """Acceptable shares of trials, from `low` to `high`."""

    words: str
    low: float = 0.0
    high: float = 1.0


COVERAGE = Target("93 to 97 %", 0.93, 0.97)
AT_ONCE = AT_LEAST = Target("at least 93 %", low=0.93)
NULL = Target("at most 5 %", high=ALPHA)
POWER = Target("at least 80 %", low=0.8)

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
        """Exact 95 % interval of the share (Clopper and Pearson 1934)."""
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
