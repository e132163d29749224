"""Calling functions on the workers of a Dask cluster, given the address of its scheduler.

The workers read and write the same folders as this process under the same paths (a shared file system), and have the
same version of the package. Dask is imported only once a scheduler is given. The functions of Dask that are used are
documented at https://distributed.dask.org/en/stable/client.html
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiot_analysis.errors import ClusterError
from aiot_analysis.tables import fingerprint

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")

ADDRESS = re.compile(r"(tcp|tls|wss?)://[^/\s]+:\d+")  # anything else makes Client wait for minutes
ANSWER_TIMEOUT_S = 10  # for an answer from the scheduler
WORKERS_TIMEOUT_S = 30  # for the first worker to be available
AT_ONCE = 256
"""Most calls submitted at a time, so that the scheduler holds few arguments and the workers few results."""


def run_calls(
    scheduler: str, folders: Sequence[Path], function: Callable[..., Result], calls: Iterable[tuple[Any, ...]]
) -> Iterator[Result]:
    """Yield the result of `function` for each tuple of arguments, in order; the workers of the cluster call it.

    `folders` are those that the function reads and writes. An exception in a call is raised here too. Raises
    ClusterError if the scheduler does not answer or has no worker, or if a worker does not see the folders, has another
    version of the package, or ends.
    """
    with _connected(scheduler, folders) as client:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        running: deque[Any] = deque()
        try:
            for call in calls:
                running.append(client.submit(function, *call, pure=False))
                if len(running) == AT_ONCE:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except KilledWorker:
            raise ClusterError(
                f"Workers of the Dask scheduler {scheduler} died, perhaps because they ran out of memory: "
                "give each of them more memory or fewer threads (--nthreads)."
            ) from None
        except (CancelledError, CommClosedError):
            raise ClusterError(f"The Dask scheduler {scheduler} stopped: restart it, then try again.") from None


@contextmanager
def _connected(scheduler: str, folders: Sequence[Path]) -> Iterator[Client]:
    """Yield a client of the scheduler whose workers were checked; raise ClusterError if that fails."""
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("--scheduler needs Dask: run `pip install 'aiotbench[cluster]'`.") from None
    if not ADDRESS.fullmatch(scheduler):
        raise ClusterError(f"{scheduler!r} is not the address of a Dask scheduler: give one like tcp://10.0.0.1:8786.")
    try:
        connect: Callable[..., Client] = Client  # distributed does not annotate it
        client = connect(scheduler, timeout=ANSWER_TIMEOUT_S, set_as_default=False)
    except OSError:
        raise ClusterError(
            f"No Dask scheduler answers at {scheduler!r}: start one with `dask scheduler` and give its address, "
            "like tcp://10.0.0.1:8786."
        ) from None
    with client:
        _check(client, scheduler, folders)
        yield client


def _check(client: Client, scheduler: str, folders: Sequence[Path]) -> None:
    """Raise ClusterError if a worker of the cluster could not do what this process does."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_TIMEOUT_S)
    except TimeoutError:
        raise ClusterError(
            f"The Dask scheduler {scheduler} has no workers: start some with `dask worker {scheduler}`."
        ) from None
    paths = [str(folder.absolute()) for folder in folders]
    for worker, reply in client.run(_look, paths, on_error="return").items():
        if isinstance(reply, Exception):
            raise ClusterError(
                f"Worker {worker} cannot run this package ({reply}): install the same version there and restart it."
            )
        version, missing = reply
        if missing:
            raise ClusterError(
                f"Worker {worker} cannot access {' and '.join(missing)}: put it on a file system that this machine and "
                "all workers can access under the same path."
            )
        if version != _version():
            raise ClusterError(
                f"Worker {worker} has another version of this package or of its libraries: install the same versions "
                "there and restart it."
            )


def _look(paths: Sequence[str]) -> tuple[str, list[str]]:
    """Return the worker's version of everything that results depend on, and the folders that it does not see."""
    return _version(), [path for path in paths if not Path(path).is_dir()]


@cache  # the version that is loaded, even if the files change later
def _version() -> str:
    """Return a hash of the code, the libraries and the Python version."""
    return fingerprint.combine(fingerprint.code(), fingerprint.versions(), sys.version_info[:2])
