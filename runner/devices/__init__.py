"""The interface of a device as runs see it: facts about the device, file transfer, and starting processes."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from runner import rawlog
from runner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from runner.devices.android import Boot

FOLDER = "/data/local/tmp/aiot"
"""Folder for all files on an attached device, unless another is given."""

TAIL_BYTES = 4000
"""Bytes to read from the end of a log that is still being written: enough for its last line."""

OUTPUT_LIMIT_BYTES = 16 * 2**20
"""Maximum size of the output of a process that is collected."""

GONE = -signal.SIGHUP
"""Exit code of work that ended together with its connection: the device ended everything the connection started."""


BEAT_S = 15.0
"""Seconds between two signs of life of the process that has reserved a device."""

ALL_CORES, BIG_CORES = "all", "big"
CORES = (ALL_CORES, BIG_CORES)
"""Choices of the cores that agents may run on. `big`: those with a higher maximum frequency than the slowest."""


def check_names(files: Iterable[str], folder: str) -> None:
    """Raise DeviceError if a file to be pushed, or the folder for it, would be outside of our folder on a device."""
    for name in (folder, *files):
        if fault := rawlog.name_fault(name, subfolders=True):
            raise DeviceError(f"{name!a} cannot be pushed to a device ({fault}): check the file that names it.")


@dataclass(frozen=True)
class Conditions:
    """Conditions requested for a run. A device that has a screen also keeps it on during the run."""

    fixed_performance: bool = False  # Android's mode with lower clock rates that can be sustained
    cores: str = ALL_CORES


@dataclass(frozen=True)
class AppliedConditions:
    """Conditions that a device actually applied."""

    core_mask: str | None = None  # hexadecimal mask of the cores that agents run on; None: all cores
    cores_allowed: str | None = None  # Cpus_allowed_list of a process started in the same way as an agent
    cpuset: str | None = None  # cpuset of the same process
    fixed_performance: bool | None = None  # whether the mode is on; None: not requested
    screen_on: bool | None = None  # whether the screen stays on; None: unknown, or there is no screen
    wakefulness: str | None = None  # Android's state of the screen, such as Awake or Asleep, once it was turned on
    plugged: bool | None = None  # Android keeps the screen on only while the device is plugged in
    refused: dict[str, str] = field(default_factory=dict)  # reason by name of the condition


@dataclass(frozen=True)
class Rival:
    """Something else that uses a device: a run that owns it, or an agent that has outlived its run."""

    run: str  # id of the run
    attempt: str | None = None  # what an agent measures, as DeviceTask.name; None: the run itself
    process: int | None = None  # id of the process that executes the run
    host: str | None = None  # and its machine


@dataclass(frozen=True)
class DeviceTask:
    """One attempt, which runs as a separate process on a device."""

    name: str  # <instance>.<attempt>, the stem of its file names
    folder: Path  # folder of the run on the host
    agent: str  # folder on the device that holds the pushed package
    module: str  # module of that package to start with the path of the job file
    environment: str  # environment to run in: see aiot_suite.environments
    job: dict[str, Any]  # arguments of the module; the device adds the path of the log
    core_mask: str | None = None  # see AppliedConditions.core_mask

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    @property
    def job_file(self) -> Path:
        return self.folder / "native" / f"{self.name}.job.json"

    @property
    def output(self) -> Path:
        """File for standard output and standard error of the process."""
        return self.folder / "native" / f"{self.name}.output.txt"


class DeviceProcess(Protocol):
    """A process on a device. Its methods raise DeviceLostError if the device does not answer."""

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs. A negative code is the signal that ended it."""
        ...

    def kill(self) -> None:
        """Kill the process and all processes that it started."""
        ...


class Work(DeviceProcess, Protocol):
    """The process of a task on a device."""

    def tail(self) -> bytes:
        """Return the last bytes written to the log so far."""
        ...

    def collect(self) -> None:
        """Move the log and the output to their places on the host, once the process has ended."""
        ...


class ToolProcess(DeviceProcess, Protocol):
    """A program on a device other than the agent."""

    def output(self) -> tuple[str, str]:
        """Return standard output and standard error. Call this once, after the program has ended."""
        ...


class Device(Protocol):
    """A device that instances run on. Its methods raise DeviceError for what the device cannot do."""

    poll_interval_s: float
    """Interval in seconds at which to poll running work."""

    telemetry_interval_s: float

    @property
    def slug(self) -> str:
        """Name of the device's folder of raw logs."""
        ...

    @property
    def delegates(self) -> tuple[str, ...]:
        """Delegates that an agent can use on the device."""
        ...

    @property
    def tool_delegates(self) -> tuple[str, ...]:
        """Delegates that TFLite's own programs can use on the device: see runner.tools."""
        ...

    @property
    def environments(self) -> tuple[str, ...]:
        """Python environments that the device has: see aiot_suite.environments."""
        ...

    def properties(self) -> dict[str, Any]:
        """Return the fields of device.json (`runner.rawlog.DEVICE_FIELDS`), None for what the system does not offer."""
        ...

    def push(self, files: dict[str, Path], folder: str, executable: bool = False) -> str:
        """Make files available under their names in a folder of the device, and return the folder's path there."""
        ...

    def missing(self, modules: tuple[str, ...], names: Sequence[str]) -> list[str]:
        """Return those of the Python modules that all the named environments of the device lack."""
        ...

    def run_python(self, words: Sequence[str], agent: str) -> tuple[int, str]:
        """Run the Python chosen for the device, with the pushed agent on its path.

        Returns the exit code and everything printed.
        """
        ...

    def without_delegate(self, delegate: str) -> dict[str, str]:
        """Return why the device lacks a delegate (`reason`) and what would help (`remedy`)."""
        ...

    def without_framework(self, framework: str, missing: list[str]) -> dict[str, str]:
        """Return why a framework cannot run on the device (`reason`) and what would help (`remedy`).

        The device lacks an environment for the framework, or the modules in `missing`.
        """
        ...

    def hold(self, wanted: Conditions) -> AbstractContextManager[AppliedConditions]:
        """Apply the conditions as far as possible within the block, and restore the previous state afterwards."""
        ...

    def start(self, task: DeviceTask) -> Work:
        """Start a task."""
        ...

    def started(self, task: DeviceTask) -> Work | None:
        """Return the work of a task that was started earlier and not collected; None if the device has no trace."""
        ...

    def reserve(self, run: str, end: bool = False) -> list[Rival]:
        """Reserve the device for a run that this process executes.

        Returns what else uses the device, in which case it is not reserved; `end` ends that first, where possible.
        """
        ...

    def keep_reserved(self) -> None:
        """Tell others that the reservation still holds. Call it every `runner.devices.BEAT_S` seconds."""
        ...

    def release(self) -> None:
        """End the reservation."""
        ...

    def unfetched(self) -> dict[str, list[str]]:
        """Return the attempts on the device that are running or were not fetched: names (DeviceTask.name) by run id."""
        ...

    def start_tool(self, run: str, words: Sequence[str], core_mask: str | None = None) -> ToolProcess:
        """Start a program with arguments for the run of this name, on the cores of AppliedConditions.core_mask.

        A program that an earlier attempt of the same run left running is killed first.
        """
        ...

    def boot(self) -> Boot:
        """Return the current boot of the device's system."""
        ...

    def telemetry(self) -> dict[str, Any]:
        """Return the current temperature, frequency, battery and load. What is not offered is None."""
        ...

    def screen_on(self) -> bool | None:
        """Return whether the screen is on now; None if this is unknown or there is no screen."""
        ...
