"""Plots of published profile jobs: operations, runtimes, precisions, units and ranks (Remarks 2 to 6)."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, log_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

LABELLED = 2  # networks labelled on each side of the line
WIDE, STEP = 2.5, 1.4  # of labels on logarithmic axes: log ratio of the ends, and distance of two of them
LOSS = 2.5  # percentage points: changes in accuracy beyond it are labelled
ROW, LABEL = 0.19, 0.18  # inches: height of a row of a list of networks or devices, and width of a rank


@style.styled
def complexity(
    points: pd.DataFrame,
    correlation: pd.DataFrame,
    off_line: pd.DataFrame,
    origin: str,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw time over operations on logarithmic axes, a panel per runtime: each device as a point, and the median.

    Takes the frames of `stats.published_speed.complexity`, `stats.complexity.rank_correlation` and, to label the
    networks that are farthest from the lines of their devices, `stats.complexity.over_devices`.
    """
    runtimes = names.in_order(set(points["implementation"]), names.RUNTIMES)
    if not runtimes:
        figure, (axes,) = style.panels(1, 1, 6.4, 2.0)
        style.empty(axes, "no data: no network of known size was timed")
        return style.finish(figure, origin, "Time over operations: no data.")
    figure, panels = style.panels(len(runtimes), 3, 4.0, 3.3)
    looks, ranges = style.looks(names.RUNTIMES), []
    for axes, runtime in zip(panels, runtimes, strict=True):
        part = points[points["implementation"] == runtime]
        rho = correlation.loc[correlation["implementation"] == runtime, "rho"].dropna()
        words = f"ρ {style.span(rho, '{:.2f}')}" if len(rho) else "no correlation"
        axes.set_title(f"{names.framework(runtime)} ({words}, {plural(part['device_id'].nunique(), 'device')})")
        axes.scatter(
            part["macs_millions"], part["latency_ms"], s=9, color=looks[runtime].color, alpha=0.3, linewidths=0
        )
        middle = part.groupby("model").agg(macs=("macs_millions", "first"), ms=("latency_ms", "median"))
        axes.scatter(middle["macs"], middle["ms"], s=70, marker="_", color=style.INK, linewidths=1.8, zorder=3)
        of_runtime = off_line[off_line["implementation"] == runtime].sort_values("ratio")
        slower, faster = of_runtime["model"].tail(LABELLED), of_runtime["model"].head(LABELLED)
        placed: list[tuple[float, float]] = []
        for model, above in [*((model, True) for model in slower), *((model, False) for model in faster)]:
            ends = part.loc[part["model"] == model, "latency_ms"]
            x, y = float(middle.loc[model, "macs"]), float(ends.max() if above else ends.min())
            while any(abs(np.log(x / left)) < WIDE and abs(np.log(y / low)) < np.log(STEP) for left, low in placed):
                y = y * STEP if above else y / STEP
            placed.append((x, y))
            axes.annotate(
                names.display(model), (x, y), xytext=(0, 3 if above else -3), textcoords="offset points",
                ha="left" if x < 2 * points["macs_millions"].min() else "center", va="bottom" if above else "top",
                fontsize=style.SMALL,
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="multiply-accumulates (millions)", ylabel="time (ms)")
        axes.set_xlim(points["macs_millions"].min() / 2, points["macs_millions"].max() * 2)
        axes.set_ylim(points["latency_ms"].min() / 2, points["latency_ms"].max() * 2)
        for axis in (axes.xaxis, axes.yaxis):
            log_axis.plain_log(axis)
        ranges.append(f"{names.framework(runtime)} {words}, {style.span(part['latency_ms'], '{:.3g}')} ms")
    handles: dict[str, object] = {
        "a network on a device": Line2D([], [], color=style.GREY, marker="o", markersize=3, linestyle="none"),
        "median over devices": Line2D([], [], color=style.INK, marker="_", linestyle="none"),
        "named: farthest from the lines of their devices": Line2D([], [], linestyle="none"),
        "ρ: Spearman's rank correlation, by device": Line2D([], [], linestyle="none"),
    }
    style.legend(figure, handles)
    networks = plural(points["model"].nunique(), "network")
    return style.finish(figure, origin, f"Time over multiply-accumulates of {networks}: {'; '.join(ranges)}.")


