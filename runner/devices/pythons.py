"""The Pythons of an attached device: its own, if it has one, and those of bundles made for it."""

from __future__ import annotations

import posixpath
from functools import cached_property

from aiot_suite.environments import NAMES
from runner.bundle import build, recipes, start
from runner.bundle.build import Bundle
from runner.bundle.pack import JOIN
from runner.devices.adb import Connection, quoted
from runner.devices.answers import from_json
from runner.devices.files import DeviceFiles
from runner.errors import DeviceError

_PROBE = """\
import importlib.util, json, sys
print(json.dumps([name for name in sys.argv[1:] if importlib.util.find_spec(name)]))
"""
_MODULES = ("numpy", "PIL", "ai_edge_litert", "torch", "caffe2", "executorch")
_UNPACK_TIMEOUT_S = 600.0
_START_TIMEOUT_S = 120.0


class Pythons:
    """The Python for each environment (see aiot_suite.environments) of a device."""

    def __init__(self, connection: Connection, files: DeviceFiles, own: str, machine: str) -> None:
        self._connection = connection
        self._files = files
        self._own = own
        self._machine = machine
        self._unpacked: set[str] = set()

    @cached_property
    def _own_modules(self) -> set[str]:
        """Those of _MODULES that the device's own Python has; empty if it has no Python."""
        answer = self._connection.shell([self._own, "-c", _PROBE, *_MODULES], _START_TIMEOUT_S)
        importable = from_json(answer.stdout) if answer.exit_code == 0 else None
        return {name for name in _MODULES if name in importable} if isinstance(importable, list) else set()

    @cached_property
    def _own_environment(self) -> str | None:
        """The environment that the device's own Python serves as, or None.

        It needs the modules that every agent needs and at least one framework.
        """
        modules = self._own_modules
        if not {"numpy", "PIL"} <= modules or not modules & {"ai_edge_litert", "torch", "executorch"}:
            return None
        return "legacy" if "caffe2" in modules else "main"

    @cached_property
    def _bundles(self) -> dict[str, Bundle]:
        """The bundle for each environment, of those built for the device's processor."""
        architecture = recipes.architecture_for(self._machine)
        framework_names = [recipe.frameworks[0] for recipe in recipes.recipes().values()] if architecture else []
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
        if root not in self._unpacked:
            self._unpack(bundle, root)
            self._unpacked.add(root)
        return start.python_command(root, [])

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
        self._files.do(f"cd {quoted([part])} && {{ {JOIN} }}", _UNPACK_TIMEOUT_S)
        self._files.do(["rm", "-f", archive])
        answer = self._connection.shell(start.first_start_command(part, bundle.imports), _START_TIMEOUT_S)
        try:
            start.read_first_start(answer.stdout)
        except (ValueError, RecursionError):
            message = (answer.stderr or answer.stdout)[-300:]
            raise DeviceError(
                f"The Python of {bundle.name} does not start on {self._connection.serial} ({message})."
            ) from None
        self._files.do(f"mv {quoted([part, root])}")
