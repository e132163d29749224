"""Find a Chromium for tests of pages: the one of this machine, or Debian's headless one, unpacked in the user's cache.

AIOT_CHROMIUM sets another program. tests/unpacked.py describes the source of Debian's packages. Debian's Chromium uses
the C library of this machine.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aiot_suite.errors import SetupError
from runner.bundle.recipes import architecture_for
from tests import unpacked
from tests.unpacked import NotHere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.bundle.packages import Apt

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SUITE, C_LIBRARY = "bookworm", (2, 36)  # Debian release, and the oldest C library for its packages
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
LEFT_OUT = re.compile(r"libc6|libc-bin|gcc-\d|debconf|dpkg|tar$|perl|libllvm|libz3|libgl1-mesa|libdrm-")
"""Packages that are not needed: those taken from this machine, tools for installation, and graphics drivers."""
FONTS = '<?xml version="1.0"?><fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>'


@dataclass(frozen=True)
class Chromium:
    """A program and the environment variables it needs."""

    program: Path
    environment: dict[str, str] = field(default_factory=dict)  # in addition to those of this process


@cache
def find() -> Chromium:
    """Return the Chromium to use. Raises NotHere if there is none and Debian's is not available."""
    program = os.environ.get("AIOT_CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)
    return Chromium(Path(program)) if program else debian_chromium()


@contextmanager
def launched(playwright: Any, hosts: str) -> Iterator[Any]:
    """Launch a browser that resolves host names by the rules `hosts`; skip the test if there is no Chromium."""
    try:
        chromium = find()
    except NotHere as reason:
        pytest.skip(str(reason))
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, **chromium.environment, "TMPDIR": folder}  # may leave files
        browser = playwright.chromium.launch(
            executable_path=chromium.program, env=environment, args=[f"--host-resolver-rules={hosts}"]
        )
        yield browser
        browser.close()


def debian_chromium() -> Chromium:
    """Return Debian's Chromium with all dependencies except the C library. Raises NotHere if it is unavailable."""
    architecture = architecture_for(platform.machine())
    library, version = platform.libc_ver()
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not architecture or library != "glibc" or numbers < C_LIBRARY:
        needed = f"glibc {'.'.join(map(str, C_LIBRARY))} on x86_64 or aarch64"
        raise NotHere(f"there is no Chromium, and Debian's needs {needed}")
    try:
        folder = unpacked.folder(
            f"chromium-{SUITE}-{architecture}", SUITE, architecture, _needed, _merge_library_folders
        )
    except SetupError as error:
        raise NotHere(f"there is no Chromium, and Debian's cannot be had: {error}") from error
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=folder / "usr" / "share" / "fonts", cache=folder / "font-cache"), "utf-8")
    # libpulse loads one of its libraries from a subfolder by an absolute path
    folders = {path.parent for path in (folder / "usr" / "lib").glob("*-linux-gnu/**/lib*.so*")}
    libraries = ":".join(map(str, sorted(folders)))
    program = next(folder.glob("usr/lib/chromium*/*headless*shell"))
    return Chromium(program, {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(fonts)})


def _merge_library_folders(folder: Path) -> None:
    """Move libraries of /lib, which older packages use, to /usr/lib."""
    for path in (folder / "lib").glob("*-linux-gnu/*"):
        target = folder / "usr" / "lib" / path.parent.name / path.name
        if not target.exists():
            shutil.move(path, target)


def _needed(apt: Apt) -> list[str]:
    """Return the names of the packages and of all their dependencies, as apt resolves them for an empty system."""
    words = ["apt-get", "install", "--simulate", "--no-install-recommends", *PACKAGES]
    environment = {**os.environ, "APT_CONFIG": str(apt.folder / "apt.conf"), "LC_ALL": "C"}
    done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"apt cannot resolve {' and '.join(PACKAGES)}: {done.stderr.strip()}")
    names = re.findall(r"^Inst (\S+)", done.stdout, re.MULTILINE)
    return [name for name in names if not LEFT_OUT.match(name)]
