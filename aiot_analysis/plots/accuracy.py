"""Plots of accuracy: across devices (Figs. 4 and 8), over time, and by resizing method (Section IV-B)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

SHOWN = ["device_id", "model", "framework", "delegate", "quantization", "images", "correct", "accuracy"]
SHOWN += ["accuracy_low", "accuracy_high", "verdict", "apart"]


@style.styled
def frameworks(
    rows: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    left_out: pd.DataFrame | None = None,
    apart: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw Fig. 4: float32 accuracy of each implementation of each model across devices, with 95 % intervals.

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
    figure, axes = style.panels(len(models), columns, width, 2.0)
    handles: dict[str, object] = {}
    for panel, model in zip(axes, models, strict=True):
        panel.set_title(names.display(model))
        part = rows[rows["model"] == model]
        reasons = {}
        for name in series:
            framework, delegate = names.framework_and_delegate(name)
            selection = {"model": model, "framework": framework, "delegate": delegate, "quantization": "float32"}
            reasons[name] = style.gap_reason(left_out, **selection)
        handles |= _points(panel, part, "implementation", series, ids, devices, reasons)
    style.legend(figure, handles)
    alt = _alt(rows, "implementation", len(ids), "Float32 accuracy")
    return style.finish(figure, origin, alt, rows[[name for name in SHOWN if name in rows]])


@style.styled
def quantizations(
    rows: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    left_out: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw Fig. 8: accuracy of each quantization across devices, one panel per model x {CPU, NNAPI} of TFLite.

    Takes the rows of `stats.accuracy.with_interval` and the rows excluded by `measured_rows` to explain gaps.
    """
    rows = rows[rows["framework"] == "tflite"]
    ids = device_axis.order(rows["device_id"], devices)
    columns, width = device_axis.layout(len(ids), few=4)
    columns = 4 if columns > 2 else 2
    figure, axes = style.panels(2 * len(names.MODELS), columns, width, 1.9)
    handles: dict[str, object] = {}
    panel_keys = [(model, delegate) for model in names.MODELS for delegate in names.DELEGATES]
    for panel, (model, delegate) in zip(axes, panel_keys, strict=True):
        panel.set_title(f"{names.display(model)}, {names.display(delegate)}")
        part = rows[(rows["model"] == model) & (rows["delegate"] == delegate)]
        reasons = {}
        for name in names.QUANTIZATIONS:
            selection = {"model": model, "framework": "tflite", "delegate": delegate, "quantization": name}
            reasons[name] = style.gap_reason(left_out, **selection)
        handles |= _points(panel, part, "quantization", names.QUANTIZATIONS, ids, devices, reasons)
    style.legend(figure, handles)
    alt = _alt(rows, "quantization", len(ids), "TFLite accuracy")
    return style.finish(figure, origin, alt, rows[[name for name in SHOWN if name in rows]])


def _points(
    axes: Axes,
    part: pd.DataFrame,
    column: str,
    series: Sequence[str],
    ids: Sequence[str],
    devices: pd.DataFrame | None,
    reasons: dict[str, str],
) -> dict[str, object]:
    """Draw points with whiskers, side by side within a device, and note missing series. Return the legend handles."""
    part = part.dropna(subset=["accuracy"])
    if part.empty:
        distinct_reasons = {reasons[name] for name in series}
        text = (
            f"no data{distinct_reasons.pop()}"
            if len(distinct_reasons) == 1
            else "no data: " + "; ".join(names.display(name) + reasons[name] for name in series)
        )
        style.empty(axes, text)
        return {}
    handles: dict[str, object] = {}
    gaps, unlike = [], []
    for number, name in enumerate(series):
        points = part[part[column] == name]
        absent = len(ids) - points["device_id"].nunique()
        if absent:
            extent = reasons[name] if len(ids) == 1 or absent == len(ids) else f" on {absent} of {len(ids)} devices"
            gaps.append(names.display(name) + extent)
        if points.empty:
            continue
        look = style.look(name)
        x = device_axis.positions(points, ids) + (number - 1.5) * 0.18
        errors = [points["accuracy"] - points["accuracy_low"], points["accuracy_high"] - points["accuracy"]]
        # the whiskers of many devices overlap; drawn lightly, they leave the points visible
        crowded = {"markersize": 2.4, "elinewidth": 0.5, "capsize": 0, "ecolor": (look.color, 0.3)}
        small: dict[str, Any] = crowded if len(ids) > 20 else {}
        handles[names.display(name)] = axes.errorbar(
            x, points["accuracy"], yerr=errors, fmt=look.marker, color=look.color, linestyle="none", **small
        )
        if "apart" in points and points["apart"].any():
            open_style: dict[str, Any] = {
                "facecolors": "white",
                "edgecolors": look.color,
                "s": 14 if small else 22,
                "linewidths": 0.8,
            }
            axes.scatter(
                x[points["apart"]], points["accuracy"][points["apart"]], marker=look.marker, zorder=4, **open_style
            )
            unlike.append(f"{names.display(name)} on {points['apart'].sum()} of {len(points)} devices")
    middle = (part["accuracy_low"].min() + part["accuracy_high"].max()) / 2
    half = max(0.11, (part["accuracy_high"].max() - part["accuracy_low"].min()) / 2 + 0.01)
    axes.set(ylim=(middle - half, middle + half), ylabel="accuracy")
    device_axis.set_up_x_axis(axes, ids, devices)
    if gaps:
        style.note(axes, "no data: " + "; ".join(gaps))
    if unlike:
        style.note(axes, "open: measured under other conditions than the rest: " + "; ".join(unlike))
    return handles


def _alt(rows: pd.DataFrame, column: str, devices: int, what: str) -> str:
    measured = rows.dropna(subset=["accuracy"])
    listed = ", ".join(names.display(name) for name in measured[column].unique())
    ranges = [
        f"{names.display(model)} {style.span(measured[measured['model'] == model]['accuracy'], '{:.3f}')}"
        for model in names.in_order(set(measured["model"]), names.MODELS)
    ]
    return (
        f"{what} by {column} ({listed}) on {plural(devices, 'device')}, with 95 % "
        f"Wilson intervals. Range by model: {'; '.join(ranges) or 'no data'}."
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
        handles[display_names[group]] = style.legend_mark(look)
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

    Points have 95 % intervals. Takes the frame of `stats.resize.summary`; each instance is a line, in the frame's
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
    return style.finish(figure, origin, f"{title}, {len(lines)} instances, with 95 % intervals. {'; '.join(ranges)}.")


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
