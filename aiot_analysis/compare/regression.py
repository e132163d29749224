"""Verdicts on changes, and regressions: changes for the worse by more than a margin."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.errors import CompareError

ACCURACY_POINTS = 1.0
FAMILY = "p_value_of_family"
"""Column with the p value of a row as one of a family of rows that share part of their error (`times.SharedRatio`);
null for all other rows.
"""
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", re.ASCII)


@dataclass(frozen=True)
class Margins:
    """Largest tolerated loss from the base to the other side."""

    time: float  # share of the base's time: 0.05 tolerates 5 % slower
    accuracy: float  # fraction of 1: 0.01 tolerates a loss of one point


NONE, ANY = Margins(0.0, 0.0), Margins(math.inf, math.inf)
"""Margins that tolerate no loss, and margins that tolerate any loss."""


def percent(words: str, what: str) -> float:
    """Return the fraction for a percentage such as "5%", "5" or "2.5 %".

    Raises CompareError for other text; `what` names the quantity in the message.
    """
    match = _PERCENT.fullmatch(words)
    if not match:
        raise CompareError(f"{words!r} is not a {what}: give a percentage, like 5% or 2.5%.")
    return float(match[1]) / 100


def margins(slower: str, points: float = ACCURACY_POINTS) -> Margins:
    """Return margins from a percentage of time (see `percent`) and points of accuracy.

    Raises CompareError if either cannot be used.
    """
    if not 0 <= points < 100:
        raise CompareError(
            f"{points:g} is not a margin for accuracy: give at least 0 and less than 100 points, like 1 or 0.5."
        )
    return Margins(percent(slower, "margin for times"), points / 100)


def add_verdicts(table: pd.DataFrame, margins: Margins | None) -> pd.DataFrame:
    """Return the rows of `instances.compare_instances` with the columns p_adjusted, verdict and regression.

    The columns `low` and `high` must hold the ends of intervals at `multiple.level`, null if there is no interval.

    - verdict: "better" or "worse" if the interval is on one side of 0, "no change shown" if it is not, "not tested" if
      there is no test
    - p_adjusted: the number of tests times p_value, or times FAMILY in rows that have it (Bonferroni); below ALPHA
      exactly if a change is shown
    - regression: whether the whole interval is worse than `margins` allow; false everywhere without margins

    Since the intervals hold simultaneously, the probability of any false regression is below 5 % if nothing is worse by
    more than its margin.
    """
    tested = table["p_value"].notna()
    better = table["low"].gt(0).where(table["metric"] == "accuracy", table["high"].lt(0))
    verdict = pd.Series("no change shown", table.index).mask(better, "better").mask(_worse(table, NONE), "worse")
    p_value = table.reindex(columns=[FAMILY])[FAMILY].astype(float).fillna(table["p_value"].astype(float))
    return table.drop(columns=FAMILY, errors="ignore").assign(
        p_adjusted=(p_value * tested.sum()).clip(upper=1),
        verdict=verdict.where(tested, "not tested"),
        regression=_worse(table, margins or ANY),
    )


def _worse(table: pd.DataFrame, margins: Margins) -> pd.Series:
    """Return for each row whether its whole interval is worse than `margins` allow; false without an interval."""
    slower, less_accurate = table["low"].gt(margins.time), table["high"].lt(-margins.accuracy)
    return less_accurate.where(table["metric"] == "accuracy", slower)
