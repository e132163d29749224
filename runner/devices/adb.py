"""The way to a device through an adb server: shell, push and pull, each with a limit in time and in size.

adbutils speaks the protocol. A device that does not answer in time is lost, and asked again at the next call.
"""

from __future__ import annotations

import io
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
from typing import BinaryIO

from adbutils import AdbClient, AdbConnection, AdbDevice, AdbError

from runner.devices.server import COMMAND_LIMIT_BYTES, Wire, states
from runner.errors import DeviceError, DeviceLostError

SHELL_TIMEOUT_S = 20.0
SILENCE_S = 20.0
"""How long a device may say nothing in the middle of a file."""
FILE_TIMEOUT_S = 3600.0
"""How long one file may take."""
ANSWER_LIMIT_BYTES = 4 * 2**20
"""More than this is no answer to anything that is asked here."""
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_PACKET = struct.Struct("<BI")
_NETWORK = re.compile(r"(?!usb:)[^/\s]+:\d{1,5}")
_TEMPORARY = "/data/local/tmp"


@dataclass(frozen=True)
class Answer:
    """What a command on a device came to."""

    exit_code: int
    stdout: str
    stderr: str


class _Device(AdbDevice):
    """An AdbDevice whose transfers of files end when nothing comes for SILENCE_S: adbutils would wait for ever."""

    def open_transport(self, command: str | None = None, timeout: float | None = SHELL_TIMEOUT_S) -> AdbConnection:
        wire = super().open_transport(command, timeout or SHELL_TIMEOUT_S)
        if isinstance(wire, Wire):
            # a shell's own limit comes before: this one is for a packet that comes byte by byte
            wire.deadline = time.monotonic() + (2 * timeout if timeout else FILE_TIMEOUT_S)
        if timeout is None:
            # Limits of the socket itself. With one of Python's, `send` may send a part, which adbutils does not expect.
            wire.conn.settimeout(None)
            limit = struct.pack("ll", int(SILENCE_S), 0)
            wire.conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            wire.conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        return wire


class _Wide:
    """A file that is read in the largest pieces that adb takes (SYNC_DATA_MAX in its sources).

    adbutils asks for 4 KiB at a time, which takes this side five times the processor time.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, _: int) -> bytes:
        return self._stream.read(2**16)


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
        _check_sayable(line)
        with self._answering():
            if "shell_v2" in (self._features or self._asked_features()):
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
                self._check_end(sum(map(len, said.values())), deadline, line)
        out, errors = (said[stream].decode(errors="replace") for stream in (_STDOUT, _STDERR))
        return Answer(data[0] if data else 255, out, errors)

    def _old_shell(self, line: str, timeout_s: float) -> Answer:
        """For Android 6 and older, whose shell has one stream and no exit code: both are said after a mark."""
        mark = f"aiot-{secrets.token_hex(8)}"
        errors = f"{_TEMPORARY}/.{mark}"
        asked = f"( {line}\n) 2>{errors}; echo {mark}$?; cat {errors}; rm -f {errors}"
        data = bytearray()
        deadline = time.monotonic() + timeout_s
        with self._device.open_transport(timeout=timeout_s) as transport:
            transport.send_command(f"shell:{asked}")
            transport.check_okay()
            while piece := transport.recv(2**16):
                data += piece
                self._check_end(len(data), deadline, line)
        said = data.decode(errors="replace").replace("\r\n", "\n")
        found = re.search(rf"{mark}(\d{{1,3}})\n", said)
        if not found:
            raise DeviceLostError(f"The shell of {self.serial} stopped in the middle of an answer.")
        return Answer(int(found[1]), said[: found.start()], said[found.end() :])

    def _check_end(self, size: int, deadline: float, line: str) -> None:
        """Raises DeviceError if a device talks for too long, or too much."""
        if size > ANSWER_LIMIT_BYTES or time.monotonic() > deadline:
            why = f"it has said {size} bytes" if size > ANSWER_LIMIT_BYTES else "it is still talking"
            raise DeviceError(f"The device {self.serial} does not come to an end of `{line[:60]}`: {why}.")

    def push(self, source: Path | bytes, target: str, mode: int = 0o644) -> None:
        """Writes one file, and checks that all of it is there; raises DeviceError if the device does not take it."""
        _check_sayable(target)
        stream: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with stream, self._answering():
            try:
                self._device.sync.push(_Wide(stream), target, mode, check=True)
            except AdbError as error:
                if str(error) == "FAIL":  # adbd's word; adbutils leaves its reason unread
                    raise DeviceError(
                        f"The device {self.serial} does not take {target}: is its storage full, or may nobody write "
                        "there?"
                    ) from None
                raise

    def pull(self, path: str, limit_bytes: int) -> Iterator[bytes]:
        """A file in pieces; raises DeviceError if it is larger than the limit, or cannot be read.

        The sentence has no serial, since it may be logged.
        """
        _check_sayable(path)
        size = 0
        with self._answering():
            try:
                for piece in self._device.sync.iter_content(path):
                    size += len(piece)
                    if size > limit_bytes:
                        raise DeviceError(f"{path} on the device is larger than {limit_bytes} bytes, and not taken.")
                    yield piece
            except AdbError as error:
                if len(error.args) == 2 and error.args[1] == path:  # what adbd says, and of which file
                    raise DeviceError(f"{path} on the device cannot be read ({error.args[0]}).") from None
                raise

    @property
    def over_network(self) -> bool:
        """Whether it is attached by HOST:PORT, or by the name that a device announces in the network."""
        return bool(_NETWORK.fullmatch(self.serial)) or "._adb" in self.serial

    def features(self) -> set[str]:
        with self._answering():
            return self._asked_features()

    def _asked_features(self) -> set[str]:
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
            said = str(error)[:200] or type(error).__name__
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


def _check_sayable(text: str) -> None:
    """Raises DeviceError for a path or a line of a shell that cannot be sent."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise DeviceError(f"{text[:80]!a} cannot be said to a device: it is no text in UTF-8.") from None
    if "\0" in text:
        raise DeviceError(f"{text[:80]!r} cannot be said to a device: it holds a character NUL.")
    if size > COMMAND_LIMIT_BYTES - 1000:  # some words of adb and ours are around it
        raise DeviceError(f"{text[:80]!r}... cannot be said to a device: it has {size} bytes.")
