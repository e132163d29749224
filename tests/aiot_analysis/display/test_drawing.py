"""Figures as SVG: what is in them, with which colours in each theme, and for which screens."""

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from aiot_analysis.display import drawing, figure_colors
from aiot_analysis.plots import style
from tests.aiot_analysis.display.test_export import draw

SVG = "{http://www.w3.org/2000/svg}"
LINE_OPACITY = 0.75  # of thin lines in the colour of a series, see LEAST_OPACITY in charts.js


def bars(**options: Any) -> Figure:
    figure = Figure(figsize=(3, 2), label='Bars "a" < b')
    axes = figure.add_subplot()
    axes.bar([0, 1], [1 / 3, 2 / 3], **options)
    return figure


def test_a_drawing_has_text_as_text_short_numbers_and_nothing_that_a_page_does_not_need() -> None:
    figure = bars()
    figure.axes[0].set_title("A & <b>")
    text = drawing.svg(figure, "one")
    root = ElementTree.fromstring(text)
    assert root.attrib["aria-label"] == 'Bars "a" < b'
    assert (root.attrib["width"], root.attrib["height"]) == ("288", "192")  # 96 to an inch
    assert root.attrib["viewBox"] == "0 0 216 144"  # 72 to an inch
    assert "A & <b>" in [item.text for item in root.iter(f"{SVG}text")]
    assert not [item.tag for item in root.iter() if item.tag in (f"{SVG}metadata", f"{SVG}style", f"{SVG}title")]
    assert not re.search(r"\d\.\d{3}", text) and "<!" not in text and "xlink" not in text
    assert len(text) < 6000


def test_ids_are_unique_and_each_reference_leads_to_one() -> None:
    text = "".join(drawing.svg(draw(), prefix) for prefix in ("fig5", "fig5-narrow", "fig6"))
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) > 6
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) == set(ids)


def test_the_same_figure_gives_the_same_drawing() -> None:
    assert drawing.svg(draw(), "one") == drawing.svg(draw(), "one")


@pytest.mark.parametrize("hatch", [".", "...", "ooo", "xxx", "///"])
def test_a_hatch_is_as_before_but_shorter(hatch: str) -> None:
    """The marks in the square that is repeated are those that matplotlib draws there."""
    text = drawing.svg(bars(hatch=hatch), "one")
    root = ElementTree.fromstring(text)
    pattern = next(root.iter(f"{SVG}pattern"))
    side = float(pattern.attrib["width"])
    assert side == float(pattern.attrib["height"]) and 72 % side == 0
    assert len(text) < 20_000
    if hatch in ("...", "ooo"):  # rows of 18 marks on 72 points, every second one moved by half
        assert side == 8


def test_many_marks_are_pixels_and_few_are_not() -> None:
    sizes = {}
    for count in (100, 20_000):
        figure = Figure(figsize=(6, 3), label="Points")
        points = np.random.default_rng(1).random((count, 2))
        figure.add_subplot().scatter(points[:, 0], points[:, 1], s=2)
        text = drawing.svg(figure, "one")
        assert ('href="data:image/png' in text) == (count > drawing.DENSE)
        sizes[count] = len(text)
    assert sizes[20_000] < 400_000


def test_a_figure_is_drawn_again_for_narrow_screens_if_that_is_known() -> None:
    root = ElementTree.fromstring(drawing.narrow(draw(), "one"))
    heights = [float(size) for size in re.findall(r"font-size:([\d.]+)px", drawing.narrow(draw(), "one"))]
    width = float(root.attrib["viewBox"].split()[2])
    shown = drawing.NARROW_PX / width  # pixels per unit, when it fills the screen
    assert shown * min(heights) >= 11 - 0.05
    assert drawing.narrow(bars(), "one") == ""


def luminance(color: str) -> float:
    """By the definition in WCAG 2.2."""
    value = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_contrast_is_that_of_the_standard() -> None:
    assert figure_colors.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert figure_colors.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # a well-known example
    assert figure_colors.contrast("#e69f00", "#ffffff") == pytest.approx(contrast("#ffffff", "#e69f00"))


@pytest.mark.parametrize("color", figure_colors.series_colors())
def test_series_can_be_seen_in_both_themes(color: str) -> None:
    light, dark = figure_colors.shades(color)
    assert contrast(light, "#ffffff") >= 3
    assert contrast(dark, "#14181c") >= 4.5
    if contrast(color, "#ffffff") >= 3:
        assert light == color
    if contrast(color, "#14181c") >= 4.5:
        assert dark == color
    # text on an area in this colour, which is the same in both themes
    assert contrast(style.ink(color), dark) >= 3


