"""The stage of a try: its devices, the connection to them, a workspace, and the commands that are run there."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psutil

from aiot_suite.datasets import store
from aiot_suite.datasets.sample import CLASS_NAMES, draw_jpeg
from aiot_suite.errors import SetupError
from aiot_suite.facts import Artifact, Settings
from aiot_suite.suite import Instance
from aiot_suite.workspace import Workspace, sha256_of
from runner.bundle import build
from runner.bundle.recipes import architecture_for
from tests.campaign import counting, paced
from tests.campaign.counting import EITHER, TELLS, Asked, EndedCommand, Finding
from tests.e2e.board import SshBoard, SshClient
from tests.e2e.phone import Phone, hold_mounts
from tests.e2e.phones import PAPER_IDS
from tests.e2e.proxy import Proxy
from tests.e2e.server import Server, end
from tests.leftovers import MARK, marked_processes
from tests.unpacked import NotHere

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping, Sequence

MODELS = ("squeezenet", "mnasnet")
PICTURES, PACE_MS = 12, 20
SHORT, LONG = 10, 45
"""Passes through the pictures: LONG leaves time for another command."""
START, FOLDER_MADE, STORED = "start of the command", "first file on the device", "images"
PATIENCE_S, TIMEOUT_S = 12, 90
"""Options of the runs: the longest time to wait for a lost device, and for an instance."""
COMMAND_LIMIT_S = 150.0
"""Time limit in s: a command that takes longer is killed and counted as left behind."""
ENDED_WITHIN_S = 1.0
"""Time in s that processes have to end after their command."""
SETTLED_S = 0.1
WATCH_S = 0.1
"""Interval in s at which the devices are observed."""


@dataclass(frozen=True)
class Moment:
    """A moment of a run, by what has happened rather than by the clock: a seed means the same on any machine.

    With STORED, `number` images are stored; otherwise this many seconds have passed since the event.
    """

    after: str  # START, FOLDER_MADE or STORED
    number: float

    @classmethod
    def drawn(cls, draw: random.Random, while_measuring: bool = False) -> Moment:
        """Draw a moment: a tenth each in the first seconds and while files are sent, the others at an image."""
        share = draw.random()
        image = cls(STORED, draw.randrange(1, len(MODELS) * PICTURES * SHORT))
        early = cls(START, draw.uniform(0, 3)) if share < 0.1 else cls(FOLDER_MADE, draw.uniform(0, 1))
        return image if while_measuring or share >= 0.2 else early

    def __str__(self) -> str:
        return f"{self.number:g} images" if self.after == STORED else f"{self.number:.1f} s after the {self.after}"


class Link(Protocol):
    """A connection to devices, such as an adb server. Kinds of faults use only this interface."""

    def device(self, number: int, android: bool) -> Phone:
        """Return a device that is reached by this connection and has not been started."""
        ...

    def choice(self, serials: Sequence[str]) -> list[str]:
        """Return the words by which `aiot` chooses these devices, which are all of the stage's."""
        ...

    def start(self) -> None: ...

    def close(self) -> None: ...

    def restart(self, pause_s: float = 0.0) -> None:
        """Stop what connects this machine to the devices, and start it again after a pause."""
        ...

    def attach(self, serial: str) -> None:
        """Connect a device with this serial, if it is not connected."""
        ...

    def environment(self) -> dict[str, str]:
        """Return the variables by which `aiot` finds the devices."""
        ...


class AdbLink:
    """A separate adb server."""

    def __init__(self) -> None:
        self._server = Server()

    def device(self, number: int, android: bool) -> Phone:
        return Phone(PAPER_IDS[number], board=not android)

    def choice(self, serials: Sequence[str]) -> list[str]:
        return ["--all"] if len(serials) > 1 else ["-s", serials[0]]

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.close()

    def restart(self, pause_s: float = 0.0) -> None:
        self._server.stop()
        time.sleep(pause_s)
        with suppress(NotHere):  # a command has started a server of its own on this port
            self._server.start()

    def attach(self, serial: str) -> None:
        self._server.client().connect(serial)

    def environment(self) -> dict[str, str]:
        return {"ANDROID_ADB_SERVER_PORT": str(self._server.port)}


