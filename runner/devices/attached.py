"""Devices known to an adb server, and the Pythons that they have."""

from __future__ import annotations

import posixpath
import shlex
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aiot_suite.environments import NAMES
from aiot_suite.suite import FRAMEWORKS
from runner.bundle import build, layout, recipes
from runner.bundle.layout import JOIN
from runner.devices import AppliedConditions, Conditions, DeviceTask, Rival, android, answers
from runner.devices.answers import parse_json
from runner.devices.conditions import AttachedConditions, with_cores
from runner.devices.identity import Identity, identify
from runner.devices.remote import DeviceFiles, RemoteTool, RemoteWork, check_folder
from runner.devices.reservation import SCAN, SCAN_END, in_use, others_seen
from runner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from runner.bundle.build import Bundle
    from runner.devices.connection import DeviceConnection

_PROBE = """\
import importlib.util, json, sys
print(json.dumps([name for name in sys.argv[1:] if importlib.util.find_spec(name)]))
"""
_MODULES = ("numpy", "PIL", "ai_edge_litert", "torch", "caffe2", "executorch", "onnxruntime", "ncnn", "MNN")
_UNPACK_TIMEOUT_S = 600.0
_START_TIMEOUT_S = 120.0


class Pythons:
    """The Python for each environment (see aiot_suite.environments) of a device."""

    def __init__(self, connection: DeviceConnection, files: DeviceFiles, own_python: str, machine: str) -> None:
        self._connection = connection
        self._files = files
        self._own = own_python
        self._machine = machine

    @cached_property
    def _own_modules(self) -> set[str]:
        """Those of _MODULES that the device's own Python has; empty if it has no Python."""
        answer = self._connection.shell([self._own, "-c", _PROBE, *_MODULES], _START_TIMEOUT_S)
        importable = parse_json(answer.stdout) if answer.exit_code == 0 else None
        return {name for name in _MODULES if name in importable} if isinstance(importable, list) else set()

    @cached_property
    def _own_environment(self) -> str | None:
        """The environment that the device's own Python serves as, or None.

        It needs the modules that every agent needs and at least one framework.
        """
        modules = self._own_modules
        if not {"numpy", "PIL"} <= modules or not modules - {"numpy", "PIL", "caffe2"}:
            return None
        return "legacy" if "caffe2" in modules else "main"

    @cached_property
    def _bundles(self) -> dict[str, Bundle]:
        """The bundle for each environment, of those built for the device's processor."""
        architecture = recipes.architecture_for(self._machine)
        framework_names = [recipe.frameworks[0] for recipe in recipes.load_recipes().values()] if architecture else []
        candidates = [build.find(framework, architecture or "") for framework in framework_names]
        return {bundle.environment: bundle for bundle in candidates if bundle}

    @property
    def environments(self) -> tuple[str, ...]:
        """Environments that have a Python on this device."""
        return tuple(name for name in NAMES if name == self._own_environment or name in self._bundles)

    def modules(self, environment: str) -> set[str]:
        """Return which of the modules that agents import are available in an environment; empty without a Python."""
        if environment == self._own_environment:
            return self._own_modules
        bundle = self._bundles.get(environment)
        return {name.split(".")[0] for name in bundle.imports} if bundle else set()

    def words(self, environment: str) -> list[str]:
        """Return the command that starts the Python of an environment. Send its bundle first if necessary."""
        if environment == self._own_environment:
            return [self._own]
        bundle = self._bundles.get(environment)
        if bundle is None:
            raise DeviceError(f"{self._connection.serial} has no Python for the environment {environment}.")
        root = posixpath.join(self._files.folder, bundle.path.stem)
        if root not in self._files.unpacked:
            self._unpack(bundle, root)
            self._files.unpacked.add(root)
        return layout.python_command(root, [])

    def _unpack(self, bundle: Bundle, root: str) -> None:
        """Unpack a bundle unless the device already has it.

        The name of the folder contains the hash of the bundle, and the folder gets that name only once it is complete.
        """
        if self._connection.shell(["ls", "-d", root]).exit_code == 0:
            return
        archive_folder = self._files.push({bundle.path.name: bundle.path}, "archives")
        archive, part = posixpath.join(archive_folder, bundle.path.name), f"{root}.part"
        self._files.do(["rm", "-rf", part])
        self._files.make([part])
        self._files.do(["tar", "-xf", archive, "-C", part], _UNPACK_TIMEOUT_S)
        self._files.do(f"cd {shlex.join([part])} && {{ {JOIN} }}", _UNPACK_TIMEOUT_S)
        self._files.do(["rm", "-f", archive])
        answer = self._connection.shell(layout.first_start_command(part, bundle.imports), _START_TIMEOUT_S)
        try:
            layout.read_first_start(answer.stdout)
        except (ValueError, RecursionError):
            message = (answer.stderr or answer.stdout)[-300:]
            raise DeviceError(
                f"The Python of {bundle.name} does not start on {self._connection.serial} ({message})."
            ) from None
        self._files.do(f"mv {shlex.join([part, root])}")


PYTHON_TIMEOUT_S = 120.0
"""Maximum time for a Python on a device to import a framework."""

_NEEDS = {
    "tflite": "ai_edge_litert",
    "pytorch": "torch",
    "caffe2": "caffe2",
    "onnxruntime": "onnxruntime",
    "ncnn": "ncnn",
    "mnn": "MNN",
}
"""The module of each framework that a bundle can have."""


