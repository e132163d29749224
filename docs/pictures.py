"""Write docs/images/report.png, the first picture of README.md, from the reports of `make demo`: `make pictures`."""

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.browser import chromium  # noqa: E402

SITES = (Path("reports/published"), Path("reports"))  # published results are in reports/ where nothing else is
PAGE = "13_published_speed.html"
SECTION = "Operations against time"
PICTURE = HERE / "images" / "report.png"
WIDTH, HEIGHT = 1440, 760


def main() -> int:
    """Take the picture. Return 1 if there is no page to take it of."""
    page_file = next((site / PAGE for site in SITES if (site / PAGE).is_file()), None)
    if page_file is None:
        print(f"There is no {SITES[0] / PAGE}: run `make demo` first.", file=sys.stderr)
        return 1
    browser_files = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(browser_files.program),
            args=["--no-sandbox"],
            env={**os.environ, **browser_files.environment},
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_file.resolve().as_uri())
        page.get_by_role("heading", name=SECTION).evaluate("heading => heading.scrollIntoView()")
        page.wait_for_function("() => [...document.images].every(image => image.complete)")
        page.screenshot(path=PICTURE)
        browser.close()
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
