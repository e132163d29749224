"""Do all devices answer alike? Noise beside difference, and each device against a reference (Remark 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names

SURE = 0.05  # of adjusted p values: under it a difference is marked, and its interval is on one side of 0
BAND = "#cfd6dc"
DARK = "#2b3a47"
SMALL: dict[str, Any] = {"fontsize": style.SMALL, "color": style.GREY, "va": "center"}
MOST_TICKS = 6  # devices named on the axis of a narrow panel


@style.styled
def noise(spread: pd.DataFrame, unstable: pd.DataFrame, repeats: pd.DataFrame, origin: str) -> Figure:
    """What devices differ by beside what chance alone would make: a line an instance.

    Takes the frames of `stats.agreement.cochran`, `stats.agreement.instability` and `stats.repeats.flips`. On the left
    the standard deviation of accuracy between devices (marked where they are surely not equally often right), what
    chance would make of it, and what it would be on images of each device's own. On the right the share of images with
    another class: on some device, between two devices, and from one device when it sees them again.
    """
    ids = list(spread["instance_id"])
    figure, axes = style.panels(2, 2, 4.3, max(1.8, 0.17 * len(ids) + 0.6))
    left, right = axes
    left.set_title("spread of accuracy between devices")
    right.set_title("images with another answer")
    known = spread.dropna(subset=["sd"])
    handles: dict[str, Any] = {}
    gap = _gap(spread)
    if known.empty:
        style.empty(left, f"no data: {gap}")
    else:
        handles |= _spreads(left, known, ids)
        for instance, why in spread[spread["sd"].isna()][["instance_id", "gap"]].itertuples(index=False):
            left.text(0.01, ids.index(instance), f"no data: {why}", transform=left.get_yaxis_transform(), **SMALL)
        _lines(left, ids, "standard deviation (percentage points)")
    found = unstable.dropna(subset=["instability"])
    if found.empty and repeats.empty:
        style.empty(right, f"no data: {gap}")
    else:
        handles |= _shares(right, found, repeats, ids)
        _lines(right, ids, "share of images (%)")
        if found.empty:
            style.note(right, f"no data between devices: {gap}")
        if repeats.empty:
            style.note(right, "no data of a device against itself: none was measured twice under the same conditions")
    filled = [panel for panel, some in ((left, len(known)), (right, len(found) + len(repeats))) if some]
    below = right.get_subplotspec().get_gridspec().ncols == 1  # type: ignore[union-attr]
    for panel in filled if below else filled[:1]:
        panel.set_yticks(range(len(ids)), [_line(one) for one in ids], fontsize=style.SMALL)
    style.legend(figure, handles)
    return style.finish(figure, origin, _alt_noise(known, found, repeats, gap))


def _spreads(axes: Axes, known: pd.DataFrame, ids: Sequence[str]) -> dict[str, Any]:
    y = known["instance_id"].map(ids.index)
    axes.barh(y, 100 * known["sd_chance_most"], height=0.62, color=BAND)
    axes.scatter(100 * known["sd_chance"], y, marker="|", s=50, color=style.GREY)
    axes.scatter(
        100 * known["sd_sampling"],
        y,
        marker="D",
        s=14,
        facecolors="none",
        edgecolors=style.color(style.FOURTH),
        linewidths=0.8,
    )
    sure = known["p_adjusted"] < SURE
    for some, color in ((~sure, DARK), (sure, style.color(style.NOTABLE))):
        axes.scatter(
            100 * known["sd"][some], y[some], s=20, color=color, marker="o" if color == DARK else "P", zorder=3
        )
    axes.set_xlim(left=0)
    handles = {
        "observed spread": Line2D([], [], color=DARK, marker="o", linestyle="none"),
        "chance alone (95 %, all instances)": Patch(color=BAND),
        "if each had seen other images": Line2D(
            [], [], color=style.color(style.FOURTH), marker="D", markerfacecolor="none", linestyle="none"
        ),
    }
    if sure.any():
        handles["observed, surely no chance"] = Line2D(
            [], [], color=style.color(style.NOTABLE), marker="P", linestyle="none"
        )
    return handles


def _shares(axes: Axes, found: pd.DataFrame, repeats: pd.DataFrame, ids: Sequence[str]) -> dict[str, Any]:
    handles: dict[str, Any] = {}
    if len(found):
        y = found["instance_id"].map(ids.index)
        share = 100 * found["instability"]
        errors = [share - 100 * found["instability_low"], 100 * found["instability_high"] - share]
        handles["some devices differ"] = axes.errorbar(
            share,
            y,
            xerr=errors,
            fmt="s",
            color=style.color(style.PLAIN),
            markerfacecolor="white",
            linestyle="none",
            elinewidth=0.7,
        )
        handles["two devices differ (mean)"] = axes.scatter(
            100 * found["disagreement"], y, s=16, color=style.color(style.PLAIN), zorder=3
        )
    some = repeats[repeats["instance_id"].isin(ids)]
    if len(some):
        y = some["instance_id"].map(ids.index) + 0.28
        share = 100 * some["noise"]
        errors = [share - 100 * some["noise_low"], 100 * some["noise_high"] - share]
        handles["a device differs from itself"] = axes.errorbar(
            share, y, xerr=errors, fmt="x", color=style.color(style.NOTABLE), linestyle="none", elinewidth=0.7
        )
    axes.set_xlim(left=-0.2)
    return handles


def _lines(axes: Axes, ids: Sequence[str], label: str) -> None:
    """An instance a line, with a rule between models."""
    axes.set(xlabel=label, ylim=(len(ids) - 0.4, -0.6), yticks=range(len(ids)), yticklabels=[])
    axes.grid(axis="y", visible=False)
    models = [names.instance(one).model for one in ids]
    for number in range(1, len(ids)):
        if models[number] != models[number - 1]:
            axes.axhline(number - 0.5, color="#dddddd", linewidth=0.6, zorder=0)


def _line(instance: str) -> str:
    told = names.instance(instance)
    kind = "" if told.quantization == "float32" else f" {names.display(told.quantization)}"
    return f"{names.display(told.model)} · {names.display(told.implementation)}{kind}"


def _alt_noise(known: pd.DataFrame, found: pd.DataFrame, repeats: pd.DataFrame, gap: str) -> str:
    said = []
    if len(known):
        sure = int((known["p_adjusted"] < SURE).sum())
        said.append(
            f"Standard deviation of accuracy between devices {style.span(100 * known['sd'], '{:.2f}')} points over "
            f"{len(known)} instances, where chance gives {style.span(100 * known['sd_chance'], '{:.2f}')} and images "
            f"of their own {style.span(100 * known['sd_sampling'], '{:.2f}')}; surely more than chance in {sure}"
        )
    else:
        said.append(f"Spread of accuracy between devices: no data, {gap}")
    if len(found):
        said.append(
            f"images with another class on some device {style.span(100 * found['instability'], '{:.1f}')} %, between "
            f"two devices {style.span(100 * found['disagreement'], '{:.1f}')} %"
        )
    if len(repeats):
        said.append(f"from one device when it saw them again {style.span(100 * repeats['noise'], '{:.1f}')} %")
    return "; ".join(said) + "."


@style.styled
def against(
    frame: pd.DataFrame,
    origin: str,
    base: str,
    devices: pd.DataFrame | None = None,
    gaps: Mapping[str, str] | None = None,
    quantizations: Sequence[str] = names.QUANTIZATIONS,
) -> Figure:
    """Accuracy of each device less that of the reference `base`: a panel per model x version.

    Takes the frame of `stats.agreement.against`, and from `stats.agreement.without` why instances of these
    quantizations are not in it. Around each point the light line is Wilson's interval of the device by itself, the dark
    one that of the difference on the same images, which holds for all rows of the frame at once. Differences whose dark
    line is on one side of 0 are marked.
    """
    gaps = {one: why for one, why in (gaps or {}).items() if names.instance(one).quantization in quantizations}
    known = frame.assign(
        version=frame["implementation"] + "_" + frame["quantization"],
        low=frame["accuracy_low"] - frame["accuracy_base"],
        high=frame["accuracy_high"] - frame["accuracy_base"],
    )
    every = [names.instance(one) for one in [*known["instance_id"], *gaps]]
    versions = names.in_order({"_".join(one[:3]) for one in every}, _VERSIONS)
    models = names.in_order({one.model for one in every}, names.MODELS)
    ids = device_axis.order([*known["device_id"], *([base] if base else [])], devices)
    if known.empty:
        figure, axes = style.panels(1, 1, 6.5, 1.5)
        told = style.listed(sorted(set(gaps.values()))) or "nothing was measured"
        style.empty(axes[0], f"no data: {told}")
        return style.finish(figure, origin, f"Accuracy against a reference device: no data ({told}).")
    between = ", " if len(versions) <= len(names.IMPLEMENTATIONS) else "\n"
    figure, axes = style.panels(len(models) * len(versions), len(versions), 11.3 / max(len(versions), 3), 1.4)
    panels = iter(axes)
    for model in models:
        row = known[known["model"] == model]
        labelled = False
        half = 100 * max(row[["change_high", "high"]].max().max(), -row[["change_low", "low"]].min().min(), 0.01)
        for version in versions:
            axis = next(panels)
            axis.set_title(f"{names.display(model)}{between}{_version(version)}", fontsize=style.SMALL)
            part = row[row["version"] == version]
            if part.empty:
                style.empty(axis, f"no data: {gaps.get(f'{version}_{model}', 'not run')}")
                continue
            _differences(axis, part, base, ids, devices)
            axis.set_ylim(-1.05 * half, 1.05 * half)
            if labelled:  # a row of panels has one scale
                axis.tick_params(labelleft=False)
            else:
                axis.set_ylabel("points")
            labelled = True
    style.legend(figure, _against_handles(bool((known["p_adjusted"] < SURE).any())))
    return style.finish(figure, origin, _alt_against(known, base, devices))


_VERSIONS = [f"{one}_{quantization}" for one in names.IMPLEMENTATIONS for quantization in names.QUANTIZATIONS]


def _differences(axes: Axes, part: pd.DataFrame, base: str, ids: Sequence[str], devices: pd.DataFrame | None) -> None:
    """The devices of one instance, and the reference at 0."""
    x = device_axis.positions(part, ids)
    paired = 100 * part[["change_low", "change", "change_high"]]
    figure = axes.get_figure(root=True)
    across = axes.get_position().width * figure.get_size_inches()[0] * 72 if figure else 200.0  # in points
    wide = min(5.0, 0.6 * across / len(ids))
    axes.axhline(0, color="#888888", linewidth=0.6)
    axes.vlines(x, 100 * part["low"], 100 * part["high"], color=BAND, linewidth=wide)
    axes.vlines(x, paired["change_low"], paired["change_high"], color=DARK, linewidth=0.7)
    sure = part["p_adjusted"] < SURE
    axes.scatter(x[~sure], paired["change"][~sure], s=5, color=DARK, zorder=3)
    axes.scatter(x[sure], paired["change"][sure], s=14, color=style.color(style.NOTABLE), marker="P", zorder=4)
    axes.scatter(
        [ids.index(base)], [0], s=14, marker="D", facecolors="white", edgecolors=DARK, linewidths=0.8, zorder=4
    )
    absent = len(ids) - len(part) - 1
    step = math.ceil(len(ids) / MOST_TICKS)
    axes.set_xticks(range(0, len(ids), step), device_axis.labels(ids, devices)[::step], fontsize=style.SMALL)
    axes.tick_params(axis="y", labelsize=style.SMALL)
    axes.set_xlim(-0.6, len(ids) - 0.4)
    axes.grid(axis="x", visible=False)
    if absent:
        style.note(axes, f"no data: {absent} of {len(ids)} devices")


def _against_handles(sure: bool) -> dict[str, Any]:
    handles: dict[str, Any] = {
        "a device by itself (Wilson, 95 % each)": Patch(color=BAND),
        "difference on the same images (95 % together)": Line2D(
            [], [], color=DARK, marker="o", markersize=2.5, linewidth=0.7
        ),
        "the reference": Line2D([], [], color=DARK, marker="D", markerfacecolor="white", linestyle="none"),
    }
    if sure:
        handles["sure difference"] = Line2D([], [], color=style.color(style.NOTABLE), marker="P", linestyle="none")
    return handles


def _version(version: str) -> str:
    implementation, quantization = version.rsplit("_", 1)
    kind = "" if quantization == "float32" else f" {names.display(quantization)}"
    return names.display(implementation) + kind


def _gap(spread: pd.DataFrame) -> str:
    """Why there is nothing, in the words of the statistic."""
    return style.listed(sorted({one for one in spread["gap"] if one})) or "nothing was measured"


def _alt_against(known: pd.DataFrame, base: str, devices: pd.DataFrame | None) -> str:
    sure = int((known["p_adjusted"] < SURE).sum())
    [name] = device_axis.names([base], devices)
    change, width = known["change"], known["change_high"] - known["change_low"]
    alone = known["accuracy_high"] - known["accuracy_low"]
    return (
        f"Accuracy of {known['device_id'].nunique()} devices less that of {name}, on the same images: "
        f"{style.span(100 * change, '{:+.1f}')} points; {sure} of {len(known)} differences are sure after correction. "
        f"The paired intervals, 95 % together, are {100 * width.median():.1f} points wide (median), those of single "
        f"devices {100 * alone.median():.1f}."
    )