@pytest.mark.parametrize("color", figure_colors.series_colors())
def test_thin_lines_can_be_seen_on_dark_pages(color: str) -> None:
    _, dark = figure_colors.shades(color)
    channels = zip(bytes.fromhex(dark[1:]), bytes.fromhex("14181c"), strict=True)
    mixed = bytes(round(LINE_OPACITY * line + (1 - LINE_OPACITY) * ground) for line, ground in channels)
    assert contrast(f"#{mixed.hex()}", "#14181c") >= 3


def test_series_are_those_of_the_style_sheet() -> None:
    assert [look.color.lower() for look, _ in zip(style.palette(), range(7), strict=False)] == list(
        figure_colors.series_colors()[:7]
    )


@pytest.mark.parametrize("color", ["#333333", "#6b6b6b", "#b00020", "#5b3f9e", "#444444"])
def test_text_can_be_read_in_both_themes(color: str) -> None:
    light, dark = figure_colors.shades(color)
    assert light == color
    assert contrast(dark, "#14181c") >= 4.5


@pytest.mark.parametrize("grey", ["#9db3c1", "#9fb8c8", "#9a9a9a"])
def test_greys_of_dots_and_bars_can_be_seen_in_both_themes(grey: str) -> None:
    light, dark = figure_colors.shades(grey)
    assert 3 <= contrast(light, "#ffffff") < 3.5
    assert 3 <= contrast(dark, "#14181c") < 3.5


@pytest.mark.parametrize("tint", ["#cce3f0", "#eef2f5", "#e6e6e6", "#ffffff"])
def test_tints_stay_grounds_for_text(tint: str) -> None:
    _, dark = figure_colors.shades(tint)
    assert contrast(dark, "#e4e9ee") >= 7  # the text of dark pages


def test_on_a_page_colours_are_variables_with_a_value_for_each_theme() -> None:
    html = figure_colors.picture('Two "bars"', drawing.svg(bars(color="#0072B2"), "one"), "")
    assert html.startswith('<div class="picture single" role="img" aria-label="Two &quot;bars&quot;"><svg width="288"')
    assert "fill:var(--figure-0072b2)" in html and "fill:var(--figure-ground)" in html
    assert not re.search("#[0-9a-f]{6}", html) and "http" not in html and "background" not in html
    rules = figure_colors.rules(html)
    for name in re.findall(r"var\(--(figure-\w+)\)", html):
        assert f"--{name}: " in rules
    assert "--figure-e69f00: light-dark(#c28600, #e69f00);" in rules


def test_a_figure_with_two_drawings_has_one_description() -> None:
    figure = draw()
    html = figure_colors.picture("Shares", drawing.svg(figure, "one"), drawing.narrow(figure, "two"))
    assert html.count("aria-label") == 1 and html.count('aria-hidden="true"') == 2
    assert html.index('class="wide"') < html.index('class="narrow"')


def test_text_on_a_mark_keeps_its_colour_and_text_beside_it_follows_the_theme() -> None:
    figure = bars(color="#0072B2")
    axes = figure.axes[0]
    axes.text(1, 0.3, "inside", color="white", ha="center")
    axes.text(0, 0.6, "above", color="#333333", ha="center")
    axes.text(1, 0.1, "boxed", color="#333333", ha="center", bbox={"facecolor": "white"})
    html = figure_colors.picture("", drawing.svg(figure, "one"), "")
    colors = {words: style for style, words in re.findall(r'<text style="([^"]*)"[^>]*>(\w+)<', html)}
    assert "rgb(255,255,254)" in colors["inside"]
    assert "var(--figure-333333)" in colors["above"] and "var(--figure-333333)" in colors["boxed"]


def test_text_in_cells_follows_the_theme_if_its_cell_does() -> None:
    figure = Figure(figsize=(3, 2), label="Cells")
    axes = figure.add_subplot()
    axes.pcolormesh([[0, 1]], cmap=ListedColormap(["#0072b2", "#dddddd"]))
    axes.text(0.5, 0.5, "series", color="white", ha="center")
    axes.text(1.5, 0.5, "grey", color="#333333", ha="center")
    html = figure_colors.picture("", drawing.svg(figure, "one"), "")
    colors = {words: style for style, words in re.findall(r'<text style="([^"]*)"[^>]*>(\w+)<', html)}
    assert "rgb(" in colors["series"] and "var(--figure-333333)" in colors["grey"]
    assert "var(--figure-0072b2)" in html and "var(--figure-dddddd)" in html
