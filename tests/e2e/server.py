"""A separate adb server on its own port; the user's server on port 5037 is not used."""

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
    """The adb server included in adbutils, which does not look for devices over USB or mDNS, or for emulators."""

    def __init__(self) -> None:
        self.port = free_port()
        self._home = tempfile.TemporaryDirectory(prefix="aiot-adb-")  # keys other than the user's
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Raises NotHere if it does not."""
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
                start_new_session=True,  # Ctrl-C goes only to the process that started the server
            )
        if not is_listening(self.port, START_TIMEOUT_S):
            log_text = self.log()
            self.stop()
            raise NotHere(f"the adb server does not start: {log_text[-200:]!r}")

    def stop(self) -> None:
        """Kill the server, and a replacement that a client may have started on the same port."""
        if self._process:
            end(self._process)
            self._process = None
        if is_listening(self.port):
            self.client().server_kill()

    def restart(self) -> None:
        """Start a new server on the same port, which has no devices until one is connected."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and delete its files."""
        self.stop()
        self._home.cleanup()

    def client(self, timeout_s: float = 10) -> AdbClient:
        """Return a client of this server."""
        from adbutils import AdbClient

        return AdbClient(host="127.0.0.1", port=self.port, socket_timeout=timeout_s)

    def log(self) -> str:
        """Return the output of the server since the first start."""
        return (Path(self._home.name) / "adb.log").read_text(encoding="utf-8", errors="replace")


def adb() -> Path:
    """Return the adb program included in adbutils. Raises NotHere if there is none."""
    package = importlib.util.find_spec("adbutils")
    if package is None or package.origin is None:
        raise NotHere("adbutils is not installed: pip install -e '.[run]'")
    binary = Path(package.origin).with_name("binaries") / "adb"
    if not binary.is_file():
        raise NotHere("adbutils brings no adb for this machine")
    return binary


def end(process: subprocess.Popen[bytes]) -> None:
    """Close the standard input of a process that runs until then, and wait for its end."""
    with process:
        pass


def free_port() -> int:
    """Return a port that is not in use.

    The port is outside the range for outgoing connections (/proc/sys/net/ipv4/ip_local_port_range), so that none of
    these takes it while a device is disconnected, and outside 5555 to 5585, where an adb server looks for emulators.
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


def is_listening(port: int, timeout_s: float = 0) -> bool:
    """Return whether something accepts connections on the port, now or within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
