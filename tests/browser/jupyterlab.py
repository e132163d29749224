"""A JupyterLab as `aiot lab` starts it, and notebooks that are run in a browser."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.test_notebooks import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "only-for-this-test"
STARTED_S = 90
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
"""Settings of a user whom JupyterLab does not ask whether it may fetch news."""
SHOWN = "[...document.querySelectorAll('.aiot-figure [role=graphics-document]:has(svg.marks)')]"
READY = f"{SHOWN}.length === {{}} && !document.querySelector('.aiot-dimmed')"
"""Conditions in JavaScript: the interactive figures of a notebook, and whether a number of them is drawn."""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start a JupyterLab in a folder, with separate settings and kernels, and yield the pattern of its addresses."""
    home = folder / "home"
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
    folders = {
        name: str(home / subfolder)
        for name, subfolder in {
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
    environment = {**os.environ, **folders, "PYTHONPATH": str(ROOT)}
    log = folder / "lab.log"
    with log.open("wb") as file:
        server = subprocess.Popen(words, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server, log)
            yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token={TOKEN}&reset"
        finally:
            server.terminate()  # the server then ends its kernels
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers; raise AssertionError with its log if it ends or does not."""
    end = time.monotonic() + STARTED_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text()
            time.sleep(0.3)
    raise AssertionError(f"JupyterLab did not answer within {STARTED_S} s: {log.read_text()}")


def run_all_cells(page: Any, address: str) -> None:
    """Open a notebook in a page and run all its cells by the menu."""
    page.goto(address)
    page.locator(".jp-Notebook").first.wait_for(timeout=1000 * STARTED_S)
    idle = page.get_by_text("Python 3 (ipykernel) | Idle")
    idle.wait_for(timeout=1000 * STARTED_S)  # otherwise a dialog asks for the kernel
    page.locator(".lm-MenuBar-itemLabel").get_by_text("Run", exact=True).click()
    page.locator("#jp-mainmenu-run").get_by_text("Run All Cells", exact=True).click()
