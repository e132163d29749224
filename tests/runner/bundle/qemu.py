"""qemu-user of Debian's backports, which runs arm64 programs here, right but slow; the 7.2 of bookworm crashes."""

import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from runner.bundle import debian
from runner.bundle.recipes import architecture_for
from runner.environments import cache_folder, locked
from runner.errors import SetupError

SUITE = "bookworm-backports"
OLDEST = 10


def emulator() -> Path:
    """qemu-aarch64, kept in the user's cache; raises SetupError with the reason if it cannot be had."""
    folder = cache_folder() / f"{SUITE}-qemu-user"
    program = folder / "qemu-aarch64"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        if not program.is_file():
            _download(folder)
    return program


def _download(folder: Path) -> None:
    architecture = architecture_for(platform.machine())
    if architecture is None:
        raise SetupError(f"there is no qemu-user for {platform.machine()}")
    with tempfile.TemporaryDirectory(dir=folder) as work:
        apt = debian.Apt.open(Path(work) / "apt", SUITE, architecture)
        part = apt.candidate("qemu-user")
        if int(part.version.split(":")[-1].split(".")[0]) < OLDEST:
            raise SetupError(f"{SUITE} has qemu-user {part.version}, and {OLDEST} is needed")
        [package] = apt.download([part])
        debian.unpack(package, Path(work) / "unpacked")
        found = Path(work) / "unpacked" / "usr" / "bin" / "qemu-aarch64"
        subprocess.run([found, "--version"], check=True, capture_output=True)
        shutil.move(found, folder / "qemu-aarch64")
