"""Requirements of ELF programs and libraries, and problems that would keep them from running on a device."""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.bundle.recipes import Architecture

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
