"""Shares of trials with their exact intervals, and whether they meet a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.stats.resample import LEVEL


@dataclass(frozen=True)
class Target:
    """The shares of trials that are as they should be, between `low` and `high`."""

    words: str
    low: float = 0.0
    high: float = 1.0


COVERAGE = Target("93 to 97 %", 0.93, 0.97)
AT_ONCE = AT_LEAST = Target("at least 93 %", low=0.93)
NULL = Target("at most 5 %", high=0.05)
POWER = Target("at least 80 %", low=0.8)

MET, WITHIN_ERROR, NOT_MET, SHOWN = "met", "within the error of the trials", "not met", "no target"


@dataclass(frozen=True)
class Row:
    """A row of the table: what was planted, what looked at it, and the share that is asked for.

    Without a target the share is shown and not judged, and `note` says why.
    """

    name: str
    planted: str
    part: str
    share_of: str  # what is counted, like "3c holds"
    target: Target | None
    note: str = ""


Counts = tuple[int, int]
"""How often it was so, in how many independent tries."""


@dataclass(frozen=True)
class Study:
    """Rows that are counted on the same fleets.

    `trial` draws a fleet and returns the counts of each row by its name.
    """

    rows: tuple[Row, ...]
    trial: Callable[[np.random.Generator], Mapping[str, Counts]]
    trials: int

    @property
    def name(self) -> str:
        return self.rows[0].name


@dataclass(frozen=True)
class Rate:
    """A row with what was counted in all trials."""

    row: Row
    hits: int
    tries: int

    @property
    def share(self) -> float:
        return self.hits / self.tries if self.tries else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The exact interval of the share (Clopper and Pearson 1934), 95 %."""
        if not self.tries:
            return 0.0, 1.0
        low, high = proportion_confint(self.hits, self.tries, 1 - LEVEL, method="beta")
        return float(low), float(high)

    @property
    def verdict(self) -> str:
        """`MET` where the share is as asked for, `NOT_MET` where not even an end of its interval is."""
        if self.row.target is None:
            return SHOWN
        low, high = self.interval
        if high < self.row.target.low or low > self.row.target.high:
            return NOT_MET
        return MET if self.row.target.low <= self.share <= self.row.target.high else WITHIN_ERROR
