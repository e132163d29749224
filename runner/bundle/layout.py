"""Arranging unpacked packages into the folders of a bundle.

    bin/python3        the interpreter
    lib/ld.so          the loader that starts it
    lib/*.so.*         the Debian libraries that something in the bundle needs
    lib/python3.x/     the standard library
    site/              the wheels
    tmp/               empty, for temporary files

A bundle contains only files and folders. It has no links, because Android allows no hard links in /data/local/tmp and
pushing a tree loses symbolic links.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from aiot_suite.errors import SetupError
from runner.bundle import elf
from runner.bundle.recipes import Architecture, Recipe

LOADER = "lib/ld.so"
PYTHON = "bin/python3"
SITE = "site"
TMP = "tmp"

_MAX_LINKS = 20
_SHOWN = 3


def lay_out(debian: Path, wheels: Path, bundle: Path, recipe: Recipe, architecture: Architecture) -> None:
    """Create a bundle from unpacked Debian packages and wheels. Raise SetupError if something is missing."""
    version = f"python{recipe.python}"
    _copy(_of_debian(debian, f"usr/bin/{version}"), bundle / PYTHON)
    _copy(library(debian, architecture, architecture.loader), bundle / LOADER)
    _copy_tree(debian, debian / "usr/lib" / version, bundle, f"lib/{version}", recipe.leave_out)
    _copy_tree(wheels, wheels, bundle, SITE, recipe.leave_out)
    for name in recipe.libraries:
        _copy(library(debian, architecture, name), bundle / "lib" / name)
    (bundle / TMP).mkdir()
    for path in programs(bundle):
        elf.confine_search_paths(path)
        if matches(path.relative_to(bundle).as_posix(), recipe.plain_stack):
            elf.forgo_executable_stack(path)
    _add_needed(debian, bundle, architecture)


def check(bundle: Path, recipe: Recipe, architecture: Architecture) -> int:
    """Return the number of programs and libraries in a bundle. Raise SetupError if one would not run on a device."""
    paths = list(programs(bundle))
    problems = [finding for path in paths for finding in elf.find_problems(bundle, path, architecture, recipe.glibc)]
    if problems:
        extra = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        raise SetupError(
            f"The bundle {recipe.name} for {architecture.name} would not run: "
            f"{'; '.join(problems[:_SHOWN])}{extra}. Exclude the file, or choose another version of its "
            "package, in runner/bundle/recipes.toml."
        )
    return len(paths)


def programs(bundle: Path) -> Iterator[Path]:
    """Yield the programs and libraries of a bundle, in order."""
    return (path for path in sorted(bundle.rglob("*")) if path.is_file() and elf.is_elf(path))


def matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def library(debian: Path, architecture: Architecture, name: str) -> Path | None:
    """Return a library of the unpacked packages, or None."""
    folders = (f"{prefix}lib/{architecture.triplet}" for prefix in ("", "usr/"))
    return next((path for folder in folders if (path := _of_debian(debian, f"{folder}/{name}")).is_file()), None)


def _add_needed(debian: Path, bundle: Path, architecture: Architecture) -> None:
    """Add the Debian libraries that are needed and not found, and those that they need in turn."""
    queue = list(programs(bundle))
    while queue:
        path = queue.pop()
        facts = elf.read_elf(path)
        for needed in facts.needed:
            source = library(debian, architecture, needed)
            if needed == architecture.loader or source is None or elf.loader_finds(bundle, path, facts, needed):
                continue
            queue.append(_copy(source, bundle / "lib" / needed))


def _copy_tree(root: Path, source: Path, bundle: Path, place: str, patterns: Sequence[str]) -> None:
    for path in sorted(source.rglob("*")):
        name = f"{place}/{path.relative_to(source).as_posix()}"
        resolved = _followed(root, path)
        if resolved.is_file() and not matches(name, patterns):
            _copy(resolved, bundle / name)


def _copy(source: Path | None, target: Path) -> Path:
    if source is None or not source.is_file():
        raise SetupError(f"No package in the lock contains {source or target.name}: add one that does to the recipe.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def _of_debian(debian: Path, name: str) -> Path:
    return _followed(debian, debian / name)


def _followed(root: Path, path: Path) -> Path:
    """Return the target of a link. Absolute links start at the root of the packages, and none leads outside."""
    for _ in range(_MAX_LINKS):
        if not path.is_symlink():
            return path
        target = path.readlink()
        path = root / str(target).lstrip("/") if target.is_absolute() else path.parent / target
        path = Path(*_plain(root, path))
    return path


def _plain(root: Path, path: Path) -> Iterator[str]:
    """Yield the parts of a path below a root, with `..` resolved."""
    parts: list[str] = []
    for part in path.relative_to(root).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
    yield from (str(root), *parts)
