"""Plot of accuracy over time per image, one point per device and instance."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

ORDERS = {"model": names.MODELS, "implementation": names.IMPLEMENTATIONS, "quantization": names.QUANTIZATIONS}
MOST_WHISKERS = 80  # with more points than this, whiskers would hide the points


@style.styled
def accuracy_over_time(
    rows: pd.DataFrame,
    origin: str,
    value: str = "end_to_end_ms_mean",
    by: str = "implementation",
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw accuracy over mean time (logarithmic), one point per device and instance.

    If there are few points, they have 95 % intervals. Takes the rows of `stats.accuracy.with_interval`. Colour and
    marker show the column `by`: model, implementation, quantization or device_id. More than seven devices share the
    looks of seven and have no legend.
    """
    rows = rows.dropna(subset=["accuracy", value]).assign(implementation=names.implementation)
    figure, (axes,) = style.panels(1, 1, 6.6, 3.6)
    what = "device" if by == "device_id" else by
    if rows.empty:
        style.empty(axes, "no data: no instance has an accuracy and a time")
        return style.finish(figure, origin, "Accuracy over time: no data.")
    if by == "device_id":
        ids = device_axis.order(rows[by], devices)
        looks, display_names = style.looks(ids), dict(zip(ids, device_axis.names(ids, devices), strict=True))
    else:
        groups = names.in_order(set(rows[by]), ORDERS[by])
        looks, display_names = (
            {group: style.look(group) for group in groups},
            {group: names.display(group) for group in groups},
        )
    many = len(rows) > MOST_WHISKERS
    handles: dict[str, Any] = {}
    for group, look in looks.items():
        points = rows[rows[by] == group]
        size, alpha = (9, 0.5) if many else (24, 0.9)
        axes.scatter(
            points[value], points["accuracy"], marker=look.marker, color=look.color, s=size, alpha=alpha, zorder=3
        )
        if not many:
            errors = [points["accuracy"] - points["accuracy_low"], points["accuracy_high"] - points["accuracy"]]
            axes.errorbar(
                points[value], points["accuracy"], yerr=errors, fmt="none", ecolor=(look.color, 0.4), capsize=0
            )
        handles[display_names[group]] = Line2D([], [], color=look.color, marker=look.marker, linestyle="none")
    axes.set(xscale="log", xlabel="mean time per image (ms)", ylabel="accuracy")
    style.plain_log(axes.xaxis)
    if len(looks) <= len(style.MARKERS):
        style.legend(figure, handles)
    count = rows["device_id"].nunique()
    best = rows.nlargest(1, "accuracy").iloc[0]
    return style.finish(
        figure,
        origin,
        f"Accuracy over mean time by {what} of {plural(len(rows), 'instance')} on {plural(count, 'device')}: accuracy "
        f"{style.span(rows['accuracy'], '{:.3f}')}, {style.span(rows[value], '{:.3g}')} ms. Most accurate: "
        f"{names.instance_display(best['instance_id'])}, {best['accuracy']:.3f} in {best[value]:.3g} ms.",
    )
