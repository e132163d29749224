"""One board: a real sshd in namespaces of its own, and an ssh on this machine that knows its key."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from tests.e2e import debian
from tests.e2e.phone import Phone
from tests.unpacked import NotHere

USER = "pi"
HOME = f"/data/home/{USER}"
_SSHD = "/adbd/usr/sbin/sshd"
_CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey /ssh/host_key
AuthorizedKeysFile /ssh/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PrintMotd no
Subsystem sftp internal-sftp
"""


class SshBoard(Phone):
    """A Linux board with sshd, whose user pi has a home folder on a storage of its own.

    `shell` is the login shell of pi; `path` the folders of its programs, by default this Python's and this machine's.
    `lines` are further lines of sshd_config.
    """

    def __init__(
        self,
        storage_mb: int = 1024,
        shell: str = "/bin/bash",
        path: str = "",
        home: str = HOME,
        lines: tuple[str, ...] = (),
    ) -> None:
        if os.geteuid():
            raise NotHere("sshd can change to another user only as root")
        super().__init__(storage_mb=storage_mb, board=True)
        self._user = 0
        self.serial = f"{USER}@127.0.0.1:{self.port}"
        self.home = home
        self.ssh = self._folder / "ssh"
        self.ssh.mkdir()
        self._lines = (
            f"SetEnv PATH={path or f'{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin'}",
            *lines,
        )
        self.write_configuration()
        self.new_host_key()
        for name, content in {
            "passwd": "root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\n"
            f"{USER}:x:1000:1000::{home}:{shell}\n",
            "group": f"root:x:0:\n{USER}:x:1000:\n",
            "shadow": f"root:*:::::::\nsshd:*:::::::\n{USER}:*:::::::\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n",
            "authorized_keys": "",
        }.items():
            (self.ssh / name).write_text(content, encoding="utf-8")

    @property
    def home_folder(self) -> Path:
        """The home folder of pi, as this machine sees it."""
        return self.storage / "home" / USER

    @property
    def aiot_folder(self) -> Path:
        return self.home_folder / ".aiot"

    def write_configuration(self, *more: str) -> None:
        """Writes sshd_config, with further lines; sshd reads it when it starts."""
        lines = "\n".join((*self._lines, *more))
        (self.ssh / "sshd_config").write_text(_CONFIGURATION.format(port=self.port) + lines + "\n", encoding="utf-8")

    def new_host_key(self) -> None:
        """A new key of the board, as after it was installed anew; sshd reads it when it starts."""
        for path in self.ssh.glob("host_key*"):
            path.unlink()
        new_key(self.ssh / "host_key")

    def host_key(self) -> str:
        """The line of known_hosts with its key."""
        return f"[127.0.0.1]:{self.port} {(self.ssh / 'host_key.pub').read_text(encoding='utf-8')}"

    def sessions(self) -> list[psutil.Process]:
        """The processes of sshd that serve connections."""
        return [process for process in self.processes()[1:] if _words(process).startswith("/adbd/")]

    def cut(self) -> None:
        """All connections end, and sshd takes new ones; what the connections have started goes on."""
        for process in self.sessions():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def freeze(self, everything: bool = False) -> None:
        for process in self.processes():
            if everything or _words(process).startswith("/adbd/"):
                with suppress(psutil.NoSuchProcess):
                    process.suspend()

    def agents(self) -> list[psutil.Process]:
        return [one for one in self.processes() if "-m runner.agent" in _words(one)]

    def _service_root(self) -> Path:
        return debian.ssh_root()

    def _command(self) -> list[str]:
        place = debian.in_place(debian.ssh_root(), Path("/adbd"))
        # -r: the process of a connection is not started anew, for which this loader would be missing
        return ["0", "PATH=/usr/bin:/bin", *place, _SSHD, "-D", "-e", "-r", "-f", "/ssh/sshd_config"]


class SshClient:
    """The `ssh` and `scp` of this machine, with a configuration, a key and known hosts of their own.

    `folder` comes first in PATH; OpenSSH does not look at HOME, so that a configuration can only be named to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.config, self.known_hosts, self.key = (folder / name for name in ("config", "known_hosts", "key"))
        self.folder.mkdir(parents=True)
        new_key(self.key)
        self.known_hosts.touch()
        self.configure()
        for program in ("ssh", "scp"):
            wrapper = self.folder / program
            wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/{program} -F {self.config} "$@"\n', encoding="utf-8")
            wrapper.chmod(0o755)

    def configure(self, *lines: str) -> None:
        """Writes the configuration, with further lines first."""
        standard = (
            *("Host *", f"UserKnownHostsFile {self.known_hosts}", "GlobalKnownHostsFile /dev/null"),
            *(f"IdentityFile {self.key}", "IdentitiesOnly yes", "IdentityAgent none"),
        )
        self.config.write_text("\n".join((*lines, *standard)) + "\n", encoding="utf-8")

    def trust(self, board: SshBoard) -> None:
        """Each knows the key of the other."""
        with self.known_hosts.open("a", encoding="utf-8") as stream:
            stream.write(board.host_key())
        (board.ssh / "authorized_keys").write_bytes(self.key.with_suffix(".pub").read_bytes())


def new_key(path: Path, passphrase: str = "") -> None:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "aiot-test", "-f", str(path)]
    try:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except OSError as error:
        raise NotHere(f"there is no ssh-keygen ({error.strerror})") from error


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
