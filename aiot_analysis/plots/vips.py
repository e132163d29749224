"""Plots of the AI score: the ranking and its components (Remark 6, Table IV)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap, to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST = 120  # maximum number of devices in a ranking; a figure with a thousand bars would be 4 m high
WHISKER = "#666666"
LABELS = 1.8  # inches: width of the names of instances beside a heatmap
MOST_SHADES = 8
LONG = 10_000  # scores from here on are written with a separator of thousands, not as a power of ten


def _line() -> float:
    """Return the height of a row of text in inches."""
    return 0.0245 * style.SMALL


def _written(score: float) -> str:
    """Return a score as text with four digits, or without decimals if it has more."""
    return f"{score:,.0f}" if score >= LONG else f"{score:.4g}"


def _written_span(scores: pd.Series) -> str:
    """Return the range of scores as text."""
    return " to ".join(dict.fromkeys(map(_written, (scores.min(), scores.max()))))


def possible_ranks(scores: pd.DataFrame) -> pd.Series:
    """Return the ranks of each device that are possible, such as "ranks 2–4", or else its tie groups."""
    texts = scores["tie_group"].astype("object").fillna("") if "tie_group" in scores else pd.Series("", scores.index)
    if "rank_low" not in scores:
        return texts
    ends = scores[["rank_low", "rank_high"]].dropna().astype(int).astype(str)
    spans = "ranks " + ends["rank_low"] + "–" + ends["rank_high"]
    single = ends["rank_low"] == ends["rank_high"]
    return spans.mask(single, "rank " + ends["rank_low"]).reindex(scores.index).fillna(texts)


@style.styled
def ranking(
    scores: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    score: str = "VIPS",
    interval: str = "95% interval",
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw a bar per device with its rank within its peer group, its possible ranks, and its interval if it has one.

    Takes the frame of `stats.vips.scores` or `intervals`. `score` is the name of the sum; only the sum over the paper's
    24 float32 instances is called VIPS. `interval` describes the whiskers (see `stats.variance.describe_noise`).
    Devices that lack instances are hatched and grouped with those that have the same instances: their sum has fewer
    terms, so they cannot be ranked with the others.
    """
    all_scores, scores = scores, scores.head(MOST).reset_index(drop=True)
    figure, (axes,) = style.panels(1, 1, 7.5, _line() * len(scores) + 0.9)
    if scores.empty or scores["vips"].isna().all():
        style.empty(axes, "no data: no device has a score")
        return style.finish(figure, origin, f"{score} by device: no data.")
    ids = list(scores["device_id"])
    total = int(
        (scores["instances"] + scores["missing"].map(lambda text: len(text.split(", ")) if text else 0)).iloc[0]
    )
    kinds = {
        True: (style.color(style.PLAIN), "", f"all {total} instances"),
        False: (style.color(style.SECOND), "///", "instances missing"),
    }
    shift = scores["peer_group"] - 1 if scores["peer_group"].nunique() <= 6 else 0 * scores["peer_group"]
    y = pd.Series(range(len(scores))) + 0.6 * shift
    for complete, (color, hatch, _) in kinds.items():
        selected = scores["complete"] == complete
        axes.barh(y[selected], scores["vips"][selected], color=color, hatch=hatch, edgecolor="white", height=0.75)
    ends = scores["vips"]
    whiskers = "vips_low" in scores and scores["vips_low"].notna().any()
    if whiskers:
        errors = [
            (scores["vips"] - scores["vips_low"]).clip(lower=0),
            (scores["vips_high"] - scores["vips"]).clip(lower=0),
        ]
        axes.errorbar(scores["vips"], y, xerr=errors, fmt="none", ecolor=WHISKER, elinewidth=0.8, capsize=1.5)
        ends = scores[["vips", "vips_high"]].max(axis=1)
    beside = possible_ranks(scores)
    for position, end, row, score_of_device, words in zip(
        y, ends.fillna(0), scores.itertuples(), scores["vips"], beside, strict=True
    ):
        peers = "" if row.complete else f" ({row.instances} of {total} instances)"
        text = f"  {_written(score_of_device)}{peers}   {words}".rstrip() if row.instances else " no data"
        axes.text(
            end, position, text, va="center", fontsize=style.SMALL, color="black" if row.instances else style.GREY
        )
    is_single = scores.groupby("peer_group")["peer_group"].transform("size") == 1
    ranks = [
        name if single else f"{name}  {rank}"
        for name, rank, single in zip(device_axis.names(ids, devices), scores["rank"], is_single, strict=True)
    ]
    axes.set_yticks(y, ranks, fontsize=style.SMALL)
    axes.set(
        xlim=(0, 1.3 * max(ends.max(), 1e-9)), ylim=(y.max() + 0.6, -0.6), xlabel=f"valid images per second ({score})"
    )
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.grid(axis="y", visible=False)
    if whiskers:
        style.note(axes, f"whiskers: {interval}")
    if beside.str.startswith("rank").any():
        style.note(axes, "ranks beside scores: all that are possible, for all devices at once")
    elif (beside != "").any() and len(scores) > 1:
        style.note(axes, "devices that share a letter cannot be distinguished")
    if scores["peer_group"].nunique() > 1:
        style.note(axes, "ranks hold within a group: the same instances, measured under the same conditions")
    if len(all_scores) > MOST:
        style.note(axes, f"the first {MOST} of {len(all_scores)} devices")
    used = {complete: kinds[complete] for complete in kinds if (scores["complete"] == complete).any()}
    style.legend(figure, {text: Patch(facecolor=color, hatch=hatch) for color, hatch, text in used.values()})
    best = scores.iloc[0]
    return style.finish(
        figure,
        origin,
        f"{score} of {plural(len(all_scores), 'device')}, {_written_span(all_scores['vips'])} valid images "
        f"per second; first is {device_axis.names([best['device_id']], devices)[0]} with {_written(best['vips'])} over "
        f"{best['instances']} of {total} instances.",
    )


