"""Plots of agreement between devices, compared with chance and with a reference device (Remark 1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import ALPHA, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

BAND = "#cfd6dc"
DARK = style.INK
MOST_TICKS = 6  # maximum number of devices labelled on the axis of a narrow panel


@style.styled
def noise(
    spread: pd.DataFrame,
    unstable: pd.DataFrame,
    repeats: pd.DataFrame,
    origin: str,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the differences between devices next to those expected by chance, one line per instance.

    Takes the frames of `stats.agreement.cochran`, `stats.agreement.instability` and `stats.accuracy.answer_changes`.
    The left panel shows the standard deviation of accuracy between devices (marked where it is significantly more than
    chance), the one expected by chance, and the one expected if each device had its own images. The right panel shows
    the share of images that get a different class: on at least one device, between two devices, and from one device
    when it sees them again.
    """
    ids = list(spread["instance_id"])
    figure, axes = style.panels(2, 2, 4.3, max(1.8, 0.17 * len(ids) + 0.6))
    left, right = axes
    left.set_title("spread of accuracy between devices")
    right.set_title("images with another class")
    with_spread = spread.dropna(subset=["sd"])
    handles: dict[str, Any] = {}
    gap = _gap(spread)
    if with_spread.empty:
        style.empty(left, f"no data: {gap}")
    else:
        handles |= _spreads(left, with_spread, ids)
        words: dict[str, Any] = {"fontsize": style.SMALL, "color": style.GREY, "va": "center"}
        for instance, why in spread[spread["sd"].isna()][["instance_id", "gap"]].itertuples(index=False):
            left.text(0.01, ids.index(instance), f"no data: {why}", transform=left.get_yaxis_transform(), **words)
        _lines(left, ids, "standard deviation (percentage points)")
    with_instability = unstable.dropna(subset=["instability"])
    if with_instability.empty and repeats.empty:
        style.empty(right, f"no data: {gap}")
    else:
        handles |= _shares(right, with_instability, repeats, ids)
        _lines(right, ids, "share of images (%)")
        if with_instability.empty:
            style.note(right, f"no data between devices: {gap}")
        if repeats.empty:
            style.note(
                right, "no data on a device compared with itself: none was measured twice under the same conditions"
            )
    filled = [
        panel
        for panel, row_count in ((left, len(with_spread)), (right, len(with_instability) + len(repeats)))
        if row_count
    ]
    below = right.get_subplotspec().get_gridspec().ncols == 1  # type: ignore[union-attr]
    for panel in filled if below else filled[:1]:
        panel.set_yticks(range(len(ids)), [line_name(instance_id) for instance_id in ids], fontsize=style.SMALL)
    style.legend(figure, handles)
    return style.finish(figure, origin, _alt_noise(with_spread, with_instability, repeats, gap))


def _spreads(axes: Axes, spread: pd.DataFrame, ids: Sequence[str]) -> dict[str, Any]:
    y = spread["instance_id"].map(ids.index)
    axes.barh(y, 100 * spread["sd_chance_most"], height=0.62, color=BAND)
    axes.scatter(100 * spread["sd_chance"], y, marker="|", s=50, color=style.GREY)
    axes.scatter(
        100 * spread["sd_sampling"],
        y,
        marker="D",
        s=14,
        facecolors="none",
        edgecolors=style.color(style.FOURTH),
        linewidths=0.8,
    )
    significant = spread["p_adjusted"] < ALPHA
    for selected, color in ((~significant, DARK), (significant, style.color(style.NOTABLE))):
        axes.scatter(
            100 * spread["sd"][selected], y[selected], s=20, color=color, marker="o" if color == DARK else "P", zorder=3
        )
    axes.set_xlim(left=0)
    handles = {
        "observed spread": Line2D([], [], color=DARK, marker="o", linestyle="none"),
        "chance alone (95%, all instances)": Patch(color=BAND),
        "if each device had other images": Line2D(
            [], [], color=style.color(style.FOURTH), marker="D", markerfacecolor="none", linestyle="none"
        ),
    }
    if significant.any():
        handles["observed, significant"] = Line2D(
            [], [], color=style.color(style.NOTABLE), marker="P", linestyle="none"
        )
    return handles


