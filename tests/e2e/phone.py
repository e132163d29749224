"""One device: a real adbd in namespaces of its own, which sees its own storage and answers like a phone."""

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
from tests.e2e.server import answers, end, free_port
from tests.unpacked import NotHere

BOOT_TIMEOUT_S = 10
_HERE = Path(__file__).parent
_NEEDED = ("unshare", "nsenter", "mount", "chroot")


class Phone:
    """A phone of Table III, or with `board=True` a Linux board: this machine's programs and this Python, read-only.

    A phone has adbd, mksh and toybox, a getprop and a dumpsys that are stand-ins, its own processes, its own
    /data/local/tmp, and nothing of this machine's file system: no Python, and only the C library that adbd brought.
    """

    def __init__(self, paper_id: int = 1, storage_mb: int = 1024, board: bool = False) -> None:
        self.port = free_port()
        self.serial = f"127.0.0.1:{self.port}"
        self.paper_id = paper_id
        self._board = board
        self._storage_bytes = storage_mb << 20
        self._user = 0 if os.geteuid() else 2000  # Android's shell; without root only one user can be shown
        self._folder = Path(tempfile.mkdtemp(prefix="aiot-phone-"))
        self._folder.chmod(0o755)
        (self._folder / "root").mkdir()
        self.answers = Answers(self._folder, paper_id, f"STANDIN{paper_id:02}{self.port}")
        if board:
            (self._folder / "meminfo").unlink()  # it says what this machine has
            (self._folder / "machine-id").write_text(f"{uuid.uuid4().hex}\n", encoding="utf-8")
        shutil.copytree(_HERE / "stand_in", self._folder / "stand-in" / "bin")
        for program in (self._folder / "stand-in" / "bin").iterdir():
            program.chmod(0o755)
        self._holder: subprocess.Popen[bytes] | None = None  # keeps the storage
        self._boot: subprocess.Popen[bytes] | None = None  # keeps adbd

    @property
    def storage(self) -> Path:
        """Its /data, as this machine sees it while the phone is there."""
        assert self._holder
        return Path(f"/proc/{self._holder.pid}/root{self._folder}/root/data")

    @property
    def aiot_folder(self) -> Path:
        """The folder of `aiot` on it, as this machine sees it."""
        return self.storage / FOLDER.removeprefix("/data/")

    def start(self) -> None:
        """Boots it, or gives it back after drop(): returns when adbd takes connections. Raises NotHere."""
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
        if not answers(self.port, BOOT_TIMEOUT_S):
            raise NotHere(f"adbd does not start: {self.log()[-300:]!r}")

    def drop(self) -> None:
        """The cable is out: adbd ends, and so does all it has started, as Android does. The storage stays."""
        if self._boot:
            if init := self._init():
                init.kill()
                self._boot.wait()  # the kernel ends all others before
            end(self._boot)
            self._boot = None

    def reboot(self) -> None:
        """All processes end, and adbd comes back with another boot id. The storage stays."""
        self.drop()
        self.answers.new_boot_id()
        self.start()

    def stop(self) -> None:
        """Ends it for good, and removes all that it has written."""
        self.drop()
        if self._holder:
            end(self._holder)
            self._holder = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def freeze(self, everything: bool = False) -> None:
        """It hangs: adbd is stopped and answers nothing; with `everything` all that runs on the device is."""
        _send(self.processes() if everything else self.processes()[:1], signal.SIGSTOP)

    def thaw(self) -> None:
        _send(self.processes(), signal.SIGCONT)

    def fill_storage(self, free_bytes: int = 0) -> None:
        """Leaves only so much of its storage free, by a file beside the folder that adb writes to."""
        film = self.storage / "media" / "film.mp4"
        film.parent.mkdir(exist_ok=True)
        with film.open("ab") as stream:
            for _ in range(100):  # others may write meanwhile
                there = os.statvfs(self.storage)
                size = there.f_bavail * there.f_frsize - free_bytes
                if size <= 0:
                    return
                with suppress(OSError):
                    os.posix_fallocate(stream.fileno(), os.fstat(stream.fileno()).st_size, size)

    def free_storage(self) -> None:
        (self.storage / "media" / "film.mp4").unlink(missing_ok=True)

    def processes(self) -> list[psutil.Process]:
        """What runs on it, adbd first and then what adbd has started, as this machine sees it."""
        init, alive = self._init(), {}
        with suppress(psutil.NoSuchProcess):
            for process in init.children(recursive=True) if init else []:
                with suppress(psutil.NoSuchProcess):  # short commands end at any moment
                    alive[process] = process.create_time()
        return sorted(alive, key=lambda process: alive[process])

    def calls(self) -> list[str]:
        """What was asked of those stand-ins that do something, one line each."""
        noted = self.storage / "stand-in" / "calls"
        return noted.read_text(encoding="utf-8", errors="replace").splitlines() if noted.is_file() else []

    def log(self) -> str:
        """What adbd has printed since the first start."""
        return (self._folder / "adbd.log").read_text(encoding="utf-8", errors="replace")

    def _init(self) -> psutil.Process | None:
        """The first process on it, without which the kernel ends all others; None if it is not running."""
        found = psutil.Process(self._boot.pid) if self._boot and self._boot.poll() is None else None
        with suppress(StopIteration, psutil.NoSuchProcess):
            while found and found.name() != "unshare":
                found = next(child for child in found.children() if child.name() in ("nsenter", "unshare"))
            return next(iter(found.children())) if found else None
        return None

    def _make(self) -> None:
        """Makes its file system."""
        missing = [tool for tool in _NEEDED if not shutil.which(tool)]
        if missing:
            raise NotHere(f"there is no {' and no '.join(missing)}")
        unprivileged = ["--map-root-user"] if os.geteuid() else []
        shown = _outermost([Path(sys.prefix), Path(sys.base_prefix).resolve()]) if self._board else []
        kind = "board" if self._board else "phone"
        words = [self._folder, self._service_root(), self._storage_bytes, self._user, kind, *shown]
        self._holder = subprocess.Popen(
            ["unshare", "--mount", *unprivileged, "sh", str(_HERE / "make.sh"), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout and self._holder.stderr
        if self._holder.stdout.readline() != b"made\n":
            said = self._holder.stderr.read().decode(errors="replace").strip()
            raise NotHere(f"a mount namespace cannot be made: {said!r}")

    def _service_root(self) -> Path:
        """The file system with the program that takes connections, which is shown as /adbd."""
        return debian.root()

    def _command(self) -> list[str]:
        """adbd with its own libraries, as the user that has a shell over adb, and the environment it passes on."""
        variables = {"ADBD_PORT": str(self.port), "HOME": "/", "USER": "shell", "LOGNAME": "shell"}
        variables["TMPDIR"] = "/data/local/tmp"
        if self._board:
            path = f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin"
            variables |= {"HOME": "/data/local/tmp", "PATH": path, "SHELL": "/bin/sh"}
        else:
            variables |= {"PATH": "/stand-in/bin:/system/bin", "SHELL": "/system/bin/sh", "ANDROID_DATA": "/data"}
        program = [*debian.in_place(debian.root(), Path("/adbd")), "/adbd/usr/lib/android-sdk/platform-tools/adbd"]
        return [str(self._user), *(f"{name}={value}" for name, value in variables.items()), *program]


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to all processes that have not ended meanwhile."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _outermost(folders: list[Path]) -> list[Path]:
    """Those that are in none of the others."""
    return [folder for folder in folders if not any(other in folder.parents for other in folders)]
