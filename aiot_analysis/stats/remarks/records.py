"""Answers and times of all devices on all images in one compact table: device x instance x image."""

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
"""Of image records, all that is needed here."""
Images = pd.DataFrame | Iterable[pd.DataFrame]


@dataclass(frozen=True)
class Records:
    """`right` is 1, 0, or NaN where an image was not shown; `ms` is NaN also where it failed; `turn` is its query.

    `excess` is what the dependence of neighbours along a run adds to the variance of the logarithm of a mean time (see
    `blocks.excess`).
    """

    devices: pd.Index
    instances: pd.Index
    images: pd.Index  # in order of name
    right: NDArray[np.float32]  # (devices, instances, images)
    ms: NDArray[np.float32]
    turn: NDArray[np.float32]
    excess: pd.DataFrame  # device x instance

    def of(self, instance: str, values: NDArray[np.float32]) -> pd.DataFrame:
        """Return `right`, `ms` or `turn` of one instance: device x image, of the devices that have records of it."""
        if instance not in self.instances:
            return pd.DataFrame(columns=self.images, dtype=float)
        at = self.instances.get_loc(instance)
        shown = np.flatnonzero(~np.isnan(self.right[:, at]).all(axis=1))
        return pd.DataFrame(values[shown, at].astype(float), self.devices[shown], self.images)


def collect(images: Images, rows: pd.DataFrame, column: str) -> Records:
    """The records of the runs and instances in `rows`, with the times of a column.

    `images` is a frame, or parts of it that each have all records of their devices: then no more than a part of them is
    in memory (see `by_device.each`).
    """
    instances = pd.Index(sorted(rows["instance_id"].unique()), dtype=object)
    tables = partial(_tables, instances=instances, column=column)
    found = dict(by_device.each(images, rows, tables))
    devices = pd.Index(sorted(found), dtype=object)
    every = pd.Index(sorted(set().union(*(part[0] for part in found.values()))), dtype=object)
    excess = pd.DataFrame({device: part[4] for device, part in found.items()}).T.reindex(devices, columns=instances)
    right, ms, turn = (np.full((len(devices), len(instances), len(every)), np.nan, np.float32) for _ in range(3))
    for place, device in enumerate(devices):
        names, answers, times, queries, _ = found.pop(device)
        at = every.get_indexer(names)
        right[place][:, at], ms[place][:, at], turn[place][:, at] = answers, times, queries
    return Records(devices, instances, every, right, ms, turn, excess)


def _tables(
    records: pd.DataFrame, instances: pd.Index, column: str
) -> tuple[pd.Index, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], pd.Series]:
    """Return the images of one device; its answers, times and queries, instance x image; and the excess by instance."""
    excess = blocks.excess(records, column)
    if records.duplicated([*select.KEY, "image"]).any():  # a timed profile may show an image more than once
        records = select.per_image(records)
    images = records["image"].astype("category").cat.remove_unused_categories()
    known = records["instance_id"].astype("category")
    line = instances.get_indexer(pd.Index(known.cat.categories.astype(str)))[known.cat.codes]
    tables = [np.full((len(instances), len(images.cat.categories)), np.nan, np.float32) for _ in range(3)]
    tables[0][line, images.cat.codes] = records["correct"].to_numpy(np.float32)
    times = records[column].astype(float).where(~records["failed"].astype(bool))
    tables[1][line, images.cat.codes] = times.where(np.isfinite(times) & (times >= 0)).to_numpy(np.float32)
    tables[2][line, images.cat.codes] = records["query"].to_numpy(np.float32)
    return pd.Index(images.cat.categories.astype(str)), tables[0], tables[1], tables[2], excess
