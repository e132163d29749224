"""Image records one device after the other, here or on a Dask cluster: those of a large fleet do not fit in memory.

    records = data.image_parts()                                   # nothing is read yet
    by_device.table(records, rows, partial(latency.summary, timing="inference"))

What is computed of one device needs nothing of another; results are the same wherever they are computed.
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
class Records:
    """Image records that are read when they are needed. To go through them gives a frame a device."""

    processed: Path
    origin: str
    devices: tuple[str, ...]
    columns: tuple[str, ...]  # of the table `images`
    filters: Mapping[str, Collection[Any]] = field(default_factory=dict)  # as of `tables.read`
    scheduler: str = ""  # address of a Dask scheduler, like tcp://10.0.0.1:8786; "" for this process
    rows: pd.DataFrame | None = field(default=None, compare=False)  # only of these runs and instances, by select.KEY

    def of(self, *devices: str) -> pd.DataFrame:
        """The records of some devices."""
        columns = self.columns if self.rows is None else list(dict.fromkeys([*self.columns, *select.KEY]))
        records = storage.read("images", self.processed, columns, origin=self.origin, device_id=devices, **self.filters)
        return records if self.rows is None else select.image_rows(records, self.rows)[list(self.columns)]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return (self.of(device) for device in self.devices)


def each(
    images: pd.DataFrame | Iterable[pd.DataFrame], rows: pd.DataFrame, function: Callable[[pd.DataFrame], Result]
) -> Iterator[tuple[str, Result]]:
    """Every device with what `function` gives for its image records of the runs and instances in `rows`.

    `images` is a frame, parts of it (see `select.records_by_device`), or `Records`: then no more than the records of a
    device are in memory, and where they name a scheduler, its workers read them and call the function, which has to be
    one that can be pickled, with small arguments. A device without records is left out. May raise DataError, and
    ClusterError.
    """
    if not isinstance(images, Records):
        for device, records in select.records_by_device(images, rows):
            yield device, function(records)
        return
    wanted = rows[rows["device_id"].isin(images.devices)][select.KEY].astype(str)
    calls = [
        (images, str(device), list(part.itertuples(index=False, name=None)), function)
        for device, part in wanted.groupby("device_id", sort=False)
    ]
    there = cluster.each(images.scheduler, [images.processed], _one, calls) if images.scheduler else None
    for call, found in zip(calls, there or (_one(*call) for call in calls), strict=True):
        for result in found:
            yield call[1], result


def table(
    images: pd.DataFrame | Records, rows: pd.DataFrame, function: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """The frames that `function` gives for each device (see `each`), one below the other."""
    found = [part for _, part in each(images, rows, function)]
    if not found:
        return function(images.of() if isinstance(images, Records) else images.iloc[:0])
    return pd.concat(found, ignore_index=True)


def _one(images: Records, device: str, keys: Keys, function: Callable[[pd.DataFrame], Result]) -> tuple[Result, ...]:
    """What `function` gives for the records of a device, or nothing if there are none."""
    records = images.of(device)
    if len(records):
        records = select.image_rows(records, pd.DataFrame(keys, columns=select.KEY))
    return (function(records),) if len(records) else ()
