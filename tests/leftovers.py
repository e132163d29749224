"""Find what a test session leaves behind: processes, temporary files, files in the checkout, changed shared folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests import sharing

ROOT = Path(__file__).parents[1]
MARK = "AIOT_TEST_SESSION"
"""Environment variable that identifies processes started by tests, independently of their current parent."""
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Python's own helper processes, which end with their parent. They are ignored as children of this process; a kernel
forked from one of them has the same command, but another parent."""
ENDED_WITHIN_S = 5  # time limit for processes that were asked to end


def entries_of_the_checkout() -> set[str]:
    """Return the files and folders of the checkout that git does not track, ignored ones included."""
    words = ["git", "status", "--porcelain", "--ignored=matching", "--untracked-files=all"]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True)
    paths = {line[3:] for line in done.stdout.splitlines() if line[:2] in ("??", "!!")}
    return {path for path in paths if not path.endswith(("__pycache__/", "_cache/", ".hypothesis/", ".pyc"))}


@dataclass
class Session:
    """A test session with its own temporary folder, which every process it starts inherits."""

    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    temporary: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="aiot-tests-")))
    checkout: set[str] = field(default_factory=entries_of_the_checkout)
    left_behind: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Set the mark and the temporary folder in the environment."""
        os.environ[MARK] = self.mark
        os.environ["TMPDIR"] = str(self.temporary)
        tempfile.tempdir = None  # this process reads TMPDIR again

    def look(self, base: Path) -> None:
        """Record everything left behind; `base` is the folder in which pytest makes temporary folders of tests."""
        leftovers = [f"process {process}" for process in self._processes()]
        leftovers += [
            f"temporary file {path}" for path in sorted(self.temporary.iterdir()) if not self._is_expected(path, base)
        ]
        leftovers += [f"file in the checkout: {path}" for path in sorted(entries_of_the_checkout() - self.checkout)]
        leftovers += [f"a test changed {folder}" for folder in sharing.changed(base / "shared")]
        self.left_behind = leftovers

    def _is_expected(self, path: Path, base: Path) -> bool:
        """Return whether a path belongs to pytest or a library rather than to the tested code.

        PyTorch's compiler never removes its folder, and the processes of pytest-xdist do not remove the one of
        multiprocessing.
        """
        return path in base.parents or path.name.startswith(("torchinductor_", "pymp-"))

    def end(self, keep: bool) -> None:
        """Delete the temporary folder, unless it is to be kept because of a failure."""
        if not keep:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def _processes(self) -> list[str]:
        deadline = time.monotonic() + ENDED_WITHIN_S
        while (processes := marked_processes(self.mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return processes


def marked_processes(mark: str) -> list[str]:
    """Return the id and command of every running process with this mark, except the current process."""
    processes = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                command = " ".join(process.cmdline())
                if process.ppid() != os.getpid() or not any(helper in command for helper in HELPERS):
                    processes.append(f"{process.pid}: {command[:200]}")
        except psutil.Error:  # it has ended, or belongs to another user
            continue
    return processes
