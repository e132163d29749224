"""Tests of the presets of publishers: widths, available fonts, fitting texts and small legends."""

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.font_manager import FontProperties, fontManager

from aiot_analysis.plots import style
from aiot_analysis.plots.presets import PRESETS
from tests.aiot_analysis.plots.test_print import outside, overlapping, words

PICA, POINTS = 12, 72.27  # TeX points per pica and per inch
BUNDLED = {Path(path).stem for path in Path(mpl.get_data_path(), "fonts", "ttf").glob("*.ttf")}
LARGEST_LEGEND = 0.15  # of the area of a figure

every_preset = pytest.mark.parametrize("name", PRESETS)


def test_columns_have_the_widths_of_the_publishers():
    ieee, acm = PRESETS["ieee"].widths, PRESETS["acm"].widths
    assert (ieee["single"], ieee["double"]) == (3.5, 7.16)  # 21 picas and 43 picas
    text = 8.5 * POINTS - 2 * 54  # points between the margins of acmart
    column = (text - 2 * PICA) / 2
    assert acm["double"] == pytest.approx(text / POINTS, abs=0.01) and acm["double"] <= text / POINTS
    assert acm["single"] == pytest.approx(column / POINTS, abs=0.01) and acm["single"] <= column / POINTS


@every_preset
def test_text_has_8_to_9_points_and_a_font_that_comes_with_matplotlib(name):
    with style.printing(sheet=PRESETS[name].sheet), style.context():
        settings = mpl.rcParams
        sizes = ["font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize"]
        assert all(8 <= settings[key] <= 9 for key in [*sizes, "legend.fontsize"])
        assert settings["pdf.fonttype"] == 42
        generic, *others = settings["font.family"]
        families = [*settings[f"font.{generic}"], *others]
        assert {family.replace(" ", "") for family in families} & BUNDLED
        path = Path(fontManager.findfont(FontProperties(family=[generic]), fallback_to_default=False))
        assert path.suffix == ".ttf", "an OpenType font with PostScript outlines cannot be embedded as Type 42"


@every_preset
def test_words_are_readable_inside_and_apart_and_legends_are_small(name, figures):
    preset = PRESETS[name]
    for title, figure in figures.items():
        for width, inches in preset.widths.items():
            with (
                style.printing(inches, preset.sheet),
                style.context(),
            ):  # fonts are looked up while drawing, as for a saved file
                again = style.figure_source(figure).again()
                place = f"{title}, {width}"
                placed = words(again)
                assert again.get_size_inches()[0] == inches, place
                assert min(float(text.get_fontsize()) for text, _ in placed) >= 7, place
                assert outside(again, placed) == [], place
                assert overlapping(placed) == [], place
                assert legend_share(again) < LARGEST_LEGEND, place


def legend_share(figure):
    """Return the area of the legends of a drawn figure as a share of the figure."""
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    boxes = [legend.get_window_extent() for legend in legends]
    return sum(box.width * box.height for box in boxes) / (figure.bbox.width * figure.bbox.height)


def test_the_share_of_a_legend_is_measured():
    figure, [axes] = style.panels(1, 1, 3, 2)
    axes.plot([0, 1], label="a series with a long name")
    figure.draw_without_rendering()
    assert legend_share(figure) == 0
    legend = axes.legend(fontsize=20, borderpad=2)
    figure.draw_without_rendering()
    box = legend.get_frame().get_bbox().bounds[2:]
    assert legend_share(figure) == pytest.approx(box[0] * box[1] / figure.bbox.width / figure.bbox.height, rel=0.1)
    assert legend_share(figure) > LARGEST_LEGEND
