"""Quantization: speed against accuracy, and latency side by side (Remark 5)."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis import names
from aiot_analysis.plots import device_axis, style


@style.styled
def tradeoff(frame: pd.DataFrame, origin: str) -> Figure:
    """Accuracy change over speed-up against float32, with 95 % intervals; a panel for CPU and one for NNAPI.

    Takes the frame of `stats.tradeoff.tradeoff`. Colours tell quantizations apart, markers models.
    Filled points are on the Pareto front of their model and device.
    """
    known = frame.dropna(subset=["speed_up", "change"])
    known = known[known["quantization"] != "float32"]
    devices = known["device_id"].nunique()
    figure, axes = style.panels(2, 2, 4.4, 3.6)
    quantizations = names.in_order(set(known["quantization"]), names.QUANTIZATIONS)
    models = names.in_order(set(known["model"]), names.MODELS)
    handles = {names.display(one): Patch(color=style.look(one).color) for one in quantizations} | {
        names.display(one): Line2D([], [], color=style.GREY, marker=style.look(one).marker, linestyle="none")
        for one in models
    }
    for panel, delegate in zip(axes, names.DELEGATES, strict=True):
        panel.set_title(f"TFLite {names.display(delegate)}")
        some = known[known["delegate"] == delegate]
        if some.empty:
            style.empty(
                panel, f"no data: no quantized model was measured with {names.display(delegate)} beside float32"
            )
            continue
        panel.axvline(1, color="#888888", linewidth=0.8, linestyle="--")
        panel.axhline(0, color="#888888", linewidth=0.8, linestyle="--")
        for row in some.to_dict("records"):
            y, color = 100 * row["change"], style.look(row["quantization"]).color
            whiskers: dict[str, Any] = {
                "xerr": [[row["speed_up"] - row["speed_up_low"]], [row["speed_up_high"] - row["speed_up"]]],
                "yerr": [[y - 100 * row["change_low"]], [100 * row["change_high"] - y]],
                "elinewidth": 0.6,
            }
            panel.errorbar(
                row["speed_up"],
                y,
                fmt=style.look(row["model"]).marker,
                color=color,
                markerfacecolor=color if row["pareto"] else "white",
                alpha=0.9 if devices == 1 else 0.5,
                **(whiskers if devices <= device_axis.FEW else {}),
            )
        panel.set(xlabel="speed-up over float32 (×)", ylabel="accuracy change (percentage points)")
        style.note(panel, "filled: neither slower nor less accurate than another version of its model", 90)
    style.legend(figure, handles)
    return style.finish(figure, origin, _alt(known, devices))


def _alt(known: pd.DataFrame, devices: int) -> str:
    said = [
        f"{names.display(str(delegate))} {names.display(str(one))}: {style.span(part['speed_up'], '{:.2f}')} times as "
        f"fast, accuracy change {style.span(100 * part['change'], '{:+.1f}')} points"
        for (delegate, one), part in known.groupby(["delegate", "quantization"])
    ]
    return f"Quantized against float32 on {devices} device{'s' * (devices != 1)}. {'; '.join(said) or 'No data'}."


@style.styled
def latency(
    rows: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    left_out: pd.DataFrame | None = None,
    value: str = "end_to_end_ms_mean",
) -> Figure:
    """Mean time per image of each quantization, a panel per model x {CPU, NNAPI}: bars, or points for many devices.

    Takes one row per device x instance (see `stats.select.measured_rows`).
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
                panel.bar_label(bars, fmt="%.3g", fontsize=5.5, padding=1)
                handles[names.display(one)] = bars
            else:
                handles[names.display(one)] = panel.scatter(x, some[value], s=8, color=look.color, marker=look.marker)
        said.append(f"{title} {style.span(part[value], '{:.3g}')} ms")
        panel.set(ylabel="mean time (ms)", ylim=(0, 1.15 * part[value].max()))
        device_axis.along_x(panel, ids, devices)
        if gaps:
            style.note(panel, "no data: " + "; ".join(gaps), 34 if len(ids) <= device_axis.FEW else 90)
    style.legend(figure, handles)
    return style.finish(figure, origin, f"Mean time per image by quantization. {'; '.join(said) or 'No data'}.")
