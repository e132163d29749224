"""Tables of pages: paging, sorting and searching over all rows, selection of devices, and cards on narrow screens."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aiot_analysis.display.show import to_html
from aiot_analysis.report import page as pages
from tests.browser.conftest import WatchedPage
from tests.browser.test_pages import WIDTHS, violations

Visit = Callable[..., WatchedPage]
ROWS, COLUMNS = 3500, 12  # the longest table that a page may have
TIMES = [((row * 7919) % ROWS) / 10 - 100 for row in range(ROWS)]  # all different, in no order
SECONDS = """act => new Promise(done => {
    const started = performance.now();
    eval(act);
    requestAnimationFrame(() => setTimeout(() => done((performance.now() - started) / 1000)));
})"""
SORT = "document.querySelectorAll('.sort')[{}].click()"
SEARCH = """
const field = document.querySelector('input');
field.value = 'phone 7 v3';
field.dispatchEvent(new Event('input'));
"""
HOVER = """
const {device} = document.querySelector('tbody tr').dataset;
document.dispatchEvent(new CustomEvent('aiot:hover', {detail: {device}}));
"""


def frame(rows: int = ROWS) -> pd.DataFrame:
    more = {f"value {place}": [f"v{(row + place) % 17}" for row in range(rows)] for place in range(COLUMNS - 2)}
    return pd.DataFrame({"device": [f"Phone {row % 51}" for row in range(rows)], "ms": TIMES[:rows], **more})


def ids(rows: int = ROWS) -> list[str]:
    return [f"id{row % 51}" for row in range(rows)]


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a page with tables, and returns its path."""

    def written(*tables: str) -> Path:
        body = "".join(f'<div class="output">{pages.finish(table)}</div>' for table in tables)
        head = f"<title>x</title><style>{pages.style()}</style><script>{pages.script()}</script>"
        path = tmp_path / "page.html"
        html = f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">{head}<main><h1>Tables</h1>{body}</main></html>'
        path.write_text(html, encoding="utf-8")
        return path

    return written


@pytest.fixture
def long(page_of: Callable[..., Path], visit: Visit) -> Any:
    page = visit().open(page_of(to_html(frame(), "Times", devices=ids(), csv="figures/times.csv")))
    page.evaluate("document.querySelector('details').open = true")
    return page


def cells(page: Any, place: int) -> list[str]:
    return page.locator(f"tbody tr > :nth-child({place})").all_text_contents()


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_a_long_table_opens_sorts_and_searches_in_a_moment_with_few_nodes(page_of: Callable[..., Path], visit: Visit):
    page = visit().open(page_of(to_html(frame(), "Times", devices=ids())))
    assert page.evaluate(SECONDS, "document.querySelector('details').open = true") < 0.2
    assert page.locator("*").count() < 6000
    for act in (SORT.format(1), SORT.format(5), SEARCH):
        page.evaluate(SECONDS, act)  # the first time, the script reads the rows
        assert page.evaluate(SECONDS, act) < 0.2, act
    assert page.evaluate(SECONDS, HOVER) < 0.1
    assert page.locator("tr.hovered").count() > 0


def test_the_pages_of_a_table_have_every_row_once(long: Any):
    seen = [number(text) for text in cells(long, 2)]
    assert len(seen) == 50 and long.get_by_role("button", name="Previous page").is_disabled()
    while long.get_by_role("button", name="Next page").is_enabled():
        long.get_by_role("button", name="Next page").click()
        seen += [number(text) for text in cells(long, 2)]
    assert seen == [round(time, 1) for time in TIMES]
    assert long.locator(".more").text_content() == "Rows 3,451 to 3,500 of 3,500; all are in the CSV file."
    assert long.locator(".pager").inner_text().split("\n")[2] == "page 70 of 70"
    long.get_by_role("button", name="First page").click()
    assert [number(text) for text in cells(long, 2)] == [round(time, 1) for time in TIMES[:50]]


