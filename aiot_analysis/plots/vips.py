"""Plots of the AI score: the ranking and its components (Remark 6, Table IV)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MOST = 120  # maximum number of devices in a ranking; a figure with a thousand bars would be 4 m high
LONG = 10_000  # scores from here on are written with a separator of thousands, not as a power of ten


def _written(score: float) -> str:
    """Return a score as text with four digits, or without decimals if it has more."""
    return f"{score:,.0f}" if score >= LONG else f"{score:.4g}"


def _written_span(scores: pd.Series) -> str:
    """Return the range of scores as text."""
    return " to ".join(dict.fromkeys(map(_written, (scores.min(), scores.max()))))


@style.styled
def ranking(
    scores: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    score: str = "VIPS",
    interval: str = "95 % interval",
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw a bar per device with its rank within its peer group, its tie groups, and its interval if the frame has one.

    Takes the frame of `stats.vips.scores` or `intervals`. `score` is the name of the sum; only the sum over the paper's
    24 float32 instances is called VIPS. `interval` describes the whiskers (see `stats.variance.describe_noise`).
    Devices that lack instances are hatched and grouped with those that have the same instances: their sum has fewer
    terms, so they cannot be ranked with the others.
    """
    all_scores, scores = scores, scores.head(MOST).reset_index(drop=True)
    figure, (axes,) = style.panels(1, 1, 6.6, max(1.2, 0.17 * len(scores) + 0.5 * (len(scores) < 20)))
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
        axes.errorbar(scores["vips"], y, xerr=errors, fmt="none", ecolor="black", elinewidth=0.7, capsize=1.5)
        ends = scores[["vips", "vips_high"]].max(axis=1)
    ties = scores["tie_group"] if "tie_group" in scores else pd.Series("", scores.index)
    for position, end, row, score_of_device, letters in zip(
        y, ends.fillna(0), scores.itertuples(), scores["vips"], ties, strict=True
    ):
        peers = "" if row.complete else f" ({row.instances} of {total} instances)"
        text = f"  {_written(score_of_device)}{peers}   {letters}".rstrip() if row.instances else " no data"
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
    axes.grid(axis="y", visible=False)
    if whiskers:
        style.note(axes, f"whiskers: {interval}")
    if (ties != "").any():
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
    figure, (axes,) = style.panels(1, 1, 6.6, max(1.4, 0.17 * len(scored) + 0.5))
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


@style.styled
def weights(
    frame: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw the weight of each instance: its share of the score over devices, and how ranks change without it.

    Takes the frame of `stats.vips_sensitivity.by_instance` and draws its largest peer group.
    """
    counts = frame.groupby("peer_group")["devices"].max()
    group = frame[frame["peer_group"] == counts.idxmax()].reset_index(drop=True) if len(counts) else frame
    devices = 0 if group.empty else int(group["devices"].iloc[0])
    if devices < 2:
        figure, (axes,) = style.panels(1, 1, 6.6, 1.2)
        style.empty(axes, "no data: ranks need two devices with the same instances under the same conditions")
        return style.finish(figure, origin, "Share of each instance in the score: no data.")
    figure, (axes,) = style.panels(1, 1, 7.2, 0.17 * len(group) + 0.6)
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
        f"{names.instance_display(first['instance_id'])}, {100 * first['share_median']:.1f} %. Without "
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
    """Draw the contribution of each instance to the score: a bar per instance for one device, stacked bars for several.

    Takes the frame of `stats.vips.contributions`. The colour shows the implementation, the hatch the model.
    """
    ids = device_axis.order(parts["device_id"], devices)
    scored = parts.dropna(subset=["vips"])
    if scored.empty:
        figure, (axes,) = style.panels(1, 1, 6.6, 1.5)
        style.empty(axes, "no data: no instance has a score")
        return style.finish(figure, origin, "Contributions to VIPS: no data.")
    figure = _per_instance(parts) if len(ids) == 1 else _stacked(scored, ids, devices)
    top = scored.nlargest(1, "vips").iloc[0]
    return style.finish(
        figure,
        origin,
        f"Contribution of {scored['instance_id'].nunique()} instances to VIPS on {plural(len(ids), 'device')}. "
        f"Largest: {names.instance_display(top['instance_id'])}, {top['vips']:.4g} images per second "
        f"on {device_axis.names([top['device_id']], devices)[0]}.",
    )


def _per_instance(parts: pd.DataFrame) -> style.Canvas:
    figure, (axes,) = style.panels(1, 1, 6.6, 0.16 * len(parts) + 0.6)
    parts = parts.sort_values("vips", ascending=False, na_position="last").reset_index(drop=True)
    for y, row in enumerate(parts.to_dict("records")):
        vips = row["vips"]
        if pd.isna(vips):
            axes.text(0, y, " no data", va="center", fontsize=style.SMALL, color=style.GREY)
            continue
        axes.barh(y, vips, color=style.look(row["implementation"]).color, edgecolor="white")
        formula = f" = {row['accuracy']:.3f} / {1000 * row['time_s']:.3g} ms" if style.panel_width(axes) > 4 else ""
        text = f" {vips:.3g}{formula}"
        axes.text(vips, y, text, va="center", fontsize=style.SMALL)
    axes.set_yticks(
        range(len(parts)),
        [names.instance_display(instance_id) for instance_id in parts["instance_id"]],
        fontsize=style.SMALL,
    )
    axes.set(
        xlim=(0, 1.35 * parts["vips"].max()),
        ylim=(len(parts) - 0.4, -0.6),
        xlabel="accuracy / time (images per second)",
    )
    axes.grid(axis="y", visible=False)
    return figure


def _stacked(parts_of_scores: pd.DataFrame, ids: list[str], devices: pd.DataFrame | None) -> style.Canvas:
    figure, (axes,) = style.panels(1, 1, 7.5 if len(ids) <= 20 else 11.0, 3.6)
    implementations = names.in_order(set(parts_of_scores["implementation"]), names.IMPLEMENTATIONS)
    models = names.in_order(set(parts_of_scores["model"]), names.MODELS)
    table = parts_of_scores.pivot(index="device_id", columns="instance_id", values="vips").reindex(ids).fillna(0.0)
    order = parts_of_scores.drop_duplicates("instance_id").set_index("instance_id")[["implementation", "model"]]
    bottom = pd.Series(0.0, index=ids)
    x_left, x_right = [position - 0.4 for position in range(len(ids))], [position + 0.4 for position in range(len(ids))]
    for implementation in implementations:
        for model in models:
            instance_ids = order[(order["implementation"] == implementation) & (order["model"] == model)].index
            for name in instance_ids:
                color, hatch = style.look(implementation).color, style.look(model).hatch
                x = range(len(ids))
                axes.bar(x, table[name], bottom=bottom, color=color, hatch=hatch, edgecolor="white", linewidth=0.3)
                bottom += table[name]
        # two of the colours look alike in greyscale, so each block ends in a line and a note gives the order
        axes.hlines(bottom, x_left, x_right, color="black", linewidth=1.0)
    axes.set_ylabel("VIPS (images per second)")
    device_axis.set_up_x_axis(axes, ids, devices)
    style.note(axes, f"blocks from below: {style.join_words(map(names.display, implementations))}")
    handles = {names.display(name): Patch(facecolor=style.look(name).color) for name in implementations}
    for model in models:
        handles[names.display(model)] = Patch(facecolor="white", edgecolor="black", hatch=style.look(model).hatch)
    style.legend(figure, handles)
    return figure
