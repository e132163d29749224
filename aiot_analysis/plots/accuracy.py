"""Plots of accuracy: across devices (Figs. 4 and 8), over time, and by resizing method (Section IV-B)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from aiot_analysis.plots import device_axis, log_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

SHOWN = ["device_id", "model", "framework", "delegate", "quantization", "images", "correct", "accuracy"]
SHOWN += ["accuracy_low", "accuracy_high", "verdict", "apart"]
ROW_HEIGHT = 0.004  # minimum height of a row of many devices, as an accuracy
ROWS = "each row is centred on its median; the rows of a panel have one scale"
BROAD = 4.5  # inches: width of a panel from which its title has room for a text beside it
WHISKER_ROOM = 0.2  # inches right of many devices, for the reference whisker


@style.styled
def frameworks(
    rows: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    left_out: pd.DataFrame | None = None,
    apart: pd.DataFrame | None = None,
    *,
    y_range: tuple[float, float] | None = None,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw Fig. 4: float32 accuracy of each implementation of each model across devices.

    Up to 12 devices have 95% intervals. More are drawn with one row per implementation, centred on its median. The
    rows of a panel have the same scale, and one whisker shows the median interval. With `y_range`, the lowest and the
    highest accuracy of the y axis, all implementations share that axis, as in the paper.

    Takes the rows of `stats.accuracy.with_interval`, the rows excluded by `measured_rows` to explain gaps, and from
    `stats.pairing.collect` the rows `apart` that were measured differently from the others, which have open markers.
    """
    if apart is not None:
        keys = ["device_id", "instance_id"]
        rows = rows.assign(apart=pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(apart[keys])))
    rows = rows[rows["quantization"] == "float32"].assign(implementation=names.implementation)
    ids = device_axis.order(rows["device_id"], devices)
    columns, width = device_axis.layout(len(ids))
    present = names.in_order(set(rows["implementation"]), names.IMPLEMENTATIONS)
    series = list(dict.fromkeys([*names.IMPLEMENTATIONS, *present]))
    models = list(dict.fromkeys([*names.MODELS, *names.in_order(set(rows["model"]), names.MODELS)]))
    many = len(ids) > device_axis.MANY
    figure, axes = style.panels(len(models), columns, width, 1.5 if len(ids) > device_axis.APART else 2.0)
    drawn = []
    for panel, model in zip(axes, models, strict=True):
        panel.set_title(names.display(model))
        part = rows[rows["model"] == model]
        reasons = {}
        for name in series:
            framework, delegate = names.framework_and_delegate(name)
            selection = {"model": model, "framework": framework, "delegate": delegate, "quantization": "float32"}
            reasons[name] = style.gap_reason(left_out, **selection)
        drawn.append(_panel(panel, part, "implementation", series, ids, devices, reasons, y_range))
    _finish_panels(figure, drawn, ids, devices, many and not y_range)
    alt = _alt(rows, "implementation", len(ids), "Float32 accuracy")
    return style.finish(figure, origin, alt, rows[[name for name in SHOWN if name in rows]])


