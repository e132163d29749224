"""Each interactive figure in a browser is drawn, shows the values of a device, and highlights a device."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.aiot_analysis.charts import samples
from tests.browser import chart_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiot_analysis.charts.chart import Chart

NUMBERS = [samples.SEVERAL, samples.MANY]
NAMES = list(samples.charts(1))
MARKS = ".drawing :is(.mark-symbol, .mark-rect, .mark-rule).role-mark :is(path, line)"


HIGHLIGHTED = """([marks, device, devices]) => {
    const deviceMarks = [...document.querySelectorAll(marks)].filter(mark => mark.__data__?.datum?.device_id)
    const opacity = mark => Number(mark.getAttribute('opacity') ?? 1)
    const lit = deviceMarks.filter(mark => mark.__data__.datum.device_id === device)
    const others = deviceMarks.filter(mark => mark.__data__.datum.device_id !== device)
    const seen = new Set(deviceMarks.map(mark => mark.__data__.datum.device_id))
    return seen.size === devices && lit.some(mark => opacity(mark) === 1) && others.every(mark => opacity(mark) < 0.2)
}"""  # whether all marks of all other devices are faded


POINTED_AT = """([figure, marks]) => {
    const texts = new Set()
    for (const mark of document.querySelectorAll(`#${figure} ${marks}`)) {
        if (mark.__data__?.datum?.number === undefined) continue
        mark.dispatchEvent(new PointerEvent('pointermove', { bubbles: true }))
        texts.add(document.querySelector('.tip').innerText)
    }
    return [...texts]
}"""  # the tooltips of all marks
WALKED = """([figure, key]) => {
    const texts = []
    for (const [tip, drawing] = [document.querySelector('.tip'), document.querySelector(`#${figure} .drawing`)];;) {
        drawing.dispatchEvent(new KeyboardEvent('keydown', { key }))
        if (texts[0] === tip.innerText || texts.length > 5000) return texts
        texts.push(tip.innerText)
    }
}"""  # the tooltips that a key goes through, until the first comes again


def identifier(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_")


def picture() -> Figure:
    figure = Figure(figsize=(3, 1))
    figure.set_label("A picture for readers without scripts.")
    return figure


@pytest.fixture(scope="module")
def pages(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], tuple[Any, list[str]]]]:
    """Return a function that gives the page with all charts of a number of devices, and its messages."""
    opened: dict[int, tuple[Any, list[str]]] = {}
    contexts = []

    def page_of(number: int) -> tuple[Any, list[str]]:
        if number not in opened:
            with pytest.MonkeyPatch.context() as monkeypatch:
                charts = {identifier(name): chart for name, chart in samples.charts(number).items()}
                path = chart_pages.write(
                    tmp_path_factory.mktemp("charts"),
                    "simulated",
                    samples.devices(number),
                    charts,
                    picture,
                    monkeypatch,
                )
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            contexts.append(context)
            page, messages = context.new_page(), []
            page.on("console", lambda message: messages.append(message.text))
            page.on("pageerror", lambda error: messages.append(str(error)))
            page.goto(path.as_uri())
            opened[number] = page, messages
        return opened[number]

    yield page_of
    for context in contexts:
        context.close()


def formatted(value: float, kind: str, like: float | None = None) -> str:
    """Format a number as a page does, with as many decimals as the number `like`, which is itself by default."""
    if kind == "percent":
        return f"{100 * value:.1f}%"
    if kind == "points":
        return f"{100 * value:.1f} points".replace("-", "−")
    if kind == "count":
        return f"{value:,.0f}"
    digits = 4 if kind == "number" else 3
    size = abs(value if like is None else like)
    decimals = min(max(digits - 1 - floor(log10(size)), 0), 6) if size else 0
    return f"{value:,.{decimals}f}".replace("-", "−")


def point_at_first_mark(page: Any, figure: str) -> dict[str, Any]:
    """Point at the first mark that stands for a row, and return this row."""
    row: dict[str, Any] = page.evaluate(
        """([figure, marks]) => {
            const all = [...document.querySelectorAll(`#${figure} ${marks}`)]
            const mark = all.find(item => item.__data__?.datum && "number" in item.__data__.datum)
            const box = mark.getBoundingClientRect()
            const at = { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }
            mark.dispatchEvent(new PointerEvent('pointermove', at))
            return JSON.parse(JSON.stringify(mark.__data__.datum))
        }""",
        [figure, MARKS],
    )
    page.wait_for_timeout(60)
    return row


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_mark_says_its_device_and_value_and_its_device_is_highlighted(
    name: str, number: int, pages: Callable[[int], tuple[Any, list[str]]]
) -> None:
    page, messages = pages(number)
    figure, chart = identifier(name), samples.charts(number)[name]
    page.locator(f"#{figure} .drawing").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{figure} .drawing svg", timeout=15_000)
    assert page.locator(f"#{figure} {MARKS}").count() > 0
    row = point_at_first_mark(page, figure)
    text = page.locator(".tip").inner_text()
    assert_tooltip(text, row, chart)
    if row.get("device_id"):
        devices = chart.rows["device_id"].nunique()
        page.wait_for_function(HIGHLIGHTED, arg=[f"#{figure} {MARKS}", row["device_id"], devices], timeout=3000)
    page.mouse.move(5, 5)
    page.keyboard.press("Escape")
    assert messages == []


@pytest.mark.parametrize("name", NAMES)
def test_arrow_keys_go_through_the_tooltips_of_all_marks(
    name: str, pages: Callable[[int], tuple[Any, list[str]]]
) -> None:
    page, messages = pages(samples.SEVERAL)
    figure, chart = identifier(name), samples.charts(samples.SEVERAL)[name]
    drawing = page.locator(f"#{figure} .drawing")
    drawing.scroll_into_view_if_needed()
    page.wait_for_selector(f"#{figure} .drawing svg", timeout=15_000)
    first = point_at_first_mark(page, figure)
    pointed_at = page.evaluate(POINTED_AT, [figure, MARKS])
    drawing.focus()
    page.keyboard.press("Escape")
    assert page.locator(".tip").is_hidden()
    forward = page.evaluate(WALKED, [figure, "ArrowRight"])
    assert_tooltip(forward[0], first, chart)
    assert len(set(forward)) == len(forward) and set(pointed_at) <= set(forward)
    page.keyboard.press("Escape")
    assert page.evaluate(WALKED, [figure, "ArrowLeft"]) == forward[::-1]
    page.keyboard.press("Escape")
    assert page.locator(".tip").is_hidden()
    assert messages == []


@pytest.mark.parametrize("number", NUMBERS)
def test_every_figure_fits_on_paper(number: int, pages: Callable[[int], tuple[Any, list[str]]]) -> None:
    page, messages = pages(number)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(f"document.querySelectorAll('.drawing svg').length === {len(NAMES)}")
    page.add_style_tag(content="@media print { body { width: 680px } }")  # A4 without two margins of 15 mm
    page.emulate_media(media="print")
    beyond = page.evaluate(
        """() => [...document.querySelectorAll('.drawing svg')].flatMap(svg => {
            const size = svg.getAttribute('width'), { left, right, width, height } = svg.getBoundingClientRect()
            const isWhole = left >= 0 && right <= 680 && Math.abs(width - size) < 1 && height < 1009 // px: 267 mm
            return isWhole ? [] : [[svg.closest('figure').id, size, left, right]]
        })"""
    )
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert beyond == []
    assert messages == []


def assert_tooltip(text: str, row: dict[str, Any], chart: Chart) -> None:
    """Assert that a tooltip is titled with the device or line of a row, and has its numbers with their intervals."""
    heading = text.splitlines()[0]
    if row.get("device_id"):
        [name] = samples.devices(51).set_index("device_id").loc[[row["device_id"]], ["maker", "model"]].agg(" ".join, 1)
        assert heading == name
    elif chart.line or chart.panel:
        assert heading == row[chart.line or chart.panel]
    numbers = [
        fact
        for fact in chart.facts
        if pd.api.types.is_numeric_dtype(chart.rows[fact.field]) and row.get(fact.field) is not None
    ]
    assert numbers
    for fact in numbers:
        ends = [row.get(field) for field in (fact.low, fact.high) if field]
        interval = (
            [f" (95%: {formatted(ends[0], fact.format, row[fact.field])}"]
            if len(ends) == 2 and None not in ends
            else [""]
        )
        unit = {"ms": " ms", "times": " times"}.get(fact.format, "")
        value = formatted(row[fact.field], fact.format) + unit
        assert f"{fact.label}\n{value}{interval[0]}" in text.replace("\t", "\n").replace("\n\n", "\n")
