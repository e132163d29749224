"""Tests of addresses of boards and of words for login shells; tests/e2e tests the connection with a real sshd."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_suite.errors import SelectionError, SetupError
from runner.devices.ssh import SshConnection, SshTarget, in_any_shell
from tests.examples import examples

SHELLS = [
    shell for shell in ("sh", "bash", "dash", "busybox", "mksh", "zsh", "fish", "tcsh", "csh") if shutil.which(shell)
]
HARMLESS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 #%&()*+,-./:;<=>?@[]^_{|}~")

words = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=4)


@examples(40)
@given(words)
def test_a_line_for_any_shell_has_no_character_that_shells_read_differently(words):
    line = in_any_shell(shlex.join(words))
    start, end = """exec sh -c 'eval "$(printf %b \"""", """\")"'"""
    assert line.startswith(start) and line.endswith(end)
    encoded = line.removeprefix(start).removesuffix(end)
    assert set(encoded) <= HARMLESS | {"\\"}
    assert encoded.count("\\") == encoded.count("\\0"), "a backslash only starts a number"


@pytest.mark.parametrize("shell", SHELLS)
def test_words_arrive_through_real_login_shells_as_they_are(shell):
    words = [
        "a'b\"c",
        "new\nline",
        "$(id) `id` $HOME",
        "!! !x \\! \\\\ \\n \\0",
        "Ü 小米 %s %%",
        "~ * ? [a] {b,c}",
        "#x;&x|y<z",
    ]
    words += ["tab\tend", "^a^b", "\\", "'", "-n", "\x7f\x1b[31m"]
    line = in_any_shell(shlex.join(["printf", "%s\\0", *words]))
    start = [shell, "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*start, "-c", line], capture_output=True, check=True)
    assert done.stdout.decode() == "".join(f"{word}\0" for word in words)


@pytest.mark.parametrize(
    ("address", "words", "known_as"),
    [
        ("pi@raspberrypi.local", ["pi@raspberrypi.local"], "raspberrypi.local"),
        ("jetson", ["jetson"], "jetson"),
        ("pi@192.168.0.7:2222", ["-p", "2222", "pi@192.168.0.7"], "[192.168.0.7]:2222"),
        ("ssh://pi@host:22/", ["-p", "22", "pi@host"], "host"),
        ("pi@[fe80::1%eth0]:2222", ["-p", "2222", "pi@fe80::1%eth0"], "[fe80::1%eth0]:2222"),
        ("[::1]", ["::1"], "::1"),
    ],
)
def test_addresses(address, words, known_as):
    target = SshTarget.parse(address)
    assert (target.words, target.known_as) == (words, known_as)


@pytest.mark.parametrize(
    "address",
    [
        "-oProxyCommand=touch x",
        "pi@-oProxyCommand=touch",
        "",
        "pi@",
        "a b",
        "pi@host:0",
        "pi@host:99999",
        "::1",
        "host:x",
    ],
)
def test_an_address_that_is_none_starts_nothing(address):
    with pytest.raises(SelectionError, match="is no address for --ssh: give user@host"):
        SshTarget.parse(address)


def test_a_password_is_refused_and_not_repeated():
    for address in ("pi:raspberry@host", "ssh://pi:raspberry@host:22", "pi:@host", "pi:rasp@berry@host"):
        with pytest.raises(SelectionError, match="password cannot be given") as raised:
            SshTarget.parse(address)
        assert "rasp" not in str(raised.value).replace("USER@HOST", "")


def test_without_ssh_it_is_said_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "sh").symlink_to(shutil.which("sh"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"The command ssh cannot be started .*: install OpenSSH's client"):
        SshConnection(SshTarget.parse("pi@host")).shell("true")


def test_nothing_of_adb_is_needed_for_a_board(tmp_path):
    code = "import sys; sys.modules['adbutils'] = None; from runner.devices.choice import *; "
    code += "attached_over_ssh(SshTarget.parse('pi@host'), Choice(), 'salt')"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
