"""Fixtures: a browser, and a small site with reports of a simulated fleet and of two devices with measured data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from aiot_analysis import ingest, simulate
from aiot_analysis.report.render import render
from tests.browser import chromium
from tests.sharing import built_once
from tests.test_notebooks import MEASURED, ROOT, make_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOSTILE_NAME = "<script>alert(1)</script>"
MEASURED_PAGES = ["01", "02"]  # the site has all pages of the simulated fleet


@dataclass
class WatchedPage:
    """A page, with its messages and requests since it was opened."""

    page: Any
    messages: list[str] = field(default_factory=list)  # of the console, errors and dialogs
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path) -> Any:
        """Open a file, and return the page of playwright."""
        self.page.goto(path.as_uri())
        return self.page


def unfold(page: Any, summary: str) -> None:
    """Open what is folded below a line that has this text, once no figure that is still being drawn can move it."""
    page.wait_for_selector("html[data-figures=current]", state="attached")
    page.locator("summary", has_text=summary).click()


@pytest.fixture(scope="package")
def playwright() -> Iterator[Any]:
    """Start playwright, of which a process can have only one instance."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as instance:
        yield instance


@pytest.fixture(scope="package")
def browser(playwright: Any) -> Iterator[Any]:
    """Launch a Chromium that cannot resolve any host name."""
    with chromium.launched(playwright, hosts="MAP * ~NOTFOUND") as browser:
        yield browser


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., WatchedPage]]:
    """Return a function that makes an offline page in a new context; options are those of playwright's new_context."""
    contexts = []

    def new(width: int = 1440, **options: Any) -> WatchedPage:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.set_offline(True)
        watched = WatchedPage(context.new_page())
        watched.page.on("console", lambda message: watched.messages.append(message.text))
        watched.page.on("pageerror", lambda error: watched.messages.append(str(error)))
        watched.page.on(
            "dialog", lambda dialog: (watched.messages.append(f"dialog {dialog.message}"), dialog.dismiss())
        )
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        return watched

    yield new
    for context in contexts:
        context.close()


def rename(device: Path, model: str) -> None:
    """Change the model name of a device in its raw logs."""
    for path in device.glob("*/device.json"):
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"model": model}), encoding="utf-8")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the reports, with those of the simulated fleet in `simulated`.

    Each of the two data sets has a device called HOSTILE_NAME.
    """
    return built_once(tmp_path_factory, "site", _make_site) / "reports"


def _make_site(root: Path) -> None:
    raw, processed, out = root / "raw", root / "processed", root / "reports"
    simulate.simulate(simulate.Options(0, 8, 20, 3), raw)
    rename(sorted(raw.iterdir())[0], HOSTILE_NAME)
    make_run(raw, MEASURED)
    tflite_only = {name: value for name, value in MEASURED.items() if name.startswith("tflite")}
    make_run(raw, tflite_only, device="other", run_id="20260102T000000Z-bbbbbb")
    rename(raw / "other", HOSTILE_NAME)
    ingest.process(raw, processed)
    values = {"processed": str(processed)}
    results = render(ROOT / "notebooks", out, parameters=values | {"origin": "simulated"})
    results += render(ROOT / "notebooks", out, MEASURED_PAGES, values | {"origin": "measured"})
    assert [str(result) for result in results if result.status != "rendered"] == []
