"""The file systems with adbd and sshd, and errors if they are not available."""

import platform

import pytest

from aiot_suite.errors import SetupError
from runner.bundle.packages import Apt
from tests.e2e import debian
from tests.unpacked import NotHere

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _clear_cache():
    """Discard the results of earlier calls."""
    debian._unpacked.cache_clear()


def test_a_failed_download_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def no_archive(folder, suite, architecture):
        folder.mkdir()
        raise SetupError(f"No {suite} for {architecture}.")

    monkeypatch.setenv("AIOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Apt, "open", no_archive)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(NotHere, match=r"^Debian's adbd cannot be had: No trixie for arm64\.$"):
        debian.root()
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_machine_that_cannot_run_adbd_is_reported(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(NotHere, match="does not run on Darwin"):
        debian.root()


def test_the_file_system_has_adbd_and_androids_tools():
    try:
        root = debian.root()
    except NotHere as reason:
        pytest.skip(str(reason))
    assert (root / "usr" / "lib" / "android-sdk" / "platform-tools" / "adbd").is_file()
    tools = {path.name: path.readlink().name for path in (root / "system" / "bin").iterdir()}
    assert tools["sh"] == "mksh"
    assert {tools[name] for name in ("tar", "sha256sum", "setsid", "nohup", "taskset", "df")} == {"toybox"}


def test_the_other_file_system_has_sshd_and_the_tools_of_busybox():
    try:
        root = debian.ssh_root()
    except NotHere as reason:
        pytest.skip(str(reason))
    assert (root / "usr" / "sbin" / "sshd").is_file()
    tools = {path.name for path in (root / "applets").iterdir()}
    assert {"busybox", "sh", "tar", "sha256sum", "setsid", "df", "xargs"} <= tools
