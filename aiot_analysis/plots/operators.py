"""Plots of operators: their time (Figs. 1 and 2), and diagrams of the typical module of each network (Fig. 3)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Patch

from aiot_analysis.plots import style
from aiot_analysis.tables import names
from aiot_analysis.words import listed, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Text

GAP = "no data: no network was profiled; run `aiot operators`, then `aiot process`"
MOST_HATCHED = 12  # devices: hatches in the small panels of more would be a grey texture
LABELLED = 0.07  # shares of at least this much have their number in the bar
TICKS_MS = np.arange(0.21, 1.9, 0.28)  # tick positions of the paper's Fig. 2
PAPER_TOP = 0.12  # upper end of the y axis of the paper's Fig. 2
HEADROOM = 1.2  # space above the bars for their labels, as a factor


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
        "linear": style.Look("#4d4d4d", "X", ""),
        "other": style.Look("#b3b3b3", ".", "ooo"),
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
    """Draw Fig. 1: a 100% stacked bar per model, in one panel per framework and device.

    Takes the frame of `stats.operators.shares`.
    """
    implementations = implementations_and_devices(frame)
    models = names.in_order(set(frame["model"]), names.MODELS)
    figure, axes = style.panels(
        max(1, len(implementations)), 2 if len(models) <= 3 else 1, max(3.6, 1.3 + 0.95 * len(models)), 3.2
    )
    if not implementations:
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The share of each kind of operator in the run time: no data.")
    hatched = frame["device_id"].nunique() <= MOST_HATCHED
    kind_looks = {kind: look if hatched else look._replace(hatch="") for kind, look in looks().items()}
    kinds = [kind for kind in kind_looks if kind in set(frame["kind"])]
    descriptions = []
    for panel, (framework, device) in zip(axes, implementations, strict=True):
        rows = frame[(frame["framework"] == framework) & (frame["device_id"] == device)]
        title = panel_title(framework, device, frame, devices)
        panel.set_title(title)
        table = rows.pivot(index="model", columns="kind", values="share").reindex(index=models, columns=kinds)
        _bars(panel, table, kind_looks)
        panel.set_ylabel(f"share of run time\n({_repetitions(rows)})")
        suffix = f", {title}" if len(implementations) > 1 else ""
        for model, shares in table.dropna(how="all").iterrows():
            largest = shares.sort_values(ascending=False).head(3)
            largest_kinds = listed(f"{kind} {share:.0%}" for kind, share in largest.items() if share > 0)
            descriptions.append(f"{names.display(str(model))}{suffix}: {largest_kinds}")
    handles = {
        kind: Patch(
            facecolor=kind_looks[kind].color, hatch=kind_looks[kind].hatch, edgecolor=style.GROUND, linewidth=0.4
        )
        for kind in kinds
    }
    style.legend(figure, handles)
    return style.finish(figure, origin, f"Share of each kind of operator in the run time. {'; '.join(descriptions)}.")


def implementations_and_devices(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of framework and device in the frame, PyTorch first, since the paper's figures show it."""
    pairs = frame[["framework", "device_id"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(pairs, key=lambda pair: (pair[0] != "pytorch", *pair))


def panel_title(framework: str, device: str, frame: pd.DataFrame, devices: pd.DataFrame | None) -> str:
    """Return the name of the framework, with that of the device if there are several."""
    text = {"pytorch": "PyTorch", "caffe2": "Caffe2"}.get(framework, framework)
    if frame["device_id"].nunique() == 1:
        return text
    name_of_device = names.devices(devices) if devices is not None else {}
    return f"{text}, {name_of_device.get(device, device)}"


def _bars(panel: Axes, table: pd.DataFrame, kind_looks: Mapping[str, style.Look]) -> None:
    bottom = np.zeros(len(table))
    for x, absent in enumerate(table.isna().all(axis=1)):
        if absent:
            panel.text(x, 0.5, "no data", ha="center", va="center", rotation=90, fontsize=style.SMALL, color=style.GREY)
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
            edgecolor=style.GROUND,
            linewidth=0.4,
        )
        for x, (low, share) in enumerate(zip(bottom, height, strict=True)):
            if share >= LABELLED:
                box = {"boxstyle": "round,pad=0.15", "facecolor": style.GROUND, "edgecolor": "none", "alpha": 0.85}
                panel.text(x, low + share / 2, f"{share:.0%}", ha="center", va="center", fontsize=style.SMALL, bbox=box)
        bottom += height
    panel.set_xticks(range(len(table)), [names.display(str(model)) for model in table.index], rotation=20, ha="right")
    panel.set(ylim=(0, 1.02), yticks=[0, 0.5, 1], yticklabels=["0%", "50%", "100%"])
    panel.set_xlim(-0.6, len(table) - 0.4)
    panel.grid(axis="x", visible=False)


def _repetitions(frame: pd.DataFrame) -> str:
    """Return the number of repetitions behind a panel, such as "20 repetitions" or "5 to 20 repetitions"."""
    few, most = frame["repetitions"].min(), frame["repetitions"].max()
    return plural(int(few), "repetition") if few == most else f"{few} to {most} repetitions"


def short_edge(bins: pd.DataFrame) -> float | None:
    """Return the last edge of a bin below 1 ms, to which titles refer, or None if there is none."""
    edge = bins.loc[bins["high_ms"] < 1, "high_ms"].max()
    return float(edge) if edge == edge else None


@style.styled
def convolution_times(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    paper_range: bool = False,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw Fig. 2: one histogram per model of the times of single convolutions, with the paper's bins and ticks.

    Takes the frame of `stats.operators.convolution_times`. A separate hatched bar shows the share of convolutions that
    take longer than the last bin. All panels have the same axes; with `paper_range`, these are the paper's, from 0 to
    0.12, and bars that go on beyond them end in a triangle.
    """
    present = set(frame[["framework", "device_id", "model"]].itertuples(index=False, name=None))
    implementations = implementations_and_devices(frame)
    models = names.in_order(set(frame["model"]), names.MODELS)
    panel_keys = [(*pair, model) for pair in implementations for model in models if (*pair, model) in present]
    figure, axes = style.panels(max(1, len(panel_keys)), 3, 3.7, 2.1)
    if not panel_keys:
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The time of single convolutions: no data.")
    inside = frame[np.isfinite(frame["high_ms"])]
    top, end = PAPER_TOP if paper_range else float(frame["share"].max()), float(inside["high_ms"].max())
    width = float((inside["high_ms"] - inside["low_ms"]).iloc[0])
    overflow_x = end + 2 * width  # centre of the bar for longer times
    descriptions = []
    for number, (panel, (framework, device, model)) in enumerate(zip(axes, panel_keys, strict=True)):
        part = frame[(frame[["framework", "device_id", "model"]] == [framework, device, model]).all(axis=1)]
        bins, overflow_share = part[np.isfinite(part["high_ms"])], part[~np.isfinite(part["high_ms"])]["share"].sum()
        edges: dict[str, Any] = {"edgecolor": style.GROUND, "linewidth": 0.5}
        panel.bar(bins["low_ms"], bins["share"], width, align="edge", color=style.color(style.PLAIN), **edges)
        panel.bar(overflow_x, overflow_share, 2 * width, color=style.color(style.SECOND), hatch="///", **edges)
        edge = short_edge(frame)
        if edge is not None:
            panel.axvline(edge, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        label_y = min(overflow_share, top) + 0.03 * top
        panel.text(overflow_x, label_y, _percent(overflow_share), ha="center", va="bottom", fontsize=style.SMALL)
        cut = bins[bins["share"] > top]
        panel_letter = f"({chr(97 + number)}) " if len(panel_keys) <= 26 else ""
        suffix = f", {panel_title(framework, device, frame, devices)}" if len(implementations) > 1 else ""
        panel.set_title(f"{panel_letter}{names.display(model)}{suffix}")
        room, right = max(style.panel_width(panel) - 0.75, 0.5), end + 3.5 * width
        label = 5.5 * style.LETTER * style.SMALL  # inches that a tick label of four characters takes with its gap
        ticks = TICKS_MS[:: ceil(label / (room * (TICKS_MS[1] - TICKS_MS[0]) / right))]
        ticks = ticks[ticks <= overflow_x - 1.1 * label * right / room]  # leave room for the label of the overflow bar
        panel.set(xlim=(0, right), ylim=(0, top if paper_range else HEADROOM * top))
        panel.set_xticks([*ticks, overflow_x], [*(f"{tick:.2f}" for tick in ticks), f"> {end:g}"])
        panel.set_xlabel(f"time of each of {plural(int(part['convolutions'].sum()), 'convolution')} (ms)")
        panel.set_ylabel(f"relative frequency\n({_repetitions(part)})")
        panel.grid(axis="x", visible=False)
        if len(cut):
            panel.plot(cut["low_ms"] + width / 2, [top] * len(cut), "^", color=style.INK, markersize=3.5, clip_on=False)
            panel.set_title(f"{panel.get_title(loc='left')}\n")  # leaves room for the label of the overflow bar
            style.note(panel, f"▲ goes on to at most {cut['share'].max():.2f}")
        peak = bins.loc[bins["share"].idxmax()]
        peak_text = f"most often {peak['low_ms']:.2f} to {peak['high_ms']:.2f} ms ({peak['share']:.0%})"
        descriptions.append(
            f"{names.display(model)}{suffix}: {peak_text}, {_percent(overflow_share)} longer than {end:g} ms"
        )
    return style.finish(figure, origin, f"How long single convolutions take. {'; '.join(descriptions)}.")


def _percent(share: float) -> str:
    """Return a share as text that distinguishes none from very little."""
    return "none" if share == 0 else "under 0.1%" if share < 0.001 else f"{100 * share:.1f}%"


SWEEPS = 12
BEND = 0.45  # room for an arrow that passes beside boxes, in widths of a box

Bend = tuple[str, int]  # (source box, layer): arrows from the same box share their bends until they branch off


@dataclass(frozen=True)
class Layout:
    """Positions of boxes (x to the right, in widths of a box; layer, downwards) and the points of arrows."""

    boxes: dict[str, tuple[float, int]]
    arrows: dict[tuple[str, str], list[tuple[float, int]]]  # by (source, target), from first to last point

    @property
    def width(self) -> float:
        xs = [x for points in self.arrows.values() for x, _ in points] + [x for x, _ in self.boxes.values()]
        return max(xs) - min(xs) + 1

    @property
    def layers(self) -> int:
        return max(layer for _, layer in self.boxes.values()) + 1


def layered_layout(inputs: Mapping[str, Sequence[str]]) -> Layout:
    """Return the layout of an acyclic graph, given as the inputs of each box; inputs come first in the mapping."""
    layer = _layers(inputs)
    rows: list[list[str | Bend]] = [[] for _ in range(max(layer.values()) + 1)]
    links: dict[str | Bend, list[str | Bend]] = {}  # upwards
    paths: dict[tuple[str, str], list[str | Bend]] = {}
    for box, sources in inputs.items():
        rows[layer[box]].append(box)
        links.setdefault(box, [])
        for item in sources:
            path: list[str | Bend] = [item, *((item, level) for level in range(layer[item] + 1, layer[box])), box]
            paths[item, box] = path
            for level, (above, below) in enumerate(pairwise(path), layer[item] + 1):
                if below not in links:
                    rows[level].append(below)
                if above not in links.setdefault(below, []):
                    links[below].append(above)
    places = _assign_positions(_ordered(rows, links), links)
    return Layout(
        {box: (places[box], layer[box]) for box in inputs},
        {
            ends: [(places[item], layer[ends[0]] + step) for step, item in enumerate(path)]
            for ends, path in paths.items()
        },
    )


def _layers(inputs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the layer of each box: its longest path from an input. Inputs are right above the first box using them."""
    layer: dict[str, int] = {}
    for box, sources in inputs.items():
        layer[box] = max((layer[source] + 1 for source in sources), default=0)
    for box, sources in inputs.items():
        users = [layer[other] for other, other_sources in inputs.items() if box in other_sources]
        if not sources and users:
            layer[box] = min(users) - 1
    return layer


def _neighbours(links: Mapping[str | Bend, Sequence[str | Bend]]) -> dict[str | Bend, list[str | Bend]]:
    down: dict[str | Bend, list[str | Bend]] = {}
    for below, above in links.items():
        for upper in above:
            down.setdefault(upper, []).append(below)
    return down


def _ordered(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> list[list[str | Bend]]:
    """Return the rows in an order with few crossings, the best of `SWEEPS` sweeps down and up."""
    down = _neighbours(links)
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        sides = links if downwards else down
        for level in range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1):
            fixed = {item: place for place, item in enumerate(rows[level - 1 if downwards else level + 1])}
            current = {item: place for place, item in enumerate(rows[level])}
            rows[level].sort(
                key=lambda item: _mean_position([fixed[other] for other in sides.get(item, ())], current[item])
            )
        if (crossings := _crossings(rows, links)) < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _mean_position(values: Sequence[float], otherwise: float) -> float:
    return fmean(values) if values else otherwise


def _crossings(rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]) -> int:
    count = 0
    for above, below in pairwise(rows):
        place = {item: position for position, item in enumerate(above)}
        ends = [(place[item], position) for position, lower in enumerate(below) for item in links.get(lower, ())]
        count += sum((a - c) * (b - d) < 0 for n, (a, b) in enumerate(ends) for c, d in ends[:n])
    return count


def _assign_positions(
    rows: list[list[str | Bend]], links: Mapping[str | Bend, Sequence[str | Bend]]
) -> dict[str | Bend, float]:
    """Return an x for each box and bend: near its neighbours, in the order of its row, and without overlaps."""
    down = _neighbours(links)
    x: dict[str | Bend, float] = {}
    for row in rows:
        x |= _move_apart(row, [float(position) for position in range(len(row))])
    for sweep in range(4 * SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [
                _mean_position([x[other] for other in (*links.get(item, ()), *down.get(item, ()))], x[item])
                for item in row
            ]
            x |= _move_apart(row, wanted)
    return x


def _move_apart(row: list[str | Bend], wanted: list[float]) -> dict[str | Bend, float]:
    """Return the wanted positions, moved apart as far as necessary; items that touch are shifted as a group."""
    offset = [0.0]
    for left, right in pairwise(row):
        offset.append(offset[-1] + (_room(left) + _room(right)) / 2)
    # after subtracting the minimum distances, positions only have to be in order: pool adjacent violators
    groups: list[list[float]] = []
    for want, distance in zip(wanted, offset, strict=False):
        groups.append([want - distance])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    shifts = [fmean(group) for group in groups for _ in group]
    return {item: shift + distance for item, shift, distance in zip(row, shifts, offset, strict=False)}


def _room(item: str | Bend) -> float:
    return BEND if isinstance(item, tuple) else 1.1


COLUMNS = 3
BOX_INCHES, LAYER_INCHES = 0.97, 0.45  # room for a box
BOX_WIDTH, BOX_HEIGHT = 0.94, 0.64  # size of a box as a fraction of its room
BOX_PADDING_INCHES = 0.03  # minimum space between a label and the edge of its box
TITLE_INCHES, FOOT_INCHES, MARGIN_INCHES = 0.4, 0.3, 0.05  # room for a title, for the origin line and on the left
SHORT = {"batch norm": "BN", "concatenation": "concat", "average pooling": "avg pool", "max pooling": "max pool"}
SHORT |= {"depthwise": "dw"}  # the usual abbreviation in papers, since boxes are narrow
LEAST_BOXES = 2.7  # minimum width of a column in boxes, so that titles fit


@style.styled
def typical_modules(
    frame: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw one diagram per model: boxes are operators, arrows are their inputs.

    Takes the frame of `stats.operators.boxes`. The size of a panel depends on its diagram.
    """
    modules = list(frame[["model", "module", "of_class"]].drop_duplicates().itertuples(index=False, name=None))
    if not modules:
        figure, axes = style.panels(1, 1, 4.2, 1.6)
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The typical module of each network: no data.")
    parts = [frame[frame["model"] == model] for model, _, _ in modules]
    layouts = [layered_layout(_module_inputs(part)) for part in parts]
    figure, panels = _module_panels([diagram.width for diagram in layouts], [diagram.layers for diagram in layouts])
    descriptions = []
    for number, ((model, module, of_class), part, diagram_layout) in enumerate(
        zip(modules, parts, layouts, strict=True)
    ):
        panel, panel_width = panels[number]
        title = f"({chr(97 + number)}) {names.display(model)}: {of_class.strip('_')}, {module}"
        letters = style.letters_per_line(style.panel_width(panel), style.SMALL * style.BOLD)
        panel.set_title(style.wrap_text(title, letters), fontsize=style.SMALL)
        _draw_module(panel, part, diagram_layout, panel_width)
        operators = part[part["kind"] != "input"]
        descriptions.append(f"{names.display(model)}, {module}: {'; '.join(operators['label'])}")
    return style.finish(figure, origin, f"The typical module of each network. {'. '.join(descriptions)}.")


def _module_panels(widths: Sequence[float], layers: Sequence[int]) -> tuple[style.Canvas, list[tuple[Axes, float]]]:
    """Return a figure with one panel per diagram, and for each panel its axes and its width in boxes.

    Each panel is added to the shortest column so far, so that a long module is next to several short ones. All panels
    have one scale: a box is as wide and as high in each of them, which a layout engine would not guarantee.
    """
    fitting = int(style.page_width(style.WIDEST) / (LEAST_BOXES * BOX_INCHES))
    columns: list[list[int]] = [[] for _ in range(max(1, min(COLUMNS, len(widths), fitting)))]
    ends = [0.0] * len(columns)
    tops: dict[int, float] = {}
    heights = [TITLE_INCHES + LAYER_INCHES * count for count in layers]
    for number, height in enumerate(heights):
        column_index = ends.index(min(ends))
        columns[column_index].append(number)
        tops[number] = ends[column_index]
        ends[column_index] += height
    column_widths = [max(LEAST_BOXES, *(widths[number] for number in column)) for column in columns]
    full_width = min(BOX_INCHES * sum(column_widths), style.WIDEST)
    figure = style.blank(len(widths), style.page_width(full_width), max(ends) + FOOT_INCHES, None)
    if isinstance(figure, Axes):
        return figure, [(figure, column_widths[0])]
    wide, high = style.size(figure)
    box = (wide - MARGIN_INCHES) / sum(column_widths)
    shrink = (high - FOOT_INCHES) / max(ends)  # 1 unless the figure is the caller's
    panels: dict[int, tuple[Axes, float]] = {}
    for column_index, column in enumerate(columns):
        left = MARGIN_INCHES + box * sum(column_widths[:column_index])
        for number in column:
            diagram = shrink * LAYER_INCHES * layers[number]
            bottom = high - shrink * (tops[number] + TITLE_INCHES) - diagram
            place = (left / wide, bottom / high, box * column_widths[column_index] / wide, diagram / high)
            panels[number] = figure.add_axes(place), column_widths[column_index]
    return figure, [panels[number] for number in range(len(widths))]


def _module_inputs(part: pd.DataFrame) -> dict[str, list[str]]:
    return {box: inputs.split() for box, inputs in zip(part["box"], part["inputs"], strict=True)}


def _draw_module(panel: Axes, part: pd.DataFrame, layout: Layout, wide: float) -> None:
    """Draw a diagram in the middle of a panel that is `wide` boxes wide."""
    for points in layout.arrows.values():
        half = BOX_HEIGHT / 2  # arrows run straight down beside boxes and change direction between layers
        path = [(x, layer + side) for x, layer in points for side in (-half, half)][1:-1]
        xs, ys = [x for x, _ in path], [y for _, y in path]
        panel.plot(xs[:-1], ys[:-1], color=style.GREY, linewidth=0.7, zorder=1, solid_joinstyle="round")
        panel.annotate(
            "",
            xy=(xs[-1], ys[-1]),
            xytext=(xs[-2], ys[-2]),
            arrowprops={"arrowstyle": "-|>", "color": style.GREY, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0},
            zorder=1,
        )
    kind_looks = looks()
    figure = panel.get_figure(root=True)
    assert figure is not None
    room = BOX_WIDTH * style.panel_width(panel) / wide * figure.dpi - 2 * BOX_PADDING_INCHES * figure.dpi
    for row in part.itertuples():
        x, y = layout.boxes[str(row.box)]
        look = kind_looks.get(str(row.kind))
        panel.add_patch(
            FancyBboxPatch(
                (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2),
                BOX_WIDTH,
                BOX_HEIGHT,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor=style.light(look.color) if look else style.GROUND,
                edgecolor=look.color if look else style.GREY,
                linestyle="-" if look else (0, (3, 2)),
                linewidth=0.8,
                zorder=2,
            )
        )
        label = "\n".join(_short_label(str(name)) for name in (row.label, row.also) if name)
        look_of_text: dict[str, Any] = {"ha": "center", "va": "center", "linespacing": 1.1, "zorder": 3}
        color = style.ON_LIGHT if look else style.INK
        text = panel.text(x, y, label, fontsize=style.SMALL, color=color, **look_of_text)
        _fit_box(text, room)
    xs = [x for x, _ in layout.boxes.values()] + [x for points in layout.arrows.values() for x, _ in points]
    middle = (min(xs) + max(xs)) / 2
    panel.set(xlim=(middle - wide / 2, middle + wide / 2), ylim=(layout.layers - 0.5, -0.5))
    panel.set_axis_off()


def _fit_box(text: Text, room: float) -> None:
    """Shorten, wrap or, if nothing else helps, shrink a label so that it is at most `room` pixels wide as drawn."""
    label = text.get_text()
    shorter = label.replace(" conv", "")  # convolutions have their kernel and their colour
    without_comma = shorter.replace(", ", " ", 1)
    for version in (label, shorter, without_comma, shorter.replace(" ", "\n", 1) if "\n" not in shorter else shorter):
        text.set_text(version)
        if text.get_window_extent().width <= room:
            return
    text.set_fontsize(float(text.get_fontsize()) * room / text.get_window_extent().width)


def _short_label(label: str) -> str:
    for word, short in SHORT.items():
        label = label.replace(word, short)
    return label
