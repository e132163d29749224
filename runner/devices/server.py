"""An adb server: what it knows of devices, and connections to it on which nothing is read without end.

The server that answers is used, and where none does, adbutils starts one. It is never ended: others may use it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from adbutils import AdbClient, AdbConnection, AdbError
from adbutils.errors import AdbConnectionError

from aiot_suite.errors import SelectionError
from runner.errors import DeviceError

ANSWER_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 10.0
PIECE_LIMIT_BYTES = 2**20
"""Of what a device announces and sends at once: adb itself sends no larger ones (MAX_PAYLOAD in its sources)."""
COMMAND_LIMIT_BYTES = 0xFFFF
"""The length of a command is four hexadecimal digits."""
_NAMELESS = "(no serial number)"


class Wire(AdbConnection):
    """A connection to the server that takes no piece over PIECE_LIMIT_BYTES, and nothing after its deadline."""

    deadline = float("inf")  # of time.monotonic()

    def close(self) -> None:
        if not self.closed:
            self.conn.close()  # first, or adbutils waits for 10 ms at each connection, of which a file takes three
        super().close()

    def __del__(self) -> None:
        """Where the server says no, adbutils forgets to close."""
        with suppress(AttributeError):  # it was never made
            self.close()

    def send_command(self, cmd: str) -> None:
        data = cmd.encode()
        self.conn.sendall(f"{len(data):04x}".encode() + data)

    def _read_fully(self, n: int) -> bytes:
        if n > PIECE_LIMIT_BYTES:
            raise AdbError(f"it announces {n} bytes at once")
        data = bytearray()
        while len(data) < n:
            if time.monotonic() > self.deadline:
                raise AdbError("it is too slow")
            piece = self.conn.recv(n - len(data))
            if not piece:
                break
            data += piece
        return bytes(data)


class Client(AdbClient):
    """A client of the server that ANDROID_ADB_SERVER_PORT names, by default of the one on port 5037."""

    def __init__(self) -> None:
        said = os.environ.get("ANDROID_ADB_SERVER_PORT") or "5037"
        port = int(said) if said.isascii() and said.isdigit() else 0
        if not 0 < port < 2**16:
            raise SelectionError(f"ANDROID_ADB_SERVER_PORT is {said!r}, which is no port: unset it, or name one.")
        super().__init__(port=port, socket_timeout=ANSWER_TIMEOUT_S)

    @cache  # noqa: B019 - a client lives as long as its command
    def server_version(self) -> int:
        """Asked once: adbutils would ask before each connection to a device."""
        return super().server_version()

    def make_connection(self, timeout: float | None = None) -> Wire:
        wire = Wire(self.host, self.port)
        wire.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each small file waits 40 ms for an answer
        wire.conn.settimeout(timeout or ANSWER_TIMEOUT_S)
        return wire


def states(client: AdbClient) -> dict[str, str]:
    """What each device that the server knows is called, and its state; raises DeviceError without a server.

    A device is called by its serial as adb shows it. Devices that share one there, and a device without one, are
    called by the USB port they are at, like "usb:1-4", which adb takes for a serial as well.
    """
    with answering():
        with client.make_connection() as wire:
            wire.send_command("host:devices")
            wire.check_okay()
            lines = wire.read_string_block().split("\n")
        listed = [(serial, state) for serial, tab, state in (line.partition("\t") for line in lines) if tab]
        serials = Counter(serial for serial, _ in listed)
        shared = {serial for serial, count in serials.items() if count > 1 or serial == _NAMELESS}
        ports = _ports(client) if shared else []
        if len(ports) == len(listed):  # both lists are in one order
            named = zip(ports, listed, strict=True)
            listed = [(port if port and serial in shared else serial, state) for port, (serial, state) in named]
    return dict(listed)


def _ports(client: AdbClient) -> list[str]:
    """The USB port of each device, "" without one."""
    with client.make_connection() as wire:
        wire.send_command("host:devices-l")
        wire.check_okay()
        lines = wire.read_string_block().split("\n")
    # the last such word: a serial before it may hold anything, and what comes after it is cleaned by adb
    words = [[word for word in line.split() if word.startswith("usb:")] for line in lines if line.strip()]
    return [found[-1] if found else "" for found in words]


def connect(client: AdbClient, address: str) -> str:
    """Makes the server connect to HOST:PORT (by default port 5555), and gives what it calls the device.

    Raises DeviceError if nothing answers there.
    """
    with answering():
        try:
            said = client.connect(address, timeout=CONNECT_TIMEOUT_S)
        except AdbConnectionError:
            raise
        except AdbError as error:
            said = str(error)
    if not said.startswith(("connected to", "already connected to")):
        raise DeviceError(f"{address} cannot be reached ({said.strip()}): is wireless debugging on there?")
    return said.split()[-1]


@contextmanager
def answering() -> Iterator[None]:
    """Raises DeviceError if there is no adb server and none can be started."""
    try:
        yield
    except (AdbError, OSError, ValueError, subprocess.SubprocessError) as error:
        raise DeviceError(f"The adb server does not answer ({error}): try `adb start-server`.") from None
