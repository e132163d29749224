"""A folder as one archive that is the same, byte for byte, wherever and whenever it is packed."""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path

_RUNS = ("bin/", "lib/ld.so")


def pack(folder: Path, archive: Path) -> None:
    """Writes a tar of the folders and files of a folder: sorted, of nobody and no time, without links.

    The format is POSIX ustar, which the tar of every Android reads.
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
            member.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(member, file)