def _shares(axes: Axes, unstable: pd.DataFrame, repeats: pd.DataFrame, ids: Sequence[str]) -> dict[str, Any]:
    handles: dict[str, Any] = {}
    if len(unstable):
        y = unstable["instance_id"].map(ids.index)
        share = 100 * unstable["instability"]
        errors = [share - 100 * unstable["instability_low"], 100 * unstable["instability_high"] - share]
        handles["some devices differ"] = axes.errorbar(
            share,
            y,
            xerr=errors,
            fmt="s",
            color=style.color(style.PLAIN),
            markerfacecolor=style.GROUND,
            linestyle="none",
            elinewidth=0.7,
        )
        handles["two devices differ (mean)"] = axes.scatter(
            100 * unstable["disagreement"], y, s=16, color=style.color(style.PLAIN), zorder=3
        )
    own_repeats = repeats[repeats["instance_id"].isin(ids)]
    if len(own_repeats):
        y = own_repeats["instance_id"].map(ids.index) + 0.28
        share = 100 * own_repeats["noise"]
        errors = [share - 100 * own_repeats["noise_low"], 100 * own_repeats["noise_high"] - share]
        handles["a device differs from itself"] = axes.errorbar(
            share, y, xerr=errors, fmt="x", color=style.color(style.NOTABLE), linestyle="none", elinewidth=0.7
        )
    axes.set_xlim(left=-0.2)
    return handles


def _lines(axes: Axes, ids: Sequence[str], label: str) -> None:
    """Set up an axis with one line per instance and a rule between models."""
    axes.set(xlabel=label, ylim=(len(ids) - 0.4, -0.6), yticks=range(len(ids)), yticklabels=[])
    axes.grid(axis="y", visible=False)
    models = [names.instance(instance_id).model for instance_id in ids]
    for number in range(1, len(ids)):
        if models[number] != models[number - 1]:
            axes.axhline(number - 0.5, color=style.RULE, linewidth=0.6, zorder=0)


def line_name(instance: str) -> str:
    parts = names.instance(instance)
    kind = "" if parts.quantization == "float32" else f" {names.display(parts.quantization)}"
    return f"{names.display(parts.model)} · {names.display(parts.implementation)}{kind}"


def _alt_noise(spread: pd.DataFrame, unstable: pd.DataFrame, repeats: pd.DataFrame, gap: str) -> str:
    sentences = []
    if len(spread):
        significant = int((spread["p_adjusted"] < ALPHA).sum())
        sentences.append(
            f"Standard deviation of accuracy between devices {style.span(100 * spread['sd'], '{:.2f}')} points over "
            f"{len(spread)} instances, where chance gives {style.span(100 * spread['sd_chance'], '{:.2f}')} and images "
            f"of their own {style.span(100 * spread['sd_sampling'], '{:.2f}')}; significantly more than chance in "
            f"{significant}"
        )
    else:
        sentences.append(f"Spread of accuracy between devices: no data, {gap}")
    if len(unstable):
        sentences.append(
            f"images with another class on some device {style.span(100 * unstable['instability'], '{:.1f}')}%, "
            f"between two devices {style.span(100 * unstable['disagreement'], '{:.1f}')}%"
        )
    if len(repeats):
        sentences.append(f"from one device on repeated images {style.span(100 * repeats['noise'], '{:.1f}')}%")
    return "; ".join(sentences) + "."


