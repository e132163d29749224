"""The adb server, and access to a device through it: shell, push and pull, each limited in time and size."""

from __future__ import annotations

import io
import os
import re
import secrets
import shlex
import socket
import struct
import subprocess
import time
from collections import Counter
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

from aiot_suite.errors import SelectionError
from runner.devices import FOLDER
from runner.devices.connection import (
    ANSWER_LIMIT_BYTES,
    FILE_TIMEOUT_S,
    SHELL_TIMEOUT_S,
    SILENCE_S,
    CommandResult,
    check_sayable,
)
from runner.errors import DeviceError, DeviceLostError

PORT_VARIABLE = "ANDROID_ADB_SERVER_PORT"

# adbutils makes a client while it is imported, and raises ValueError if this variable is no number; ours explains it
_port = os.environ.pop(PORT_VARIABLE, None)
try:
    from adbutils import AdbClient, AdbConnection, AdbDevice, AdbError
    from adbutils.errors import AdbConnectionError
finally:
    if _port is not None:
        os.environ[PORT_VARIABLE] = _port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

ANSWER_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 10.0
PIECE_LIMIT_BYTES = 2**20
"""Maximum size of a packet; adb itself sends no larger ones (MAX_PAYLOAD in its sources)."""
_NAMELESS = "(no serial number)"


class ServerConnection(AdbConnection):  # type: ignore[misc, unused-ignore]  # no types, which only --strict reports
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
        port_text = os.environ.get(PORT_VARIABLE) or "5037"
        port = int(port_text) if re.fullmatch("[0-9]{1,5}", port_text) else 0
        if not 0 < port < 2**16:
            raise SelectionError(
                f"{PORT_VARIABLE} is {port_text[:80]!a}, which is not a port number: unset it, or set it to one."
            )
        super().__init__(port=port, socket_timeout=ANSWER_TIMEOUT_S)

    @cache  # noqa: B019 - a client lives as long as its command
    def server_version(self) -> int:
        """Return the version of the server, cached: adbutils would ask before each connection to a device."""
        return int(super().server_version())

    def make_connection(self, timeout: float | None = None) -> ServerConnection:
        wire = ServerConnection(self.host, self.port)
        # without this, each small file waits 40 ms for an answer
        wire.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.conn.settimeout(timeout or ANSWER_TIMEOUT_S)
        return wire


def device_states(client: AdbClient) -> dict[str, str]:
    """Return the state of each device that the server lists, by name. Raise DeviceError without a server.

    A device's name is its serial as adb shows it. Devices that share a serial, and a device without one, are named by
    their USB port, such as "usb:1-4", which adb accepts in place of a serial.
    """
    with check_server():
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
    with check_server():
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
def check_server() -> Iterator[None]:
    """Raise DeviceError if there is no adb server and none can be started."""
    try:
        yield
    except (AdbError, OSError, ValueError, subprocess.SubprocessError) as error:
        raise DeviceError(f"The adb server does not answer ({error}): try `adb start-server`.") from None


_RECONNECT_TIMEOUT_S = 5.0
_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)
_PACKET = struct.Struct("<BI")
_NETWORK = re.compile(r"(?!usb:)[^/\s]+:\d{1,5}")
_TEMPORARY = "/data/local/tmp"


class _Device(AdbDevice):  # type: ignore[misc, unused-ignore]  # no types, which only --strict reports
    """AdbDevice whose file transfers fail after SILENCE_S without data, where adbutils would wait forever."""

    def open_transport(self, command: str | None = None, timeout: float | None = SHELL_TIMEOUT_S) -> AdbConnection:
        wire = super().open_transport(command, timeout or SHELL_TIMEOUT_S)
        if isinstance(wire, ServerConnection):
            # a shell command reaches its own time limit earlier; this one covers a packet that arrives byte by byte
            wire.deadline = time.monotonic() + (2 * timeout if timeout else FILE_TIMEOUT_S)
        if timeout is None:
            # Set the timeouts on the socket itself: with a timeout of Python's, `send` may send only a part, which
            # adbutils does not expect.
            wire.conn.settimeout(None)
            limit = struct.pack("ll", int(SILENCE_S), 0)
            wire.conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            wire.conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        return wire


