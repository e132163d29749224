"""What is worse than before by more than a margin."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.errors import CompareError
from aiot_analysis.stats.multiple import ALPHA, adjusted

ACCURACY_POINTS = 1.0
FAMILY = ["p_value_of_family", "p_beyond_of_family"]
"""p_value and p_beyond of a row whose errors are partly those of other rows too (`times.SharedRatio`), as one of them;
null of other rows."""
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
    """Return the rows of `instances.compared` with p_adjusted, p_beyond_adjusted, verdict and regression.

    `low` and `high` are the ends of intervals at `multiple.level`. `verdict` is "better" or "worse" where the
    interval is on one side of 0, "no change shown" where it is not, "not tested" where there is no test.
    `p_adjusted` is the number of tests times p_value, or times that of FAMILY where a row has it (Bonferroni),
    under ALPHA just where a change is shown. That the other side is worse by no more than its margin (p_beyond) is
    a family of its own. Its error rate is shared out by the number of rows: those with FAMILY are corrected by
    Bonferroni, and the others by Holm. `regression` is true where this is rejected and the verdict is "worse". So
    where nothing is worse by more than its margin, the chance of any regression at all is under 5 %; a change that
    is shown may well be none, and a regression is always a change that is shown.
    """
    tested = table["p_value"].notna()
    of_family, beyond_of_family = (table.reindex(columns=[column])[column].astype(float) for column in FAMILY)
    alone = table["p_beyond"].astype(float).where(beyond_of_family.isna())
    rows = table["p_beyond"].notna().sum()
    p_beyond = beyond_of_family.mul(rows).fillna(adjusted(alone) * rows / max(alone.notna().sum(), 1)).clip(upper=1)
    accuracy = table["metric"] == "accuracy"
    lower, higher = table["high"].lt(0), table["low"].gt(0)
    verdict = pd.Series("no change shown", table.index)
    verdict = verdict.mask(higher.where(accuracy, lower), "better").mask(lower.where(accuracy, higher), "worse")
    verdict = verdict.where(tested, "not tested")
    return table.drop(columns=FAMILY, errors="ignore").assign(
        p_adjusted=(of_family.fillna(table["p_value"].astype(float)) * tested.sum()).clip(upper=1),
        p_beyond_adjusted=p_beyond if asked else float("nan"),
        verdict=verdict,
        regression=asked & (p_beyond < ALPHA) & (verdict == "worse"),
    )
