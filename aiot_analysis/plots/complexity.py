"""Model complexity: time over operations, and what is off the line (Remark 4)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

NEAR = 1.1  # models closer than this share a label, or the words cover each other


@style.styled
def scatter(
    frame: pd.DataFrame,
    origin: str,
    correlation: pd.DataFrame | None = None,
    classes: pd.DataFrame | None = None,
    lines: pd.DataFrame | None = None,
) -> Figure:
    """Latency over multiply-accumulates on two logarithmic axes: a panel per implementation.

    Takes the frame of `stats.complexity.complexity`; for the correlations in the titles that of `rank_correlation`, for
    colours and markers that of `stats.device_class.classes`, and for the line of each device, which is the same in all
    panels, that of `stats.complexity_lines.lines`.
    """
    known = frame.dropna(subset=["macs_millions", "latency_ms"])
    if known.empty:
        figure, (axes,) = style.panels(1, 1, 6.4, 2.0)
        style.empty(axes, "no data: no model of known complexity was measured")
        return style.finish(figure, origin, "Latency over model complexity: no data.")
    devices = known["device_id"].nunique()
    of = {} if classes is None else classes.set_index("device_id")["device_class"].to_dict()
    known = known.assign(kind=[of.get(one, "devices") for one in known["device_id"]])
    looks = style.looks(sorted(known["kind"].unique()))
    figure, panels = style.panels(len(names.IMPLEMENTATIONS), 2, 5.2, 3.0)
    said = []
    for axes, one in zip(panels, names.IMPLEMENTATIONS, strict=True):
        part = known[known["implementation"] == one]
        title = names.display(one) + _rho(correlation, one)
        axes.set_title(title)
        if part.empty:
            style.empty(axes, "no data: not measured")
            continue
        said.append(f"{title} {style.span(part['latency_ms'], '{:.3g}')} ms")
        for number, (kind, look) in enumerate(looks.items()):
            some = part[part["kind"] == kind]
            aside = 1.0 if devices == 1 else 1.025 ** (number - (len(looks) - 1) / 2)  # classes beside one another
            axes.scatter(
                some["macs_millions"] * aside,
                some["latency_ms"],
                marker=look.marker,
                color=look.color,
                s=28 if devices <= device_axis.FEW else 10,
                alpha=0.9 if devices <= device_axis.FEW else 0.5,
            )
        _device_lines(axes, lines, known)
        _model_axis(axes, known)
        axes.set(yscale="log", ylabel="mean latency (ms)")
        axes.set_ylim(known["latency_ms"].min() / 1.3, known["latency_ms"].max() * 1.3)
        style.plain_log(axes.yaxis)
    handles: dict[str, object] = {kind: _mark(look.color, look.marker) for kind, look in looks.items()}
    if lines is not None and lines["slope"].notna().any():
        label = "line of the device" if devices == 1 else "line of each device"
        handles[f"{label}, through all implementations"] = Line2D([], [], color=style.GREY, linewidth=0.8)
    style.legend(figure, handles if len(handles) > 1 or classes is not None else {})
    return style.finish(
        figure,
        origin,
        f"Mean latency over model complexity on {plural(devices, 'device')}: {'; '.join(said)}.",
    )


def _device_lines(axes: Axes, lines: pd.DataFrame | None, known: pd.DataFrame) -> None:
    if lines is None:
        return
    ends = np.array([known["macs_millions"].min() / 1.15, known["macs_millions"].max() * 1.15])
    some = lines.dropna(subset=["slope"])
    faint = 0.8 if len(some) <= device_axis.FEW else 0.2
    for slope, intercept in some[["slope", "intercept"]].itertuples(index=False):
        axes.plot(
            ends, 2 ** (intercept + slope * np.log2(ends)), color=style.GREY, linewidth=0.8, alpha=faint, zorder=0
        )


def _model_axis(axes: Axes, known: pd.DataFrame) -> None:
    """A logarithmic x axis that names the models where their operations are."""
    labels: dict[float, list[str]] = {}
    models = known.drop_duplicates("model").sort_values("macs_millions")
    for model, macs in models[["model", "macs_millions"]].itertuples(index=False):
        axes.axvline(macs, color="#cccccc", linewidth=0.6, linestyle=":", zorder=0)
        near = next((at for at in labels if macs / at < NEAR), float(macs))
        labels.setdefault(near, []).append(f"{names.display(model)} {macs:g}")
    axes.set(xscale="log", xlim=(models["macs_millions"].min() / 1.3, models["macs_millions"].max() * 1.3))
    turned = 25 if style.across(axes) > 4 else 50
    texts = ["\n".join(some) for some in labels.values()]
    axes.set_xticks(list(labels), texts, fontsize=style.SMALL, rotation=turned, ha="right")
    axes.set_xticks([], minor=True)
    axes.set_xlabel("multiply-accumulates of Table II (millions)")
    axes.grid(axis="x", visible=False)


def _rho(correlation: pd.DataFrame | None, implementation: str) -> str:
    """The rank correlation of one device, or its range over the devices."""
    if correlation is None:
        return ""
    some = correlation[correlation["implementation"] == implementation].dropna(subset=["rho"])
    if some.empty:
        return ""
    of = f"{style.span(some['models'], '{}')} models"
    interval = ""
    if len(some) == 1 and some["rho_low"].notna().all():
        interval = f" [{some['rho_low'].iloc[0]:.2f}, {some['rho_high'].iloc[0]:.2f}]"
    return f" (ρ {style.span(some['rho'], '{:.2f}')}{interval}, {of})"


@style.styled
def off_line(residuals: pd.DataFrame, implementations: pd.DataFrame, origin: str) -> Figure:
    """How many times as long as the line of its device each instance takes, a row per implementation x model.

    Takes the frames of `stats.complexity_lines.residuals` and, for the medians and intervals of whole implementations,
    `implementations` of one device or `over_devices` of many.
    """
    if residuals.empty:
        figure, (axes,) = style.panels(1, 1, 6.4, 1.5)
        style.empty(axes, "no data: no device has a line, which needs three models")
        return style.finish(figure, origin, "What is off the line: no data.")
    devices = residuals["device_id"].nunique()
    there = residuals.drop_duplicates(["implementation", "model"])
    order = [
        (one, model)
        for one in names.in_order(set(there["implementation"]), names.IMPLEMENTATIONS)
        for model in names.in_order(set(there.loc[there["implementation"] == one, "model"]), names.MODELS)
    ]
    figure, (axes,) = style.panels(1, 1, 7.0, 0.19 * len(order) + 0.7)
    axes.axvline(1, color="#888888", linewidth=0.8, linestyle="--", zorder=0)
    medians = {str(row["implementation"]): row for row in implementations.to_dict("records")}
    said = []
    for one in dict.fromkeys(first for first, _ in order):
        rows = [at for at, (first, _) in enumerate(order) if first == one]
        ratio, low, high = (float(medians[one][column]) for column in ("ratio", "ratio_low", "ratio_high"))
        if not np.isnan(low):
            axes.fill_betweenx([rows[0] - 0.45, rows[-1] + 0.45], low, high, color=style.look(one).color, alpha=0.18)
        axes.plot([ratio, ratio], [rows[0] - 0.45, rows[-1] + 0.45], color=style.look(one).color, linewidth=1.4)
        within = "" if np.isnan(low) else f" ({low:.2f} to {high:.2f})"
        said.append(f"{names.display(one)} {ratio:.2f}{within} times as long")
    heights = pd.MultiIndex.from_frame(residuals[["implementation", "model"]]).map(
        {key: at for at, key in enumerate(order)}
    )
    slower = style.color(style.NOTABLE)
    off = residuals["off"].isin(["slower", "faster"]).to_numpy()
    size = 26 if devices <= device_axis.FEW else 9
    colors = residuals["implementation"].map(lambda one: style.look(one).color)
    axes.scatter(residuals["ratio"][~off], heights[~off], s=size, c=colors[~off], alpha=0.9 if devices == 1 else 0.5)
    axes.scatter(
        residuals["ratio"][off], heights[off], s=size, c=slower, marker="D", alpha=0.9 if devices == 1 else 0.6
    )
    axes.set_yticks(
        range(len(order)), [f"{names.display(b)}, {names.display(a)}" for a, b in order], fontsize=style.SMALL
    )
    axes.set(ylim=(len(order) - 0.4, -0.6), xscale="log", xlabel="time as a multiple of what the device's line says")
    style.plain_log(axes.xaxis)
    if residuals["ratio"].max() < 20 * residuals["ratio"].min():  # or there is hardly a number on the axis
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.grid(axis="y", visible=False)
    handles: dict[str, object] = {
        "an instance" if devices == 1 else "an instance on a device": _mark(style.GREY, "o"),
        "off the line by rule": _mark(slower, "D"),
        "median of the implementation, with 95 % interval": Line2D([], [], color=style.GREY, linewidth=4, alpha=0.5),
    }
    if not off.any():
        del handles["off the line by rule"]
    style.legend(figure, handles)
    return style.finish(
        figure,
        origin,
        f"Off the line of {plural(devices, 'device')}: {'; '.join(said)}. "
        f"{int(off.sum())} of {len(residuals)} instances are off by rule.",
    )


def _mark(color: str, marker: str) -> Line2D:
    return Line2D([], [], color=color, marker=marker, linestyle="none")
