"""Contrast of colours (WCAG 2.2). The processes that write pages use it without importing matplotlib."""

from __future__ import annotations


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, which are hexadecimal numbers such as "#0072b2"."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def rgb(color: str) -> tuple[float, float, float]:
    """Return the red, green and blue parts of a colour, from 0 to 1."""
    red, green, blue = (part / 255 for part in bytes.fromhex(color[1:]))
    return red, green, blue


def _luminance(color: str) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb(color)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
