"""Pools of worker processes for long tasks, which end when they are interrupted and when their parent is gone.

Commands of the suite and of the analysis use them. The agent does not, so the package does not import this module.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import Thread, current_thread, main_thread
from typing import TYPE_CHECKING, Any, Callable

from .schema import RawLogError

if TYPE_CHECKING:
    from collections.abc import Iterator


class WorkerDiedError(RawLogError):
    """Raised if a process of a pool has ended, as happens when the system runs out of memory."""


class WorkerPool(ProcessPoolExecutor):
    """A pool of newly spawned processes whose tasks can be interrupted."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        # a process that is interrupted while it starts prints a traceback
        with _interruptions_later(), _left_to_parent():
            return super().submit(_run_task, function, *arguments, **options)

    def interrupt(self) -> None:
        """Interrupt the current tasks, which clean up; the processes then end."""
        for process in list((self._processes or {}).values()):
            process.terminate()


@contextmanager
def worker_pool(jobs: int, prepare: Callable[[], object] | None = None) -> Iterator[WorkerPool]:
    """Open a pool of processes that end with the block.

    If the block raises an exception, tasks that have not started are cancelled. KeyboardInterrupt interrupts the
    current tasks as well; after other exceptions they are finished. Ctrl-C and SIGHUP are left to this process, even if
    the processes of the pool receive them too.

    prepare: function that each process calls before its first task.

    Raises WorkerDiedError if a process of the pool dies.
    """
    _start_tracker()
    with WorkerPool(jobs, multiprocessing.get_context("spawn"), _prepare, (prepare,)) as pool:
        try:
            yield pool
        except BrokenProcessPool:
            raise WorkerDiedError(
                "A process of this command died, perhaps because memory ran out: run fewer at the same time (--jobs 1)."
            ) from None
        except BaseException as error:
            if not isinstance(error, Exception):
                pool.interrupt()
            pool.shutdown(cancel_futures=True)  # has to wait: otherwise leaving the block would revoke the cancellation
            raise


_LEFT_TO_PARENT = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def _left_to_parent() -> Iterator[None]:
    """Block _LEFT_TO_PARENT in this thread and in the processes that it starts, where the system can do that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, _LEFT_TO_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


@contextmanager
def _interruptions_later() -> Iterator[None]:
    """Handle signals that interrupt this process after the block, if it runs in the main thread."""
    received = []
    earlier = {}
    if current_thread() is main_thread():
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        earlier = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    for number in earlier:
        signal.signal(number, lambda number, frame: received.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    for number, frame in received:
        earlier[number](number, frame)


def _start_tracker() -> None:
    """Start the process in which multiprocessing keeps track of semaphores, so that a SIGHUP does not end it.

    It ignores Ctrl-C and SIGTERM itself. Without it, multiprocessing prints a traceback when the pool ends.
    """
    with _left_to_parent():
        resource_tracker.ensure_running()


def _prepare(prepare: Callable[[], object] | None) -> None:
    for number in _LEFT_TO_PARENT:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _LEFT_TO_PARENT)  # see `WorkerPool.submit`
    Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    """End this process once its parent is gone; the pool would wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run_task(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function. SIGTERM interrupts it like Ctrl-C, and ends this process after it has cleaned up.

    Between tasks, SIGTERM ends the process at once.
    """
    signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        return function(*arguments, **options)
    except KeyboardInterrupt:  # the pool would take it for the result of the task, and start the next one
        os._exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise_interrupt(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # only once, so that the cleanup is not interrupted
    raise KeyboardInterrupt
