"""Helpers for the wording of numbers that readers see, and the confidence at which they are stated."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIDENCE = 0.95
"""Level of all intervals."""
ALPHA = 0.05
"""Error rate of all tests, 1 - CONFIDENCE."""
LEAST_P = 0.001  # smaller p-values are shown as below this one
DIGITS = 3  # significant digits of a value with an interval
MORE_DIGITS = 6  # maximum number of formats to try, each with one more digit


def plural(n: float, what: str, form: str = "") -> str:
    """Return a count with its noun, like "1 device" or "51 devices".

    `what` is the singular of a noun that forms its plural with an s. `form` is a format of the count, like "{:,}".
    """
    number = (form or ("{:g}" if isinstance(n, float) else "{}")).format(n)
    return f"{number} {what}{'s' * (n != 1)}"


def p_value(p: float) -> str:
    """Return a p-value with three decimals, or "<0.001" if it is smaller."""
    return f"<{LEAST_P:g}" if p < LEAST_P else f"{p:.3f}"


def estimate(
    value: float, low: float = math.nan, high: float = math.nan, form: str = "{:.6f}", digits: int = DIGITS
) -> str:
    """Return a value, followed by its interval if it has one, as text like "312 (297 to 329)".

    `form` is a format like "{:.2f}", "{:.1%}" or "{:.2f} ms". With "f", the value has `digits` significant digits, but
    at most the decimals of `form`, and all digits before the point. The ends have as many decimals as the value, and
    all have more if the ends would look alike. What follows the number in `form` only follows the value.
    """
    sign, most_decimals, kind, unit = _FORM.fullmatch(form).groups()  # type: ignore[union-attr]
    decimals = int(most_decimals)
    if kind == "f" and math.isfinite(value):
        power = int(f"{value:.{digits - 1}e}".partition("e")[2])  # of ten, once rounded
        decimals = min(max(digits - 1 - power, 0), decimals)
    if not (math.isfinite(low) and math.isfinite(high)):
        decimals = 0 if value == 0 and kind == "f" else decimals
        return f"{value:{sign},.{decimals}{kind}}{unit}"
    ends = interval(low, high, f"{{:{sign},.{decimals}{kind}}}")
    decimals = len(ends.partition(" to ")[0].partition(".")[2].rstrip("%"))
    return f"{value:{sign},.{decimals}{kind}}{unit} ({ends})"


def interval(low: float, high: float, form: str) -> str:
    """Return an interval as text like "1.20 to 1.40", with more digits if both ends would look alike.

    `form` is a format with a single digit for its precision, like "{:.2f}".
    """
    prefix, _, suffix = form.partition(".")  # like "{:" and "2f}"
    digits, kind = suffix[0], suffix[1:]
    for extra_digits in range(MORE_DIGITS):
        extended_form = f"{prefix}.{int(digits) + extra_digits}{kind}"
        ends = [extended_form.format(value) for value in (low, high)]
        if ends[0] != ends[1] or low == high:
            break
    return " to ".join(ends)


_FORM = re.compile(r"\{:(\+?),?\.(\d)([f%])\}(.*)")  # sign, decimals, kind and unit
_MINUS = re.compile(r"(?:^|(?<=[\s(\[~≤≥<>=,;:/“]))-(?=\.?\d)")
_CODE = re.compile("(`[^`]*`)")


def minus(text: str) -> str:
    """Return a text in which negative numbers have a minus sign (−) in place of a hyphen, except in `code`."""
    if "-" not in text:
        return text
    parts = _CODE.split(text)  # code is at the odd positions
    return "".join(part if place % 2 else _MINUS.sub("−", part) for place, part in enumerate(parts))


def typeset(text: str) -> str:
    """Return text with minus signs, and with large numbers written out, like "1,330" for "1.33e+03"."""
    return minus(re.sub(r"\d+(?:\.\d+)?e\+\d+", lambda number: f"{float(number[0]):,.0f}", text))


def sentence(text: str) -> str:
    """Return text with a capital and a full stop; "" for nothing."""
    return f"{text[0].upper()}{text[1:]}." if text else ""


def points(share: float, form: str = "{:.1f}") -> str:
    """Return a fraction of 1 as percentage points, without a unit, such as "2.4"."""
    return minus(form.format(100 * share))


def listed(items: Iterable[str]) -> str:
    """Return items as text, like "a, b and c"."""
    words = list(items)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
