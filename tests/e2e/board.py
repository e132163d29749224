"""One board: a real sshd in its own namespaces, and an ssh client on this machine that knows its key."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e import debian
from tests.e2e.phone import BOARD_PATH, Phone, command_line, send_signal
from tests.unpacked import NotHere

if TYPE_CHECKING:
    import psutil

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
    """A Linux board with sshd, whose user `pi` has a home folder on the board's own storage.

    Parameters
    ----------
    storage_mb
        Size of the storage.
    shell
        Login shell of `pi`.
    path
        Folders of programs; by default those of this Python and this machine.
    home
        Home folder of `pi`.
    lines
        Further lines of sshd_config.
    """

    def __init__(
        self,
        storage_mb: int = 1024,
        shell: str = "/bin/bash",
        path: str = BOARD_PATH,
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
        self._lines = (f"SetEnv PATH={path}", *lines)
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
        """The home folder of `pi` as a path on this machine, if it is the default one."""
        return self.storage / "home" / USER

    @property
    def aiot_folder(self) -> Path:
        return self.home_folder / ".aiot"

    def write_configuration(self, *more: str) -> None:
        """Write sshd_config with further lines, which sshd reads when it starts."""
        lines = "\n".join((*self._lines, *more))
        (self.ssh / "sshd_config").write_text(_CONFIGURATION.format(port=self.port) + lines + "\n", encoding="utf-8")

    def new_host_key(self) -> None:
        """Make a new host key, as a new installation does; sshd reads it when it starts."""
        for path in self.ssh.glob("host_key*"):
            path.unlink()
        new_key(self.ssh / "host_key")

    def host_key(self) -> str:
        """Return the line of known_hosts for this board."""
        return f"[127.0.0.1]:{self.port} {(self.ssh / 'host_key.pub').read_text(encoding='utf-8')}"

    def sessions(self) -> list[psutil.Process]:
        """Return the sshd processes that serve connections."""
        return [process for process in self.processes()[1:] if _is_sshd(process)]

    def cut(self) -> None:
        """End all connections; sshd accepts new ones, and processes that were started over a connection continue."""
        send_signal(self.sessions(), signal.SIGKILL)

    def freeze(self, everything: bool = False) -> None:
        """Suspend sshd and its connections; with `everything`, suspend all processes of the board."""
        send_signal([process for process in self.processes() if everything or _is_sshd(process)], signal.SIGSTOP)

    def _service_root(self) -> Path:
        return debian.ssh_root()

    def _command(self) -> list[str]:
        loader = debian.loader_command(debian.ssh_root(), Path("/adbd"))
        # -r: sshd does not execute itself for each connection, which would fail without the loader
        return ["0", "PATH=/usr/bin:/bin", *loader, _SSHD, "-D", "-e", "-r", "-f", "/ssh/sshd_config"]


class SshClient:
    """The `ssh` and `scp` of this machine with a separate configuration, key and known_hosts.

    `folder` has to come first in PATH. It has scripts that pass the configuration as an option, since OpenSSH does not
    use HOME to find it.
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
        """Write the configuration, with further lines first."""
        standard = (
            *("Host *", f"UserKnownHostsFile {self.known_hosts}", "GlobalKnownHostsFile /dev/null"),
            *(f"IdentityFile {self.key}", "IdentitiesOnly yes", "IdentityAgent none"),
        )
        self.config.write_text("\n".join((*lines, *standard)) + "\n", encoding="utf-8")

    def trust(self, board: SshBoard) -> None:
        """Exchange the keys of the client and a board."""
        with self.known_hosts.open("a", encoding="utf-8") as stream:
            stream.write(board.host_key())
        (board.ssh / "authorized_keys").write_bytes(self.key.with_suffix(".pub").read_bytes())


def new_key(path: Path, passphrase: str = "") -> None:
    """Make a key pair. Raises NotHere if there is no ssh-keygen."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "aiot-test", "-f", str(path)]
    try:
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except OSError as error:
        raise NotHere(f"there is no ssh-keygen ({error.strerror})") from error


def _is_sshd(process: psutil.Process) -> bool:
    return command_line(process).startswith("/adbd/")
