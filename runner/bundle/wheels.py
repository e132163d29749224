"""Python wheels for another machine than this one, through pip with the user's own configuration."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from packaging.utils import parse_wheel_filename

from aiot_suite.errors import SetupError
from aiot_suite.workspace import sha256_of
from runner.bundle.host_programs import run_program
from runner.bundle.recipes import Architecture, BundlePart, Recipe

_OLDEST_GLIBC = 5
"""Minor version of the oldest glibc that wheels are built for (PEP 600)."""


def wheel_platforms(glibc: str, machine: str) -> list[str]:
    """Return the tags of wheels that run with a glibc version, newest first (PEP 600)."""
    newest = int(glibc.split(".")[1])
    numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*numbered, *(f"manylinux{year}_{machine}" for year in ("2014", "2010", "1"))]


def download_wheels(
    recipe: Recipe, architecture: Architecture, parts: Sequence[BundlePart], folder: Path
) -> list[Path]:
    """Download exactly these wheels. Raise SetupError if one is unavailable or differs from the lock."""
    lines = [f"{part.name}=={part.version} --hash=sha256:{part.sha256}" for part in parts]
    return _pip(recipe, architecture, lines, folder, "--require-hashes")


def wheel_candidates(recipe: Recipe, architecture: Architecture, folder: Path) -> list[BundlePart]:
    """Return the wheels that a recipe names, as pip currently finds them."""
    paths = _pip(recipe, architecture, recipe.wheels, folder)
    part_of = {}
    for path in paths:
        name, version, _, _ = parse_wheel_filename(path.name)
        part_of[str(name)] = BundlePart("wheel", str(name), str(version), sha256_of(path))
    return [part_of[wheel.split("==")[0]] for wheel in recipe.wheels]


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Unpack the part of a wheel that belongs on Python's path. Raise SetupError if a name leads outside the folder."""
    with zipfile.ZipFile(wheel) as file:
        for member in file.infolist():
            destination = _place(member.filename)
            if member.is_dir() or destination is None:
                continue
            if destination.is_absolute() or ".." in destination.parts:
                raise SetupError(
                    f"{wheel.name} contains a file named {member.filename!r}, which would be unpacked outside the "
                    "target folder."
                )
            (folder / destination).parent.mkdir(parents=True, exist_ok=True)
            with file.open(member) as source, (folder / destination).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def _place(name: str) -> PurePosixPath | None:
    """Return the destination of a file in a wheel, None for scripts and headers (PEP 427: folders below `.data`)."""
    parts = PurePosixPath(name).parts
    if not parts[0].endswith(".data"):
        return PurePosixPath(name)
    return PurePosixPath(*parts[2:]) if parts[1] in ("purelib", "platlib") else None


def _pip(recipe: Recipe, architecture: Architecture, lines: Iterable[str], folder: Path, *more: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--only-binary=:all:", "--implementation", "cp", "--python-version", recipe.python, *more]
    for platform in wheel_platforms(recipe.glibc, architecture.machine):
        pip += ["--platform", platform]
    run_program(
        [*pip, "-r", str(requirements), "-d", str(folder)], f"The wheels for {architecture.name} cannot be downloaded"
    )
    return sorted(folder.glob("*.whl"))
