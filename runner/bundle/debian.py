"""Debian packages through apt with a separate configuration: nothing on the machine is changed or installed.

The archive is the one named by the machine's own sources. apt checks its signature with the machine's keys, and each
package against the signed list; in addition, the SHA-256 of the lock is checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiot_suite.errors import SetupError
from aiot_suite.workspace import sha256_of
from runner.bundle.host_programs import ToolError, require_programs, run_program
from runner.bundle.recipes import BundlePart

_SUITES = ("buster", "bullseye", "bookworm", "trixie", "forky", "oldoldstable", "oldstable", "stable", "testing", "sid")
_LISTED = re.compile(r"'(?P<archive>.+)/dists/(?P<suite>[^/']+)(?:/updates)?/main/binary-[^/']+/Packages[^']*'")
_KEYRINGS = [Path(f"/usr/share/keyrings/debian-archive-keyring.{suffix}") for suffix in ("pgp", "gpg")]
# Keep the machine's proxies and certificates, but not its hooks and the other indexes it reads.
_KEPT = re.compile(r"Acquire::(?:http|https|ftp|socks|Proxy|ForceIPv|Retries|Check-)[^\n]*")


def archive() -> str:
    """Return the address of Debian's archive from this machine's apt sources, in whichever form they are written.

    Raises SetupError if there is no apt or none of its sources is Debian's.
    """
    require_programs("apt-get", "apt-cache", "apt-config", "dpkg-deb")
    uri_lines = run_program(["apt-get", "update", "--print-uris"], "The sources of apt cannot be read")
    address = archive_in(uri_lines)
    if address is None:
        raise SetupError(
            "The apt sources of this machine do not include Debian's archive, which bundles are built from: "
            "build them on Debian (a container is enough), or add a mirror of Debian to "
            "/etc/apt/sources.list.d."
        )
    return address


def archive_in(listed: str) -> str | None:
    """Return the first address in the output of `apt-get update --print-uris` that is a Debian archive.

    Its name contains "debian" and its suite is one of Debian's.
    """
    for match in _LISTED.finditer(listed):
        if match["suite"] in _SUITES and "debian" in match["archive"]:
            return match["archive"]
    return None


@dataclass(frozen=True)
class Apt:
    """apt for one suite and architecture, in a separate folder."""

    folder: Path
    suite: str
    architecture: str

    @classmethod
    def open(cls, folder: Path, suite: str, architecture: str) -> Apt:
        """Fetch the list of packages. Raise SetupError if the archive does not answer or is not signed."""
        address = archive()
        for name in ("lists/partial", "cache/archives/partial", "packages"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()  # no package counts as installed
        keyring = next((path for path in _KEYRINGS if path.is_file()), None)
        signed_by = f" signed-by={keyring}" if keyring else ""  # otherwise, all keys trusted by the machine
        (folder / "sources.list").write_text(f"deb [arch={architecture}{signed_by}] {address} {suite} main\n", "utf-8")
        (folder / "apt.conf").write_text(_configuration(folder, architecture), "utf-8")
        apt = cls(folder, suite, architecture)
        apt._run(
            "apt-get", "update", "--error-on=any", failure=f"Debian's package list for {suite} cannot be downloaded"
        )
        return apt

    def candidate(self, name: str) -> BundlePart:
        """Return the package in its current version. Raise SetupError if the archive has none of that name."""
        package_record = self._run(
            "apt-cache", "show", "--no-all-versions", name, failure=f"{self.suite} has no package {name}"
        )
        fields = dict(
            line.split(": ", 1) for line in package_record.splitlines() if ": " in line and not line.startswith(" ")
        )
        return BundlePart("debian", name, fields["Version"], fields["SHA256"])

    def download(self, parts: Sequence[BundlePart]) -> list[Path]:
        """Download exactly these packages. Raise SetupError for one that is gone or differs from the lock."""
        words = [f"{part.name}={part.version}" for part in parts]
        try:
            self._run("apt-get", "download", *words, failure="Debian's packages cannot be downloaded")
        except ToolError as error:
            if match := re.search(r"Version '(.+)' for '(.+)' was not found", error.said):
                raise SetupError(
                    f"Debian's archive no longer has {match[2]} {match[1]} ({self.suite}, {self.architecture}): "
                    "run `aiot bundle lock` to switch to the current versions."
                ) from None
            raise
        return [self._checked(part) for part in parts]

    def _checked(self, part: BundlePart) -> Path:
        [path] = (self.folder / "packages").glob(f"{part.name}_*.deb")
        if (sha256 := sha256_of(path)) != part.sha256:
            raise SetupError(
                f"{path.name} has the SHA-256 {sha256}, but the lock says {part.sha256}: try another mirror of Debian."
            )
        return path

    def _run(self, *words: str, failure: str) -> str:
        variables = {"APT_CONFIG": str(self.folder / "apt.conf")}
        return run_program([words[0], "-q", *words[1:]], failure, self.folder / "packages", variables)


def unpack_deb(package: Path, folder: Path) -> None:
    """Unpack the files that a package would install into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    run_program(["dpkg-deb", "-x", str(package), str(folder)], f"{package.name} cannot be unpacked")


def _configuration(folder: Path, architecture: str) -> str:
    kept_settings = _KEPT.findall(
        run_program(["apt-config", "dump", "Acquire"], "The configuration of apt cannot be read")
    )
    return "\n".join(
        [
            *kept_settings,
            'Dir::Etc::main "/dev/null";',
            'Dir::Etc::parts "/dev/null";',
            f'Dir::Etc::sourcelist "{folder}/sources.list";',
            'Dir::Etc::sourceparts "/dev/null";',
            'Dir::Etc::preferences "/dev/null";',
            'Dir::Etc::preferencesparts "/dev/null";',
            f'Dir::State "{folder}";',
            f'Dir::State::lists "{folder}/lists";',
            f'Dir::State::status "{folder}/status";',
            f'Dir::Cache "{folder}/cache";',
            f'APT::Architecture "{architecture}";',
            f'APT::Architectures {{ "{architecture}"; }};',
            'APT::Sandbox::User "";',  # apt's own user cannot read a cache in a home folder
            'Acquire::Languages "none";',
            'Acquire::GzipIndexes "true";',
            "",
        ]
    )