class SshLink:
    """A separate ssh client, and boards that it can log in to. There is no server between the two to restart."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="aiot-link-", ignore_cleanup_errors=True)
        self._client = SshClient(Path(self._folder.name) / "ssh")

    def device(self, number: int, android: bool) -> Phone:
        board = SshBoard()
        self._client.trust(board)
        return board

    def choice(self, serials: Sequence[str]) -> list[str]:
        return [word for serial in serials for word in ("--ssh", serial)]

    def start(self) -> None:
        """Do nothing: each command makes its own connection."""

    def close(self) -> None:
        self._folder.cleanup()

    def restart(self, pause_s: float = 0.0) -> None:
        raise NotImplementedError

    def attach(self, serial: str) -> None:
        """Do nothing: each command makes its own connection."""

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self._client.folder}{os.pathsep}{os.environ['PATH']}"}


@dataclass(frozen=True)
class Setting:
    """Requirements of a kind for its stage."""

    devices: int = 1
    android: bool = False  # phones of Table III with a bundle, instead of boards with this machine's Python
    proxy: bool = False  # the first device is reached through a proxy
    shell_v2: bool = True  # for the proxy
    disk_mb: int = 0  # size of a separate disk for the workspace; 0: no separate disk
    options: tuple[str, ...] = ()  # further options of `aiot run`
    passes: int = SHORT
    link: Callable[[], Link] = AdbLink

    @property
    def asked(self) -> Asked:
        """The measurements that a run is asked for."""
        return Asked(tuple(Instance("paced", "cpu", "float32", model).id for model in MODELS), PICTURES * self.passes)


class Disk:
    """A small file system that can be filled."""

    def __init__(self, megabytes: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="aiot-disk-"))
        mount = f"mount -t tmpfs -o size={megabytes}m disk {self._folder} && echo made && exec cat >/dev/null"
        self._holder = hold_mounts("-c", mount)

    @property
    def path(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/root{self._folder}")

    def fill(self) -> None:
        """Write a file until no byte is free."""
        with (self.path / "film.mp4").open("ab", buffering=0) as stream:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        stream.write(bytes(size))

    def free(self) -> None:
        """Delete the file of `fill`."""
        (self.path / "film.mp4").unlink(missing_ok=True)

    def close(self) -> None:
        end(self._holder)
        shutil.rmtree(self._folder, ignore_errors=True)


class Device:
    """A device of a stage, with the serial by which `aiot` addresses it."""

    def __init__(self, phone: Phone, proxy: Proxy | None = None) -> None:
        self.phone = phone
        self.proxy = proxy
        self.serial = proxy.serial if proxy else phone.serial

    @property
    def folder(self) -> Path:
        """The folder of `aiot` on the device, as a path on this machine."""
        return self.phone.aiot_folder

    def logs(self) -> list[Path]:
        """Return the logs on the device, latest last."""
        return _by_time(self.folder, "runs/*/*.jsonl")

    def agents(self) -> list[psutil.Process]:
        """Return the processes that are measuring on the device."""
        return self.phone.agents()

    def live_log(self, timeout_s: float = 20.0) -> Path | None:
        """Wait until an agent is measuring and return its log, or None after the time limit."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for latest in self.logs()[-1:]:
                if self.agents() and not counting.ending(regular_content(latest)):
                    return latest
            time.sleep(SETTLED_S)
        return None

    def left_behind(self) -> list[str]:
        """Describe processes other than adbd or sshd, and a setting of the screen that was not restored."""
        leftovers = []
        for process in self.phone.processes()[1:]:
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    leftovers.append(f"on the device {process.pid}: {' '.join(process.cmdline())[:120]!r}")
        setting = self.phone.storage / "stand-in" / "stay_on_while_plugged_in"
        if setting.exists():
            leftovers.append(f"on the device stay_on_while_plugged_in is {setting.read_text().strip()}")
        return leftovers


class Command:
    """A running `aiot` command."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.words = tuple(words)
        self._output = folder / f"{uuid.uuid4().hex}.txt"
        with self._output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aiot", *words],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**environment},
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.running:
            self.process.send_signal(number)

    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")


class Watch:
    """A thread that observes devices: the images they have stored, and whether two agents measure at once."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices
        self._content: dict[str, bytes] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.counting_agents = False
        self.overlap = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def stored(self) -> dict[str, set[int]]:
        """Return the queries that a device stored at any time, by `<run id>/<file name>`."""
        return {name: set(counting.queries(content)) for name, content in self._content.items()}

    def _look(self) -> None:
        before: set[int] = set()
        turn = 0
        while not self._over.wait(WATCH_S):
            turn += 1
            for device in self._devices:
                for log in device.logs():
                    content = regular_content(log)
                    name = f"{log.parent.name}/{log.name}"
                    if len(content) > len(self._content.get(name, b"")):
                        self._content[name] = content
                if self.counting_agents and turn % 5 == 0:
                    now = {process.pid for process in device.agents()}
                    self.overlap |= len(now & before) > 1  # seen together twice in a row
                    before = now


def _by_time(folder: Path, pattern: str) -> list[Path]:
    """Return the files that match a pattern, the last changed one last. Files may come and go meanwhile."""
    times = {}
    with suppress(OSError):
        for path in folder.glob(pattern):
            with suppress(OSError):
                times[path] = path.lstat().st_mtime
    return sorted(times, key=lambda path: times[path])


