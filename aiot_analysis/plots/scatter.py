"""Accuracy over time: where each instance stands between right and fast."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

ORDERS = {"model": names.MODELS, "implementation": names.IMPLEMENTATIONS, "quantization": names.QUANTIZATIONS}
MOST_WHISKERS = 80  # points; the whiskers of more hide them


@style.styled
def accuracy_over_time(
    rows: pd.DataFrame,
    origin: str,
    value: str = "end_to_end_ms_mean",
    by: str = "implementation",
    devices: pd.DataFrame | None = None,
) -> Figure:
    """A point per device and instance: accuracy, with its 95 % interval where they are few, over mean time (log).

    Takes the rows of `stats.accuracy.with_interval`. Colour and marker tell what `by` names: model, implementation,
    quantization or device_id; more than seven devices share the looks of seven, and have no legend.
    """
    rows = rows.dropna(subset=["accuracy", value]).assign(implementation=names.implementation)
    figure, (axes,) = style.panels(1, 1, 6.6, 3.6)
    what = "device" if by == "device_id" else by
    if rows.empty:
        style.empty(axes, "no data: no instance has an accuracy and a time")
        return style.finish(figure, origin, "Accuracy over time: no data.")
    if by == "device_id":
        ids = device_axis.order(rows[by], devices)
        looks, words = style.looks(ids), dict(zip(ids, device_axis.names(ids, devices), strict=True))
    else:
        found = names.in_order(set(rows[by]), ORDERS[by])
        looks, words = {one: style.look(one) for one in found}, {one: names.display(one) for one in found}
    many = len(rows) > MOST_WHISKERS
    handles: dict[str, Any] = {}
    for one, look in looks.items():
        some = rows[rows[by] == one]
        size, alpha = (9, 0.5) if many else (24, 0.9)
        axes.scatter(some[value], some["accuracy"], marker=look.marker, color=look.color, s=size, alpha=alpha, zorder=3)
        if not many:
            errors = [some["accuracy"] - some["accuracy_low"], some["accuracy_high"] - some["accuracy"]]
            axes.errorbar(some[value], some["accuracy"], yerr=errors, fmt="none", ecolor=(look.color, 0.4), capsize=0)
        handles[words[one]] = Line2D([], [], color=look.color, marker=look.marker, linestyle="none")
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
