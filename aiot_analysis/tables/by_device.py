"""Image records one device at a time, in this process or on a Dask cluster.

The records of a large fleet do not fit in memory, so they are read when they are needed:

    records = data.image_parts()                                   # nothing is read yet
    by_device.table(records, rows, partial(latency.summary, timing="inference"))

The computation for one device needs nothing from another, so results do not depend on where they are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from aiot_analysis.tables import cluster, select, storage

Result = TypeVar("Result")
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
    them and call the function, which must then be picklable and take small arguments. Devices without records are left
    out. May raise DataError and ClusterError.
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
    remote_results = cluster.run_calls(images.scheduler, [images.processed], _one, calls) if images.scheduler else None
    for call, results in zip(calls, remote_results or (_one(*call) for call in calls), strict=True):
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
