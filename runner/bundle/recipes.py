"""Recipes and locks: what each bundle contains, and in which versions.

recipes.toml is written by hand and names packages. lock.json is generated from it for each architecture and contains
the version and the SHA-256 of each package.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_suite.errors import SelectionError, SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable

LAYOUT = 2
"""Version of the layout: increase it if the same parts are packed differently."""

LOCK = Path(__file__).with_name("lock.json")


@dataclass(frozen=True)
class Architecture:
    """An architecture, with its Debian name."""

    name: str
    machine: str  # name used by the kernel and by Python wheels
    elf: str  # name used by ELF
    loader: str
    alignment: int  # minimum alignment of a library's segments in bytes, at least the page size of all devices
    abis: tuple[str, ...]  # names used by devices

    @property
    def triplet(self) -> str:
        """Name of Debian's library folders."""
        return f"{self.machine}-linux-gnu"


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        # Android 15 and later may have pages of 16 KB (developer.android.com/guide/practices/page-sizes)
        Architecture("arm64", "aarch64", "EM_AARCH64", "ld-linux-aarch64.so.1", 16384, ("arm64-v8a", "aarch64")),
        Architecture("amd64", "x86_64", "EM_X86_64", "ld-linux-x86-64.so.2", 4096, ("x86_64", "x86-64")),
    )
}


@dataclass(frozen=True)
class BundlePart:
    """A package in a lock."""

    kind: str  # "debian" or "wheel"
    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Recipe:
    """Content of a bundle. The comments in recipes.toml describe the fields."""

    name: str
    frameworks: tuple[str, ...]
    environment: str
    suite: str
    glibc: str
    python: str
    debian: tuple[str, ...]
    libraries: tuple[str, ...]
    wheels: tuple[str, ...]
    imports: tuple[str, ...]
    leave_out: tuple[str, ...]
    plain_stack: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lock:
    """A bundle for an architecture, with the version and hash of every part."""

    recipe: Recipe
    architecture: Architecture
    parts: tuple[BundlePart, ...]

    @property
    def name(self) -> str:
        return f"{self.recipe.name}-{self.architecture.name}"

    @property
    def key(self) -> str:
        """Hash that changes whenever the bundle would."""
        facts = [LAYOUT, asdict(self.recipe), asdict(self.architecture), [asdict(part) for part in self.parts]]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]

    def of(self, kind: str) -> list[BundlePart]:
        return [part for part in self.parts if part.kind == kind]


def load_recipes() -> dict[str, Recipe]:
    """Return all recipes by name."""
    tables = tomllib.loads((resources.files("runner.bundle") / "recipes.toml").read_text(encoding="utf-8"))
    common_patterns = tables.pop("all")["leave_out"]
    recipe_by_name = {}
    for name, fields in tables.items():
        lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
        recipe_by_name[name] = Recipe(
            **{**fields, **lists, "name": name, "leave_out": (*lists["leave_out"], *common_patterns)}
        )
    return recipe_by_name


def lock_of(name: str, architecture: str) -> Lock:
    """Return the locked bundle. Raise SetupError if the lock does not match the recipe."""
    recipe, lock_record = load_recipes()[name], json.loads(LOCK.read_text(encoding="utf-8"))
    parts = tuple(BundlePart(**fields) for fields in lock_record.get(name, {}).get(architecture, ()))
    wheels = {f"{part.name}=={part.version}" for part in parts if part.kind == "wheel"}
    if {part.name for part in parts if part.kind == "debian"} != set(recipe.debian) or wheels != set(recipe.wheels):
        raise SetupError(f"{LOCK.name} does not match the recipe {name} for {architecture}: run `aiot bundle lock`.")
    return Lock(recipe, ARCHITECTURES[architecture], parts)


def write_lock(locks: Iterable[Lock], path: Path = LOCK) -> None:
    """Write the locks to lock.json, one part per line."""
    record: dict[str, dict[str, list[dict[str, str]]]] = {}
    for lock in locks:
        record.setdefault(lock.recipe.name, {})[lock.architecture.name] = [asdict(part) for part in lock.parts]
    text = json.dumps(record, indent=1)
    # one part per line, so that a changed version is one changed line
    for key in ("kind", "name", "version", "sha256"):
        text = text.replace(f'\n    "{key}"', f' "{key}"')
    path.write_text(text.replace('"\n   }', '" }') + "\n", encoding="utf-8")


def recipe_for(framework: str) -> str:
    """Return the recipe that contains a framework. Raise SelectionError if none does."""
    all_recipes = load_recipes()
    for recipe in all_recipes.values():
        if framework in recipe.frameworks:
            return recipe.name
    names = ", ".join(name for recipe in all_recipes.values() for name in recipe.frameworks)
    raise SelectionError(f"There is no bundle with the framework {framework!r}: choose one of {names}.")


def architecture_for(abi: str) -> str | None:
    """Return the architecture of an ABI or machine, such as "arm64-v8a" or "aarch64"; None if it has no bundles."""
    return next(
        (
            architecture.name
            for architecture in ARCHITECTURES.values()
            if abi in (architecture.name, *architecture.abis)
        ),
        None,
    )