class _LargeChunkFile:
    """A file read in the largest chunks that adb accepts (SYNC_DATA_MAX in its sources).

    adbutils reads 4 KiB at a time, which takes five times the processor time on the host.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, _: int) -> bytes:
        return self._stream.read(2**16)


class Connection:
    """One device at an adb server, identified by the serial that adb shows.

    Its methods raise DeviceLostError if the device does not answer.
    """

    authenticates_content = False

    def __init__(self, serial: str, client: AdbClient) -> None:
        self.serial = serial
        self._client = client
        self._device = _Device(client, serial)
        self._lost = False
        self._features: set[str] | None = None

    def shell(self, command: str | Sequence[str], timeout_s: float = SHELL_TIMEOUT_S) -> CommandResult:
        """Run a command: a line for the device's shell, or a sequence of words, which are quoted for the shell."""
        line = command if isinstance(command, str) else shlex.join(command)
        check_sayable(line)
        with self._answering():
            if self._has_shell_v2():
                return self._new_shell(line, timeout_s)
            return self._old_shell(line, timeout_s)

    def feed(self, line: str, content: Iterable[bytes], timeout_s: float) -> CommandResult | None:
        """Run a command with this content as its standard input; return None if the device's adbd cannot do that.

        The time limit applies to what follows the content.
        """
        check_sayable(line)
        with self._answering():
            return self._new_shell(line, timeout_s, content) if self._has_shell_v2() else None

    def _has_shell_v2(self) -> bool:
        return "shell_v2" in (self._features or self._asked_features())

    def _new_shell(self, line: str, timeout_s: float, content: Iterable[bytes] | None = None) -> CommandResult:
        """Run a command as AdbDevice.shell2 does, but with a limit on time and output.

        shell2 would read for as long as a device sends. A packet is an identifier, a length and that many bytes: see
        shell_protocol.h in the sources of adb.
        """
        received = {_STDOUT: bytearray(), _STDERR: bytearray()}
        with self._device.open_transport(timeout=timeout_s) as transport:
            transport.send_command(f"shell,v2,raw:{line}")
            transport.check_okay()
            if content is not None:
                for piece in content:
                    transport.conn.sendall(_PACKET.pack(_STDIN, len(piece)) + piece)
                transport.conn.sendall(_PACKET.pack(_CLOSE_STDIN, 0))
            deadline = time.monotonic() + timeout_s
            while True:
                packet, length = _PACKET.unpack(transport.read_exact(_PACKET.size))
                data = transport.read_exact(length) if length else b""
                if packet == _EXIT:
                    break
                if packet in received:
                    received[packet] += data
                self._check_end(sum(map(len, received.values())), deadline, line)
        output, error_output = (received[stream].decode(errors="replace") for stream in (_STDOUT, _STDERR))
        return CommandResult(data[0] if data else 255, output, error_output)

    def _old_shell(self, line: str, timeout_s: float) -> CommandResult:
        """Run a command on Android 6 or older, whose shell has a single stream and no exit code.

        The exit code and standard error are printed after a marker.
        """
        mark = f"aiot-{secrets.token_hex(8)}"
        errors_path = f"{_TEMPORARY}/.{mark}"
        script = f"( {line}\n) 2>{errors_path}; echo {mark}$?; cat {errors_path}; rm -f {errors_path}"
        data = bytearray()
        deadline = time.monotonic() + timeout_s
        with self._device.open_transport(timeout=timeout_s) as transport:
            transport.send_command(f"shell:{script}")
            transport.check_okay()
            while chunk := transport.recv(2**16):
                data += chunk
                self._check_end(len(data), deadline, line)
        text = data.decode(errors="replace").replace("\r\n", "\n")
        marker_match = re.search(rf"{mark}(\d{{1,3}})\n", text)
        if not marker_match:
            raise DeviceLostError(
                f"The shell of {self.serial} stopped in the middle of an answer: check the cable, and try again."
            )
        return CommandResult(int(marker_match[1]), text[: marker_match.start()], text[marker_match.end() :])

    def _check_end(self, size: int, deadline: float, line: str) -> None:
        """Raise DeviceError if a command takes too long or prints too much."""
        if size > ANSWER_LIMIT_BYTES or time.monotonic() > deadline:
            reason = f"it has sent {size} bytes" if size > ANSWER_LIMIT_BYTES else "it is still sending output"
            raise DeviceError(f"The command `{line[:60]}` does not finish on the device {self.serial}: {reason}.")

    def push(self, source: Path | bytes, target: str, mode: int = 0o644) -> None:
        """Write one file to the device and check that it arrived in full.

        Raises DeviceError if the device does not accept the file.
        """
        check_sayable(target)
        stream: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with stream, self._answering():
            try:
                self._device.sync.push(_LargeChunkFile(stream), target, mode, check=True)
            except AdbError as error:
                if str(error) == "FAIL":  # sent by adbd; adbutils does not read the reason that follows
                    raise DeviceError(
                        f"The device {self.serial} does not accept {target}: check its free storage and the "
                        "permissions of the folder."
                    ) from None
                raise

    def pull(self, path: str, limit_bytes: int) -> Iterator[bytes]:
        """Yield the content of a file in chunks.

        Raises DeviceError if the file is larger than the limit or cannot be read. The message omits the serial, since
        it may be logged.
        """
        check_sayable(path)
        size = 0
        with self._answering():
            try:
                for chunk in self._device.sync.iter_content(path):
                    size += len(chunk)
                    if size > limit_bytes:
                        raise DeviceError(
                            f"{path} on the device is larger than {limit_bytes} bytes and was not copied."
                        )
                    yield chunk
            except AdbError as error:
                if len(error.args) == 2 and error.args[1] == path:  # the message from adbd, and the path it refers to
                    raise DeviceError(f"{path} on the device cannot be read ({error.args[0]}).") from None
                raise

    @property
    def over_network(self) -> bool:
        """Whether the device is attached by HOST:PORT or by a name that it announces on the network."""
        return bool(_NETWORK.fullmatch(self.serial)) or "._adb" in self.serial

    def default_folder(self) -> str:
        return FOLDER

    def features(self) -> set[str]:
        with self._answering():
            return self._asked_features()

    def _asked_features(self) -> set[str]:
        self._features = set(self._device.get_features().split(","))
        return self._features

    def state(self) -> str:
        """Return the state that adb shows: device, offline, unauthorized, ..."""
        return device_states(self._client).get(self.serial, "absent")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        if self._lost:
            self._reconnect()
        try:
            yield
        except (AdbError, OSError, EOFError, ValueError, AssertionError, struct.error) as error:
            self._lost = True
            reason = str(error)[:200] or type(error).__name__
            raise DeviceLostError(
                f"The device {self.serial} does not answer ({reason}): check its cable, its screen and `adb devices`."
            ) from None
        self._lost = False

    def _reconnect(self) -> None:
        """Reconnect a network device, which an adb server does not do by itself."""
        self._features = None
        if self.over_network:
            with suppress(AdbError, OSError):
                if self.state() == "offline":
                    self._client.disconnect(self.serial)
                self._client.connect(self.serial, timeout=_RECONNECT_TIMEOUT_S)
