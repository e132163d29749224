"""A device that an adb server knows: files in one folder there, and the agent in a Python that it has or is given.

Everything lies below one folder: agent/, images-*/, models-*/, and runs/<run>/ with the logs that are not yet fetched.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.devices import FOLDER, Task, android, android_state
from runner.devices.adb import Answer, Connection, quoted
from runner.devices.remote import RemoteWork
from runner.errors import DeviceError
from runner.workspace import sha256_of

_MARK = ".aiotbench"  # a file in our folder, without which nothing is removed
_PUSHED = ".pushed.json"  # in each folder of pushed files: name -> SHA-256
_BATCH = 100  # files in one command
_PROBE = """\
import importlib.util, json, sys
print(json.dumps([name for name in sys.argv[1:] if importlib.util.find_spec(name)]))
"""
_MODULES = ("numpy", "PIL", "ai_edge_litert", "torch", "caffe2", "executorch")


class AttachedDevice:
    """A device behind a connection. Raises DeviceLostError when it does not answer, DeviceError for what it refuses."""

    poll_interval_s = 1.0
    telemetry_interval_s = 5.0

    def __init__(
        self,
        connection: Connection,
        salt: str,
        folder: str = FOLDER,
        python: str = "python3",
        keep_serial: bool = False,
    ) -> None:
        self.connection = connection
        self.folder = folder
        self._salt = salt
        self._python = python
        self._keep_serial = keep_serial
        self._known_there: dict[str, dict[str, str]] = {}

    @cached_property
    def facts(self) -> android.Facts:
        return android.facts(self._facts_text)

    @cached_property
    def _facts_text(self) -> str:
        return self.connection.shell(["sh", "-c", android.FACTS, "sh", self.folder]).stdout

    @cached_property
    def slug(self) -> str:
        facts = self.facts
        return android.slug(facts.maker, facts.model, facts.serial or self.connection.serial, self._salt)

    @property
    def delegates(self) -> tuple[str, ...]:
        return ("cpu",)

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """`legacy` where its Python has Caffe2, `main` where it has what every agent needs."""
        modules = self._modules
        if not {"numpy", "PIL"} <= modules:
            return ()
        return ("legacy",) if "caffe2" in modules else ("main",)

    @cached_property
    def _modules(self) -> set[str]:
        """Those of _MODULES that the device's own Python has; none without a Python."""
        said = self.connection.shell([self._python, "-c", _PROBE, *_MODULES])
        try:
            return set(json.loads(said.stdout)) & set(_MODULES) if said.exit_code == 0 else set()
        except (ValueError, TypeError):
            return set()

    def abilities(self) -> dict[str, list[str]]:
        """For each framework the ways it can run there."""
        needs = {"tflite": "ai_edge_litert", "pytorch": "torch", "caffe2": "caffe2"}
        python = self.environments and f"its Python ({self.environments[0]})"
        return {name: [python] if python and needs[name] in self._modules else [] for name in needs}

    def properties(self) -> dict[str, Any]:
        return android.properties(self._facts_text, self._salt, self.slug, self._keep_serial)

    def missing(self, modules: tuple[str, ...]) -> list[str]:
        return [module for module in modules if module.split(".")[0] not in self._modules]

    def telemetry(self) -> dict[str, Any]:
        return android_state.state(self.connection.shell(["sh", "-c", android_state.STATE]).stdout)

    def push(self, files: dict[str, Path], folder: str) -> str:
        place = posixpath.join(self.folder, folder)
        wanted = {name: sha256_of(path) for name, path in files.items()}
        there = self._there(place, files)
        new = [name for name in files if there.get(name) != wanted[name]]
        if new:
            parents = sorted({posixpath.dirname(posixpath.join(place, name)) for name in new})
            self._do(["mkdir", "-p", *parents])
            self._do(["touch", posixpath.join(self.folder, _MARK)])
        for names in _batches(new):
            for name in names:
                self.connection.push(files[name], posixpath.join(place, name))
            self._compare(place, {name: wanted[name] for name in names})
            there = {**there, **{name: wanted[name] for name in names}}
            self.connection.push(json.dumps(there).encode(), posixpath.join(place, _PUSHED))
            self._known_there[place] = there
        return place

    def _there(self, place: str, files: dict[str, Path]) -> dict[str, str]:
        """The files that an earlier push left in a folder, by their SHA-256, if they still have their sizes."""
        if place not in self._known_there:
            said = self.connection.shell(["cat", posixpath.join(place, _PUSHED)])
            try:
                noted = json.loads(said.stdout) if said.exit_code == 0 else {}
            except ValueError:
                noted = {}
            self._known_there[place] = noted if isinstance(noted, dict) else {}
        noted = self._known_there[place]
        names = [name for name in files if name in noted]
        sizes = self._table(place, names, ["wc", "-c"])
        return {name: noted[name] for name in names if sizes.get(name) == str(files[name].stat().st_size)}

    def _compare(self, place: str, wanted: dict[str, str]) -> None:
        """Raises DeviceError if what was pushed is not what arrived. Without sha256sum there, sizes have to do."""
        sums = self._table(place, wanted, ["sha256sum"])
        for name, sha256 in wanted.items():
            if sums and sums.get(name) != sha256:
                raise DeviceError(f"{place}/{name} on {self.connection.serial} is not what was sent: try again.")

    def _table(self, place: str, names: Iterable[str], words: list[str]) -> dict[str, str]:
        """What `wc -c` or `sha256sum` say of files in a folder: name -> first column."""
        found = {}
        for some in _batches(names):
            line = f"cd {quoted([place])} && {quoted([*words, *some])}"
            for row in self.connection.shell(line).stdout.splitlines():
                value, _, name = row.strip().partition(" ")
                found[name.strip()] = value
        return found

    def start(self, task: Task) -> RemoteWork:
        return RemoteWork.start(self.connection, task, self._runs(task), [self._python])

    def started(self, task: Task) -> RemoteWork | None:
        return RemoteWork.find(self.connection, task, self._runs(task))

    def _runs(self, task: Task) -> str:
        return posixpath.join(self.folder, "runs", task.folder.name)

    def clean(self) -> bool:
        """Removes the device's folder with all that was pushed; whether there was one.

        Raises DeviceError for a folder that is not ours.
        """
        answer = self._do(["ls", "-a", self.folder], fine=(0, 1, 2))
        if answer.exit_code != 0:
            return False
        if _MARK not in answer.stdout.split():
            raise DeviceError(f"{self.folder} on {self.connection.serial} was not made by aiot: it is left as it is.")
        self._do(["rm", "-rf", self.folder])
        self._known_there.clear()
        return True

    def _do(self, words: list[str], fine: tuple[int, ...] = (0,)) -> Answer:
        answer = self.connection.shell(words)
        if answer.exit_code not in fine:
            said = " ".join((answer.stderr or answer.stdout).split())[:200]
            raise DeviceError(f"The device {self.connection.serial} refuses `{words[0]}` ({said}).")
        return answer


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    every = list(names)
    yield from (every[begin : begin + _BATCH] for begin in range(0, len(every), _BATCH))
