"""docs/ becomes a site without a warning, whose links lead somewhere and whose pages work from files, offline."""

import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.conftest import Watched
from tests.browser.test_pages import WIDTHS, violations
from tests.sharing import built_once

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
LOADED = {"img": "src", "script": "src", "link": "href", "source": "srcset", "iframe": "src"}


class Page(HTMLParser):
    """The links, the loaded addresses and the ids of a page."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if LOADED.get(tag) in given:
            self.loaded.append(given[LOADED[tag]])


@pytest.fixture(scope="session")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it: a warning is an error."""
    return built_once(tmp_path_factory, "documentation", _build) / "site"


def _build(out: Path) -> None:
    words = ["--quiet", "--fail-on-warning", "--keep-going", "--nitpicky", "--doctree-dir", str(out / "trees")]
    program = [sys.executable, "-m", "sphinx", *words, str(ROOT / "docs"), str(out / "site")]
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_page_is_there(documentation: Path):
    assert [path for path in PAGES if not (documentation / path).with_suffix(".html").exists()] == []


def test_links_within_the_site_lead_somewhere_and_nothing_is_loaded_from_elsewhere(documentation: Path):
    pages = {path: Page(path) for path in documentation.rglob("*.html")}
    wrong = []
    for path, page in pages.items():
        for link in {*page.links, *page.loaded}:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                wrong += [f"{path.name} loads {link}"] if link in page.loaded and url.scheme != "data" else []
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            fragment = unquote(url.fragment)
            if not target.is_file() or (fragment and target in pages and fragment not in pages[target].ids):
                wrong.append(f"{path.name} links to {link}")
    assert len(pages) > len(PAGES)
    assert wrong == []


@pytest.mark.parametrize("name", PAGES, ids=str)
def test_a_page_opens_quietly_offline_and_fits_small_and_large_screens(
    name: Path, documentation: Path, visit: Callable[..., Watched]
):
    watched = visit(360)
    page = watched.open((documentation / name).with_suffix(".html"))
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        scrolled, there = page.evaluate(WIDTHS)
        assert scrolled <= there, width
    assert watched.said == []
    assert [address for address in watched.asked if not address.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("name", ["index", "tutorial", "statistics", "reference/cli"])
def test_axe_finds_nothing_serious(name: str, documentation: Path, visit: Callable[..., Watched]):
    page = visit(color_scheme="light").open(documentation / f"{name}.html")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")  # which changes colours, and nothing else
    assert violations(page, "color-contrast") == []


def test_search_works_from_a_file(documentation: Path, visit: Callable[..., Watched]):
    page = visit().open(documentation / "index.html")
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search")).first.fill("McNemar")
    page.keyboard.press("Enter")
    page.locator("ul.search a", has_text="The statistics").first.wait_for()  # hits appear one after the other
