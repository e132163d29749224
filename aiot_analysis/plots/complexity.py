"""Plots of model complexity: latency over operations, and deviations from each device's line (Remark 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from aiot_analysis.plots import device_axis, log_axis, style
from aiot_analysis.plots.runtimes import network_looks
from aiot_analysis.tables import names
from aiot_analysis.words import listed, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

NEAR = 1.1  # models whose operations differ by a smaller factor share a label, so that labels do not overlap


@style.styled
def scatter(
    frame: pd.DataFrame,
    origin: str,
    correlation: pd.DataFrame | None = None,
    classes: pd.DataFrame | None = None,
    lines: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw latency over multiply-accumulates on logarithmic axes, one panel per implementation.

    Takes the frame of `stats.complexity.complexity` and optionally those of `rank_correlation` (for the correlations in
    the titles), `stats.complexity.device_classes` (for colours and markers), `stats.complexity.lines` and
    `stats.published_speed.complexity`: published times, which are drawn in grey behind the others, in the panels of
    their framework. Lines by "implementation" are drawn in their panel, through its points; those by "device_id" alone
    are the same in all panels. A note names the implementations without data.
    """
    measured = frame.dropna(subset=["macs_millions", "latency_ms"])
    if measured.empty:
        figure, (axes,) = style.panels(1, 1, 6.4, 2.0)
        style.empty(axes, "no data: no model of known complexity was measured")
        return style.finish(figure, origin, "Latency over model complexity: no data.")
    devices = measured["device_id"].nunique()
    class_of_device = {} if classes is None else classes.set_index("device_id")["device_class"].to_dict()
    measured = measured.assign(kind=[class_of_device.get(name, "devices") for name in measured["device_id"]])
    looks = style.looks(sorted(measured["kind"].unique()))
    by_panel = lines is not None and "implementation" in lines
    present = names.in_order(set(measured["implementation"]), names.IMPLEMENTATIONS)
    figure, panels = style.panels(len(present), 2, 5.2 if len(present) > 1 else 6.4, 3.0)
    ranges = []
    for axes, name in zip(panels, present, strict=True):
        part = measured[measured["implementation"] == name]
        title = names.display(name) + _rho(correlation, name)
        axes.set_title(title)
        ranges.append(f"{title} {style.span(part['latency_ms'], '{:.3g}')} ms")
        for kind, look in looks.items():
            _draw_points(axes, part[part["kind"] == kind], look, devices)
        _draw_lines(axes, lines, part if by_panel else measured, name)
        _model_axis(axes, measured)
        times = pd.concat([measured["latency_ms"], _published_points(axes, published, measured, name)])
        axes.set(yscale="log", ylabel="mean time (ms)")
        axes.set_ylim(times.min() / 1.3, times.max() * 1.3)
        log_axis.plain_log(axes.yaxis)
    absent = [names.display(name) for name in names.IMPLEMENTATIONS if name not in present]
    if absent:
        style.note(panels[-1], f"no data: {listed(absent)} (not measured)")
    handles: dict[str, object] = {kind: _mark(look.color, look.marker) for kind, look in looks.items()}
    if lines is not None and lines["slope"].notna().any():
        label = f"line of {'the' if devices == 1 else 'each'} device, through all implementations"
        handles["line through the points of a panel" if by_panel else label] = Line2D([], [], color=style.GREY)
    if published is not None:
        handles["published by others"] = _mark(style.GREY, ".")
    style.legend(figure, handles if len(handles) > 1 or classes is not None else {})
    beside = "" if published is None else " Published times are in grey."
    return style.finish(
        figure,
        origin,
        f"Mean latency over model complexity on {plural(devices, 'device')}: {'; '.join(ranges)}.{beside}",
    )


