"""Claims, the results for their parts, and how these become a verdict, with all words and decision rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aiot_analysis import words
from aiot_analysis.stats.remarks.reasons import merge_reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from aiot_analysis.stats.remarks.evidence import Estimate, Evidence

HOLDS, FAILS, OPEN, NOT_APPLICABLE = "holds", "does not hold", "cannot be decided", "not applicable"
VERDICTS = [HOLDS, FAILS, OPEN, NOT_APPLICABLE]
AS_CLAIMED, AGAINST, UNDECIDED, MISSING = "as claimed", "against", "undecided", "missing"
STATES = [AGAINST, MISSING, NOT_APPLICABLE, UNDECIDED, AS_CLAIMED]  # worst first
BUILT = "by construction"
"""Mark, beside the verdict, of what was decided on simulated data: the simulation was built to give this result."""

TIMES, POINTS, SHARE, CORRELATION = "times as fast", "percentage points", "share", "correlation"
_FORMATS = {TIMES: "{:.2f} times as fast", POINTS: "{:+.2f} points", SHARE: "{:.0%}", CORRELATION: "{:.2f}"}

_SUPERLATIVES = {"all": "weakest", "any": "strongest"}

Region = tuple[float, float]
FASTER: Region = (1.0, math.inf)
ALL, ANY = "all", "any"


@dataclass(frozen=True)
class ClaimPart:
    """One comparison of a claim: its result, and the region that is claimed for it.

    It is as claimed if the whole interval is inside `claimed`, and against the claim if the whole interval is inside
    `refuted` (by default everything outside `claimed`). A part that is `optional` may be missing. A comparison with a
    reason in `untested` does not meet the condition of the claim, so it can support but never refute the claim: it is
    not applicable unless it is as claimed.
    """

    name: str
    estimate: Estimate
    claimed: Region
    refuted: Region | None = None
    optional: bool = False
    device: str = ""  # set if the part concerns one device among several
    untested: str = ""

    @property
    def state(self) -> str:
        """Return one of STATES, by comparing the interval with the regions."""
        low, high = self.estimate.low, self.estimate.high
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
    """A claim of a remark: what the paper says and where, and the rule by which it is judged here."""

    id: str  # like "2a": the number of the remark and a letter
    short: str  # at most eight words
    text: str  # one short sentence
    quote: str  # the paper's words
    figure: str  # the paper's figure that shows it
    rule: str  # the rule for the verdict, in words
    unit: str  # unit of the effect
    notebook: str
    find: Callable[[Evidence], list[ClaimPart]]
    needs: str = ALL  # how many of its parts must be as claimed: ALL or ANY

    @property
    def remark(self) -> int:
        """Return the number of the remark."""
        return int(self.id[0])

    @property
    def source(self) -> str:
        """Return where the paper makes the claim."""
        return f"Section V, Remark {self.remark}, {self.figure}"


_EFFECT = ["effect", "effect_low", "effect_high", "claimed_low", "claimed_high"]
PART_COLUMNS = [
    "id", "part", "device", "state", "effect", "effect_low", "effect_high", "unit", "claimed", "claimed_low",
    "claimed_high", "refuted", "refuted_high", "n_devices", "why", "optional", "origin",
]  # fmt: skip


def rows_of(claim: Claim, parts: Sequence[ClaimPart], origin: str) -> list[dict[str, object]]:
    """Return the parts of a claim as rows with the columns PART_COLUMNS."""
    return [
        {
            "id": claim.id,
            "part": part.name,
            "device": part.device,
            "state": part.state,
            "effect": part.estimate.effect,
            "effect_low": part.estimate.low,
            "effect_high": part.estimate.high,
            "unit": claim.unit,
            "claimed": format_region(part.claimed),
            "claimed_low": part.claimed[0],
            "claimed_high": part.claimed[1],
            "refuted": format_region(part.refuted) if part.refuted else "",
            "refuted_high": part.refuted[1] if part.refuted else math.nan,
            "n_devices": part.estimate.n_devices,
            "why": part.untested if part.state == NOT_APPLICABLE else part.estimate.why,
            "optional": part.optional,
            "origin": origin,
        }
        for part in parts
    ]


def verdict(claim: Claim, parts: pd.DataFrame) -> dict[str, object]:
    """Judge one claim by its parts, and return a row of the table of all claims.

    With ALL, the claim holds if every part is as claimed, and does not hold if one is against it. With ANY, it holds if
    one part is as claimed, and does not hold if all are against it. It is not applicable if no part that has a number
    tests it. Otherwise it cannot be decided. `mark` is "by construction" where simulated data decided. The effect is
    that of the part that decides: the weakest with ALL, the strongest with ANY. `comparison` and `device` name this
    part, and `among` is its place among the others. There is none if parts without a number prevent a decision; then
    `reasons` says why, and `measured` is the state that all other parts have in common.
    """
    needed = parts[~(parts["optional"].astype(bool) & (parts["state"] == MISSING))]
    states = set(needed["state"])
    sufficient, ruinous = (AS_CLAIMED, AGAINST) if claim.needs == ALL else (AGAINST, AS_CLAIMED)
    if_sufficient, if_ruinous = (HOLDS, FAILS) if claim.needs == ALL else (FAILS, HOLDS)
    judgement = if_ruinous if ruinous in states else if_sufficient if states == {sufficient} else OPEN
    if NOT_APPLICABLE in states and states <= {NOT_APPLICABLE, MISSING}:
        judgement = NOT_APPLICABLE
    mark = BUILT if judgement in (HOLDS, FAILS) and "simulated" in set(parts["origin"]) else ""
    decisive = _decisive_part(needed, claim.needs)
    row: dict[str, object] = dict.fromkeys(_EFFECT, math.nan)
    row["n_devices"] = 0
    comparison, device, among = "", "", ""
    if decisive is not None:
        decides = judgement in (HOLDS, FAILS) or (judgement == OPEN and decisive["state"] == UNDECIDED)
        if decides:
            row = {name: decisive[name] for name in row}
            if _counts_as_none(decisive):
                row["claimed_low"] = decisive["refuted_high"]
            comparison, device = str(decisive["part"]), str(decisive["device"])
            among = _place_among(needed, decisive, claim)
        n_single_devices = needed["device"][needed["device"] != ""].nunique()  # devices that were judged individually
        row["n_devices"] = n_single_devices or decisive["n_devices"]
    of_verdict = needed[needed["state"] == NOT_APPLICABLE] if judgement == NOT_APPLICABLE else needed
    return {
        "id": claim.id,
        "remark": claim.remark,
        "short": claim.short,
        "claim": claim.text,
        "verdict": judgement,
        "mark": mark,
        "why": _explain(parts, judgement),
        "figures": _describe_effect(parts, decisive, claim.unit),
        "comparison": comparison,
        "device": device,
        "among": among,
        "reasons": merge_reasons(of_verdict["why"]),
        **row,
        "unit": claim.unit,
        "rule": claim.rule,
        "quote": claim.quote,
        "source": claim.source,
        "notebook": claim.notebook,
    }


def format_effect(effect: float, low: float, high: float, unit: str) -> str:
    """Format a number with its unit and, if it is known, its interval, like "1.30 times as fast (1.20 to 1.40)"."""
    return words.minus(words.estimate(effect, low, high, _FORMATS[unit]))


def format_range(low: float, high: float, unit: str) -> str:
    """Format a range for readers, like "1.20 to 1.40"."""
    return words.minus(words.interval(low, high, _FORMATS[unit].split(" ")[0]))


def format_region(ends: Region) -> str:
    """Describe a region in words, like "over 1" or "0.8 to 1.25"."""
    low, high = ends
    if math.isinf(high):
        return words.minus(f"over {low:.3g}")
    return words.minus(f"under {high:.3g}" if low in (0, -math.inf) else f"{low:.3g} to {high:.3g}")


def _decisive_part(parts: pd.DataFrame, needs: str) -> pd.Series | None:
    """Return the part with a number on which the verdict depends; None if no part has one."""
    with_number = parts[parts["state"] != MISSING]
    if with_number.empty:
        return None
    order = with_number["state"].map(STATES.index).to_numpy()
    # ties go to the part whose effect is nearest to the threshold of the verdict, or farthest from it
    effect, low, high = with_number[["effect", "claimed_low", "claimed_high"]].to_numpy(float).T
    if with_number["unit"].iloc[0] == TIMES:  # 0 is no threshold
        with np.errstate(divide="ignore"):
            effect, low, high = np.log([effect, low, high])
    margin = np.minimum(effect - low, high - effect)
    decisive = np.lexsort((margin, order))[0] if needs == ALL else np.lexsort((-margin, -order))[0]
    return with_number.iloc[int(decisive)]


def _place_among(parts: pd.DataFrame, decisive: pd.Series, claim: Claim) -> str:
    """Return how the decisive part compares with the others, like "weakest of 6; all: 1.15 to 1.35"."""
    states = parts["state"].value_counts()
    n_missing = int(states.pop(MISSING)) if MISSING in states else 0
    n_with_number = int(states.sum())
    clauses = []
    if n_with_number > 1:
        clauses.append(f"{_SUPERLATIVES[claim.needs]} of {n_with_number}")
        if len(states) > 1:  # otherwise the verdict says it
            clauses.append(f"{states[decisive['state']]} {decisive['state']}")
    if n_missing:
        clauses.append(f"{words.plural(n_missing, 'other') if n_with_number == 1 else n_missing} missing")
    text = ", ".join(clauses)
    if n_with_number > 1:
        effects = parts.loc[parts["state"] != MISSING, "effect"]
        text += f"; all: {format_range(effects.min(), effects.max(), claim.unit)}"
    reason = ""
    if decisive["state"] == UNDECIDED:
        reason = decisive["why"]
    elif _counts_as_none(decisive):
        unit = " points" if claim.unit == POINTS else ""
        reason = f"{decisive['refuted']}{unit} counts as none"
    elif decisive["state"] == AS_CLAIMED and decisive["effect_high"] < decisive["refuted_high"]:
        reason = "small, but significant"
    return "; ".join(filter(None, [text, reason]))


def _counts_as_none(part: pd.Series) -> bool:
    """Return whether a part is against a claim although it may be in the claimed region, since it is so small."""
    return bool(part["state"] == AGAINST and part["refuted"] and part["claimed_low"] < part["effect_high"])


def _explain(parts: pd.DataFrame, judgement: str) -> str:
    """Return how many parts have each state, followed by the reasons."""
    counts = parts["state"].value_counts()
    n = len(parts)
    comparisons = words.plural(n, "comparison")
    listed = ", ".join(f"{counts[state]} {state}" for state in reversed(STATES) if state in counts)
    text = f"{comparisons}: {listed}"
    reasons = merge_reasons(parts.sort_values("state", key=lambda states: states != judgement, kind="stable")["why"])
    if reasons:
        more = f", and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        text += f". {'; '.join(reasons[:3])}{more}"
    elif judgement == OPEN:
        text += ". Intervals include the threshold"
    return text


def _describe_effect(parts: pd.DataFrame, decisive: pd.Series | None, unit: str) -> str:
    """Return the effect of the decisive part, its interval and the claimed region in words."""
    if decisive is None:
        return "no figures"
    numbers = format_effect(decisive["effect"], decisive["effect_low"], decisive["effect_high"], unit)
    with_number = parts[parts["state"] != MISSING]
    where = f", on {decisive['device']}" if decisive["device"] else ""
    text = f"{decisive['part']}{where}: {numbers}, claimed: {decisive['claimed']}"
    if len(with_number) > 1:
        text += f"; all: {format_range(with_number['effect'].min(), with_number['effect'].max(), unit)}"
    return text
