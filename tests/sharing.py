"""Folders that are built once per test session and read by many tests in all processes.

pytest-xdist runs tests in several processes, each of which builds the fixtures again. Files that take long to make
are therefore shared in a folder below the temporary folder of the session.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

DONE = ".done"


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all processes of this test session share."""
    base = factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "shared"


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """Return the folder `name`, which is filled by `build(folder)` in the first process that needs it.

    Other processes wait until it is complete. Tests must not change the folder, or else the session fails at its end.
    A build that failed is not repeated: later tests fail with the first error.
    """
    folder = session_folder(factory) / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    done, failed = folder.with_name(name + DONE), folder.with_name(name + ".failed")
    with FileLock(folder.with_name(name + ".lock")):
        if failed.exists():
            raise AssertionError(
                f"{name} could not be built, see the first test that asked: {failed.read_text('utf-8')}"
            )
        if not done.exists():
            folder.mkdir()
            try:
                build(folder)
            except BaseException as error:
                failed.write_text(repr(error), encoding="utf-8")
                raise
            done.write_text(state(folder), encoding="utf-8")
    return folder


def state(folder: Path) -> str:
    """Return a hash over the names, sizes and modification times of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def changed(shared: Path) -> list[Path]:
    """Return the shared folders whose content is no longer what was built."""
    built = [path.with_name(path.name.removesuffix(DONE)) for path in sorted(shared.glob("*" + DONE))]
    return [folder for folder in built if folder.with_name(folder.name + DONE).read_text("utf-8") != state(folder)]
