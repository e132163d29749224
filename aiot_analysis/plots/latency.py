"""Plots of the time per image by instance: its distribution, its phases, and its stability along the run."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, log_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import ALPHA, listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


def order_instances(instances: Iterable[str]) -> list[str]:
    """Return the paper's instances in its order, then any others by name."""
    return names.in_order(set(instances), [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED])


def instance_panels(ids: list[str], lines: list[str]) -> tuple[style.Canvas, list[Axes]]:
    """Return a figure with one panel per device."""
    return style.panels(len(ids), 2, 7.0 if len(ids) == 1 else 5.5, 0.17 * len(lines) + 0.9)


def set_up_instance_axis(axes: Axes, lines: list[str], label: str) -> None:
    """Set up the y axis with the instances at 0, 1, ... from the top, and `label` on the x axis.

    Faint lines separate models.
    """
    models = [names.instance(instance_id).model for instance_id in lines]
    for number, (above, below) in enumerate(pairwise(models), 1):
        if above != below:
            axes.axhline(number - 0.5, color=style.RULE, linewidth=0.5, zorder=0)
    axes.set_yticks(
        range(len(lines)), [names.instance_display(instance_id) for instance_id in lines], fontsize=style.SMALL
    )
    axes.set(ylim=(len(lines) - 0.4, -0.6), xlabel=label)
    axes.grid(axis="y", visible=False)


def instance_heights(instances: pd.Series, lines: list[str]) -> pd.Series:
    """Return the y position of the instance of each row."""
    return instances.map({instance_id: position for position, instance_id in enumerate(lines)}).astype(float)


