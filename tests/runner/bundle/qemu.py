"""Run arm64 programs with qemu-user, correctly but slowly, in two versions of Debian that complement each other.

Version 7.2 of bookworm crashes when LiteRT computes, whatever the page size. Since version 9.0, the option `-p` for the
page size has no effect.
"""

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aiot_suite.errors import SetupError
from runner.bundle.packages import Apt
from runner.bundle.recipes import architecture_for
from tests import unpacked


@dataclass(frozen=True)
class Emulator:
    suite: str
    package: str
    version: int

    def program(self) -> Path:
        """Return the program in the user's cache; raise SetupError with the reason if it is not available."""
        architecture = architecture_for(platform.machine())
        if architecture is None:
            raise SetupError(f"there is no qemu-user for {platform.machine()}")
        folder = unpacked.folder(f"{self.package}-{self.suite}-{architecture}", self.suite, architecture, self._needed)
        program = folder / "usr" / "bin" / self.package.replace("user", "aarch64")
        subprocess.run([program, "--version"], check=True, capture_output=True)
        return program

    def _needed(self, apt: Apt) -> list[str]:
        version = apt.candidate(self.package).version
        if int(version.split(":")[-1].split(".")[0]) != self.version:
            raise SetupError(f"{self.suite} has {self.package} {version}, and {self.version} is needed")
        return [self.package]


NEW = Emulator("bookworm-backports", "qemu-user", 10)
WITH_PAGES = Emulator("bookworm", "qemu-user-static", 7)
