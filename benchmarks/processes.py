"""Running a process to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.options import ROOT
from benchmarks.pairs import BenchmarkError

SCRIPTS = Path(sys.executable).parent
"""Where the commands of this environment are."""


def wall_time_s(*commands: list[str]) -> float:
    """Wall time of processes one after the other, in s; raises BenchmarkError if one fails.

    They run in the checkout. What they print goes into pipes, so no terminal slows them.
    """
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}
    spent = 0.0
    for command in commands:
        began = perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        spent += perf_counter() - began
        if done.returncode:
            output = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
            raise BenchmarkError(f"`{' '.join(command)}` failed, saying {output[-1] if output else 'nothing'!r}.")
    return spent
