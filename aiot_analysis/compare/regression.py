"""Regressions: changes for the worse by more than a margin."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.errors import CompareError
from aiot_analysis.stats.multiple import ALPHA, adjusted

ACCURACY_POINTS = 1.0
FAMILY = ["p_value_of_family", "p_beyond_of_family"]
"""p_value and p_beyond as a member of a family, for rows that share part of their error with other rows (see
`times.SharedRatio`); null for all other rows."""
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", re.ASCII)


@dataclass(frozen=True)
class Margins:
    """Margins by which the other side may be worse."""

    time: float  # fraction of the base's time: 0.05 allows 5 % slower
    accuracy: float  # fraction of 1: 0.01 allows a loss of one point


def percent(words: str, what: str) -> float:
    """Parse a percentage such as "5%", "5" or "2.5 %" into a fraction. Raise CompareError for anything else."""
    match = _PERCENT.fullmatch(words)
    if not match:
        raise CompareError(f"{words!r} is no {what}: give percent, like 5% or 2.5%.")
    return float(match[1]) / 100


def margins(slower: str, points: float = ACCURACY_POINTS) -> Margins:
    """Return margins for time, from text (see `percent`), and accuracy, in points. Raise CompareError if invalid."""
    if not 0 <= points < 100:
        raise CompareError(f"{points:g} is no margin for accuracy: give points from 0 to under 100, like 1 or 0.5.")
    return Margins(percent(slower, "margin for times"), points / 100)


def judged(table: pd.DataFrame, asked: bool) -> pd.DataFrame:
    """Return the rows of `instances.compared` with p_adjusted, p_beyond_adjusted, verdict and regression.

    `low` and `high` are the ends of intervals at `multiple.level`. `verdict` is "better" or "worse" if the interval
    excludes 0, "no change shown" if it does not, and "not tested" if there is no test. `p_adjusted` is p_value, or the
    one of FAMILY if the row has it, multiplied by the number of tests (Bonferroni). It is below ALPHA exactly when a
    change is shown.

    The hypotheses that the other side is worse by no more than its margin (p_beyond) are a separate family. Its error
    rate is divided in proportion to the number of rows between those with FAMILY, corrected by Bonferroni, and the
    others, corrected by Holm. `regression` is true if this hypothesis is rejected and the verdict is "worse". If
    nothing is worse by more than its margin, the probability of any regression is therefore below 5 %. A change that is
    shown need not be a regression, but a regression is always a change that is shown.
    """
    tested = table["p_value"].notna()
    of_family, beyond_of_family = (table.reindex(columns=[column])[column].astype(float) for column in FAMILY)
    not_in_family = table["p_beyond"].astype(float).where(beyond_of_family.isna())
    test_count = table["p_beyond"].notna().sum()
    p_beyond = (
        beyond_of_family.mul(test_count)
        .fillna(adjusted(not_in_family) * test_count / max(not_in_family.notna().sum(), 1))
        .clip(upper=1)
    )
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
