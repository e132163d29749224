"""Our folder on an attached device: what is pushed there once, found again by its content, and removed in the end."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.devices.adb import Answer, Connection, quoted
from runner.errors import DeviceError
from runner.workspace import sha256_of

_MARK = ".aiotbench"  # a file in our folder, without which nothing is removed
_PUSHED = ".pushed.json"  # in each folder of pushed files: name -> SHA-256
_BATCH = 100  # files in one command


class DeviceFiles:
    """Raises DeviceLostError when the device does not answer, DeviceError for what it refuses."""

    def __init__(self, connection: Connection, folder: str) -> None:
        self._connection = connection
        self.folder = folder
        self._noted: dict[str, dict[str, str]] = {}  # of each place: what _PUSHED there says

    def push(self, files: dict[str, Path], folder: str) -> str:
        """Sends those of the files that are not there yet, and checks what arrived; gives the folder's path there."""
        place = posixpath.join(self.folder, folder)
        wanted = {name: sha256_of(path) for name, path in files.items()}
        there = self._there(place, files)
        new = [name for name in files if there.get(name) != wanted[name]]
        if new:
            self.make(sorted({posixpath.dirname(posixpath.join(place, name)) for name in new}))
        for names in _batches(new):
            for name in names:
                self._connection.push(files[name], posixpath.join(place, name))
            self._compare(place, {name: wanted[name] for name in names})
            self._noted[place] |= {name: wanted[name] for name in names}
            self._connection.push(json.dumps(self._noted[place]).encode(), posixpath.join(place, _PUSHED))
        return place

    def make(self, folders: Iterable[str]) -> None:
        """Makes folders, ours being marked as such."""
        self.do(["mkdir", "-p", self.folder, *folders])
        self.do(["touch", posixpath.join(self.folder, _MARK)])

    def remove(self) -> bool:
        """Removes our folder with all that is in it; whether there was one.

        Raises DeviceError for a folder that is not ours.
        """
        answer = self._connection.shell(["ls", "-a", self.folder])
        if answer.exit_code != 0:
            return False
        if _MARK not in answer.stdout.split():
            raise DeviceError(f"{self.folder} on {self._connection.serial} was not made by aiot: it is left as it is.")
        self.do(["rm", "-rf", self.folder])
        self._noted.clear()
        return True

    def do(self, command: str | list[str], timeout_s: float | None = None) -> Answer:
        """Runs a command that has to succeed."""
        answer = self._connection.shell(command, **({"timeout_s": timeout_s} if timeout_s else {}))
        if answer.exit_code != 0:
            said = " ".join((answer.stderr or answer.stdout).split())[:200]
            what = command if isinstance(command, str) else command[0]
            raise DeviceError(f"The device {self._connection.serial} refuses `{what[:80]}` ({said}).")
        return answer

    def _there(self, place: str, files: dict[str, Path]) -> dict[str, str]:
        """The files that an earlier push left in a place, by their SHA-256, if they still have their sizes."""
        if place not in self._noted:
            said = self._connection.shell(["cat", posixpath.join(place, _PUSHED)])
            try:
                noted = json.loads(said.stdout) if said.exit_code == 0 else {}
            except ValueError:
                noted = {}
            self._noted[place] = noted if isinstance(noted, dict) else {}
        noted = self._noted[place]
        names = [name for name in files if name in noted]
        sizes = self._table(place, names, ["wc", "-c"])
        return {name: noted[name] for name in names if sizes.get(name) == str(files[name].stat().st_size)}

    def _compare(self, place: str, wanted: dict[str, str]) -> None:
        """Raises DeviceError if what arrived is not what was sent. Without sha256sum there, its size has to do."""
        sums = self._table(place, wanted, ["sha256sum"])
        for name, sha256 in wanted.items():
            if sums and sums.get(name) != sha256:
                raise DeviceError(f"{place}/{name} on {self._connection.serial} is not what was sent: try again.")

    def _table(self, place: str, names: Iterable[str], words: list[str]) -> dict[str, str]:
        """What `wc -c` or `sha256sum` say of files in a place: name -> first column."""
        found = {}
        for some in _batches(names):
            line = f"cd {quoted([place])} && {quoted([*words, *some])}"
            for row in self._connection.shell(line).stdout.splitlines():
                value, _, name = row.strip().partition(" ")
                found[name.strip()] = value
        return found


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    every = list(names)
    yield from (every[begin : begin + _BATCH] for begin in range(0, len(every), _BATCH))
