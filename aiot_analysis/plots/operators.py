"""Where the time of a network goes, operator by operator: Figs. 1 and 2."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from aiot_analysis.plots import style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

GAP = "no data: no network was profiled; `aiot profile`, then `aiot process`"
LABELLED = 0.07  # shares from here on have their number in the bar
TICKS_MS = np.arange(0.21, 1.9, 0.28)  # of the paper's Fig. 2
TICK_INCHES = 0.32  # room of such a number
WORDS_INCHES = 2.2  # of a panel, from which on its words have room beside the bars


def looks() -> dict[str, style.Look]:
    """Of the kinds of operators. There are more of them than colours in the cycle."""
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
def breakdown(frame: pd.DataFrame, origin: str, devices: pd.DataFrame | None = None) -> Figure:
    """Draw Fig. 1: a 100 % stacked bar per model, a panel per framework and device.

    Takes the frame of `stats.operators.shares`.
    """
    each = _implementations(frame)
    models = names.in_order(set(frame["model"]), names.MODELS)
    figure, axes = style.panels(
        max(1, len(each)), 2 if len(models) <= 3 else 1, max(3.6, 1.3 + 0.95 * len(models)), 3.2
    )
    if not each:
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The share of each kind of operator in the run time: no data.")
    known = looks()
    kinds = [kind for kind in known if kind in set(frame["kind"])]
    said = []
    for panel, (framework, device) in zip(axes, each, strict=True):
        some = frame[(frame["framework"] == framework) & (frame["device_id"] == device)]
        title = _title(framework, device, frame, devices)
        panel.set_title(title)
        table = some.pivot(index="model", columns="kind", values="share").reindex(index=models, columns=kinds)
        _bars(panel, table)
        panel.set_ylabel(f"share of run time\n({_repetitions(some)})")
        more = f", {title}" if len(each) > 1 else ""
        for model, shares in table.dropna(how="all").iterrows():
            most = shares.sort_values(ascending=False).head(3)
            listed = style.listed(f"{kind} {share:.0%}" for kind, share in most.items() if share > 0)
            said.append(f"{names.display(str(model))}{more}: {listed}")
    handles = {
        kind: Patch(facecolor=known[kind].color, hatch=known[kind].hatch, edgecolor="white", linewidth=0.4)
        for kind in kinds
    }
    style.legend(figure, handles)
    return style.finish(figure, origin, f"Share of each kind of operator in the run time. {'; '.join(said)}.")


def _implementations(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Frameworks and devices in the frame; PyTorch is what the paper's figures are of, and comes first."""
    found = frame[["framework", "device_id"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(found, key=lambda one: (one[0] != "pytorch", *one))


def _title(framework: str, device: str, frame: pd.DataFrame, devices: pd.DataFrame | None) -> str:
    """The framework, and the device if there are several."""
    text = {"pytorch": "PyTorch", "caffe2": "Caffe2"}.get(framework, framework)
    if frame["device_id"].nunique() == 1:
        return text
    known = names.devices(devices) if devices is not None else {}
    return f"{text}, {known.get(device, device)}"


def _bars(panel: Axes, table: pd.DataFrame) -> None:
    bottom = np.zeros(len(table))
    for x, absent in enumerate(table.isna().all(axis=1)):
        if absent:
            panel.text(x, 0.5, "no data", ha="center", va="center", rotation=90, fontsize=style.SMALL, color=style.GREY)
    known = looks()
    for kind in table.columns:
        look = known[kind]
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
    """Return how many repetitions a panel rests on, like "20 repetitions" or "5 to 20 repetitions"."""
    few, most = frame["repetitions"].min(), frame["repetitions"].max()
    return plural(int(few), "repetition") if few == most else f"{few} to {most} repetitions"


@style.styled
def convolution_times(frame: pd.DataFrame, origin: str, devices: pd.DataFrame | None = None) -> Figure:
    """Draw Fig. 2: a histogram of the time of single convolutions per model, with the paper's bins and ticks.

    Takes the frame of `stats.operators.convolution_times`. A hatched bar of its own, apart from the bins, has what
    takes longer than the last of them. All panels have the same axes.
    """
    there = set(frame[["framework", "device_id", "model"]].itertuples(index=False, name=None))
    implementations = _implementations(frame)
    models = names.in_order(set(frame["model"]), names.MODELS)
    each = [(*one, model) for one in implementations for model in models if (*one, model) in there]
    figure, axes = style.panels(max(1, len(each)), 3, 2.9, 1.9)
    if not each:
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The time of single convolutions: no data.")
    inside = frame[np.isfinite(frame["high_ms"])]
    room = 1.25 if style.across(axes[0]) > WORDS_INCHES else 1.9  # above the bars, for words
    top, end = float(frame["share"].max()) * room, float(inside["high_ms"].max())
    width = float((inside["high_ms"] - inside["low_ms"]).iloc[0])
    longer = end + 2 * width  # the middle of the bar for what takes longer
    said = []
    for number, (panel, (framework, device, model)) in enumerate(zip(axes, each, strict=True)):
        part = frame[(frame[["framework", "device_id", "model"]] == [framework, device, model]).all(axis=1)]
        bins, beyond = part[np.isfinite(part["high_ms"])], part[~np.isfinite(part["high_ms"])]["share"].sum()
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
            longer,
            beyond,
            width=2 * width,
            color=style.color(style.SECOND),
            hatch="///",
            edgecolor="white",
            linewidth=0.5,
        )
        panel.text(longer, beyond + 0.01 * top, _percent(beyond), ha="center", va="bottom", fontsize=style.SMALL)
        place = f"({chr(97 + number)}) " if len(each) <= 26 else ""
        more = f", {_title(framework, device, frame, devices)}" if len(implementations) > 1 else ""
        panel.set_title(f"{place}{names.display(model)}{more}")
        ticks = TICKS_MS[:: max(1, round(TICK_INCHES * len(TICKS_MS) / (style.across(panel) - 0.6)))]
        right = end + 3.5 * width
        apart = right * TICK_INCHES / max(style.across(panel) - 0.6, TICK_INCHES)
        ticks = ticks[ticks <= longer - 1.3 * apart]  # room for the last one
        panel.set(xlim=(0, right), ylim=(0, top))
        panel.set_xticks([*ticks, longer], [*(f"{tick:.2f}" for tick in ticks), f">{end:g}"])
        panel.set_xlabel("time of a convolution (ms)")
        panel.set_ylabel(f"relative frequency\n({_repetitions(part)})")
        panel.grid(axis="x", visible=False)
        words = f"{int(part['convolutions'].sum()):,} convolutions"
        panel.text(
            0.98, 0.97, words, transform=panel.transAxes, ha="right", va="top", fontsize=style.SMALL, color=style.GREY
        )
        peak = bins.loc[bins["share"].idxmax()]
        most = f"most often {peak['low_ms']:.2f} to {peak['high_ms']:.2f} ms ({peak['share']:.0%})"
        said.append(f"{names.display(model)}{more}: {most}, {_percent(beyond)} longer than {end:g} ms")
    return style.finish(figure, origin, f"How long single convolutions take. {'; '.join(said)}.")


def _percent(share: float) -> str:
    """A share in words that tells nothing from little."""
    return "none" if share == 0 else "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
