"""What is worse than before by more than a margin."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.errors import CompareError

ACCURACY_POINTS = 1.0
FAMILY = "p_value_of_family"
"""Column: p_value of a row whose errors are partly those of other rows too (`times.SharedRatio`), as one of them; null
in other rows."""
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", re.ASCII)


@dataclass(frozen=True)
class Margins:
    """How much worse the other side may be."""

    time: float  # share of the base's time: 0.05 lets it be 5 % slower
    accuracy: float  # fraction of 1: 0.01 lets it lose a point


NONE, ANY = Margins(0.0, 0.0), Margins(math.inf, math.inf)
"""Margins that allow no loss, and any loss."""


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


def judged(table: pd.DataFrame, margins: Margins | None) -> pd.DataFrame:
    """Return the rows of `instances.compared` with p_adjusted, verdict and regression.

    `low` and `high` are the ends of intervals at `multiple.level`, null where there is none. `verdict` is "better" or
    "worse" where the interval is on one side of 0, "no change shown" where it is not, "not tested" where there is no
    test. `p_adjusted` is the number of tests times p_value, or times that of FAMILY where a row has it (Bonferroni),
    under ALPHA just where a change is shown. `regression` is true where the whole interval is worse than `margins`
    allow, and nowhere without margins. As the intervals hold together, the chance of any regression at all is under
    5 % where nothing is worse by more than its margin.
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
    """Return where the whole interval of a change is worse than `margins` allow. Nulls are no interval."""
    slower, less_accurate = table["low"].gt(margins.time), table["high"].lt(-margins.accuracy)
    return less_accurate.where(table["metric"] == "accuracy", slower)
