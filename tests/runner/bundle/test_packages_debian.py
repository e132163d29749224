import dataclasses
import hashlib
import shutil
import subprocess

import pytest

from aiot_suite.errors import SetupError
from runner.bundle import packages
from runner.bundle.packages import Apt
from runner.bundle.recipes import BundlePart

NEEDS_APT = pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt here")
LISTED = """\
'https://apt.vendor.example/debian/dists/bookworm/stable/binary-amd64/Packages.xz' x 0
'https://apt.releases.vendor.example/dists/bookworm/main/binary-amd64/Packages.xz' x 0
'https://deb.vendor.example/debian/dists/nodistro/main/binary-amd64/Packages.xz' x 0
'http://mirror.example/debian/dists/bookworm/InRelease' mirror 0
'http://mirror.example/debian-security/dists/bookworm-security/main/binary-amd64/Packages.xz' x 0
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror 0
'http://other.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' other 0
"""


def test_the_archive_is_the_first_that_has_debians_own_suite():
    """Archives of vendors, which may use the same names, and of security updates alone are passed over."""
    assert packages.find_archive(LISTED) == "http://mirror.example/debian"


def test_other_systems_have_no_archive_of_debian():
    ubuntu = LISTED.replace("debian", "ubuntu").replace("bookworm", "noble")
    assert packages.find_archive(ubuntu) is None
    assert packages.find_archive("") is None


@NEEDS_APT
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.list", "deb http://mirror.example/debian bookworm main\n"),
        ("a.list", "deb [arch=amd64 trusted=yes] http://mirror.example/debian/ trixie main contrib # comment\n"),
        ("a.sources", "Types: deb deb-src\nURIs: http://mirror.example/debian/\nSuites: sid\nComponents: main\n"),
        (
            "a.sources",
            (
                "Enabled: no\nTypes: deb\nURIs: http://no.example/debian\nSuites: sid\nComponents: main\n\n"
                "Types: deb\nURIs: http://mirror.example/debian\nSuites: sid-x bookworm\nComponents: contrib main\n"
            ),
        ),
    ],
)
def test_sources_are_read_in_both_forms_that_apt_has(tmp_path, monkeypatch, name, text):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / name).write_text(text)
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "{tmp_path}/parts"; Dir::State::lists "{tmp_path}/l";'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    assert packages.archive().rstrip("/") == "http://mirror.example/debian"


@NEEDS_APT
def test_sources_without_debian_are_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "apt.conf").write_text('Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "/dev/null";')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    with pytest.raises(
        SetupError, match=r"apt sources of this machine do not include Debian's archive.*build them on Debian"
    ):
        packages.archive()


def test_a_machine_without_apt_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    sentence = r"this machine does not have apt-get or apt-cache or apt-config or dpkg-deb: build them on Debian"
    with pytest.raises(SetupError, match=sentence):
        packages.archive()


class Recorded(list):
    """A stand-in for the programs that records its calls and returns a prepared answer."""

    says = ""

    def __call__(self, command, failure, folder=None, more=None):
        self.append(command)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def apt(tmp_path, monkeypatch):
    programs = Recorded()
    monkeypatch.setattr(packages, "run_program", programs)
    (tmp_path / "packages").mkdir()
    return Apt(tmp_path, "bookworm", "arm64"), programs


PART = BundlePart("debian", "zlib1g", "1:1.2", hashlib.sha256(b"deb").hexdigest())


def test_exactly_the_locked_version_is_asked_for_and_its_hash_checked(apt, tmp_path):
    package = tmp_path / "packages" / "zlib1g_1%3a1.2_arm64.deb"
    package.write_bytes(b"deb")
    assert apt[0].download([PART]) == [package]
    assert apt[1] == [["apt-get", "-q", "download", "zlib1g=1:1.2"]]
    with pytest.raises(
        SetupError, match=r"zlib1g_1%3a1\.2_arm64\.deb has the SHA-256 .* but the lock says 000.*mirror"
    ):
        apt[0].download([dataclasses.replace(PART, sha256="0" * 64)])


def test_a_version_that_is_gone_is_one_sentence(apt):
    apt[1].says = packages.ToolError("x", "E: Version '1:1.2' for 'zlib1g' was not found")
    sentence = (
        r"no longer has zlib1g 1:1\.2 \(bookworm, arm64\): run `aiot bundle lock` to switch to the current versions"
    )
    with pytest.raises(SetupError, match=sentence):
        apt[0].download([PART])


def test_another_failure_stays_what_it_is(apt):
    apt[1].says = packages.ToolError("Debian's packages cannot be had: apt-get says 'E: no route'.", "E: no route")
    with pytest.raises(SetupError, match="no route"):
        apt[0].download([PART])


def test_the_candidate_is_what_the_signed_list_says(apt):
    about = "Description: x\n Version: 9\n  SHA256: 9\n"
    apt[1].says = f"Package: zlib1g\nVersion: 1:1.3\n{about}SHA256: abc\nHomepage: http://a: b\n"
    assert apt[0].candidate("zlib1g") == BundlePart("debian", "zlib1g", "1:1.3", "abc")


def test_the_last_line_of_a_program_is_in_the_message():
    with pytest.raises(SetupError, match=r"It cannot be made: sh says 'E: broken'\."):
        words = ["sh", "-c", "echo working; echo E: broken >&2; echo W: more >&2; exit 3"]
        packages.run_program(words, "It cannot be made")
    with pytest.raises(SetupError, match=r"It cannot be made: .*nowhere"):
        packages.run_program(["/nowhere/at/all"], "It cannot be made")
    with pytest.raises(SetupError, match=r"It cannot be made: sh says 'exit code 4'\."):
        packages.run_program(["sh", "-c", "exit 4"], "It cannot be made")


def test_the_configuration_is_of_one_folder_and_keeps_the_machines_proxy(tmp_path, monkeypatch):
    output = [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::IndexTargets::deb::X "y";',
        "Acquire::Other 1",
    ]
    monkeypatch.setattr(packages, "run_program", lambda *_: "\n".join(output))
    text = packages._configuration(tmp_path, "arm64")
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in text
    assert "IndexTargets" not in text
    assert "/var/" not in text and "/etc/" not in text


@NEEDS_APT
def test_apt_understands_the_configuration(tmp_path):
    (tmp_path / "apt.conf").write_text(packages._configuration(tmp_path, "arm64"))
    dumped = subprocess.run(
        ["apt-config", "dump"], env={"APT_CONFIG": str(tmp_path / "apt.conf"), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for line in (
        'APT::Architecture "arm64";',
        'APT::Architectures:: "arm64";',
        f'Dir::State::lists "{tmp_path}/lists";',
    ):
        assert line in dumped
    assert "Invoke" not in dumped  # no hooks of this machine
