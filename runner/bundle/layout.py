"""The folders of a bundle: arranging and checking them, packing them, and starting their Python on a device."""

from __future__ import annotations

import json
import posixpath
import shutil
import stat
import struct
import tarfile
from copy import copy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.bundle.recipes import Architecture, Recipe

_MAGIC = b"\x7fELF"
_ORIGIN = "$ORIGIN"
_EXECUTABLE = 1  # PF_X
_FLAGS_AT = 4  # offset of p_flags in a 64-bit program header
_DF_TEXTREL = 4


@dataclass(frozen=True)
class Elf:
    """Facts about one file, from its program headers and its dynamic section."""

    machine: str  # such as "EM_AARCH64"
    needed: tuple[str, ...]  # names of the libraries it needs
    search: tuple[str, ...]  # folders searched first for them
    alignment: int | None  # smallest alignment of the loaded segments in bytes; None if no segment is loaded
    executable_stack: bool
    text_relocations: bool
    glibc: tuple[int, ...]  # newest glibc version whose symbols it needs; (0,) if it needs none


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _MAGIC


def read_elf(path: Path) -> Elf:
    """Return the facts about an ELF file."""
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        elf = ELFFile(file)
        segments = list(elf.iter_segments())
        tags = [tag for segment in segments if isinstance(segment, DynamicSegment) for tag in segment.iter_tags()]
        stacks = [segment["p_flags"] for segment in segments if segment["p_type"] == "PT_GNU_STACK"]
        search_paths = [_text(tag) for tag in tags if tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH")]
        return Elf(
            machine=elf["e_machine"],
            needed=tuple(_text(tag) for tag in tags if tag.entry.d_tag == "DT_NEEDED"),
            search=tuple(folder for text in search_paths for folder in text.split(":") if folder),
            alignment=min((header["p_align"] for header in segments if header["p_type"] == "PT_LOAD"), default=None),
            # without this header, glibc's loader makes the stack executable (elf/dl-load.c)
            executable_stack=not stacks or bool(stacks[0] & _EXECUTABLE),
            text_relocations=any(_writes_code(tag.entry) for tag in tags),
            glibc=max(_versions(elf), default=(0,)),
        )


def find_problems(bundle: Path, path: Path, architecture: Architecture, glibc: str) -> Iterator[str]:
    """Yield the reasons why a file of a bundle would not run on a device, with the file's path within the bundle.

    Android maps no segment that is not aligned to its pages, and its policy rejects executable stacks and text
    relocations. A library that is missing in the bundle would be the device's own, or not found at all.
    """
    elf, name = read_elf(path), path.relative_to(bundle).as_posix()
    if elf.machine != architecture.elf:
        yield f"{name} is for {elf.machine}, not {architecture.elf}"
    if elf.alignment is not None and elf.alignment < architecture.alignment:
        yield f"{name} is aligned to {elf.alignment} bytes, not {architecture.alignment}"
    if elf.executable_stack:
        yield f"{name} requires an executable stack"
    if elf.text_relocations:
        yield f"{name} contains text relocations"
    if elf.glibc > tuple(map(int, glibc.split("."))):
        yield f"{name} needs glibc {'.'.join(map(str, elf.glibc))}, but the bundle has {glibc}"
    for folder in elf.search:
        if not folder.startswith(_ORIGIN):
            yield f"{name} searches {folder}"
    for library in elf.needed:
        if library != architecture.loader and not loader_finds(bundle, path, elf, library):
            yield f"{name} needs {library}, which is not in the bundle"


def loader_finds(bundle: Path, path: Path, elf: Elf, needed: str) -> bool:
    """Return whether the loader finds a library for a file of a bundle.

    The libraries in the folder `<name>.libs` of a wheel find each other: the DT_RPATH of the module that loads one of
    them also applies to the libraries that it needs in turn (man ld.so).
    """
    folders = [folder.replace(_ORIGIN, str(path.parent)) for folder in elf.search if folder.startswith(_ORIGIN)]
    search_paths = [posixpath.normpath(folder) for folder in folders] + [str(bundle / "lib")]
    if path.parent.name.endswith(".libs"):
        search_paths.append(str(path.parent))
    return any((Path(search_path) / needed).is_file() for search_path in search_paths)


def confine_search_paths(path: Path) -> None:
    """Replace each system folder in the file's library search path by the file's own folder.

    Some wheels still name folders of the machine they were built on. The text keeps its length, because other names may
    share its trailing bytes.
    """
    system_folders = [folder for folder in read_elf(path).search if not folder.startswith(_ORIGIN)]
    if not system_folders:
        return
    data = path.read_bytes()
    for folder in system_folders:
        replacement = _ORIGIN.ljust(len(folder), "/")
        if len(replacement) == len(folder):  # otherwise the folder is kept, and reported by `find_problems`
            for before in (b"\0", b":"):
                for after in (b"\0", b":"):
                    data = data.replace(before + folder.encode() + after, before + replacement.encode() + after)
    path.write_bytes(data)


def forgo_executable_stack(path: Path) -> None:
    """Clear the executable flag in the PT_GNU_STACK header of a 64-bit library; nothing else changes.

    The linker sets the flag if a single object file in assembly language lacks a section .note.GNU-stack, whether or
    not code is ever run from the stack (ld(1), -z execstack).
    """
    from elftools.elf.elffile import ELFFile

    with path.open("r+b") as file:
        elf = ELFFile(file)
        for number, segment in enumerate(elf.iter_segments()):
            if segment["p_type"] == "PT_GNU_STACK":
                file.seek(elf["e_phoff"] + number * elf["e_phentsize"] + _FLAGS_AT)
                file.write(struct.pack("<I", segment["p_flags"] & ~_EXECUTABLE))
                return


def _text(tag: Any) -> str:
    """Return the text of a DT_NEEDED, DT_RPATH or DT_RUNPATH tag."""
    return next(str(getattr(tag, name)) for name in ("needed", "rpath", "runpath") if hasattr(tag, name))


def _writes_code(entry: Any) -> bool:
    return entry.d_tag == "DT_TEXTREL" or bool(entry.d_tag == "DT_FLAGS" and entry.d_val & _DF_TEXTREL)


def _versions(elf: Any) -> Iterator[tuple[int, ...]]:
    """Yield the versions GLIBC_x.y of the symbols that a file needs."""
    from elftools.elf.gnuversions import GNUVerNeedSection

    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for _, needs in section.iter_versions():
                for need in needs:
                    prefix, _, version = need.name.partition("_")
                    if prefix == "GLIBC" and version.replace(".", "").isdigit():
                        yield tuple(map(int, version.split(".")))


LOADER = "lib/ld.so"
PYTHON = "bin/python3"
SITE = "site"
TMP = "tmp"

_MAX_LINKS = 20
_SHOWN = 3


def lay_out(debian: Path, wheels: Path, bundle: Path, recipe: Recipe, architecture: Architecture) -> None:
    """Create a bundle from unpacked Debian packages and wheels. Raise SetupError if something is missing."""
    version = f"python{recipe.python}"
    _copy(_is_from_debian(debian, f"usr/bin/{version}"), bundle / PYTHON)
    _copy(library(debian, architecture, architecture.loader), bundle / LOADER)
    _copy_tree(debian, debian / "usr/lib" / version, bundle, f"lib/{version}", recipe.leave_out)
    _copy_tree(wheels, wheels, bundle, SITE, recipe.leave_out)
    for name in recipe.libraries:
        _copy(library(debian, architecture, name), bundle / "lib" / name)
    (bundle / TMP).mkdir()
    for path in programs(bundle):
        confine_search_paths(path)
        if matches(path.relative_to(bundle).as_posix(), recipe.plain_stack):
            forgo_executable_stack(path)
    _add_needed(debian, bundle, architecture)


def check(bundle: Path, recipe: Recipe, architecture: Architecture) -> int:
    """Return the number of programs and libraries in a bundle. Raise SetupError if one would not run on a device."""
    paths = list(programs(bundle))
    problems = [finding for path in paths for finding in find_problems(bundle, path, architecture, recipe.glibc)]
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
    return (path for path in sorted(bundle.rglob("*")) if path.is_file() and is_elf(path))


def matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def library(debian: Path, architecture: Architecture, name: str) -> Path | None:
    """Return a library of the unpacked packages, or None."""
    folders = (f"{prefix}lib/{architecture.triplet}" for prefix in ("", "usr/"))
    return next((path for folder in folders if (path := _is_from_debian(debian, f"{folder}/{name}")).is_file()), None)


def _add_needed(debian: Path, bundle: Path, architecture: Architecture) -> None:
    """Add the Debian libraries that are needed and not found, and those that they need in turn."""
    queue = list(programs(bundle))
    while queue:
        path = queue.pop()
        facts = read_elf(path)
        for needed in facts.needed:
            source = library(debian, architecture, needed)
            if needed == architecture.loader or source is None or loader_finds(bundle, path, facts, needed):
                continue
            queue.append(_copy(source, bundle / "lib" / needed))


def _copy_tree(root: Path, source: Path, bundle: Path, place: str, patterns: Sequence[str]) -> None:
    for path in sorted(source.rglob("*")):
        name = f"{place}/{path.relative_to(source).as_posix()}"
        resolved = _link_target(root, path)
        if resolved.is_file() and not matches(name, patterns):
            _copy(resolved, bundle / name)


def _copy(source: Path | None, target: Path) -> Path:
    if source is None or not source.is_file():
        raise SetupError(f"No package in the lock contains {source or target.name}: add one that does to the recipe.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def _is_from_debian(debian: Path, name: str) -> Path:
    return _link_target(debian, debian / name)


def _link_target(root: Path, path: Path) -> Path:
    """Return the target of a link. Absolute links start at the root of the packages, and none leads outside."""
    for _ in range(_MAX_LINKS):
        if not path.is_symlink():
            return path
        target = path.readlink()
        path = root / str(target).lstrip("/") if target.is_absolute() else path.parent / target
        path = Path(*_resolved_parts(root, path))
    return path


def _resolved_parts(root: Path, path: Path) -> Iterator[str]:
    """Yield the parts of a path below a root, with `..` resolved."""
    parts: list[str] = []
    for part in path.relative_to(root).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
    yield from (str(root), *parts)


_CHECK = """
import importlib, json, os, platform, sys
for name in {imports!r}:
    importlib.import_module(name)
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
print(json.dumps({{
    "python": platform.python_version(), "machine": platform.machine(), "prefix": sys.prefix,
    "page_bytes": os.sysconf("SC_PAGE_SIZE"), "path": sys.path, "files": sorted(filter(None, files)),
}}))
"""


def python_command(
    root: str, python_arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> list[str]:
    """Return the command that starts Python: its loader by path, without anything of the system.

    No variable, library or package of the system is used.

    root: the folder of the device where the bundle was unpacked
    environment: additional variables, or other values for existing ones. A PYTHONPATH precedes the packages of the
    bundle
    """
    overrides = dict(environment or {})
    path = [*filter(None, [overrides.pop("PYTHONPATH", "")]), f"{root}/{SITE}"]
    variables = {
        "PYTHONHOME": root,
        "PYTHONPATH": ":".join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PYTHONCOERCECLOCALE": "0",  # otherwise Python reads the system's locales if the system has glibc too
        "PATH": "/system/bin:/usr/bin:/bin",
        # a phone has no /tmp, and no /etc/passwd that names the user
        "TMPDIR": f"{root}/{TMP}",
        "HOME": f"{root}/{TMP}",
        "USER": "shell",
        "LOGNAME": "shell",
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime would send events
        **overrides,
    }
    return [
        "env",
        "-i",
        *(f"{name}={value}" for name, value in variables.items()),
        f"{root}/{LOADER}",
        "--inhibit-cache",
        "--library-path",
        f"{root}/lib",
        f"{root}/{PYTHON}",
        "-s",
        "-S",  # Debian's module `site` would add packages of the system
        *python_arguments,
    ]


def first_start_command(root: str, imports: Sequence[str]) -> list[str]:
    """Return the command for a bundle's first start, which imports everything that the agent imports.

    It stores Python's bytecode next to the modules, so that later starts need not compile them, and prints one line of
    JSON: `python`, `machine`, `page_bytes`, `prefix`, `path` and the `files` of all modules.
    """
    program = _CHECK.format(imports=list(imports)).strip()
    return python_command(root, ["-c", program], {"PYTHONDONTWRITEBYTECODE": ""})


def read_first_start(output: str) -> dict[str, object]:
    """Return what the first start printed. Raise ValueError if the output has no such line.

    Libraries may print lines of their own, which C's buffer writes before or after it.
    """
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise ValueError(f"{output.strip()[-200:]!r} is not the expected output of a bundle")
    record: dict[str, object] = json.loads(lines[-1])
    return record


PIECE_BYTES = 2**29
"""Maximum size of an archive member. Larger files are split into pieces.

toybox's tar, which Android has, corrupts members over 1 GiB (seen with 0.8.9).
"""

JOIN = """\
find . -name '*.piece-000' | while read -r first; do
  name=${first%.piece-000}
  cat "$name".piece-* >"$name" && rm -f "$name".piece-* || exit 1
done
"""
"""Shell script that joins split files, to be run in the folder where an archive was unpacked."""

_RUNS = ("bin/", "lib/ld.so")


def pack_folder(folder: Path, archive: Path) -> None:
    """Write a tar of a folder: its folders and files, sorted, without owner, time or links.

    The format is POSIX ustar, which the tar of every Android version reads. JOIN has to be run after unpacking.
    """
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            if path.is_dir():
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
                continue
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ValueError(f"{path} is neither a file nor a folder")
            member.mode = 0o755 if member.name.startswith(_RUNS) else 0o644
            with path.open("rb") as file:
                bytes_left = path.stat().st_size
                for number in range(max(1, -(-bytes_left // PIECE_BYTES))):
                    piece = copy(member)
                    piece.size = min(bytes_left, PIECE_BYTES)
                    if path.stat().st_size > PIECE_BYTES:
                        piece.name += f".piece-{number:03}"
                    tar.addfile(piece, file)
                    bytes_left -= piece.size