def networks_and_runtimes(shares: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the networks of `stats.published_speed.shares_over_devices` and the runtimes, in the order of figures.

    The network for which the runtimes differ most is first.
    """
    wide = shares.pivot(index="model", columns="framework", values="share")
    spread = wide.max(axis=1) - wide.min(axis=1)
    networks = list(spread.sort_values(ascending=False).index)
    return networks, names.in_order(set(wide.columns), names.RUNTIMES)


@style.styled
def runtime_shares(
    shares: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw the mean share of each runtime in the summed time of the three, a bar per network.

    Takes the frame of `stats.published_speed.shares_over_devices`. The network for which the runtimes differ most is
    on top.
    """
    networks, runtimes = networks_and_runtimes(shares)
    if not runtimes:
        figure, (axes,) = style.panels(1, 1, 6.4, 2.0)
        style.empty(axes, "no data: no network and device has all three runtimes")
        return style.finish(figure, origin, "Shares of runtimes: no data.")
    wide = shares.pivot(index="model", columns="framework", values="share").loc[networks, runtimes]
    figure, (axes,) = style.panels(1, 1, 6.6, ROW * len(wide) + 0.5)
    looks = style.looks(names.RUNTIMES)
    left = np.zeros(len(wide))
    for runtime in runtimes:
        look, widths = looks[runtime], wide[runtime].to_numpy(float)
        axes.barh(
            range(len(wide)), widths, left=left, color=look.color, hatch=look.hatch, edgecolor=style.GROUND, height=0.8
        )
        for place, (start, width) in enumerate(zip(left, widths, strict=True)):
            axes.text(
                start + width / 2, place, f"{width:.0%}", ha="center", va="center", fontsize=style.SMALL,
                color=style.ink(look.color),
            )  # fmt: skip
        left = left + widths
    for third in (1 / 3, 2 / 3):
        axes.axvline(third, color=style.INK, linewidth=0.7, linestyle=":")
    axes.set_yticks(range(len(wide)), list(map(names.display, wide.index)), fontsize=style.SMALL)
    axes.set(xlim=(0, 1), ylim=(len(wide) - 0.4, -0.6), xlabel="share of the summed time of the runtimes")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(visible=False)
    style.note(axes, "dotted: equal shares")
    style.legend(
        figure,
        {names.framework(name): Patch(facecolor=looks[name].color, hatch=looks[name].hatch) for name in runtimes},
    )
    means = ", ".join(f"{names.framework(name)} {wide[name].mean():.0%}" for name in runtimes)
    return style.finish(figure, origin, f"Share of the summed time, mean over {plural(len(wide), 'network')}: {means}.")


@style.styled
def quantized(
    frame: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw the change in accuracy over the speed-up of integer precisions, a panel per runtime.

    Takes the frame of `stats.published_speed.quantized`. Intervals of accuracy are drawn as thin lines.
    """
    runtimes = names.in_order(set(frame["framework"]), names.RUNTIMES)
    if not runtimes:
        figure, (axes,) = style.panels(1, 1, 6.4, 2.0)
        style.empty(axes, "no data: no accuracy of an integer network was published")
        return style.finish(figure, origin, "Speed-up and accuracy of integer precisions: no data.")
    figure, panels = style.panels(len(runtimes), 3, 4.0, 3.0)
    precisions = names.in_order(set(frame["quantization"]), names.PRECISIONS)
    looks, texts = style.looks(names.PRECISIONS), []
    for axes, runtime in zip(panels, runtimes, strict=True):
        axes.set_title(names.framework(runtime))
        axes.axvline(1, color=style.GREY, linewidth=0.8, linestyle="--", zorder=0)
        axes.axhline(0, color=style.GREY, linewidth=0.8, linestyle="--", zorder=0)
        for precision in precisions:
            part = frame[(frame["framework"] == runtime) & (frame["quantization"] == precision)]
            if part.empty:
                continue
            look, change = looks[precision], 100 * part["change"]
            axes.vlines(
                part["speed_up"], 100 * part["change_low"], 100 * part["change_high"], color=look.color, alpha=0.25,
                linewidth=0.7,
            )  # fmt: skip
            axes.scatter(part["speed_up"], change, s=24, marker=look.marker, color=look.color, zorder=3, alpha=0.9)
            notable = part[(part["speed_up"] < 1 / 1.5) | (change < -LOSS)]
            for model, x, y in zip(notable["model"], notable["speed_up"], 100 * notable["change"], strict=True):
                axes.annotate(
                    names.display(model), (x, y), xytext=(5 if x < 1 else -5, 0), textcoords="offset points",
                    ha="left" if x < 1 else "right", va="center", fontsize=style.SMALL,
                )  # fmt: skip
            texts.append(
                f"{names.framework(runtime)} {precision}: {style.span(part['speed_up'], '{:.2f}')} times as fast, "
                f"{style.span(change.round(1) + 0.0, '{:+.1f}')} points"
            )
        axes.set(xscale="log", xlabel="speed-up over float (×)", ylabel="accuracy minus PyTorch's (points)")
        axes.set_xlim(frame["speed_up"].min() / 1.3, frame["speed_up"].max() * 1.3)
        axes.set_ylim(100 * frame["change_low"].min() - 0.5, 100 * frame["change_high"].max() + 0.5)
        log_axis.plain_log(axes.xaxis)
    handles: dict[str, object] = {name: style.legend_mark(looks[name]) for name in precisions}
    handles["95% interval of the change"] = Line2D([], [], color=style.GREY, linewidth=0.8, alpha=0.5)
    style.legend(figure, handles)
    return style.finish(figure, origin, f"Integer precisions against float. {'; '.join(texts)}.")


@style.styled
def off_npu(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw how many times as long jobs took that the NPU did not run as the same job on it, a row per network.

    Takes the rows of `stats.published_speed.off_npu` with such a job.
    """
    timed = frame.dropna(subset=["times"])
    if timed.empty:
        figure, (axes,) = style.panels(1, 1, 6.4, 1.5)
        style.empty(axes, "no data: no job was also run on the NPU")
        return style.finish(figure, origin, "Time without the NPU: no data.")
    label = timed["model"].map(names.display) + ", " + timed["quantization"].map(names.display)
    order = timed.assign(label=label).groupby("label")["times"].median().sort_values(ascending=False).index
    figure, (axes,) = style.panels(1, 1, 6.6, ROW * len(order) + 0.6)
    heights = label.map({name: place for place, name in enumerate(order)})
    ids = device_axis.order(timed["device_id"], devices)
    looks, shown = style.looks(ids), device_axis.names(ids, devices)
    for device, look in looks.items():
        of_device = timed["device_id"] == device
        axes.scatter(
            timed["times"][of_device], heights[of_device], s=20, marker=look.marker, color=look.color, alpha=0.9
        )
    axes.axvline(1, color=style.GREY, linewidth=0.8, linestyle="--", zorder=0)
    axes.set_yticks(range(len(order)), list(order), fontsize=style.SMALL)
    axes.set(ylim=(len(order) - 0.4, -0.6), xscale="log", xlabel="time as a multiple of that of QNN on the NPU")
    log_axis.plain_log(axes.xaxis)
    handles = {name: style.legend_mark(looks[device]) for device, name in zip(ids, shown, strict=True)}
    style.legend(figure, handles)
    texts = [
        f"{name} {style.span(timed.loc[timed['device_id'] == device, 'times'], '{:.1f}')} times as long"
        for device, name in zip(ids, shown, strict=True)
    ]
    return style.finish(figure, origin, f"Time without the NPU against that of QNN on it. {'; '.join(texts)}.")


@style.styled
def rank_ranges(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the rank of each device, the ranks that another job could give, and its ranks by other suites.

    Takes the frame of `stats.published_speed.rank_ranges`.
    """
    figure, (axes,) = style.panels(1, 1, 6.6, ROW * len(frame) + 0.7)
    if frame.empty:
        style.empty(axes, "no data: the devices have no files in common")
        return style.finish(figure, origin, "Ranks by other suites: no data.")
    y = np.arange(len(frame))
    uncertain, other = style.color(style.FAINT), style.color(style.NOTABLE)
    axes.hlines(y, frame["rank_low"], frame["rank_high"], color=uncertain, linewidth=7, alpha=0.5)
    axes.hlines(y, frame["suite_min"], frame["suite_max"], color=other, linewidth=1.6)
    axes.scatter(frame["rank"], y, s=24, color=style.INK, zorder=3)
    axes.set_yticks(y, device_axis.names(list(frame["device_id"]), devices), fontsize=style.SMALL)
    step = ceil(LABEL * len(frame) / (0.45 * style.panel_width(axes)))  # names take the rest of the width
    axes.set_xticks(range(1, len(frame) + 1, step))
    axes.set(ylim=(len(frame) - 0.4, -0.6), xlim=(0.4, len(frame) + 0.6), xlabel="rank")
    axes.grid(axis="y", visible=False)
    handles: dict[str, object] = {
        "rank": Line2D([], [], color=style.INK, marker="o", linestyle="none"),
        "ranks that other jobs could give": Line2D([], [], color=uncertain, linewidth=7, alpha=0.5),
        "ranks by parts of the suite": Line2D([], [], color=other, linewidth=1.6),
    }
    style.legend(figure, handles)
    moved = int((frame["suite_min"] != frame["suite_max"]).sum())
    return style.finish(
        figure, origin, f"Ranks of {plural(len(frame), 'device')}; {moved} of them change rank with parts of the suite."
    )
