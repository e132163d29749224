"""Building bundles. An archive and its manifest are kept in the user's cache and shared by all checkouts."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.environments import cache_folder
from aiot_suite.errors import SetupError
from aiot_suite.workspace import sha256_of
from runner import rawlog
from runner.bundle import layout, packages
from runner.bundle.recipes import ARCHITECTURES, BundlePart, Lock, load_recipes, lock_of, recipe_for

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = "bundle.json"
"""Name of the file in a bundle that lists its parts."""


@dataclass(frozen=True)
class Bundle:
    """A bundle that has been built."""

    name: str  # such as "main-arm64"
    path: Path  # the archive, uncompressed tar
    sha256: str  # SHA-256 of the archive
    size_bytes: int
    frameworks: tuple[str, ...]
    environment: str  # environment that it provides on a device: see aiot_suite.environments
    python: str  # version, such as "3.11"
    imports: tuple[str, ...]  # modules to import at the first start: see runner.bundle.layout
    parts: tuple[BundlePart, ...]


def folder() -> Path:
    """Return the folder of bundles, in the user's cache or where AIOT_CACHE points."""
    return cache_folder() / "bundles"


def find(framework: str, architecture: str) -> Bundle | None:
    """Return the bundle of a framework for an architecture, or None if it is not built yet or damaged."""
    return find_locked(lock_of(recipe_for(framework), architecture))


def find_locked(lock: Lock) -> Bundle | None:
    """Return the bundle built from a lock, or None."""
    try:
        bundle = _parse(rawlog.parse(rawlog.read_bytes(_manifest(lock))))
    except (rawlog.RawLogError, ValueError, TypeError, KeyError):
        return None
    is_complete = bundle.path.is_file() and bundle.path.stat().st_size == bundle.size_bytes
    return bundle if is_complete else None


def build(framework: str, architecture: str, say: Callable[[str], None]) -> Bundle:
    """Return the bundle of a framework for an architecture ("arm64" or "amd64"), building it if necessary.

    `say` is called with descriptions of the progress. Raises SetupError if a package is unavailable, differs from the
    lock or would not run on a device.
    """
    return build_lock(lock_of(recipe_for(framework), architecture), say)


def build_lock(lock: Lock, say: Callable[[str], None]) -> Bundle:
    """Return the bundle of a lock, building it if necessary."""
    bundle_folder = folder()
    bundle_folder.mkdir(parents=True, exist_ok=True)
    with rawlog.locked(bundle_folder / f"{lock.name}.lock"):
        if existing := find_locked(lock):
            return existing
        try:
            with tempfile.TemporaryDirectory(dir=bundle_folder, prefix=f".{lock.name}-") as work:
                return _build_archive(lock, Path(work), say)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise SetupError(
                f"No space is left in {bundle_folder}: free some space, or choose another folder with AIOT_CACHE."
            ) from None


def renew_lock(say: Callable[[str], None]) -> list[Lock]:
    """Return locks of all recipes with the versions and hashes currently in Debian's archive and found by pip."""
    locks = []
    for recipe in load_recipes().values():
        for architecture in ARCHITECTURES.values():
            say(f"{recipe.name} for {architecture.name}")
            with tempfile.TemporaryDirectory() as work:
                apt = packages.Apt.open(Path(work) / "apt", recipe.suite, architecture.name)
                parts = [apt.candidate(name) for name in recipe.debian]
                parts += packages.wheel_candidates(recipe, architecture, Path(work) / "wheels")
            locks.append(Lock(recipe, architecture, tuple(parts)))
    return locks


def _build_archive(lock: Lock, work: Path, say: Callable[[str], None]) -> Bundle:
    unpacked, site, bundle = work / "packages", work / "site", work / "bundle"
    recipe, architecture = lock.recipe, lock.architecture
    say(f"downloading the package list of Debian's {recipe.suite} for {architecture.name}")
    apt = packages.Apt.open(work / "apt", recipe.suite, architecture.name)
    say(f"downloading {len(lock.of('debian'))} packages from Debian")
    for package in apt.download(lock.of("debian")):
        packages.unpack_deb(package, unpacked)
    say(f"downloading {len(lock.of('wheel'))} wheels")
    for wheel in packages.download_wheels(recipe, architecture, lock.of("wheel"), work / "wheels"):
        packages.unpack_wheel(wheel, site)
        wheel.unlink()
    say("assembling the bundle")
    layout.lay_out(unpacked, site, bundle, recipe, architecture)
    shutil.rmtree(site)
    count = layout.check(bundle, recipe, architecture)
    say(f"checked {count} programs and libraries")
    _write(bundle / MANIFEST, {"name": lock.name, "parts": [asdict(part) for part in lock.parts]})
    archive = work / "bundle.tar"
    layout.pack_folder(bundle, archive)
    return _store(lock, archive)


def _store(lock: Lock, archive: Path) -> Bundle:
    """Move an archive to its content-based name, then write the manifest that refers to it."""
    recipe, sha256 = lock.recipe, sha256_of(archive)
    path = archive.replace(folder() / f"{lock.name}-{sha256[:12]}.tar")
    bundle = Bundle(
        name=lock.name,
        path=path,
        sha256=sha256,
        size_bytes=path.stat().st_size,
        frameworks=recipe.frameworks,
        environment=recipe.environment,
        python=recipe.python,
        imports=recipe.imports,
        parts=lock.parts,
    )
    _write(_manifest(lock), {**asdict(bundle), "path": path.name})
    return bundle


def _parse(record: dict[str, Any]) -> Bundle:
    lists = {key: tuple(record[key]) for key in ("frameworks", "imports")}
    parts = tuple(BundlePart(**fields) for fields in record["parts"])
    return Bundle(**{**record, **lists, "path": folder() / record["path"], "parts": parts})


def _manifest(lock: Lock) -> Path:
    return folder() / f"{lock.name}-{lock.key}.json"


def _write(path: Path, record: dict[str, Any]) -> None:
    rawlog.replace_text(path, json.dumps(record, indent=1) + "\n")
