"""Write the pictures in docs/images from the results of `make demo`: `make pictures`."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import chromium, jupyterlab  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PAGE = Path("reports") / "published" / "13_published_speed.html"
SECTION = "Operations against time"
WIDTH, HEIGHT, LAB_HEIGHT = 1440, 760, 1180
TIMEOUT_MS = 120_000


def take_report(page: Any) -> Path:
    """Take report.png, the first picture of README.md: a figure of the published results."""
    page.goto((ROOT / PAGE).as_uri())
    page.wait_for_selector("html[data-figures=current]", state="attached")  # all figures are drawn
    page.get_by_role("heading", name=SECTION).evaluate("heading => heading.scrollIntoView()")
    return save(page, "report.png")


def take_explorer(page: Any) -> Path:
    """Take explore.png: explore.ipynb in JupyterLab, with the measured instances."""
    with tempfile.TemporaryDirectory(prefix="aiot-pictures-") as folder:
        (Path(folder) / "data").symlink_to(ROOT / "data")
        with jupyterlab.running(Path(folder)) as address:
            jupyterlab.run_all_cells(page, address.format("explore/explore.ipynb"))
            page.wait_for_function(jupyterlab.READY.format(3), timeout=TIMEOUT_MS)
            page.locator(".aiot-origin").evaluate("sentence => sentence.scrollIntoView()")
            return save(page, "explore.png")


def save(page: Any, name: str) -> Path:
    """Save what a page shows at this moment."""
    picture = IMAGES / name
    page.screenshot(path=picture)
    return picture


def main() -> int:
    """Take the pictures; return 1 if there are no results to take them of."""
    if not (ROOT / PAGE).is_file():
        print(f"There is no {PAGE}: run `make demo` first.", file=sys.stderr)
        return 1
    browser_files = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(browser_files.program),
            args=["--no-sandbox"],
            env={**os.environ, **browser_files.environment},
        )
        print(take_report(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})))
        print(take_explorer(browser.new_page(viewport={"width": WIDTH, "height": LAB_HEIGHT})))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