@style.styled
def networks(
    frame: pd.DataFrame,
    origin: str,
    correlation: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw latency over multiply-accumulates of any networks on logarithmic axes, one panel per implementation.

    Takes the frame of `stats.complexity.beyond_paper` and optionally that of `rank_correlation`.
    """
    title = "Time against operations"
    if frame.empty:
        figure, (panel,) = style.panels(1, 1, 6.4, 2.0)
        style.empty(panel, "no data: only the paper's networks were timed")
        return style.finish(figure, origin, f"{title}: no data.")
    present = names.in_order(set(frame["implementation"]), names.IMPLEMENTATIONS)
    look_of = network_looks(names.in_order(set(frame["model"]), names.MODELS))
    figure, panels = style.panels(len(present), 2, 5.2 if len(present) > 1 else 6.4, 2.6)
    devices = frame["device_id"].nunique()
    ranges = []
    for panel, name in zip(panels, present, strict=True):
        part = frame[frame["implementation"] == name]
        panel.set_title(names.display(name) + _rho(correlation, name))
        ranges.append(f"{names.display(name)} {style.span(part['latency_ms'], '{:.3g}')} ms")
        for model, points in part.groupby("model"):
            _draw_points(panel, points, look_of[str(model)], devices)
        panel.set(xscale="log", yscale="log", xlabel="multiply-accumulates (millions)", ylabel="mean time (ms)")
        for axis, limits, values in (
            (panel.xaxis, panel.set_xlim, frame["macs_millions"]),
            (panel.yaxis, panel.set_ylim, frame["latency_ms"]),
        ):
            limits(values.min() / 1.3, values.max() * 1.3)
            log_axis.plain_log(axis)
    style.legend(figure, {names.display(name): _mark(look.color, look.marker) for name, look in look_of.items()})
    what = f"{title} of {plural(len(look_of), 'network')} on {plural(devices, 'device')}"
    return style.finish(figure, origin, f"{what}: {'; '.join(ranges)}.")


def _draw_points(axes: Axes, points: pd.DataFrame, look: style.Look, devices: int) -> None:
    """Draw times over multiply-accumulates, smaller and lighter with many devices."""
    size, alpha = (28, 0.9) if devices <= device_axis.FEW else (10, 0.5)
    axes.scatter(
        points["macs_millions"], points["latency_ms"], marker=look.marker, color=look.color, s=size, alpha=alpha
    )


def _published_points(
    axes: Axes, published: pd.DataFrame | None, measured: pd.DataFrame, implementation: str
) -> pd.Series:
    """Draw published times of the framework of an implementation in grey, and return those within the axis."""
    if published is None:
        return pd.Series(dtype=float)
    framework, _ = names.framework_and_delegate(implementation)
    low, high = measured["macs_millions"].min() / 1.3, measured["macs_millions"].max() * 1.3
    points = published[(published["implementation"] == framework) & published["macs_millions"].between(low, high)]
    axes.scatter(points["macs_millions"], points["latency_ms"], marker=".", s=14, color=style.GREY, alpha=0.4, zorder=1)
    times: pd.Series = points["latency_ms"]
    return times


def _draw_lines(axes: Axes, lines: pd.DataFrame | None, points: pd.DataFrame, implementation: str) -> None:
    """Draw fitted lines over the range of the points, and of lines by implementation only those of this one."""
    if lines is None:
        return
    if "implementation" in lines:
        lines = lines[lines["implementation"] == implementation]
    ends = np.array([points["macs_millions"].min() / 1.15, points["macs_millions"].max() * 1.15])
    fitted = lines.dropna(subset=["slope"])
    alpha = 0.8 if len(fitted) <= device_axis.FEW else 0.2
    for slope, intercept in fitted[["slope", "intercept"]].itertuples(index=False):
        axes.plot(ends, 2 ** (intercept + slope * np.log2(ends)), color=style.GREY, alpha=alpha, zorder=0)


def _model_axis(axes: Axes, measured: pd.DataFrame) -> None:
    """Set up a logarithmic x axis that labels each model at its number of operations."""
    labels: dict[float, list[str]] = {}
    models = measured.drop_duplicates("model").sort_values("macs_millions")
    for model, macs in models[["model", "macs_millions"]].itertuples(index=False):
        axes.axvline(macs, color=style.RULE, linewidth=0.6, linestyle=":", zorder=0)
        label_at = next((label_macs for label_macs in labels if macs / label_macs < NEAR), float(macs))
        labels.setdefault(label_at, []).append(f"{names.display(model)} {macs:g}")
    axes.set(xscale="log", xlim=(models["macs_millions"].min() / 1.3, models["macs_millions"].max() * 1.3))
    turned = 25 if style.panel_width(axes) > 4 else 50
    texts = ["\n".join(model_labels) for model_labels in labels.values()]
    axes.set_xticks(list(labels), texts, fontsize=style.SMALL, rotation=turned, ha="right")
    axes.set_xticks([], minor=True)
    axes.set_xlabel("multiply-accumulates of Table II (millions)")
    axes.grid(axis="x", visible=False)


def _rho(correlation: pd.DataFrame | None, implementation: str) -> str:
    """Return the rank correlation of one device, or its range over several devices, as text for a title."""
    if correlation is None:
        return ""
    correlations = correlation[correlation["implementation"] == implementation].dropna(subset=["rho"])
    if correlations.empty:
        return ""
    models = f"{style.span(correlations['models'], '{}')} models"
    interval = ""
    if len(correlations) == 1 and correlations["rho_low"].notna().all():
        interval = f" [{correlations['rho_low'].iloc[0]:.2f}, {correlations['rho_high'].iloc[0]:.2f}]"
    return f" (ρ {style.span(correlations['rho'], '{:.2f}')}{interval}, {models})"


@style.styled
def off_line(
    residuals: pd.DataFrame,
    implementations: pd.DataFrame,
    origin: str,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the ratio of each instance's time to the line of its device, one row per implementation x model.

    Takes the frame of `stats.complexity.residuals` and, for the medians and intervals of whole implementations,
    that of `implementations` (one device) or `over_devices` (several).
    """
    if residuals.empty:
        figure, (axes,) = style.panels(1, 1, 6.4, 1.5)
        style.empty(axes, "no data: no device has a line, which needs three models")
        return style.finish(figure, origin, "Distance from the line: no data.")
    devices = residuals["device_id"].nunique()
    pairs = residuals.drop_duplicates(["implementation", "model"])
    order = [
        (name, model)
        for name in names.in_order(set(pairs["implementation"]), names.IMPLEMENTATIONS)
        for model in names.in_order(set(pairs.loc[pairs["implementation"] == name, "model"]), names.MODELS)
    ]
    figure, (axes,) = style.panels(1, 1, 7.0, 0.19 * len(order) + 0.7)
    axes.axvline(1, color=style.GREY, linewidth=0.8, linestyle="--", zorder=0)
    medians = {str(row["implementation"]): row for row in implementations.to_dict("records")}
    descriptions = []
    for name in dict.fromkeys(first for first, _ in order):
        rows = [position for position, (first, _) in enumerate(order) if first == name]
        ratio, low, high = (float(medians[name][column]) for column in ("ratio", "ratio_low", "ratio_high"))
        if not np.isnan(low):
            axes.fill_betweenx([rows[0] - 0.45, rows[-1] + 0.45], low, high, color=style.look(name).color, alpha=0.18)
        axes.plot([ratio, ratio], [rows[0] - 0.45, rows[-1] + 0.45], color=style.look(name).color, linewidth=1.4)
        within = "" if np.isnan(low) else f" ({low:.2f} to {high:.2f})"
        descriptions.append(f"{names.display(name)} {ratio:.2f}{within} times as long")
    heights = pd.MultiIndex.from_frame(residuals[["implementation", "model"]]).map(
        {key: position for position, key in enumerate(order)}
    )
    slower = style.color(style.NOTABLE)
    off = residuals["off"].isin(["slower", "faster"]).to_numpy()
    size = 26 if devices <= device_axis.FEW else 9
    colors = residuals["implementation"].map(lambda name: style.look(name).color)
    axes.scatter(residuals["ratio"][~off], heights[~off], s=size, c=colors[~off], alpha=0.9 if devices == 1 else 0.5)
    axes.scatter(
        residuals["ratio"][off], heights[off], s=size, c=slower, marker="D", alpha=0.9 if devices == 1 else 0.6
    )
    axes.set_yticks(
        range(len(order)),
        [f"{names.display(model_name)}, {names.display(implementation)}" for implementation, model_name in order],
        fontsize=style.SMALL,
    )
    axes.set(ylim=(len(order) - 0.4, -0.6), xscale="log", xlabel="time as a multiple of the device's line")
    log_axis.plain_log(axes.xaxis)
    axes.grid(axis="y", visible=False)
    handles: dict[str, object] = {
        "an instance" if devices == 1 else "an instance on a device": _mark(style.GREY, "o"),
        "off the line by rule": _mark(slower, "D"),
        "median of the implementation, with 95% interval": Line2D([], [], color=style.GREY, linewidth=4, alpha=0.5),
    }
    if not off.any():
        del handles["off the line by rule"]
    style.legend(figure, handles)
    return style.finish(
        figure,
        origin,
        f"Off the line of {plural(devices, 'device')}: {'; '.join(descriptions)}. "
        f"{int(off.sum())} of {len(residuals)} instances are off by rule.",
    )


def _mark(color: str, marker: str) -> Line2D:
    return Line2D([], [], color=color, marker=marker, linestyle="none")
