"""Debian packages for tests, unpacked once into the user's cache folder; nothing is installed.

Like the packages of a bundle, they come from the archive in this machine's apt sources. They are downloaded with a
separate apt configuration, and signatures and hashes are checked. AIOT_CACHE sets another cache folder.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_suite.environments import cache_folder
from runner.bundle.packages import Apt, unpack_deb
from runner.rawlog import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class NotHere(Exception):
    """Raised if this machine cannot provide or run a program; the message can be the reason of a skipped test."""


def folder(
    name: str,
    suite: str,
    architecture: str,
    needed: Callable[[Apt], Sequence[str]],
    finish: Callable[[Path], None] = lambda unpacked_files: None,
) -> Path:
    """Return the folder `name` in the cache with unpacked packages, which is made if it does not exist.

    `needed` returns the names of the packages, and `finish` modifies the folder of unpacked files before it is stored.
    Raises SetupError if a package is not available.
    """
    base = cache_folder()
    target = base / name
    base.mkdir(parents=True, exist_ok=True)
    with locked(base / f"{name}.lock"):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=base, prefix="unpacked-") as work:
                apt = Apt.open(Path(work) / "apt", suite, architecture)
                unpacked_files = Path(work) / "files"
                for package in apt.download([apt.candidate(package_name) for package_name in needed(apt)]):
                    unpack_deb(package, unpacked_files)
                finish(unpacked_files)
                unpacked_files.rename(target)
    return target
