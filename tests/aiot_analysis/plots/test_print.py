"""Tests of figures for print: the requested width, and texts that are readable, inside and apart."""

from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aiot_analysis.display.export import WIDTHS
from aiot_analysis.plots import style
from aiot_analysis.plots.presets import PRESETS
from tests.aiot_analysis.plots import test_plots

INK = 0.5  # points by which boxes of texts may overlap


def words(figure):
    """Return the drawn texts of a figure and their boxes in points, without the mark over the whole figure."""
    figure.draw_without_rendering()
    undrawn = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        shown = axis._update_ticks() if axis.axes.axison else []  # ticks outside of the view still have labels
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        undrawn |= {label for tick in ticks if tick not in shown for label in (tick.label1, tick.label2)}
    placed = []
    for text in figure.findobj(mpl.text.Text):
        is_drawn = text.get_visible() and text.get_in_layout() and text not in undrawn
        if is_drawn and text.get_text().strip() and text.get_text() != "SIMULATED":
            box = text.get_window_extent().transformed(mpl.transforms.Affine2D().scale(72 / figure.dpi))
            placed.append((text, box))
    return placed


def outside(figure, placed):
    """Return the texts beyond the edges of the figure, from the result of `words`."""
    width, height = (72 * inches for inches in figure.get_size_inches())
    return [
        text.get_text()
        for text, box in placed
        if box.x0 < -INK or box.x1 > width + INK or box.y0 < -INK or box.y1 > height + INK
    ]


def overlapping(placed):
    """Return the pairs of horizontal texts that overlap; boxes of rotated texts are larger than the texts."""
    level = [(text, box) for text, box in placed if text.get_rotation() == 0]
    pairs = []
    for (first, a), (second, b) in combinations(level, 2):
        across, along = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > INK and along > INK:
            pairs.append((first.get_text(), second.get_text()))
    return pairs


def test_words_are_readable_inside_and_apart_at_the_width_of_a_column(figures):
    for name, figure in figures.items():
        for width, inches in WIDTHS.items():
            with style.printing(inches):
                again = style.figure_source(figure).again()
            case = f"{name}, {width}"
            assert again.get_size_inches()[0] == inches, case
            placed = words(again)
            sizes = {float(text.get_fontsize()) for text, _ in placed}
            assert min(sizes) >= 7 and max(sizes) <= 9, case
            assert outside(again, placed) == [], case
            assert overlapping(placed) == [], case


def test_overlapping_words_and_words_outside_are_detected():
    figure, [axes] = style.panels(1, 1, 3, 2)
    axes.text(0.5, 0.5, "one word")
    axes.text(0.52, 0.5, "another")
    assert ("one word", "another") in overlapping(words(figure))
    figure.text(0.99, 0.5, "beyond the edge")
    assert outside(figure, words(figure)) == ["beyond the edge"]


def test_a_figure_is_drawn_again_with_fewer_panels_in_a_row(fleet):
    few = fleet[fleet["device_id"] <= "phone-12"]
    drawing = style.figure_source(next(figure for name, figure in test_plots.all_figures(few) if name == "fig4"))
    columns = {}
    for width, inches in WIDTHS.items():
        with style.printing(inches):
            again = drawing.again()
        columns[width] = again.axes[0].get_gridspec().ncols
    assert columns["single"] < columns["double"]
    assert list(drawing.frames) == ["rows"]


def test_a_sheet_is_laid_over_the_projects(tmp_path: Path):
    sheet = tmp_path / "own.mplstyle"
    sheet.write_text('axes.prop_cycle: cycler(color=["112233", "445566"])\naxes.titlesize: 9\n')
    before = style.look("tflite_cpu")
    with style.printing(3.5, sheet):
        assert style.look("tflite_cpu").color == "#112233"
        assert style.look("pytorch_cpu").color == "#112233"  # the two colours repeat, but markers do not
        assert style.look("pytorch_cpu").marker != style.look("tflite_cpu").marker
        with style.context():
            assert mpl.rcParams["axes.titlesize"] == 9
            assert mpl.rcParams["pdf.fonttype"] == 42
    assert style.look("tflite_cpu") == before


def colors(figure):
    """Return the colours of all lines, areas and marks of a figure."""
    values = set()
    for artist in figure.findobj(lambda one: isinstance(one, (Line2D, Patch, Collection))):
        if isinstance(artist, Line2D):
            values |= {artist.get_color(), artist.get_markerfacecolor(), artist.get_markeredgecolor()}
        else:
            for some in (artist.get_facecolor(), artist.get_edgecolor()):
                values |= {to_hex(one) for one in np.atleast_2d(some)} if len(some) else set()
    return {to_hex(one) for one in values if one != "none"}


def test_no_mark_keeps_a_colour_of_the_project_in_a_sheet_with_others(figures, tmp_path: Path):
    sheet = tmp_path / "own.mplstyle"
    other = ["#112233", "#445566", "#778899", "#aabbcc", "#ccddee", "#123456", "#654321"]
    sheet.write_text(f"axes.prop_cycle: cycler(color={[one[1:] for one in other]})\n")
    ours = {one.color.lower() for one in style.palette()[:6]}
    for name, figure in figures.items():
        with style.printing(sheet=sheet):
            again = style.figure_source(figure).again()
        assert colors(again) & ours == set(), name
        assert colors(again) & set(other) or not colors(figure) & ours, name


def test_titles_are_wrapped_by_the_width_of_their_letters_as_drawn():
    titles = ["MnasNet, CPU", "MMMM WWWW", "illi, illi"]
    with style.printing(3.33, PRESETS["acm-sans"].sheet), style.context():
        figure, axes = style.panels(4, 2, 3.0, 2.3)
        for panel, title in zip(axes, titles, strict=False):
            panel.set(title=title, ylim=(-1000, 1000), ylabel="accuracy\nchange (points)")
        style.finish(figure, "measured", "")
        figure.draw_without_rendering()
        for panel, title in zip(axes, titles, strict=False):
            drawn = panel.title if panel.title.get_text() else panel._left_title
            assert drawn.get_text().split() == title.split()
            assert drawn.get_window_extent().width <= panel.get_window_extent().width * 1.01
        assert "\n" not in axes[2].get_title("left") + axes[2].get_title()
