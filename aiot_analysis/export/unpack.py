"""The checks and the unpacking of a crate that somebody else made.

Nothing is written before everything is checked: the names of all files (none leads out of the folder, none is a link,
none occurs twice), their sizes, and the SHA-256 of each file that the metadata list. A file that they do not list is
refused, like a listed one that is missing.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote

from aiot_analysis.errors import CrateError
from aiot_analysis.export.crate import FORMAT, METADATA, ROCRATE_VERSION, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LIMIT_GB = 8.0
"""Default limit of the size of all files of a crate, unpacked, in GB."""
MOST_FILES = 200_000
LARGEST_METADATA = 200_000_000  # bytes; 200,000 files take about 80 million
CHUNK = 1 << 20
PROFILE = f"https://w3id.org/ro/crate/{ROCRATE_VERSION}"


@dataclass(frozen=True)
class _Member:
    """A file of a crate that is not unpacked yet."""

    size: int  # bytes
    open: Callable[[], IO[bytes]]


def unpack(crate: Path, folder: Path, limit_gb: float = LIMIT_GB) -> dict[str, Any]:
    """Check a crate, which is a zip file or a folder, write its files to a new folder, and return its settings.

    Raises
    ------
    CrateError
        It is neither, is not safe to unpack, is not complete, or was made in a way that is unknown here. Nothing has
        been written then.
    """
    with _opened(crate) as members:
        _check_names(crate, members)
        size = sum(member.size for member in members.values())
        if size > limit_gb * 1e9:
            raise CrateError(
                f"{crate} has {size / 1e9:,.1f} GB of files, more than the limit of {limit_gb:g} GB: raise it with "
                "--limit if you trust the crate."
            )
        listed = _listed(crate, members)
        for name in sorted(set(members) - set(listed) - {METADATA}):
            raise CrateError(f"{crate} has a file that its metadata do not list, {name}: ask for another copy.")
        for name, digest in listed.items():
            if name not in members:
                raise CrateError(f"{crate} lacks {name}, which its metadata list: ask for another copy.")
            if _digest(crate, name, members[name]) != digest:
                raise CrateError(f"{crate}: {name} has changed since the crate was made (its SHA-256 differs).")
        settings = _settings(crate, members)
        for name, member in members.items():
            _write(crate, name, member, folder / name)
    return settings


@contextmanager
def _opened(crate: Path) -> Iterator[dict[str, _Member]]:
    """Open a crate and give its files by name; raise CrateError if it is none."""
    if crate.is_dir():
        yield _of_folder(crate)
    elif not crate.exists():
        raise CrateError(f"There is no crate {crate}: give the path of a zip file or a folder.")
    elif not zipfile.is_zipfile(crate):
        raise CrateError(f"{crate} is not a zip file: give a file that `aiot export crate` wrote.")
    else:
        with _readable(crate, "its list of files"), zipfile.ZipFile(crate) as archive:
            members = _of_archive(crate, archive)
            yield members


def _of_folder(crate: Path) -> dict[str, _Member]:
    members = {}
    for path in sorted(crate.rglob("*")):
        name = path.relative_to(crate).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise CrateError(f"{crate}: {name} is a link or a special file, which a crate must not contain.")
        if path.is_file():
            members[name] = _Member(path.stat().st_size, lambda path=path: path.open("rb"))  # type: ignore[misc]
    return members


def _of_archive(crate: Path, archive: zipfile.ZipFile) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise CrateError(f"{crate}: {entry.filename} is a link or a special file, which a crate must not contain.")
        if entry.flag_bits & 1:
            raise CrateError(f"{crate}: {entry.filename} is encrypted: ask for a crate without a password.")
        if entry.is_dir():
            _check_name(crate, entry.filename.rstrip("/"))
            continue
        if entry.filename in members:
            raise CrateError(f"{crate} has two files {entry.filename}: ask for another copy.")
        members[entry.filename] = _Member(entry.file_size, lambda entry=entry: archive.open(entry))  # type: ignore[misc]
    return members


def _check_names(crate: Path, members: Mapping[str, _Member]) -> None:
    if len(members) > MOST_FILES:
        raise CrateError(f"{crate} has {len(members):,} files, more than the limit of {MOST_FILES:,}.")
    seen: dict[str, str] = {}
    for name in members:
        _check_name(crate, name)
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise CrateError(f"{crate} has files {other} and {name}, which some file systems cannot tell apart.")


def _check_name(crate: Path, name: str) -> None:
    """Raise CrateError if a path may lead out of the folder on any system."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or re.search(r"\\|[\x00-\x1f]|^[A-Za-z]:", name):
        raise CrateError(f"{crate}: the path {name!r} may lead out of the folder: do not unpack this crate.")


