"""Answers and times of all devices on all images, as a compact table: device x instance x image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.stats import blocks
from aiot_analysis.tables import by_device, select

COLUMNS = [*select.KEY, "query", "image", "correct", "end_to_end_ms", "inference_ms", "failed"]
"""The columns of image records that are used here."""
Images = pd.DataFrame | Iterable[pd.DataFrame]


@dataclass(frozen=True)
class ClaimRecords:
    """Answers, times and positions of all devices, instances and images.

    `right` is 1, 0, or NaN where an image was not shown. `ms` is also NaN where the image failed. `turn` is the query
    of the image. `excess` is what the dependence of neighbours along a run adds to the variance of the logarithm of a
    mean time (see `blocks.excess`).
    """

    devices: pd.Index
    instances: pd.Index
    images: pd.Index  # in order of name
    right: NDArray[np.float32]  # (devices, instances, images)
    ms: NDArray[np.float32]
    turn: NDArray[np.float32]
    excess: pd.DataFrame  # device x instance

    def of_instance(self, instance: str, values: NDArray[np.float32]) -> pd.DataFrame:
        """Return `right`, `ms` or `turn` of one instance: device x image, for the devices with records of it."""
        if instance not in self.instances:
            return pd.DataFrame(columns=self.images, dtype=float)
        column = self.instances.get_loc(instance)
        recorded = np.flatnonzero(~np.isnan(self.right[:, column]).all(axis=1))
        return pd.DataFrame(values[recorded, column].astype(float), self.devices[recorded], self.images)


def collect(images: Images, rows: pd.DataFrame, column: str) -> ClaimRecords:
    """Return the records of the runs and instances in `rows`, with the times in `column`.

    `images` is a frame, or parts of it that each have all records of their devices, in which case only one part is in
    memory at a time (see `by_device.map_devices`).
    """
    instances = pd.Index(sorted(rows["instance_id"].unique()), dtype=object)
    tables = partial(_tables, instances=instances, column=column)
    tables_by_device = dict(by_device.map_devices(images, rows, tables))
    devices = pd.Index(sorted(tables_by_device), dtype=object)
    all_images = pd.Index(sorted(set().union(*(part[0] for part in tables_by_device.values()))), dtype=object)
    excess = pd.DataFrame({device: part[4] for device, part in tables_by_device.items()}).T.reindex(
        devices, columns=instances
    )
    right, ms, turn = (np.full((len(devices), len(instances), len(all_images)), np.nan, np.float32) for _ in range(3))
    for place, device in enumerate(devices):
        names, answers, times, queries, _ = tables_by_device.pop(device)
        columns = all_images.get_indexer(names)
        right[place][:, columns], ms[place][:, columns], turn[place][:, columns] = answers, times, queries
    return ClaimRecords(devices, instances, all_images, right, ms, turn, excess)


def _tables(
    records: pd.DataFrame, instances: pd.Index, column: str
) -> tuple[pd.Index, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], pd.Series]:
    """Return the images of one device, its answers, times and queries, and the excess by instance.

    Answers, times and queries are matrices of instance x image.
    """
    excess = blocks.excess(records, column)
    if records.duplicated([*select.KEY, "image"]).any():  # a timed profile may show an image several times
        records = select.per_image(records)
    images = records["image"].astype("category").cat.remove_unused_categories()
    instance_column = records["instance_id"].astype("category")
    row_numbers = instances.get_indexer(pd.Index(instance_column.cat.categories.astype(str)))[instance_column.cat.codes]
    tables = [np.full((len(instances), len(images.cat.categories)), np.nan, np.float32) for _ in range(3)]
    tables[0][row_numbers, images.cat.codes] = records["correct"].to_numpy(np.float32)
    times = records[column].astype(float).where(~records["failed"].astype(bool))
    tables[1][row_numbers, images.cat.codes] = times.where(np.isfinite(times) & (times >= 0)).to_numpy(np.float32)
    tables[2][row_numbers, images.cat.codes] = records["query"].to_numpy(np.float32)
    return pd.Index(images.cat.categories.astype(str)), tables[0], tables[1], tables[2], excess
