"""This machine as a device: the agent runs as a separate process."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from aiot_suite import environments
from runner import rawlog
from runner.devices import (
    OUTPUT_LIMIT_BYTES,
    TAIL_BYTES,
    AppliedConditions,
    Conditions,
    DeviceTask,
    Rival,
    android,
    answers,
    check_names,
    conditions,
)
from runner.devices.android import hashed
from runner.errors import DeviceError
from runner.rawlog import DEVICE_FIELDS, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CPU_FOLDER = Path("/sys/devices/system/cpu")
_THERMAL_FOLDER = Path("/sys/class/thermal")
_THROTTLED_FILE = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")  # of a Raspberry Pi
_COMPATIBLE_FILE = Path("/proc/device-tree/compatible")
_MISSING = "import sys; from importlib.util import find_spec; print(*(m for m in sys.argv[1:] if find_spec(m) is None))"


class LocalDevice:
    """This machine. Files are not copied: a pushed file is a symbolic link."""

    slug = "local"
    poll_interval_s = 0.25
    telemetry_interval_s = 2.0
    delegates: tuple[str, ...] = ("cpu",)
    tool_delegates: tuple[str, ...] = ("cpu",)

    def __init__(self, root: Path, salt: str, python: Path | None = None) -> None:
        """Take the folder for pushed files and, optionally, a Python for agents instead of each environment's own."""
        self._root = root.resolve()
        self._salt = salt
        self._python = python
        self._reserved = ExitStack()

    def properties(self) -> dict[str, Any]:
        release = _os_release()
        machine = _read(Path("/etc/machine-id"))
        facts: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "slug": self.slug,
            "serial_sha256": hashed(machine, self._salt) if machine else None,
            "system_sha256": None,  # the machine id stands for the serial number
            "maker": _read(Path("/sys/class/dmi/id/sys_vendor")),
            "model": _read(Path("/sys/class/dmi/id/product_name")) or _read(Path("/proc/device-tree/model")),
            "soc": _cpu_name(),
            "ram_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "os": release.get("NAME", platform.system()),
            "os_version": release.get("VERSION_ID"),
            "abi": platform.machine() or None,
            "kernel": platform.release() or None,
            "cores": _cores(),
            "battery": _battery(),
        }
        offered = {name for name, value in facts.items() if value is not None}
        not_offered = set(DEVICE_FIELDS) - offered - {"not_offered", "identity_doubt"}
        return {**facts, "identity_doubt": None, "not_offered": sorted(not_offered)}

    def push(self, files: dict[str, Path], folder: str, executable: bool = False) -> str:
        check_names(files, folder)
        target = self._root / folder
        for name, source in files.items():
            destination = target / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            if destination.is_symlink() or destination.exists():
                destination.unlink()
            if executable:  # the source may not be executable and must not be changed
                shutil.copyfile(source, destination)
                destination.chmod(0o755)
            else:
                destination.symlink_to(source.resolve())
        return str(target)

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(name for name in environments.NAMES if self._python or environments.interpreter_path(name))

    def missing(self, modules: tuple[str, ...], names: Sequence[str]) -> list[str]:
        if self._python:
            code, output = _finished_in_time([str(self._python), "-c", _MISSING, *modules])
            if code:
                raise DeviceError(
                    f"{self._python} does not start as a Python interpreter ({output.strip()[-200:]}): name "
                    "another one."
                )
            return output.split()
        return environments.missing_modules(modules, names)

    def run_python(self, words: Sequence[str], agent: str) -> tuple[int, str]:
        return _finished_in_time([str(self._python or sys.executable), *words], _variables(agent))

    def without_delegate(self, delegate: str) -> dict[str, str]:
        if delegate == "nnapi":
            return {"reason": "NNAPI is part of Android", "remedy": "run it on an Android phone"}
        return {"reason": f"this machine has no {delegate} delegate", "remedy": "run it on a device that has one"}

    def without_framework(self, framework: str, missing: list[str]) -> dict[str, str]:
        if missing:
            reason, remedy = environments.not_installed(missing), environments.how_to_install(missing)
        else:
            reason = f"{framework} needs the legacy environment (Python 3.9, torch 1.10.2)"
            remedy = f"{environments.INSTALL_LEGACY}, then `aiot models prepare --frameworks {framework}`"
        return {"reason": reason, "remedy": remedy}

    @contextmanager
    def hold(self, wanted: Conditions) -> Iterator[AppliedConditions]:
        """Apply the choice of cores to the processes started here; nothing on the machine is changed."""
        held = conditions.choose_cores(wanted.cores, _cores(), _finished_in_time)
        if wanted.fixed_performance:
            refused = {**held.refused, "fixed_performance": "it is a mode of Android, which this machine does not run"}
            held = replace(held, fixed_performance=False, refused=refused)
        yield held

    def start(self, task: DeviceTask) -> LocalWork:
        # the agent exits if this process dies
        job = {**task.job, "log": str(task.log.resolve()), "parent": os.getpid()}
        task.job_file.write_text(json.dumps(job), encoding="utf-8")
        words = ["-m", task.module, str(task.job_file.resolve())]
        return LocalWork(task, self.start_agent(task.agent, words, task.environment, task.output, task.core_mask))

    def started(self, task: DeviceTask) -> None:
        return None  # the agent logs directly to the run's folder

    def start_agent(
        self, agent: str, arguments: list[str], environment: str, output: Path, core_mask: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start Python with these arguments in the folder of the pushed agent, with its output written to `output`."""
        python = self._python or environments.interpreter_path(environment)
        if python is None:
            raise DeviceError(
                f"The environment {environment} is missing on this machine: {environments.INSTALL_LEGACY}."
            )
        with output.open("wb") as stream:
            return subprocess.Popen(
                conditions.with_cores([str(python), *arguments], core_mask),
                cwd=agent,
                env=_variables(agent),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is handled by the run, which ends the agent itself
            )

    def reserve(self, run: str, end: bool = False) -> list[Rival]:
        """Lock this machine for the runs of this user, by a file in the cache folder."""
        lock = environments.cache_folder() / f"run-on-{platform.node()}.lock"
        busy = DeviceError("another run")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            self._reserved.enter_context(rawlog.locked(lock, busy))
        except DeviceError:
            owner = (_read(lock) or "unknown").split()
            return [Rival(owner[0], process=int(owner[-1]) if owner[-1].isdigit() else None, host=platform.node())]
        except OSError as error:
            raise DeviceError(
                f"This machine cannot be reserved for a run, because {lock} cannot be written to ({error.strerror}): "
                "name another cache folder with AIOT_CACHE."
            ) from None
        lock.write_text(f"{run} {os.getpid()}\n", encoding="utf-8")
        return []

    def keep_reserved(self) -> None:
        pass  # the system releases the lock of a process that ends

    def release(self) -> None:
        self._reserved.close()

    def unfetched(self) -> dict[str, list[str]]:
        return {}  # the agent logs directly to the run's folder

    def start_tool(self, run: str, words: Sequence[str], core_mask: str | None = None) -> LocalTool:
        try:
            return LocalTool(conditions.with_cores(words, core_mask))
        except OSError as error:
            raise DeviceError(
                f"{words[0]} cannot be started on this machine ({error.strerror}): check that it was built "
                "for this machine."
            ) from None

    def boot(self) -> android.Boot:
        return android.parse_boot("\n".join(_read(Path(file)) or "" for file in android.BOOT_FILES), self._salt)

    def telemetry(self) -> dict[str, Any]:
        battery = _battery()
        return {
            "temperature_c": _hottest_c(),
            "frequency_mhz": _frequency_mhz(),
            "battery_percent": battery["percent"] if battery else None,
            "thermal_status": None,  # specific to Android
            "throttling": _throttling(),
            "load_average": psutil.getloadavg()[0],
        }

    def screen_on(self) -> None:
        return None


class LocalWork:
    """A process of this machine, which logs directly to the final place of the log."""

    def __init__(self, task: DeviceTask, process: subprocess.Popen[bytes]) -> None:
        self._task = task
        self._process = process

    def poll(self) -> int | None:
        return self._process.poll()

    def tail(self) -> bytes:
        try:
            with self._task.log.open("rb") as file:
                file.seek(max(0, self._task.log.stat().st_size - TAIL_BYTES))
                return file.read()
        except OSError:
            return b""

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def collect(self) -> None:
        pass


class LocalTool:
    """A program of this machine other than the agent: see runner.devices.ToolProcess."""

    def __init__(self, words: Sequence[str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="aiot-"))
        self._streams = [self._folder / "stdout.txt", self._folder / "stderr.txt"]
        try:
            with self._streams[0].open("wb") as output, self._streams[1].open("wb") as errors:
                self._process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    start_new_session=True,  # Ctrl-C is handled by the run
                )
        except OSError:
            shutil.rmtree(self._folder)
            raise

    def poll(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def output(self) -> tuple[str, str]:
        output, errors = (_beginning(path).decode(errors="replace") for path in self._streams)
        shutil.rmtree(self._folder)
        return output, errors


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(OUTPUT_LIMIT_BYTES)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n\t") or None
    except OSError:
        return None


def _variables(agent: str) -> dict[str, str]:
    """Return the environment variables of a Python that imports the pushed agent."""
    return {**environments.clean_environment(), "PYTHONPATH": agent, "PYTHONDONTWRITEBYTECODE": "1"}


def _finished_in_time(words: list[str], variables: dict[str, str] | None = None) -> tuple[int, str]:
    try:
        completed = subprocess.run(
            words,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env=variables,
        )
    except OSError as error:
        return 127, str(error)
    return completed.returncode, completed.stdout + completed.stderr


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _throttling() -> str | None:
    """Return what slows this machine down now: see runner.devices.answers.parse_throttling."""
    kinds = {folder: _read(folder / "type") or "" for folder in _THERMAL_FOLDER.glob("cooling_device[0-9]*")}
    steps = [
        f"{_read(folder / 'cur_state')} {kind}"
        for folder, kind in kinds.items()
        if "cpufreq" in kind or kind == "Processor"
    ]
    return answers.parse_throttling(_read(_THROTTLED_FILE) or "", "\n".join(steps))


def _cpu_name() -> str | None:
    if soc := android.board_soc(_read(_COMPATIBLE_FILE) or ""):  # every Raspberry Pi is a BCM2835 in /proc/cpuinfo
        return soc
    match = re.search(r"^(?:model name|Hardware)\s*:\s*(.+)$", _read(Path("/proc/cpuinfo")) or "", re.MULTILINE)
    return match.group(1).strip() if match else platform.processor() or None


def _cores() -> list[dict[str, Any]]:
    frequencies = psutil.cpu_freq(percpu=True) or []
    cores = []
    for number in range(psutil.cpu_count() or 0):
        max_mhz = frequencies[number].max if number < len(frequencies) else 0
        governor = _read(_CPU_FOLDER / f"cpu{number}" / "cpufreq" / "scaling_governor")
        cores.append({"max_mhz": max_mhz or None, "governor": governor})
    return cores


def _battery() -> dict[str, Any] | None:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return {"percent": battery.percent, "plugged": battery.power_plugged} if battery else None


def _hottest_c() -> float | None:
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return max((reading.current for group in sensors.values() for reading in group), default=None)


def _frequency_mhz() -> float | None:
    """Return the current mean frequency over the cores."""
    frequency = psutil.cpu_freq()
    return float(frequency.current) if frequency and frequency.current else None
