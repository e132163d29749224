"""Processes that execute notebooks and outlive the call that started them: their imports are paid for once a session.

A worker takes one notebook after the other anyway, each with a kernel of its own. Tests of how workers start, end and
are interrupted start their own, in a program of their own.
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
    """Workers that are taken from those idle, and become idle when their call ends well."""

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
    """End the idle workers, as their call would have."""
    workers = Workers(0)
    workers._workers.update(IDLE)
    IDLE.clear()
    workers.__exit__(None, None, None)
