"""Sending many small files to a device as a few archives, which are unpacked there and checked by hash."""

from __future__ import annotations

import hashlib
import posixpath
import re
import shlex
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from aiot_suite.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from runner.devices.connection import DeviceConnection

PARALLEL = 2
"""Number of archives sent at once, so that the device unpacks and checks one while the next one arrives."""

_ROUND_BYTES = 32 * 2**20  # content of the archives sent at once
_LARGE_BYTES = 8 * 2**20
_ROUND_FILES = 4000
_PIECE_BYTES = 2**18  # sent at once: many small pieces take the host and the device more time
_NAME = re.compile(r"[!-\[\]-~]{1,100}")  # printable ASCII without spaces and backslashes, which all tools read alike
_TIMEOUT_S = 120.0
_UNPACK = """\
[ -e {mark} ] && mkdir -p {place} && cd {place} || exit 1
umask 022
tar -xf -
unpacked=$?
if [ ! -e {mark} ]; then
  xargs -0 rm -f <{names}
  rm -f {names}
  cd / && rmdir {place} {parent} 2>/dev/null
  exit 1
fi
[ $unpacked = 0 ] && xargs -0 sha256sum <{names}
rm -f {names}
"""
"""Shell script that unpacks an archive and prints the SHA-256 of each file.

`names` is a file in the archive with the names of the others. The script makes the folder only if the file `mark`
exists, and removes what it made if that was deleted meanwhile.
"""

_SUM = re.compile(r"^([0-9a-f]{64})  \./(.+)$", re.MULTILINE)


def split_into_rounds(sizes: Mapping[str, int]) -> tuple[list[list[str]], list[str]]:
    """Return the names of files, given with their sizes in bytes, that are sent as archives, and all others.

    The former are in rounds that are sent at once. Large files, odd names, and the files of a round with too few for
    PARALLEL archives are sent one by one.
    """
    rounds: list[list[str]] = [[]]
    others = []
    size_of_round = 0
    for name, size in sizes.items():
        if size > _LARGE_BYTES or not _NAME.fullmatch(name):
            others.append(name)
            continue
        if size_of_round + size > _ROUND_BYTES or len(rounds[-1]) == _ROUND_FILES:
            rounds.append([])
            size_of_round = 0
        rounds[-1].append(name)
        size_of_round += size
    if len(rounds[-1]) <= PARALLEL:
        others += rounds.pop()
    return rounds, others


def send(connection: DeviceConnection, mark: str, place: str, files: Mapping[str, Path], mode: int) -> dict[str, str]:
    """Send the files of a round into a folder of the device. Return the SHA-256 of those that arrived, by name.

    Devices before Android 7, and those without tar, xargs or sha256sum, take no archive.
    """
    names = list(files)

    def send_part(number: int) -> dict[str, str]:
        part = names[number::PARALLEL]
        list_name = f".sent{number}"
        expected: dict[str, str] = {}

        def members() -> Iterator[tuple[str, bytes]]:
            yield list_name, "".join(f"./{name}\0" for name in part).encode()
            for name in part:
                content = _content(files[name])
                expected[name] = hashlib.sha256(content).hexdigest()
                yield name, content

        paths = {"mark": mark, "place": place, "parent": posixpath.dirname(mark)}
        line = _UNPACK.format(names=list_name, **{key: shlex.join([path]) for key, path in paths.items()})
        answer = connection.feed(line, archive(members(), mode), _TIMEOUT_S)
        arrived = {name: sha256 for sha256, name in _SUM.findall(answer.stdout)} if answer else {}
        return {name: sha256 for name, sha256 in expected.items() if arrived.get(name) == sha256}

    with ThreadPoolExecutor(PARALLEL) as pool:
        return {name: sha256 for sums in pool.map(send_part, range(PARALLEL)) for name, sha256 in sums.items()}


def archive(members: Iterable[tuple[str, bytes]], mode: int) -> Iterator[bytes]:
    """Yield a tar archive of files, given by name and content, in pieces of a few members each.

    The format is POSIX ustar, which the tar of every Android version reads.
    """
    blocks: list[bytes] = []
    size = 0
    for name, content in members:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(content), mode, int(time.time())
        blocks += member.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % tarfile.BLOCKSIZE)
        size += len(content)
        if size >= _PIECE_BYTES:
            yield b"".join(blocks)
            blocks, size = [], 0
    yield b"".join([*blocks, bytes(2 * tarfile.BLOCKSIZE)])


def _content(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:  # half of the time of read_bytes for small files
            return file.read()
    except OSError as error:  # it would count as one of the connection
        raise SetupError(f"{path} cannot be read ({error.strerror}): check the file, and try again.") from None
