"""The tables a notebook works on: one call, one origin."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
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

    def __getitem__(self, devices: str | Sequence[str]) -> Data:
        """The same of one device, or of several: data["local"], data[["honor-v20", "oppo-reno"]], by id.

        Raises DataError for an id that is none of them.
        """
        wanted = [devices] if isinstance(devices, str) else list(devices)
        known = list(self.devices["device_id"])
        for one in wanted:
            if one not in known:
                raise DataError(f"There is no device {one!r} in these data: choose {', '.join(known)}.")
        of_devices = [
            frame[frame["device_id"].isin(wanted)].reset_index(drop=True)
            for frame in (self.devices, self.instances, self.studies)
        ]
        return replace(self, devices=of_devices[0], instances=of_devices[1], studies=of_devices[2])

    def _ipython_key_completions_(self) -> list[str]:
        """What to offer for data["<tab>."""
        return list(self.devices["device_id"])

    def __dir__(self) -> list[str]:
        """What to offer for data.<tab>: the tables, and what there is to do with them."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __repr__(self) -> str:
        counts = (f"{len(self.devices)} devices", f"{len(self.instances)} instances", f"{len(self.studies)} of studies")
        return f"Data({self.origin}, {self.processed}: {', '.join(counts)})"

    def _repr_html_(self) -> str:
        from aiot_analysis.explore import contents

        return contents.to_html(self)

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with a column `device`, as readers know it, in the place of `device_id`."""
        known = names.devices(self.devices)
        return frame.assign(device_id=frame["device_id"].map(known)).rename(columns={"device_id": "device"})

    def images(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: Collection[str]) -> pd.DataFrame:
        """Image records of this origin, of the given values of any column, like instance_id=[...].

        All columns but `top5`, which is as large as all others, or those that are named.
        """
        return self._read("images", columns, **filters)

    def image_parts(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: Collection[str]) -> Records:
        """`images` one device after the other, so that no more than those of a device are in memory."""
        among = filters.pop("device_id", None)
        devices = tuple(one for one in self.devices["device_id"] if among is None or one in among)
        return Records(self.processed, self.origin, devices, tuple(columns), filters, self.scheduler)

    def telemetry(self) -> pd.DataFrame:
        return self._read("telemetry")

    def operators(self) -> pd.DataFrame:
        return self._read("operators")

    def passes(self) -> pd.DataFrame:
        return self._read("passes")

    def nodes(self) -> pd.DataFrame:
        return self._read("nodes")

    def _read(self, name: str, columns: Sequence[str] | None = None, **filters: Collection[str]) -> pd.DataFrame:
        """A table, of this origin and of these devices alone."""
        among = filters.pop("device_id", None)
        devices = [one for one in self.devices["device_id"] if among is None or one in among]
        return tables.read(name, self.processed, columns, origin=[self.origin], device_id=devices, **filters)


def find(path: Path | str) -> Path:
    """A path that exists, as given or, where relative, under any folder above the working folder.

    So `data/processed` is found from the project's root and from `notebooks/` alike.
    """
    path = Path(path)
    for base in [Path.cwd(), *Path.cwd().parents]:
        if (base / path).exists():
            return base / path
    raise DataError(f"There is no {path} here or in a folder above: run `aiot process`, or name the folder.")


def load(
    processed: Path | str = "data/processed",
    origin: str = "measured",
    scheduler: str = "",
    devices: str | Sequence[str] = "",
) -> Data:
    """Reads the devices and instances of one origin. `scheduler` is the address of a Dask scheduler, like tcp://10.0.0.1:8786.

    Of all devices, or of those whose ids are given, in a list or with commas in a text.
    With origin "" that is the first of measured, simulated and imported that there is.
    Raises DataError if the folder or a table is missing, if nothing of that origin is in it, or if a device is unknown.
    """
    if origin and origin not in schemas.ORIGINS:
        raise DataError(f"Origin {origin!r} is unknown: choose {', '.join(schemas.ORIGINS)}.")
    folder = find(processed)
    instances = tables.read("instances", folder)
    origin = origin or next((one for one in schemas.ORIGINS if one in set(instances["origin"])), schemas.ORIGINS[0])
    chosen = instances[instances["origin"] == origin].reset_index(drop=True)
    if chosen.empty:
        held = ", ".join(sorted(instances["origin"].unique())) or "no run at all"
        raise DataError(f"{folder} holds nothing {origin} (it holds {held}): choose another origin or run the suite.")
    there = tables.read("devices", folder, origin=[origin]).reset_index(drop=True)
    of_studies = chosen[chosen["study"].notna()].reset_index(drop=True)
    left_out = tables.read("left_out", folder)
    data = Data(folder, origin, there, select.of_suite(chosen), of_studies, left_out, scheduler)
    wanted = _listed(devices, set(there["device_id"]))
    if not wanted:
        return data
    of_devices = left_out["path"].str.split("/", n=1).str[0].isin(wanted)  # such a path begins with the device
    return replace(data[wanted], left_out=left_out[of_devices].reset_index(drop=True))


def _listed(devices: str | Sequence[str], known: set[str]) -> list[str]:
    if not isinstance(devices, str):
        return list(devices)
    if devices in known:  # an id may have a comma in it
        return [devices]
    return [one.strip() for one in devices.split(",") if one.strip()]
