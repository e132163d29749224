"""Usable instances with the time of each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from aiot_analysis.errors import ExportError
from aiot_analysis.tables import data, names, select

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTES = {
    "simulated": "Simulated: nothing here was measured on a device.",
    "published": "Published by others: nothing here was measured with this toolkit.",
    "imported": "Imported from logs of another tool.",
}
"""What files for other tools state about data that were not measured with this toolkit, by origin."""

FACTS = (
    *["model", "framework", "framework_version", "delegate", "quantization", "threads", "profile", "timing", "weights"],
    *["dataset", "dataset_sha256", "model_sha256", "verdict", "reasons", "accelerator_actual"],
    *["publication", "publisher", "submitter", "scenario", "address", "retrieved"],
)
"""Columns of table `instances` that describe what was timed."""


@dataclass(frozen=True)
class TimedInstance:
    """An instance of a run with its times."""

    row: dict[str, Any]  # of table `instances`; missing values are None
    device: dict[str, Any]  # of table `devices`; missing values are None
    timing: str  # "end_to_end" or "inference"
    seconds: list[float]  # time per image in run order, without the images that failed

    @property
    def device_id(self) -> str:
        return str(self.row["device_id"])

    @property
    def instance_id(self) -> str:
        return str(self.row["instance_id"])


@dataclass(frozen=True)
class Timed:
    """Data whose origin is known and may be exported."""

    data: data.Data
    timing: str

    @property
    def origin(self) -> str:
        return self.data.origin

    def newest(self) -> pd.DataFrame:
        """Return one row per device and instance, as on the pages."""
        rows, _ = select.measured_rows(self.data.instances, (self._mean,), by_framework=True)
        return rows

    def of_each_version(self) -> pd.DataFrame:
        """Return the row of the newest run of each device, instance and version of the framework."""
        rows = select.usable_rows(self.data.instances, (self._mean, "framework_version")).sort_values("run_id")
        return rows.drop_duplicates(["device_id", "instance_id", "framework_version"], keep="last")

    @property
    def _mean(self) -> str:
        return f"{names.TIMES[self.timing]}_mean"

    def instances(self, rows: pd.DataFrame, excluded: dict[str, str]) -> Iterator[TimedInstance]:
        """Yield the instances in `rows` that have a time for each image, one device at a time.

        For each of the others, the reason is added to `excluded` by "device instance".
        """
        column = names.TIMES[self.timing]
        devices = {row["device_id"]: _plain(row) for row in self.data.devices.to_dict("records")}
        for device_id, of_device in rows.groupby("device_id", sort=True):
            images = self.data.images([*select.KEY, "query", column, "failed"], device_id=device_id)
            times = images[~images["failed"] & images[column].notna()].sort_values("query")
            by_key = dict(iter(times.groupby(select.KEY, observed=True)[column]))
            for record in of_device.sort_values(["instance_id", "run_id"]).to_dict("records"):
                series = by_key.get(tuple(record[name] for name in select.KEY))
                name = f"{device_id} {record['instance_id']}"
                if series is None:
                    excluded[name] = "there is no time per image"
                elif not (series > 0).all():
                    excluded[name] = "some of its times are 0, since the clock is coarse"
                else:
                    seconds = (series / 1000).tolist()
                    yield TimedInstance(_plain(record), devices[device_id], self.timing, seconds)


def open_timed(processed: Path, origin: str, device: str, timing: str) -> Timed:
    """Read the tables of one origin for an export.

    Raises
    ------
    ExportError
        Only simulated data are there, and they were not asked for.
    DataError
        There are no such data.
    """
    loaded = data.load(processed, origin, devices=device)
    check_origin(loaded.origin, origin)
    if timing:
        select.time_column(timing)
    usable = select.usable_rows(loaded.instances, ())
    return Timed(loaded, timing or select.timing_of(usable, "end_to_end"))


def check_origin(origin: str, wanted: str) -> None:
    """Raise ExportError if simulated data would be exported without being asked for by name."""
    if origin == "simulated" and wanted != origin:
        raise ExportError(
            "The only data here are simulated: measure a device, or export them as such with --origin simulated."
        )


def nothing(excluded: dict[str, str]) -> ExportError:
    """Return the error for data of which no instance can be exported, with the first reason."""
    name, reason = next(iter(excluded.items()), ("no instance is usable", ""))
    first = f"{name}: {reason}" if reason else name
    return ExportError(f"Nothing can be exported ({first}): choose other data with --origin, --device or --timing.")


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Return the values of a row as plain Python values, with None for missing ones."""
    plain = {}
    for name, value in row.items():
        missing = value is None or (not isinstance(value, str) and pd.isna(value))
        plain[str(name)] = None if missing else value.item() if hasattr(value, "item") else value
    return plain
