"""Figures inside of pages: SVG in the colours of the theme, which are CSS variables."""

from __future__ import annotations

import colorsys
import re
from functools import cache
from html import escape
from pathlib import Path

from aiot_analysis.plots.contrast import contrast, rgb

LIGHT, DARK = "#ffffff", "#14181c"  # grounds of pages; `--paper` in the style sheet
LEAST = 3.0  # contrast of marks with their ground (WCAG 2.2, 1.4.11)
LEAST_DARK = 4.5  # on dark pages, where dots and thin lines need more than on light ones
MARK = 2.0  # contrast on white from which a grey is of marks; fainter ones are grounds, bands and grids
LEGIBLE = 4.5  # contrast of text with its ground (WCAG 2.2, 1.4.3)
BROAD = 800  # CSS pixels; wider figures are drawn narrow on tablets, too
NAMED = {"#000000": "ink", "#1a1a1a": "ink", LIGHT: "ground", "#6b6b6b": "grey", "#e6e6e6": "grid"}  # see plots.style
NEUTRALS = {
    "ink": "var(--ink)",
    "ground": "var(--paper)",
    "grey": "light-dark(#6b6b6b, #a3afba)",
    "grid": "light-dark(#e6e6e6, #2f3840)",
}
_SHEET = Path(__file__).parents[1] / "plots" / "paper.mplstyle"
_COLOR = re.compile(r"(?<=[:\"])#[0-9a-f]{6}(?=[;\"])")
_VARIABLE = re.compile(r"--figure-([0-9a-f]{6})\b")
_SERIES = re.compile(r'"color": ?"#([0-9a-fA-F]{6})"')  # in the data of interactive figures


def picture(alt: str, wide: str, narrow: str = "") -> str:
    """Return the HTML of a figure on a page: its SVG, and another one for narrow screens, which need no scripts."""
    width = float(wide.partition(' width="')[2].partition('"')[0])
    kind = f"picture{' broad' if width > BROAD else ''}" if narrow else "picture single"
    drawings = _inline(wide, "wide") + (_inline(narrow, "narrow") if narrow else "")
    return f'<div class="{kind}" role="img" aria-label="{escape(alt)}">{drawings}</div>'


def _inline(drawing: str, kind: str) -> str:
    head, _, rest = themed(drawing).partition(">")
    head = re.sub(r' (?:xmlns|role|aria-label)="[^"]*"', "", head).replace("background:var(--figure-ground);", "")
    return f'{head} class="{kind}" aria-hidden="true">{rest}'


def themed(drawing: str) -> str:
    """Return an SVG whose colours are CSS variables, named by their value in the light theme."""
    return _COLOR.sub(lambda match: f"var(--figure-{NAMED.get(match[0], match[0][1:])})", drawing)


def rules(html: str) -> str:
    """Return the style rule that defines the variables of the colours of a page's figures, for both themes."""
    used = {*_VARIABLE.findall(html), *map(str.lower, _SERIES.findall(html))}
    used |= {color[1:] for color in series_colors()}
    pairs = NEUTRALS | {name: "light-dark({}, {})".format(*shades(f"#{name}")) for name in sorted(used)}
    pairs |= {color[1:]: NEUTRALS[name] for color, name in NAMED.items()}  # interactive figures name them by value
    return f":root {{ {' '.join(f'--figure-{name}: {value};' for name, value in pairs.items())} }}"


@cache
def series_colors() -> tuple[str, ...]:
    """Return the colours of series, as hexadecimal numbers, without importing matplotlib."""
    [cycle] = re.findall(r"^axes\.prop_cycle:(.*)$", _SHEET.read_text(encoding="utf-8"), re.MULTILINE)
    return (*(f"#{color.lower()}" for color in re.findall(r"\"([0-9A-Fa-f]{6})\"", cycle)), "#f0e442")


def shades(color: str) -> tuple[str, str]:
    """Return a colour for light and one for dark pages.

    Colours of series, and other strong ones, are only changed as far as their contrast demands. Of greys and tints, the
    lightness is reversed, and those of marks are changed as far as their contrast demands, too.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb(color))
    if color in series_colors():
        return _toward(color, LIGHT, LEAST), _toward(color, DARK, LEAST_DARK)
    if saturation > 0.3 and lightness < 0.75:
        return color, color if contrast(color, DARK) >= LEGIBLE else _toward(color, DARK, LEGIBLE)
    _, darkest, _ = colorsys.rgb_to_hls(*rgb(DARK))
    turned = _hex(colorsys.hls_to_rgb(hue, 0.93 - lightness * (0.93 - darkest), min(saturation, 0.5)))
    if saturation <= 0.3 and contrast(color, LIGHT) >= MARK:
        return _toward(color, LIGHT, LEAST), _toward(turned, DARK, LEAST)
    return color, turned


def _toward(color: str, ground: str, least: float) -> str:
    """Return the colour, darker on a light ground or lighter on a dark one until its contrast suffices."""
    step = -0.01 if ground == LIGHT else 0.01
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb(color))
    while contrast(color, ground) < least:
        lightness += step
        color = _hex(colorsys.hls_to_rgb(hue, lightness, saturation))
    return color


def _hex(parts: tuple[float, float, float]) -> str:
    return f"#{bytes(round(255 * part) for part in parts).hex()}"
