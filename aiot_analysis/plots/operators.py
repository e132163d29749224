"""Plots of the time of a network by operator (Figs. 1 and 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from aiot_analysis.plots import style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

GAP = "no data: no network was profiled; run `aiot operators`, then `aiot process`"
LABELLED = 0.07  # shares of at least this much have their number in the bar
TICKS_MS = np.arange(0.21, 1.9, 0.28)  # tick positions of the paper's Fig. 2
TICK_INCHES = 0.32  # room for a tick label
WORDS_INCHES = 2.2  # panel width above which its text fits beside the bars


def looks() -> dict[str, style.Look]:
    """Return the look of each kind of operator, of which there are more than colours in the cycle."""
    return {
        "convolution": style.Look(style.color(style.PLAIN), "o", ""),
        "depthwise convolution": style.Look(style.color(style.FAINT), "v", "\\\\\\"),
        "batch norm": style.Look(style.color(style.SECOND), "s", "///"),
        "relu": style.Look(style.color(style.THIRD), "^", "..."),
        "pooling": style.Look(style.color(style.FOURTH), "D", "xxx"),
        "concatenation": style.Look("#F0E442", "<", "---"),
        "addition": style.Look(style.color(style.NOTABLE), "P", "+++"),
        "linear": style.Look("#333333", "X", ""),
        "other": style.Look("#bbbbbb", ".", "ooo"),
    }


@style.styled
def breakdown(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw Fig. 1: a 100 % stacked bar per model, in one panel per framework and device.

    Takes the frame of `stats.operators.shares`.
    """
    implementations = _implementations(frame)
    models = names.in_order(set(frame["model"]), names.MODELS)
    figure, axes = style.panels(
        max(1, len(implementations)), 2 if len(models) <= 3 else 1, max(3.6, 1.3 + 0.95 * len(models)), 3.2
    )
    if not implementations:
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The share of each kind of operator in the run time: no data.")
    kind_looks = looks()
    kinds = [kind for kind in kind_looks if kind in set(frame["kind"])]
    descriptions = []
    for panel, (framework, device) in zip(axes, implementations, strict=True):
        rows = frame[(frame["framework"] == framework) & (frame["device_id"] == device)]
        title = _title(framework, device, frame, devices)
        panel.set_title(title)
        table = rows.pivot(index="model", columns="kind", values="share").reindex(index=models, columns=kinds)
        _bars(panel, table)
        panel.set_ylabel(f"share of run time\n({_repetitions(rows)})")
        suffix = f", {title}" if len(implementations) > 1 else ""
        for model, shares in table.dropna(how="all").iterrows():
            largest = shares.sort_values(ascending=False).head(3)
            listed = style.listed(f"{kind} {share:.0%}" for kind, share in largest.items() if share > 0)
            descriptions.append(f"{names.display(str(model))}{suffix}: {listed}")
    handles = {
        kind: Patch(facecolor=kind_looks[kind].color, hatch=kind_looks[kind].hatch, edgecolor="white", linewidth=0.4)
        for kind in kinds
    }
    style.legend(figure, handles)
    return style.finish(figure, origin, f"Share of each kind of operator in the run time. {'; '.join(descriptions)}.")


