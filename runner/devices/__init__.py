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

    def properties(self) -> dict[str, Any]:
        """The fields of device.json (`runner.rawlog.DEVICE_FIELDS`); what the system does not offer is None."""
        ...

    def push(self, files: dict[str, Path], folder: str) -> str:
        """Makes files available under their names in a folder of the device; gives that folder's path there."""
        ...

    def start_agent(self, agent: str, job: str, framework: str, output: Path) -> subprocess.Popen[bytes]:
        """Starts the agent of a pushed folder on a job there; its own output goes to the file `output`."""
        ...

    def telemetry(self) -> dict[str, Any]:
        """Temperature, frequency, battery and load at this moment; what is not offered is None."""
        ...
