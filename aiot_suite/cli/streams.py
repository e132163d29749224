"""Standard output and standard error: a command writes results to the first, messages and progress to the second."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn, TextIO, cast

from aiot_suite.errors import RunnerError

INTERRUPTED = 130
"""Exit code after Ctrl-C, the same as in shells."""

INTERRUPTED_MESSAGE = "aiot: interrupted; completed work is kept."

INTERRUPTIONS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    **{getattr(signal, name): signal.SIG_DFL for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)},
}
"""Signals that interrupt a command, with the handler that each has if the calling program has not changed it.

They are sent by Ctrl-C, by `kill`, `timeout` and batch systems, and by a terminal that closes.
"""

SAME_REQUEST_S = 1.0
"""Time after the first signal in which a SIGTERM or SIGHUP is not a second request to stop.

`timeout` sends SIGTERM twice, and systemd may send SIGHUP after it.
"""

BROKEN_PIPE = 141
"""Exit code if the program that reads standard output has ended: 128 plus the number of SIGPIPE, as in shells."""


Handler = Callable[[int, FrameType | None], None]


class OutputError(RunnerError):
    """Raised if standard output cannot be written.

    It is not an OSError, because some libraries catch those.
    """


class ReaderGoneError(Exception):
    """Raised if the program that reads standard output, such as `head`, has ended."""


class _Stream:
    """Wrapper of a stream; subclasses change what happens if it cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Output(_Stream):
    """Wrapper of standard output that raises OutputError or ReaderGoneError instead of OSError."""

    def write(self, text: str) -> int:
        with _output_errors():
            return self._stream.write(text)

    def flush(self) -> None:
        with _output_errors():
            self._stream.flush()


class _Messages(_Stream):
    """Wrapper of standard error that discards what cannot be written."""

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:  # there is nowhere else to write messages
            _discard_buffer(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _discard_buffer(self._stream)


@contextmanager
def _output_errors() -> Iterator[None]:
    """Raise OutputError or ReaderGoneError instead of OSError."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError from None
    except OSError as error:
        raise OutputError(
            f"Standard output cannot be written ({error.strerror}): send it to a file on a disk that has space."
        ) from None


@contextmanager
def checked() -> Iterator[None]:
    """Translate errors of standard output within the block, and ignore those of standard error.

    Raises OutputError or ReaderGoneError if standard output cannot be written, and OutputError immediately if it is
    closed.
    """
    output, messages = sys.stdout, sys.stderr
    if messages is None:
        messages = _null(2)  # otherwise the next file to be opened would receive the messages of other programs
    sys.stderr = cast(TextIO, _Messages(messages))
    try:
        if output is None:
            _null(1)
            raise OutputError("Standard output is closed: send it to a file, or to /dev/null to ignore it.")
        sys.stdout = cast(TextIO, _Output(output))
        try:
            yield
        finally:
            sys.stdout.flush()
    finally:
        sys.stderr.flush()
        sys.stdout, sys.stderr = output, messages


@dataclass(frozen=True)
class Interruption:
    """The first signal that interrupted this process."""

    number: signal.Signals
    at: float  # in terms of time.monotonic()

    @property
    def exit_code(self) -> int:
        """128 plus the number of the signal, as in shells: 130 after Ctrl-C."""
        return 128 + self.number

    @property
    def message(self) -> str:
        """The message about the interruption; it names a signal that does not come from the keyboard."""
        if self.number == signal.SIGINT:
            return INTERRUPTED_MESSAGE
        return INTERRUPTED_MESSAGE.replace("interrupted", f"interrupted by {self.number.name}")


_interruption = Interruption(signal.SIGINT, float("-inf"))  # a program may raise KeyboardInterrupt without any signal


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first of INTERRUPTIONS, and end the process immediately at the second.

    Once one has been received, the second one still ends the process after the block has been left. Signals that are
    ignored, as SIGHUP under `nohup`, or that a calling program handles are left alone.
    """
    handled = [number for number, usual in INTERRUPTIONS.items() if signal.getsignal(number) is usual]
    for number in handled:
        signal.signal(number, _on_first_interrupt)
    try:
        yield
    finally:
        for number in handled:
            if signal.getsignal(number) is _on_first_interrupt:
                signal.signal(number, INTERRUPTIONS[number])


def _on_first_interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and handle the next signal with `_on_second_interrupt`."""
    global _interruption  # noqa: PLW0603 - a process is interrupted once
    _interruption = Interruption(signal.Signals(number), time.monotonic())
    _replace_handler(_on_first_interrupt, _on_second_interrupt)
    raise KeyboardInterrupt


def end_interrupted() -> NoReturn:
    """Print that the command was interrupted, and exit. A second signal does not print it again."""
    _replace_handler(_on_second_interrupt, _end_now)
    say(_interruption.message)
    sys.exit(_interruption.exit_code)


def _replace_handler(earlier: Handler, handler: Handler) -> None:
    """Handle the signals that `earlier` handles with `handler`."""
    for number in INTERRUPTIONS:
        if signal.getsignal(number) is earlier:
            signal.signal(number, handler)


def _on_second_interrupt(number: int, frame: FrameType | None) -> None:
    """Print that the command was interrupted, and end the process, unless the signal belongs to the first one."""
    if _is_repeated(number):
        return
    with suppress(OSError):
        os.write(2, f"{_interruption.message}\n".encode())
    _end_now(number, frame)


def _is_repeated(number: int) -> bool:
    """Return whether a signal asks for the same as the first one: see SAME_REQUEST_S."""
    return number != signal.SIGINT and time.monotonic() - _interruption.at < SAME_REQUEST_S


def _end_now(number: int, frame: FrameType | None) -> None:
    """End this process and all its child processes without cleaning up."""
    if _is_repeated(number):
        return
    import psutil

    with suppress(psutil.Error):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                process.kill()
    os._exit(_interruption.exit_code)


def drop_output() -> None:
    """Discard buffered output, which Python would otherwise try to write when it exits."""
    _discard_buffer(sys.stdout)


def say(text: str) -> None:
    """Print a message to standard error, without characters that a terminal would interpret."""
    shown = "".join(character if character.isprintable() or character in "\n\t" else " " for character in text)
    try:
        print(shown, file=sys.stderr, flush=True)
    except OSError:  # there is nowhere else to write messages
        _discard_buffer(sys.stderr)


def _discard_buffer(stream: TextIO) -> None:
    """Redirect a stream to the null device. Python would otherwise write its buffer at exit, and fail with code 120."""
    with suppress(OSError, ValueError, AttributeError):
        _null(stream.fileno())


def _null(number: int) -> TextIO:
    """Redirect the file descriptor `number` to the null device, and return a stream that writes to it."""
    null = os.open(os.devnull, os.O_WRONLY)
    if null != number:
        os.dup2(null, number)
    return os.fdopen(number, "w", closefd=False)
