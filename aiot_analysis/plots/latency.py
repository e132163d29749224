"""Plots of the time per image, its distribution and its phases, with one line per instance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, instance_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural


@style.styled
def distribution(
    summary: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    what: str = "end-to-end time",
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw a box per instance and device: quartiles, with whiskers from the shortest to the 99th percentile.

    Takes the frame of `stats.latency.summary`. A cross marks the first image, a point the longest time. More than six
    devices share one panel with a point per device at its median; the frame then needs no other column of times.
    """
    ids = device_axis.order(summary["device_id"], devices)
    lines = instance_axis.order_instances(summary["instance_id"])
    alt = f"Time per image of {plural(len(lines), 'instance')} on {plural(len(ids), 'device')}"
    if not lines:
        return instance_axis.empty_figure(origin, alt)
    medians = style.span(summary["median_ms"], "{:.3g}")
    tails = f", 99th percentiles up to {summary['p99_ms'].max():.3g} ms" if "p99_ms" in summary else ""
    alt += f"; medians {medians} ms{tails}."
    figure, axes = instance_axis.instance_panels(ids, lines)
    if len(ids) > device_axis.FEW:
        heights = instance_axis.instance_heights(summary["instance_id"], lines)
        axes[0].scatter(summary["median_ms"], heights, s=8, alpha=0.5, color=style.color(style.PLAIN))
        instance_axis.set_up_instance_axis(axes[0], lines, f"median {what} of each device (ms)")
        axes[0].set_xscale("log")
        style.plain_log(axes[0].xaxis)
        return style.finish(figure, origin, alt)
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        panel.set_title(name)
        times = summary[summary["device_id"] == device].set_index("instance_id").reindex(lines)
        _boxes(panel, times)
        instance_axis.set_up_instance_axis(panel, lines, f"{what} per image (ms)")
        panel.set_xscale("log")
        style.plain_log(panel.xaxis)
    marks = {
        "median and quartiles": Patch(facecolor=style.light(style.color(style.PLAIN)), edgecolor="black"),
        "shortest to 99th percentile": Line2D([], [], color="black", linewidth=0.8),
        "longest": Line2D([], [], color="#333333", marker=".", linestyle="none"),
        "first image": Line2D([], [], color=style.color(style.NOTABLE), marker="x", linestyle="none"),
    }
    style.legend(figure, marks)
    return style.finish(figure, origin, alt)


def _boxes(panel: Axes, some: pd.DataFrame) -> None:
    """Draw a box for each row with data, at its position from the top.

    All boxes share a few artists, since there may be hundreds.
    """
    for y in np.flatnonzero(some["median_ms"].isna()):
        instance_axis.mark_missing(panel, float(y))
    heights = np.flatnonzero(some["median_ms"].notna())
    box = some.dropna(subset=["median_ms"])
    if box.empty:
        return  # a logarithmic axis without data has no ticks to draw
    whiskers = [box["min_ms"], box["p99_ms"]]
    edges: dict[str, Any] = {"colors": "black", "linewidths": 0.8}
    for quartile, end in zip((box["p25_ms"], box["p75_ms"]), whiskers, strict=True):
        panel.hlines(heights, quartile, end, **edges)
        panel.vlines(end, heights - 0.15, heights + 0.15, **edges)
    width = box["p75_ms"] - box["p25_ms"]
    panel.barh(
        heights,
        width,
        0.6,
        box["p25_ms"],
        color=style.light(style.color(style.PLAIN)),
        edgecolor="black",
        linewidth=0.7,
    )
    panel.vlines(
        box["median_ms"], heights - 0.3, heights + 0.3, colors=style.color(style.PLAIN), linewidths=1.4, zorder=3
    )
    panel.plot(box["max_ms"], heights, ".", color="#333333", markersize=3)
    panel.plot(box["first_ms"], heights, "x", color=style.color(style.NOTABLE), markersize=4)


@style.styled
def phases(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw stacked bars of the mean time of decode, preprocess, inference and post-process of each instance.

    Takes the frame of `stats.latency.phases`. More than six devices share one panel, with a point per device and phase.
    """
    frame = frame.dropna(subset=["mean_ms"])
    ids = device_axis.order(frame["device_id"], devices)
    lines = instance_axis.order_instances(frame["instance_id"])
    title = f"Mean time per phase of {plural(len(lines), 'instance')} on {plural(len(ids), 'device')}"
    if not lines:
        return instance_axis.empty_figure(origin, title, "no image was timed step by step")
    present = [phase for phase in names.PHASE_NAMES if phase in set(frame["phase"])]
    ranges = [
        f"{names.display(phase_name)} {style.span(frame[frame['phase'] == phase_name]['mean_ms'], '{:.3g}')} ms"
        for phase_name in present
    ]
    figure, axes = instance_axis.instance_panels(ids, lines)
    if len(ids) > device_axis.FEW:
        for phase in present:
            times, look = frame[frame["phase"] == phase], style.look(phase)
            heights = instance_axis.instance_heights(times["instance_id"], lines)
            axes[0].scatter(times["mean_ms"], heights, s=8, alpha=0.5, color=look.color, marker=look.marker)
        instance_axis.set_up_instance_axis(axes[0], lines, "mean time per image and phase (ms)")
        axes[0].set_xscale("log")
        style.plain_log(axes[0].xaxis)
        markers = {
            names.display(phase_name): Line2D(
                [], [], color=style.look(phase_name).color, marker=style.look(phase_name).marker, linestyle="none"
            )
            for phase_name in present
        }
        style.legend(figure, markers)
        return style.finish(figure, origin, f"{title}: {', '.join(ranges)}.")
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        panel.set_title(name)
        times = frame[frame["device_id"] == device].pivot(index="instance_id", columns="phase", values="mean_ms")
        times = times.reindex(index=lines, columns=present)
        left = pd.Series(0.0, index=lines)
        for phase in present:
            look = style.look(phase)
            widths = times[phase].fillna(0.0)
            panel.barh(range(len(lines)), widths, left=left, color=look.color, hatch=look.hatch, edgecolor="white")
            left += widths
        for y, total in enumerate(left):
            panel.text(
                total, y, f" {total:.3g}" if total else " no data", va="center", fontsize=style.SMALL, color=style.GREY
            )
        instance_axis.set_up_instance_axis(panel, lines, "mean time per image (ms)")
        panel.set_xlim(0, 1.12 * left.max())
    patches = {
        names.display(phase_name): Patch(
            facecolor=style.look(phase_name).color, hatch=style.look(phase_name).hatch, edgecolor="white"
        )
        for phase_name in present
    }
    style.legend(figure, patches)
    return style.finish(figure, origin, f"{title}: {', '.join(ranges)}.")
