"""Running a process to its end: how long it took, and how much memory it and its children held."""

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

from benchmarks.options import ROOT
from benchmarks.pairs import BenchmarkError

SCRIPTS = Path(sys.executable).parent
"""Where the commands of this environment are."""

INTERVAL_S = 0.02  # between two looks at the memory


@dataclass(frozen=True)
class Spent:
    """What a process and its children took."""

    wall_s: float
    memory_gb: float  # 1e9 bytes: the highest sum seen of their resident memory, what they share counted in each


def wall_time_s(*commands: list[str]) -> float:
    """Wall time of processes one after the other, in s; raises BenchmarkError if one fails.

    They run in the checkout. What they print goes into pipes, so no terminal slows them.
    """
    spent = 0.0
    for command in commands:
        began = perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True)
        spent += perf_counter() - began
        _check(command, done.returncode, done.stdout + done.stderr)
    return spent


def with_memory(command: list[str]) -> Spent:
    """Runs a process and looks at the memory of all its processes every 20 ms; BenchmarkError if it fails."""
    highest = 0
    ended = threading.Event()

    def look() -> None:
        nonlocal highest
        while not ended.wait(INTERVAL_S):
            highest = max(highest, _resident_bytes(process.pid))

    with tempfile.TemporaryFile() as output:
        began = perf_counter()
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
        spent = perf_counter() - began
        output.seek(0)
        _check(command, process.returncode, output.read())
    return Spent(spent, highest / 1e9)


def _resident_bytes(pid: int) -> int:
    """Of a process and all its children, those that end meanwhile left out."""
    total = 0
    try:
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.Error:
        pass
    return total


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}


def _check(command: list[str], code: int, printed: bytes) -> None:
    if code:
        output = printed.decode(errors="replace").strip().splitlines()
        raise BenchmarkError(f"`{' '.join(command)}` failed, saying {output[-1] if output else 'nothing'!r}.")
