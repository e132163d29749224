"""Every page, opened from its file: no messages or requests, accessible, on small and large screens and on paper."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import HOSTILE_NAME, MEASURED_PAGES, WatchedPage
from tests.test_notebooks import OF_RUNS

Visit = Callable[..., WatchedPage]
NAMES = ["index", *OF_RUNS]
PAGES = [f"simulated/{name}.html" for name in NAMES]
PAGES += [f"{name}.html" for name in NAMES if name == "index" or name[:2] in MEASURED_PAGES]
every_page = pytest.mark.parametrize("name", PAGES)
UNFOLD = "document.querySelectorAll('details').forEach(details => { details.open = true })"
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
SERIOUS = ("serious", "critical")


def violations(page, *rules: str):
    """Return the serious and critical violations that axe-core finds, by all rules or by those given, with elements."""
    # the first rows of a table represent all of them
    page.evaluate("document.querySelectorAll('tbody tr:nth-child(n+6)').forEach(row => row.remove())")
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    violations = Axe().run(page, options=options).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in SERIOUS]
    return [(violation["id"], [node["html"][:120] for node in violation["nodes"][:3]]) for violation in serious]


@every_page
def test_a_page_opens_quietly_asks_for_nothing_and_fits_small_and_large_screens(name: str, site: Path, visit: Visit):
    watched = visit(360)
    page = watched.open(site / name)
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(UNFOLD)
        content_width, visible_width = page.evaluate(WIDTHS)
        assert content_width <= visible_width, width
    assert watched.messages == []
    assert watched.requests == [(site / name).as_uri()]


@every_page
def test_axe_finds_nothing_serious(name: str, site: Path, visit: Visit):
    page = visit(color_scheme="light").open(site / name)
    page.evaluate(UNFOLD)
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")  # changes only colours
    assert violations(page, "color-contrast") == []


def test_axe_would_find_something(visit: Visit, tmp_path: Path):
    (tmp_path / "bad.html").write_text(
        '<html lang="en"><title>x</title><img src="data:,"><p style="color:#eee">Some words</p>'
    )
    assert {rule for rule, _ in violations(visit().open(tmp_path / "bad.html"))} == {"image-alt", "color-contrast"}


@every_page
def test_headings_and_landmarks_are_in_order_and_links_lead_somewhere(name: str, site: Path, visit: Visit):
    page = visit().open(site / name)
    levels = [
        int(tag[1]) for tag in page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(heading => heading.tagName)")
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for landmark in ("header", "main", "footer"):
        assert page.locator(f"body {landmark}").count() == 1
    ids = page.locator("[id]").evaluate_all("all => all.map(element => element.id)")
    assert len(ids) == len(set(ids))
    for link in page.locator("a[href]").evaluate_all("all => all.map(link => link.getAttribute('href'))"):
        path, _, anchor = unquote(link).partition("#")
        assert not re.match(r"[a-z]+:", path)
        assert ((site / name).parent / path).exists() if path else anchor in ids, link


def text_of(page: Any) -> str:
    """Return the text of a page without scripts and their replacements."""
    html = re.sub(r"<(script|noscript)\b.*?</\1>", "", page.locator("main").inner_html(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", "", html.replace('<div id="toolbar" hidden=""></div>', "")).split())


@every_page
def test_all_can_be_read_with_scripts_blocked(name: str, site: Path, visit: Visit):
    plain = visit(java_script_enabled=False).open(site / name)
    assert plain.locator("button, input").count() == 0  # no controls that need scripts
    for picture in plain.locator("noscript .picture").all():  # instead of interactive figures
        assert picture.get_attribute("aria-label")
    page = visit().open(site / name)
    only_with_scripts = "'.search, .pager, #toolbar, .chart, .finding-note'"
    page.evaluate(f"document.querySelectorAll({only_with_scripts}).forEach(element => element.remove())")
    assert text_of(plain) == text_of(page)
    # the text is not only in the document, but also displayed
    assert plain.locator("main").bounding_box()["height"] > 300
    for table in plain.locator("main table").all()[:3]:
        if table.locator("xpath=ancestor::details").count() == 0:
            assert table.is_visible()


@every_page
def test_a_page_can_be_printed(name: str, site: Path, visit: Visit):
    page = visit().open(site / name)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not page.locator("header nav").is_visible()
    assert all(not control.is_visible() for control in page.locator(".contents, .search, .pager, .theme").all())
    for folded in page.locator("main details > .scroll:not(:has(> .rows))").all():
        assert folded.is_visible()
    for paged in page.locator("main details:not([open]):has(> .scroll > .rows)").all():  # its first rows are not all
        assert not paged.locator(".scroll").is_visible() and paged.locator("summary").is_visible()
        note = paged.locator("summary").evaluate("summary => getComputedStyle(summary, '::after').content")
        assert "not printed unless it is open" in note
    document = page.pdf()
    assert document.startswith(b"%PDF") and document.count(b"/Type /Page\n") >= 1


@every_page
def test_headings_of_tables_have_no_box_of_their_own_on_paper(name: str, site: Path, visit: Visit):
    """Chromium repeats the row of headings on each page, but leaves out inline blocks in it, such as buttons."""
    page = visit().open(site / name)
    page.emulate_media(media="print")
    displays = "all => all.map(button => getComputedStyle(button).display)"
    assert set(page.locator("thead .sort").evaluate_all(displays)) <= {"contents"}
    displays = page.locator("main thead").evaluate_all("all => all.map(head => getComputedStyle(head).display)")
    assert set(displays) <= {"table-header-group"}


@pytest.mark.parametrize("name", ["simulated/04_frameworks.html", "simulated/08_vips.html"])
def test_a_heading_that_a_link_leads_to_is_below_the_toolbar(name: str, site: Path, visit: Visit):
    page = visit().open(site / name)
    toolbar = page.locator("#toolbar")
    assert toolbar.is_visible()
    links = page.get_by_role("navigation", name="On this page").get_by_role("link").all()
    assert len(links) >= 3
    for link in links:
        link.click()
        page.wait_for_timeout(150)
        heading = page.evaluate("document.querySelector(':target').getBoundingClientRect().top")
        assert heading >= page.evaluate("document.getElementById('toolbar').getBoundingClientRect().bottom")


@pytest.mark.parametrize("folder", ["", "simulated"])
def test_a_device_called_like_a_script_is_text(folder: str, site: Path, visit: Visit):
    for name in ("index", "01_overview", "02_devices_and_models"):
        watched = visit()
        page = watched.open(site / folder / f"{name}.html")
        assert HOSTILE_NAME in page.locator("main").text_content()
        assert watched.messages == []  # no dialog
        assert "alert(1)</script>" not in page.content().partition("<main")[2].partition("</main>")[0]
        scripts = page.locator("script:not([type='application/json'])").all_text_contents()
        libraries = [text for text in scripts if "vega" in text]  # of pages with interactive figures
        assert len(scripts) - len(libraries) == 1 and len(libraries) in (0, 3)
        assert all("alert(1)" not in text for text in scripts)


def test_the_first_tab_leads_to_the_content_and_focus_can_be_seen(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "08_vips.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_contents_and_the_pages_lead_on(site: Path, visit: Visit):
    page = visit().open(site / "simulated" / "08_vips.html")
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Both timings").click()
    assert page.evaluate("document.querySelector(':target').textContent").startswith("Both timings")
    page.get_by_role("navigation", name="Reports").get_by_text("Pages").press("Enter")
    page.keyboard.press("Escape")
    assert not page.locator("header .pages ol").is_visible()
    page.get_by_text("Pages", exact=True).click()
    page.get_by_role("link", name="NNAPI").first.click()
    assert page.url.endswith("/simulated/05_nnapi.html")
    page.get_by_role("link", name="measured data").click()
    assert page.url == (site / "index.html").as_uri()
