"""End the processes of a campaign that was interrupted, and delete its folder; `__main__` turns into this program."""

from __future__ import annotations

import shutil
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from aiot_suite.cli.streams import INTERRUPTED

ROUNDS, ENDED_WITHIN_S = 10, 1.0


def main(folder: str) -> int:
    """Kill all children and delete the folder until both are gone, and return the exit code of Ctrl-C."""
    for _ in range(ROUNDS):
        children = psutil.Process().children(recursive=True)
        for process in children:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(children, timeout=ENDED_WITHIN_S)
        shutil.rmtree(folder, ignore_errors=True)
        if not children and not Path(folder).exists():
            break
    return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
