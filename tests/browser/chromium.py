"""A Chromium to test pages with: this machine's own, or Debian's without its windows, unpacked into the user's cache.

AIOT_CHROMIUM names another one. tests/unpacked.py says where Debian's is from. The C library is this machine's.
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
SUITE, C_LIBRARY = "bookworm", (2, 36)  # what its packages are built for; later ones are as good
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
LEFT_OUT = re.compile(r"libc6|libc-bin|gcc-\d|debconf|dpkg|tar$|perl|libllvm|libz3|libgl1-mesa|libdrm-")
"""This machine's own, what is only for installing, and drivers of graphics cards."""
FONTS = '<?xml version="1.0"?><fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>'


@dataclass(frozen=True)
class Chromium:
    program: Path
    environment: dict[str, str] = field(default_factory=dict)  # beside this process's own


@cache
def find() -> Chromium:
    """The one to use. Raises NotHere if there is none and Debian's cannot be had."""
    named = os.environ.get("AIOT_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    return Chromium(Path(found)) if found else of_debian()


@contextmanager
def launched(playwright: Any, hosts: str) -> Iterator[Any]:
    """A browser that resolves names by the rules `hosts`; the test is skipped, with the reason, where there is none."""
    try:
        found = find()
    except NotHere as reason:
        pytest.skip(str(reason))
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, **found.environment, "TMPDIR": folder}  # it does not always clear up
        browser = playwright.chromium.launch(
            executable_path=found.program, env=environment, args=[f"--host-resolver-rules={hosts}"]
        )
        yield browser
        browser.close()


def of_debian() -> Chromium:
    """Debian's, with all it needs but the C library."""
    architecture = architecture_for(platform.machine())
    library, version = platform.libc_ver()
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not architecture or library != "glibc" or numbers < C_LIBRARY:
        needed = f"glibc {'.'.join(map(str, C_LIBRARY))} on x86_64 or aarch64"
        raise NotHere(f"there is no Chromium, and Debian's needs {needed}")
    try:
        folder = unpacked.folder(f"chromium-{SUITE}-{architecture}", SUITE, architecture, _needed, _in_one_place)
    except SetupError as error:
        raise NotHere(f"there is no Chromium, and Debian's cannot be had: {error}") from error
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=folder / "usr" / "share" / "fonts", cache=folder / "font-cache"), "utf-8")
    # libpulse looks for a part of itself in a folder below, by a path that is absolute
    found = {path.parent for path in (folder / "usr" / "lib").glob("*-linux-gnu/**/lib*.so*")}
    libraries = ":".join(map(str, sorted(found)))
    program = next(folder.glob("usr/lib/chromium*/*headless*shell"))
    return Chromium(program, {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(fonts)})


def _in_one_place(made: Path) -> None:
    for path in (made / "lib").glob("*-linux-gnu/*"):  # older packages have libraries here
        target = made / "usr" / "lib" / path.parent.name / path.name
        if not target.exists():
            shutil.move(path, target)


def _needed(apt: Apt) -> list[str]:
    """Names of the packages and of all they depend on, as apt itself finds them for a system that has none."""
    words = ["apt-get", "install", "--simulate", "--no-install-recommends", *PACKAGES]
    told = {**os.environ, "APT_CONFIG": str(apt.folder / "apt.conf"), "LC_ALL": "C"}
    done = subprocess.run(words, check=False, env=told, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"apt finds no way to have {' and '.join(PACKAGES)}: {done.stderr.strip()}")
    found = re.findall(r"^Inst (\S+)", done.stdout, re.MULTILINE)
    return [name for name in found if not LEFT_OUT.match(name)]
