"""What is worse than before by more than a margin."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.errors import CompareError
from aiot_analysis.stats.agreement import adjusted
from aiot_analysis.stats.resample import LEVEL

ALPHA = 1 - LEVEL
ACCURACY_POINTS = 1.0
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", re.ASCII)


@dataclass(frozen=True)
class Margins:
    """How much worse the other side may be."""

    time: float  # share of the base's time: 0.05 lets it be 5 % slower
    accuracy: float  # fraction of 1: 0.01 lets it lose a point


def percent(words: str, what: str) -> float:
    """A fraction from words like "5%", "5" or "2.5 %"; CompareError for others."""
    found = _PERCENT.fullmatch(words)
    if not found:
        raise CompareError(f"{words!r} is no {what}: give percent, like 5% or 2.5%.")
    return float(found[1]) / 100


def margins(slower: str, points: float = ACCURACY_POINTS) -> Margins:
    """Margins from words: so much slower (see `percent`), and points of accuracy. CompareError for others."""
    if not 0 <= points < 100:
        raise CompareError(f"{points:g} is no margin for accuracy: give points from 0 to under 100, like 1 or 0.5.")
    return Margins(percent(slower, "margin for times"), points / 100)


def judged(table: pd.DataFrame, asked: bool) -> pd.DataFrame:
    """The rows of `instances.compared` with p_adjusted, p_beyond_adjusted, verdict and regression.

    Two families of tests, both corrected by Holm's method over all rows: that there is no change (p_value), and that
    the other side is worse by no more than its margin (p_beyond). `verdict` is "better" or "worse" where the first is
    rejected at 5 %, "no change shown" where not, "not tested" where there is no test. `regression` is true where the
    second is rejected. So where nothing is worse by more than its margin, the chance of any regression at all is under
    5 %, and a change that is shown may well be none.
    """
    p_adjusted, p_beyond = adjusted(table["p_value"]), adjusted(table["p_beyond"])
    change = table["change"]
    worse = change.lt(0).where(table["metric"] == "accuracy", change.gt(0))
    verdict = worse.map({True: "worse", False: "better"}).where(p_adjusted < ALPHA, "no change shown")
    verdict = verdict.where(p_adjusted.notna(), "not tested")
    return table.assign(
        p_adjusted=p_adjusted,
        p_beyond_adjusted=p_beyond if asked else float("nan"),
        verdict=verdict,
        regression=asked & (p_beyond < ALPHA),
    )
