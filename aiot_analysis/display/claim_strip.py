"""Compact list of claims for the place below a figure: verdict, claim, effect with its interval, and devices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from aiot_analysis.display.show import MARKS
from aiot_analysis.stats.remarks.claim import CORRELATION, OPEN, POINTS, SHARE, TIMES, format_effect
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

WIDTH, HEIGHT, MARGIN = 220, 22, 8  # of a drawing, in pixels
MOST_TIMES = 32.0  # speed-ups beyond this factor are drawn at the edge
LEAST_LOG, LEAST_POINTS = math.log(1.25), 1.0  # every scale extends this far to both sides of no difference
NULLS = {TIMES: 1.0, POINTS: 0.0, CORRELATION: 0.0}
"""Effect that means no difference, by unit; a share has none, so its line is at the threshold of the claim."""
SHORT_UNITS = {TIMES: (" times as fast", "×")}

LIST = "list-style: none; padding: 0; margin: 0.8em 0; max-width: 62em"
ITEM = "display: flex; flex-wrap: wrap; align-items: center; gap: 0.1em 0.9em; padding: 0.25em 0"
"""Styles for JupyterLab, which does not have the style sheet of pages."""


@dataclass(frozen=True)
class Scale:
    """Position on the horizontal axis that the rows of one unit share."""

    low: float
    high: float
    is_log: bool

    def x(self, value: float) -> float:
        """Return the position of a value in pixels; values beyond the scale are at its edge."""
        if self.is_log:
            value = math.log(max(value, 1e-9))
        clipped = min(max(value, self.low), self.high)
        return MARGIN + (WIDTH - 2 * MARGIN) * (clipped - self.low) / (self.high - self.low)


def scale(claims: pd.DataFrame, unit: str) -> Scale:
    """Return the scale of all claims of a unit, which contains their intervals and the effect of no difference."""
    if unit == SHARE:
        return Scale(0.0, 1.0, is_log=False)
    if unit == CORRELATION:
        return Scale(-1.0, 1.0, is_log=False)
    rows = claims[claims["unit"] == unit]
    ends = rows[["effect", "effect_low", "effect_high"]].to_numpy(float).ravel()
    finite = [float(value) for value in ends if math.isfinite(value)]
    if unit == TIMES:
        logs = [math.log(min(max(value, 1 / MOST_TIMES), MOST_TIMES)) for value in finite]
        return Scale(min([-LEAST_LOG, *logs]), max([LEAST_LOG, *logs]), is_log=True)
    return Scale(min([-LEAST_POINTS, *finite]), max([LEAST_POINTS, *finite]), is_log=False)


def strip(claims: pd.DataFrame) -> str:
    """Return the list of claims as HTML. Takes the frame of `remarks.verdicts` or `published_claims.verdicts`.

    Each row has the verdict as a sign with a label, the claim in a few words, a drawing of the effect with its interval
    on the scale of its unit, the same numbers as text, and the number of devices. The shaded part of a drawing is what
    the claim says, and the line is the effect of no difference. Claims without an effect say why instead; those with
    the same verdict and reason share a row, at the place of the first.
    """
    scales = {unit: scale(claims, unit) for unit in claims["unit"].unique()}
    rows: dict[tuple[str, str], list[Mapping[Any, Any]]] = {}
    for claim in claims.to_dict("records"):
        has_effect = claim["effect"] == claim["effect"]
        key = (claim["id"], "") if has_effect else (claim["verdict"], _reason(claim))
        rows.setdefault(key, []).append(claim)
    html = "".join(_row(group, scales[group[0]["unit"]]) for group in rows.values())
    return f'<ul class="claim-strip" role="list" aria-label="Claims and verdicts" style="{LIST}">{html}</ul>'


def _row(group: Sequence[Mapping[Any, Any]], axis: Scale) -> str:
    """Return the row of a claim, or of several without an effect for the same reason."""
    claim = group[0]
    sign, kind = MARKS[claim["verdict"]]
    numbers, drawing, width = _reason(claim), "", "1 1 20em"
    if claim["effect"] == claim["effect"]:
        numbers, drawing, width = _numbers(claim), _drawing(claim, axis), "0 1 13em"
        if _looks_decided(claim):
            numbers += f"; {str(claim['why']).partition('. ')[0]}"  # how many comparisons are missing
    devices = plural(int(claim["n_devices"]), "device") if claim["n_devices"] else ""
    short = "; ".join(f'{escape(item["short"])} <small class="id">{escape(item["id"])}</small>' for item in group)
    return (
        f'<li style="{ITEM}">'
        f'<span class="sign-of-verdict {kind}" role="img" aria-label="{escape(claim["verdict"])}" '
        f'title="{escape(claim["verdict"])}" style="flex: 0 0 1.2em; font-weight: bold">{sign}</span>'
        f'<span class="claim" style="flex: 1 1 17em">{short}</span>'
        f"{drawing}"
        f'<span class="effect" style="flex: {width}">{escape(numbers)}</span>'
        f'<span class="devices" style="flex: 0 0 5.5em">{devices}</span></li>'
    )


def _looks_decided(claim: Mapping[Any, Any]) -> bool:
    """Return whether the interval agrees with a claim that cannot be decided, because other comparisons are missing."""
    within = claim["claimed_low"] <= claim["effect_low"] and claim["effect_high"] <= claim["claimed_high"]
    return bool(claim["verdict"] == OPEN and within)


def _numbers(claim: Mapping[Any, Any]) -> str:
    """Return the effect and, if it is known, its interval as text."""
    text = format_effect(claim["effect"], claim["effect_low"], claim["effect_high"], claim["unit"])
    return text.replace(*SHORT_UNITS.get(claim["unit"], ("", "")))


def _reason(claim: Mapping[Any, Any]) -> str:
    """Return why a claim has no effect."""
    return str(claim["why"]).rpartition(". ")[2]


def _drawing(claim: Mapping[Any, Any], axis: Scale) -> str:
    """Return the effect with its interval as SVG in the color of the text.

    It is hidden from screen readers, since the numbers follow as text.
    """
    middle = HEIGHT / 2
    region = claim["claimed_low"], claim["claimed_high"]
    left, right = map(axis.x, region)
    threshold = next((end for end in region if math.isfinite(end)), 0.0)
    null = axis.x(NULLS.get(claim["unit"], threshold))
    size = f'x="{left:.1f}" y="1" width="{right - left:.1f}" height="{HEIGHT - 2}"'
    parts = [
        f'<rect {size} fill="currentColor" fill-opacity="0.1"/>',
        f'<path d="M{null:.1f} 0V{HEIGHT}" stroke="currentColor" stroke-opacity="0.5" stroke-dasharray="2 2"/>',
    ]
    low, high = claim["effect_low"], claim["effect_high"]
    if low == low and high == high:
        parts.append(
            f'<path d="M{axis.x(low):.1f} {middle}H{axis.x(high):.1f}" stroke="currentColor" stroke-width="2"/>'
        )
    parts.append(f'<circle cx="{axis.x(claim["effect"]):.1f}" cy="{middle}" r="4" fill="currentColor"/>')
    return (
        f'<svg class="forest" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" '
        f'style="flex: 0 0 {WIDTH}px">{"".join(parts)}</svg>'
    )
