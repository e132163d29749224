"""A proxy between an adb server and adbd that hides shell_v2, cuts connections, or refuses this computer's key.

It is not part of adb, but reads its protocol (protocol.txt in the sources of adb). A message has six little-endian
words, which are the command, two arguments, the length of the data, the sum of its bytes, and the inverted command,
and then the data.
"""

from __future__ import annotations

import secrets
import socket
import socketserver
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.e2e.phone import Phone

_HEADER = struct.Struct("<6I")
_HIDDEN = b"shell_v2"
_TOKEN, _PUBLIC_KEY = 1, 3  # types of AUTH messages: data to be signed, and the public key of the computer


class Message(NamedTuple):
    """A message of adb's protocol."""

    command: bytes
    arg0: int
    arg1: int
    data: bytes = b""

    def packed(self) -> bytes:
        """Return the message as it is sent."""
        word = int.from_bytes(self.command, "little")
        header = _HEADER.pack(
            word, self.arg0, self.arg1, len(self.data), sum(self.data) & 0xFFFFFFFF, ~word & 0xFFFFFFFF
        )
        return header + self.data


class Proxy:
    """A connection to a phone under another serial.

    Without `shell_v2`, the phone appears not to support it, like Android 6 and older. Without `authorized`, it refuses
    this computer's key, like a phone whose owner has not allowed USB debugging.
    """

    def __init__(self, phone: Phone, shell_v2: bool = True, authorized: bool = True) -> None:
        self.phone = phone
        self.shell_v2 = shell_v2
        self.authorized = authorized
        self.cuts = 0
        """Number of cuts by `cut_after`."""
        self._until_cut: int | None = None
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler(), bind_and_activate=True)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self.cut()
        self._server.server_close()
        self._thread.join()

    def cut_after(self, data_bytes: int) -> None:
        """Cut all connections when another `data_bytes` of data have been sent to the phone; later ones are not cut."""
        with self._lock:
            self._until_cut = data_bytes

    def cut(self) -> None:
        """Cut all current connections."""
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            _shut(connection)

    def _handler(proxy) -> type[socketserver.BaseRequestHandler]:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._serve(self.request)

        return Handler

    def _serve(self, server: socket.socket) -> None:
        try:
            phone = socket.create_connection(("127.0.0.1", self.phone.port), timeout=5)
        except OSError:
            return  # the phone is gone, and the adb server sees a closed connection
        phone.settimeout(None)
        with phone:
            with self._lock:
                self._connections |= {server, phone}
            back = threading.Thread(target=self._pump, args=(phone, server, False), daemon=True)
            back.start()
            self._pump(server, phone, True)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, to_phone: bool) -> None:
        """Forward messages until either side closes the connection."""
        with suppress(OSError):
            while message := _read(source):
                if to_phone and (answer := self._refusal(message)) is not None:
                    source.sendall(answer)
                elif to_phone and self._must_cut(len(message.data)):
                    self.cut()
                elif message.command == b"CNXN" and not self.shell_v2:
                    sink.sendall(message._replace(data=_without_shell_v2(message.data)).packed())
                else:
                    sink.sendall(message.packed())
        _shut(source)
        _shut(sink)

    def _refusal(self, message: Message) -> bytes | None:
        """Return the answer of an adbd that does not know a service or this computer's key; None if it accepts both."""
        if not self.shell_v2 and message.command == b"OPEN" and message.data.startswith(b"shell,"):
            return Message(b"CLSE", 0, message.arg0).packed()
        if not self.authorized and message.command == b"AUTH" and message.arg0 == _PUBLIC_KEY:
            return b""  # no answer while the phone asks its owner
        if not self.authorized and message.command in (b"CNXN", b"AUTH"):
            return Message(b"AUTH", _TOKEN, 0, secrets.token_bytes(20)).packed()
        return None

    def _must_cut(self, data_bytes: int) -> bool:
        """Count data sent to the phone, and return whether the limit of `cut_after` has been reached."""
        with self._lock:
            if self._until_cut is None:
                return False
            self._until_cut -= data_bytes
            if self._until_cut > 0:
                return False
            self._until_cut = None
            self.cuts += 1
            return True


def _without_shell_v2(banner: bytes) -> bytes:
    """Remove shell_v2 from a banner `device::name=value;features=a,b,c`, in which the features are last."""
    head, key, features = banner.partition(b"features=")
    return head + key + b",".join(name for name in features.split(b",") if name.strip(b"\0") != _HIDDEN)


def _read(source: socket.socket) -> Message | None:
    """Read a message; return None if the other side closes the connection."""
    header = _read_exactly(source, _HEADER.size)
    if header is None:
        return None
    word, arg0, arg1, length, _, _ = _HEADER.unpack(header)
    data = _read_exactly(source, length)
    return None if data is None else Message(word.to_bytes(4, "little"), arg0, arg1, data)


def _read_exactly(source: socket.socket, size: int) -> bytes | None:
    """Read `size` bytes; return None if the other side closes the connection before."""
    data = bytearray()
    while len(data) < size:
        chunk = source.recv(size - len(data))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _shut(connection: socket.socket) -> None:
    """Shut down a connection that another thread may be reading from."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
