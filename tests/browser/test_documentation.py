"""The site of docs/ is built without warnings, its links have targets, and its pages work offline from files."""

import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.conftest import WatchedPage
from tests.browser.test_pages import WIDTHS, violations
from tests.sharing import built_once

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
LOADED = {"img": "src", "script": "src", "link": "href", "source": "srcset", "iframe": "src"}


class Page(HTMLParser):
    """The links, loaded addresses and ids of a page."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.ids.add(attributes.get("id", ""))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if LOADED.get(tag) in attributes:
            self.loaded.append(attributes[LOADED[tag]])


@pytest.fixture(scope="session")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does, with warnings as errors, and return its folder."""
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
    name: Path, documentation: Path, visit: Callable[..., WatchedPage]
):
    watched = visit(360)
    page = watched.open((documentation / name).with_suffix(".html"))
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        content_width, visible_width = page.evaluate(WIDTHS)
        assert content_width <= visible_width, width
    assert watched.messages == []
    assert [address for address in watched.requests if not address.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("name", ["index", "tutorial", "statistics", "reference/cli"])
def test_axe_finds_nothing_serious(name: str, documentation: Path, visit: Callable[..., WatchedPage]):
    page = visit(color_scheme="light").open(documentation / f"{name}.html")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")  # changes only colours
    assert violations(page, "color-contrast") == []


def test_search_works_from_a_file(documentation: Path, visit: Callable[..., WatchedPage]):
    page = visit().open(documentation / "index.html")
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search")).first.fill("McNemar")
    page.keyboard.press("Enter")
    page.locator("ul.search a", has_text="The statistics").first.wait_for()  # results appear one after the other
