"""Standard output and standard error of a command: results go to the first, messages and progress to the second."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO, cast

from aiot_suite.errors import RunnerError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells."""

INTERRUPTED_MESSAGE = "aiot: interrupted; completed work is kept."

BROKEN_PIPE = 141
"""Exit code if the reader of standard output ended, as in shells: 128 plus the number of SIGPIPE."""


class OutputError(RunnerError):
    """Raised if standard output cannot be written. It is no OSError, which libraries handle in ways of their own."""


class ReaderGoneError(Exception):
    """Raised if whoever reads standard output, like `head`, has ended."""


class _Stream:
    """A stream that is used in place of another, with other behaviour if it cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Output(_Stream):
    def write(self, text: str) -> int:
        with _told():
            return self._stream.write(text)

    def flush(self) -> None:
        with _told():
            self._stream.flush()


class _Messages(_Stream):
    def write(self, text: str) -> int:
        with suppress(OSError):  # there is no other place for messages
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


@contextmanager
def _told() -> Iterator[None]:
    """Raise the exceptions of this module instead of OSError."""
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
    """Let standard output raise OutputError or ReaderGoneError within the block, and ignore failures of standard error.

    Raises OutputError immediately if standard output is closed.
    """
    output, messages = sys.stdout, sys.stderr
    if messages is None:
        messages = _null(2)  # or the next file that is opened would receive the messages of other programs
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
        sys.stdout, sys.stderr = output, messages


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt once, and a second Ctrl-C end the process without waiting for anything.

    After the first one, this holds also when the block has ended, until the process ends.
    """
    earlier = signal.getsignal(signal.SIGINT)
    if earlier is not signal.default_int_handler:  # ignored in the background, or a program that called this one
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, earlier)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _leave)
    raise KeyboardInterrupt


def say_interrupted() -> None:
    """Print that the command was interrupted; a second Ctrl-C does not say it again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _end)
    say(INTERRUPTED_MESSAGE)


def _leave(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):
        os.write(2, f"{INTERRUPTED_MESSAGE}\n".encode())
    _end(number, frame)


def _end(number: int, frame: FrameType | None) -> None:
    for process in multiprocessing.active_children():  # those of a pool would wait for work for ever
        process.kill()
    os._exit(INTERRUPTED)


def drop_output() -> None:
    """Discard what was not written yet, so that Python does not try to write it when it ends."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Print a message to standard error."""
    with suppress(OSError):  # there is no other place for messages
        print(text, file=sys.stderr, flush=True)


def _null(number: int) -> TextIO:
    """Return a stream that discards what is written, as the file descriptor of this number."""
    null = os.open(os.devnull, os.O_WRONLY)
    if null != number:
        os.dup2(null, number)
    return os.fdopen(number, "w", closefd=False)
