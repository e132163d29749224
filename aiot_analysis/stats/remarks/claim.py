"""What a claim is, what is found for its parts, and how that becomes a verdict. All words and rules of deciding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aiot_analysis import words
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence

HOLDS, FAILS, OPEN, NOT_APPLICABLE = "holds", "does not hold", "cannot be decided", "not applicable"
VERDICTS = [HOLDS, FAILS, OPEN, NOT_APPLICABLE]
AS_CLAIMED, AGAINST, UNDECIDED, MISSING = "as claimed", "against", "undecided", "missing"
STATES = [AGAINST, MISSING, NOT_APPLICABLE, UNDECIDED, AS_CLAIMED]  # worst first
BUILT = "by construction"
"""The mark of what was decided on simulated data, beside the verdict: the simulation was built to be so."""

TIMES, POINTS, SHARE, CORRELATION = "times as fast", "percentage points", "share", "correlation"
_FORMATS = {TIMES: "{:.2f} times as fast", POINTS: "{:+.2f} points", SHARE: "{:.0%}", CORRELATION: "{:.2f}"}

Region = tuple[float, float]
FASTER: Region = (1.0, math.inf)
ALL, ANY = "all", "any"


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: what was found, and the region that it is claimed to be in.

    It is as claimed where the whole interval is inside `claimed`, against it where the whole is inside `refuted`
    (all that is not claimed, if None). What is `optional` may be missing. A comparison with a reason in `untested`
    does not meet the condition of the claim, so that it can support the claim but never refute it: it is not applicable
    where it is not as claimed.
    """

    name: str
    found: Estimate
    claimed: Region
    refuted: Region | None = None
    optional: bool = False
    device: str = ""  # where it is of one device among several
    untested: str = ""

    @property
    def state(self) -> str:
        low, high = self.found.low, self.found.high
        if math.isnan(low) or math.isnan(high):
            return MISSING
        if self.claimed[0] < low and high < self.claimed[1]:
            return AS_CLAIMED
        if self.untested:
            return NOT_APPLICABLE
        if self.refuted is None:
            beyond = high <= self.claimed[0] or low >= self.claimed[1]
        else:
            beyond = self.refuted[0] < low and high < self.refuted[1]
        return AGAINST if beyond else UNDECIDED


@dataclass(frozen=True)
class Claim:
    """A claim of a remark: what the paper says and where, and by which rule it is judged here."""

    id: str  # like "2a": the number of the remark and a letter
    text: str  # in one short sentence
    quote: str  # the paper's words
    figure: str  # that the paper shows it in
    rule: str  # for the verdict, in words
    unit: str  # of the effect
    notebook: str
    find: Callable[[Evidence], list[Part]]
    needs: str = ALL  # of its parts: ALL or ANY to be as claimed

    @property
    def remark(self) -> int:
        return int(self.id[0])

    @property
    def source(self) -> str:
        return f"Section V, Remark {self.remark}, {self.figure}"


PART_COLUMNS = [
    "id", "part", "device", "state", "effect", "effect_low", "effect_high", "unit", "claimed", "claimed_low",
    "claimed_high", "n_devices", "why", "optional", "origin",
]  # fmt: skip


def rows_of(claim: Claim, parts: Sequence[Part], origin: str) -> list[dict[str, object]]:
    """The parts of a claim as rows with the columns PART_COLUMNS."""
    return [
        {
            "id": claim.id,
            "part": part.name,
            "device": part.device,
            "state": part.state,
            "effect": part.found.effect,
            "effect_low": part.found.low,
            "effect_high": part.found.high,
            "unit": claim.unit,
            "claimed": region(part.claimed),
            "claimed_low": part.claimed[0],
            "claimed_high": part.claimed[1],
            "n_devices": part.found.n_devices,
            "why": part.untested if part.state == NOT_APPLICABLE else part.found.why,
            "optional": part.optional,
            "origin": origin,
        }
        for part in parts
    ]