def networks_and_versions(instances: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the networks of instances, the paper's first, and the names of their versions in the paper's order."""
    ordered = order_instances(instances)
    networks = names.in_order({names.instance(instance_id).model for instance_id in ordered}, names.MODELS)
    return networks, list(dict.fromkeys(map(version_name, ordered)))


def version_name(instance_id: str) -> str:
    """Return the name of an instance without its network, such as "TFLite CPU, INT8"."""
    parts = names.instance(instance_id)
    return f"{names.display(parts.implementation)}, {names.display(parts.quantization)}"


def network_panels(frame: pd.DataFrame, label: str) -> tuple[style.Canvas, list[tuple[Axes, pd.DataFrame, pd.Series]]]:
    """Return a figure with a panel per network, and for each its axes, its rows and their positions on the y axis.

    All panels have the same lines, one per version, and names of these on their left.
    """
    networks, versions = networks_and_versions(frame["instance_id"])
    figure, axes = style.panels(len(networks), 3, 3.7, 0.17 * len(versions) + 0.9)
    model = frame["instance_id"].map(lambda instance_id: names.instance(instance_id).model)
    height = frame["instance_id"].map(version_name).map({name: place for place, name in enumerate(versions)})
    drawn = []
    for panel, network in zip(axes, networks, strict=True):
        spec = panel.get_subplotspec()
        at_left = len(axes) == 1 or spec is None or spec.colspan.start == 0
        panel.set_yticks(range(len(versions)), versions if at_left else [""] * len(versions), fontsize=style.SMALL)
        room = max(style.panel_width(panel) - 0.7, 1.0)
        panel.set(ylim=(len(versions) - 0.4, -0.6), xlabel=style.wrap_text(label, style.letters_per_line(room)))
        panel.set_title(names.display(network))
        panel.grid(axis="y", visible=False)
        for place in sorted(set(range(len(versions))) - set(height[model == network])):
            mark_missing(panel, place)
        drawn.append((panel, frame[model == network], height[model == network].astype(float)))
    return figure, drawn


def overall(frame: pd.DataFrame, column: str) -> str:
    """Return the median of all rows as text, for legends."""
    return f"median of all: {frame[column].median():.3g}"


def _draw_devices(
    frame: pd.DataFrame,
    column: str,
    label: str,
    devices: pd.DataFrame | None,
    *,
    log: bool = False,
    reference: float | None = None,
) -> style.Canvas:
    """Draw a value of each instance on each device as a point, and the median over devices as a tick.

    The largest value has the name of its device. A line is at the median of all, unless the axis is logarithmic.
    """
    frame = frame.dropna(subset=column).reset_index(drop=True)
    figure, drawn = network_panels(frame, label)
    place_of_largest = int(frame[column].to_numpy(float).argmax())
    largest = frame.iloc[place_of_largest]
    marks = {"a device": _mark(style.color(style.PLAIN), "o"), "median over devices": _mark(style.INK, "|", 7)}
    values = [*frame[column].astype(float), *([] if reference is None else [reference])]
    ends = min(values), max(values)
    room = 0.03 * (ends[1] - ends[0]) or 0.01
    for panel, rows, heights in drawn:
        panel.scatter(rows[column], heights, s=8, alpha=0.35, color=style.color(style.PLAIN))
        middle = rows[column].groupby(heights).median()
        panel.scatter(middle, middle.index, marker="|", s=55, color=style.INK, linewidths=1.2, zorder=3)
        if reference is not None:
            panel.axvline(reference, color=style.GREY, linewidth=0.8, linestyle="--", zorder=0)
        if log:
            panel.set(xscale="log", xlim=(ends[0] / 1.1, ends[1] * 1.1))
            log_axis.plain_log(panel.xaxis)
        else:
            panel.axvline(frame[column].median(), color=style.color(style.NOTABLE), linewidth=0.9, zorder=1)
            panel.set_xlim(ends[0] - room, ends[1] + room)
        if place_of_largest in rows.index:
            name = device_axis.names([largest["device_id"]], devices)[0]
            panel.annotate(
                name,
                (largest[column], heights[place_of_largest]),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=style.SMALL,
            )
    if not log:
        marks[overall(frame, column)] = Line2D([], [], color=style.color(style.NOTABLE), linewidth=0.9)
    style.legend(figure, marks)
    return figure


def mark_missing(axes: Axes, height: float, text: str = "no data") -> None:
    """Write "no data" in the row of an instance."""
    transform = axes.get_yaxis_transform()
    axes.text(0.01, height, text, transform=transform, va="center", fontsize=style.SMALL, color=style.GREY)


def empty_figure(origin: str, subject: str, why: str = "there are no image records") -> Figure:
    """Return a figure that says why there is nothing to draw."""
    figure, (axes,) = style.panels(1, 1, 5.0, 1.5)
    style.empty(axes, f"no data: {why}")
    return style.finish(figure, origin, f"{subject}: no data.")


@style.styled
def distribution(
    summary: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    what: str = "end-to-end time",
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw a box per instance and device: quartiles, with whiskers from the shortest to the 99th percentile.

    Takes the frame of `stats.latency.summary`. A cross marks the first image, a point the longest time. More than six
    devices have a panel per network with a point per device at its median, and a tick at the median over devices; the
    frame then needs no other column of times.
    """
    ids = device_axis.order(summary["device_id"], devices)
    lines = order_instances(summary["instance_id"])
    alt = f"Time per image of {plural(len(lines), 'instance')} on {plural(len(ids), 'device')}"
    if not lines:
        return empty_figure(origin, alt)
    medians = style.span(summary["median_ms"], "{:.3g}")
    tails = f", 99th percentiles up to {style.written(summary['p99_ms'].max())} ms" if "p99_ms" in summary else ""
    alt += f"; medians {medians} ms{tails}."
    if len(ids) > device_axis.FEW:
        figure = _draw_devices(summary, "median_ms", f"median {what} of each device (ms)", devices, log=True)
        return style.finish(figure, origin, alt)
    figure, axes = instance_panels(ids, lines)
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        panel.set_title(name)
        times = summary[summary["device_id"] == device].set_index("instance_id").reindex(lines)
        _boxes(panel, times)
        set_up_instance_axis(panel, lines, f"{what} per image (ms)")
        panel.set_xscale("log")
        log_axis.plain_log(panel.xaxis)
    marks = {
        "median and quartiles": Patch(facecolor=style.light(style.color(style.PLAIN)), edgecolor=style.INK),
        "shortest to 99th percentile": Line2D([], [], color=style.INK, linewidth=0.8),
        "longest": Line2D([], [], color=style.INK, marker=".", linestyle="none"),
        "first image": Line2D([], [], color=style.color(style.NOTABLE), marker="x", linestyle="none"),
    }
    style.legend(figure, marks)
    return style.finish(figure, origin, alt)


def _boxes(panel: Axes, rows: pd.DataFrame) -> None:
    """Draw a box for each row with data, at its position from the top.

    All boxes share a few artists, since there may be hundreds.
    """
    for y in np.flatnonzero(rows["median_ms"].isna()):
        mark_missing(panel, float(y))
    heights = np.flatnonzero(rows["median_ms"].notna())
    box = rows.dropna(subset=["median_ms"])
    if box.empty:
        return  # a logarithmic axis without data has no ticks to draw
    whiskers = [box["min_ms"], box["p99_ms"]]
    edges: dict[str, Any] = {"colors": style.INK, "linewidths": 0.8}
    for quartile, end in zip((box["p25_ms"], box["p75_ms"]), whiskers, strict=True):
        panel.hlines(heights, quartile, end, **edges)
        panel.vlines(end, heights - 0.15, heights + 0.15, **edges)
    width = box["p75_ms"] - box["p25_ms"]
    panel.barh(
        heights,
        width,
        0.6,
        box["p25_ms"],
        color=style.light(style.color(style.PLAIN)),
        edgecolor=style.INK,
        linewidth=0.7,
    )
    panel.vlines(
        box["median_ms"], heights - 0.3, heights + 0.3, colors=style.color(style.PLAIN), linewidths=1.4, zorder=3
    )
    panel.plot(box["max_ms"], heights, ".", color=style.INK, markersize=3)
    panel.plot(box["first_ms"], heights, "x", color=style.color(style.NOTABLE), markersize=4)


@style.styled
def phases(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw stacked bars of the mean time of decode, preprocess, inference and post-process of each instance.

    Takes the frame of `stats.latency.phases`. More than six devices have a panel per network, with a point per device
    and phase.
    """
    frame = frame.dropna(subset=["mean_ms"])
    ids = device_axis.order(frame["device_id"], devices)
    lines = order_instances(frame["instance_id"])
    title = f"Mean time per phase of {plural(len(lines), 'instance')} on {plural(len(ids), 'device')}"
    if not lines:
        return empty_figure(origin, title, "no image was timed step by step")
    present = [phase for phase in names.PHASE_NAMES if phase in set(frame["phase"])]
    ranges = [
        f"{names.display(phase_name)} {style.span(frame[frame['phase'] == phase_name]['mean_ms'], '{:.3g}')} ms"
        for phase_name in present
    ]
    if len(ids) > device_axis.FEW:
        figure, drawn = network_panels(frame.reset_index(drop=True), "mean time per image and phase (ms)")
        for panel, rows, heights in drawn:
            for phase in present:
                look, of_phase = style.look(phase), rows["phase"] == phase
                panel.scatter(
                    rows["mean_ms"][of_phase], heights[of_phase], s=8, alpha=0.5, color=look.color, marker=look.marker
                )
            panel.set(xscale="log", xlim=(frame["mean_ms"].min() / 1.2, frame["mean_ms"].max() * 1.2))
            log_axis.plain_log(panel.xaxis)
        markers = {names.display(phase_name): style.legend_mark(style.look(phase_name)) for phase_name in present}
        style.legend(figure, markers)
        return style.finish(figure, origin, f"{title}: {', '.join(ranges)}.")
    figure, axes = instance_panels(ids, lines)
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        panel.set_title(name)
        times = frame[frame["device_id"] == device].pivot(index="instance_id", columns="phase", values="mean_ms")
        times = times.reindex(index=lines, columns=present)
        left = pd.Series(0.0, index=lines)
        for phase in present:
            look = style.look(phase)
            widths = times[phase].fillna(0.0)
            panel.barh(range(len(lines)), widths, left=left, color=look.color, hatch=look.hatch, edgecolor=style.GROUND)
            left += widths
        for y, total in enumerate(left):
            panel.text(
                total,
                y,
                f" {style.written(total)}" if total else " no data",
                va="center",
                fontsize=style.SMALL,
                color=style.GREY,
            )
        set_up_instance_axis(panel, lines, "mean time per image (ms)")
        panel.set_xlim(0, 1.12 * left.max())
    patches = {
        names.display(phase_name): Patch(
            facecolor=style.look(phase_name).color, hatch=style.look(phase_name).hatch, edgecolor=style.GROUND
        )
        for phase_name in present
    }
    style.legend(figure, patches)
    return style.finish(figure, origin, f"{title}: {', '.join(ranges)}.")


TAILS = {"p90_ms": (style.THIRD, "^"), "p99_ms": (style.NOTABLE, "s")}
TAIL_NAMES = {"p90_ms": "90th percentile", "p99_ms": "99th percentile"}
FIRST_IMAGE = "first image, with its number of medians"
FIRST_AT, NUMBER_AT, TAILS_END = 1.12, 1.16, 1.5
"""Positions on the axis of tails, 0 at the median and 1 at the longest tail: first images beyond it, and the end."""
LEVELS = (0.0, 0.8, 0.9, 0.95, 0.97)  # levels of the stability score; the last one is 3DMark's pass mark
SHADES = ("#7f2704", "#d94801", "#fd8d3c", "#fdd0a2")
CALM = {"no less stable than chance": "#e9e9e9", "stable": "#9ecae1", "cannot be decided": "#969696"}
NOT_RUN = "not run"
LIMIT = f"limit {LEVELS[-1]:g}"


def tail_place(frame: pd.DataFrame, part: float) -> float:
    """Return a position on the axis of `tails`, as a multiple of the median."""
    return 1 + part * max(float(frame["tail"].max()) - 1, 0.01)


def medians_text(ratio: float) -> str:
    """Return a multiple of the median as text."""
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:,.0f}×"


@style.styled
def tails(
    summary: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    what: str = "end-to-end time",
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the range from the median to the 99th percentile of each instance, as multiples of the median.

    Takes the frame of `stats.latency.summary`. A cross marks the first image, at the end of the axis if it took longer
    than all tails. More than six devices have a panel per network, with a point per device at its 99th percentile.
    """
    frame = summary.dropna(subset="median_ms")
    ids, lines = device_axis.order(frame["device_id"], devices), order_instances(frame["instance_id"])
    alt = f"Median and tail of the time per image of {_device_counts(lines, ids)}"
    if not lines:
        return empty_figure(origin, alt)
    alt += f": the 99th percentile is {style.span(frame['tail'].dropna(), '{:.2f}')} times the median."
    if len(ids) > device_axis.FEW:
        figure = _draw_devices(frame, "tail", f"99th percentile over median of the {what}, of each device", devices)
        return style.finish(figure, origin, alt)
    figure, axes = instance_panels(ids, lines)
    far, numbers, end = (tail_place(frame, part) for part in (FIRST_AT, NUMBER_AT, TAILS_END))
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        device_rows = frame[frame["device_id"] == device]
        heights = instance_heights(device_rows["instance_id"], lines)
        median = device_rows["median_ms"]
        panel.axvline(1, color=style.color(style.PLAIN), linewidth=1.2)
        panel.hlines(heights, 1, device_rows["tail"], color=style.GREY, linewidth=1.2)
        for column, (place, marker) in TAILS.items():
            panel.plot(device_rows[column] / median, heights, marker, color=style.color(place), markersize=3.5)
        first = device_rows["first_ms"] / median
        panel.plot(first.clip(upper=far), heights, "x", color=style.INK, markersize=4)
        for height, ratio in zip(heights, first, strict=True):
            if ratio > far:
                panel.text(numbers, height, medians_text(ratio), va="center", fontsize=style.SMALL)
        _mark_gaps(panel, lines, device_rows)
        set_up_instance_axis(panel, lines, f"{what} over its median")
        panel.set_title(name)
        panel.set_xlim(1 - 0.03 * (end - 1), end)
        panel.set_xticks([tick for tick in panel.get_xticks() if 1 <= tick < far])
    marks = {
        TAIL_NAMES[column_name]: _mark(style.color(place), marker) for column_name, (place, marker) in TAILS.items()
    }
    median_line = {"median": Line2D([], [], color=style.color(style.PLAIN), linewidth=1.2)}
    style.legend(figure, median_line | marks | {FIRST_IMAGE: _mark(style.INK, "x")})
    return style.finish(figure, origin, alt)


@style.styled
def along_run(
    times: pd.DataFrame,
    chosen: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    tested: int = 1,
    level: float = ALPHA,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the latency over the run of the chosen instances, one panel each, with any change in level.

    Takes the frames of `stats.drift.times_along_run` and `stats.drift.most_moved`, and in `tested` the number of
    instances that were tested. A change is drawn if its change_p_adjusted is below `level`. Images that took much
    longer than the others are drawn as triangles at the top of a panel.
    """
    title = "Time per image over the run"
    if chosen.empty:
        reason = "no instance became slower or faster over its run by the rule above"
        reason = reason if tested else "no data: no run is long enough to be tested"
        figure, panels = style.panels(1, 1, 6.0, 1.5)
        style.empty(panels[0], reason)
        return style.finish(figure, origin, f"{title}: {reason}.")
    figure, panels = style.panels(len(chosen), 3, 3.6, 2.1)
    display_names = device_axis.names(device_axis.order(chosen["device_id"], devices), devices)
    name_of_device = dict(zip(device_axis.order(chosen["device_id"], devices), display_names, strict=True))
    descriptions = []
    for panel, row in zip(panels, chosen.to_dict("records"), strict=True):
        of_run = (times["run_id"] == row["run_id"]) & (times["device_id"] == row["device_id"])
        drawn = times[of_run & (times["instance_id"] == row["instance_id"])]
        images, loops = drawn[drawn["kind"] == "image"], drawn[drawn["kind"] == "loop"]
        top = 1.35 * loops["ms"].max()
        high = images["ms"] > top
        panel.plot(images["query"][~high], images["ms"][~high], ".", color="#9db3c1", markersize=2)
        panel.plot(images["query"][high], [top] * int(high.sum()), "^", color=style.GREY, markersize=3)
        panel.plot(loops["query"], loops["ms"], color=style.color(style.PLAIN), linewidth=1.2)
        if row["change_p_adjusted"] < level:
            panel.axvline(row["change_at"], color=style.color(style.NOTABLE), linestyle="--", linewidth=1)
            ends = images["query"].min(), row["change_at"], images["query"].max()
            panel.hlines(
                [row["before_ms"], row["after_ms"]], ends[:2], ends[1:], color=style.color(style.NOTABLE), linewidth=1.4
            )
        panel.set_ylim(min(images["ms"].min(), loops["ms"].min()) * 0.97, top * 1.02)
        instance = names.instance_display(row["instance_id"])
        letters = style.letters_per_line(style.panel_width(panel) - 0.6, style.SMALL * style.BOLD)
        panel.set_title(
            style.wrap_text(f"{name_of_device[row['device_id']]}: {instance}", letters), fontsize=style.SMALL
        )
        panel.set_xlabel("image of the run")
        panel.set_ylabel("time (ms)")
        descriptions.append(
            f"{instance} on {name_of_device[row['device_id']]} {row['finding']}, {_change_text(row, level)}"
        )
    marks = {
        "image": _mark("#9db3c1", "."),
        "longer than shown": _mark(style.GREY, "^"),
        "median of a part": Line2D([], [], color=style.color(style.PLAIN), linewidth=1.2),
        "change in level": Line2D([], [], color=style.color(style.NOTABLE), linestyle="--", linewidth=1),
    }
    style.legend(figure, marks)
    return style.finish(figure, origin, f"{title} of {plural(len(chosen), 'instance')}: {'; '.join(descriptions[:6])}.")


def _change_text(row: Mapping[Any, Any], level: float) -> str:
    if row["change_p_adjusted"] < level:
        return f"{row['change']:+.0%} from image {row['change_at']:.0f} on"
    return f"{row['drift']:+.0%} from start to end"


@style.styled
def stability_scores(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the stability score of each instance: the fastest part of its run over the slowest, 1 being steady.

    Takes the frame of `tables.along.scores`. A tick marks the score of the same times in random order. More than
    six devices are drawn as a grid of instances by devices, shaded where an instance is unstable.
    """
    ids, lines = device_axis.order(frame["device_id"], devices), order_instances(frame["instance_id"])
    scored = frame.dropna(subset="stability")
    alt = f"Stability of {_device_counts(lines, ids)}"
    if scored.empty:
        return empty_figure(origin, alt, "no run is long enough for a score")
    counts = scored["steadiness"].value_counts()
    alt += f": {style.span(scored['stability'], '{:.3f}')}; " + listed(
        f"{count} {steadiness}" for steadiness, count in counts.items()
    )
    gaps = len(frame) - len(scored)
    alt += f"; {gaps} without a score." if gaps else "."
    if len(ids) > device_axis.FEW:
        return style.finish(_stability_grid(frame, ids, lines, devices), origin, alt)
    figure, axes = instance_panels(ids, lines)
    looks = {name: look for name, look in steadiness_looks().items() if name in set(scored["steadiness"])}
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        device_rows = scored[scored["device_id"] == device]
        heights = instance_heights(device_rows["instance_id"], lines)
        panel.axvline(LEVELS[-1], color=style.INK, linewidth=0.8, linestyle="--")
        panel.plot(device_rows["chance"], heights, "|", color=style.GREY, markersize=7)
        for steadiness, look in looks.items():
            selected = device_rows["steadiness"] == steadiness
            panel.plot(
                device_rows["stability"][selected], heights[selected], look.marker, color=look.color, markersize=4
            )
        _mark_gaps(panel, lines, device_rows, "no score: too few images")
        set_up_instance_axis(panel, lines, "stability: fastest part of the run over the slowest")
        panel.set_title(name)
    marks: dict[str, Any] = {name: _mark(look.color, look.marker) for name, look in looks.items()}
    marks["the same times in random order"] = _mark(style.GREY, "|", 7)
    marks[LIMIT] = Line2D([], [], color=style.INK, linewidth=0.8, linestyle="--")
    style.legend(figure, marks)
    return style.finish(figure, origin, alt)


def steadiness_looks() -> dict[str, style.Look]:
    """Return the look of the score of an instance of a few devices, by its steadiness."""
    looks = {"unstable": (style.NOTABLE, "s"), "stable": (style.PLAIN, "o")}
    looks |= {"no less stable than chance": (style.THIRD, "^"), "cannot be decided": (style.FOURTH, "D")}
    return {name: style.Look(style.color(place), marker, "") for name, (place, marker) in looks.items()}


def stability_shades() -> dict[str, str]:
    """Return the colour of each group of `stability_groups`, the least stable one first, and of cells without a row."""
    pairs = zip(LEVELS, LEVELS[1:], SHADES, strict=False)
    return {f"unstable, {low:g} to {high:g}": color for low, high, color in pairs} | CALM | {NOT_RUN: style.GROUND}


def stability_groups(frame: pd.DataFrame) -> pd.Series:
    """Return the group of each row of `tables.along.scores`, missing without a score.

    Only unstable instances are grouped by score, since the other scores differ by chance.
    """
    unstable = list(stability_shades())[: len(SHADES)]
    level = pd.cut(frame["stability"], list(LEVELS), labels=unstable).astype(object)
    calm = frame["steadiness"].where(frame["steadiness"].isin(list(CALM)))
    return level.where(frame["steadiness"] == "unstable", calm)


def _stability_grid(
    frame: pd.DataFrame, ids: list[str], lines: list[str], devices: pd.DataFrame | None
) -> style.Canvas:
    """Draw the grid of instances by devices, shaded by `stability_groups`."""
    shades = stability_shades()
    numbers = stability_groups(frame).map({name: place for place, name in enumerate(shades)})
    table = frame.assign(number=numbers).pivot(index="instance_id", columns="device_id", values="number")
    cells = table.reindex(index=lines, columns=ids).to_numpy(float)
    figure, (axes,) = style.panels(1, 1, min(max(7.0, 2.2 + 0.14 * len(ids)), 11.0), 0.15 * len(lines) + 0.8)
    colors = list(shades.values())
    axes.imshow(cells, cmap=ListedColormap(colors), vmin=-0.5, vmax=len(colors) - 0.5, aspect="auto")
    set_up_instance_axis(axes, lines, "")
    device_axis.set_up_x_axis(axes, ids, devices)
    axes.grid(False)
    drawn = set(np.where(np.isnan(cells), colors.index(shades[NOT_RUN]), cells).astype(int).ravel())
    style.legend(
        figure, {name: _mark(color, "s", 7) for place, (name, color) in enumerate(shades.items()) if place in drawn}
    )
    return figure


@style.styled
def slowdown(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    first: str = "burst",
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the ratio of the mean time after the burst to that during it, with 95% intervals; above 1 is slower later.

    Takes the frame of `stats.drift.bursts`; `first` is the name of the burst in labels. More than six devices have
    a panel per network, with a point per device.
    """
    measured = frame.dropna(subset="slowdown")
    ids, lines = device_axis.order(frame["device_id"], devices), order_instances(frame["instance_id"])
    alt = f"Time after the {first} over that in it, of {_device_counts(lines, ids)}"
    if measured.empty:
        return empty_figure(origin, alt, "no run is long enough to be divided")
    alt += f": {style.span(measured['slowdown'], '{:.2f}')}."
    label = f"time after the {first} over that in it"
    if len(ids) > device_axis.FEW:
        figure = _draw_devices(measured, "slowdown", f"{label}, of each device", devices, reference=1)
        return style.finish(figure, origin, alt)
    figure, axes = instance_panels(ids, lines)
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        device_rows = measured[measured["device_id"] == device]
        heights = instance_heights(device_rows["instance_id"], lines)
        panel.axvline(1, color=style.GREY, linewidth=0.8)
        panel.hlines(
            heights,
            device_rows["slowdown_low"],
            device_rows["slowdown_high"],
            color=style.color(style.PLAIN),
            linewidth=1,
        )
        panel.plot(device_rows["slowdown"], heights, "o", color=style.color(style.PLAIN), markersize=3.5)
        _mark_gaps(panel, lines, device_rows)
        set_up_instance_axis(panel, lines, label)
        panel.set_title(name)
    return style.finish(figure, origin, alt)


def _device_counts(lines: list[str], ids: list[str]) -> str:
    return f"{plural(len(lines), 'instance')} on {plural(len(ids), 'device')}"


def _mark_gaps(panel: Axes, lines: list[str], drawn: pd.DataFrame, words: str = "no data") -> None:
    """Mark the instances that have data on other devices but not on this one."""
    present = set(drawn["instance_id"])
    for height, instance_id in enumerate(lines):
        if instance_id not in present:
            mark_missing(panel, height, words)


def _mark(color: str, marker: str, size: float = 4) -> Line2D:
    edge = style.GREY if color == style.GROUND else color
    return Line2D([], [], color=color, marker=marker, linestyle="none", markersize=size, markeredgecolor=edge)
