"""Packing a folder into an archive that is the same, byte for byte, wherever and whenever it is made."""

from __future__ import annotations

import stat
import tarfile
from copy import copy
from pathlib import Path

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
