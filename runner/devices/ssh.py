"""Boards over SSH: one connection of the system's OpenSSH for each board, which all commands and files share.

The connection is a process `ssh -M`, with keys, agent, known_hosts and configuration as `ssh` has them. Each command is
a further `ssh` that uses the connection through its control socket. OpenSSH asks for nothing: a key that needs a
passphrase has to be in the agent, and the host key has to be known.

A board's login shell may be any, and may print greetings. It receives one word in quotes without any character that
shells treat differently, which starts `sh`. Marks in both streams show where the output of the command starts and ends,
and its exit code.
"""

from __future__ import annotations

import os
import posixpath
import re
import secrets
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from aiot_suite.errors import SelectionError, SetupError, printable
from runner.devices.connection import (
    ANSWER_LIMIT_BYTES,
    SHELL_TIMEOUT_S,
    SILENCE_S,
    CommandResult,
    check_sayable,
)
from runner.errors import DeviceError, DeviceLostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FOLDER_IN_HOME = ".aiot"
"""Folder for all files on a board, in the home folder of its user."""

CONNECT_TIMEOUT_S = 10
LOGIN_TIMEOUT_S = 30.0
"""Maximum time until a login shell has started, after which a connection counts as failed."""

_ALIVE_INTERVAL_S, _ALIVE_COUNT = 5, 3
_SOCKET_LIMIT_BYTES = 60  # of the temporary folder: a socket's path has at most 104 bytes, of which ssh takes some
_PIECE_BYTES = 2**16
_EXIT_TIMEOUT_S = 2.0

_TARGET = re.compile(
    r"(?:(?P<user>[^\s@:/-][^\s@:/]*)@)?"
    r"(?P<host>\[[0-9A-Za-z:.%]+\]|[^\s@:/\[\]-][^\s@:/\[\]]*)(?::(?P<port>[0-9]{1,5}))?/?"
)
_PASSWORD = re.compile(r"[^@:/]*:[^@]*@")
_OFFENDING = re.compile(r"Offending \S+ key in (\S+:\d+)")
_UNSAFE = re.compile(rb"""[^ #%&()*+,./0-9:;<=>?@A-Z\[\]^_a-z{|}~-]""")
_PUSH = """\
umask 022
mkdir -p {folder} && rm -f {target} && cat >{target} && chmod {mode:o} {target} && wc -c <{target}
"""


@dataclass(frozen=True)
class SshTarget:
    """Where to connect to: `user@host:port`, of which ssh and its configuration know the parts that are missing."""

    text: str
    user: str | None
    host: str  # also a name from ~/.ssh/config
    port: int | None

    @classmethod
    def parse(cls, text: str) -> SshTarget:
        """Parse `[user@]host[:port]` or `ssh://[user@]host[:port]`. Raise SelectionError for anything else."""
        address = text.removeprefix("ssh://")
        if _PASSWORD.match(address):
            raise SelectionError(
                "A password cannot be given with --ssh, where other users of this machine would see it: copy a key to "
                "the board with `ssh-copy-id USER@HOST` and name it as USER@HOST."
            )
        match = _TARGET.fullmatch(address)
        port = int(match["port"]) if match and match["port"] else None
        if not match or (port is not None and not 0 < port < 2**16):
            raise SelectionError(
                f"{text[:80]!a} is no address for --ssh: give user@host, user@host:port or a name from ~/.ssh/config, "
                "and an IPv6 address in brackets."
            )
        return cls(address.rstrip("/"), match["user"], match["host"].strip("[]"), port)

    @property
    def words(self) -> list[str]:
        """The words by which ssh is told the target."""
        return [*(["-p", str(self.port)] if self.port else []), f"{self.user}@{self.host}" if self.user else self.host]

    @property
    def known_as(self) -> str:
        """The name of the target in known_hosts, unless the configuration has another."""
        return f"[{self.host}]:{self.port}" if self.port and self.port != 22 else self.host


