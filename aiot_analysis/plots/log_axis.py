"""Logarithmic axes with plain numbers like 20, 50, 100 instead of powers of ten."""

from __future__ import annotations

from itertools import count
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullFormatter, NullLocator

from aiot_analysis.plots.style import LETTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axis import Axis

STEPS: tuple[tuple[float, ...], ...] = ((1, 2, 5), (1, 3), (1,), (1, 1.5, 2, 3, 5, 7))
"""Leading digits of the numbers on a logarithmic axis, in order of preference."""
LEAST_TICKS = 3


class PlainLogLocator(Locator):
    """Ticks of a logarithmic axis at 1, 2, 5, 10 and so on, if these are at least three and their labels have room.

    Otherwise an axis over many decades has ticks at powers of ten, one over less than a decade also at 1.5, 3 and 7,
    and one over a small part of a decade at equal steps.
    """

    def __call__(self) -> Sequence[float]:
        """Return the ticks between the current ends of the axis."""
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the ticks between two numbers."""
        low, high = sorted((float(vmin), float(vmax)))
        if not 0 < low < high < np.inf:
            return []
        choices = [ticks for steps in STEPS if len(ticks := _multiples(low, high, steps)) >= LEAST_TICKS]
        decades = _multiples(low, high, (1,))
        choices += [decades[::step] for step in range(2, len(decades) // LEAST_TICKS + 1)]
        if not choices:
            equal = (MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) for bins in count(LEAST_TICKS))
            inside = ([float(tick) for tick in ticks if low <= tick <= high] for ticks in equal)
            return next(ticks for ticks in inside if len(ticks) >= LEAST_TICKS)
        shortest = min(choices, key=len)
        if len(shortest) > LEAST_TICKS:
            choices.append(shortest[::2])  # two labels are better than labels that overlap
        return next((ticks for ticks in choices if self._fits(ticks, low, high)), shortest)

    def _fits(self, ticks: Sequence[float], low: float, high: float) -> bool:
        """Return whether the labels of ticks have room beside each other."""
        axis: Any = self.axis
        if not hasattr(axis, "axes"):
            return len(ticks) <= 3 * LEAST_TICKS
        axes, level = axis.axes, axis.axis_name == "x"
        figure = axes.get_figure(root=True)
        inches = (axes.bbox.width if level else axes.bbox.height) / figure.dpi
        places = np.log(ticks) / np.log(high / low) * inches
        points = float(axis.get_major_ticks(1)[0].label1.get_fontsize())
        widths = [LETTER * points * (len(plain_number(tick)) + 1.5) if level else 1.6 * points / 72 for tick in ticks]
        needed = np.add(widths[1:], widths[:-1]) / 2
        return bool((np.diff(places) >= needed).all())


def _multiples(low: float, high: float, steps: Sequence[float]) -> list[float]:
    """Return the numbers between two ends that are a power of ten times one of the steps."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    numbers = [round(step * 10.0**power, 12 - power) for power in powers for step in steps]
    return [number for number in numbers if low <= number <= high]


def plain_number(value: float) -> str:
    """Return a number as text without an exponent, such as "0.05", "20" or "10,000"."""
    text = f"{value:,.9f}".rstrip("0").rstrip(".")
    return text.replace(",", "") if abs(value) < 10_000 else text


def plain_log(axis: Axis) -> None:
    """Label a logarithmic axis with at least three plain numbers like 20, 50, 100 instead of powers of ten."""
    axis.set_major_locator(PlainLogLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain_number(value)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