@style.styled
def quantizations(
    rows: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    left_out: pd.DataFrame | None = None,
    *,
    y_range: tuple[float, float] | None = None,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw Fig. 8: accuracy of each quantization across devices, one panel per model x {CPU, NNAPI} of TFLite.

    Intervals, rows and `y_range` are those of `frameworks`. Takes the rows of `stats.accuracy.with_interval` and the
    rows excluded by `measured_rows` to explain gaps.
    """
    rows = rows[rows["framework"] == "tflite"]
    ids = device_axis.order(rows["device_id"], devices)
    columns, width = device_axis.layout(len(ids), few=4)
    many = len(ids) > device_axis.MANY
    figure, axes = style.panels(2 * len(names.MODELS), columns, width, 1.5 if len(ids) > device_axis.APART else 1.9)
    drawn = []
    panel_keys = [(model, delegate) for model in names.MODELS for delegate in names.DELEGATES]
    for panel, (model, delegate) in zip(axes, panel_keys, strict=True):
        panel.set_title(f"{names.display(model)}, {names.display(delegate)}")
        part = rows[(rows["model"] == model) & (rows["delegate"] == delegate)]
        reasons = {}
        for name in names.QUANTIZATIONS:
            selection = {"model": model, "framework": "tflite", "delegate": delegate, "quantization": name}
            reasons[name] = style.gap_reason(left_out, **selection)
        drawn.append(_panel(panel, part, "quantization", names.QUANTIZATIONS, ids, devices, reasons, y_range))
    _finish_panels(figure, drawn, ids, devices, many and not y_range)
    alt = _alt(rows, "quantization", len(ids), "TFLite accuracy")
    return style.finish(figure, origin, alt, rows[[name for name in SHOWN if name in rows]])


class _Panel(NamedTuple):
    """Drawn panel, its legend handles and the notes below its axis."""

    axes: Axes
    handles: dict[str, Any]
    notes: list[str]


def _panel(
    axes: Axes,
    part: pd.DataFrame,
    column: str,
    series: Sequence[str],
    ids: Sequence[str],
    devices: pd.DataFrame | None,
    reasons: dict[str, str],
    y_range: tuple[float, float] | None,
) -> _Panel:
    """Draw the accuracies of each series by device, or why there are none."""
    part = part.dropna(subset=["accuracy"])
    if part.empty:
        distinct_reasons = {reasons[name] for name in series}
        text = (
            f"no data{distinct_reasons.pop()}"
            if len(distinct_reasons) == 1
            else "no data: " + "; ".join(names.display(name) + reasons[name] for name in series)
        )
        style.empty(axes, text)
        return _Panel(axes, {}, [])
    by_series = {name: points for name in series if len(points := part[part[column] == name])}
    notes = _notes(by_series, series, ids, reasons)
    if len(ids) <= device_axis.MANY:
        offsets = {name: (series.index(name) - 1.5) * 0.18 for name in by_series}
        handles = _points_with_whiskers(axes, by_series, offsets, ids)
        middle = (part["accuracy_low"].min() + part["accuracy_high"].max()) / 2
        half = max(0.11, (part["accuracy_high"].max() - part["accuracy_low"].min()) / 2 + 0.01)
        axes.set(ylim=y_range or (middle - half, middle + half), ylabel="accuracy")
        return _Panel(axes, handles, notes)
    if y_range:
        shifts = dict.fromkeys(by_series, 0.0)
        axes.set(ylim=y_range, ylabel="accuracy")
    else:
        shifts = _set_up_rows(axes, by_series)
    runs = device_axis.groups(ids, devices) or [device_axis.Group("", 0, len(ids) - 1)]
    handles = _lines(axes, by_series, shifts, ids, runs)
    whisker = _reference_whisker(axes, part, ids)
    if style.panel_width(axes) < BROAD:
        return _Panel(axes, handles, [whisker, *notes])
    axes.set_title(whisker, loc="right", fontsize=style.SMALL, fontweight="normal", color=style.GREY)
    return _Panel(axes, handles, notes)


def _notes(
    by_series: dict[str, pd.DataFrame], series: Sequence[str], ids: Sequence[str], reasons: dict[str, str]
) -> list[str]:
    """Return the notes on missing series, and on those measured under other conditions."""
    gaps, unlike = [], []
    for name in series:
        points = by_series.get(name)
        absent = len(ids) - (0 if points is None else points["device_id"].nunique())
        if absent:
            extent = reasons[name] if len(ids) == 1 or absent == len(ids) else f" on {absent} of {len(ids)} devices"
            gaps.append(names.display(name) + extent)
        if points is not None and "apart" in points and points["apart"].any():
            unlike.append(f"{names.display(name)} on {points['apart'].sum()} of {len(points)} devices")
    notes = ["no data: " + "; ".join(gaps)] if gaps else []
    return notes + (["open: measured under other conditions than the rest: " + "; ".join(unlike)] if unlike else [])


def _points_with_whiskers(
    axes: Axes, by_series: dict[str, pd.DataFrame], offsets: dict[str, float], ids: Sequence[str]
) -> dict[str, Any]:
    """Draw points with their intervals, side by side within a device. Return the legend handles."""
    handles: dict[str, Any] = {}
    for name, points in by_series.items():
        look = style.look(name)
        x = device_axis.positions(points, ids) + offsets[name]
        errors = [points["accuracy"] - points["accuracy_low"], points["accuracy_high"] - points["accuracy"]]
        handles[names.display(name)] = axes.errorbar(
            x, points["accuracy"], yerr=errors, fmt=look.marker, color=look.color, linestyle="none"
        )
        _open_markers(axes, points, x, points["accuracy"], look, 22)
    return handles


def _open_markers(axes: Axes, points: pd.DataFrame, x: pd.Series, y: pd.Series, look: style.Look, area: float) -> None:
    """Draw the points that were measured under other conditions than the rest again, with open markers."""
    if "apart" not in points or not points["apart"].any():
        return
    open_style: dict[str, Any] = {"facecolors": "white", "edgecolors": look.color, "s": area, "linewidths": 0.8}
    axes.scatter(x[points["apart"]], y[points["apart"]], marker=look.marker, zorder=4, **open_style)


def _set_up_rows(axes: Axes, by_series: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Set up a row per series on the y axis, centred on its median. Return by how much its accuracies are shifted.

    The rows have the same height, in which the points of the most variable series fit.
    """
    medians = {name: float(points["accuracy"].median()) for name, points in by_series.items()}
    reach = max(float((points["accuracy"] - medians[name]).abs().max()) for name, points in by_series.items())
    height = max(2.7 * reach, ROW_HEIGHT)
    middles = {name: -height * number for number, name in enumerate(by_series)}
    axes.set_yticks(list(middles.values()), [f"{medians[name]:.3f}" for name in middles], fontsize=style.SMALL)
    axes.set(ylim=(-height * (len(middles) - 0.5), height / 2), ylabel="median accuracy")
    for middle in list(middles.values())[1:]:
        axes.axhline(middle + height / 2, color="#cccccc", linewidth=0.6)
    return {name: middles[name] - medians[name] for name in middles}


def _lines(
    axes: Axes,
    by_series: dict[str, pd.DataFrame],
    shifts: dict[str, float],
    ids: Sequence[str],
    runs: Sequence[device_axis.Group],
) -> dict[str, Any]:
    """Draw a point per device and a thin line per series and run of devices. Return the legend handles."""
    handles: dict[str, Any] = {}
    area = min(9.0, (50 * device_axis.device_inches(axes, len(ids), WHISKER_ROOM)) ** 2)  # points apart from the next
    for name, points in by_series.items():
        look = style.look(name)
        x = device_axis.positions(points, ids)
        y = points["accuracy"] + shifts[name]
        line = pd.Series(y.to_numpy(float), x.astype(int)).reindex(range(len(ids)))
        for run in runs:
            part = line.loc[run.first : run.last]
            axes.plot(part.index, part, color=look.color, linewidth=0.7, alpha=0.6)
        axes.scatter(x, y, marker=look.marker, color=look.color, s=area, linewidths=0, zorder=3)
        _open_markers(axes, points, x, y, look, area + 3)
        handles[names.display(name)] = style.legend_mark(look)
    return handles


def _reference_whisker(axes: Axes, points: pd.DataFrame, ids: Sequence[str]) -> str:
    """Draw the median 95% interval to scale right of the devices. Return what it is, with its width.

    If it is longer than the axis, it spans the axis, with arrows.
    """
    length = float((points["accuracy_high"] - points["accuracy_low"]).median())
    if pd.isna(length):
        return "no 95% interval: the number of images is unknown"
    x = len(ids) - 0.5 + 0.5 * WHISKER_ROOM / device_axis.device_inches(axes, len(ids), WHISKER_ROOM)
    low, high = axes.get_ylim()
    fits = length <= high - low
    if fits:
        ends = [(low + high - length) / 2, (low + high + length) / 2]
        axes.plot([x, x], ends, color=style.GREY, linewidth=1.0, marker="_", markersize=6)
    else:
        axes.plot([x, x], [low, high], color=style.GREY, linewidth=1.0)
        for end, marker in ((low, "v"), (high, "^")):
            axes.plot([x], [end], color=style.GREY, marker=marker, markersize=4, clip_on=False)
    return f"whisker: 95% interval of one device, {length:.3f}" + ("" if fits else " (longer than the axis)")


def _finish_panels(
    figure: style.Canvas, drawn: Sequence[_Panel], ids: Sequence[str], devices: pd.DataFrame | None, rows: bool
) -> None:
    """Add the axes of devices, the notes and the legend. `rows` is whether panels have a row per series."""
    used = [panel for panel in drawn if panel.handles]
    panels = [panel.axes for panel in used]
    many = len(ids) > device_axis.MANY
    device_axis.set_up_x_axes(panels, ids, devices, WHISKER_ROOM if many else 0.0)
    shared = many and len({tuple(panel.notes) for panel in used}) == 1
    noted = device_axis.lowest_panels(panels) if shared else panels
    for panel in used:
        notes = panel.notes if panel.axes in noted else []
        if rows and panel.axes in device_axis.lowest_panels(panels):
            notes = [*notes, ROWS]
        for text in notes:
            style.note(panel.axes, text)
    handles: dict[str, Any] = {}
    for panel in drawn:
        handles |= panel.handles
    style.legend(figure, handles)


def _alt(rows: pd.DataFrame, column: str, devices: int, what: str) -> str:
    measured = rows.dropna(subset=["accuracy"])
    listed = ", ".join(names.display(name) for name in measured[column].unique())
    ranges = [
        f"{names.display(model)} {style.span(measured[measured['model'] == model]['accuracy'], '{:.3f}')}"
        for model in names.in_order(set(measured["model"]), names.MODELS)
    ]
    intervals = "with 95% Wilson intervals"
    if devices > device_axis.MANY:
        length = (measured["accuracy_high"] - measured["accuracy_low"]).median()
        intervals = f"one point per device; the median 95% Wilson interval of one device is {length:.3f} wide"
    return (
        f"{what} by {column} ({listed}) on {plural(devices, 'device')}, {intervals}. Range by model: "
        f"{'; '.join(ranges) or 'no data'}."
    )


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

    If there are few points, they have 95% intervals. Takes the rows of `stats.accuracy.with_interval`. Colour and
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
        handles[display_names[group]] = style.legend_mark(look)
    axes.set(xscale="log", xlabel="mean time per image (ms)", ylabel="accuracy")
    log_axis.plain_log(axes.xaxis)
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


RESIZE_PANELS = {
    "accuracy": "accuracy",
    "preprocess_ms": "preprocess (ms)",
    "decode_preprocess_ms": "decode and preprocess (ms)",
}
NO_RESIZING = (
    "no data: the ways of resizing were not compared; run "
    "`aiot run --local --resize crop_resize,resize_crop,square_crop`"
)


@style.styled
def resizing(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw accuracy, preprocessing time, and decoding plus preprocessing time of each resizing method.

    Points have 95% intervals. Takes the frame of `stats.resize.summary`; each instance is a line, in the frame's
    order.
    """
    title = "Accuracy and time of the three ways of resizing"
    if frame.empty:
        figure, axes = style.panels(1, 1, 6.5, 1.5)
        style.empty(axes[0], NO_RESIZING)
        return style.finish(figure, origin, f"{title}: no data.")
    lines = list(frame[["device_id", "instance_id"]].drop_duplicates().itertuples(index=False, name=None))
    figure, axes = style.panels(len(RESIZE_PANELS), len(RESIZE_PANELS), 2.6, 0.36 * len(lines) + 0.7)
    handles: dict[str, object] = {}
    looks = style.looks(names.RESIZE_NAMES)
    for panel, (column, label) in zip(axes, RESIZE_PANELS.items(), strict=True):
        for number, (way, look) in enumerate(looks.items()):
            rows = frame[frame["resize"] == way].dropna(subset=[column])
            if rows.empty:
                continue
            heights = [
                lines.index(line_key)
                for line_key in rows[["device_id", "instance_id"]].itertuples(index=False, name=None)
            ]
            handles[names.display(way)] = panel.errorbar(
                rows[column],
                [height + (number - 1) * 0.22 for height in heights],
                xerr=[rows[column] - rows[f"{column}_low"], rows[f"{column}_high"] - rows[column]],
                fmt=look.marker,
                color=look.color,
                linestyle="none",
            )
        panel.set(xlabel=label, yticks=range(len(lines)), yticklabels=[], ylim=(len(lines) - 0.5, -0.5))
        panel.grid(axis="y", visible=False)
    axes[0].set_yticklabels(_line_names(lines, devices), fontsize=style.SMALL)
    style.legend(figure, handles)
    ranges = [f"{names.display(str(way))}: {_resize_ranges(part)}" for way, part in frame.groupby("resize", sort=False)]
    return style.finish(figure, origin, f"{title}, {len(lines)} instances, with 95% intervals. {'; '.join(ranges)}.")


def _line_names(lines: list[tuple[str, str]], devices: pd.DataFrame | None) -> list[str]:
    """Return the display name of each instance, with its device if there are several."""
    several = len({device for device, _ in lines}) > 1
    return [
        names.instance_display(instance) + (f"\n{device_axis.names([device], devices)[0]}" if several else "")
        for device, instance in lines
    ]


def _resize_ranges(part: pd.DataFrame) -> str:
    accuracy, time = style.span(part["accuracy"], "{:.3f}"), style.span(part["decode_preprocess_ms"], "{:.2f}")
    return f"accuracy {accuracy}, decode and preprocess {time} ms"