def regular_content(path: Path) -> bytes:
    """Return the content of a regular file; b"" for anything else, such as a link or a pipe."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(number, "rb") as file:
            return file.read() if stat.S_ISREG(os.fstat(number).st_mode) else b""
    except OSError:
        return b""


@dataclass
class Stage:
    """Devices, a workspace, and a record of what happened. `opened` makes one."""

    setting: Setting
    link: Link
    devices: list[Device]
    space: Workspace
    disk: Disk | None
    scratch: Path
    mark: str
    moment: Moment
    watch: Watch
    command: Command | None = None
    commands: list[EndedCommand] = field(default_factory=list)
    finished: dict[str, str] = field(default_factory=dict)  # SHA-256 of finished attempts, by path below data/raw
    findings: list[Finding] = field(default_factory=list)
    phase: str = ""  # at the moment of the try
    spaces: list[Workspace] = field(default_factory=list)  # of others that use the same devices

    @property
    def device(self) -> Device:
        return self.devices[0]

    @property
    def phone(self) -> Phone:
        return self.devices[0].phone

    # commands

    def environment(self) -> dict[str, str]:
        """Return the environment of the commands of this try."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ADB_", "ANDROID_"))}
        settings = {
            "AIOT_CACHE": str(self.scratch / "cache"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "300",
            MARK: self.mark,
        }
        return {**inherited, **settings, **self.link.environment()}

    def chosen(self) -> list[str]:
        return self.link.choice([device.serial for device in self.devices])

    def words(self, *more: str, space: Workspace | None = None) -> list[str]:
        """Return the words of the run of this try."""
        words = ["run", *self.chosen(), "--frameworks", "paced", "--models", ",".join(MODELS)]
        words += ["--repeat", str(self.setting.passes), "--patience", str(PATIENCE_S), "--timeout", str(TIMEOUT_S)]
        words += [*self.setting.options, *more]
        return [*words, "--workspace", str((space or self.space).root)]

    def run_to_moment(self, *more: str) -> None:
        """Start the run and return at the moment of the try, or when the run ends, if that is earlier."""
        self.command = self.start(*self.words(*more))
        if self.moment.after == FOLDER_MADE:
            self._wait(lambda: any(device.folder.exists() for device in self.devices))
        if self.moment.after == STORED:
            self._wait(lambda: self._images() >= self.moment.number)
        else:
            with suppress(subprocess.TimeoutExpired):
                self.command.process.wait(self.moment.number)
        self.phase = self.look()

    def _wait(self, happened: Callable[[], bool]) -> None:
        assert self.command
        deadline = time.monotonic() + COMMAND_LIMIT_S
        while self.command.running and not happened() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _images(self) -> int:
        """Return the number of images that the devices and this machine have stored."""
        logs = [path for device in self.devices for path in device.logs()]
        logs += _by_time(self.space.raw, "*/*/*.*.jsonl")
        return sum(regular_content(path).count(b'"event":"image"') for path in logs)

    def start(self, *words: str) -> Command:
        return Command(words, self.environment(), self.scratch)

    def finish(self, expected: str = TELLS) -> EndedCommand:
        """Wait for the run to end."""
        assert self.command
        return self.end(self.command, expected)

    def kill(self) -> None:
        """End the run by a signal that it cannot handle."""
        assert self.command
        self.command.send(signal.SIGKILL)
        self.command.process.wait()
        self.keep()

    def end(self, command: Command, expected: str = TELLS, space: Workspace | None = None) -> EndedCommand:
        """Wait for a command, and record its outcome and what had been measured by then.

        `expected` is the expected exit code: see tests.campaign.counting.
        """
        try:
            code = command.process.wait(COMMAND_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.note("left behind", f"`aiot {' '.join(command.words)}` did not end in {COMMAND_LIMIT_S:g} s")
            command.process.kill()
            code = command.process.wait()
            expected = EITHER
        numbers = counting.measured((space or self.space).raw)
        ended = EndedCommand(command.words, code, command.output(), numbers, self.complete(space), expected)
        self.commands.append(ended)
        self.keep()
        return ended

    def aiot(self, *words: str, expected: str = TELLS, space: Workspace | None = None) -> EndedCommand:
        return self.end(self.start(*words), expected, space)

    def resume(self, expected: str = TELLS, space: Workspace | None = None) -> EndedCommand:
        return self.aiot(*self.words("--resume", space=space), expected=expected, space=space)

    # observations

    def complete(self, space: Workspace | None = None) -> bool:
        """Return whether the newest run of each device has everything that was requested."""
        newest = counting.newest_runs((space or self.space).raw)
        complete_runs = [folder for folder in newest if not counting.lost_images([folder], self.setting.asked)]
        return len(complete_runs) >= len(self.devices)

    def keep(self) -> None:
        """Record the hashes of the attempts that have ended, to compare them at the end."""
        for path, digest in counting.ended_attempts(self.space.raw).items():
            self.finished.setdefault(path, digest)

    def look(self) -> str:
        """Describe what the devices are doing, and record the attempts that have ended."""
        self.keep()
        if not (self.command and self.command.running):
            return "the run was over"
        phases = []
        for device in self.devices:
            latest = [
                f"image {len(counting.queries(regular_content(log)))} of {log.name}" for log in device.logs()[-1:]
            ]
            phases += latest or ["between instances" if device.folder.exists() else "nothing on the device yet"]
        return "; ".join(phases)

    def note(self, column: str, sentence: str, number: int = 1) -> None:
        self.findings.append(Finding(column, number, sentence))

    def left_behind(self, when: str) -> None:
        """Record what still runs on this machine or on the devices, and settings that were not restored."""
        deadline = time.monotonic() + ENDED_WITHIN_S
        while (leftovers := self._left_behind()) and time.monotonic() < deadline:
            time.sleep(SETTLED_S)
        for leftover in leftovers:
            self.note("left behind", f"{when}: {leftover}")

    def _left_behind(self) -> list[str]:
        on_host = [f"on the host {words}" for words in marked_processes(self.mark) if "fork-server" not in words]
        return [*on_host, *(leftover for device in self.devices for leftover in device.left_behind())]

    def close(self) -> None:
        """End every process that carries the mark of this try."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get(MARK) == self.mark:
                    process.kill()


@contextmanager
def opened(setting: Setting, moment: Moment) -> Iterator[Stage]:
    """Set up a stage, and stop and remove all its parts at the end."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aiot-try-", ignore_cleanup_errors=True)))
        disk = None
        if setting.disk_mb:
            disk = Disk(setting.disk_mb)
            stack.callback(disk.close)
        link = setting.link()
        stack.callback(link.close)
        link.start()
        devices = []
        for number in range(setting.devices):
            phone = link.device(number, setting.android)
            stack.callback(phone.stop)
            phone.start()
            proxy = None
            if setting.proxy and not devices:
                proxy = Proxy(phone, shell_v2=setting.shell_v2)
                proxy.start()
                stack.callback(proxy.stop)
            devices.append(Device(phone, proxy))
            link.attach(devices[-1].serial)
        (scratch / "cache").mkdir()
        if setting.android:
            (scratch / "cache" / "bundles").symlink_to(_bundles())
        space = Workspace((disk.path if disk else scratch) / "space")
        furnish(space)
        stage = Stage(setting, link, devices, space, disk, scratch, uuid.uuid4().hex, moment, Watch(devices))
        stack.callback(stage.close)
        stage.watch.start()
        stack.callback(stage.watch.stop)
        yield stage