def _listed(crate: Path, members: Mapping[str, _Member]) -> dict[str, str]:
    """Return the SHA-256 of each file that the metadata list, by name."""
    graph = _json(crate, members, METADATA).get("@graph")
    if not isinstance(graph, list) or not all(isinstance(entity, dict) for entity in graph):
        raise CrateError(f"{crate}: {METADATA} has no list @graph: give a file that `aiot export crate` wrote.")
    described: dict[str, Any] = next((entity for entity in graph if entity.get("@id") == METADATA), {})
    profiles = [item.get("@id") for item in _several(described.get("conformsTo")) if isinstance(item, dict)]
    if PROFILE not in profiles:
        raise CrateError(
            f"{crate} conforms to {', '.join(map(str, profiles)) or 'no version of RO-Crate'}, which is unknown here: "
            f"this version reads {PROFILE}."
        )
    listed = {}
    for entity in graph:
        if "File" not in _several(entity.get("@type")):
            continue
        name, digest = unquote(str(entity.get("@id"))).removeprefix("./"), entity.get("sha256")
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise CrateError(f"{crate}: {METADATA} states no SHA-256 of {name}: ask for another copy.")
        listed[name] = digest
    return listed


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _settings(crate: Path, members: Mapping[str, _Member]) -> dict[str, Any]:
    settings = _json(crate, members, SETTINGS)
    if settings.get("format") != FORMAT:
        raise CrateError(
            f"{crate}: {SETTINGS} has format {settings.get('format')!r}, which is unknown here (this version reads "
            f"{FORMAT}): install a newer version of this toolkit."
        )
    pages = settings.get("pages")
    if not isinstance(pages, dict) or not all(
        isinstance(page, dict) and isinstance(page.get("parameters"), dict) for page in pages.values()
    ):
        raise CrateError(f"{crate}: {SETTINGS} does not list the pages with their parameters: ask for another copy.")
    return settings


def _json(crate: Path, members: Mapping[str, _Member], name: str) -> dict[str, Any]:
    if name not in members:
        raise CrateError(f"{crate} has no {name}: give a file that `aiot export crate` wrote.")
    if members[name].size > LARGEST_METADATA:
        raise CrateError(f"{crate}: {name} has {members[name].size:,} bytes, more than metadata can have.")
    with _readable(crate, name), members[name].open() as file:
        data = file.read()
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CrateError(f"{crate}: {name} is not JSON ({error}): ask for another copy.") from None
    if not isinstance(content, dict):
        raise CrateError(f"{crate}: {name} is not a JSON object: ask for another copy.")
    return content


@contextmanager
def _readable(crate: Path, name: str) -> Iterator[None]:
    """Raise CrateError if part of a zip file is damaged."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise CrateError(f"{crate}: {name} cannot be read ({error}): ask for another copy.") from None


def _chunks(crate: Path, name: str, member: _Member) -> Iterator[bytes]:
    """Yield the content of a file, which may not be larger than its stated size."""
    with _readable(crate, name), member.open() as file:
        left = member.size
        while chunk := file.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise CrateError(f"{crate}: {name} is larger than stated: do not unpack this crate.")
            yield chunk


def _digest(crate: Path, name: str, member: _Member) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(crate, name, member):
        digest.update(chunk)
    return digest.hexdigest()


def _write(crate: Path, name: str, member: _Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for chunk in _chunks(crate, name, member):
            file.write(chunk)
