"""Small Debian file systems: one with a real adbd and Android's toybox and mksh, one with a real sshd and busybox.

tests/unpacked.py describes where the packages come from and where they are stored.
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

SUITE = "trixie"  # the first Debian whose adbd supports shell_v2 and sync v2
PACKAGES = (
    *("adbd", "android-libbase", "android-libboringssl", "android-libcutils", "android-liblog"),
    *("libbrotli1", "libbsd0", "libc6", "libcap2", "libgcc-s1", "liblz4-1", "libmd0", "libprotobuf32t64"),
    *("libstdc++6", "libsystemd0", "libxxhash0", "libzstd1", "zlib1g"),
    *("mksh", "toybox", "libcrypt1"),
)
"""adbd, Android's tools and all their dependencies."""

SSH_SUITE = "bookworm"  # the last Debian whose sshd is a single program, which can be run by a loader elsewhere
SSH_PACKAGES = (
    *("openssh-server", "busybox", "libaudit1", "libc6", "libcap-ng0", "libcap2", "libcom-err2", "libcrypt1"),
    *("libgcrypt20", "libgpg-error0", "libgssapi-krb5-2", "libk5crypto3", "libkeyutils1", "libkrb5-3"),
    *("libkrb5support0", "liblz4-1", "liblzma5", "libnsl2", "libpam0g", "libpcre2-8-0", "libselinux1", "libssl3"),
    *("libsystemd0", "libtirpc3", "libwrap0", "libzstd1", "zlib1g"),
)
"""sshd, busybox and all their dependencies."""


def root() -> Path:
    """Return the folder of the file system with adbd, which is not changed. Raises NotHere if it is unavailable."""
    return _unpacked("adbd", SUITE, PACKAGES, _link_android_tools)


def ssh_root() -> Path:
    """Return the folder of the file system with sshd; see `root`."""
    return _unpacked("sshd", SSH_SUITE, SSH_PACKAGES, _link_applets)


@cache
def _unpacked(program: str, suite: str, packages: tuple[str, ...], finish: Callable[[Path], None]) -> Path:
    architecture = architecture_for(platform.machine())
    if platform.system() != "Linux" or not architecture:
        raise NotHere(f"Debian's {program} does not run on {platform.system()} on {platform.machine()}")
    digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]  # a changed list gets another folder
    try:
        return unpacked.folder(
            f"{program}-{suite}-{architecture}-{digest}", suite, architecture, lambda apt: packages, finish
        )
    except SetupError as error:
        raise NotHere(f"Debian's {program} cannot be had: {error}") from error


def _link_applets(folder: Path) -> None:
    """Make /applets, a folder with links named after the tools of busybox."""
    busybox = folder / "bin" / "busybox"
    tools = subprocess.run(
        [*loader_command(folder), str(busybox), "--list"], capture_output=True, text=True, check=True
    )
    (folder / "applets").mkdir()
    busybox.rename(folder / "applets" / "busybox")
    for tool in tools.stdout.split():
        if tool != "busybox":
            (folder / "applets" / tool).symlink_to("busybox")


def _link_android_tools(folder: Path) -> None:
    """Make /system/bin, with mksh as the shell and toybox as all other tools."""
    toybox = [*loader_command(folder), str(folder / "usr" / "bin" / "toybox")]
    tools = subprocess.run(toybox, capture_output=True, text=True, check=True).stdout.split()
    programs = folder / "system" / "bin"
    programs.mkdir(parents=True)
    for tool in tools:
        (programs / tool).symlink_to("/usr/bin/toybox")
    (programs / "sh").symlink_to("/usr/bin/mksh")


def loader_command(root: Path, mounted_at: Path | None = None) -> list[str]:
    """Return the words to put before a program of the file system so that it runs with its own libraries.

    `mounted_at` is the path of the file system for the process that runs the program, if it is not `root`.
    """
    loader = next(path for top in (root / "usr", root) for path in top.glob("lib*/ld-linux*"))
    libraries = [path for top in (root / "usr", root) for path in top.glob("lib/*-linux-gnu")]
    libraries += [path / "android" for path in libraries]
    program, *folders = [str((mounted_at or root) / path.relative_to(root)) for path in (loader, *libraries)]
    return [program, "--library-path", ":".join(folders)]
