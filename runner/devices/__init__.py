"""What a device is to a run: facts about it, a place to put files, and a way to have work done there."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runner.devices.boot import Boot

FOLDER = "/data/local/tmp/aiot"
"""Where everything is put on an attached device, unless another folder is named."""

TAIL_BYTES = 4000
"""How much of a log that is being written is looked at: more than its last line."""

OUTPUT_LIMIT_BYTES = 16 * 2**20
"""More of what a process says is not taken."""

GONE = -signal.SIGHUP
"""The exit code of work that ended with its connection: whatever the device had started for us was ended."""


ALL_CORES, BIG_CORES = "all", "big"
CORES = (ALL_CORES, BIG_CORES)
"""Which cores of a device agents may run on: `big` are those that can be faster than its slowest ones."""


@dataclass(frozen=True)
class Conditions:
    """What a device is to keep to while a run goes on. Its screen stays on, where it has one, in any case."""

    fixed_performance: bool = False  # Android's mode of lower clocks that it can keep up
    cores: str = ALL_CORES


@dataclass(frozen=True)
class Held:
    """What a device made of them."""

    core_mask: str | None = None  # hexadecimal: agents run on these cores, None: on all
    cores_allowed: str | None = None  # Cpus_allowed_list of what is started there as an agent is
    cpuset: str | None = None  # of the same
    fixed_performance: bool | None = None  # whether it is on; None: it was not asked for
    screen_on: bool | None = None  # whether it stays on; None: it has none that could be kept on
    refused: dict[str, str] = field(default_factory=dict)  # why not, by name


@dataclass(frozen=True)
class Task:
    """One attempt, as a process of its own on a device."""

    name: str  # <instance>.<attempt>, of its files
    folder: Path  # of the run, on this side
    agent: str  # folder on the device with the pushed package
    module: str  # of that package, which is started with the job's file
    environment: str  # that it runs in: see aiot_suite.environments
    job: dict[str, Any]  # what the module is told; where to log to is added by the device
    core_mask: str | None = None  # see Held

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    @property
    def job_file(self) -> Path:
        return self.folder / "native" / f"{self.name}.job.json"

    @property
    def output(self) -> Path:
        """What the process says on standard output and standard error."""
        return self.folder / "native" / f"{self.name}.output.txt"


class Process(Protocol):
    """Something that runs on a device. Raises DeviceLostError when the device does not answer."""

    def poll(self) -> int | None:
        """Its exit code, None while it goes on; negative: the signal that ended it."""
        ...

    def kill(self) -> None:
        """Ends the process and all that it started."""
        ...


class Work(Process, Protocol):
    """A task's process on a device."""

    def tail(self) -> bytes:
        """The last bytes of the log so far."""
        ...

    def collect(self) -> None:
        """Puts log and output in their places on this side, once the process has ended."""
        ...


class ToolProcess(Process, Protocol):
    """A program on a device that is no agent of ours."""

    def said(self) -> tuple[str, str]:
        """What it wrote to standard output and standard error, once it has ended; asked for once."""
        ...


class Device(Protocol):
    """A device that instances run on. Raises DeviceError for what it cannot do."""

    poll_interval_s: float
    """How often to ask for work that goes on."""

    telemetry_interval_s: float

    @property
    def slug(self) -> str:
        """Name of its folder of raw logs."""
        ...

    @property
    def delegates(self) -> tuple[str, ...]:
        """What an agent can run a model on there."""
        ...

    @property
    def tool_delegates(self) -> tuple[str, ...]:
        """What TFLite's own programs can run a model on there: see runner.tools."""
        ...

    @property
    def environments(self) -> tuple[str, ...]:
        """The Python environments it has: see aiot_suite.environments."""
        ...

    def properties(self) -> dict[str, Any]:
        """The fields of device.json (`runner.rawlog.DEVICE_FIELDS`); what the system does not offer is None."""
        ...

    def push(self, files: dict[str, Path], folder: str, executable: bool = False) -> str:
        """Makes files available under their names in a folder of the device; gives that folder's path there."""
        ...

    def missing(self, modules: tuple[str, ...]) -> list[str]:
        """Those of the Python modules that its main environment lacks."""
        ...

    def run_python(self, words: Sequence[str], agent: str) -> tuple[int, str]:
        """Run the Python that was named for the device, with the pushed agent on its path.

        Returns its exit code and all that it printed.
        """
        ...

    def without_delegate(self, delegate: str) -> dict[str, str]:
        """Why it has no such delegate (reason), and what would help (remedy)."""
        ...

    def without_framework(self, framework: str, missing: list[str]) -> dict[str, str]:
        """Why a framework cannot run on it, lacking an environment or these modules (reason), and what would help."""
        ...

    def held(self, wanted: Conditions) -> AbstractContextManager[Held]:
        """Holds it to these conditions in the block, as far as it can, and brings it to how it was after it."""
        ...

    def start(self, task: Task) -> Work:
        """Starts a task."""
        ...

    def started(self, task: Task) -> Work | None:
        """The work of a task that was started earlier and not collected, if the device still knows of it."""
        ...

    def start_tool(self, run: str, words: Sequence[str], core_mask: str | None = None) -> ToolProcess:
        """Starts a program with its arguments, for the run of this name, on the cores of Held.core_mask.

        One of the same run that an earlier attempt has left running is ended.
        """
        ...

    def boot(self) -> Boot:
        """Return the start of its system that it is in."""
        ...

    def telemetry(self) -> dict[str, Any]:
        """Temperature, frequency, battery and load at this moment; what is not offered is None."""
        ...
