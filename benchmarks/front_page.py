"""Benchmark of the time until the front page of the simulated fleet is painted and usable in Chromium."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks import process
from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Options, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

TARGET_S = 1.0
PEER = "a page with a heading"
HEADING = "<!DOCTYPE html><html lang='en'><title>x</title><h1>x</h1>"
INTERACTIVE = """() => {
    const [opened] = performance.getEntriesByType("navigation");
    const [painted] = performance.getEntriesByName("first-contentful-paint");
    return painted && opened.domContentLoadedEventEnd && Math.max(painted.startTime, opened.domContentLoadedEventEnd);
}"""


def missing() -> str | None:
    from tests.browser import chromium
    from tests.unpacked import NotHere

    try:
        chromium.find()
    except NotHere as reason:
        return f"{reason}."
    return process.missing()


def run(options: Options) -> list[Comparison | Level]:
    """Measure times in s from opening a file until it is painted and its scripts have run, each in a new context."""
    options.tell("simulate, process and report")
    raw, tables, out = (options.folder / name for name in ("raw", "processed", "reports"))
    wall_time_s(process.simulate(raw, options.images or 500, quantized_on="all"), process.process(raw, tables))
    parameters = ["-p", "processed", str(tables), "--notebooks", str(ROOT / "notebooks"), "--out", str(out)]
    wall_time_s([str(SCRIPTS / "aiot"), "report", "01", *parameters])
    front, peer = out / "index.html", options.folder / "heading.html"
    if "by construction" not in front.read_text(encoding="utf-8"):
        raise BenchmarkError(f"{front} has no claims: try `aiot report 01` to see why.")
    peer.write_text(HEADING, encoding="utf-8")
    with _chromium() as browser:
        opened_s(browser, peer)  # warm-up, so that all its files are in memory
        values = measure(
            lambda: opened_s(browser, front), {PEER: lambda: opened_s(browser, peer)}, options.pairs, options.tell
        )
        repeated = [opened_s(browser, front) for _ in values["ours"]]
    what = "front page, 51 devices"
    return [Level(what, "s", values["ours"], repeated, TARGET_S), *compared(what, "s", values, {PEER: None})]


def opened_s(browser: Browser, path: Path) -> float:
    """Return the seconds until a file is painted and its scripts have run."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(path.as_uri())
        return float(page.wait_for_function(INTERACTIVE).json_value()) / 1000
    finally:
        context.close()


@contextmanager
def _chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    from tests.browser import chromium

    installation = chromium.find()
    environment: dict[str, str | float | bool] = {**os.environ, **installation.environment}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installation.program, env=environment)
        yield browser
        browser.close()