class SshConnection:
    """One board, by its address as the user gives it: see runner.devices.connection.DeviceConnection."""

    over_network = True
    authenticates_content = True  # each packet has a message authentication code (RFC 4253, section 6.4)

    def __init__(self, target: SshTarget) -> None:
        self.serial = target.text
        self._target = target
        self._lock = threading.Lock()
        self._master: _Master | None = None
        self._connected_before = False

    def default_folder(self) -> str:
        return posixpath.join(self._connected().home, FOLDER_IN_HOME)

    def features(self) -> set[str]:
        self._connected()
        return {"shell_v2"}  # adb's word for a shell with exit codes and two streams

    def shell(self, command: str | Sequence[str], timeout_s: float = SHELL_TIMEOUT_S) -> CommandResult:
        line = command if isinstance(command, str) else shlex.join(command)
        return self._run(line, timeout_s)

    def feed(self, line: str, content: Iterable[bytes], timeout_s: float) -> CommandResult:
        return self._run(line, timeout_s, content)

    def push(self, source: Path | bytes, target: str, mode: int = 0o644) -> None:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        line = _PUSH.format(folder=shlex.quote(posixpath.dirname(target) or "."), target=shlex.quote(target), mode=mode)
        answer = self._run(line, SHELL_TIMEOUT_S, [source] if isinstance(source, bytes) else _pieces(source))
        if answer.exit_code != 0 or answer.stdout.strip() != str(size):
            raise DeviceError(
                f"The device {self.serial} does not accept {target} ({answer.stderr.strip()[-200:] or 'no message'}): "
                "check its free storage and the permissions of the folder, or name another with --device-folder."
            )

    def pull(self, path: str, limit_bytes: int) -> Iterator[bytes]:
        with self._session(f"cat {shlex.quote(path)}") as session:
            size = 0
            for chunk in session.stdout(SILENCE_S, is_file=True):
                size += len(chunk)
                if size > limit_bytes:
                    raise DeviceError(f"{path} on the device is larger than {limit_bytes} bytes and was not copied.")
                yield chunk
        if session.exit_code != 0:
            raise DeviceError(f"{path} on the device cannot be read ({session.stderr.strip()[-200:]}).")

    def _run(self, line: str, timeout_s: float, content: Iterable[bytes] | None = None) -> CommandResult:
        output = bytearray()
        with self._session(line, content) as session:
            for chunk in session.stdout(timeout_s):
                output += chunk
                session.check_size(len(output))
        assert session.exit_code is not None
        return CommandResult(session.exit_code, output.decode(errors="replace"), session.stderr)

    @contextmanager
    def _session(self, line: str, content: Iterable[bytes] | None = None) -> Iterator[_Session]:
        """Start a command whose output is read within the block; afterwards its exit code is known."""
        check_sayable(line)
        master = self._connected()
        with _Session(master.socket, line, self.serial, content) as session:
            try:
                yield session
            except _SilentError as error:
                self._lose(master)
                if "Session open refused" in str(error):
                    raise DeviceError(
                        f"{self.serial} allows too few sessions in one connection: set MaxSessions in its "
                        "/etc/ssh/sshd_config to 10, which is the default."
                    ) from None
                raise self._lost(str(error)) from None

    def _lost(self, reason: str) -> DeviceLostError:
        return DeviceLostError(
            f"The device {self.serial} does not answer ({printable(reason)[-200:]}): check its power, its network and "
            f"`ssh {shlex.join(self._target.words)}`."
        )

    def _connected(self) -> _Master:
        """Return the connection, which is made if there is none."""
        with self._lock:
            if self._master and not self._master.is_running:
                self._master.close()
                self._master = None
            if not self._master:
                try:
                    self._master = _Master(self._target)
                except _RefusedError as error:
                    raise self._explained(str(error)) from None
                self._connected_before = True
            return self._master

    def _lose(self, master: _Master) -> None:
        """Close a connection that does not answer, so that the next command makes a new one."""
        with self._lock:
            master.close()
            if self._master is master:
                self._master = None

    def close(self) -> None:
        if self._master:
            self._lose(self._master)

    def _explained(self, errors: str) -> DeviceError:
        """Return the error for a connection that could not be made, from what ssh printed."""
        command = f"ssh {shlex.join(self._target.words)}"
        if "HOST IDENTIFICATION HAS CHANGED" in errors:
            place = _OFFENDING.search(errors)
            return DeviceError(
                f"The host key of {self.serial} has changed{f' from {place[1]}' if place else ''}, so ssh refuses to "
                "connect: if the board was installed anew, remove the old key with "
                f"`ssh-keygen -R {shlex.quote(self._target.known_as)}`; if not, somebody may be in between."
            )
        if "Host key verification failed" in errors:
            return DeviceError(
                f"The host key of {self.serial} is not known: run `{command}` once, and compare the key that it shows "
                "with that of the board."
            )
        if "Permission denied (" in errors and not self._connected_before:
            return DeviceError(
                f"{self.serial} accepts none of this user's keys ({printable(errors)[-120:]}): copy one with "
                f"`ssh-copy-id {shlex.join(self._target.words)}`, and load a key that has a passphrase with `ssh-add`."
            )
        if "Could not resolve hostname" in errors and not self._connected_before:
            return DeviceError(f"{self.serial} has no known address ({printable(errors)[-120:]}): check the name.")
        if errors.startswith(_NO_SHELL):
            return DeviceError(
                f"{self.serial} accepts the login but runs no command ({printable(errors)[len(_NO_SHELL) :][-200:]}): "
                f"check that `{command} true` works and returns at once."
            )
        return self._lost(errors)


