"""What a device is to a run: facts about it, a place to put files, and a way to start the agent there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Protocol


class Device(Protocol):
    """A device that instances run on. Raises DeviceError for what it cannot do."""

    slug: str
    """Name of its folder of raw logs."""

    delegates: tuple[str, ...]
    """What it can run a model on."""

    @property
    def environments(self) -> tuple[str, ...]:
        """The Python environments it has: see runner.environments."""
        ...

    def properties(self) -> dict[str, Any]:
        """The fields of device.json (`runner.rawlog.DEVICE_FIELDS`); what the system does not offer is None."""
        ...

    def push(self, files: dict[str, Path], folder: str) -> str:
        """Makes files available under their names in a folder of the device; gives that folder's path there."""
        ...

    def missing(self, modules: tuple[str, ...]) -> list[str]:
        """Those of the Python modules that its main environment lacks."""
        ...

    def start_agent(self, agent: str, arguments: list[str], environment: str, output: Path) -> subprocess.Popen[bytes]:
        """Starts Python with these arguments in the folder of the pushed agent; what it prints goes to `output`."""
        ...

    def telemetry(self) -> dict[str, Any]:
        """Temperature, frequency, battery and load at this moment; what is not offered is None."""
        ...
