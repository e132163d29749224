"""Our folder on an attached device: what is pushed there once, found again by its content, and removed in the end."""

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

_MARK = ".aiotbench"  # a file in our folder, without which nothing is removed
_PUSHED = ".pushed.json"  # in each folder of pushed files: name -> SHA-256
_BATCH_BYTES = 3000  # of names in one command: adbd of Android 5 and older takes 4 KiB at once
_PLAIN = re.compile(r"[^\s\\]+")
"""Names that tools print as they are, one a line: sha256sum escapes backslashes and ends of lines, or does not."""
_LONG_S = 120.0  # for commands that read or remove large files
_NOT_OURS = 9
_MAKE = """\
[ -e {mark} ] && exit
mkdir -p {folder} || exit 1
[ -z "$(ls -A {folder})" ] || exit {not_ours}
touch {mark}
"""


class DeviceFiles:
    """Raises DeviceLostError when the device does not answer, DeviceError for what it refuses."""

    def __init__(self, connection: Connection, folder: str) -> None:
        if not folder.startswith("/") or ":" in folder or not folder.strip("/") or ".." in folder.split("/"):
            raise DeviceError(
                f"{folder!r} cannot be the folder on a device: name a path from / on, without `..` and `:` (which "
                f"divides the paths that a Python is given), like {FOLDER}."
            )
        self._connection = connection
        self.folder = folder.rstrip("/")
        self._noted: dict[str, dict[str, str]] = {}  # of each place: what _PUSHED there says

    def push(self, files: dict[str, Path], folder: str, executable: bool = False) -> str:
        """Sends those of the files that are not there yet, and checks what arrived; gives the folder's path there."""
        place = posixpath.join(self.folder, folder)
        wanted = {name: sha256_of(path) for name, path in files.items()}
        there = self._there(place, files)
        mode = 0o755 if executable else 0o644
        new = [name for name in files if there.get(name) != wanted[name]]
        if new:
            self.make(sorted({posixpath.dirname(posixpath.join(place, name)) for name in new}))
        for names in batches(new):
            for name in names:
                self._connection.push(files[name], posixpath.join(place, name), mode)
            self._compare(place, {name: wanted[name] for name in names})
            self._noted[place] |= {name: wanted[name] for name in names}
            self._connection.push(json.dumps(self._noted[place]).encode(), posixpath.join(place, _PUSHED))
        return place

    def make(self, folders: Iterable[str]) -> None:
        """Makes folders, ours being marked as such. Raises DeviceError if ours is there and holds files of others."""
        mark = posixpath.join(self.folder, _MARK)
        script = _MAKE.format(folder=quoted([self.folder]), mark=quoted([mark]), not_ours=_NOT_OURS)
        answer = self._connection.shell(script)
        if answer.exit_code == _NOT_OURS:
            raise DeviceError(
                f"{self.folder} on {self._connection.serial} holds files that are not aiot's: name another folder with "
                "--device-folder."
            )
        self._check(answer, f"mkdir -p {self.folder}")
        if wanted := list(folders):
            self.do(["mkdir", "-p", *wanted])

    def remove(self) -> bool:
        """Removes our folder with all that is in it; whether there was one.

        Raises DeviceError for a folder that is not ours.
        """
        answer = self._connection.shell(["ls", "-a", self.folder])
        if answer.exit_code != 0:
            return False
        if _MARK not in answer.stdout.split():
            raise DeviceError(f"{self.folder} on {self._connection.serial} was not made by aiot: it is left as it is.")
        self.do(["rm", "-rf", self.folder], _LONG_S)
        self._noted.clear()
        return True

    def do(self, command: str | list[str], timeout_s: float = SHELL_TIMEOUT_S) -> Answer:
        """Runs a command that has to succeed."""
        answer = self._connection.shell(command, timeout_s)
        self._check(answer, command if isinstance(command, str) else command[0])
        return answer

    def _check(self, answer: Answer, what: str) -> None:
        if answer.exit_code != 0:
            said = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"The device {self._connection.serial} refuses `{what[:80]}` ({said}).")

    def _there(self, place: str, files: dict[str, Path]) -> dict[str, str]:
        """The files that an earlier push left in a place, by their SHA-256, if they still have their sizes."""
        if place not in self._noted:
            said = self._connection.shell(["cat", posixpath.join(place, _PUSHED)])
            noted = from_json(said.stdout) if said.exit_code == 0 else {}
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
        for some in batches(names):
            if _PLAIN.fullmatch(some[0]):
                line = f"cd {quoted([place])} && {quoted([*words, *(f'./{name}' for name in some)])}"
                for row in self._connection.shell(line, _LONG_S).stdout.splitlines():
                    value, _, name = row.strip().partition(" ")
                    found[name.strip().removeprefix("./")] = value
            else:  # an odd one, which is in a group by itself
                said = self._connection.shell(f"cd {quoted([place])} && {quoted(words)} <{quoted(some)}", _LONG_S)
                if value := said.stdout.strip().partition(" ")[0]:
                    found[some[0]] = value
        return found


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    """The names in groups, in their order: as many as one command takes, and each odd one by itself."""
    group: list[str] = []
    size = 0
    for name in names:
        more = len(quoted([name]).encode(errors="replace")) + 3  # a blank and "./"
        odd = not _PLAIN.fullmatch(name)
        if group and (odd or size + more > _BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(name)
        size += more
        if odd:
            yield group
            group, size = [], 0
    if group:
        yield group