def test_sorting_covers_the_rows_of_all_pages_and_reads_minus_signs(long: Any):
    long.get_by_role("button", name="ms").click()
    assert cells(long, 2)[:3] == ["−100", "−99.9", "−99.8"]
    assert [number(text) for text in cells(long, 2)] == sorted(round(time, 1) for time in TIMES)[:50]
    long.get_by_role("button", name="Last page").click()
    assert cells(long, 2)[-1] == "249.9"
    long.get_by_role("button", name="ms").click()
    assert cells(long, 2)[0] == "249.9"
    assert long.locator("th").nth(1).get_attribute("aria-sort") == "descending"


def test_searching_covers_the_rows_of_all_pages(long: Any):
    long.get_by_label("Search this table").fill("PHONE v16 17")
    rows = list(frame().itertuples(index=False))
    wanted = [row for row in rows if "v16" in row[2:] and any("17" in str(cell) for cell in row)]
    assert long.get_by_role("status").text_content() == f"{len(wanted)} of 3,500 rows"
    assert long.locator(".more").text_content().startswith(f"Rows 1 to 50 of the {len(wanted):,} that match, of 3,500;")
    long.get_by_role("button", name=f"Show all {len(wanted)}").click()
    assert [number(text) for text in cells(long, 2)] == [round(row[1], 1) for row in wanted]
    long.get_by_role("button", name="Show 50 at once").click()
    long.get_by_label("Search this table").fill("nothing like it")
    assert long.locator(".more").text_content().startswith("No row of 3,500 matches")
    assert long.locator("tbody tr").count() == 0 and not long.locator(".pager").is_visible()


SELECT = "document.dispatchEvent(new CustomEvent('aiot:devices', {detail: {visible: %s, highlighted: %s}}))"


def test_rows_of_devices_that_are_filtered_out_are_hidden_in_every_table(page_of: Callable[..., Path], visit: Visit):
    short = to_html(pd.DataFrame({"device_id": ["id1", "id2", None], "n": [1, 2, 3]}), "Short")
    page = visit().open(page_of(to_html(frame(), "Times", devices=ids()), short))
    page.evaluate(SELECT % ("new Set(['id2', 'id50'])", "['id50']"))
    page.evaluate("document.querySelector('details').open = true")
    assert cells(page.get_by_role("region", name="Short"), 1) == ["id2", "–"]  # a row of no device stays
    page.get_by_text("page 1 of 3").wait_for()
    expected = sum(device in ("id2", "id50") for device in ids())
    assert page.locator(".more").first.text_content() == f"Rows 1 to 50 of the {expected} that match, of 3,500."
    table = page.get_by_role("region", name="Times")
    assert set(cells(table, 1)) == {"Phone 2", "Phone 50"}
    marked = table.locator("tr.highlighted")
    assert set(cells(table.locator("table:has(tr.highlighted)"), 1)) == {"Phone 2", "Phone 50"}
    assert marked.count() == 25 and marked.first.get_attribute("aria-current") == "true"
    sign = "getComputedStyle(document.querySelector('tr.highlighted > td'), '::before').content"
    assert "▸" in page.evaluate(sign)  # not by colour alone
    page.evaluate(SELECT % ("null", "[]"))
    assert page.locator(".more").first.text_content() == "Rows 1 to 50 of 3,500."
    assert page.locator("tr.highlighted, [aria-current]").count() == 0
    assert page.get_by_role("region", name="Short").locator("tbody tr").count() == 3


