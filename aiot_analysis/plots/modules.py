"""Fig. 3: the typical module of each network, drawn from its graph."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch

from aiot_analysis.plots import layered, style
from aiot_analysis.plots.operators import GAP, looks
from aiot_analysis.tables import names

COLUMNS = 3
BOX_INCHES, LAYER_INCHES = 0.97, 0.42  # room of a box
BOX_WIDTH, BOX_HEIGHT = 0.94, 0.6  # of that room
TITLE_INCHES = 0.35
SHORT = {"batch norm": "BN", "concatenation": "concat", "average pooling": "avg pool", "max pooling": "max pool"}
SHORT |= {"depthwise": "dw"}  # as papers write it: a box is narrow
LEAST_BOXES = 2.7  # of room in a column, for its titles


@style.styled
def typical_modules(frame: pd.DataFrame, origin: str) -> Figure:
    """A diagram per model: boxes are operators, arrows are what they take.

    Takes the frame of `stats.modules.boxes`. Panels are as large as what they hold.
    """
    each = list(frame[["model", "module", "of_class"]].drop_duplicates().itertuples(index=False, name=None))
    if not each:
        figure, axes = style.panels(1, 1, 4.2, 1.6)
        style.empty(axes[0], GAP)
        return style.finish(figure, origin, "The typical module of each network: no data.")
    parts = [frame[frame["model"] == model] for model, _, _ in each]
    layouts = [layered.layout(_inputs(part)) for part in parts]
    figure, panels = _panels([one.width for one in layouts], [one.layers for one in layouts])
    said = []
    for number, ((model, module, of_class), part, found) in enumerate(zip(each, parts, layouts, strict=True)):
        panel, wide = panels[number]
        panel.set_title(f"({chr(97 + number)}) {names.display(model)}: {of_class.strip('_')}, {module}", fontsize=7.5)
        _draw(panel, part, found, wide)
        operators = part[part["kind"] != "input"]
        said.append(f"{names.display(model)}, {module}: {'; '.join(operators['label'])}")
    return style.finish(figure, origin, f"The typical module of each network. {'. '.join(said)}.")


def _panels(widths: Sequence[float], layers: Sequence[int]) -> tuple[Figure, list[tuple[Axes, float]]]:
    """A figure of a panel each, and how many boxes side by side each has room for.

    A panel goes below those of the column that ends highest: a long module stands beside several short ones.
    """
    fitting = int(style.page_width(8.0) / (LEAST_BOXES * BOX_INCHES))
    columns: list[list[int]] = [[] for _ in range(max(1, min(COLUMNS, len(widths), fitting)))]
    ends = [0.0] * len(columns)
    heights = [TITLE_INCHES + LAYER_INCHES * count for count in layers]
    for number, height in enumerate(heights):
        at = ends.index(min(ends))
        columns[at].append(number)
        ends[at] += height
    wide = [max(LEAST_BOXES, *(widths[number] for number in column)) for column in columns]
    room = style.page_width(BOX_INCHES * sum(wide))
    figure = Figure(figsize=(room, max(ends) + 0.3), layout=ConstrainedLayoutEngine(h_pad=0.02))
    grid = figure.add_gridspec(1, len(columns), width_ratios=wide)
    found: dict[int, tuple[Axes, float]] = {}
    for at, column in enumerate(columns):
        rest = max(ends) - ends[at]
        ratios = [heights[number] for number in column] + ([rest] if rest > 0 else [])
        inner = grid[at].subgridspec(len(ratios), 1, height_ratios=ratios)
        found |= {number: (figure.add_subplot(inner[row]), wide[at]) for row, number in enumerate(column)}
    return figure, [found[number] for number in range(len(widths))]


def _inputs(part: pd.DataFrame) -> dict[str, list[str]]:
    return {box: inputs.split() for box, inputs in zip(part["box"], part["inputs"], strict=True)}


def _draw(panel: Axes, part: pd.DataFrame, found: layered.Layout, wide: float) -> None:
    """The diagram in the middle of a panel that has room for so many boxes side by side."""
    for points in found.arrows.values():
        half = BOX_HEIGHT / 2  # beside boxes an arrow goes straight down, and turns between the layers
        way = [(x, layer + side) for x, layer in points for side in (-half, half)][1:-1]
        xs, ys = [x for x, _ in way], [y for _, y in way]
        panel.plot(xs[:-1], ys[:-1], color="#555555", linewidth=0.7, zorder=1, solid_joinstyle="round")
        panel.annotate(
            "",
            xy=(xs[-1], ys[-1]),
            xytext=(xs[-2], ys[-2]),
            arrowprops={"arrowstyle": "-|>", "color": "#555555", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0},
            zorder=1,
        )
    known = looks()
    for row in part.itertuples():
        x, y = found.boxes[str(row.box)]
        look = known.get(str(row.kind))
        panel.add_patch(
            FancyBboxPatch(
                (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2),
                BOX_WIDTH,
                BOX_HEIGHT,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor=style.light(look.color) if look else "#ffffff",
                edgecolor=look.color if look else "#999999",
                linestyle="-" if look else (0, (3, 2)),
                linewidth=0.8,
                zorder=2,
            )
        )
        text = "\n".join(_short(str(one)) for one in (row.label, row.also) if one)
        panel.text(x, y, text, ha="center", va="center", fontsize=style.SMALL, linespacing=1.1, zorder=3)
    xs = [x for x, _ in found.boxes.values()] + [x for points in found.arrows.values() for x, _ in points]
    middle = (min(xs) + max(xs)) / 2
    panel.set(xlim=(middle - wide / 2, middle + wide / 2), ylim=(found.layers - 0.5, -0.5))
    panel.set_axis_off()


def _short(label: str) -> str:
    for word, short in SHORT.items():
        label = label.replace(word, short)
    return label