_FAILED = 255
_NO_SHELL = "no shell: "


class _RefusedError(Exception):
    """A connection could not be made; the message is what ssh printed."""


class _SilentError(Exception):
    """A session ended, or became silent, without the end of its output; the message is what ssh printed."""


class _Master:
    """The process that holds a connection, as long as this process holds its standard input open."""

    def __init__(self, target: SshTarget) -> None:
        if not shutil.which("ssh"):
            raise _no_ssh("there is none in PATH")
        base = tempfile.gettempdir()
        self._folder = Path(
            tempfile.mkdtemp(prefix="aiot-ssh-", dir=base if len(base) < _SOCKET_LIMIT_BYTES else "/tmp")
        )
        self.socket = self._folder / "socket"
        mark = _new_mark()
        # `cat` ends with our standard input, even if this process is killed, and the connection ends with `cat`
        script = f'cd; echo {mark}; echo "$PWD"; echo {mark}; exec cat >/dev/null'
        words = [
            # the folder goes with the connection, even if this process is killed
            *("sh", "-c", '"$@"; code=$?; rm -rf "$0"; exit $code', str(self._folder)),
            *("ssh", "-M", "-S", str(self.socket), "-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"),
            *("-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}", "-o", f"ServerAliveInterval={_ALIVE_INTERVAL_S}"),
            *("-o", f"ServerAliveCountMax={_ALIVE_COUNT}", "-o", "ControlPersist=no", "-o", "RemoteCommand=none"),
            *("-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no", *target.words, in_any_shell(script)),
        ]
        with tempfile.TemporaryFile() as errors:
            self._process = _start(words, subprocess.PIPE, errors)
            # ends the connection with this process, or when nobody uses it any more
            self.close = weakref.finalize(self, _end, self._process, self._folder)
            try:
                self.home = self._read_home(mark)
            except TimeoutError as error:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_EXIT_TIMEOUT_S)
                # ssh's own errors have this code; otherwise the login shell has ended
                has_failed = self._process.poll() in (_FAILED, None)
                self.close()
                errors.seek(0)
                message = errors.read(ANSWER_LIMIT_BYTES).decode(errors="replace").strip()
                raise _RefusedError(
                    message or f"nothing was heard for {LOGIN_TIMEOUT_S:g} s"
                    if has_failed
                    else f"{_NO_SHELL}{message or error}"
                ) from None

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def _read_home(self, mark: str) -> str:
        """Return the home folder, which is printed between two marks. Raise TimeoutError with what came instead."""
        assert self._process.stdout
        deadline = time.monotonic() + LOGIN_TIMEOUT_S
        pattern = re.compile(rf"{mark}\n(.*)\n{mark}\n".encode())
        received = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not (match := pattern.search(received)):
                ready = selector.select(max(0, deadline - time.monotonic()))
                chunk = os.read(self._process.stdout.fileno(), _PIECE_BYTES) if ready else b""
                received += chunk
                if not chunk or len(received) > ANSWER_LIMIT_BYTES:
                    raise TimeoutError(repr(received[-100:].decode(errors="replace")))
        return match[1].decode(errors="replace")