class AttachedDevice:
    """A device reached over adb or SSH.

    Its methods raise DeviceLostError if the device does not answer and DeviceError for what it refuses.
    """

    poll_interval_s = 1.0
    telemetry_interval_s = 5.0
    delegates: tuple[str, ...] = ("cpu",)

    def __init__(
        self,
        connection: DeviceConnection,
        salt: str,
        folder: str | None = None,
        python: str = "python3",
        keep_serial: bool = False,
    ) -> None:
        if folder is not None:
            check_folder(folder)
        self.connection = connection
        self._folder = folder
        self._salt = salt
        self._python = python
        self._keep_serial = keep_serial
        self._run: str | None = None  # the run that has the device reserved

    @cached_property
    def files(self) -> DeviceFiles:
        return DeviceFiles(self.connection, self._folder or self.connection.default_folder())

    @cached_property
    def _said(self) -> str:
        return self.connection.shell(["sh", "-c", android.FACTS, "sh", self.files.folder]).stdout

    @cached_property
    def facts(self) -> android.AndroidFacts:
        return android.facts(self._said)

    @cached_property
    def identity(self) -> Identity:
        """Name and doubts; `choose_devices` sets it for a device among others."""
        return identify(self.facts, self.connection.serial, self._salt)

    @property
    def slug(self) -> str:
        return self.identity.slug

    def properties(self) -> dict[str, Any]:
        return android.properties(self._said, self._salt, self.slug, self._keep_serial, self.identity.doubt)

    def boot(self) -> android.Boot:
        return android.parse_boot(self.connection.shell(["cat", *android.BOOT_FILES]).stdout, self._salt)

    def telemetry(self) -> dict[str, Any]:
        if self._run is None:
            return answers.current_state(self.connection.shell(["sh", "-c", answers.STATE_SCRIPT]).stdout)
        answer = self.connection.shell(["sh", "-c", SCAN + answers.STATE_SCRIPT]).stdout
        scan, _, state = answer.partition(SCAN_END)
        return {**answers.current_state(state), "others": others_seen(scan, self._run)}

    def screen_on(self) -> bool | None:
        wakefulness = answers.parse_wakefulness(self.connection.shell(["sh", "-c", answers.POWER_LINES]).stdout)
        return wakefulness in answers.SCREEN_ON if wakefulness else None

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

    def missing(self, modules: tuple[str, ...], names: Sequence[str]) -> list[str]:
        available = set().union(*map(self.pythons.modules, names))
        return [module for module in modules if module.split(".")[0] not in available]

    def run_python(self, words: Sequence[str], agent: str) -> tuple[int, str]:
        variables = [f"PYTHONPATH={agent}", "PYTHONDONTWRITEBYTECODE=1"]
        answer = self.connection.shell(["env", *variables, self._python, *words], PYTHON_TIMEOUT_S)
        return answer.exit_code, answer.stdout + answer.stderr

    def abilities(self) -> dict[str, list[str]]:
        """Return, for each framework of the paper and each other that can run, the environments that can run it."""
        abilities = {
            name: [environment for environment in self.environments if module in self.pythons.modules(environment)]
            for name, module in _NEEDS.items()
        }
        return {name: names for name, names in abilities.items() if names or name in FRAMEWORKS}

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

    def hold(self, wanted: Conditions) -> AbstractContextManager[AppliedConditions]:
        return self.conditions.hold(wanted)

    def clean(self, force: bool = False) -> bool:
        """Restore what an interrupted run left changed and remove our folder. Return whether the folder existed.

        Raises DeviceError for a folder that is not ours, and, unless `force` is given, if a run is using the device or
        the folder has measurements that were not fetched. With `force`, agents on the device are ended first.
        """
        if not self.files.exists():
            return False
        if rivals := self.reserve("clean", end=force):
            raise DeviceError(in_use(self.connection.serial, rivals, "wait until it finishes, or use --force"))
        try:
            if not force and (unfetched := self.unfetched()):
                run, names = min(unfetched.items())
                raise DeviceError(
                    f"{self.files.folder} on {self.connection.serial} has measurements of run {run} that were not "
                    f"fetched ({', '.join(names)}): fetch them with `aiot run --resume`, or delete them with --force."
                )
            self.conditions.restore()
            return self.files.remove()
        finally:
            self.release()

    def start(self, task: DeviceTask) -> RemoteWork:
        python = with_cores(self.pythons.words(task.environment), task.core_mask)
        return RemoteWork.start(self.files, task, python)

    def started(self, task: DeviceTask) -> RemoteWork | None:
        return RemoteWork.find(self.files, task)

    def start_tool(self, run: str, words: Sequence[str], core_mask: str | None = None) -> RemoteTool:
        return RemoteTool.start(self.files, run, with_cores(words, core_mask))

    def reserve(self, run: str, end: bool = False) -> list[Rival]:
        reservation = self.files.reservation
        while True:
            seen = reservation.look()
            if (rivals := seen.rivals(run)) and not end:
                return rivals
            self.files.make([])
            if reservation.take(seen, run):
                break
        self._run = run
        if remaining := reservation.end_others(seen, run):
            self.release()
            return remaining
        return []

    def keep_reserved(self) -> None:
        self.files.reservation.beat()

    def release(self) -> None:
        self._run = None
        self.files.reservation.release()

    def unfetched(self) -> dict[str, list[str]]:
        return self.files.unfetched()
