"""The tables a notebook works on: one call, one origin."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aiot_analysis import names, schemas, tables
from aiot_analysis.by_device import Records
from aiot_analysis.errors import DataError
from aiot_analysis.stats import select

IMAGE_COLUMNS = [column for column in tables.images_schema().names if column != "top5"]


@dataclass(frozen=True)
class Data:
    """The processed tables of one origin. Image records are read when asked for, since they are many."""

    processed: Path
    origin: str
    devices: pd.DataFrame
    instances: pd.DataFrame  # of runs of the suite
    studies: pd.DataFrame  # as instances, of runs that are for a study
    left_out: pd.DataFrame
    scheduler: str = ""  # address of the Dask scheduler that `image_parts` are worked on by; "" for this process

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with a column `device`, as readers know it, in the place of `device_id`."""
        known = names.devices(self.devices)
        return frame.assign(device_id=frame["device_id"].map(known)).rename(columns={"device_id": "device"})

    def images(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: Collection[str]) -> pd.DataFrame:
        """Image records of this origin, of the given values of any column, like instance_id=[...].

        All columns but `top5`, which is as large as all others, or those that are named.
        """
        return tables.read("images", self.processed, columns, origin=[self.origin], **filters)

    def image_parts(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: Collection[str]) -> Records:
        """`images` one device after the other, so that no more than those of a device are in memory."""
        devices = tuple(self.devices["device_id"])
        return Records(self.processed, self.origin, devices, tuple(columns), filters, self.scheduler)

    def telemetry(self) -> pd.DataFrame:
        return tables.read("telemetry", self.processed, origin=[self.origin])

    def operators(self) -> pd.DataFrame:
        return tables.read("operators", self.processed, origin=[self.origin])

    def passes(self) -> pd.DataFrame:
        return tables.read("passes", self.processed, origin=[self.origin])

    def nodes(self) -> pd.DataFrame:
        return tables.read("nodes", self.processed, origin=[self.origin])


def find(path: Path | str) -> Path:
    """A path that exists, as given or, where relative, under any folder above the working folder.

    So `data/processed` is found from the project's root and from `notebooks/` alike.
    """
    path = Path(path)
    for base in [Path.cwd(), *Path.cwd().parents]:
        if (base / path).exists():
            return base / path
    raise DataError(f"There is no {path} here or in a folder above: run `aiot process`, or name the folder.")


def load(processed: Path | str = "data/processed", origin: str = "measured", scheduler: str = "") -> Data:
    """Reads the devices and instances of one origin. `scheduler` is the address of a Dask scheduler, like tcp://10.0.0.1:8786.

    Raises DataError if the folder or a table is missing, or if nothing of that origin is in it.
    """
    if origin not in schemas.ORIGINS:
        raise DataError(f"Origin {origin!r} is unknown: choose {', '.join(schemas.ORIGINS)}.")
    folder = find(processed)
    instances = tables.read("instances", folder)
    chosen = instances[instances["origin"] == origin].reset_index(drop=True)
    if chosen.empty:
        there = ", ".join(sorted(instances["origin"].unique())) or "no run at all"
        raise DataError(f"{folder} holds nothing {origin} (it holds {there}): choose another origin or run the suite.")
    devices = tables.read("devices", folder, origin=[origin])
    of_studies = chosen[chosen["study"].notna()].reset_index(drop=True)
    left_out = tables.read("left_out", folder)
    devices = devices.reset_index(drop=True)
    return Data(folder, origin, devices, select.of_suite(chosen), of_studies, left_out, scheduler)
