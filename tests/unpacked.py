"""Debian packages for tests, unpacked once into the user's cache folder, outside any checkout; nothing is installed.

They are got as the packages of a bundle are: from the archive that this machine's own apt sources name, by an apt
configuration of our own, with signature and hashes checked. AIOT_CACHE names another folder than the user's cache.
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
    """This machine cannot have or run the real parts; the message is fit to be the reason of a skipped test."""


def folder(
    name: str,
    suite: str,
    architecture: str,
    needed: Callable[[Apt], Sequence[str]],
    finish: Callable[[Path], None] = lambda made: None,
) -> Path:
    """The folder of that name with the packages that `needed` names, made where it is not there yet.

    `finish` puts what was unpacked right before the folder is kept. Raises SetupError if a package cannot be had.
    """
    base = cache_folder()
    kept = base / name
    base.mkdir(parents=True, exist_ok=True)
    with locked(base / f"{name}.lock"):
        if not kept.is_dir():
            with tempfile.TemporaryDirectory(dir=base, prefix="unpacked-") as work:
                apt = Apt.open(Path(work) / "apt", suite, architecture)
                made = Path(work) / "made"
                for package in apt.download([apt.candidate(one) for one in needed(apt)]):
                    unpack_deb(package, made)
                finish(made)
                made.rename(kept)
    return kept
