"""Plots of the versions of each network on one device: ranked by time, and accuracy against time."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from aiot_analysis.plots import log_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

NOT_ON_FRONT = "not on the Pareto front"  # hollow marks of `front`


def reference_name(versions: pd.DataFrame) -> str:
    """Return the version that accuracy is compared with, such as "TFLite CPU float32"; one may differ by network."""
    references = {names.instance(name)[:3] for name in versions["reference"].dropna().unique()}
    if len(references) != 1:
        return "the float32 version of its network"
    [(framework, delegate, quantization)] = references
    return f"{names.display(f'{framework}_{delegate}')} {names.display(quantization)}"


def less_accurate(versions: pd.DataFrame) -> str:
    """Return what hollow marks of `by_time` mean; "" if there are none."""
    if (versions["as_accurate"] == "yes").all():
        return ""
    return f"not shown to be as accurate as {reference_name(versions)}"


def version_names(rows: pd.DataFrame) -> pd.Series:
    """Return the name of each version without its network, such as "TFLite CPU, INT8"."""
    return rows["implementation"].map(names.display) + ", " + rows["quantization"].map(names.display)


def models(rows: pd.DataFrame) -> list[str]:
    """Return the networks of the rows, the paper's first."""
    return names.in_order(set(rows["model"]), names.MODELS)


def looks(implementations: Iterable[str]) -> dict[str, style.Look]:
    """Return the look of each implementation in the order of `names`: those of the paper look as in its figures."""
    present = names.in_order(set(implementations), names.IMPLEMENTATIONS)
    of_paper = {name: style.look(name) for name in present if name in names.IMPLEMENTATIONS}
    free = [look for look in style.palette() if look not in of_paper.values()]
    others = dict(zip([name for name in present if name not in of_paper], cycle(free), strict=False))
    return {name: (of_paper | others)[name] for name in present}


def network_looks(networks: Iterable[str]) -> dict[str, style.Look]:
    """Return the look of each network: those of the paper look as in its figures, and others have other markers."""
    shift = len(names.MODELS) // 2
    others = [
        look._replace(marker=style.MARKERS[(place + shift) % len(style.MARKERS)])
        for place, look in enumerate(style.palette())
    ]
    free = cycle(others)
    return {name: style.look(name) if name in names.MODELS else next(free) for name in networks}


def may_be_fastest(rows: pd.DataFrame) -> pd.Series:
    """Return which versions are as accurate as float32 and cannot be distinguished from the fastest of these."""
    first = rows["rank_low"].fillna(rows["rank"]).eq(1).fillna(False).astype(bool)
    return first & (rows["as_accurate"] == "yes")


def labels(rows: pd.DataFrame) -> pd.Series:
    """Return a word for the versions that are or may be the fastest of their network, and the tie groups of all."""
    first = may_be_fastest(rows)
    alone = first & (first.groupby(rows["model"]).transform("sum") == 1)
    word = first.map({True: "may be the fastest", False: ""}).mask(alone, "fastest")
    ties = rows["tie_group"].astype("object").fillna("")
    return (word + (" (" + ties + ")").where(ties != "", "")).where(word != "", ties)


