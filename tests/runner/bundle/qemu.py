"""qemu-user, which runs arm64 programs here, right but slow: two versions of Debian, each for what the other cannot.

7.2 of bookworm crashes where LiteRT computes, at any size of pages; `-p`, for that size, does nothing since 9.0.
"""

import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runner.bundle import debian
from runner.bundle.recipes import architecture_for
from runner.environments import cache_folder, locked
from runner.errors import SetupError


@dataclass(frozen=True)
class Emulator:
    suite: str
    package: str
    version: int

    def program(self) -> Path:
        """Of the user's cache; raises SetupError with the reason if it cannot be had."""
        folder = cache_folder() / f"{self.package}-{self.version}"
        program = folder / "qemu-aarch64"
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            if not program.is_file():
                self._download(program)
        return program

    def _download(self, program: Path) -> None:
        architecture = architecture_for(platform.machine())
        if architecture is None:
            raise SetupError(f"there is no qemu-user for {platform.machine()}")
        with tempfile.TemporaryDirectory(dir=program.parent) as work:
            apt = debian.Apt.open(Path(work) / "apt", self.suite, architecture)
            part = apt.candidate(self.package)
            if int(part.version.split(":")[-1].split(".")[0]) != self.version:
                raise SetupError(f"{self.suite} has {self.package} {part.version}, and {self.version} is needed")
            [package] = apt.download([part])
            debian.unpack(package, Path(work) / "unpacked")
            found = Path(work) / "unpacked" / "usr" / "bin" / self.package.replace("user", "aarch64")
            subprocess.run([found, "--version"], check=True, capture_output=True)
            shutil.move(found, program)


NEW = Emulator("bookworm-backports", "qemu-user", 10)
WITH_PAGES = Emulator("bookworm", "qemu-user-static", 7)
