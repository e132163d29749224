"""The script of pages: themes, sorting and searching."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aiot_analysis.report import page as pages
from tests.browser.conftest import HOSTILE_NAME, WatchedPage, unfold

Visit = Callable[..., WatchedPage]
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 24, 28)"


def column(table, place: int) -> list[str]:
    """Return the cells of a column, counted from 1."""
    return table.locator(f"tbody tr > :nth-child({place})").all_text_contents()


def score(text: str) -> float:
    """Return the score in a cell like "172.56 (164.97 to 180.02)"."""
    return float(text.split(maxsplit=1)[0])


def shown(rows) -> list[str]:
    """Return the text of the visible rows."""
    return rows.evaluate_all("all => all.filter(row => row.checkVisibility()).map(row => row.textContent)")


@pytest.fixture
def sorted_as(visit: Visit, tmp_path: Path) -> Callable[[list[str]], list[str]]:
    """Return a function that gives the cells of a column after one and after two clicks on its heading."""

    def click(cells: list[str]) -> list[list[str]]:
        rows = "".join(f"<tr><td>{cell}</td></tr>" for cell in cells)
        html = f"<table><thead><tr><th scope='col'>n</th></tr></thead><tbody>{rows}</tbody></table>"
        path = tmp_path / "table.html"
        path.write_text(
            f"<!DOCTYPE html><meta charset='utf-8'><script>{pages.script()}</script><main>{html}</main>", "utf-8"
        )
        page = visit().open(path)
        orders = []
        for _ in range(2):
            page.get_by_role("button", name="n").click()
            orders.append(column(page.locator("table"), 1))
        return orders

    return click


@pytest.mark.parametrize(
    "cells",
    [
        ["−3", "-2.5", "0", "+1.2", "10", "1,234"],
        ["9.50%", "10.00%", "100%"],
        ["900 µs", "1.1 ms", "20 ms", "1.5 s", "2 min"],
        ["850 kB", "2.5 MB", "1 GB"],
        ["1.2e-05", "0.001", "1"],
        ["0.700 (0.61–0.78)", "0.800 (0.71–0.87)"],
        ["2.3.0", "2.13.0"],
        ["Nexus 5", "nexus 20", "Z"],
        ["2026-01-02", "2026-01-10", "2026-11-23"],
        ["✓ as claimed", "✗ against"],
        ["7 of 24", "18 of 24"],
    ],
    ids=lambda cells: cells[0],
)
def test_cells_are_sorted_by_what_they_mean_and_what_is_missing_is_last(cells: list[str], sorted_as):
    mixed = ["–", *cells[1::2], "", *cells[0::2]]
    up, down = sorted_as(mixed)
    assert up == [*cells, "–", ""]
    assert down == [*reversed(cells), "–", ""]


def test_a_table_is_sorted_by_clicks_and_keys_and_tells_so(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "08_vips.html")
    unfold(page, "Score with interval")
    table = page.get_by_role("region", name="Score with interval").locator("table")
    heads = table.locator("thead th").all_text_contents()
    place = heads.index("VIPS (95% interval)") + 1
    before = column(table, place)
    assert len(before) == 8
    head = table.locator("thead th").nth(place - 1)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(table, place) == sorted(before, key=score) != before
    page.keyboard.press("Enter")  # it has the focus
    assert head.get_attribute("aria-sort") == "descending"
    assert column(table, place) == sorted(before, key=score, reverse=True)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert table.locator("[aria-sort]").count() == 1
    assert head.get_attribute("aria-sort") is None


def test_a_table_is_searched_word_by_word_and_tells_how_many_rows_are_left(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "01_overview.html")
    summary = page.locator("summary", has_text="Accuracy with Wilson's")
    details = page.locator("details", has=summary).last
    details.evaluate("fold => { for (; fold; fold = fold.parentElement.closest('details')) fold.open = true }")
    rows = details.locator("tbody tr")
    sentence = details.locator(".more").text_content()
    count = int(sentence.partition(" of ")[2].partition(";")[0])
    assert sentence.startswith("Rows 1 to 50 of ") and rows.count() == 50
    details.get_by_label("Search this table").fill("int8 mnasnet")
    left = shown(rows)
    assert 0 < len(left) < 50 < count
    assert all("INT8" in text and "MnasNet" in text for text in left)
    assert details.get_by_role("status").text_content() == f"{len(left)} of {count} rows"
    details.get_by_label("Search this table").fill(HOSTILE_NAME)
    assert 0 < len(shown(rows)) < count and all(HOSTILE_NAME in text for text in shown(rows))
    details.get_by_label("Search this table").fill("")
    assert len(shown(rows)) == 50 and details.locator(".more").text_content() == sentence


def test_short_tables_have_no_search(site: Path, visit: Visit):
    page = visit().open(site / "index.html")
    assert page.get_by_label("Search this table").count() == page.locator("table:has(tbody tr:nth-child(13))").count()


@pytest.mark.parametrize("scheme, first, second", [("light", LIGHT, DARK), ("dark", DARK, LIGHT)])
def test_the_theme_is_the_systems_until_it_is_switched_and_then_kept(scheme, first, second, site: Path, visit: Visit):
    watched = visit(color_scheme=scheme)
    page = watched.open(site / "simulated" / "08_vips.html")
    assert page.evaluate(BACKGROUND) == first
    page.get_by_role("button", name="theme").click()
    assert page.evaluate(BACKGROUND) == second
    page.goto((site / "index.html").as_uri())
    assert page.evaluate(BACKGROUND) == second
    page.get_by_role("button", name="theme").press("Enter")
    assert page.evaluate(BACKGROUND) == first
    assert watched.messages == []
