"""Pools of worker processes that stop promptly when the work is interrupted."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def worker_pool(jobs: int, log: Path | None = None) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of newly spawned processes; if the block raises, tasks that have not started are cancelled.

    With `log`, everything the processes print goes to that file, including the output of the C++ parts of libraries,
    and Ctrl-C interrupts their current tasks. Without it, they ignore Ctrl-C, leave it to the parent process, and
    finish their current tasks.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _prepare, (log,)) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)  # has to wait: otherwise leaving the block would revoke the cancellation
            raise


def _prepare(log: Path | None) -> None:
    if log is None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
