"""Plots of quantization: speed against accuracy, and latencies side by side (Remark 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


@style.styled
def tradeoff(
    frame: pd.DataFrame,
    origin: str,
    left_out: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw accuracy change over speed-up relative to float32, one panel per model x {CPU, NNAPI}.

    The panels are those of Figs. 8 and 9. Takes the frame of `stats.tradeoff.tradeoff`. Colour and marker identify each
    version, so that overlapping points need no labels. Filled points are on the Pareto front of their model and device.
    For few devices, 95% intervals are drawn, and the front is a line.
    """
    valid = frame.dropna(subset=["speed_up", "change"])
    devices = valid["device_id"].nunique()
    compared = valid[valid["quantization"] != "float32"]
    delegates = names.in_order(set(compared["delegate"]), names.DELEGATES)
    absent = [delegate for delegate in names.DELEGATES if delegate not in delegates]
    panel_keys = [(model, delegate) for model in names.MODELS for delegate in delegates]
    figure, axes = style.panels(len(panel_keys) + len(absent), 4, 3.0, 2.3)
    for panel, delegate in zip(axes[len(panel_keys) :], absent, strict=True):
        panel.set_title(names.display(delegate))
        reason = style.gap_reason(left_out, framework="tflite", delegate=delegate)
        style.empty(panel, f"no data: no pair of a quantized model and float32{reason}")
    for panel, (model, delegate) in zip(axes, panel_keys, strict=False):
        panel.set_title(f"{names.display(model)}, {names.display(delegate)}")
        points = valid[(valid["model"] == model) & (valid["delegate"] == delegate)]
        if not (points["quantization"] != "float32").any():
            reason = style.gap_reason(left_out, model=model, framework="tflite", delegate=delegate)
            style.empty(panel, f"no data: no pair of a quantized model and float32{reason}")
            continue
        panel.axvline(1, color="#888888", linewidth=0.8, linestyle="--", zorder=0)
        panel.axhline(0, color="#888888", linewidth=0.8, linestyle="--", zorder=0)
        for quantization in names.in_order(set(points["quantization"]), names.QUANTIZATIONS):
            _versions(panel, points[points["quantization"] == quantization], quantization, devices)
        if devices <= device_axis.FEW:
            for _, device_points in points.groupby("device_id"):
                _front(panel, device_points)
        panel.set(xlabel="speed-up (×)", ylabel="accuracy\nchange (points)")
    present = names.in_order(set(valid["quantization"]), names.QUANTIZATIONS)
    handles = {names.display(name): style.legend_mark(style.look(name)) for name in present}
    if present:
        handles["hollow: not on the Pareto front"] = style.hollow_mark()
    style.legend(figure, handles)
    return style.finish(figure, origin, _alt(compared, devices))


def _versions(panel: Axes, rows: pd.DataFrame, quantization: str, devices: int) -> None:
    """Draw the points of one version, with intervals if there are few devices."""
    look = style.look(quantization)
    x, y = rows["speed_up"].astype(float), 100 * rows["change"].astype(float)
    if devices <= device_axis.FEW:
        # float32 is compared with itself and has no interval
        ends = rows[["speed_up_low", "speed_up_high", "change_low", "change_high"]].astype(float)
        x_errors = [x - ends["speed_up_low"].fillna(x), ends["speed_up_high"].fillna(x) - x]
        y_errors = [y - 100 * ends["change_low"].fillna(y / 100), 100 * ends["change_high"].fillna(y / 100) - y]
        panel.errorbar(x, y, xerr=x_errors, yerr=y_errors, fmt="none", ecolor=look.color, elinewidth=0.6)
    front = rows["pareto"].eq(True).fillna(False).astype(bool)
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
    """Draw the Pareto front of one model on one device as steps; points to its left and below are dominated."""
    front = mine[mine["pareto"].eq(True).fillna(False)].sort_values("speed_up")
    panel.step(front["speed_up"], 100 * front["change"], where="pre", color=style.GREY, linewidth=0.7, zorder=1)


def _alt(compared: pd.DataFrame, devices: int) -> str:
    ranges = [
        f"{names.display(str(delegate))} {names.display(str(kind))}: {style.span(part['speed_up'], '{:.2f}')} times as "
        f"fast, accuracy change {style.span(100 * part['change'], '{:+.1f}')} points"
        for (delegate, kind), part in compared.groupby(["delegate", "quantization"])
    ]
    return f"Quantized against float32 on {plural(devices, 'device')}. {'; '.join(ranges) or 'No data'}."


def _written(ms: float) -> str:
    """Return a time as text with three digits, or without decimals if it has more."""
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"


@style.styled
def latency(
    rows: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    left_out: pd.DataFrame | None = None,
    value: str = "end_to_end_ms_mean",
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the mean time per image of each quantization, one panel per model x {CPU, NNAPI}.

    Few devices are drawn as bars, more as points. Takes one row per device x instance (see
    `tables.select.measured_rows`).
    """
    rows = rows[rows["framework"] == "tflite"].dropna(subset=[value])
    ids = device_axis.order(rows["device_id"], devices)
    columns, width = device_axis.layout(len(ids), few=4)
    many = len(ids) > device_axis.MANY
    figure, axes = style.panels(2 * len(names.MODELS), columns, width, 1.5 if len(ids) > device_axis.APART else 1.9)
    handles: dict[str, object] = {}
    panel_keys = [(model, delegate) for model in names.MODELS for delegate in names.DELEGATES]
    ranges = []
    notes = {}
    for panel, (model, delegate) in zip(axes, panel_keys, strict=True):
        title = f"{names.display(model)}, {names.display(delegate)}"
        panel.set_title(title)
        part = rows[(rows["model"] == model) & (rows["delegate"] == delegate)]
        if part.empty:
            style.empty(
                panel, "no data" + style.gap_reason(left_out, model=model, framework="tflite", delegate=delegate)
            )
            continue
        gaps = []
        for number, quantization in enumerate(names.QUANTIZATIONS):
            times, look = part[part["quantization"] == quantization], style.look(quantization)
            if len(times) < len(ids):
                gaps.append(f"{names.display(quantization)} on {len(ids) - len(times)} of {len(ids)} devices")
            if times.empty:
                continue
            x = device_axis.positions(times, ids) + (0 if many else (number - 1.5) * 0.2)
            if len(ids) <= device_axis.FEW:
                bars = panel.bar(x, times[value], width=0.18, color=look.color, hatch=look.hatch, edgecolor="white")
                if len(ids) <= device_axis.APART:
                    upright: dict[str, Any] = {"rotation": 90} if len(ids) > 1 else {}
                    panel.bar_label(bars, fmt=_written, fontsize=style.SMALL, padding=2, **upright)
                handles[names.display(quantization)] = bars
            else:
                handles[names.display(quantization)] = panel.scatter(
                    x, times[value], s=8, color=look.color, marker=look.marker
                )
        ranges.append(f"{title} {' to '.join(dict.fromkeys(map(_written, (part[value].min(), part[value].max()))))} ms")
        panel.set(ylabel="mean time (ms)", ylim=(0, (1.35 if len(ids) == 2 else 1.15) * part[value].max()))
        notes[panel] = "no data: " + "; ".join(gaps) if gaps else ""
    device_axis.set_up_x_axes(list(notes), ids, devices)
    for panel, text in notes.items():
        if text:
            style.note(panel, text)
    style.legend(figure, handles)
    alt = f"Mean time per image by quantization. {'; '.join(ranges) or 'No data'}."
    return style.finish(figure, origin, alt, rows[["device_id", "model", "delegate", "quantization", value, "verdict"]])
