"""What a test session leaves behind: processes, temporary files, files in the checkout, changed shared folders."""

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
"""The environment variable by which a process that tests started is known, whoever its parent is now."""
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Processes of Python's own that end with the one that started them, which is this one: a kernel that was forked from
such a process has the same command, but another parent."""
ENDED_WITHIN_S = 5  # for what was told to end to be gone


def entries_of_the_checkout() -> set[str]:
    """Return the files and folders of the checkout that git does not track, ignored ones included."""
    words = ["git", "status", "--porcelain", "--ignored=matching", "--untracked-files=all"]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True)
    paths = {line[3:] for line in done.stdout.splitlines() if line[:2] in ("??", "!!")}
    return {path for path in paths if not path.endswith(("__pycache__/", "_cache/", ".hypothesis/", ".pyc"))}


@dataclass
class Session:
    """A test session with a temporary folder of its own, which every process it starts inherits."""

    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    temporary: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="aiot-tests-")))
    checkout: set[str] = field(default_factory=entries_of_the_checkout)
    left_behind: list[str] = field(default_factory=list)

    def begin(self) -> None:
        os.environ[MARK] = self.mark
        os.environ["TMPDIR"] = str(self.temporary)
        tempfile.tempdir = None  # so that this process looks at TMPDIR again

    def look(self, base: Path) -> None:
        """Describe everything that is still there; `base` is the folder that pytest itself gives to tests."""
        told = [f"process {process}" for process in self._processes()]
        told += [f"temporary file {path}" for path in sorted(self.temporary.iterdir()) if not self._known(path, base)]
        told += [f"file in the checkout: {path}" for path in sorted(entries_of_the_checkout() - self.checkout)]
        told += [f"a test changed {folder}" for folder in sharing.changed(base / "shared")]
        self.left_behind = told

    def _known(self, path: Path, base: Path) -> bool:
        """Whether it is a folder of pytest or of a library, not of what is tested.

        PyTorch's compiler never removes its own. That of multiprocessing is left by the processes of pytest-xdist,
        which end without clearing up.
        """
        return path in base.parents or path.name.startswith(("torchinductor_", "pymp-"))

    def end(self, keep: bool) -> None:
        """Delete the temporary folder, unless a failure is to be looked into."""
        if not keep:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def _processes(self) -> list[str]:
        deadline = time.monotonic() + ENDED_WITHIN_S
        while (found := marked_processes(self.mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


def marked_processes(mark: str) -> list[str]:
    """Return the id and command of every process that runs with this mark, but for this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                command = " ".join(process.cmdline())
                if process.ppid() != os.getpid() or not any(helper in command for helper in HELPERS):
                    found.append(f"{process.pid}: {command[:200]}")
        except psutil.Error:  # it has ended, or is somebody else's
            continue
    return found
