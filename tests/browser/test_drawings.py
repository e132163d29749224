"""Figures of pages in a browser: on wide and narrow screens, in light and dark themes, and on paper."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import WatchedPage

Visit = Callable[..., WatchedPage]
PAGES = ["simulated/11_latency.html"]  # on other pages, all figures are interactive
every_page = pytest.mark.parametrize("name", PAGES)
TEXTS = """kind => [...document.querySelectorAll(`.picture svg.${kind} text`)]
.filter(text => text.checkVisibility() && text.textContent !== 'SIMULATED').map(text => {
    const scale = text.ownerSVGElement.getScreenCTM().a
    return [text.textContent, scale * parseFloat(getComputedStyle(text).fontSize)]
})"""
BEYOND = """() => [...document.querySelectorAll('.picture svg.narrow text')].filter(text => {
    if (!text.checkVisibility()) return false
    const box = text.getBoundingClientRect(), figure = text.ownerSVGElement.getBoundingClientRect()
    return box.left < figure.left - 12 || box.right > figure.right + 12
}).map(text => text.textContent)"""


@every_page
def test_a_phone_shows_the_narrow_drawing_whole_and_large_enough_to_read(name: str, site: Path, visit: Visit) -> None:
    page = visit(390).open(site / name)
    assert page.locator("figure:visible .picture svg.narrow").count() > 0  # others are folded or interactive
    assert all(not drawing.is_visible() for drawing in page.locator(".picture:not(.single) svg.wide").all())
    for drawing in page.locator("figure:visible svg.narrow").all():
        box = drawing.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    texts = page.evaluate(TEXTS, "narrow")
    assert texts and [(text, size) for text, size in texts if size < 10.99] == []  # CSS pixels
    assert page.evaluate(BEYOND) == []


@every_page
def test_a_wide_screen_shows_the_wide_drawing(name: str, site: Path, visit: Visit) -> None:
    page = visit(1440).open(site / name)
    assert all(drawing.is_visible() for drawing in page.locator("figure:visible svg.wide").all())
    assert not any(drawing.is_visible() for drawing in page.locator("svg.narrow").all())


def test_the_text_of_figures_follows_the_theme_and_paper_is_light(site: Path, visit: Visit) -> None:
    page = visit(color_scheme="dark").open(site / "simulated" / "11_latency.html")
    colors = "[...document.querySelectorAll('.picture svg.wide text')].map(text => getComputedStyle(text).fill)"
    assert "rgb(163, 175, 186)" in page.evaluate(colors)
    page.emulate_media(color_scheme="light")
    assert "rgb(107, 107, 107)" in page.evaluate(colors)
    page.emulate_media(media="print", color_scheme="dark")
    assert "rgb(107, 107, 107)" in page.evaluate(colors)
    assert not any(cite.is_visible() for cite in page.locator(".cite, .permalink").all())
    assert all(drawing.is_visible() for drawing in page.locator("figure:visible svg.wide").all())


def test_a_permalink_leads_to_its_figure_and_a_citation_unfolds(site: Path, visit: Visit) -> None:
    page = visit().open(site / "simulated" / "04_frameworks.html")
    figure = page.locator("#fig5_framework_shares")
    figure.get_by_role("link", name="permalink").click()
    assert page.url.endswith("#fig5_framework_shares")
    figure.get_by_text("cite this figure").click()
    assert "@misc{fig5_framework_shares_" in figure.locator("pre").inner_text()