@style.styled
def against(
    frame: pd.DataFrame,
    origin: str,
    base: str,
    devices: pd.DataFrame | None = None,
    gaps: Mapping[str, str] | None = None,
    quantizations: Sequence[str] = names.QUANTIZATIONS,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the accuracy of each device minus that of the reference `base`, one panel per model x version.

    Takes the frame of `stats.agreement.compare_with` and, from `stats.agreement.not_comparable`, the reasons why
    instances of these quantizations are missing from it. The light line at each point is the Wilson interval of the
    device alone. The dark line is the interval of the difference on the same images, simultaneous over all rows of the
    frame. Differences whose dark line excludes 0 are marked.
    """
    gaps = {
        instance: why
        for instance, why in (gaps or {}).items()
        if names.instance(instance).quantization in quantizations
    }
    differences = frame.assign(
        version=frame["implementation"] + "_" + frame["quantization"],
        low=frame["accuracy_low"] - frame["accuracy_base"],
        high=frame["accuracy_high"] - frame["accuracy_base"],
    )
    instances = [names.instance(instance) for instance in [*differences["instance_id"], *gaps]]
    versions = names.in_order({"_".join(instance[:3]) for instance in instances}, VERSIONS)
    models = names.in_order({instance.model for instance in instances}, names.MODELS)
    ids = device_axis.order([*differences["device_id"], *([base] if base else [])], devices)
    if differences.empty:
        figure, axes = style.panels(1, 1, 6.5, 1.5)
        reasons = listed(sorted(set(gaps.values()))) or "nothing was measured"
        style.empty(axes[0], f"no data: {reasons}")
        return style.finish(figure, origin, f"Accuracy against a reference device: no data ({reasons}).")
    between = ", " if len(versions) <= len(names.IMPLEMENTATIONS) else "\n"
    figure, axes = style.panels(len(models) * len(versions), len(versions), 11.3 / max(len(versions), 3), 1.4)
    panels = iter(axes)
    for model in models:
        row = differences[differences["model"] == model]
        labelled = False
        half = 100 * max(row[["change_high", "high"]].max().max(), -row[["change_low", "low"]].min().min(), 0.01)
        for version in versions:
            axis = next(panels)
            axis.set_title(f"{names.display(model)}{between}{version_name(version)}", fontsize=style.SMALL)
            part = row[row["version"] == version]
            if part.empty:
                style.empty(axis, f"no data: {gaps.get(f'{version}_{model}', 'not run')}")
                continue
            _differences(axis, part, base, ids, devices)
            axis.set_ylim(-1.05 * half, 1.05 * half)
            if labelled:  # the panels of a row share one scale
                axis.tick_params(labelleft=False)
            else:
                axis.set_ylabel("points")
            labelled = True
    style.legend(figure, _against_handles(bool((differences["p_adjusted"] < ALPHA).any())))
    return style.finish(figure, origin, _alt_against(differences, base, devices))


VERSIONS = [
    f"{implementation}_{quantization}"
    for implementation in names.IMPLEMENTATIONS
    for quantization in names.QUANTIZATIONS
]


def _differences(axes: Axes, part: pd.DataFrame, base: str, ids: Sequence[str], devices: pd.DataFrame | None) -> None:
    """Draw the differences of the devices for one instance, with the reference at 0."""
    x = device_axis.positions(part, ids)
    paired = 100 * part[["change_low", "change", "change_high"]]
    figure = axes.get_figure()
    panel_points = axes.get_position().width * style.size(figure)[0] * 72 if figure else 200.0
    line_width = min(5.0, 0.6 * panel_points / len(ids))
    axes.axhline(0, color=style.GREY, linewidth=0.6)
    axes.vlines(x, 100 * part["low"], 100 * part["high"], color=BAND, linewidth=line_width)
    axes.vlines(x, paired["change_low"], paired["change_high"], color=DARK, linewidth=0.7)
    significant = part["p_adjusted"] < ALPHA
    axes.scatter(x[~significant], paired["change"][~significant], s=5, color=DARK, zorder=3)
    axes.scatter(
        x[significant], paired["change"][significant], s=14, color=style.color(style.NOTABLE), marker="P", zorder=4
    )
    axes.scatter(
        [ids.index(base)], [0], s=14, marker="D", facecolors=style.GROUND, edgecolors=DARK, linewidths=0.8, zorder=4
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
        "each device alone (Wilson, 95% each)": Patch(color=BAND),
        "difference on the same images (95% jointly)": Line2D(
            [], [], color=DARK, marker="o", markersize=2.5, linewidth=0.7
        ),
        "the reference": Line2D([], [], color=DARK, marker="D", markerfacecolor=style.GROUND, linestyle="none"),
    }
    if sure:
        handles["significant difference"] = Line2D(
            [], [], color=style.color(style.NOTABLE), marker="P", linestyle="none"
        )
    return handles


def version_name(version: str) -> str:
    implementation, quantization = version.rsplit("_", 1)
    kind = "" if quantization == "float32" else f" {names.display(quantization)}"
    return names.display(implementation) + kind


def _gap(spread: pd.DataFrame) -> str:
    """Return why there is no data, as reported by the statistic."""
    return listed(sorted({gap for gap in spread["gap"] if gap})) or "nothing was measured"


def _alt_against(compared: pd.DataFrame, base: str, devices: pd.DataFrame | None) -> str:
    sure = int((compared["p_adjusted"] < ALPHA).sum())
    [name] = device_axis.names([base], devices)
    change, width = compared["change"], compared["change_high"] - compared["change_low"]
    own_widths = compared["accuracy_high"] - compared["accuracy_low"]
    return (
        f"Accuracy of {compared['device_id'].nunique()} devices less that of {name}, on the same images: "
        f"{style.span(100 * change, '{:+.1f}')} points; {sure} of {len(compared)} differences are significant. "
        f"The paired intervals, which hold jointly at 95%, are {100 * width.median():.1f} points wide (median), "
        f"those of single devices {100 * own_widths.median():.1f}."
    )
