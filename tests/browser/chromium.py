"""A Chromium to test pages with: this machine's own, or Debian's without its windows, unpacked into the user's cache.

AIOT_CHROMIUM names another one. Debian's packages are got as those of a bundle are: from the archive that this
machine's own apt sources name, signed and checked; nothing is installed. The C library is this machine's.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runner.bundle.debian import Apt, unpack
from runner.environments import cache_folder, locked
from runner.errors import SetupError

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SUITE, C_LIBRARY = "bookworm", (2, 36)  # what its packages are built for; later ones are as good
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
LEFT_OUT = re.compile(r"libc6|libc-bin|gcc-\d|debconf|dpkg|tar$|perl|libllvm|libz3|libgl1-mesa|libdrm-")
"""This machine's own, what is only for installing, and drivers of graphics cards."""
FONTS = '<?xml version="1.0"?><fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>'


class NotHere(Exception):
    """There is no Chromium; the message is the reason, fit to be the reason of a skipped test."""


@dataclass(frozen=True)
class Chromium:
    program: Path
    environment: dict[str, str] = field(default_factory=dict)  # beside this process's own


@cache
def find() -> Chromium:
    """The one to use. Raises NotHere if there is none and Debian's cannot be had."""
    named = os.environ.get("AIOT_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    return Chromium(Path(found)) if found else unpacked()


@contextmanager
def launched(playwright: Any, hosts: str) -> Iterator[Any]:
    """A browser that resolves names by the rules `hosts`; the test is skipped, with the reason, where there is none."""
    try:
        found = find()
    except NotHere as reason:
        pytest.skip(str(reason))
    environment = {**os.environ, **found.environment}
    browser = playwright.chromium.launch(
        executable_path=found.program, env=environment, args=[f"--host-resolver-rules={hosts}"]
    )
    yield browser
    browser.close()


def unpacked() -> Chromium:
    """Debian's, with all it needs but the C library, in a folder of the cache, which is made if it is not there yet."""
    architecture = ARCHITECTURES.get(platform.machine())
    library, version = platform.libc_ver()
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not architecture or library != "glibc" or numbers < C_LIBRARY:
        needed = f"glibc {'.'.join(map(str, C_LIBRARY))} on {' or '.join(ARCHITECTURES)}"
        raise NotHere(f"there is no Chromium, and Debian's needs {needed}")
    base = cache_folder()
    folder = base / f"chromium-{SUITE}-{architecture}"
    base.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=base, prefix="chromium-") as work:
                _make(Path(work), architecture).rename(folder)
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=folder / "usr" / "share" / "fonts", cache=folder / "font-cache"), "utf-8")
    libraries = ":".join(str(path) for path in (folder / "usr" / "lib").glob("*-linux-gnu"))
    program = next(folder.glob("usr/lib/chromium*/*headless*shell"))
    return Chromium(program, {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(fonts)})


def _make(work: Path, architecture: str) -> Path:
    made = work / "root"
    try:
        apt = Apt.open(work / "apt", SUITE, architecture)
        for package in apt.download([apt.candidate(name) for name in _needed(apt)]):
            unpack(package, made)
    except SetupError as error:
        raise NotHere(f"there is no Chromium, and Debian's cannot be had: {error}") from error
    for path in (made / "lib").glob("*-linux-gnu/*"):  # older packages have libraries here
        target = made / "usr" / "lib" / path.parent.name / path.name
        if not target.exists():
            shutil.move(path, target)
    return made


def _needed(apt: Apt) -> list[str]:
    """Names of the packages and of all they depend on, as apt itself finds them for a system that has none."""
    words = ["apt-get", "install", "--simulate", "--no-install-recommends", *PACKAGES]
    told = {**os.environ, "APT_CONFIG": str(apt.folder / "apt.conf"), "LC_ALL": "C"}
    done = subprocess.run(words, env=told, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"apt finds no way to have {' and '.join(PACKAGES)}: {done.stderr.strip()}")
    found = re.findall(r"^Inst (\S+)", done.stdout, re.MULTILINE)
    return [name for name in found if not LEFT_OUT.match(name)]
