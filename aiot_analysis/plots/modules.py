"""Diagrams of the typical module of each network, drawn from its graph (Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch

from aiot_analysis.plots import style
from aiot_analysis.plots.layered import Layout, layered_layout
from aiot_analysis.plots.operators import GAP, looks
from aiot_analysis.tables import names

COLUMNS = 3
BOX_INCHES, LAYER_INCHES = 0.97, 0.42  # room for a box
BOX_WIDTH, BOX_HEIGHT = 0.94, 0.6  # size of a box as a fraction of its room
TITLE_INCHES = 0.35
SHORT = {"batch norm": "BN", "concatenation": "concat", "average pooling": "avg pool", "max pooling": "max pool"}
SHORT |= {"depthwise": "dw"}  # the usual abbreviation in papers, since boxes are narrow
LEAST_BOXES = 2.7  # minimum width of a column in boxes, so that titles fit


@style.styled
def typical_modules(
    frame: pd.DataFrame, origin: str, *, ax: Axes | None = None, fig: Figure | SubFigure | None = None
) -> Figure:
    """Draw one diagram per model: boxes are operators, arrows are their inputs.

    Takes the frame of `stats.modules.boxes`. The size of a panel depends on its diagram.
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
        panel.set_title(f"({chr(97 + number)}) {names.display(model)}: {of_class.strip('_')}, {module}", fontsize=7.5)
        _draw_module(panel, part, diagram_layout, panel_width)
        operators = part[part["kind"] != "input"]
        descriptions.append(f"{names.display(model)}, {module}: {'; '.join(operators['label'])}")
    return style.finish(figure, origin, f"The typical module of each network. {'. '.join(descriptions)}.")


def _module_panels(widths: Sequence[float], layers: Sequence[int]) -> tuple[style.Canvas, list[tuple[Axes, float]]]:
    """Return a figure with one panel per diagram, and for each panel its axes and its width in boxes.

    Each panel is added to the shortest column so far, so that a long module is next to several short ones.
    """
    fitting = int(style.page_width(8.0) / (LEAST_BOXES * BOX_INCHES))
    columns: list[list[int]] = [[] for _ in range(max(1, min(COLUMNS, len(widths), fitting)))]
    ends = [0.0] * len(columns)
    heights = [TITLE_INCHES + LAYER_INCHES * count for count in layers]
    for number, height in enumerate(heights):
        column_index = ends.index(min(ends))
        columns[column_index].append(number)
        ends[column_index] += height
    column_widths = [max(LEAST_BOXES, *(widths[number] for number in column)) for column in columns]
    figure_width = style.page_width(BOX_INCHES * sum(column_widths))
    figure = style.blank(len(widths), figure_width, max(ends) + 0.3, ConstrainedLayoutEngine(h_pad=0.02))
    if isinstance(figure, Axes):
        return figure, [(figure, column_widths[0])]
    grid = figure.add_gridspec(1, len(columns), width_ratios=column_widths)
    panels: dict[int, tuple[Axes, float]] = {}
    for column_index, column in enumerate(columns):
        free_height = max(ends) - ends[column_index]
        ratios = [heights[number] for number in column] + ([free_height] if free_height > 0 else [])
        inner = grid[column_index].subgridspec(len(ratios), 1, height_ratios=ratios)
        panels |= {
            number: (figure.add_subplot(inner[row]), column_widths[column_index]) for row, number in enumerate(column)
        }
    return figure, [panels[number] for number in range(len(widths))]


def _module_inputs(part: pd.DataFrame) -> dict[str, list[str]]:
    return {box: inputs.split() for box, inputs in zip(part["box"], part["inputs"], strict=True)}


def _draw_module(panel: Axes, part: pd.DataFrame, found: Layout, wide: float) -> None:
    """Draw a diagram in the middle of a panel that is `wide` boxes wide."""
    for points in found.arrows.values():
        half = BOX_HEIGHT / 2  # arrows run straight down beside boxes and change direction between layers
        path = [(x, layer + side) for x, layer in points for side in (-half, half)][1:-1]
        xs, ys = [x for x, _ in path], [y for _, y in path]
        panel.plot(xs[:-1], ys[:-1], color="#555555", linewidth=0.7, zorder=1, solid_joinstyle="round")
        panel.annotate(
            "",
            xy=(xs[-1], ys[-1]),
            xytext=(xs[-2], ys[-2]),
            arrowprops={"arrowstyle": "-|>", "color": "#555555", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0},
            zorder=1,
        )
    kind_looks = looks()
    for row in part.itertuples():
        x, y = found.boxes[str(row.box)]
        look = kind_looks.get(str(row.kind))
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
        text = "\n".join(_short_label(str(label)) for label in (row.label, row.also) if label)
        panel.text(x, y, text, ha="center", va="center", fontsize=style.SMALL, linespacing=1.1, zorder=3)
    xs = [x for x, _ in found.boxes.values()] + [x for points in found.arrows.values() for x, _ in points]
    middle = (min(xs) + max(xs)) / 2
    panel.set(xlim=(middle - wide / 2, middle + wide / 2), ylim=(found.layers - 0.5, -0.5))
    panel.set_axis_off()


def _short_label(label: str) -> str:
    for word, short in SHORT.items():
        label = label.replace(word, short)
    return label
