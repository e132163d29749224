"""Stand-ins for adb: a real `sh` behind the interface of a connection, and a server with prepared answers."""

from __future__ import annotations

import shlex
import socketserver
import struct
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from runner.devices.adb import CommandResult
from runner.errors import DeviceError, DeviceLostError


class ShellConnection:
    """A connection like runner.devices.adb.Connection, but to this machine's `sh` and files, until `lost` is set."""

    over_network = False
    authenticates_content = False

    def __init__(self, serial: str = "stand-in") -> None:
        self.serial = serial
        self.lost = False
        self.commands: list[str] = []
        self.pushed: list[str] = []  # files that were sent individually
        self.fed: list[bytes] = []  # archives that were sent

    def shell(self, command, timeout_s=20.0) -> CommandResult:
        line = command if isinstance(command, str) else shlex.join(command)
        self._answer()
        self.commands.append(line)
        done = subprocess.run(["sh", "-c", line], check=False, capture_output=True, timeout=timeout_s)
        out, errors = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
        return CommandResult(done.returncode, out, errors)

    def feed(self, line, content, timeout_s) -> CommandResult:
        self._answer()
        self.fed.append(b"".join(content))
        done = subprocess.run(["sh", "-c", line], check=False, input=self.fed[-1], capture_output=True)
        return CommandResult(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def push(self, source, target, mode=0o644) -> None:
        self._answer()
        self.pushed.append(target)
        Path(target).parent.mkdir(parents=True, exist_ok=True)  # like adbd
        Path(target).write_bytes(source if isinstance(source, bytes) else source.read_bytes())
        Path(target).chmod(mode)

    def pull(self, path, limit_bytes):
        self._answer()
        data = Path(path).read_bytes()
        if len(data) > limit_bytes:
            raise DeviceError(f"{path} on the device is larger than {limit_bytes} bytes and was not copied.")
        yield data

    def _answer(self) -> None:
        if self.lost:
            raise DeviceLostError(f"The device {self.serial} does not answer.")


Words = bytes | Iterable[bytes]
OKAY = b"OKAY"


def block(text: str | bytes) -> bytes:
    """Return a text as an adb server sends it, with its length first."""
    data = text if isinstance(text, bytes) else text.encode()
    return f"{len(data):04x}".encode() + data


def packet(kind: int, data: bytes) -> bytes:
    """Return a packet of the shell protocol, version 2: 1 is standard output, 2 standard error, 3 the exit code."""
    return struct.pack("<BI", kind, len(data)) + data


class StandInServer:
    """A server that answers a service like adb, with the bytes of `says(service)`; None refuses the service."""

    def __init__(self, says: Callable[[str], Words | None]) -> None:
        self.services: list[str] = []
        stand_in = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # the client has closed the connection
                    stand_in._serve(self.request, says)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _serve(self, request, says) -> None:
        while length := request.recv(4, 0x100):  # MSG_WAITALL
            service = request.recv(int(length, 16), 0x100).decode()
            self.services.append(service)
            words = OKAY + block("0029") if service == "host:version" else says(service)
            if words is None:
                return request.sendall(b"FAIL" + block("closed"))
            for piece in [words] if isinstance(words, bytes) else words:
                request.sendall(piece)
            if not service.startswith("host:tport:"):
                return None
        return None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def device(serial: str, shell: Callable[[str], Words], features: str = "shell_v2,cmd", listed: str | None = None):
    """Return the answers of a server with one device; `shell(line)` returns the answer of its shell."""

    def says(service: str) -> Words | None:
        if service == "host:devices":
            return OKAY + block(f"{serial}\tdevice\n" if listed is None else listed)
        if service == f"host:tport:serial:{serial}":
            return OKAY + bytes(8)
        if service == f"host-serial:{serial}:features":
            return OKAY + block(features)
        for start in ("shell,v2,raw:", "shell:", "sync:"):
            if service.startswith(start):
                answer = shell(service.removeprefix(start))
                return OKAY + answer if isinstance(answer, bytes) else _after_okay(answer)
        return None

    return says


def _after_okay(pieces: Iterable[bytes]) -> Iterable[bytes]:
    yield OKAY
    yield from pieces
