"""The interface of a connection to a device, over adb or SSH: a shell, and the transfer of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from runner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

SHELL_TIMEOUT_S = 20.0
SILENCE_S = 20.0
"""Maximum time without any data in the middle of a file transfer."""
FILE_TIMEOUT_S = 3600.0
"""Maximum time for the transfer of one file."""
ANSWER_LIMIT_BYTES = 4 * 2**20
"""Maximum size of an answer; all commands used here print far less."""
COMMAND_LIMIT_BYTES = 0xFFFF
"""Maximum length of a command; adb sends it as four hexadecimal digits."""


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command on a device."""

    exit_code: int
    stdout: str
    stderr: str


class DeviceConnection(Protocol):
    """A connection to one device. Its methods raise DeviceLostError if the device does not answer."""

    serial: str
    """The name of the device as the user gives it: its serial number, or its address."""

    authenticates_content: bool
    """Whether files cannot arrive changed without an error, as over SSH, so that their sizes suffice as a check."""

    @property
    def over_network(self) -> bool:
        """Whether the device is attached over the network."""
        ...

    def default_folder(self) -> str:
        """Return the folder on the device for all files, unless the user names another."""
        ...

    def shell(self, command: str | Sequence[str], timeout_s: float = SHELL_TIMEOUT_S) -> CommandResult:
        """Run a command: a line for the device's shell, or a sequence of words, which are quoted for the shell."""
        ...

    def feed(self, line: str, content: Iterable[bytes], timeout_s: float) -> CommandResult | None:
        """Run a command with this content as its standard input; return None if the device cannot do that.

        The time limit applies to what follows the content.
        """
        ...

    def push(self, source: Path | bytes, target: str, mode: int = 0o644) -> None:
        """Write one file to the device and check that it arrived in full.

        Raises DeviceError if the device does not accept the file.
        """
        ...

    def pull(self, path: str, limit_bytes: int) -> Iterator[bytes]:
        """Yield the content of a file in chunks.

        Raises DeviceError if the file is larger than the limit or cannot be read. The message omits the serial, since
        it may be logged.
        """
        ...

    def features(self) -> set[str]:
        """Return the features of the device's shell in the words of adb."""
        ...


def check_sayable(text: str) -> None:
    """Raise DeviceError for a path or a shell line that cannot be sent."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise DeviceError(f"{text[:80]!a} cannot be sent to a device, because it is not valid UTF-8 text.") from None
    if "\0" in text:
        raise DeviceError(f"{text[:80]!r} cannot be sent to a device, because it contains a NUL character.")
    if size > COMMAND_LIMIT_BYTES - 1000:  # adb and the connection add a few words around it
        raise DeviceError(f"{text[:80]!r}... cannot be sent to a device, because it has {size} bytes.")
