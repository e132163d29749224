"""Tests of the mark of the origin, sizes of text on pages and in print, logarithmic ticks, and neutral colours."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from aiot_analysis import plots
from aiot_analysis.plots import latency, style
from aiot_analysis.stats import latency as latency_stats
from tests.aiot_analysis.conftest import images, instances
from tests.aiot_analysis.plots import test_plots, test_print

A = "tflite_cpu_float32_mnasnet"
SIMULATED = "simulated · end to end · sample weights"
PAGE_POINTS = 11 / 96 * 72  # 11 pixels at 96 pixels per inch


def marks(figure, word="SIMULATED"):
    return [text for text in figure.findobj(mpl.text.Text) if text.get_text().strip() == word]


def panel(origin=SIMULATED):
    figure, [axes] = style.panels(1, 1, 4, 3)
    axes.plot([0, 1], [0, 1])
    return style.finish(figure, origin, "A line."), axes


@pytest.mark.parametrize(
    ("origin", "word"), [(SIMULATED, "SIMULATED"), ("published by others", "PUBLISHED"), ("measured · end to end", "")]
)
def test_a_light_level_mark_is_below_all_data_of_a_panel(origin, word):
    figure, axes = panel(origin)
    if not word:
        assert not marks(figure) and not marks(figure, "PUBLISHED")
        return
    [mark] = marks(figure, word)
    others = [artist.get_zorder() for artist in axes.get_children() if artist is not mark]
    assert mark.get_zorder() < min(others) and mark.get_rotation() == 0
    figure.draw_without_rendering()
    box, room = mark.get_window_extent(), axes.get_window_extent()
    assert room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
    # light but legible: the contrast of WCAG 2.2 with the background is between 1.3 and 3
    parts = np.array(mpl.colors.to_rgb(mark.get_color()))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    assert 1.3 < 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) < 3


def test_a_mark_stays_within_a_low_panel():
    figure, [axes] = style.panels(1, 1, 8, 1.2)
    axes.scatter(np.tile(np.linspace(0, 1, 60), 9), np.repeat(np.linspace(0, 0.68, 9), 60))
    axes.set(ylim=(0, 1))
    style.finish(figure, SIMULATED, "Points.")
    figure.draw_without_rendering()
    [mark] = marks(figure)
    box, room = mark.get_window_extent(), axes.get_window_extent()
    assert room.y0 <= box.y0 and box.y1 <= room.y1


def test_a_mark_avoids_texts_and_bars():
    figure, [axes] = style.panels(1, 1, 4, 3)
    axes.barh([0, 1, 2, 3], [10, 9, 8, 1], height=1)
    axes.set(xlim=(0, 20), ylim=(3.5, -0.5))
    axes.text(0.5, 0.5, "a label", transform=axes.transAxes)
    style.finish(figure, SIMULATED, "Bars.")
    figure.draw_without_rendering()
    [mark] = marks(figure)
    box = mark.get_window_extent()
    for other in [*axes.patches, *(text for text in axes.texts if text is not mark)]:
        assert not box.overlaps(other.get_window_extent())


def test_a_mark_avoids_a_band_of_points():
    figure, [axes] = style.panels(1, 1, 4, 3)
    axes.scatter(np.linspace(0, 1, 60), np.tile([0.48, 0.52], 30))
    axes.plot(np.linspace(0, 1, 60), [0.5] * 60, "o")
    axes.set(ylim=(0, 1))
    style.finish(figure, SIMULATED, "Points.")
    figure.draw_without_rendering()
    [mark] = marks(figure)
    box = mark.get_window_extent().transformed(axes.transData.inverted())
    assert box.y0 > 0.52 or box.y1 < 0.48


def test_a_mark_avoids_lines_but_not_those_of_reference():
    figure, [axes] = style.panels(1, 1, 4, 3)
    axes.set(xlim=(0, 10), ylim=(0, 10))
    axes.hlines([5.0, 6.0, 7.0], 1, 9)  # intervals
    axes.plot([0.5, 9.5], [1.0, 4.5])
    axes.axvline(5, linestyle="--")  # crosses every place in the middle
    style.finish(figure, SIMULATED, "Lines.")
    figure.draw_without_rendering()
    [mark] = marks(figure)
    box = mark.get_window_extent().transformed(axes.transData.inverted())
    assert not any(box.y0 < height < box.y1 for height in (5.0, 6.0, 7.0))
    slope = (4.5 - 1.0) / (9.5 - 0.5)
    lower, upper = (1.0 + slope * (end - 0.5) for end in (box.x0, box.x1))
    assert box.y0 >= upper - 0.1 or box.y1 <= lower + 0.1
    assert mark.get_fontsize() > 10  # not the smallest, which would fit beside the dashed line


def test_a_panel_covered_by_cells_is_marked_above_and_apart_from_its_title():
    figure, [axes] = style.panels(1, 1, 2.2, 2)
    axes.imshow(np.zeros((3, 3)), aspect="auto")
    axes.set_title("A title as wide as the panel")
    style.finish(figure, SIMULATED, "Cells.")
    figure.draw_without_rendering()
    [mark] = marks(figure)
    assert mark.get_window_extent().y0 >= axes.get_window_extent().y1
    title = axes._left_title.get_window_extent()
    words = mark.get_window_extent()  # the last line is empty, beside the title
    assert mark.get_text() == "SIMULATED\n" and words.y1 - words.height / 2 >= title.y0 + title.height / 2


def test_the_mark_above_cells_is_apart_from_a_title_beside_long_labels():
    figure, [axes] = style.panels(1, 1, 6, 2)
    axes.imshow(np.zeros((3, 3)), aspect="auto")
    axes.set_yticks(range(3), ["the long name of a device with its chip"] * 3)
    axes.set_title("A title nearly as wide as the panel", loc="left")
    style.finish(figure, SIMULATED, "Cells.")
    figure.draw_without_rendering()
    [mark] = marks(figure)
    assert axes.get_window_extent().width < 0.7 * figure.bbox.width
    assert mark.get_text() == "SIMULATED\n"  # on a line of its own
    figure, [axes] = style.panels(1, 1, 6, 2)
    axes.imshow(np.zeros((3, 3)), aspect="auto")
    axes.set_title("A title nearly as wide as the panel", loc="left")
    style.finish(figure, SIMULATED, "Cells.")
    assert marks(figure)[0].get_text() == "SIMULATED"  # beside the title, where labels are short


def test_bars_with_gaps_that_cover_most_of_a_panel_count_as_covering():
    covering = []
    for width in (0.72, 0.3):
        figure, [axes] = style.panels(1, 1, 4, 3)
        axes.bar(range(10), [1] * 10, width)
        axes.set(xlim=(-0.5, 9.5), ylim=(0, 1))
        style.finish(figure, SIMULATED, "Bars.")
        covering.append(bool(axes.get_title(loc="right")))
    assert covering == [True, False]


def test_in_print_the_origin_line_can_be_left_out_and_the_mark_stays():
    with style.printing(3.5):
        assert "SIMULATED · end to end" in test_plots.words(panel()[0])
    with style.printing(3.5, origin_line=False):
        figure, _ = panel()
        own, target = pyplot.subplots()
        latency.distribution(latency_stats.summary(images(A, [True] * 3, [1.0, 2.0, 3.0])), SIMULATED, ax=target)
    assert "end to end" not in test_plots.words(figure) and len(marks(figure)) == 1
    assert "end to end ·" not in test_plots.words(own) and len(marks(own)) == 1
    assert "SIMULATED · end to end" in test_plots.words(panel()[0])
    pyplot.close(own)


def test_small_text_is_11_pixels_on_pages_wide_or_narrow_and_7_points_in_print(tmp_path):
    assert pytest.approx(PAGE_POINTS) == 8.25 == style.SMALL
    with style.narrow(3.7):
        assert style.SMALL == 8.25 and style.page_width(9) == 3.7
    sheet = tmp_path / "large.mplstyle"
    sheet.write_text("xtick.labelsize: 8\n")
    with style.printing(3.5):
        assert style.SMALL == 7
    with style.printing(3.5, sheet):
        assert style.SMALL == 8


@pytest.mark.parametrize("count", [1, 2, pytest.param(51, marks=pytest.mark.slow)])
def test_no_text_of_a_figure_is_smaller_than_11_pixels_on_a_page(count, one_device, fleet):
    ids = sorted(fleet["device_id"].unique())[:count]
    frame = one_device if count == 1 else fleet[fleet["device_id"].isin(ids)]
    for name, figure in test_plots.all_figures(instances(*frame.to_dict("records"))):
        small = [text.get_text() for text, _ in test_print.words(figure) if text.get_fontsize() < PAGE_POINTS - 1e-9]
        assert small == [], name
        assert figure.get_size_inches()[0] <= style.WIDEST, name  # wider figures are scaled down


def test_large_numbers_in_words_have_no_exponent():
    assert [style.written(value) for value in (2.17, 217.4, 2174.0)] == ["2.17", "217", "2,170"]


def test_neutral_colours_are_named_in_one_place():
    with style.context():
        for name in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"):
            assert mpl.colors.to_hex(mpl.rcParams[name]) == style.INK, name
        grounds = {mpl.colors.to_hex(mpl.rcParams[name]) for name in ("figure.facecolor", "axes.facecolor")}
        assert grounds == {style.GROUND} and mpl.colors.to_hex(mpl.rcParams["grid.color"]) == style.GRID
    neutral = {style.INK, style.GREY, style.RULE, style.GRID, style.GROUND}
    named = {style.ON_DARK, style.ON_LIGHT, style.SIMULATED, style.PUBLISHED}
    assert len(neutral) == 5 and not neutral & (named | {look.color.lower() for look in style.palette()[:7]})


def test_plots_have_no_neutral_colours_of_their_own():
    own = ["latency", "complexity", "operators", "coverage", "agreement", "answer_sets", "published_speed"]
    for module in own:
        text = Path(getattr(plots, module).__file__).read_text(encoding="utf-8")
        written = set(re.findall(r"""["'](black|white|#[0-9a-f]{6})["']""", text))
        assert not written & {"black", "white", "#000000", style.INK, style.GREY, style.RULE, style.GRID, style.GROUND}


def test_texts_are_measured_with_one_renderer_of_the_figure():
    """Each renderer has a picture of its own, so measuring 3,000 symbols with one each took 16 GB of memory."""
    _, axes = style.panels(2, 2, 3, 2)
    texts = [panel.text(0.5, 0.5, "x") for panel in axes]
    boxes = {id(text.get_figure(root=True).canvas.get_renderer()) for text in texts for _ in range(3)}
    assert len(boxes) == 1
