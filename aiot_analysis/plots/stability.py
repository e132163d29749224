"""How steady times are: their tails, their course along a run, the stability score, a burst against the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from aiot_analysis.plots import device_axis, instance_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

TAILS = {"median_ms": (style.PLAIN, "o"), "p90_ms": (style.THIRD, "^"), "p99_ms": (style.NOTABLE, "s")}
TAIL_NAMES = {"median_ms": "median", "p90_ms": "90th percentile", "p99_ms": "99th percentile"}
LEVELS = (0.0, 0.8, 0.9, 0.95, 0.97)  # of the stability score; from the last one on 3DMark calls it passed
SHADES = ("#7f2704", "#d94801", "#fd8d3c", "#fdd0a2")
CALM = {"no less stable than chance": "#e9e9e9", "stable": "#9ecae1", "cannot be decided": "#ffffff"}


@style.styled
def tails(
    summary: pd.DataFrame, origin: str, devices: pd.DataFrame | None = None, what: str = "end-to-end time"
) -> Figure:
    """From the median to the 99th percentile of each instance; a cross is the first image.

    Takes the frame of `stats.latency.summary`. More than six devices share one panel, as the ratio of the 99th
    percentile to the median, a point a device.
    """
    frame = summary.dropna(subset="median_ms")
    ids, lines = device_axis.order(frame["device_id"], devices), instance_axis.order(frame["instance_id"])
    said = f"Median and tail of the time per image of {_counted(lines, ids)}"
    if not lines:
        return instance_axis.nothing(origin, said)
    said += f": the 99th percentile is {style.span(frame['tail'].dropna(), '{:.2f}')} times the median."
    figure, axes = instance_axis.panels(ids, lines)
    if len(ids) > device_axis.FEW:
        axes[0].scatter(
            frame["tail"],
            instance_axis.heights(frame["instance_id"], lines),
            s=8,
            alpha=0.5,
            color=style.color(style.PLAIN),
        )
        instance_axis.down(axes[0], lines, f"99th percentile over median of the {what}, of each device")
        return style.finish(figure, origin, said)
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        some = frame[frame["device_id"] == device]
        heights = instance_axis.heights(some["instance_id"], lines)
        panel.hlines(heights, some["median_ms"], some["p99_ms"], color="#b5c7d3", linewidth=1.6)
        for column, (place, marker) in TAILS.items():
            panel.plot(some[column], heights, marker, color=style.color(place), markersize=3.5)
        panel.plot(some["first_ms"], heights, "x", color="#333333", markersize=4)
        _gaps(panel, lines, some)
        instance_axis.down(panel, lines, f"{what} per image (ms)")
        panel.set_title(name)
        panel.set_xscale("log")
        style.plain_log(panel.xaxis)
    marks = {TAIL_NAMES[one]: _mark(style.color(place), marker) for one, (place, marker) in TAILS.items()}
    style.legend(figure, marks | {"first image": _mark("#333333", "x")})
    return style.finish(figure, origin, said)


@style.styled
def along(
    course: pd.DataFrame,
    chosen: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    tested: int = 1,
    level: float = 0.05,
) -> Figure:
    """The times of some instances in the order of their run, a panel each, with the change in level where there is one.

    Takes the frames of `stats.drift.course` and `stats.drift.most_moved`, and how many instances were tested at all; a
    change is drawn where its change_p_adjusted is under `level`. Images that took much longer than the rest are
    triangles at the top of a panel.
    """
    said = "Time per image along the run"
    if chosen.empty:
        why = "no instance became slower or faster along its run by the rule above"
        why = why if tested else "no data: no run is long enough to be tested"
        figure, panels = style.panels(1, 1, 6.0, 1.5)
        style.empty(panels[0], why)
        return style.finish(figure, origin, f"{said}: {why}.")
    figure, panels = style.panels(len(chosen), 3, 3.6, 2.1)
    called = device_axis.names(device_axis.order(chosen["device_id"], devices), devices)
    known = dict(zip(device_axis.order(chosen["device_id"], devices), called, strict=True))
    told = []
    for panel, row in zip(panels, chosen.to_dict("records"), strict=True):
        of = (course["run_id"] == row["run_id"]) & (course["device_id"] == row["device_id"])
        some = course[of & (course["instance_id"] == row["instance_id"])]
        single, loops = some[some["kind"] == "image"], some[some["kind"] == "loop"]
        top = 1.35 * loops["ms"].max()
        high = single["ms"] > top
        panel.plot(single["query"][~high], single["ms"][~high], ".", color="#9db3c1", markersize=2)
        panel.plot(single["query"][high], [top] * int(high.sum()), "^", color=style.GREY, markersize=3)
        panel.plot(loops["query"], loops["ms"], color=style.color(style.PLAIN), linewidth=1.2)
        if row["change_p_adjusted"] < level:
            panel.axvline(row["change_at"], color=style.color(style.NOTABLE), linestyle="--", linewidth=1)
            ends = single["query"].min(), row["change_at"], single["query"].max()
            panel.hlines(
                [row["before_ms"], row["after_ms"]], ends[:2], ends[1:], color=style.color(style.NOTABLE), linewidth=1.4
            )
        panel.set_ylim(min(single["ms"].min(), loops["ms"].min()) * 0.97, top * 1.02)
        instance = names.instance_display(row["instance_id"])
        letters = style.letters(style.across(panel) - 0.6, style.SMALL * style.BOLD)
        panel.set_title(style.wrapped(f"{known[row['device_id']]}: {instance}", letters), fontsize=style.SMALL)
        panel.set_xlabel("image of the run")
        panel.set_ylabel("time (ms)")
        told.append(f"{instance} on {known[row['device_id']]} {row['finding']}, {_moved(row, level)}")
    marks = {
        "image": _mark("#9db3c1", "."),
        "longer than shown": _mark(style.GREY, "^"),
        "median of a part": Line2D([], [], color=style.color(style.PLAIN), linewidth=1.2),
        "change in level": Line2D([], [], color=style.color(style.NOTABLE), linestyle="--", linewidth=1),
    }
    style.legend(figure, marks)
    return style.finish(figure, origin, f"{said} of {plural(len(chosen), 'instance')}: {'; '.join(told[:6])}.")


def _moved(row: Mapping[Any, Any], level: float) -> str:
    if row["change_p_adjusted"] < level:
        return f"{row['change']:+.0%} from image {row['change_at']:.0f} on"
    return f"{row['drift']:+.0%} from start to end"


@style.styled
def scores(frame: pd.DataFrame, origin: str, devices: pd.DataFrame | None = None) -> Figure:
    """The stability score of each instance: the fastest part of its run over the slowest; 1 is steady.

    Takes the frame of `tables.stability.scores`. A tick is what the same times give in random order. More than six
    devices are a grid of instances and devices, shaded where an instance is unstable.
    """
    ids, lines = device_axis.order(frame["device_id"], devices), instance_axis.order(frame["instance_id"])
    known = frame.dropna(subset="stability")
    said = f"Stability of {_counted(lines, ids)}"
    if known.empty:
        return instance_axis.nothing(origin, said, "no run is long enough for a score")
    ways = known["steadiness"].value_counts()
    said += f": {style.span(known['stability'], '{:.3f}')}; " + style.listed(f"{n} {way}" for way, n in ways.items())
    gaps = len(frame) - len(known)
    said += f"; {gaps} without a score." if gaps else "."
    if len(ids) > device_axis.FEW:
        return style.finish(_grid(frame, ids, lines, devices), origin, said)
    figure, axes = instance_axis.panels(ids, lines)
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        some = known[known["device_id"] == device]
        heights = instance_axis.heights(some["instance_id"], lines)
        panel.axvline(LEVELS[-1], color=style.GREY, linewidth=0.8, linestyle=":")
        panel.plot(some["chance"], heights, "|", color=style.GREY, markersize=7)
        unstable = some["steadiness"] == "unstable"
        for shown, color, marker in (
            (~unstable, style.color(style.PLAIN), "o"),
            (unstable, style.color(style.NOTABLE), "s"),
        ):
            panel.plot(some["stability"][shown], heights[shown], marker, color=color, markersize=4)
        _gaps(panel, lines, some, "no score: too few images")
        instance_axis.down(panel, lines, "stability: fastest part of the run over the slowest")
        panel.set_title(name)
    marks = {
        "score": _mark(style.color(style.PLAIN), "o"),
        "under 0.97 and less than by chance": _mark(style.color(style.NOTABLE), "s"),
        "the same times in random order": _mark(style.GREY, "|", 7),
        "stable from here on": Line2D([], [], color=style.GREY, linewidth=0.8, linestyle=":"),
    }
    style.legend(figure, marks)
    return style.finish(figure, origin, said)


def _grid(frame: pd.DataFrame, ids: list[str], lines: list[str], devices: pd.DataFrame | None) -> Figure:
    """Only what is unstable is shaded by its score: the scores of the others differ by chance."""
    shade = pd.cut(frame["stability"], list(LEVELS), labels=False).where(frame["steadiness"] == "unstable")
    for number, way in enumerate(CALM, start=len(SHADES)):
        shade = shade.mask(frame["steadiness"] == way, number)
    table = frame.assign(shade=shade).pivot(index="instance_id", columns="device_id", values="shade")
    cells = table.reindex(index=lines, columns=ids).to_numpy(float)
    figure, (axes,) = style.panels(1, 1, min(max(7.0, 2.2 + 0.14 * len(ids)), 11.0), 0.15 * len(lines) + 0.8)
    colors = [*SHADES, *CALM.values()]
    axes.imshow(cells, cmap=ListedColormap(colors), vmin=-0.5, vmax=len(colors) - 0.5, aspect="auto")
    instance_axis.down(axes, lines, "")
    device_axis.along_x(axes, ids, devices)
    axes.grid(False)
    pairs = zip(LEVELS, LEVELS[1:], SHADES, strict=False)
    marks = {f"unstable, {low:g} to {high:g}": _mark(color, "s", 7) for low, high, color in pairs}
    style.legend(figure, marks | {way: _mark(color, "s", 7) for way, color in CALM.items()})
    return figure


@style.styled
def slowdown(frame: pd.DataFrame, origin: str, devices: pd.DataFrame | None = None, first: str = "burst") -> Figure:
    """The mean time of the rest of a run over that of its burst, with 95 % intervals: over 1 is slower later on.

    Takes the frame of `stats.bursts.bursts`; `first` says what the burst is. More than six devices share one panel, a
    point each.
    """
    known = frame.dropna(subset="slowdown")
    ids, lines = device_axis.order(frame["device_id"], devices), instance_axis.order(frame["instance_id"])
    said = f"Time after the {first} over that in it, of {_counted(lines, ids)}"
    if known.empty:
        return instance_axis.nothing(origin, said, "no run is long enough to be divided")
    said += f": {style.span(known['slowdown'], '{:.2f}')}."
    label = f"time after the {first} over that in it"
    figure, axes = instance_axis.panels(ids, lines)
    if len(ids) > device_axis.FEW:
        heights = instance_axis.heights(known["instance_id"], lines)
        axes[0].axvline(1, color=style.GREY, linewidth=0.8)
        axes[0].scatter(known["slowdown"], heights, s=8, alpha=0.5, color=style.color(style.PLAIN))
        instance_axis.down(axes[0], lines, f"{label}, of each device")
        return style.finish(figure, origin, said)
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=True):
        some = known[known["device_id"] == device]
        heights = instance_axis.heights(some["instance_id"], lines)
        panel.axvline(1, color=style.GREY, linewidth=0.8)
        panel.hlines(heights, some["slowdown_low"], some["slowdown_high"], color=style.color(style.PLAIN), linewidth=1)
        panel.plot(some["slowdown"], heights, "o", color=style.color(style.PLAIN), markersize=3.5)
        _gaps(panel, lines, some)
        instance_axis.down(panel, lines, label)
        panel.set_title(name)
    return style.finish(figure, origin, said)


def _counted(lines: list[str], ids: list[str]) -> str:
    return f"{plural(len(lines), 'instance')} on {plural(len(ids), 'device')}"


def _gaps(panel: Axes, lines: list[str], drawn: pd.DataFrame, words: str = "no data") -> None:
    """Says where an instance of another device has nothing on this one."""
    there = set(drawn["instance_id"])
    for height, one in enumerate(lines):
        if one not in there:
            instance_axis.missing(panel, height, words)


def _mark(color: str, marker: str, size: float = 4) -> Line2D:
    edge = style.GREY if color == CALM["cannot be decided"] else color
    return Line2D([], [], color=color, marker=marker, linestyle="none", markersize=size, markeredgecolor=edge)