@style.styled
def timings(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw VIPS by end-to-end time and by inference time, two marks per device, with the change in rank.

    Takes the frame of `stats.vips_sensitivity.timings`.
    """
    scored = frame.dropna(subset=["vips_inference"]).sort_values(["peer_group", "rank_end_to_end", "rank_inference"])
    figure, (axes,) = style.panels(1, 1, 7.5, _line() * len(scored) + 0.9)
    if scored.empty:
        style.empty(axes, "no data: no device has a score")
        return style.finish(figure, origin, "VIPS by both timings: no data.")
    y = range(len(scored))
    marks = {
        "vips_end_to_end": ("end to end", style.color(style.PLAIN), "o"),
        "vips_inference": ("inference only", style.color(style.SECOND), "s"),
    }
    axes.hlines(y, scored["vips_end_to_end"], scored["vips_inference"], color="#bbbbbb", linewidth=1, zorder=0)
    for column, (_, color, marker) in marks.items():
        axes.scatter(scored[column], y, color=color, marker=marker, s=16, zorder=2)
    for position, end, change in zip(y, scored["vips_inference"], scored["rank_change"], strict=True):
        if pd.notna(change) and change:
            axes.text(end, position, f"  {change:+d}", va="center", fontsize=style.SMALL)
    axes.set_yticks(list(y), device_axis.names(list(scored["device_id"]), devices), fontsize=style.SMALL)
    largest = np.nanmax(scored[list(marks)].to_numpy(float))
    axes.set(xlim=(0, 1.1 * largest), ylim=(len(scored) - 0.4, -0.6), xlabel="valid images per second (VIPS)")
    axes.grid(axis="y", visible=False)
    compared = int(scored["rank_change"].notna().sum())
    moved = int((scored["rank_change"].fillna(0) != 0).sum())
    if moved:
        style.note(axes, "numbers: ranks gained (+) or lost (-) with inference alone")
    used = [(column, mark) for column, mark in marks.items() if scored[column].notna().any()]
    style.legend(
        figure, {text: Line2D([], [], color=color, marker=marker, ls="none") for _, (text, color, marker) in used}
    )
    spans = [f"{text} {style.span(scored[column], '{:.4g}')}" for column, (text, _, _) in used]
    return style.finish(
        figure,
        origin,
        f"VIPS of {plural(len(scored), 'device')}: {', '.join(spans)}"
        + (f"; {moved} of {compared} change rank between the timings." if compared > 1 else "."),
    )


def largest_group(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the rows of the largest peer group of `stats.vips_sensitivity.by_instance`, and its number of devices."""
    counts = frame.groupby("peer_group")["devices"].max()
    group = frame[frame["peer_group"] == counts.idxmax()].reset_index(drop=True) if len(counts) else frame
    return group, 0 if group.empty else int(group["devices"].iloc[0])


@style.styled
def weights(
    frame: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw the weight of each instance: its share of the score over devices, and how ranks change without it.

    Takes the frame of `stats.vips_sensitivity.by_instance` and draws its largest peer group.
    """
    group, devices = largest_group(frame)
    if devices < 2:
        figure, (axes,) = style.panels(1, 1, 6.6, 1.2)
        style.empty(axes, "no data: ranks need two devices with the same instances under the same conditions")
        return style.finish(figure, origin, "Share of each instance in the score: no data.")
    figure, (axes,) = style.panels(1, 1, 7.5, _line() * len(group) + 0.6)
    narrow = style.panel_width(axes) < 5
    y = range(len(group))
    colors = [style.look(names.instance(instance_id).implementation).color for instance_id in group["instance_id"]]
    axes.hlines(y, 100 * group["share_min"], 100 * group["share_max"], color=colors, linewidth=1)
    axes.scatter(100 * group["share_median"], y, color=colors, s=16)
    for position, row in zip(y, group.to_dict("records"), strict=True):
        if narrow:
            text = f"  {row['moved']} (≤ {row['largest_move']})" if row["moved"] else "  0"
        elif row["moved"]:
            text = f"  {row['moved']} of {devices} move, by at most {row['largest_move']}"
        else:
            text = "  no device moves"
        axes.text(100 * row["share_max"], position, text, va="center", fontsize=style.SMALL)
    axes.set_yticks(
        list(y), [names.instance_display(instance_id) for instance_id in group["instance_id"]], fontsize=style.SMALL
    )
    largest = 100 * group["share_max"].max()
    axes.set(xlim=(0, 1.45 * largest), ylim=(len(group) - 0.4, -0.6), xlabel="share of the score (%)")
    axes.grid(axis="y", visible=False)
    explanation = (
        f"numbers: of {devices} devices, those that change rank without it (largest change)"
        if narrow
        else "words: ranks without it"
    )
    style.note(axes, f"point: median over devices; line: lowest to highest; {explanation}")
    first, most = group.iloc[0], group.iloc[int(group["moved"].to_numpy(float).argmax())]
    return style.finish(
        figure,
        origin,
        f"Shares of {len(group)} instances in the score of {devices} devices: largest "
        f"{names.instance_display(first['instance_id'])}, {100 * first['share_median']:.1f}%. Without "
        f"{names.instance_display(most['instance_id'])} {most['moved']} devices change rank.",
    )


@style.styled
def contributions(
    parts: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the contribution of each instance to the score: bars for one device, a heatmap for several.

    Takes the frame of `stats.vips.contributions`. The colour of a bar shows the implementation. The heatmap has a row
    per instance, a column per device and, if there is room, the numbers.
    """
    ids = device_axis.order(parts["device_id"], devices)
    scored = parts.dropna(subset=["vips"])
    if scored.empty:
        figure, (axes,) = style.panels(1, 1, 6.6, 1.5)
        style.empty(axes, "no data: no instance has a score")
        return style.finish(figure, origin, "Contributions to VIPS: no data.")
    figure = _per_instance(scored, len(parts)) if len(ids) == 1 else _heatmap(scored, ids, devices)
    top = scored.nlargest(1, "vips").iloc[0]
    return style.finish(
        figure,
        origin,
        f"Contribution of {scored['instance_id'].nunique()} instances to VIPS on {plural(len(ids), 'device')}. "
        f"Largest: {names.instance_display(top['instance_id'])}, {top['vips']:.4g} images per second "
        f"on {device_axis.names([top['device_id']], devices)[0]}.",
    )


def _per_instance(scored: pd.DataFrame, count: int) -> style.Canvas:
    """Draw a bar per instance of one device that has a score, of `count` instances."""
    figure, (axes,) = style.panels(1, 1, 7.5, _line() * len(scored) + 0.4)
    lines = scored.sort_values("vips", ascending=False).reset_index(drop=True)
    for y, row in enumerate(lines.to_dict("records")):
        vips = row["vips"]
        axes.barh(y, vips, color=style.look(row["implementation"]).color, edgecolor="white")
        formula = f" = {row['accuracy']:.3f} / {1000 * row['time_s']:.3g} ms" if style.panel_width(axes) > 4 else ""
        axes.text(vips, y, f" {vips:.3g}{formula}", va="center", fontsize=style.SMALL)
    axes.set_yticks(range(len(lines)), list(map(names.instance_display, lines["instance_id"])), fontsize=style.SMALL)
    axes.set(
        xlim=(0, max(1.35 * lines["vips"].max(), 1e-9)),
        ylim=(len(lines) - 0.4, -0.6),
        xlabel="accuracy / time (images per second)",
    )
    axes.grid(axis="y", visible=False)
    if len(lines) < count:
        style.note(axes, f"no data: {count - len(lines)} of {count} instances")
    return figure


def _heatmap(scored: pd.DataFrame, ids: list[str], devices: pd.DataFrame | None) -> style.Canvas:
    """Draw a cell per instance and device, darker for larger contributions."""
    implementations = names.in_order(set(scored["implementation"]), names.IMPLEMENTATIONS)
    lines = names.ordered(scored.drop_duplicates("instance_id"), ["implementation", "model", "quantization"])
    table = scored.pivot(index="instance_id", columns="device_id", values="vips")
    table = table.reindex(index=lines["instance_id"], columns=ids).astype(float)
    width = min(device_axis.WIDEST, max(5.5, 2.0 + 0.9 * len(ids)))
    figure, (axes,) = style.panels(1, 1, width, _line() * len(table) + 0.85)
    edges = _edges(table)
    shades = [_shade(style.color(style.PLAIN), part) for part in np.linspace(0.08, 1.0, len(edges) - 1)]
    norm = BoundaryNorm(edges, len(shades))
    grid = np.arange(len(ids) + 1) - 0.5, np.arange(len(table) + 1) - 0.5
    axes.pcolormesh(*grid, table.to_numpy(), cmap=ListedColormap(shades), norm=norm, edgecolors="white", linewidth=0.4)
    for y, x in zip(*np.nonzero(table.isna().to_numpy()), strict=True):
        axes.plot([x], [y], marker="x", color=style.GREY, markersize=3)
    device_axis.set_up_x_axis(axes, ids, devices, LABELS)
    axes.set_xlim(-0.5, len(ids) - 0.5)
    longest = max(len(_cell(value)) for value in table.to_numpy().ravel())
    if style.LETTER * style.SMALL * (longest + 1) <= device_axis.device_inches(
        axes, len(ids), LABELS - device_axis.BESIDE
    ):
        for (y, x), value in np.ndenumerate(table.to_numpy()):
            if not np.isnan(value):
                color = style.ink(to_hex(shades[int(norm(value))]))
                axes.text(x, y, _cell(value), ha="center", va="center", fontsize=style.SMALL, color=color)
    parts = ["implementation", "model", *(["quantization"] if lines["quantization"].nunique() > 1 else [])]
    labels = [", ".join(map(names.display, line)) for line in lines[parts].itertuples(index=False)]
    axes.set_yticks(range(len(table)), labels, fontsize=style.SMALL)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.grid(False)
    for implementation in implementations[1:]:
        axes.axhline(
            int((lines["implementation"] == implementation).to_numpy().argmax()) - 0.5, color="black", linewidth=0.8
        )
    if table.isna().any(axis=None):
        style.note(axes, "x: no data")
    style.note(axes, "contribution to the score, in images per second")
    spans = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    style.legend(figure, {span: Patch(facecolor=color) for span, color in zip(spans, shades, strict=True)})
    return figure


def _shade(color: str, part: float) -> str:
    """Return a colour mixed with white; `part` is that of the colour."""
    red, green, blue = (1 - part * (1 - channel) for channel in to_rgb(color))
    return to_hex((red, green, blue))


def _cell(value: float) -> str:
    """Return a contribution with three digits."""
    return "" if np.isnan(value) else f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def _edges(table: pd.DataFrame) -> list[float]:
    """Return the numbers 1, 2 and 5 times powers of ten that enclose the values, or only powers of ten if too many."""
    values = table.to_numpy()
    positive = values[values > 0]
    if not len(positive):
        return [0.0, 1.0]
    low, high = positive.min(), positive.max()
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    for steps in ((1, 2, 5), (1,)):
        edges = [step * 10.0**exponent for exponent in exponents for step in steps]
        first = max(place for place, edge in enumerate(edges) if edge <= low)
        last = min(place for place, edge in enumerate(edges) if edge > high)
        if last - first <= MOST_SHADES:
            break
    return [*([0.0] if (values == 0).any() else []), *edges[first : last + 1]]
