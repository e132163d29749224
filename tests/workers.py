"""Processes that execute notebooks and are kept for later calls, so that a session imports their modules only once.

This does not affect results, since a worker executes each notebook in a new kernel. Tests of the start, the end and the
interruption of workers use separate programs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.report.workers import Workers

if TYPE_CHECKING:
    import subprocess
    from multiprocessing.connection import Connection
    from types import TracebackType

IDLE: dict[Connection, subprocess.Popen[bytes]] = {}


class KeptWorkers(Workers):
    """Workers that reuse idle processes, and return them to IDLE when their call succeeds."""

    def __init__(self, count: int) -> None:
        super().__init__(0)
        while IDLE and len(self._workers) < count:
            connection, process = IDLE.popitem()
            if process.poll() is None:
                self._workers[connection] = process
        for _ in range(count - len(self._workers)):
            self._start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            IDLE.update(self._workers)
        else:
            super().__exit__(kind, error, trace)


def end_all() -> None:
    """End the idle workers as `Workers` does."""
    workers = Workers(0)
    workers._workers.update(IDLE)
    IDLE.clear()
    workers.__exit__(None, None, None)
