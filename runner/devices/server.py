"""The adb server: the devices it lists, and connections to it that read no unlimited data.

A running server is used; if there is none, adbutils starts one. It is never stopped, since other programs may use it.
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
"""Maximum size of a packet; adb itself sends no larger ones (MAX_PAYLOAD in its sources)."""
COMMAND_LIMIT_BYTES = 0xFFFF
"""Maximum length of a command, which is sent as four hexadecimal digits."""
_NAMELESS = "(no serial number)"


class Wire(AdbConnection):  # type: ignore[misc, unused-ignore]  # no types, which only --strict reports
    """A connection to the server that rejects packets over PIECE_LIMIT_BYTES and anything after its deadline."""

    deadline = float("inf")  # in terms of time.monotonic()

    def close(self) -> None:
        if not self.closed:
            # close first: otherwise adbutils waits 10 ms per connection, and a file takes three connections
            self.conn.close()
        super().close()

    def __del__(self) -> None:
        """Close the connection, which adbutils forgets when the server refuses a request."""
        with suppress(AttributeError):  # the connection was never made
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
            chunk = self.conn.recv(n - len(data))
            if not chunk:
                break
            data += chunk
        return bytes(data)


class Client(AdbClient):  # type: ignore[misc, unused-ignore]  # no types, which only --strict reports
    """A client of the adb server on the port in ANDROID_ADB_SERVER_PORT, by default 5037."""

    def __init__(self) -> None:
        port_text = os.environ.get("ANDROID_ADB_SERVER_PORT") or "5037"
        port = int(port_text) if port_text.isascii() and port_text.isdigit() else 0
        if not 0 < port < 2**16:
            raise SelectionError(
                f"ANDROID_ADB_SERVER_PORT is {port_text!r}, which is not a port number: unset it, or set it to one."
            )
        super().__init__(port=port, socket_timeout=ANSWER_TIMEOUT_S)

    @cache  # noqa: B019 - a client lives as long as its command
    def server_version(self) -> int:
        """Return the version of the server, cached: adbutils would ask before each connection to a device."""
        return int(super().server_version())

    def make_connection(self, timeout: float | None = None) -> Wire:
        wire = Wire(self.host, self.port)
        # without this, each small file waits 40 ms for an answer
        wire.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.conn.settimeout(timeout or ANSWER_TIMEOUT_S)
        return wire


def states(client: AdbClient) -> dict[str, str]:
    """Return the state of each device that the server lists, by name. Raise DeviceError without a server.

    A device's name is its serial as adb shows it. Devices that share a serial, and a device without one, are named by
    their USB port, such as "usb:1-4", which adb accepts in place of a serial.
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
        if len(ports) == len(listed):  # both lists have the same order
            pairs = zip(ports, listed, strict=True)
            listed = [(port if port and serial in shared else serial, state) for port, (serial, state) in pairs]
    return dict(listed)


def _ports(client: AdbClient) -> list[str]:
    """Return the USB port of each device, "" if it has none."""
    with client.make_connection() as wire:
        wire.send_command("host:devices-l")
        wire.check_okay()
        lines = wire.read_string_block().split("\n")
    # take the last such word: a serial before it may contain anything, and adb sanitizes what follows
    usb_words = [[word for word in line.split() if word.startswith("usb:")] for line in lines if line.strip()]
    return [matches[-1] if matches else "" for matches in usb_words]


def connect(client: AdbClient, address: str) -> str:
    """Make the server connect to HOST:PORT (default port 5555). Return the server's name of the device.

    Raises DeviceError if nothing answers there.
    """
    with answering():
        try:
            reply = str(client.connect(address, timeout=CONNECT_TIMEOUT_S))
        except AdbConnectionError:
            raise
        except AdbError as error:
            reply = str(error)
    if not reply.startswith(("connected to", "already connected to")):
        raise DeviceError(f"{address} cannot be reached ({reply.strip()}): check that wireless debugging is on there.")
    return reply.split()[-1]


@contextmanager
def answering() -> Iterator[None]:
    """Raise DeviceError if there is no adb server and none can be started."""
    try:
        yield
    except (AdbError, OSError, ValueError, subprocess.SubprocessError) as error:
        raise DeviceError(f"The adb server does not answer ({error}): try `adb start-server`.") from None