@style.styled
def by_time(
    versions: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw the mean time of each version with its interval, fastest first, one panel per network.

    Takes the frame of `stats.runtimes.versions` of one device. Versions that are as accurate as their reference are
    filled and have the letters of their tie groups; the others are hollow. A ring marks those that are or may be the
    fastest.
    """
    rows = versions.dropna(subset="mean_ms")
    present = models(rows)
    most = int(rows.groupby("model")["instance_id"].size().max()) if len(rows) else 1
    figure, axes = style.panels(max(1, len(present)), 2, 5.5, 0.17 * most + 0.9)
    if rows.empty:
        style.empty(axes[0], "no data: no version was timed")
        return style.finish(figure, origin, "Versions of each network by time: no data.")
    fastest, look_of = [], looks(rows["implementation"])
    for panel, model in zip(axes, present, strict=True):
        part = rows[rows["model"] == model].sort_values("mean_ms").reset_index(drop=True)
        part = part.assign(label=labels(part))
        first = part[may_be_fastest(part)]
        panel.plot(
            first["mean_ms"], first.index, "o", color=style.INK, mfc="none", markersize=9, markeredgewidth=1.1,
            linestyle="none",
        )  # fmt: skip
        panel.set_title(names.display(model))
        for place, row in enumerate(part.to_dict("records")):
            look = look_of[row["implementation"]]
            accurate = row["as_accurate"] == "yes"
            panel.plot([row["mean_ms_low"], row["mean_ms_high"]], [place, place], color=look.color, linewidth=1)
            panel.plot(
                row["mean_ms"], place, look.marker, color=look.color, mfc=look.color if accurate else "white",
                markersize=4.5, linestyle="none",
            )  # fmt: skip
            end = max(row["mean_ms"], row["mean_ms_high"] if row["mean_ms_high"] == row["mean_ms_high"] else 0)
            panel.annotate(
                row["label"], (end, place), xytext=(6, 0), textcoords="offset points", va="center",
                fontsize=style.SMALL,
            )  # fmt: skip
        panel.set_yticks(range(len(part)), version_names(part), fontsize=style.SMALL)
        panel.set(ylim=(most - 0.4, -0.6), xlabel="mean time per image (ms)", xscale="log")
        panel.margins(x=0.12)
        panel.grid(axis="y", visible=False)
        log_axis.plain_log(panel.xaxis)
        if len(first := part[part["as_accurate"] == "yes"].head(1)):
            ms = style.written(first["mean_ms"].iloc[0])
            fastest.append(f"{names.display(model)} {version_names(first).iloc[0]} {ms} ms")
    handles = {names.display(name): style.legend_mark(look) for name, look in look_of.items()}
    if hollow := less_accurate(rows):
        handles[f"hollow: {hollow}"] = style.hollow_mark()
    style.legend(figure, handles)
    alt = f"Mean time of {plural(len(rows), 'version')} of {plural(len(present), 'network')}. "
    alt += f"Fastest of those as accurate as {reference_name(rows)}: {'; '.join(fastest) or 'none'}."
    return style.finish(figure, origin, alt)


@style.styled
def front(
    versions: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw the accuracy of each version over its mean time, and the Pareto front over all networks.

    Takes the frame of `stats.runtimes.versions` of one device. Points on the front are filled.
    """
    rows = versions.dropna(subset=["mean_ms", "accuracy"]).sort_values("mean_ms")
    figure, (axes,) = style.panels(1, 1, 7.5, 4.0)
    if rows.empty:
        style.empty(axes, "no data: no version was timed")
        return style.finish(figure, origin, "Accuracy against time: no data.")
    look_of = network_looks(models(rows))
    is_front = rows["pareto"].eq(True).fillna(False).astype(bool)
    for model, look in look_of.items():
        for filled in (False, True):
            part = rows[(rows["model"] == model) & (is_front == filled)]
            axes.scatter(
                part["mean_ms"], 100 * part["accuracy"], marker=look.marker, s=30, linewidths=0.9, zorder=3,
                edgecolors=look.color, facecolors=look.color if filled else "white",
            )  # fmt: skip
    best = rows[is_front]
    axes.step(best["mean_ms"], 100 * best["accuracy"], where="post", color=style.GREY, linewidth=0.8, zorder=1)
    axes.set(xscale="log", xlabel="mean time per image (ms)", ylabel="accuracy (%)")
    log_axis.plain_log(axes.xaxis)
    handles = {names.display(name): style.legend_mark(look) for name, look in look_of.items()}
    handles[f"hollow: {NOT_ON_FRONT}"] = style.hollow_mark()
    style.legend(figure, handles)
    listed = "; ".join(
        f"{names.instance_display(row['instance_id'])} {style.written(row['mean_ms'])} ms {100 * row['accuracy']:.1f}"
        for row in best.to_dict("records")
    )
    return style.finish(figure, origin, f"Pareto front of accuracy (in percent) against time: {listed or 'none'}.")
