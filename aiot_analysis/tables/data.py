"""The tables a notebook works on: one call, one origin."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.tables import choice, names, schemas, select, storage, validity
from aiot_analysis.tables.by_device import Records
from aiot_analysis.tables.names import ORIGIN_SENTENCES
from aiot_analysis.tables.processed import FOLDER, find

IMAGE_COLUMNS = [column for column in storage.images_schema().names if column != "top5"]


@dataclass(frozen=True)
class Data:
    """The processed tables of one origin. Image records are read when asked for, since they are many."""

    processed: Path
    origin: str
    devices: pd.DataFrame
    instances: pd.DataFrame  # of runs of the suite
    studies: pd.DataFrame  # as instances, of runs that are for a study
    left_out: pd.DataFrame  # of these devices, and what is of no device if they are all; of no other origin
    scheduler: str = ""  # address of the Dask scheduler that `image_parts` are worked on by; "" for this process

    def __getitem__(self, devices: object) -> Data:
        """The same of one device, or of several: data["local"], data[["honor-v20", "oppo-reno"]], by id.

        Raises DataError for an id that is none of them.
        """
        wanted = choice.choose("device", devices, self._devices)

        def of_devices(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[frame["device_id"].isin(wanted)].reset_index(drop=True)

        return replace(
            self,
            devices=of_devices(self.devices),
            instances=of_devices(self.instances),
            studies=of_devices(self.studies),
            left_out=of_devices(self.left_out),
        )

    def _ipython_key_completions_(self) -> list[str]:
        """What to offer for data["<tab>."""
        return self._devices

    def __dir__(self) -> list[str]:
        """What to offer for data.<tab>: the tables, and what there is to do with them."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __repr__(self) -> str:
        counts = (f"{len(self.devices)} devices", f"{len(self.instances)} instances", f"{len(self.studies)} of studies")
        return f"Data({self.origin}, {self.processed}: {', '.join(counts)})"

    def _repr_html_(self) -> str:
        return to_html(self)

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with a column `device`, as readers know it, in the place of `device_id`."""
        known = names.devices(self.devices)
        return frame.assign(device_id=frame["device_id"].map(known)).rename(columns={"device_id": "device"})

    def results(self, verdicts: str | Sequence[str] = select.USABLE, **filters: object) -> pd.DataFrame:
        """The rows of `instances` that the pages use: one per device and instance, ready for a pivot or a mean.

        Only what is usable: its verdict is valid or semi-valid, or among the `verdicts`. Of several runs the newest,
        and only of those that were measured alike: `tables.select.measured_rows` also tells what is left out and why.
        Filters are as those of `images`: results(model="mnasnet", framework=["tflite", "pytorch"]).
        """
        rows, _ = select.measured_rows(self.instances, by_framework=True, wanted=verdicts)
        return self._chosen(rows, filters).reset_index(drop=True)

    def images(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: object) -> pd.DataFrame:
        """Image records of this origin: all columns but `top5`, which is as large as all others, or those named.

        Filters take one value or several in a list, of any column of the table `images`, like image="cat.jpg" or
        label=[3, 4], or of its instance, like model="mnasnet", framework, delegate, quantization or threads=4. A text
        may name several with commas. Raises DataError for a column or a name that is unknown.
        """
        records = self.image_parts(columns, **filters)
        return records.of(*records.devices)

    def image_parts(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: object) -> Records:
        """`images` one device after the other, so that no more than those of a device are in memory."""
        of_images = {column: given for column, given in filters.items() if column in storage.images_schema().names}
        of_instances = {column: given for column, given in filters.items() if column not in of_images}
        wanted = {column: self._values("images", column, given) for column, given in of_images.items()}
        devices = wanted.pop("device_id", self._devices)
        wanted.pop("origin", None)  # there is but one, and it was found to be that
        rows = None
        if of_instances:
            rows = self._chosen(self._rows, of_instances, "images")[select.KEY].drop_duplicates(ignore_index=True)
            devices = [one for one in devices if one in set(rows["device_id"])]
            for column in ("run_id", "instance_id"):  # so that nothing else is read
                there = set(rows[column])
                wanted[column] = [one for one in wanted.get(column, sorted(there)) if one in there]
        return Records(self.processed, self.origin, tuple(devices), tuple(columns), wanted, self.scheduler, rows)

    def telemetry(self, **filters: object) -> pd.DataFrame:
        """Samples of temperature, frequency and battery; of the given values of any column, as in `images`."""
        return self._read("telemetry", filters)

    def operators(self, **filters: object) -> pd.DataFrame:
        """Times of the operators of profiled models; of the given values of any column, as in `images`."""
        return self._read("operators", filters)

    def passes(self, **filters: object) -> pd.DataFrame:
        """Times of profiled models as a whole; of the given values of any column, as in `images`."""
        return self._read("passes", filters)

    def nodes(self, **filters: object) -> pd.DataFrame:
        """Nodes of the graphs of profiled models; of the given values of any column, as in `images`."""
        return self._read("nodes", filters)

    def _read(self, name: str, filters: Mapping[str, object]) -> pd.DataFrame:
        """A table, of this origin and of these devices alone."""
        wanted = {column: self._values(name, column, given) for column, given in filters.items()}
        return storage.read(name, self.processed, **{"origin": [self.origin], "device_id": self._devices, **wanted})

    @property
    def _devices(self) -> list[str]:
        return list(self.devices["device_id"])

    @property
    def _rows(self) -> pd.DataFrame:
        """The rows of all runs: those of the suite, and those for a study."""
        return pd.concat([one for one in (self.instances, self.studies) if len(one)] or [self.instances])

    def _chosen(self, rows: pd.DataFrame, filters: Mapping[str, object], of: str = "") -> pd.DataFrame:
        """The rows of table `instances` whose columns hold one of the values; `of` as for `tables.kind_of`."""
        wanted = {column: self._values("instances", column, given, of) for column, given in filters.items()}
        for column, values in wanted.items():
            rows = rows[_holds(rows[column], values)]
        return rows

    def _values(self, name: str, column: str, given: object, of: str = "") -> list[Any]:
        """What was given for a column of a table, as values of its type.

        Raises DataError if there is no such column, or for a value that is not in these data where it names something:
        of what was measured, like the time or the answer to an image, no row may have a value.
        """
        kind = storage.kind_of(name, column, of)
        known = self._known(name, column, kind)
        if known is None:
            return [choice.convert(column, one, kind) for one in choice.listed(given)]
        return choice.choose(column.removesuffix("_id"), given, known, kind)

    def _known(self, name: str, column: str, kind: str) -> Collection[Any] | None:
        """The values of a column that names something; None for one that was measured, or of another table."""
        if column == "device_id":
            return self._devices
        if column == "origin":
            return [self.origin]
        if name == "images" and column in ("image", "label"):
            there = {"origin": [self.origin], "device_id": self._devices}
            return _distinct(storage.read(name, self.processed, [column], **there)[column])
        if column in self.instances and kind == "text":
            return _distinct(self._rows[column])
        return None


def _holds(column: pd.Series, values: Collection[Any]) -> pd.Series:
    """Whether each row holds one of the values, among which None is a missing one."""
    found = column.isin([one for one in values if one is not None])
    return found | column.isna() if None in values else found


def _distinct(column: pd.Series) -> list[Any]:
    """The values of a column in order, behind them None if some are missing."""
    return [*sorted(column.dropna().unique().tolist()), *([None] if column.isna().any() else [])]


def load(
    processed: Path | str = FOLDER,
    origin: str = "measured",
    scheduler: str = "",
    devices: object = "",
) -> Data:
    """Reads the devices and instances of one origin. `scheduler` is the address of a Dask scheduler, like tcp://10.0.0.1:8786.

    A relative folder is looked for in the working folder and in those above it. `devices` are ids as data[...] takes
    them, one, several in a list or with commas in a text; of all if there is no text.
    With origin "" that is the first of measured, simulated and imported that there is.
    Raises DataError if the folder or a table is missing or damaged, if nothing of that origin is in it, or if a device
    is unknown.
    """
    if origin and origin not in schemas.ORIGINS:
        raise DataError(f"Origin {origin!r} is unknown: choose {', '.join(schemas.ORIGINS)}.")
    folder = find(processed)
    instances = validity.read(folder)
    origin = origin or next((one for one in schemas.ORIGINS if one in set(instances["origin"])), schemas.ORIGINS[0])
    chosen = instances[instances["origin"] == origin].reset_index(drop=True)
    if chosen.empty:
        held = ", ".join(sorted(instances["origin"].unique())) or "no run at all"
        raise DataError(f"{folder} holds nothing {origin} (it holds {held}): choose another origin or run the suite.")
    data = Data(
        folder,
        origin,
        storage.read("devices", folder, origin=origin).reset_index(drop=True),
        select.of_suite(chosen),
        chosen[chosen["study"].notna()].reset_index(drop=True),
        storage.read("left_out", folder, origin=[origin, None]).reset_index(drop=True),
        scheduler,
    )
    every = devices is None or (isinstance(devices, str) and not devices.strip(" ,"))
    return data if every else data[devices]


MOST_NAMED = 5  # devices

READ_LATER = {  # what a call of a method reads, and what it has a row for
    "telemetry": "sample of temperature, frequency and battery in a run",
    "operators": "operator and repetition of a profiled model",
    "passes": "repetition of a profiled model",
    "nodes": "node of the graph of a profiled model",
}


def to_html(data: Data) -> str:
    """Return the origin, the devices and a table of the tables as HTML, without reading image records."""
    models = data.devices["model"].fillna(data.devices["device_id"]).astype(str)
    devices = ", ".join(map(escape, models[:MOST_NAMED]))
    more = len(data.devices) - MOST_NAMED
    named = (f"{devices} and {more} more" if more > 0 else devices) if len(data.instances) + len(data.studies) else ""
    table = overview(data).to_html(index=False, border=0, na_rep="", justify="left")
    origin = ORIGIN_SENTENCES[data.origin]
    return f"<p>{origin} {named or 'Nothing was run.'}</p><p>Tables in {escape(str(data.processed))}</p>{table}"


def overview(data: Data) -> pd.DataFrame:
    """One row per table: what to write to get it, what one of its rows is, and how many there are (null: no table)."""
    images = data.instances["images"].sum() + data.studies["images"].sum()
    found: list[tuple[str, str, int | None]] = [
        ("data.devices", "device", len(data.devices)),
        ("data.results()", "device and instance: the newest usable run, as on the pages", len(data.results())),
        ("data.instances", "run and instance of the suite, also what is not usable", len(data.instances)),
        ("data.images()", "image that an instance was shown: see data.images?", int(images)),
        ("data.studies", "run and instance of a study, as of operators or resizing", len(data.studies)),
        *((f"data.{name}()", what, _count(data, name)) for name, what in READ_LATER.items()),
        ("data.left_out", "file or line of the raw logs that was not used", len(data.left_out)),
    ]
    frame = pd.DataFrame(found, columns=["table", "one row for each", "rows"])
    return frame.astype({"rows": "Int64"})


def _count(data: Data, name: str) -> int | None:
    """How many rows a table has of these data, without reading more than a column."""
    devices = list(data.devices["device_id"])
    try:
        return len(storage.read(name, data.processed, ["origin"], origin=[data.origin], device_id=devices))
    except DataError:
        return None
