"""The way to a device through an adb server: shell, push and pull, each with a limit in time and in size.

adbutils speaks the protocol. A device that does not answer in time is lost, and asked again at the next call: the adb
server itself is never ended, since others may use it.
"""

from __future__ import annotations

import re
import secrets
import shlex
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import adbutils
from adbutils import AdbClient, AdbDevice, AdbError

from runner.errors import DeviceError, DeviceLostError

SHELL_TIMEOUT_S = 20.0
SILENCE_S = 20.0
"""How long a device may say nothing in the middle of a file."""
ANSWER_LIMIT_BYTES = 4 * 2**20
"""More than this is no answer to anything that is asked here."""
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_PACKET = struct.Struct("<BI")
_NETWORK = re.compile(r"[^/\s]+:\d{1,5}")
_TEMPORARY = "/data/local/tmp"


@dataclass(frozen=True)
class Answer:
    """What a command on a device came to."""

    exit_code: int
    stdout: str
    stderr: str


class _Device(AdbDevice):
    """An AdbDevice whose transfers of files end when nothing comes for SILENCE_S: adbutils would wait for ever."""

    def open_transport(
        self, command: str | None = None, timeout: float | None = SHELL_TIMEOUT_S
    ) -> adbutils.AdbConnection:
        connection = super().open_transport(command, timeout or SHELL_TIMEOUT_S)
        if timeout is None:
            # Limits of the socket itself. With one of Python's, `send` may send a part, which adbutils does not expect.
            connection.conn.settimeout(None)
            limit = struct.pack("ll", int(SILENCE_S), 0)
            connection.conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            connection.conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        return connection


class Connection:
    """One device at an adb server, by the serial that adb shows. Raises DeviceLostError when it does not answer."""

    def __init__(self, serial: str, client: AdbClient) -> None:
        self.serial = serial
        self._client = client
        self._device = _Device(client, serial)
        self._lost = False
        self._features: set[str] | None = None

    def shell(self, command: str | Sequence[str], timeout_s: float = SHELL_TIMEOUT_S) -> Answer:
        """Runs a command: a line for the device's shell, or words that are quoted for it."""
        line = command if isinstance(command, str) else quoted(command)
        if "\0" in line:
            raise DeviceError(f"{line[:80]!r} cannot be said to a shell: it holds a character NUL.")
        with self._answering():
            if self._features is None:
                self._features = set(self._device.get_features().split(","))
            if "shell_v2" in self._features:
                return self._new_shell(line, timeout_s)
            return self._old_shell(line, timeout_s)

    def _new_shell(self, line: str, timeout_s: float) -> Answer:
        """As AdbDevice.shell2, which would read for as long as a device talks.

        Packets are an identifier, a length and so many bytes: shell_protocol.h in the sources of adb.
        """
        said = {_STDOUT: bytearray(), _STDERR: bytearray()}
        deadline = time.monotonic() + timeout_s
        with self._device.open_transport(timeout=timeout_s) as transport:
            transport.send_command(f"shell,v2,raw:{line}")
            transport.check_okay()
            while True:
                packet, length = _PACKET.unpack(transport.read_exact(_PACKET.size))
                data = transport.read_exact(length) if length else b""
                if packet == _EXIT:
                    break
                if packet in said:
                    said[packet] += data
                if len(said[_STDOUT]) + len(said[_STDERR]) > ANSWER_LIMIT_BYTES or time.monotonic() > deadline:
                    raise DeviceError(
                        f"The device {self.serial} does not come to an end: over {ANSWER_LIMIT_BYTES} bytes or "
                        f"{timeout_s:g} s for `{line[:60]}`."
                    )
        out, errors = (said[stream].decode(errors="replace") for stream in (_STDOUT, _STDERR))
        return Answer(data[0] if data else 255, out, errors)

    def _old_shell(self, line: str, timeout_s: float) -> Answer:
        """For Android 6 and older, whose shell has one stream and no exit code: both are said after a mark."""
        mark = f"aiot-{secrets.token_hex(8)}"
        errors = f"{_TEMPORARY}/.{mark}"
        asked = f"( {line}\n) 2>{errors}; echo {mark}$?; cat {errors}; rm -f {errors}"
        said = self._device.shell(asked, timeout=timeout_s, rstrip=False).replace("\r\n", "\n")
        found = re.search(rf"{mark}(\d+)\n", said)
        if not found:
            raise DeviceLostError(f"The shell of {self.serial} stopped in the middle of an answer.")
        return Answer(int(found[1]), said[: found.start()], said[found.end() :])

    def push(self, source: Path | bytes, target: str, mode: int = 0o644) -> None:
        """Writes one file, and checks that all of it is there."""
        with self._answering():
            self._device.sync.push(source, target, mode, check=True)

    def pull(self, path: str, limit_bytes: int) -> Iterator[bytes]:
        """A file in pieces; raises DeviceError if it is larger than the limit."""
        size = 0
        with self._answering():
            for piece in self._device.sync.iter_content(path):
                size += len(piece)
                if size > limit_bytes:
                    raise DeviceError(f"{path} on {self.serial} is larger than {limit_bytes} bytes, and not taken.")
                yield piece

    def features(self) -> set[str]:
        with self._answering():
            self._features = set(self._device.get_features().split(","))
        return self._features

    def state(self) -> str:
        """As adb says it: device, offline, unauthorized, ..."""
        return states(self._client).get(self.serial, "absent")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        if self._lost:
            self._reconnect()
        try:
            yield
        except (AdbError, OSError, EOFError, ValueError, AssertionError, struct.error) as error:
            self._lost = True
            said = " ".join(str(error).split())[:200] or type(error).__name__
            if "No space left" in said or "Read-only" in said or "Permission denied" in said:
                raise DeviceError(f"The device {self.serial} refuses a file ({said}): free some space there.") from None
            raise DeviceLostError(
                f"The device {self.serial} does not answer ({said}): look at its cable, its screen and `adb devices`."
            ) from None
        self._lost = False

    def _reconnect(self) -> None:
        """For devices in the network, which an adb server does not look for by itself."""
        self._features = None
        if _NETWORK.fullmatch(self.serial):
            with suppress(AdbError, OSError):
                if self.state() == "offline":
                    self._client.disconnect(self.serial)
                self._client.connect(self.serial, timeout=5)


def quoted(words: Sequence[str]) -> str:
    """Words as one line of a POSIX shell, whatever they hold."""
    return shlex.join(words)


def states(client: AdbClient) -> dict[str, str]:
    """The state of each device that an adb server knows of; raises DeviceError without a server."""
    with server_answering():
        return {one.serial: one.state for one in client.list()}


@contextmanager
def server_answering() -> Iterator[None]:
    """Raises DeviceError if there is no adb server and none can be started."""
    try:
        yield
    except (AdbError, OSError) as error:
        raise DeviceError(f"The adb server does not answer ({error}): try `adb start-server`.") from None