class _Session:
    """A command that runs in a session of the connection."""

    def __init__(self, socket: Path, line: str, device: str, content: Iterable[bytes] | None) -> None:
        self.exit_code: int | None = None
        self._mark = _new_mark()
        self._line = line
        self._device = device
        self._content = iter(content) if content is not None else None
        self._piece = memoryview(b"")  # of the content, which remains to be sent
        self._errors = bytearray()
        mark = self._mark
        script = f"export LC_ALL=C\necho {mark}\necho {mark} >&2\n(\n{line}\n)\necho {mark}$? >&2"
        # without the socket, ssh would make a connection of its own
        words = ["ssh", "-F", "none", "-S", str(socket), "-T", "-o", "ControlMaster=no", "-o", "BatchMode=yes"]
        words += ["-o", "LogLevel=ERROR", "-o", "ProxyCommand=false", "board", in_any_shell(script)]
        self._process = _start(words, subprocess.DEVNULL if content is None else subprocess.PIPE, subprocess.PIPE)

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    @property
    def stderr(self) -> str:
        """Standard error of the command, once it has ended."""
        _, _, text = self._errors.decode(errors="replace").partition(f"{self._mark}\n")
        return text.rpartition(self._mark)[0]

    def stdout(self, timeout_s: float, is_file: bool = False) -> Iterator[bytes]:
        """Send the content, and yield the standard output of the command in chunks until it ends.

        The time limit applies to the command after all content was sent. While content is sent, and between the chunks
        of a file, SILENCE_S applies. Raises _SilentError without an end.
        """
        before = bytearray()  # what precedes the mark: greetings of the login shell
        started = threading.Event()
        for chunk in self._exchange(timeout_s, is_file, started):
            if started.is_set():
                yield chunk
                continue
            before += chunk
            self.check_size(len(before))
            _, mark, rest = before.partition(f"{self._mark}\n".encode())
            if mark:
                started.set()
                yield bytes(rest)
        ended = re.search(rf"{self._mark}(\d+)\n".encode(), self._errors)
        if not ended:
            raise _SilentError(self._errors.decode(errors="replace").strip() or "the connection ended")
        self.exit_code = int(ended[1])

    def check_size(self, size: int) -> None:
        """Raise DeviceError if a command prints too much."""
        if size > ANSWER_LIMIT_BYTES:
            raise self._endless(f"it has sent {size} bytes")

    def _endless(self, reason: str) -> DeviceError:
        return DeviceError(f"The command `{self._line[:60]}` does not finish on the device {self._device}: {reason}.")

    def _exchange(self, timeout_s: float, is_file: bool, started: threading.Event) -> Iterator[bytes]:
        """Yield what arrives on standard output, and collect standard error, until both end.

        The content is sent once `started` is set.
        """
        process = self._process
        assert process.stdout and process.stderr
        deadline = time.monotonic() + timeout_s
        is_sending = False
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while selector.get_map():
                if self._content is not None and started.is_set() and not is_sending:
                    assert process.stdin
                    os.set_blocking(process.stdin.fileno(), False)
                    selector.register(process.stdin, selectors.EVENT_WRITE)
                    is_sending = True
                ready = selector.select(max(0, deadline - time.monotonic()))
                if not ready:
                    raise _SilentError(f"nothing was heard for {timeout_s:g} s")
                if time.monotonic() > deadline:
                    raise self._endless("it is still sending output")
                for key, _ in ready:
                    if key.fileobj is process.stdin:
                        is_done = self._send(process.stdin)
                        deadline = time.monotonic() + (timeout_s if is_done else SILENCE_S)
                        if is_done:
                            selector.unregister(process.stdin)
                            process.stdin.close()
                        continue
                    chunk = os.read(key.fd, _PIECE_BYTES)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stderr:
                        self._errors += chunk
                        self.check_size(len(self._errors))
                    else:
                        if is_file:
                            deadline = time.monotonic() + SILENCE_S
                        yield chunk

    def _send(self, stream: IO[bytes]) -> bool:
        """Send the next part of the content, as much as fits. Return whether there is no more, or nobody reads it."""
        assert self._content is not None
        if not self._piece:
            self._piece = memoryview(next(self._content, b""))
            if not self._piece:
                return True
        try:
            self._piece = self._piece[os.write(stream.fileno(), self._piece[:_PIECE_BYTES]) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            return True
        return False


def in_any_shell(script: str) -> str:
    """Return a line that runs a script by `sh`, whatever shell reads the line.

    In single quotes, a backslash is special for fish only before another one or a quote, and csh accepts neither `!`
    nor a newline.
    """
    text = _UNSAFE.sub(lambda match: b"\\0%03o" % match[0][0], script.encode()).decode("ascii")
    return f"""exec sh -c 'eval "$(printf %b "{text}")"'"""


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """End the process of a connection, and remove its folder."""
    assert process.stdin and process.stdout
    with suppress(OSError):
        process.stdin.close()
    process.stdout.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(_EXIT_TIMEOUT_S)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _start(words: Sequence[str], stdin: int, stderr: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ssh in a session of its own, since Ctrl-C is handled by the run."""
    try:
        return subprocess.Popen(
            words,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        raise _no_ssh(error.strerror) from None


def _no_ssh(reason: str | None) -> SetupError:
    return SetupError(f"The command ssh cannot be started ({reason}): install OpenSSH's client (openssh-client).")


def _new_mark() -> str:
    return f"aiot-{secrets.token_hex(8)}"


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while piece := stream.read(2**20):
                yield piece
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}): check the file, and try again.") from None
