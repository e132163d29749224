"""Image records one device at a time, in this process or on a Dask cluster."""

from __future__ import annotations

import re
import sys
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from aiot_analysis.errors import ClusterError
from aiot_analysis.tables import select, storage, workspace
from aiot_analysis.tables.workspace import WORKERS_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from distributed import Client

Result = TypeVar("Result")

ADDRESS = re.compile(r"(tcp|tls|wss?)://[^/\s]+:\d+")  # anything else makes Client wait for minutes
ANSWER_TIMEOUT_S = 10  # for an answer from the scheduler
POLL_S = 1.0  # between two looks at whether there are workers
AT_ONCE = 256
"""Most calls submitted at a time, so that the scheduler holds few arguments and the workers few results."""


def run_calls(
    scheduler: str,
    folders: Sequence[Path],
    function: Callable[..., Result],
    calls: Iterable[tuple[Any, ...]],
    workers_timeout_s: float = WORKERS_TIMEOUT_S,
) -> Iterator[Result]:
    """Yield the result of `function` for each tuple of arguments, in order; the workers of the cluster call it.

    `folders` are those that the function reads and writes. An exception in a call is raised here too. Raises
    ClusterError if the scheduler does not answer, if it has no worker for `workers_timeout_s`, or if
    a worker does not see the folders, has another version of the package, or ends in every attempt at a call.
    """
    with _connected(scheduler, folders, workers_timeout_s) as client:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        running: deque[Any] = deque()
        try:
            for call in calls:
                running.append(client.submit(function, *call, pure=False))
                if len(running) == AT_ONCE:
                    yield _result(running.popleft(), client, scheduler, workers_timeout_s)
            while running:
                yield _result(running.popleft(), client, scheduler, workers_timeout_s)
        except KilledWorker:
            raise ClusterError(
                f"Workers of the Dask scheduler {scheduler} died, perhaps because they ran out of memory: "
                "give each of them more memory or fewer threads (--nthreads)."
            ) from None
        except (CancelledError, CommClosedError):
            raise ClusterError(f"The Dask scheduler {scheduler} stopped: restart it, then try again.") from None


def _result(call: Any, client: Client, scheduler: str, timeout_s: float) -> Any:
    """Return the result of a submitted call; raise ClusterError if there is no worker for `timeout_s`."""
    while True:
        try:
            return call.result(timeout=POLL_S)
        except TimeoutError:
            if call.done():  # the call itself raised it, or it has ended since
                return call.result()
        try:
            client.wait_for_workers(1, timeout=timeout_s)
        except TimeoutError:
            raise ClusterError(
                f"The last worker of the Dask scheduler {scheduler} ended, and no other came within {timeout_s:g} s: "
                f"start workers with `dask worker {scheduler}`, then repeat the command. "
                "--wait-for-workers sets how long to wait."
            ) from None


@contextmanager
def _connected(scheduler: str, folders: Sequence[Path], timeout_s: float) -> Iterator[Client]:
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
        _check(client, scheduler, folders, timeout_s)
        yield client


def _check(client: Client, scheduler: str, folders: Sequence[Path], timeout_s: float) -> None:
    """Raise ClusterError if a worker of the cluster could not do what this process does."""
    try:
        client.wait_for_workers(1, timeout=timeout_s)
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
    """Return the worker's versions of what results depend on, and the folders that it cannot see."""
    return _version(), [path for path in paths if not Path(path).is_dir()]


@cache  # the version that is loaded, even if the files change later
def _version() -> str:
    """Return a hash of the code, the libraries and the Python version."""
    return workspace.combine(workspace.code(), workspace.versions(), sys.version_info[:2])


Keys = list[tuple[str, str, str]]  # run, device and instance


@dataclass(frozen=True)
class DeviceRecords:
    """Image records that are read on demand; iterating yields one frame per device."""

    processed: Path
    origin: str
    devices: tuple[str, ...]
    columns: tuple[str, ...]  # of the table `images`
    filters: Mapping[str, Collection[Any]] = field(default_factory=dict)  # as for `storage.read`
    scheduler: str = ""  # address of a Dask scheduler, like tcp://10.0.0.1:8786; "" for this process
    workers_timeout_s: float = WORKERS_TIMEOUT_S  # longest time to wait while the scheduler has no worker
    rows: pd.DataFrame | None = field(default=None, compare=False)  # keep only these runs and instances, by select.KEY

    def of(self, *devices: str) -> pd.DataFrame:
        """Return the records of the given devices."""
        columns = self.columns if self.rows is None else list(dict.fromkeys([*self.columns, *select.KEY]))
        records = storage.read("images", self.processed, columns, origin=self.origin, device_id=devices, **self.filters)
        return records if self.rows is None else select.image_rows(records, self.rows)[list(self.columns)]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return (self.of(device) for device in self.devices)


def map_devices(
    images: pd.DataFrame | Iterable[pd.DataFrame], rows: pd.DataFrame, function: Callable[[pd.DataFrame], Result]
) -> Iterator[tuple[str, Result]]:
    """Yield each device with the result of `function` for its image records of the runs and instances in `rows`.

    `images` is a frame, an iterable of parts (see `select.records_by_device`), or `DeviceRecords`. With
    `DeviceRecords`, only the records of one device are in memory at a time. If they name a scheduler, its workers read
    them and call the function, which must then be picklable and take small arguments. Devices without records are
    skipped. May raise DataError and ClusterError.
    """
    if not isinstance(images, DeviceRecords):
        for device, records in select.records_by_device(images, rows):
            yield device, function(records)
        return
    wanted = rows[rows["device_id"].isin(images.devices)][select.KEY].astype(str)
    calls = [
        (images, str(device), list(part.itertuples(index=False, name=None)), function)
        for device, part in wanted.groupby("device_id", sort=False)
    ]
    if images.scheduler:
        answers = run_calls(images.scheduler, [images.processed], _one, calls, images.workers_timeout_s)
    else:
        answers = (_one(*call) for call in calls)
    for call, results in zip(calls, answers, strict=True):
        for result in results:
            yield call[1], result


def table(
    images: pd.DataFrame | DeviceRecords, rows: pd.DataFrame, function: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """Return the frames that `function` gives for each device (see `map_devices`), concatenated."""
    frames = [frame for _, frame in map_devices(images, rows, function)]
    if not frames:
        return function(images.of() if isinstance(images, DeviceRecords) else images.iloc[:0])
    return pd.concat(frames, ignore_index=True)


def _one(
    images: DeviceRecords, device: str, keys: Keys, function: Callable[[pd.DataFrame], Result]
) -> tuple[Result, ...]:
    """Return the result of `function` for the records of a device as a tuple of one item, empty without records."""
    records = images.of(device)
    if len(records):
        records = select.image_rows(records, pd.DataFrame(keys, columns=select.KEY))
    return (function(records),) if len(records) else ()
