"""What goes into which bundle, and in which versions.

recipes.toml is written by hand and names packages; lock.json is made from it, for each architecture, and has the
version and the SHA-256 of each.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from aiot_suite.errors import SelectionError, SetupError

LAYOUT = 2
"""Another number when the same parts are packed in another way."""

LOCK = Path(__file__).with_name("lock.json")


@dataclass(frozen=True)
class Architecture:
    """An architecture by Debian's name."""

    name: str
    machine: str  # as the kernel and Python's wheels name it
    elf: str  # as ELF names it
    loader: str
    alignment: int  # bytes, of the segments of a library; pages of a device are no larger
    abis: tuple[str, ...]  # as devices name it

    @property
    def triplet(self) -> str:
        """The name of Debian's folders of libraries."""
        return f"{self.machine}-linux-gnu"


ARCHITECTURES = {
    one.name: one
    for one in (
        # Android 15 and later may have pages of 16 KB (developer.android.com/guide/practices/page-sizes)
        Architecture("arm64", "aarch64", "EM_AARCH64", "ld-linux-aarch64.so.1", 16384, ("arm64-v8a", "aarch64")),
        Architecture("amd64", "x86_64", "EM_X86_64", "ld-linux-x86-64.so.2", 4096, ("x86_64", "x86-64")),
    )
}


@dataclass(frozen=True)
class Part:
    """A package of a lock."""

    kind: str  # "debian" or "wheel"
    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Recipe:
    """What goes into a bundle: the comments of recipes.toml tell the fields."""

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
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return f"{self.recipe.name}-{self.architecture.name}"

    @property
    def key(self) -> str:
        """Changes when the bundle would."""
        facts = [LAYOUT, asdict(self.recipe), asdict(self.architecture), [asdict(part) for part in self.parts]]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]

    def of(self, kind: str) -> list[Part]:
        return [part for part in self.parts if part.kind == kind]


def recipes() -> dict[str, Recipe]:
    """All recipes by name."""
    read = tomllib.loads((resources.files("runner.bundle") / "recipes.toml").read_text(encoding="utf-8"))
    everywhere = read.pop("all")["leave_out"]
    found = {}
    for name, fields in read.items():
        lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
        found[name] = Recipe(**{**fields, **lists, "name": name, "leave_out": (*lists["leave_out"], *everywhere)})
    return found


def lock_of(name: str, architecture: str) -> Lock:
    """The locked bundle; raises SetupError if the lock does not have what the recipe names."""
    recipe, locked = recipes()[name], json.loads(LOCK.read_text(encoding="utf-8"))
    parts = tuple(Part(**fields) for fields in locked.get(name, {}).get(architecture, ()))
    wheels = {f"{part.name}=={part.version}" for part in parts if part.kind == "wheel"}
    if {part.name for part in parts if part.kind == "debian"} != set(recipe.debian) or wheels != set(recipe.wheels):
        raise SetupError(f"{LOCK.name} is not of the recipe {name} for {architecture}: run `aiot bundle lock`.")
    return Lock(recipe, ARCHITECTURES[architecture], parts)


def write_lock(locks: Iterable[Lock], path: Path = LOCK) -> None:
    """Writes what the locks have, one part a line."""
    record: dict[str, dict[str, list[dict[str, str]]]] = {}
    for lock in locks:
        record.setdefault(lock.recipe.name, {})[lock.architecture.name] = [asdict(part) for part in lock.parts]
    text = json.dumps(record, indent=1)
    for inner in ("kind", "name", "version", "sha256"):  # a part on a line: a changed version is a changed line
        text = text.replace(f'\n    "{inner}"', f' "{inner}"')
    path.write_text(text.replace('"\n   }', '" }') + "\n", encoding="utf-8")


def recipe_for(framework: str) -> str:
    """The recipe that holds a framework; raises SelectionError if none does."""
    known = recipes()
    for recipe in known.values():
        if framework in recipe.frameworks:
            return recipe.name
    names = ", ".join(name for recipe in known.values() for name in recipe.frameworks)
    raise SelectionError(f"There is no bundle with the framework {framework!r}: choose one of {names}.")


def architecture_for(abi: str) -> str | None:
    """The architecture of an ABI or machine, like "arm64-v8a" or "aarch64"; None if there are no bundles for it."""
    return next((one.name for one in ARCHITECTURES.values() if abi in (one.name, *one.abis)), None)
