"""An adb server of its own, on a port of its own: the one of the user, on port 5037, is never touched."""

from __future__ import annotations

import importlib.util
import os
import random
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unpacked import NotHere

if TYPE_CHECKING:
    from adbutils import AdbClient

START_TIMEOUT_S = 10
_GUARD = Path(__file__).with_name("guard.sh")


class Server:
    """The adb server that adbutils ships. It finds no device by itself: no USB, no emulator, no mDNS."""

    def __init__(self) -> None:
        self.port = free_port()
        self._home = tempfile.TemporaryDirectory(prefix="aiot-adb-")  # its keys are not the user's
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers; NotHere if it does not start."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ADB_", "ANDROID_"))},
            "HOME": self._home.name,
            "TMPDIR": self._home.name,
            "ADB_USB": "0",
            "ADB_EMU": "0",
            "ADB_MDNS": "0",
        }
        with (Path(self._home.name) / "adb.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", _GUARD, adb(), "-P", str(self.port), "nodaemon", "server"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the one who started it
            )
        if not answers(self.port, START_TIMEOUT_S):
            said = self.log()
            self.stop()
            raise NotHere(f"the adb server does not start: {said[-200:]!r}")

    def stop(self) -> None:
        """Ends it, as a crash would, and one that a client of it may have started in its place."""
        if self._process:
            end(self._process)
            self._process = None
        if answers(self.port):
            self.client().server_kill()

    def restart(self) -> None:
        """A new server on the same port: it knows no device until somebody connects one."""
        self.stop()
        self.start()

    def close(self) -> None:
        self.stop()
        self._home.cleanup()

    def client(self, timeout_s: float = 10) -> AdbClient:
        from adbutils import AdbClient

        return AdbClient(host="127.0.0.1", port=self.port, socket_timeout=timeout_s)

    def log(self) -> str:
        return (Path(self._home.name) / "adb.log").read_text(encoding="utf-8", errors="replace")


def adb() -> Path:
    """The adb that adbutils ships, NotHere if there is none."""
    package = importlib.util.find_spec("adbutils")
    if package is None or package.origin is None:
        raise NotHere("adbutils is not installed: pip install -e '.[run]'")
    binary = Path(package.origin).with_name("binaries") / "adb"
    if not binary.is_file():
        raise NotHere("adbutils brings no adb for this machine")
    return binary


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that runs as long as its standard input is open."""
    with process:  # closes it, and waits
        pass


def free_port() -> int:
    """A port that nobody listens on.

    Not one of those that the system gives to outgoing connections (/proc/sys/net/ipv4/ip_local_port_range), or such a
    connection could take it while a device is away; and far from 5555 to 5585, where an adb server looks for emulators.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise NotHere("there is no free port between 20000 and 32000")


def answers(port: int, timeout_s: float = 0) -> bool:
    """Whether something accepts connections on the port, now or within this time."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
