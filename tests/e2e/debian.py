"""A small Debian file system with a real adbd and the command-line tools that Android has: toybox and mksh.

The packages are those of Debian trixie; tests/unpacked.py says where they are from and where they go.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from aiot_suite.errors import SetupError
from runner.bundle.recipes import architecture_for
from tests import unpacked
from tests.unpacked import NotHere

if TYPE_CHECKING:
    from pathlib import Path

SUITE = "trixie"  # the first Debian whose adbd is new enough to speak shell_v2 and sync v2
PACKAGES = (
    *("adbd", "android-libbase", "android-libboringssl", "android-libcutils", "android-liblog"),
    *("libbrotli1", "libbsd0", "libc6", "libcap2", "libgcc-s1", "liblz4-1", "libmd0", "libprotobuf32t64"),
    *("libstdc++6", "libsystemd0", "libxxhash0", "libzstd1", "zlib1g"),
    *("mksh", "toybox", "libcrypt1"),
)
"""adbd and Android's tools, and all that they need."""


@cache
def root() -> Path:
    """The folder that holds the unpacked file system; it stays the same. Raises NotHere if it cannot be had."""
    architecture = architecture_for(platform.machine())
    if platform.system() != "Linux" or not architecture:
        raise NotHere(f"Debian's adbd does not run on {platform.system()} on {platform.machine()}")
    listed = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]  # other packages are another folder
    name = f"adbd-{SUITE}-{architecture}-{listed}"
    try:
        return unpacked.folder(name, SUITE, architecture, lambda apt: PACKAGES, _as_android_has_it)
    except SetupError as error:
        raise NotHere(f"Debian's adbd cannot be had: {error}") from error


def _as_android_has_it(made: Path) -> None:
    """Makes /system/bin: mksh is the shell, toybox all other tools."""
    toybox = [*in_place(made), str(made / "usr" / "bin" / "toybox")]
    tools = subprocess.run(toybox, capture_output=True, text=True, check=True).stdout.split()
    folder = made / "system" / "bin"
    folder.mkdir(parents=True)
    for tool in tools:
        (folder / tool).symlink_to("/usr/bin/toybox")
    (folder / "sh").symlink_to("/usr/bin/mksh")


def in_place(root: Path, seen_as: Path | None = None) -> list[str]:
    """What to put before a program of the file system so that it runs with the libraries there.

    `seen_as` is where the file system is for whoever runs it, if that is another place.
    """
    loader = next((root / "usr").glob("lib*/ld-linux*"))
    libraries = next((root / "usr" / "lib").glob("*-linux-gnu"))
    there = [(seen_as or root) / path.relative_to(root) for path in (loader, libraries, libraries / "android")]
    return [str(there[0]), "--library-path", f"{there[1]}:{there[2]}"]
