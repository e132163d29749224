"""Debian packages through apt, and Python wheels through pip, for another machine than this one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from aiot_suite.environments import clean_environment
from aiot_suite.errors import SetupError
from aiot_suite.workspace import sha256_of
from runner.bundle.recipes import Architecture, BundlePart, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROGRAM_TIMEOUT_S = 1800.0
"""Maximum time for one program on the host, such as a download of packages."""


class ToolError(SetupError):
    """Error of a program that failed; `said` is its output."""

    def __init__(self, sentence: str, said: str) -> None:
        super().__init__(sentence)
        self.output = said


def require_programs(*programs: str) -> None:
    """Raise SetupError if a program is not installed."""
    absent = [program for program in programs if not shutil.which(program)]
    if absent:
        raise SetupError(
            f"Bundles are built from Debian's packages, but this machine does not have {' or '.join(absent)}: "
            "build them on Debian (a container is enough) and copy its cache folder, or set AIOT_CACHE to "
            "that folder."
        )


def run_program(
    command: Sequence[str], failure: str, folder: Path | None = None, more: Mapping[str, str] | None = None
) -> str:
    """Run a program and return its output. Raise ToolError with `failure` and its last error message."""
    variables = {**clean_environment(), "LC_ALL": "C.UTF-8", **(more or {})}
    try:
        completed = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROGRAM_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{failure}: {error}.", "") from None
    if completed.returncode:
        output = completed.stderr.strip() or completed.stdout.strip()
        errors = [line for line in output.splitlines() if line.startswith(("E:", "ERROR:"))] or output.splitlines()[-1:]
        message = errors[0] if errors else f"exit code {completed.returncode}"
        raise ToolError(f"{failure}: {Path(command[0]).name} says {message!r}.", output)
    return completed.stdout


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
    address = find_archive(uri_lines)
    if address is None:
        raise SetupError(
            "The apt sources of this machine do not include Debian's archive, which bundles are built from: "
            "build them on Debian (a container is enough), or add a mirror of Debian to "
            "/etc/apt/sources.list.d."
        )
    return address


def find_archive(listed: str) -> str | None:
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
            if match := re.search(r"Version '(.+)' for '(.+)' was not found", error.output):
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


_OLDEST_GLIBC = 5
"""Minor version of the oldest glibc that wheels are built for (PEP 600)."""


def wheel_platforms(glibc: str, machine: str) -> list[str]:
    """Return the tags of wheels that run with a glibc version, newest first (PEP 600)."""
    newest = int(glibc.split(".")[1])
    numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*numbered, *(f"manylinux{year}_{machine}" for year in ("2014", "2010", "1"))]


def download_wheels(
    recipe: Recipe, architecture: Architecture, parts: Sequence[BundlePart], folder: Path
) -> list[Path]:
    """Download exactly these wheels. Raise SetupError if one is unavailable or differs from the lock."""
    lines = [f"{part.name}=={part.version} --hash=sha256:{part.sha256}" for part in parts]
    return _pip(recipe, architecture, lines, folder, "--require-hashes")


def wheel_candidates(recipe: Recipe, architecture: Architecture, folder: Path) -> list[BundlePart]:
    """Return the wheels that a recipe names, as pip currently finds them."""
    paths = _pip(recipe, architecture, recipe.wheels, folder)
    part_of = {}
    for path in paths:
        name, version, _, _ = parse_wheel_filename(path.name)
        part_of[str(name)] = BundlePart("wheel", str(name), str(version), sha256_of(path))
    return [part_of[wheel.split("==")[0]] for wheel in recipe.wheels]


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Unpack the part of a wheel that belongs on Python's path. Raise SetupError if a name leads outside the folder."""
    with zipfile.ZipFile(wheel) as file:
        for member in file.infolist():
            destination = _place(member.filename)
            if member.is_dir() or destination is None:
                continue
            if destination.is_absolute() or ".." in destination.parts:
                raise SetupError(
                    f"{wheel.name} contains a file named {member.filename!r}, which would be unpacked outside the "
                    "target folder."
                )
            (folder / destination).parent.mkdir(parents=True, exist_ok=True)
            with file.open(member) as source, (folder / destination).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def _place(name: str) -> PurePosixPath | None:
    """Return the destination of a file in a wheel, None for scripts and headers (PEP 427: folders below `.data`)."""
    parts = PurePosixPath(name).parts
    if not parts[0].endswith(".data"):
        return PurePosixPath(name)
    return PurePosixPath(*parts[2:]) if parts[1] in ("purelib", "platlib") else None


def _pip(recipe: Recipe, architecture: Architecture, lines: Iterable[str], folder: Path, *more: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--only-binary=:all:", "--implementation", "cp", "--python-version", recipe.python, *more]
    for platform in wheel_platforms(recipe.glibc, architecture.machine):
        pip += ["--platform", platform]
    run_program(
        [*pip, "-r", str(requirements), "-d", str(folder)], f"The wheels for {architecture.name} cannot be downloaded"
    )
    return sorted(folder.glob("*.whl"))
