"""A small Debian file system with a real adbd and the command-line tools that Android has: toybox and mksh.

The packages are those of Debian trixie, got as the packages of a bundle are: from the archive that this machine's own
apt sources name, by an apt configuration of our own, with signature and hashes checked. Nothing is installed: they are
unpacked once into the user's cache folder, outside any checkout.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from runner.bundle.debian import Apt, unpack
from runner.environments import cache_folder, locked
from runner.errors import SetupError
from tests.e2e import NotHere

SUITE = "trixie"  # the first Debian whose adbd is new enough to speak shell_v2 and sync v2
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PACKAGES = (
    *("adbd", "android-libbase", "android-libboringssl", "android-libcutils", "android-liblog"),
    *("libbrotli1", "libbsd0", "libc6", "libcap2", "libgcc-s1", "liblz4-1", "libmd0", "libprotobuf32t64"),
    *("libstdc++6", "libsystemd0", "libxxhash0", "libzstd1", "zlib1g"),
    *("mksh", "toybox", "libcrypt1"),
)
"""adbd and Android's tools, and all that they need."""


@cache
def root() -> Path:
    """The folder that holds the unpacked file system; it is made where it is not there yet, and stays the same.

    AIOT_CACHE names another place than the user's cache folder. Raises NotHere if it cannot be had.
    """
    architecture = ARCHITECTURES.get(platform.machine())
    if platform.system() != "Linux" or not architecture:
        raise NotHere(f"Debian's adbd does not run on {platform.system()} on {platform.machine()}")
    base = cache_folder()
    listed = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]  # other packages are another folder
    folder = base / f"adbd-{SUITE}-{architecture}-{listed}"
    base.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=base, prefix="adbd-") as work:
                _make(Path(work), architecture).rename(folder)
    return folder


def _make(work: Path, architecture: str) -> Path:
    """Unpacks the packages, and makes /system/bin as Android has it: mksh is the shell, toybox all other tools."""
    made = work / "root"
    try:
        apt = Apt.open(work / "apt", SUITE, architecture)
        for package in apt.download([apt.candidate(name) for name in PACKAGES]):
            unpack(package, made)
    except SetupError as error:
        raise NotHere(f"Debian's adbd cannot be had: {error}") from error
    toybox = [*in_place(made), str(made / "usr" / "bin" / "toybox")]
    tools = subprocess.run(toybox, capture_output=True, text=True, check=True).stdout.split()
    folder = made / "system" / "bin"
    folder.mkdir(parents=True)
    for tool in tools:
        (folder / tool).symlink_to("/usr/bin/toybox")
    (folder / "sh").symlink_to("/usr/bin/mksh")
    return made


def in_place(root: Path, seen_as: Path | None = None) -> list[str]:
    """What to put before a program of the file system so that it runs with the libraries there.

    `seen_as` is where the file system is for whoever runs it, if that is another place.
    """
    loader = next((root / "usr").glob("lib*/ld-linux*"))
    libraries = next((root / "usr" / "lib").glob("*-linux-gnu"))
    there = [(seen_as or root) / path.relative_to(root) for path in (loader, libraries, libraries / "android")]
    return [str(there[0]), "--library-path", f"{there[1]}:{there[2]}"]
