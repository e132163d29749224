"""Run `aiot` on attached devices, wait for a moment of a run, and check the logs that it leaves."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner import rawlog
from tests.runner.conftest import TINY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aiot_suite.workspace import Workspace
    from tests.e2e.phone import Phone

IMAGES = 12
SHORT, LONG = 2, 150
"""Passes through the images: LONG leaves a test some seconds to interfere with an instance."""


def aiot_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "aiot", *words]


def aiot(*words: str, timeout_s: float = 150) -> subprocess.CompletedProcess[str]:
    """Run `aiot` until it ends, and return its exit code and output."""
    return subprocess.run(aiot_command(*words), check=False, capture_output=True, text=True, timeout=timeout_s)


@contextmanager
def background(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start `aiot` with both output streams in one, and kill it on leaving the context if it still runs."""
    process = subprocess.Popen(
        aiot_command(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_exit(process: subprocess.Popen[str], timeout_s: float = 150) -> tuple[int, str]:
    """Wait for a background command, and return its exit code and output."""
    output, _ = process.communicate(timeout=timeout_s)
    return process.returncode, output


def wait_until(
    condition: Callable[[], object],
    description: str = "the expected event",
    timeout_s: float = 60,
    process: subprocess.Popen[str] | None = None,
) -> None:
    """Wait for a condition; fail after `timeout_s`, or if `process` ends before."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{description} did not happen in {timeout_s} s"
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def one_line(text: str) -> str:
    """Join the lines of an output, which is wrapped at the width of the terminal."""
    return " ".join(text.split())


def suite_words(workspace: Workspace, *words: str, repeat: int) -> list[str]:
    """Return the words of `aiot run` for the three instances of TINY; three others are unavailable."""
    options = ["--frameworks", "tflite,pytorch", "--delegates", "cpu", "--models", "squeezenet,mnasnet"]
    options += ["--quantizations", "float32,int8", "--repeat", str(repeat), "--workspace", str(workspace.root)]
    return ["run", *words, *options]


def run(workspace: Workspace, *words: str, repeat: int = SHORT) -> subprocess.CompletedProcess[str]:
    return aiot(*suite_words(workspace, *words, repeat=repeat))


@contextmanager
def run_in_progress(
    workspace: Workspace, devices: Sequence[Phone], *words: str, repeat: int = LONG
) -> Iterator[tuple[subprocess.Popen[str], dict[Path, str]]]:
    """Start a run, and wait until an agent on each device has measured more than 20 images.

    Yields the process and the hashes of the attempts that have ended by then.
    """
    with background(*suite_words(workspace, *words, repeat=repeat)) as process:
        wait_until(lambda: all(map(is_measuring, devices)), "measuring", process=process)
        yield process, ended_attempts(workspace)


def is_measuring(device: Phone) -> bool:
    """Return whether a log on the device has more than 20 images."""
    logs = device.aiot_folder.glob("runs/*/*.jsonl")
    return any(log.read_bytes().count(b'"event":"image"') > 20 for log in logs)


def resume(workspace: Workspace, *words: str) -> None:
    """Continue a run that was interrupted, and check that it completes."""
    done = run(workspace, *words, "--resume", repeat=LONG)
    assert done.returncode == 0, done.stdout + done.stderr


def ended_attempts(workspace: Workspace) -> dict[Path, str]:
    """Return the SHA-256 of every attempt that has ended, by path."""
    hashes = {}
    for folder in rawlog.run_folders(workspace.raw):
        for paths in rawlog.attempt_paths(folder).values():
            for path in paths:
                if rawlog.read_attempt(path).status in rawlog.TERMINAL:
                    hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def failed_attempts(workspace: Workspace) -> list[Path]:
    return [path for path in ended_attempts(workspace) if rawlog.read_attempt(path).status == "failed"]


def check_logs(workspace: Workspace, before: Mapping[Path, str], devices: int = 1, repeat: int = LONG) -> set[str]:
    """Check that every instance of every device is complete, and that attempts ended before are unchanged.

    `before` has the hashes of those attempts. Returns the names of all attempts that have ended.
    """
    after = ended_attempts(workspace)
    assert {path: after[path] for path in before} == before
    folders = rawlog.run_folders(workspace.raw)
    assert len(folders) == devices
    for folder in folders:
        paths = rawlog.attempt_paths(folder)
        for instance in TINY:
            attempt = rawlog.read_attempt(paths[instance.id][-1])
            assert attempt.status == "end"
            assert [event["query"] for event in attempt.of("image")] == list(range(repeat * IMAGES))
    return {path.name for path in after}