def _bundles() -> Path:
    """Return the folder with a bundle for phones of this machine's processor, which is built if there is none."""
    architecture = architecture_for(platform.machine())
    if architecture is None:
        raise NotHere(f"there is no bundle for {platform.machine()}")
    try:
        build.build("tflite", architecture, lambda words: None)
    except SetupError as error:
        raise NotHere(f"the bundle for phones cannot be built: {error}") from None
    return build.folder()


def furnish(space: Workspace) -> None:
    """Write the dataset, the models and the framework of the runs."""
    dataset = space.datasets / "sample"
    (dataset / "images").mkdir(parents=True)
    images = []
    for number in range(PICTURES):
        (dataset / "images" / f"{number}.jpg").write_bytes(draw_jpeg(number, number))
        images.append((f"{number}.jpg", number))
    classes = dict(enumerate(CLASS_NAMES))
    store.write(
        dataset, name="sample", label_space="sample-100", images=images, classes=classes, made_by={"tool": "campaign"}
    )
    (space.plugins / "frameworks").mkdir(parents=True)
    shutil.copy(paced.__file__, space.plugins / "frameworks")
    (space.models / "sample").mkdir(parents=True)
    for model in MODELS:
        path = space.models / "sample" / f"paced_float32_{model}{paced.SUFFIX}"
        path.write_text(f"{PACE_MS} ms per image\n", encoding="utf-8")
        Artifact(
            path=path,
            name=f"paced_float32_{model}",
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            weights="sample",
            weights_sha256=hashlib.sha256(b"").hexdigest(),
            settings=Settings(size=16, label_space="sample-100", classes=100, layout="NCHW"),
            made_with={},
            source_key="campaign",
        ).save()
