"""Axis of instances down the side of a panel, with one panel per device or one panel for all."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names


def order_instances(instances: Iterable[str]) -> list[str]:
    """Return the paper's instances in its order, then any others by name."""
    return names.in_order(set(instances), [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED])


def instance_panels(ids: list[str], lines: list[str]) -> tuple[style.Canvas, list[Axes]]:
    """Return a figure with one panel per device for few devices, or a single panel for many."""
    count = 1 if len(ids) > device_axis.FEW else len(ids)
    return style.panels(count, 2, 7.0 if count == 1 else 5.5, 0.17 * len(lines) + 0.9)


def set_up_instance_axis(axes: Axes, lines: list[str], label: str) -> None:
    """Set up the y axis with the instances at 0, 1, ... from the top, and `label` on the x axis."""
    axes.set_yticks(
        range(len(lines)), [names.instance_display(instance_id) for instance_id in lines], fontsize=style.SMALL
    )
    axes.set(ylim=(len(lines) - 0.4, -0.6), xlabel=label)
    axes.grid(axis="y", visible=False)


def instance_heights(instances: pd.Series, lines: list[str]) -> pd.Series:
    """Return the y position of the instance of each row."""
    return instances.map({instance_id: position for position, instance_id in enumerate(lines)}).astype(float)


def mark_missing(axes: Axes, height: float, text: str = "no data") -> None:
    """Write at the height of an instance that it has no data."""
    transform = axes.get_yaxis_transform()
    axes.text(0.01, height, text, transform=transform, va="center", fontsize=style.SMALL, color=style.GREY)


def empty_figure(origin: str, said: str, why: str = "there are no image records") -> Figure:
    """Return a figure that says why there is nothing to draw."""
    figure, (axes,) = style.panels(1, 1, 5.0, 1.5)
    style.empty(axes, f"no data: {why}")
    return style.finish(figure, origin, f"{said}: no data.")