def verdict(claim: Claim, parts: pd.DataFrame) -> dict[str, object]:
    """Judge one claim by its parts, and return a row of the table of all claims.

    With ALL it holds if every part is as claimed, and does not hold if one is against it; with ANY it holds if one
    part is as claimed, and does not hold if all are against it. It is not applicable if no part that has a number
    tests it. Otherwise it cannot be decided. `mark` is "by construction" where simulated data decided. The effect is
    that of the part that decides: the weakest with ALL, the strongest with ANY.
    """
    needed = parts[~(parts["optional"].astype(bool) & (parts["state"] == MISSING))]
    states = set(needed["state"])
    sufficient, ruinous = (AS_CLAIMED, AGAINST) if claim.needs == ALL else (AGAINST, AS_CLAIMED)
    yes, no = (HOLDS, FAILS) if claim.needs == ALL else (FAILS, HOLDS)
    said = no if ruinous in states else yes if states == {sufficient} else OPEN
    if NOT_APPLICABLE in states and states <= {NOT_APPLICABLE, MISSING}:
        said = NOT_APPLICABLE
    mark = BUILT if said in (HOLDS, FAILS) and "simulated" in set(parts["origin"]) else ""
    shown = _decisive(needed, claim.needs)
    row = {"effect": math.nan, "effect_low": math.nan, "effect_high": math.nan, "n_devices": 0}
    if shown is not None:
        row = {name: shown[name] for name in row}
        each = needed["device"][needed["device"] != ""].nunique()  # devices that were looked at one by one
        row["n_devices"] = each or row["n_devices"]
    return {
        "id": claim.id,
        "remark": claim.remark,
        "claim": claim.text,
        "verdict": said,
        "mark": mark,
        "why": _why(parts, said),
        "figures": _figures(parts, shown, claim.unit),
        **row,
        "unit": claim.unit,
        "rule": claim.rule,
        "quote": claim.quote,
        "source": claim.source,
        "notebook": claim.notebook,
    }


def told(value: float, unit: str) -> str:
    """A number with its unit, for readers."""
    return _FORMATS[unit].format(value)


def interval(low: float, high: float, unit: str) -> str:
    """An interval for readers, like "1.20 to 1.40"."""
    return words.interval(low, high, _FORMATS[unit].split(" ")[0])


def region(of: Region) -> str:
    """A region in words, like "over 1" or "0.8 to 1.25"."""
    low, high = of
    if math.isinf(high):
        return f"over {low:g}"
    return f"under {high:g}" if low in (0, -math.inf) else f"{low:g} to {high:g}"


def _decisive(parts: pd.DataFrame, needs: str) -> pd.Series | None:
    """The part with a number that the verdict hangs on; None if no part has one."""
    known = parts[parts["state"] != MISSING]
    if known.empty:
        return None
    order = known["state"].map(STATES.index).to_numpy()
    # among equals the one whose effect is nearest to where the verdict changes, or farthest from it
    effect, low, high = known[["effect", "claimed_low", "claimed_high"]].to_numpy(float).T
    margin = np.minimum(effect - low, high - effect)
    decisive = np.lexsort((margin, order))[0] if needs == ALL else np.lexsort((-margin, -order))[0]
    return known.iloc[decisive]


def _why(parts: pd.DataFrame, said: str) -> str:
    counts = parts["state"].value_counts()
    n = len(parts)
    comparisons = words.plural(n, "comparison")
    listed = ", ".join(f"{counts[state]} {state}" for state in reversed(STATES) if state in counts)
    text = f"{comparisons}: {listed}"
    reasons = list(dict.fromkeys(one for one in parts["why"] if one))
    if reasons:
        more = f", and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        text += f". {'; '.join(reasons[:3])}{more}"
    elif said == OPEN:
        text += ". Intervals include the threshold"
    return text


def _figures(parts: pd.DataFrame, shown: pd.Series | None, unit: str) -> str:
    if shown is None:
        return "no figures"
    numbers = f"{told(shown['effect'], unit)} ({interval(shown['effect_low'], shown['effect_high'], unit)})"
    known = parts[parts["state"] != MISSING]
    where = f", on {shown['device']}" if shown["device"] else ""
    text = f"{shown['part']}{where}: {numbers}, claimed: {shown['claimed']}"
    if len(known) > 1:
        text += f"; all: {interval(known['effect'].min(), known['effect'].max(), unit)}"
    return text
