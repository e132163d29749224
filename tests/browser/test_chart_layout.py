"""Interactive figures in a browser: drawn without scrolling, and marks, ticks and labels that cross nothing."""

from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from aiot_analysis.plots import shares as draw
from tests.aiot_analysis.charts import samples
from tests.browser import chart_pages
from tests.browser.conftest import WatchedPage
from tests.browser.test_charts import NUMBERS, VENDORS, axis_labels, bars, choose, times, write_page

Open = Callable[..., WatchedPage]
FIGURES = ("fig5", "ranking", "fig4")
ALL_DRAWN = "document.querySelectorAll('.drawing svg').length === 3"
BOXES = "all => all.map(element => element.getBoundingClientRect().toJSON())"


@pytest.fixture
def drawn(visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return a function that opens a page and returns it when all of its figures are drawn, without scrolling."""

    def open_page(number: int, origin: str = "simulated", address: str = "", script: str = "", **options: Any) -> Any:
        path = write_page(tmp_path, number, origin, monkeypatch)
        watched = visit(**options)
        if script:
            watched.page.add_init_script(script)
        watched.page.goto(path.as_uri() + address)
        watched.page.wait_for_function(ALL_DRAWN, timeout=15_000)
        return watched

    return open_page


@pytest.mark.parametrize("script", ["", "delete window.requestIdleCallback"])
def test_all_figures_are_drawn_without_scrolling_and_with_the_present_choices(script: str, drawn: Open) -> None:
    watched = drawn(51, address="#&vendor=HiSilicon", script=script, width=390)
    page = watched.page
    places = [place for place in range(51) if place % 3 == 1]  # of that vendor
    assert bars(page, "fig5").count() == 4 * len(places) and bars(page, "ranking").count() == len(places)
    assert page.evaluate("scrollY") == 0 and watched.messages == []
    assert page.locator("#fig4 .drawing").bounding_box()["y"] > 900 + 600  # neither on the screen nor near it


def test_figures_off_the_screen_follow_a_choice_soon(drawn: Open) -> None:
    page = drawn(51).page
    choose(page, "SoC vendor", "HiSilicon")
    page.wait_for_function("document.querySelectorAll('#fig4 .mark-symbol path').length === 4 * 17", timeout=5000)
    assert page.evaluate("scrollY") == 0 and page.locator("#fig4 .drawing").bounding_box()["y"] > 900


def overlapping(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        min(one["right"], other["right"]) - max(one["left"], other["left"]) > 0.5
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > 0.5
    )


@pytest.mark.parametrize("origin", ["simulated", "published"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("number", NUMBERS)
def test_the_origin_is_marked_in_each_panel_and_crosses_neither_data_nor_labels(
    number: int, width: int, origin: str, drawn: Open
) -> None:
    page = drawn(number, origin, width=width).page
    for figure in FIGURES:
        words = page.locator(f"#{figure} svg text", has_text=origin.upper())
        panels = page.locator(f"#{figure} .role-frame, #{figure} .role-scope.cell").count()
        assert words.count() == (1 if figure == "ranking" else 2) <= max(1, panels)
        drawing = page.locator(f"#{figure} .drawing svg").bounding_box()
        data = page.locator(f"#{figure} .role-mark :is(path, line):not([opacity='0'])").evaluate_all(BOXES)
        texts = page.locator(f"#{figure} svg text").evaluate_all(
            f"all => ({BOXES})(all.filter(text => text.textContent.trim() && text.textContent !== '{origin.upper()}'))"
        )
        visible = [box for box in data if box["width"] and box["height"]]
        for word in words.evaluate_all(BOXES):
            assert word["height"] >= 11
            assert word["left"] >= drawing["x"] and word["right"] <= drawing["x"] + drawing["width"] + 1
            assert word["top"] >= drawing["y"] - 1
            assert [box for box in [*visible, *texts] if overlapping(word, box)] == []


def test_the_mark_does_not_keep_the_pointer_from_what_is_below(drawn: Open) -> None:
    page = drawn(51).page
    word = page.locator("#ranking svg text", has_text="SIMULATED")
    assert word.evaluate("text => getComputedStyle(text).pointerEvents") == "none"
    box, plot = word.bounding_box(), page.locator("#ranking .role-frame").first.bounding_box()
    assert box["x"] > plot["x"] + plot["width"] / 2  # the lower right, where bars are short
    assert box["y"] > plot["y"] + plot["height"] / 2


CENTRES = """axes => axes.map(axis => {
    const centre = box => (box.left + box.right) / 2
    const lines = [...axis.querySelectorAll('.role-axis-tick line')].map(line => centre(line.getBoundingClientRect()))
    const labels = [...axis.querySelectorAll('.role-axis-label text')].filter(text => text.textContent)
        .map(text => [text.textContent, centre(text.getBoundingClientRect()), text.getBoundingClientRect().left,
            text.getBoundingClientRect().right])
    return [lines, labels]
}).filter(([lines, labels]) => new Set(lines.map(Math.round)).size > 1)"""
"""JavaScript that returns the centres of the ticks of each x axis, and its labels: text, centre, left and right."""


@pytest.mark.parametrize("width", [1440, 390])
def test_labels_of_value_axes_are_centred_on_their_ticks_and_apart(
    width: int, visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = samples.devices(samples.MANY)
    wanted = ["latency tails", "agreement", "published accuracy", "published complexity", "published integers"]
    charts = {name.replace(" ", "_"): chart for name, chart in samples.charts(samples.MANY).items() if name in wanted}
    assert len(charts) == len(wanted)
    path = chart_pages.write(
        tmp_path, "published", phones, charts, lambda: draw.time_shares(times(1), "", phones), monkeypatch
    )
    page = visit(width=width).page
    page.goto(path.as_uri())
    page.wait_for_function(f"document.querySelectorAll('.drawing svg').length === {len(charts)}", timeout=15_000)
    for name in charts:
        axes = page.locator(f"#{name} .role-axis").evaluate_all(CENTRES)
        assert axes, name
        for lines, labels in axes:
            for text, centre, *_ in labels:
                assert min(abs(centre - line) for line in lines) <= 1, (name, text)
            for left, right in pairwise(sorted(labels, key=lambda label: label[1])):
                assert right[2] - left[3] >= 4, (name, left[0], right[0])
        svg, box = (page.locator(f"#{name} .drawing{part}").bounding_box() for part in (" svg", ""))
        assert svg["width"] <= box["width"], name


@pytest.mark.parametrize("width", [1440, 390])
def test_vendors_are_named_below_each_panel(width: int, drawn: Open) -> None:
    page = drawn(51, width=width).page
    assert [text for text in axis_labels(page, "fig5") if "%" not in text] == VENDORS * 2
    boxes = page.locator("#fig5 .role-axis-label text").evaluate_all(BOXES)
    assert not any(overlapping(one, other) for one, other in combinations(boxes, 2))


def test_the_origin_beside_the_legend_starts_at_the_left_if_nothing_is_before_it(drawn: Open) -> None:
    page = drawn(51).page
    head, badge = (page.locator(f"#ranking {part}").bounding_box() for part in (".head", ".origin-mark"))
    assert abs(head["x"] - badge["x"]) <= 1


def test_on_a_touch_screen_a_device_is_touched(drawn: Open) -> None:
    page = drawn(51, width=390, has_touch=True, is_mobile=True).page
    assert page.locator("#fig4 .hint").inner_text() == "Touch a device to see its interval."
    bars(page, "ranking").first.tap()
    assert "Model 50" in page.locator(".tip").inner_text()  # the first of the ranking
    page.locator("#ranking .finding").tap()
    assert page.locator(".tip").is_hidden()
