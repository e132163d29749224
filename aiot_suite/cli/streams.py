"""Standard output and standard error: a command writes results to the first, messages and progress to the second."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO, cast

from aiot_suite.errors import RunnerError

INTERRUPTED = 130
"""Exit code after Ctrl-C, the same as in shells."""

INTERRUPTED_MESSAGE = "aiot: interrupted; completed work is kept."

BROKEN_PIPE = 141
"""Exit code if the program that reads standard output has ended: 128 plus the number of SIGPIPE, as in shells."""


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


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C, and end the process immediately at the second.

    Once Ctrl-C has been pressed, the second one still ends the process after the block has been left.
    """
    earlier = signal.getsignal(signal.SIGINT)
    if earlier is not signal.default_int_handler:  # a background job ignores it, or a calling program handles it
        yield
        return
    signal.signal(signal.SIGINT, _on_first_interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _on_first_interrupt:
            signal.signal(signal.SIGINT, earlier)


def _on_first_interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and handle the next Ctrl-C with `_on_second_interrupt`."""
    signal.signal(signal.SIGINT, _on_second_interrupt)
    raise KeyboardInterrupt


def say_interrupted() -> None:
    """Print that the command was interrupted. A second Ctrl-C does not print it again."""
    if signal.getsignal(signal.SIGINT) is _on_second_interrupt:
        signal.signal(signal.SIGINT, _end_now)
    say(INTERRUPTED_MESSAGE)


def _on_second_interrupt(number: int, frame: FrameType | None) -> None:
    """Print that the command was interrupted, and end the process."""
    with suppress(OSError):
        os.write(2, f"{INTERRUPTED_MESSAGE}\n".encode())
    _end_now(number, frame)


def _end_now(number: int, frame: FrameType | None) -> None:
    """End this process and its child processes without cleaning up."""
    if multiprocessing := sys.modules.get("multiprocessing"):  # otherwise there are no child processes
        for process in multiprocessing.active_children():  # those of a pool would wait for work forever
            process.kill()
    os._exit(INTERRUPTED)


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
