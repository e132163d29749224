"""Instances down the side of a panel, one panel a device or one for all: what figures of single instances share."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names


def order(instances: Iterable[str]) -> list[str]:
    """The paper's instances in its order, then any others by name."""
    return names.in_order(set(instances), [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED])


def panels(ids: list[str], lines: list[str]) -> tuple[Figure, list[Axes]]:
    """A panel for each of few devices, one for many."""
    count = 1 if len(ids) > device_axis.FEW else len(ids)
    return style.panels(count, 2, 7.0 if count == 1 else 5.5, 0.17 * len(lines) + 0.9)


def down(axes: Axes, lines: list[str], label: str) -> None:
    """Puts the instances at 0, 1, ... down the y axis; `label` is of the x axis."""
    axes.set_yticks(range(len(lines)), [names.instance_display(one) for one in lines], fontsize=style.SMALL)
    axes.set(ylim=(len(lines) - 0.4, -0.6), xlabel=label)
    axes.grid(axis="y", visible=False)


def heights(instances: pd.Series, lines: list[str]) -> pd.Series:
    """Where the instance of each row is on the y axis."""
    return instances.map({one: at for at, one in enumerate(lines)}).astype(float)


def missing(axes: Axes, height: float, text: str = "no data") -> None:
    """Says at an instance's height that there is nothing to draw."""
    across = axes.get_yaxis_transform()
    axes.text(0.01, height, text, transform=across, va="center", fontsize=style.SMALL, color=style.GREY)


def nothing(origin: str, said: str, why: str = "there are no image records") -> Figure:
    """The figure where there is nothing to draw."""
    figure, (axes,) = style.panels(1, 1, 5.0, 1.5)
    style.empty(axes, f"no data: {why}")
    return style.finish(figure, origin, f"{said}: no data.")