def test_the_pointer_and_the_keys_tell_the_page_which_device_they_are_at(page_of: Callable[..., Path], visit: Visit):
    table = to_html(pd.DataFrame({"device_id": ["a", "b"], "n": [1, 2]}), "One")
    page = visit().open(page_of(table, table.replace("One", "Other")))
    page.evaluate(
        "window.hovered = []; document.addEventListener('aiot:hover', event => hovered.push(event.detail.device))"
    )
    page.locator("tr[data-device=b]").first.hover()
    assert page.evaluate("hovered") == ["b"]
    assert page.locator("tr.hovered").count() == 2  # the row of the other table too
    page.mouse.move(0, 0)
    assert page.evaluate("hovered") == ["b", None] and page.locator("tr.hovered").count() == 0
    row = page.locator("tr[data-device=a]").first
    assert page.locator("tr[tabindex='0']").count() == 2  # one of each table can be reached by Tab
    row.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.device") == "b"
    assert page.evaluate("hovered.slice(2).filter(device => device)") == ["a", "b"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("hovered.at(-1)") is None


def test_a_table_that_is_too_wide_becomes_cards_that_are_still_a_table(page_of: Callable[..., Path], visit: Visit):
    small = to_html(pd.DataFrame({"model": ["MnasNet"], "n": [1]}), "Small")
    watched = visit(390)
    page = watched.open(page_of(to_html(frame(40), "Times", devices=ids(40)), small))
    assert page.get_by_role("region", name="Times").locator("table.cards").count() == 1
    assert page.get_by_role("region", name="Small").locator("table.cards").count() == 0
    table = page.get_by_role("region", name="Times").get_by_role("table")
    assert table.get_by_role("row").count() == 1 + 10  # the headings, and ten cards at once
    assert (
        table.get_by_role("columnheader").count() == table.get_by_role("row").nth(1).get_by_role("cell").count() == 12
    )
    cell = table.get_by_role("cell").nth(1)
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == '"ms"'
    first, second = (table.get_by_role("cell").nth(place).bounding_box() for place in (0, 1))
    assert second["y"] >= first["y"] + first["height"]  # below each other
    content_width, visible_width = page.evaluate(WIDTHS)
    assert content_width <= visible_width
    assert page.locator(".more:visible").text_content() == "Rows 1 to 10 of 40"
    page.get_by_label("Sort by").select_option("ms ↓")
    assert cells(table, 2)[0] == f"{max(TIMES[:40]):.1f}"
    assert violations(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_function("!document.querySelector('.cards')")
    assert table.get_by_role("row").count() == 41 and page.locator(".more:visible, .pager:visible").count() == 0
    assert watched.messages == []


def test_a_side_that_hides_columns_says_so(page_of: Callable[..., Path], visit: Visit):
    page = visit(800).open(page_of(to_html(frame(5), "Times")))
    box = page.get_by_role("region", name="Times")
    mask = "element => getComputedStyle(element).maskImage"
    assert re.search("gradient", box.evaluate(mask))
    box.evaluate("element => { element.scrollLeft = element.scrollWidth }")
    page.wait_for_function("document.querySelector('.cut-left:not(.cut-right)')")
    assert box.evaluate(mask) == "none"
    # the first column stays in view
    assert box.locator("tbody td").first.bounding_box()["x"] >= box.bounding_box()["x"]


def test_the_current_page_of_a_table_is_printed_with_where_the_rest_is(long: Any):
    long.get_by_role("button", name="Next page").click()
    long.emulate_media(media="print")
    assert long.locator(".more").is_visible() and not long.locator(".pager, .search").first.is_visible()
    assert long.locator(".more").text_content() == "Rows 51 to 100 of 3,500; all are in the CSV file."
    assert long.locator(".scroll").evaluate("element => element.scrollHeight <= element.clientHeight")


def test_without_scripts_the_first_rows_and_the_way_to_the_others_are_there(page_of: Callable[..., Path], visit: Visit):
    path = page_of(to_html(frame(), "Times", devices=ids(), csv="figures/times.csv"))
    page = visit(java_script_enabled=False).open(path)
    page.get_by_text("Times (3,500 rows)").click()
    assert page.locator("tbody tr").count() == 50 and page.locator("tbody tr").last.is_visible()
    assert page.get_by_text("Rows 1 to 50 of 3,500; all are in the").is_visible()
    assert page.get_by_role("link", name="CSV file").get_attribute("href") == "figures/times.csv"
    assert page.locator("button, input, select").count() == 0
