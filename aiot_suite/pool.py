"""Processes that do a part of the work each, and end soon when the work is interrupted."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def processes(jobs: int, log: Path | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes; what was not begun is dropped if the block raises.

    With `log`, all that the processes print goes to that file, the C++ parts of libraries included, and
    Ctrl-C ends what they are doing. Without, they leave Ctrl-C to this process and finish their piece.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _prepare, (log,)) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)  # leaving the block without waiting here would take that back
            raise


def _prepare(log: Path | None) -> None:
    if log is None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
