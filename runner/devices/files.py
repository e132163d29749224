"""Our folder on an attached device: files are pushed once, recognized by their content later, and finally removed."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from aiot_suite.workspace import sha256_of
from runner.devices import FOLDER
from runner.devices.adb import SHELL_TIMEOUT_S, Answer, Connection, quoted
from runner.devices.answers import from_json
from runner.errors import DeviceError

_MARK = ".aiotbench"  # marks our folder: without it nothing is removed
_PUSHED = ".pushed.json"  # in each folder of pushed files: maps name to SHA-256
_BATCH_BYTES = 3000  # total length of names in one command: adbd of Android 5 and older accepts 4 KiB at once
_PLAIN = re.compile(r"[^\s\\]+")
"""Names that all tools print unchanged, one per line: some versions of sha256sum escape backslashes and newlines."""
_LONG_S = 120.0  # timeout of commands that read or remove large files
_NOT_OURS = 9
_MAKE = """\
[ -e {mark} ] && exit
mkdir -p {folder} || exit 1
[ -z "$(ls -A {folder})" ] || exit {not_ours}
touch {mark}
"""


class DeviceFiles:
    """Files in our folder on a device.

    Methods raise DeviceLostError if the device does not answer and DeviceError for what it refuses.
    """

    def __init__(self, connection: Connection, folder: str) -> None:
        if not folder.startswith("/") or ":" in folder or not folder.strip("/") or ".." in folder.split("/"):
            raise DeviceError(
                f"{folder!r} cannot be used as the folder on a device: name an absolute path without `..` and "
                f"`:` (which separates the paths given to Python), for example {FOLDER}."
            )
        self._connection = connection
        self.folder = folder.rstrip("/")
        self._noted: dict[str, dict[str, str]] = {}  # content of _PUSHED by folder

    def push(self, files: dict[str, Path], folder: str, executable: bool = False) -> str:
        """Send the files that are missing on the device and verify what arrived. Return the folder's path there."""
        place = posixpath.join(self.folder, folder)
        expected = {name: sha256_of(path) for name, path in files.items()}
        present = self._there(place, files)
        mode = 0o755 if executable else 0o644
        new = [name for name in files if present.get(name) != expected[name]]
        if new:
            self.make(sorted({posixpath.dirname(posixpath.join(place, name)) for name in new}))
        for names in batches(new):
            for name in names:
                self._connection.push(files[name], posixpath.join(place, name), mode)
            self._compare(place, {name: expected[name] for name in names})
            self._noted[place] |= {name: expected[name] for name in names}
            self._connection.push(json.dumps(self._noted[place]).encode(), posixpath.join(place, _PUSHED))
        return place

    def make(self, folders: Iterable[str]) -> None:
        """Make folders, and mark ours. Raise DeviceError if our folder exists and holds files of others."""
        mark = posixpath.join(self.folder, _MARK)
        script = _MAKE.format(folder=quoted([self.folder]), mark=quoted([mark]), not_ours=_NOT_OURS)
        answer = self._connection.shell(script)
        if answer.exit_code == _NOT_OURS:
            raise DeviceError(
                f"{self.folder} on {self._connection.serial} contains files that aiot did not create: choose "
                "another folder with --device-folder."
            )
        self._check(answer, f"mkdir -p {self.folder}")
        if to_make := list(folders):
            self.do(["mkdir", "-p", *to_make])

    def remove(self) -> bool:
        """Remove our folder with all its content. Return whether it existed.

        Raises DeviceError for a folder that is not ours.
        """
        answer = self._connection.shell(["ls", "-a", self.folder])
        if answer.exit_code != 0:
            return False
        if _MARK not in answer.stdout.split():
            raise DeviceError(
                f"{self.folder} on {self._connection.serial} was not created by aiot, so it is not removed."
            )
        self.do(["rm", "-rf", self.folder], _LONG_S)
        self._noted.clear()
        return True

    def do(self, command: str | list[str], timeout_s: float = SHELL_TIMEOUT_S) -> Answer:
        """Run a command and raise DeviceError if it fails."""
        answer = self._connection.shell(command, timeout_s)
        self._check(answer, command if isinstance(command, str) else command[0])
        return answer

    def _check(self, answer: Answer, what: str) -> None:
        if answer.exit_code != 0:
            output = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"The device {self._connection.serial} refuses `{what[:80]}` ({output}).")

    def _there(self, place: str, files: dict[str, Path]) -> dict[str, str]:
        """Return the SHA-256, by name, of those files left by an earlier push whose sizes are unchanged."""
        if place not in self._noted:
            answer = self._connection.shell(["cat", posixpath.join(place, _PUSHED)])
            noted = from_json(answer.stdout) if answer.exit_code == 0 else {}
            self._noted[place] = noted if isinstance(noted, dict) else {}
        noted = self._noted[place]
        names = [name for name in files if name in noted]
        sizes = self._table(place, names, ["wc", "-c"])
        return {name: noted[name] for name in names if sizes.get(name) == str(files[name].stat().st_size)}

    def _compare(self, place: str, wanted: dict[str, str]) -> None:
        """Raise DeviceError if the files that arrived differ from those sent.

        On a device without sha256sum, the size that each transfer checks has to suffice.
        """
        sums = self._table(place, wanted, ["sha256sum"])
        for name, sha256 in wanted.items():
            if sums and sums.get(name) != sha256:
                raise DeviceError(
                    f"{place}/{name} on {self._connection.serial} differs from the file that was sent: try again."
                )

    def _table(self, place: str, names: Iterable[str], words: list[str]) -> dict[str, str]:
        """Return the output of `wc -c` or `sha256sum` for files in a folder, as name -> first column."""
        values = {}
        for batch in batches(names):
            if _PLAIN.fullmatch(batch[0]):
                line = f"cd {quoted([place])} && {quoted([*words, *(f'./{name}' for name in batch)])}"
                for row in self._connection.shell(line, _LONG_S).stdout.splitlines():
                    value, _, name = row.strip().partition(" ")
                    values[name.strip().removeprefix("./")] = value
            else:  # a name that is not plain, which is in a batch by itself
                answer = self._connection.shell(f"cd {quoted([place])} && {quoted(words)} <{quoted(batch)}", _LONG_S)
                if value := answer.stdout.strip().partition(" ")[0]:
                    values[batch[0]] = value
        return values


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names in order, in batches that fit into one command. A name that is not plain is a batch by itself."""
    group: list[str] = []
    size = 0
    for name in names:
        length = len(quoted([name]).encode(errors="replace")) + 3  # a space and "./"
        odd = not _PLAIN.fullmatch(name)
        if group and (odd or size + length > _BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(name)
        size += length
        if odd:
            yield group
            group, size = [], 0
    if group:
        yield group
