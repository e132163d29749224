"""Devices known to an adb server.

All files are kept in one folder on the device, and the agent runs in a Python of the device or in a bundle sent to it.
The folder contains agent/, images-*/, models-*/, unpacked bundles, and runs/<run>/ with logs not collected yet. During
a run it also contains a note of the previous state of the device.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.bundle import recipes
from runner.devices import FOLDER, AppliedConditions, Conditions, DeviceTask, android, android_state, boot
from runner.devices.adb import Connection
from runner.devices.conditions import AttachedConditions
from runner.devices.cores import pinned
from runner.devices.files import DeviceFiles
from runner.devices.pythons import Pythons
from runner.devices.remote import RemoteTool, RemoteWork

PYTHON_TIMEOUT_S = 120.0
"""Maximum time for a Python on a device to import a framework."""

_NEEDS = {"tflite": "ai_edge_litert", "pytorch": "torch", "caffe2": "caffe2"}


class AttachedDevice:
    """A device reached through an adb connection.

    Its methods raise DeviceLostError if the device does not answer and DeviceError for what it refuses.
    """

    poll_interval_s = 1.0
    telemetry_interval_s = 5.0
    delegates: tuple[str, ...] = ("cpu",)

    def __init__(
        self,
        connection: Connection,
        salt: str,
        folder: str = FOLDER,
        python: str = "python3",
        keep_serial: bool = False,
    ) -> None:
        self.connection = connection
        self.files = DeviceFiles(connection, folder)
        self._salt = salt
        self._python = python
        self._keep_serial = keep_serial

    @cached_property
    def _said(self) -> str:
        return self.connection.shell(["sh", "-c", android.FACTS, "sh", self.files.folder]).stdout

    @cached_property
    def facts(self) -> android.AndroidFacts:
        return android.facts(self._said)

    @cached_property
    def slug(self) -> str:
        facts = self.facts
        return android.slug(facts.maker, facts.model, facts.serial or self.connection.serial, self._salt)

    def properties(self) -> dict[str, Any]:
        return android.properties(self._said, self._salt, self.slug, self._keep_serial)

    def boot(self) -> boot.Boot:
        return boot.parse_boot(self.connection.shell(["cat", *boot.BOOT_FILES]).stdout, self._salt)

    def telemetry(self) -> dict[str, Any]:
        return android_state.current_state(self.connection.shell(["sh", "-c", android_state.STATE_SCRIPT]).stdout)

    @property
    def tool_delegates(self) -> tuple[str, ...]:
        if self.facts.os != "Android":
            return ("cpu",)
        return ("cpu", "nnapi", "gpu") if self.facts.nnapi else ("cpu", "gpu")

    @cached_property
    def pythons(self) -> Pythons:
        return Pythons(self.connection, self.files, self._python, self.facts.machine or "")

    @property
    def environments(self) -> tuple[str, ...]:
        return self.pythons.environments

    def missing(self, modules: tuple[str, ...]) -> list[str]:
        available = set().union(*map(self.pythons.modules, self.environments))
        return [module for module in modules if module.split(".")[0] not in available]

    def run_python(self, words: Sequence[str], agent: str) -> tuple[int, str]:
        variables = [f"PYTHONPATH={agent}", "PYTHONDONTWRITEBYTECODE=1"]
        answer = self.connection.shell(["env", *variables, self._python, *words], PYTHON_TIMEOUT_S)
        return answer.exit_code, answer.stdout + answer.stderr

    def abilities(self) -> dict[str, list[str]]:
        """Return, for each framework of the paper, the environments of the device that can run it."""
        return {
            name: [environment for environment in self.environments if module in self.pythons.modules(environment)]
            for name, module in _NEEDS.items()
        }

    def without_delegate(self, delegate: str) -> dict[str, str]:
        if self.facts.os != "Android":
            return {"reason": f"{delegate} is a delegate for Android", "remedy": "run it on an Android phone"}
        if delegate == "nnapi" and not self.facts.nnapi:
            return {"reason": "this Android has no NNAPI", "remedy": "it was added in Android 8.1: use a newer phone"}
        return {
            "reason": f"{delegate} cannot be used from a Python process: only native Android programs can load it",
            "remedy": "use TFLite's own programs, which can load it, with --native-tools: docs/native-tools.md",
        }

    def without_framework(self, framework: str, missing: list[str]) -> dict[str, str]:
        reason = f"the device has no Python with {framework}"
        architecture = recipes.architecture_for(self.facts.machine or "")
        if framework not in _NEEDS or architecture is None:
            return {
                "reason": reason,
                "remedy": "install it in a Python on the device, and name that with --device-python",
            }
        remedy = f"`aiot bundle build --arch {architecture} --framework {framework}`"
        return {"reason": reason, "remedy": f"run {remedy}, then repeat the command with --resume"}

    def push(self, files: dict[str, Path], folder: str, executable: bool = False) -> str:
        return self.files.push(files, folder, executable)

    @property
    def conditions(self) -> AttachedConditions:
        return AttachedConditions(self.connection, self.files, self.facts)

    def held(self, wanted: Conditions) -> AbstractContextManager[AppliedConditions]:
        return self.conditions.held(wanted)

    def clean(self) -> bool:
        """Restore what an interrupted run left changed and remove our folder. Return whether the folder existed.

        Raises DeviceError for a folder that is not ours.
        """
        self.conditions.restore()
        return self.files.remove()

    def start(self, task: DeviceTask) -> RemoteWork:
        python = pinned(self.pythons.words(task.environment), task.core_mask)
        return RemoteWork.start(self.connection, task, self._runs(task.folder.name), python)

    def started(self, task: DeviceTask) -> RemoteWork | None:
        return RemoteWork.find(self.connection, task, self._runs(task.folder.name))

    def start_tool(self, run: str, words: Sequence[str], core_mask: str | None = None) -> RemoteTool:
        return RemoteTool.start(self.connection, self._runs(run), pinned(words, core_mask))

    def _runs(self, run: str) -> str:
        return posixpath.join(self.files.folder, "runs", run)
