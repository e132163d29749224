"""One device: a real adbd in its own namespaces, with its own storage and the answers of a phone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path

import psutil

from runner.devices import FOLDER
from tests.e2e import debian
from tests.e2e.answers import Answers
from tests.e2e.server import end, free_port, is_listening
from tests.unpacked import NotHere

BOOT_TIMEOUT_S = 10
BOARD_PATH = f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin"
"""Folders of programs on a board: those of this Python and this machine."""
_HERE = Path(__file__).parent
_NEEDED = ("unshare", "nsenter", "mount", "chroot")


class Phone:
    """A phone of Table III or, with `board=True`, a Linux board.

    A phone has adbd, mksh, toybox, stand-ins for Android's own commands, its own processes, and its own
    /data/local/tmp. It has no Python, and sees no files of this machine except the C library that adbd needs.
    A board has the programs and the Python of this machine, read-only.
    """

    def __init__(self, paper_id: int = 1, storage_mb: int = 1024, board: bool = False) -> None:
        self.port = free_port()
        self.serial = f"127.0.0.1:{self.port}"
        self.paper_id = paper_id
        self._board = board
        self._storage_bytes = storage_mb << 20
        self._user = 0 if os.geteuid() else 2000  # Android's shell user; without root, only one user can be mapped
        self._folder = Path(tempfile.mkdtemp(prefix="aiot-phone-"))
        self._folder.chmod(0o755)
        (self._folder / "root").mkdir()
        self.answers = Answers(self._folder, paper_id, f"STANDIN{paper_id:02}{self.port}")
        if board:
            (self._folder / "meminfo").unlink()  # a board shows the memory of this machine
            (self._folder / "machine-id").write_text(f"{uuid.uuid4().hex}\n", encoding="utf-8")
        shutil.copytree(_HERE / "stand_in", self._folder / "stand-in" / "bin")
        for program in (self._folder / "stand-in" / "bin").iterdir():
            program.chmod(0o755)
        self._holder: subprocess.Popen[bytes] | None = None  # keeps the storage
        self._boot: subprocess.Popen[bytes] | None = None  # keeps adbd

    @property
    def storage(self) -> Path:
        """The device's /data as a path on this machine, until the device is stopped."""
        assert self._holder
        return Path(f"/proc/{self._holder.pid}/root{self._folder}/root/data")

    @property
    def aiot_folder(self) -> Path:
        """The folder of `aiot` on the device, as a path on this machine."""
        return self.storage / FOLDER.removeprefix("/data/")

    def start(self) -> None:
        """Boot the device and wait until adbd accepts connections. Raises NotHere if it does not."""
        if not self._holder:
            self._make()
        assert self._holder and not self._boot
        unprivileged = ["--user", "--preserve-credentials"] if os.geteuid() else []
        with (self._folder / "adbd.log").open("ab") as log:
            self._boot = subprocess.Popen(
                [
                    *("sh", str(_HERE / "guard.sh")),
                    *("nsenter", f"--target={self._holder.pid}", "--mount", *unprivileged),
                    *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
                    *("sh", str(_HERE / "boot.sh"), str(self._folder), *self._command()),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if not is_listening(self.port, BOOT_TIMEOUT_S):
            raise NotHere(f"adbd does not start: {self.log()[-300:]!r}")

    def drop(self) -> None:
        """Disconnect the device: adbd ends with all processes it started, as on Android. The storage is kept."""
        if self._boot:
            if init := self._init():
                init.kill()
                self._boot.wait()  # the kernel first ends all other processes of the namespace
            end(self._boot)
            self._boot = None

    def reboot(self) -> None:
        """End all processes, and start the device with a new boot id. The storage is kept."""
        self.drop()
        self.answers.new_boot_id()
        self.start()

    def stop(self) -> None:
        """End the device, and delete everything it has stored."""
        self.drop()
        if self._holder:
            end(self._holder)
            self._holder = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def freeze(self, everything: bool = False) -> None:
        """Suspend adbd, so that the device does not answer; with `everything`, suspend all its processes."""
        send_signal(self.processes() if everything else self.processes()[:1], signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume all suspended processes."""
        send_signal(self.processes(), signal.SIGCONT)

    def fill_storage(self, free_bytes: int = 0) -> None:
        """Leave only `free_bytes` of the storage free, with a file outside the folder that adb writes to."""
        film = self.storage / "media" / "film.mp4"
        film.parent.mkdir(exist_ok=True)
        with film.open("ab") as stream:
            for _ in range(100):  # other processes may write at the same time
                status = os.statvfs(self.storage)
                size = status.f_bavail * status.f_frsize - free_bytes
                if size <= 0:
                    return
                with suppress(OSError):
                    os.posix_fallocate(stream.fileno(), os.fstat(stream.fileno()).st_size, size)

    def free_storage(self) -> None:
        """Delete the file of `fill_storage`."""
        (self.storage / "media" / "film.mp4").unlink(missing_ok=True)

    def processes(self) -> list[psutil.Process]:
        """Return the running processes of the device, in the order of their start: adbd is the first."""
        init, alive = self._init(), {}
        with suppress(psutil.NoSuchProcess):
            for process in init.children(recursive=True) if init else []:
                with suppress(psutil.NoSuchProcess):  # short commands may end at any moment
                    alive[process] = process.create_time()
        return sorted(alive, key=lambda process: alive[process])

    def processes_with(self, text: str) -> list[psutil.Process]:
        """Return the processes whose command line contains a text."""
        return [process for process in self.processes() if text in command_line(process)]

    def agents(self) -> list[psutil.Process]:
        """Return the processes that measure on the device, without the shells around them.

        A process that an agent has just forked, to run a program, has the agent's command line until it does so.
        """
        parents = {}
        for process in self.processes():
            with suppress(psutil.Error):
                words = process.cmdline()
                if "runner.agent" in words and "-c" not in words:
                    parents[process] = process.ppid()
        ids = {process.pid for process in parents}
        return [process for process, parent in parents.items() if parent not in ids]

    def calls(self) -> list[str]:
        """Return the calls of the stand-ins that change something, one line each."""
        record = self.storage / "stand-in" / "calls"
        return record.read_text(encoding="utf-8", errors="replace").splitlines() if record.is_file() else []

    def log(self) -> str:
        """Return the output of adbd since the first start."""
        return (self._folder / "adbd.log").read_text(encoding="utf-8", errors="replace")

    def _init(self) -> psutil.Process | None:
        """Return the first process of the device, with which all others end; None if it is not running."""
        process = psutil.Process(self._boot.pid) if self._boot and self._boot.poll() is None else None
        with suppress(StopIteration, psutil.NoSuchProcess):
            while process and process.name() != "unshare":
                process = next(child for child in process.children() if child.name() in ("nsenter", "unshare"))
            return next(iter(process.children())) if process else None
        return None

    def _make(self) -> None:
        """Make the file system of the device."""
        missing = [tool for tool in _NEEDED if not shutil.which(tool)]
        if missing:
            raise NotHere(f"there is no {' and no '.join(missing)}")
        shown = _outermost([Path(sys.prefix), Path(sys.base_prefix).resolve()]) if self._board else []
        kind = "board" if self._board else "phone"
        arguments = [self._folder, self._service_root(), self._storage_bytes, self._user, kind, *shown]
        self._holder = hold_mounts(str(_HERE / "make.sh"), *map(str, arguments))

    def _service_root(self) -> Path:
        """Return the file system with the program that accepts connections; the device has it as /adbd."""
        return debian.root()

    def _command(self) -> list[str]:
        """Return the arguments of boot.sh after the folder: the user, the environment, and adbd by its own loader."""
        variables = {"ADBD_PORT": str(self.port), "HOME": "/", "USER": "shell", "LOGNAME": "shell"}
        variables["TMPDIR"] = "/data/local/tmp"
        if self._board:
            variables |= {"HOME": "/data/local/tmp", "PATH": BOARD_PATH, "SHELL": "/bin/sh"}
        else:
            variables |= {"PATH": "/stand-in/bin:/system/bin", "SHELL": "/system/bin/sh", "ANDROID_DATA": "/data"}
        loader = debian.loader_command(debian.root(), Path("/adbd"))
        program = [*loader, "/adbd/usr/lib/android-sdk/platform-tools/adbd"]
        return [str(self._user), *(f"{name}={value}" for name, value in variables.items()), *program]


def hold_mounts(*words: str) -> subprocess.Popen[bytes]:
    """Start `sh` with these words in a new mount namespace, and wait until it prints `made`.

    The namespace exists until the standard input of the returned process is closed. Raises NotHere if it cannot be
    made.
    """
    unprivileged = ["--map-root-user"] if os.geteuid() else []
    holder = subprocess.Popen(
        ["unshare", "--mount", *unprivileged, "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert holder.stdout and holder.stderr
    if holder.stdout.readline() != b"made\n":
        message = holder.stderr.read().decode(errors="replace").strip()
        end(holder)
        raise NotHere(f"a mount namespace cannot be made: {message!r}")
    return holder


def send_signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to processes, some of which may already have ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def command_line(process: psutil.Process) -> str:
    """Return the command line of a process, or "" if the process has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _outermost(folders: list[Path]) -> list[Path]:
    """Return the folders that are not below another one."""
    return [folder for folder in folders if not any(other in folder.parents for other in folders)]
