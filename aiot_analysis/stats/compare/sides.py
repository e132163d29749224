"""What is on a side of a comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.stats import pooling, select

MIN_FREEDOM = 4
"""Degrees of freedom from which on runs are the unit of a comparison of times, as three runs a side have. With fewer,
Student's t is so large (12.7 with one) that little short of a doubling would be seen."""


@dataclass(frozen=True)
class Side:
    """One side: a device, a run, a version or a fleet."""

    rows: pd.DataFrame  # of the table instances: one per device x instance, see select.measured_rows
    left_out: pd.DataFrame  # of select.measured_rows: the others, with the reason
    images: pd.DataFrame | Iterable[pd.DataFrame]  # image records, or parts of them by device
    runs: pd.DataFrame  # every usable row that is alike in all but its run to one of `rows`, which are among them

    @property
    def devices(self) -> list[str]:
        return sorted(set(self.rows["device_id"].astype(str)))


def chosen(
    instances: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str,
    wanted: str = ",".join(select.USABLE),
) -> Side:
    """A side of rows of the table `instances`: of each device and instance the latest usable run stands for it.

    Raises DataError for a verdict that is unknown.
    """
    needs = [f"{select.time_column(timing)}_mean"]
    rows, left_out = select.measured_rows(instances, needs, by_framework=True, wanted=wanted)
    usable = select.usable_rows(instances, needs, wanted)
    ways = _ways(rows)
    runs = usable[_ways(usable).isin(ways)].drop_duplicates(["device_id", "instance_id", "run_id"])
    again = left_out.set_index(select.KEY).index.isin(runs.set_index(select.KEY).index)
    return Side(rows, left_out[~again].reset_index(drop=True), images, runs.reset_index(drop=True))


def _ways(rows: pd.DataFrame) -> pd.Series:
    """How each row was measured, as one text with its device."""
    return pooling.ways(rows) + "|" + rows["device_id"].astype(str) if len(rows) else pd.Series(dtype=str)
