"""A browser, and a small site of reports to look at: a simulated fleet, and two devices that look measured."""

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

EVIL = "<script>alert(1)</script>"
OF_MEASURED = ["01", "02"]  # pages; of the simulated fleet there are all


@dataclass
class Watched:
    """A page, and what it said and asked for since it was opened."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, path: Path) -> Any:
        self.page.goto(path.as_uri())
        return self.page


@pytest.fixture(scope="package")
def playwright() -> Iterator[Any]:
    """One for all browsers: a process can have no second one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="package")
def browser(playwright: Any) -> Iterator[Any]:
    """Chromium, which finds no host."""
    with chromium.launched(playwright, hosts="MAP * ~NOTFOUND") as browser:
        yield browser


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Watched]]:
    """Makes pages of contexts of their own, with the options of playwright's new_context, offline and watched."""
    contexts = []

    def new(width: int = 1440, **options: Any) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.set_offline(True)
        watched = Watched(context.new_page())
        watched.page.on("console", lambda message: watched.said.append(message.text))
        watched.page.on("pageerror", lambda error: watched.said.append(str(error)))
        watched.page.on("dialog", lambda dialog: (watched.said.append(f"dialog {dialog.message}"), dialog.dismiss()))
        watched.page.on("request", lambda request: watched.asked.append(request.url))
        return watched

    yield new
    for context in contexts:
        context.close()


def rename(device: Path, model: str) -> None:
    """Gives a device of raw logs another model name."""
    for path in device.glob("*/device.json"):
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"model": model}), encoding="utf-8")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the reports; those of the simulated fleet are in `simulated`. A device of each is called EVIL."""
    return built_once(tmp_path_factory, "site", _make_site) / "reports"


def _make_site(root: Path) -> None:
    raw, processed, out = root / "raw", root / "processed", root / "reports"
    simulate.simulate(simulate.Options(0, 8, 20, 3), raw)
    rename(sorted(raw.iterdir())[0], EVIL)
    make_run(raw, MEASURED)
    one = {name: value for name, value in MEASURED.items() if name.startswith("tflite")}
    make_run(raw, one, device="other", run_id="20260102T000000Z-bbbbbb")
    rename(raw / "other", EVIL)
    ingest.process(raw, processed)
    values = {"processed": str(processed)}
    results = render(ROOT / "notebooks", out, parameters=values | {"origin": "simulated"})
    results += render(ROOT / "notebooks", out, OF_MEASURED, values | {"origin": "measured"})
    assert [str(result) for result in results if result.status != "rendered"] == []
