"""Compact list of claims for the place below a figure: verdict, claim, effect with its interval, and devices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from aiot_analysis.display.show import MARKS
from aiot_analysis.stats.remarks.claim import (
    CORRELATION,
    NOT_APPLICABLE,
    POINTS,
    SHARE,
    TIMES,
    VERDICTS,
    format_effect,
)
from aiot_analysis.stats.remarks.reasons import is_lacking, merge_reasons
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

WIDTH, HEIGHT, MARGIN = 220, 22, 12  # of a drawing, in pixels
MOST_TIMES = 32.0  # speed-ups beyond this factor are drawn at the edge
LEAST_LOG, LEAST_POINTS = math.log(1.25), 1.0  # every scale extends this far to both sides of no difference
NULLS = {TIMES: 1.0, POINTS: 0.0, CORRELATION: 0.0}
"""Effect that means no difference, by unit; a share has none."""
SHORT_UNITS = {TIMES: (" times as fast", "× as fast")}
NO_BREAK = "\N{NO-BREAK SPACE}"
MOST_LABELS = 6  # claims that share a row are named by their ids alone if there are more

LIST = "list-style: none; padding: 0; margin: 0.3em 0 0.8em; max-width: 62em"
ITEM = "display: flex; flex-wrap: wrap; align-items: center; gap: 0.1em 0.9em; padding: 0.25em 0"
NOTE = "display: block; opacity: 0.75"
"""Styles for JupyterLab, which does not have the style sheet of pages."""

_INTERVAL = '<path d="M2 7H28" stroke="currentColor" stroke-width="2"/>'
_SAMPLES = {
    "dot": f'{_INTERVAL}<circle cx="15" cy="7" r="4" fill="currentColor"/>',
    "band": '<rect x="1" y="0" width="28" height="14" fill="currentColor" fill-opacity="0.14"/>',
    "line": '<path d="M15 0V14" stroke="currentColor" stroke-opacity="0.5" stroke-dasharray="2 2"/>',
}


@dataclass(frozen=True)
class Scale:
    """Position on the horizontal axis that the rows of one unit share."""

    low: float
    high: float
    is_log: bool

    def place(self, value: float) -> float:
        """Return the position of a value as a share of the scale, which is below 0 or above 1 beyond its ends."""
        if self.is_log:
            value = math.log(max(value, 1e-9))
        return round((value - self.low) / (self.high - self.low), 9)

    def x(self, value: float) -> float:
        """Return the position of a value in pixels; values beyond the scale are at its edge."""
        return MARGIN + (WIDTH - 2 * MARGIN) * min(max(self.place(value), 0.0), 1.0)


def scale(claims: pd.DataFrame, unit: str) -> Scale:
    """Return the scale of all claims of a unit.

    It contains their intervals, what they claim, and the effect of no difference.
    """
    if unit == SHARE:
        return Scale(0.0, 1.0, is_log=False)
    if unit == CORRELATION:
        return Scale(-1.0, 1.0, is_log=False)
    rows = claims[(claims["unit"] == unit) & claims["effect"].notna()]
    ends = rows[["effect", "effect_low", "effect_high", "claimed_low", "claimed_high"]].to_numpy(float).ravel()
    finite = [float(value) for value in ends if math.isfinite(value)]
    if unit == TIMES:
        logs = [math.log(min(max(value, 1 / MOST_TIMES), MOST_TIMES)) for value in finite if value > 0]
        return Scale(min([-LEAST_LOG, *logs]), max([LEAST_LOG, *logs]), is_log=True)
    return Scale(min([-LEAST_POINTS, *finite]), max([LEAST_POINTS, *finite]), is_log=False)


def strip(claims: pd.DataFrame, devices: Mapping[str, str] | None = None) -> str:
    """Return the list of claims as HTML, with a key above it.

    Takes the frame of `remarks.verdicts` or `published_claims.verdicts`, and the names of devices by id.

    Each row has the verdict as a sign with a label, the claim in a few words, the comparison that decides it, a drawing
    of its effect with its interval on the scale of its unit, the same numbers as text, and the number of devices. The
    shaded part of a drawing is what the claim says, and the line is the effect of no difference. Claims without an
    effect follow: those with the same verdict and reason share a row.
    """
    shown = claims[claims["effect"].notna()]
    scales = {unit: scale(shown, unit) for unit in shown["unit"].unique()}
    rows = [_row(claim, scales[claim["unit"]], devices or {}) for claim in shown.to_dict("records")]
    groups: dict[tuple[str, str], list[Mapping[Any, Any]]] = {}
    for claim in claims[claims["effect"].isna()].to_dict("records"):
        reason = "" if is_lacking(claim["reasons"]) else "; ".join(claim["reasons"])
        groups.setdefault((claim["verdict"], reason), []).append(claim)
    in_order = sorted(groups.items(), key=lambda item: VERDICTS.index(item[0][0]))
    html = "".join([*rows, *(_row_without_effect(group) for _, group in in_order)])
    return (
        f'{_key(claims, shown)}<ul class="claim-strip" role="list" aria-label="Claims and verdicts" '
        f'style="{LIST}">{html}</ul>'
    )


def _key(claims: pd.DataFrame, shown: pd.DataFrame) -> str:
    """Return what the signs and the parts of the drawings mean, for those that occur."""
    items = [f"{_sign(verdict)} {verdict}" for verdict in VERDICTS if (claims["verdict"] == verdict).any()]
    if len(shown):
        items.append(f"{_sample('dot')} effect and 95% interval")
        items.append(f"{_sample('band')} what the claim says")
    if shown["unit"].isin(list(NULLS)).any():
        items.append(f"{_sample('line')} no difference")
    places = [word for word in ("weakest", "strongest") if shown["among"].str.startswith(word).any()]
    meanings = {"weakest": "all comparisons must agree", "strongest": "one comparison is enough"}
    items += [f"{word}: {meanings[word]}, so the {word} decides" for word in places]
    spans = "".join(f'<span style="display: inline-block; margin-right: 1.2em">{item}</span> ' for item in items)
    return f'<p class="strip-key" style="font-size: 0.85em; margin: 0.8em 0 0">{spans}</p>'


def _sample(part: str) -> str:
    """Return a part of a drawing for the key."""
    return f'<svg width="30" height="14" viewBox="0 0 30 14" aria-hidden="true">{_SAMPLES[part]}</svg>'


def _sign(verdict: str) -> str:
    """Return the sign of a verdict for the key, where its words follow."""
    sign, kind = MARKS[verdict]
    return f'<b class="sign-of-verdict {kind}" aria-hidden="true">{sign}</b>'


def _item(verdict: str, claim: str, *cells: str) -> str:
    """Return a row of HTML: the sign of the verdict, the claim, and other cells."""
    sign, kind = MARKS[verdict]
    return (
        f'<li style="{ITEM}">'
        f'<span class="sign-of-verdict {kind}" role="img" aria-label="{escape(verdict)}" '
        f'title="{escape(verdict)}" style="flex: 0 0 1.2em; font-weight: bold">{sign}</span>'
        f'<span class="claim" style="flex: 1 1 17em">{claim}</span>{"".join(cells)}</li>'
    )


def _row(claim: Mapping[Any, Any], axis: Scale, devices: Mapping[str, str]) -> str:
    """Return the row of a claim with an effect."""
    comparison = str(claim["comparison"]).partition(" (")[0]
    if claim["device"]:
        comparison += f", on {devices.get(claim['device'], claim['device'])}"
    if claim["among"]:
        comparison += f" ({claim['among']})"
    note = f'<small class="comparison" style="{NOTE}">{escape(comparison)}</small>' if comparison else ""
    n_devices = plural(int(claim["n_devices"]), "device") if claim["n_devices"] else ""
    return _item(
        claim["verdict"],
        f"{escape(claim['short'])}{NO_BREAK}{_id(claim)}{note}",
        _drawing(claim, axis),
        f'<span class="effect" style="flex: 0 1 15em">{escape(_numbers(claim))}</span>',
        f'<span class="devices" style="flex: 0 0 5.5em">{n_devices}</span>',
    )


def _row_without_effect(group: Sequence[Mapping[Any, Any]]) -> str:
    """Return the row of claims that have the same verdict for the same reason, or because instances are missing."""
    verdict = group[0]["verdict"]
    if len(group) > MOST_LABELS:
        are = "are not applicable" if verdict == NOT_APPLICABLE else verdict
        claims = f"{len(group)} claims {escape(are)}: " + ", ".join(map(_id, group))
    else:
        claims = "; ".join(f"{escape(claim['short'])}{NO_BREAK}{_id(claim)}" for claim in group)
    text = "; ".join(merge_reasons(reason for claim in group for reason in claim["reasons"]))
    return _item(verdict, claims, f'<span class="effect" style="flex: 1 1 20em">{escape(text)}</span>')


def _id(claim: Mapping[Any, Any]) -> str:
    """Return the id of a claim, with the claim as its tooltip."""
    return f'<small class="id" title="{escape(claim["short"])}">{escape(claim["id"])}</small>'


def _numbers(claim: Mapping[Any, Any]) -> str:
    """Return the effect and, if it is known, its interval as text."""
    text = format_effect(claim["effect"], claim["effect_low"], claim["effect_high"], claim["unit"])
    return text.replace(*SHORT_UNITS.get(claim["unit"], ("", "")))


def _drawing(claim: Mapping[Any, Any], axis: Scale) -> str:
    """Return the effect with its interval as SVG in the color of the text.

    It is hidden from screen readers, since the numbers follow as text. An arrowhead at an edge shows that the interval
    or the effect is beyond the scale.
    """
    middle = HEIGHT / 2
    left, right = (
        axis.x(end) if math.isfinite(end) and not (end == 0 and axis.is_log) else edge
        for end, edge in ((claim["claimed_low"], 0.0), (claim["claimed_high"], float(WIDTH)))
    )
    size = f'x="{left:.1f}" y="1" width="{right - left:.1f}" height="{HEIGHT - 2}"'
    parts = [f'<rect {size} fill="currentColor" fill-opacity="0.14"/>']
    if claim["unit"] in NULLS:
        parts.append(
            f'<path d="M{axis.x(NULLS[claim["unit"]]):.1f} 0V{HEIGHT}" stroke="currentColor" stroke-opacity="0.5" '
            'stroke-dasharray="2 2"/>'
        )
    ends = [claim["effect_low"], claim["effect_high"]]
    if ends[0] == ends[0] and ends[1] == ends[1]:
        low, high = map(axis.x, ends)
        parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="currentColor" stroke-width="2"/>')
    places = [axis.place(value) for value in (*ends, claim["effect"]) if value == value]
    for is_beyond, tip, base in ((min(places) < 0, 0, MARGIN), (max(places) > 1, WIDTH, WIDTH - MARGIN)):
        if is_beyond:
            head = f"M{tip} {middle}L{base} {middle - 5}V{middle + 5}Z"
            parts.append(f'<path class="beyond" d="{head}" fill="currentColor"/>')
    parts.append(f'<circle cx="{axis.x(claim["effect"]):.1f}" cy="{middle}" r="4" fill="currentColor"/>')
    return (
        f'<svg class="forest" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" '
        f'style="flex: 0 0 {WIDTH}px">{"".join(parts)}</svg>'
    )
