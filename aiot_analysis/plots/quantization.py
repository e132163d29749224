"""Quantization: speed against accuracy, and latency side by side (Remark 5)."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural


@style.styled
def tradeoff(frame: pd.DataFrame, origin: str, left_out: pd.DataFrame | None = None) -> Figure:
    """Accuracy change over speed-up against float32: a panel per model x {CPU, NNAPI}, as Figs. 8 and 9 have them.

    Takes the frame of `stats.tradeoff.tradeoff`. Every version is told by colour and marker, so that points which fall
    on one another need no words beside them. Filled points are on the Pareto front of their model and device; for few
    devices there are 95 % intervals, and the front is drawn as a line.
    """
    known = frame.dropna(subset=["speed_up", "change"])
    devices = known["device_id"].nunique()
    compared = known[known["quantization"] != "float32"]
    delegates = names.in_order(set(compared["delegate"]), names.DELEGATES)
    absent = [delegate for delegate in names.DELEGATES if delegate not in delegates]
    each = [(model, delegate) for model in names.MODELS for delegate in delegates]
    figure, axes = style.panels(len(each) + len(absent), 4, 3.0, 2.3)
    for panel, delegate in zip(axes[len(each) :], absent, strict=True):
        panel.set_title(names.display(delegate))
        why = style.why(left_out, framework="tflite", delegate=delegate)
        style.empty(panel, f"no data: no pair of a quantized model and float32{why}")
    for panel, (model, delegate) in zip(axes, each, strict=False):
        panel.set_title(f"{names.display(model)}, {names.display(delegate)}")
        some = known[(known["model"] == model) & (known["delegate"] == delegate)]
        if not (some["quantization"] != "float32").any():
            why = style.why(left_out, model=model, framework="tflite", delegate=delegate)
            style.empty(panel, f"no data: no pair of a quantized model and float32{why}")
            continue
        panel.axvline(1, color="#888888", linewidth=0.8, linestyle="--", zorder=0)
        panel.axhline(0, color="#888888", linewidth=0.8, linestyle="--", zorder=0)
        for quantization in names.in_order(set(some["quantization"]), names.QUANTIZATIONS):
            _versions(panel, some[some["quantization"] == quantization], quantization, devices)
        if devices <= device_axis.FEW:
            for _, mine in some.groupby("device_id"):
                _front(panel, mine)
        panel.set(xlabel="speed-up (×)", ylabel="accuracy change (points)")
    there = names.in_order(set(known["quantization"]), names.QUANTIZATIONS)
    handles = {names.display(one): _mark(style.look(one)) for one in there}
    if there:
        handles["not on the Pareto front"] = Line2D([], [], color=style.GREY, marker="o", mfc="white", linestyle="none")
    style.legend(figure, handles)
    return style.finish(figure, origin, _alt(compared, devices))


def _mark(look: style.Look) -> Line2D:
    return Line2D([], [], color=look.color, marker=look.marker, linestyle="none")


def _versions(panel: Axes, some: pd.DataFrame, quantization: str, devices: int) -> None:
    """The points of one version, with their intervals for few devices."""
    look = style.look(quantization)
    x, y = some["speed_up"].astype(float), 100 * some["change"].astype(float)
    if devices <= device_axis.FEW:
        # float32 is compared with itself, and has no interval
        ends = some[["speed_up_low", "speed_up_high", "change_low", "change_high"]].astype(float)
        across = [x - ends["speed_up_low"].fillna(x), ends["speed_up_high"].fillna(x) - x]
        along = [y - 100 * ends["change_low"].fillna(y / 100), 100 * ends["change_high"].fillna(y / 100) - y]
        panel.errorbar(x, y, xerr=across, yerr=along, fmt="none", ecolor=look.color, elinewidth=0.6)
    front = some["pareto"].eq(True).fillna(False).astype(bool)
    for filled in (False, True):
        panel.scatter(
            x[front == filled],
            y[front == filled],
            marker=look.marker,
            edgecolors=look.color,
            facecolors=look.color if filled else "white",
            linewidths=0.8,
            s=26 if devices <= device_axis.FEW else 11,
            alpha=0.9 if devices <= device_axis.FEW else 0.5,
            zorder=3,
        )


def _front(panel: Axes, mine: pd.DataFrame) -> None:
    """The Pareto front of one model on one device, as steps: what is left of it and below is beaten."""
    front = mine[mine["pareto"].eq(True).fillna(False)].sort_values("speed_up")
    panel.step(front["speed_up"], 100 * front["change"], where="pre", color=style.GREY, linewidth=0.7, zorder=1)


def _alt(known: pd.DataFrame, devices: int) -> str:
    said = [
        f"{names.display(str(delegate))} {names.display(str(one))}: {style.span(part['speed_up'], '{:.2f}')} times as "
        f"fast, accuracy change {style.span(100 * part['change'], '{:+.1f}')} points"
        for (delegate, one), part in known.groupby(["delegate", "quantization"])
    ]
    return f"Quantized against float32 on {plural(devices, 'device')}. {'; '.join(said) or 'No data'}."


@style.styled
def latency(
    rows: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    left_out: pd.DataFrame | None = None,
    value: str = "end_to_end_ms_mean",
) -> Figure:
    """Mean time per image of each quantization, a panel per model x {CPU, NNAPI}: bars, or points for many devices.

    Takes one row per device x instance (see `tables.select.measured_rows`).
    """
    rows = rows[rows["framework"] == "tflite"].dropna(subset=[value])
    ids = device_axis.order(rows["device_id"], devices)
    columns, width = device_axis.layout(len(ids), few=4)
    figure, axes = style.panels(2 * len(names.MODELS), 4 if columns > 2 else 2, width, 1.9)
    handles: dict[str, object] = {}
    each = [(model, delegate) for model in names.MODELS for delegate in names.DELEGATES]
    said = []
    for panel, (model, delegate) in zip(axes, each, strict=True):
        title = f"{names.display(model)}, {names.display(delegate)}"
        panel.set_title(title)
        part = rows[(rows["model"] == model) & (rows["delegate"] == delegate)]
        if part.empty:
            style.empty(panel, "no data" + style.why(left_out, model=model, framework="tflite", delegate=delegate))
            continue
        gaps = []
        for number, one in enumerate(names.QUANTIZATIONS):
            some, look = part[part["quantization"] == one], style.look(one)
            if len(some) < len(ids):
                gaps.append(f"{names.display(one)} on {len(ids) - len(some)} of {len(ids)} devices")
            if some.empty:
                continue
            x = device_axis.positions(some, ids) + (number - 1.5) * 0.2
            if len(ids) <= device_axis.FEW:
                bars = panel.bar(x, some[value], width=0.18, color=look.color, hatch=look.hatch, edgecolor="white")
                panel.bar_label(bars, fmt="%.3g", fontsize=style.SMALL, padding=1)
                handles[names.display(one)] = bars
            else:
                handles[names.display(one)] = panel.scatter(x, some[value], s=8, color=look.color, marker=look.marker)
        said.append(f"{title} {style.span(part[value], '{:.3g}')} ms")
        panel.set(ylabel="mean time (ms)", ylim=(0, 1.15 * part[value].max()))
        device_axis.along_x(panel, ids, devices)
        if gaps:
            style.note(panel, "no data: " + "; ".join(gaps))
    style.legend(figure, handles)
    alt = f"Mean time per image by quantization. {'; '.join(said) or 'No data'}."
    return style.finish(figure, origin, alt, rows[["device_id", "model", "delegate", "quantization", value, "verdict"]])
