"""Running processes and measuring their wall time and the memory of all their children."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

from benchmarks.pairs import ROOT, BenchmarkError

SCRIPTS = Path(sys.executable).parent
"""Folder with the commands of this environment."""

INTERVAL_S = 0.02  # between two samples of the memory


@dataclass(frozen=True)
class Spent:
    """Resources used by a process and its children."""

    wall_s: float
    memory_gb: float  # peak sum of their resident memory in 1e9 bytes; shared memory counts for each process


def wall_time_s(*commands: list[str]) -> float:
    """Run commands one after the other and return their wall time in s. Raise BenchmarkError if one fails.

    They run in the checkout. Their output goes to pipes, so that no terminal slows them down.
    """
    spent = 0.0
    for command in commands:
        started = perf_counter()
        completed = subprocess.run(
            command, check=False, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True
        )
        spent += perf_counter() - started
        _check(command, completed.returncode, completed.stdout + completed.stderr)
    return spent


def with_memory(command: list[str]) -> Spent:
    """Run a command and sample the memory of all its processes every 20 ms. Raise BenchmarkError if it fails."""
    highest = 0
    ended = threading.Event()

    def look() -> None:
        nonlocal highest
        while not ended.wait(INTERVAL_S):
            highest = max(highest, _resident_bytes(process.pid))

    with tempfile.TemporaryFile() as output:
        started = perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            process.wait()
        finally:
            process.kill()
            ended.set()
            watcher.join()
        spent = perf_counter() - started
        output.seek(0)
        _check(command, process.returncode, output.read())
    return Spent(spent, highest / 1e9)


def _resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children, except processes that have ended meanwhile."""
    total = 0
    try:
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            total += member.memory_info().rss
    except psutil.Error:
        pass
    return total


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}


def _check(command: list[str], code: int, printed: bytes) -> None:
    if code:
        output = printed.decode(errors="replace").strip().splitlines()
        raise BenchmarkError(f"`{' '.join(command)}` failed, saying {output[-1] if output else 'nothing'!r}.")