def _implementations(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of framework and device in the frame, PyTorch first, since the paper's figures show it."""
    pairs = frame[["framework", "device_id"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(pairs, key=lambda pair: (pair[0] != "pytorch", *pair))


def _title(framework: str, device: str, frame: pd.DataFrame, devices: pd.DataFrame | None) -> str:
    """Return the name of the framework, with that of the device if there are several."""
    text = {"pytorch": "PyTorch", "caffe2": "Caffe2"}.get(framework, framework)
    if frame["device_id"].nunique() == 1:
        return text
    name_of_device = names.devices(devices) if devices is not None else {}
    return f"{text}, {name_of_device.get(device, device)}"


def _bars(panel: Axes, table: pd.DataFrame) -> None:
    bottom = np.zeros(len(table))
    for x, absent in enumerate(table.isna().all(axis=1)):
        if absent:
            panel.text(x, 0.5, "no data", ha="center", va="center", rotation=90, fontsize=style.SMALL, color=style.GREY)
    kind_looks = looks()
    for kind in table.columns:
        look = kind_looks[kind]
        height = table[kind].fillna(0.0).to_numpy(float)
        panel.bar(
            range(len(table)),
            height,
            bottom=bottom,
            width=0.72,
            color=look.color,
            hatch=look.hatch,
            edgecolor="white",
            linewidth=0.4,
        )
        for x, (low, share) in enumerate(zip(bottom, height, strict=True)):
            if share >= LABELLED:
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
                panel.text(x, low + share / 2, f"{share:.0%}", ha="center", va="center", fontsize=style.SMALL, bbox=box)
        bottom += height
    panel.set_xticks(range(len(table)), [names.display(str(model)) for model in table.index], rotation=20, ha="right")
    panel.set(ylim=(0, 1.02), yticks=[0, 0.5, 1], yticklabels=["0 %", "50 %", "100 %"])
    panel.set_xlim(-0.6, len(table) - 0.4)
    panel.grid(axis="x", visible=False)


def _repetitions(frame: pd.DataFrame) -> str:
    """Return the number of repetitions behind a panel, such as "20 repetitions" or "5 to 20 repetitions"."""
    few, most = frame["repetitions"].min(), frame["repetitions"].max()
    return plural(int(few), "repetition") if few == most else f"{few} to {most} repetitions"


@style.styled
def convolution_times(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw Fig. 2: one histogram per model of the times of single convolutions, with the paper's bins and ticks.

    Takes the frame of `stats.operators.convolution_times`. A separate hatched bar shows the share of convolutions that
    take longer than the last bin. All panels have the same axes.
    """
    present = set(frame[["framework", "device_id", "model"]].itertuples(index=False, name=None))
    implementations = _implementations(frame)
    models = names.in_order(set(frame["model"]), names.MODELS)
    panel_keys = [(*pair, model) for pair in implementations for model in models if (*pair, model) in present]
    figure, axes = style.panels(max(1, len(panel_keys)), 3, 2.9, 1.9)
    if not panel_keys:
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The time of single convolutions: no data.")
    inside = frame[np.isfinite(frame["high_ms"])]
    headroom = 1.25 if style.panel_width(axes[0]) > WORDS_INCHES else 1.9  # space above the bars for text, as a factor
    top, end = float(frame["share"].max()) * headroom, float(inside["high_ms"].max())
    width = float((inside["high_ms"] - inside["low_ms"]).iloc[0])
    overflow_x = end + 2 * width  # centre of the bar for longer times
    descriptions = []
    for number, (panel, (framework, device, model)) in enumerate(zip(axes, panel_keys, strict=True)):
        part = frame[(frame[["framework", "device_id", "model"]] == [framework, device, model]).all(axis=1)]
        bins, overflow_share = part[np.isfinite(part["high_ms"])], part[~np.isfinite(part["high_ms"])]["share"].sum()
        panel.bar(
            bins["low_ms"],
            bins["share"],
            width=bins["high_ms"] - bins["low_ms"],
            align="edge",
            color=style.color(style.PLAIN),
            edgecolor="white",
            linewidth=0.5,
        )
        panel.bar(
            overflow_x,
            overflow_share,
            width=2 * width,
            color=style.color(style.SECOND),
            hatch="///",
            edgecolor="white",
            linewidth=0.5,
        )
        panel.text(
            overflow_x,
            overflow_share + 0.01 * top,
            _percent(overflow_share),
            ha="center",
            va="bottom",
            fontsize=style.SMALL,
        )
        panel_letter = f"({chr(97 + number)}) " if len(panel_keys) <= 26 else ""
        suffix = f", {_title(framework, device, frame, devices)}" if len(implementations) > 1 else ""
        panel.set_title(f"{panel_letter}{names.display(model)}{suffix}")
        ticks = TICKS_MS[:: max(1, round(TICK_INCHES * len(TICKS_MS) / (style.panel_width(panel) - 0.6)))]
        right = end + 3.5 * width
        label_room = right * TICK_INCHES / max(style.panel_width(panel) - 0.6, TICK_INCHES)
        ticks = ticks[ticks <= overflow_x - 1.3 * label_room]  # leave room for the label of the overflow bar
        panel.set(xlim=(0, right), ylim=(0, top))
        panel.set_xticks([*ticks, overflow_x], [*(f"{tick:.2f}" for tick in ticks), f">{end:g}"])
        panel.set_xlabel("time of a convolution (ms)")
        panel.set_ylabel(f"relative frequency\n({_repetitions(part)})")
        panel.grid(axis="x", visible=False)
        words = f"{int(part['convolutions'].sum()):,} convolutions"
        panel.text(
            0.98, 0.97, words, transform=panel.transAxes, ha="right", va="top", fontsize=style.SMALL, color=style.GREY
        )
        peak = bins.loc[bins["share"].idxmax()]
        peak_text = f"most often {peak['low_ms']:.2f} to {peak['high_ms']:.2f} ms ({peak['share']:.0%})"
        descriptions.append(
            f"{names.display(model)}{suffix}: {peak_text}, {_percent(overflow_share)} longer than {end:g} ms"
        )
    return style.finish(figure, origin, f"How long single convolutions take. {'; '.join(descriptions)}.")


def _percent(share: float) -> str:
    """Return a share as text that distinguishes none from very little."""
    return "none" if share == 0 else "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
