"""Processes that execute notebooks. Threads cannot be used, because papermill changes the working directory.

A worker executes one notebook after the other, so that its imports happen only once. It is a separate program in a
session of its own: the caller may be a script without a main guard, or a notebook, and Ctrl-C in a terminal reaches
only the caller. The caller asks the workers to end, and they end their kernels. If the caller is killed, its end of
their standard input closes, and they end as well.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import TYPE_CHECKING

from aiot_analysis.tables.workspace import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, TracebackType

    from aiot_analysis.report.page import RenderJob, RenderOutcome

STOP_TIMEOUT_S = 10  # time for a worker to end its kernel


class Workers:
    """Worker processes, `count` of them, started at once so that they import while their jobs are still being prepared.

    with Workers(2) as workers:
        for job, outcome in workers.run(jobs): ...

    An outcome of None means that the job has started. Leaving the block for whatever reason ends the processes.
    """

    def __init__(self, count: int) -> None:
        self._workers: dict[Connection, subprocess.Popen[bytes]] = {}
        for _ in range(count):
            self._start()

    def _start(self) -> Connection:
        parent_end, child_end = Pipe()
        # workers and their kernels must use the package whose hash the pages state, whether installed or not
        path = [str(PACKAGE.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        # -P: no imports from the working directory
        self._workers[parent_end] = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(child_end.fileno())],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folder for folder in path if folder)},
            pass_fds=[child_end.fileno()],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        child_end.close()
        return parent_end

    def run(self, jobs: Sequence[RenderJob]) -> Iterator[tuple[RenderJob, RenderOutcome | None]]:
        """Hand out the jobs in order and yield their starts and outcomes as they happen."""
        waiting = deque(jobs)
        idle = list(self._workers)
        busy: dict[Connection, RenderJob] = {}
        while waiting or busy:
            while waiting and idle:
                connection = idle.pop()
                job = busy[connection] = waiting.popleft()
                yield job, None
                with suppress(OSError):  # if the worker has ended, recv() below reports it
                    connection.send(job)
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                job = busy.pop(ready)
                try:
                    outcome = ready.recv()
                    idle.append(ready)
                except (EOFError, OSError):
                    outcome = self._bury(ready)
                    if waiting:
                        idle.append(self._start())
                yield job, outcome

    def _bury(self, connection: Connection) -> RenderOutcome:
        from aiot_analysis.report.page import RenderOutcome

        process = self._workers.pop(connection)
        connection.close()
        code = process.wait()
        _close_input(process)
        return RenderOutcome(
            error=f"its process ended with code {code}: run fewer at the same time (--jobs 1), or check the system log"
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._workers.values():
            process.terminate()
        for connection, process in self._workers.items():
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            connection.close()
            _close_input(process)


def _close_input(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.close()


def serve(connection: Connection) -> None:
    """Run a worker until the other side closes the connection, asks it to end, or is gone."""
    signal.signal(signal.SIGTERM, _exit)
    Thread(target=_end_with_caller, daemon=True).start()
    from aiot_analysis.report import kernels, page

    kernels.prepare()
    page.prepare()
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        connection.send(page.render(job))


def _end_with_caller() -> None:
    """End this process in the same way as when it is asked to, once its caller is gone."""
    while os.read(0, 1):  # nothing is ever written to it
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _exit(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # only once, so that the cleanup is not interrupted
    raise SystemExit(0)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
