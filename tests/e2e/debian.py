"""Small Debian file systems: one with a real adbd and Android's toybox and mksh, one with a real sshd and busybox.

tests/unpacked.py says where the packages are from and where they go.
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
    from collections.abc import Callable
    from pathlib import Path

SUITE = "trixie"  # the first Debian whose adbd is new enough to speak shell_v2 and sync v2
PACKAGES = (
    *("adbd", "android-libbase", "android-libboringssl", "android-libcutils", "android-liblog"),
    *("libbrotli1", "libbsd0", "libc6", "libcap2", "libgcc-s1", "liblz4-1", "libmd0", "libprotobuf32t64"),
    *("libstdc++6", "libsystemd0", "libxxhash0", "libzstd1", "zlib1g"),
    *("mksh", "toybox", "libcrypt1"),
)
"""adbd and Android's tools, and all that they need."""

SSH_SUITE = "bookworm"  # the last Debian whose sshd is one program, which runs by a loader of another place
SSH_PACKAGES = (
    *("openssh-server", "busybox", "libaudit1", "libc6", "libcap-ng0", "libcap2", "libcom-err2", "libcrypt1"),
    *("libgcrypt20", "libgpg-error0", "libgssapi-krb5-2", "libk5crypto3", "libkeyutils1", "libkrb5-3"),
    *("libkrb5support0", "liblz4-1", "liblzma5", "libnsl2", "libpam0g", "libpcre2-8-0", "libselinux1", "libssl3"),
    *("libsystemd0", "libtirpc3", "libwrap0", "libzstd1", "zlib1g"),
)
"""sshd and busybox, and all that they need."""


def root() -> Path:
    """The folder that holds the file system with adbd; it stays the same. Raises NotHere if it cannot be had."""
    return _unpacked("adbd", SUITE, PACKAGES, _as_android_has_it)


def ssh_root() -> Path:
    """The folder that holds the file system with sshd, as `root` holds adbd's."""
    return _unpacked("sshd", SSH_SUITE, SSH_PACKAGES, _with_applets)


@cache
def _unpacked(program: str, suite: str, packages: tuple[str, ...], finish: Callable[[Path], None]) -> Path:
    architecture = architecture_for(platform.machine())
    if platform.system() != "Linux" or not architecture:
        raise NotHere(f"Debian's {program} does not run on {platform.system()} on {platform.machine()}")
    listed = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]  # other packages are another folder
    try:
        return unpacked.folder(
            f"{program}-{suite}-{architecture}-{listed}", suite, architecture, lambda apt: packages, finish
        )
    except SetupError as error:
        raise NotHere(f"Debian's {program} cannot be had: {error}") from error


def _with_applets(made: Path) -> None:
    """Makes /applets: every tool of busybox by its name, and nothing else."""
    busybox = made / "bin" / "busybox"
    tools = subprocess.run([*in_place(made), str(busybox), "--list"], capture_output=True, text=True, check=True)
    (made / "applets").mkdir()
    busybox.rename(made / "applets" / "busybox")
    for tool in tools.stdout.split():
        if tool != "busybox":
            (made / "applets" / tool).symlink_to("busybox")


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
    loader = next(path for top in (root / "usr", root) for path in top.glob("lib*/ld-linux*"))
    libraries = [path for top in (root / "usr", root) for path in top.glob("lib/*-linux-gnu")]
    libraries += [path / "android" for path in libraries]
    there = [str((seen_as or root) / path.relative_to(root)) for path in (loader, *libraries)]
    return [there[0], "--library-path", ":".join(there[1:])]
