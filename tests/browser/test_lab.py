"""JupyterLab as `aiot lab` opens it: a notebook to explore in, its widgets, and a real browser."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from aiot_analysis import ingest
from tests.browser import chromium
from tests.test_notebooks import MEASURED, ROOT, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "only-for-this-test"
STARTED_S, RAN_S = 90, 120
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
"""Settings of a user who was asked already whether JupyterLab may ask for news."""


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTED_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text()
            time.sleep(0.3)
    raise AssertionError(f"JupyterLab did not answer within {STARTED_S} s: {log.read_text()}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one measured run, to which `aiot lab` copies the notebooks."""
    root = tmp_path_factory.mktemp("project")
    make_run(root / "raw", MEASURED, images=20)
    ingest.process(root / "raw", root / "data" / "processed")
    return root


@pytest.fixture(scope="module")
def lab(project: Path) -> Iterator[str]:
    """The address of a JupyterLab whose settings, kernels and files are its own; it is ended by its id."""
    home = project / "home"
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
    own = {
        name: str(home / folder)
        for name, folder in {
            "HOME": ".",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "share",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "config/lab/user-settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }.items()
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, str(ROOT / "aiot.py"), "lab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    words += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    environment = {**os.environ, **own, "PYTHONPATH": str(ROOT)}
    log = project / "lab.log"
    with log.open("wb") as file:
        server = subprocess.Popen(words, cwd=project, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            wait_for(f"http://127.0.0.1:{port}/api", server, log)
            yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token={TOKEN}&reset"
        finally:
            server.terminate()  # it ends its kernels
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="module")
def own_context(playwright: Any) -> Iterator[Any]:
    """A context of a Chromium that finds this machine and no other; it loads the scripts of JupyterLab once."""
    with chromium.launched(playwright, hosts="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as browser:
        yield browser.new_context(viewport={"width": 1440, "height": 1000})


@pytest.fixture
def open_notebook(lab: str, own_context: Any) -> Iterator[Any]:
    """Opens a notebook of the folder `explore` and runs all its cells, as the menu does."""
    pages = []

    def opened(name: str) -> Any:
        page = own_context.new_page()
        pages.append(page)
        page.goto(lab.format(f"explore/{name}.ipynb"))
        page.locator(".jp-Notebook").first.wait_for(timeout=1000 * STARTED_S)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=1000 * STARTED_S)  # else it asks which kernel
        page.locator(".lm-MenuBar-itemLabel").get_by_text("Run", exact=True).click()
        page.locator("#jp-mainmenu-run").get_by_text("Run All Cells", exact=True).click()
        return page

    yield opened
    for page in pages:
        page.close()


FIGURES = """
() => Object.fromEntries([...document.querySelectorAll(".jp-OutputArea figure")].map(figure => {
    const picture = figure.querySelector("img");
    return [figure.innerText.trim(), `${picture.alt} ${picture.src}`];
}))
"""


def pictures(page: Any) -> dict[str, str]:
    """Return the alternative text and the picture of each figure that is there at this moment, by its caption."""
    return dict(page.evaluate(FIGURES))


def test_a_choice_in_the_browser_changes_every_figure(open_notebook: Any):
    page = open_notebook("explore")
    page.locator(".aiot-models select").wait_for(timeout=1000 * RAN_S)
    page.locator(".jp-OutputArea figure img").nth(2).wait_for(timeout=1000 * RAN_S)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=1000 * RAN_S)
    assert "Measured on the devices named here." in page.locator(".aiot-origin").inner_text()
    said = page.locator(".aiot-said")
    assert said.inner_text() == "5 instances with numbers on 1 device; 55 of your choices have none."
    before = pictures(page)
    assert len(before) == 3
    assert all("5 instances" in alt or "sum over the chosen instances of 1 device" in alt for alt in before.values())

    page.locator(".aiot-quantizations select").select_option(["float32"])
    page.wait_for_function("document.querySelector('.aiot-said').innerText.startsWith('2 instances')")
    page.wait_for_function(
        "[...document.querySelectorAll('figure img')].every(one => !one.alt.includes('5 instances'))"
    )
    after = pictures(page)
    assert after.keys() == before.keys()
    assert all(after[caption] != before[caption] for caption in before)

    page.locator(".aiot-timing select").select_option("inference only")
    page.get_by_text("Time per image, inference only.").wait_for()

    page.locator(".aiot-figures select").select_option(["phases"])
    page.get_by_text("Mean time of each phase per image.").wait_for()
    page.wait_for_function("document.querySelectorAll('.jp-OutputArea figure').length === 1")

    page.locator(".aiot-models select").select_option([])
    page.wait_for_function("document.querySelector('.aiot-said').innerText.startsWith('Nothing is chosen of models')")
    page.wait_for_function("document.querySelector('.jp-OutputArea figure') === null")
    page.get_by_role("button", name="choose everything").click()
    page.get_by_text("Mean time of each phase per image.").wait_for()
    assert page.locator(".jp-OutputArea-output[data-mime-type*=error], .jp-mod-error").count() == 0


def test_an_image_that_is_chosen_in_the_browser_is_shown_with_its_answers(open_notebook: Any):
    page = open_notebook("images")
    listed = page.locator(".aiot-image select")
    listed.wait_for(timeout=1000 * RAN_S)
    shown = page.locator(".aiot-picture")
    page.wait_for_function("document.querySelector('.aiot-picture table') !== null")
    assert "No picture: there is no dataset" in shown.inner_text()
    lines = [line.replace("\xa0", " ") for line in listed.locator("option").all_inner_texts()]
    assert len(lines) > 1 and all(re.search(r": \d+ of \d+$", line) for line in lines)
    second = lines[1].split(": ")[0].split(", ")[1]
    assert second not in shown.inner_text()
    listed.select_option(index=1)
    page.wait_for_function(f"document.querySelector('.aiot-picture').innerText.includes({second!r})")
    assert "MobileNetV2, TFLite CPU on " in shown.inner_text()


def test_a_table_is_sorted_by_its_headings_as_on_pages(open_notebook: Any):
    page = open_notebook("own_analysis")
    table = page.locator(".aiot-table table").first
    table.wait_for(timeout=1000 * RAN_S)
    places = table.locator("th").all_inner_texts()
    [place] = [number for number, text in enumerate(places, 1) if text.startswith("accuracy")]
    button = table.get_by_role("button", name="accuracy")
    cells = table.locator(f"tbody tr > :nth-child({place})")
    for way in (1, -1):
        button.click()
        values = [float(text.split()[0]) for text in cells.all_inner_texts()]
        assert len(values) > 1 and values == sorted(values)[::way]


def test_the_names_of_the_tables_are_offered_at_the_tab_key(open_notebook: Any):
    page = open_notebook("own_analysis")
    page.get_by_text("Time per image.", exact=True).first.wait_for(timeout=1000 * RAN_S)
    assert "data.images()" in page.locator(".jp-OutputArea table").first.inner_text()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=1000 * RAN_S)
    cell = page.locator(".jp-CodeCell .cm-content").last
    cell.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\ndata.")
    offered = page.locator(".jp-Completer-item")
    for _ in range(10):  # JupyterLab gives up on a kernel that needs over a second for its first answer
        page.keyboard.press("Tab")
        page.wait_for_timeout(2000)
        if offered.count():
            break
    names = {text.split("\n")[1] for text in offered.all_inner_texts()}
    assert {"devices", "image_parts", "images", "instances", "telemetry"} <= names
