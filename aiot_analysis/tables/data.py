"""The tables that a notebook works on: one call, one origin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.tables import names, select, storage, validity
from aiot_analysis.tables.by_device import DeviceRecords
from aiot_analysis.tables.names import ORIGIN_SENTENCES
from aiot_analysis.tables.workspace import FOLDER, WORKERS_TIMEOUT_S, find
from runner.rawlog import ORIGINS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

IMAGE_COLUMNS = [column for column in storage.images_schema().names if column != "top5"]


@dataclass(frozen=True)
class Data:
    """The processed tables of one origin. Image records are read only on demand, since there are many."""

    processed: Path
    origin: str
    devices: pd.DataFrame
    instances: pd.DataFrame  # of runs of the suite
    studies: pd.DataFrame  # like `instances`, of runs for a study
    # of these devices, and of no device if all are selected; of this origin or an unknown one
    left_out: pd.DataFrame
    scheduler: str = ""  # address of the Dask scheduler that processes `image_parts`; "" for this process
    workers_timeout_s: float = WORKERS_TIMEOUT_S  # longest time to wait while the scheduler has no worker

    def __getitem__(self, devices: object) -> Data:
        """Return the data of one or several devices by id: data["local"], data[["honor-v20", "oppo-reno"]].

        Raises DataError for an unknown id.
        """
        wanted = names.choose("device", devices, self._devices)

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
        """Return the completions of data["<tab>."""
        return self._devices

    def __dir__(self) -> list[str]:
        """Return the completions of data.<tab>: the tables and the methods."""
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __repr__(self) -> str:
        counts = (
            f"{len(self.devices)} devices",
            f"{len(self.instances)} instances",
            f"{len(self.studies)} instances of studies",
        )
        return f"Data({self.origin}, {self.processed}: {', '.join(counts)})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows for the data (see `to_html`)."""
        return to_html(self)

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with a column `device`, the display name, in place of `device_id`."""
        labels = names.devices(self.devices)
        return frame.assign(device_id=frame["device_id"].map(labels)).rename(columns={"device_id": "device"})

    def results(self, verdicts: str | Sequence[str] = names.USABLE, **filters: object) -> pd.DataFrame:
        """Return the rows of `instances` that the pages use: one per device and instance, ready for a pivot or a mean.

        Of several runs the newest is taken, and only of those that were measured alike: `tables.select.measured_rows`
        also returns the excluded rows with the reasons.

        Parameters
        ----------
        verdicts
            Verdicts of the rows that are returned.
        filters
            Values by column, as in `images`: results(model="mnasnet", framework=["tflite", "pytorch"]).

        Returns
        -------
        A frame with the columns of `instances`.

        Examples
        --------
        >>> data = aiot_analysis.load(origin="")
        >>> data.results().pivot_table("accuracy", "model", "device_id")
        """
        rows, _ = select.measured_rows(self.instances, by_framework=True, wanted=verdicts)
        return self._chosen(rows, filters).reset_index(drop=True)

    def images(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: object) -> pd.DataFrame:
        """Return image records of this origin: one row per image that an instance was shown.

        Parameters
        ----------
        columns
            Columns of the table `images`, by default without `top5`, which is as large as all others.
        filters
            One value or several in a list, for any column of the table `images`, like image="cat.jpg" or label=[3, 4],
            or of its instance, like model="mnasnet", framework, delegate, quantization or threads=4. Text may name
            several values, separated by commas.

        Returns
        -------
        A frame with these columns.

        Raises
        ------
        DataError
            A column or a value is unknown.

        Examples
        --------
        >>> data = aiot_analysis.load(origin="")
        >>> data.images(instance_id="tflite_cpu_float32_mnasnet")["inference_ms"].median()
        >>> data.images(["image", "label", "top5"], model="mnasnet", correct=False)
        """
        records = self.image_parts(columns, **filters)
        return records.of(*records.devices)

    def image_parts(self, columns: Sequence[str] = IMAGE_COLUMNS, **filters: object) -> DeviceRecords:
        """Return `images` one device at a time, so that only the records of one device are in memory."""
        of_images = {
            column: selection for column, selection in filters.items() if column in storage.images_schema().names
        }
        of_instances = {column: selection for column, selection in filters.items() if column not in of_images}
        wanted = {column: self._values("images", column, selection) for column, selection in of_images.items()}
        devices = wanted.pop("device_id", self._devices)
        wanted.pop("origin", None)  # there is only one, and the filter was checked against it
        rows = None
        if of_instances:
            rows = self._chosen(self._rows, of_instances, "images")[select.KEY].drop_duplicates(ignore_index=True)
            devices = [value for value in devices if value in set(rows["device_id"])]
            for column in ("run_id", "instance_id"):  # avoids reading anything else
                present = set(rows[column])
                wanted[column] = [value for value in wanted.get(column, sorted(present)) if value in present]
        return DeviceRecords(
            self.processed,
            self.origin,
            tuple(devices),
            tuple(columns),
            wanted,
            self.scheduler,
            self.workers_timeout_s,
            rows,
        )

    def telemetry(self, **filters: object) -> pd.DataFrame:
        """Return samples of temperature, frequency and battery; filters work as in `images`."""
        return self._read("telemetry", filters)

    def operators(self, **filters: object) -> pd.DataFrame:
        """Return times of the operators of profiled models; filters work as in `images`."""
        return self._read("operators", filters)

    def passes(self, **filters: object) -> pd.DataFrame:
        """Return times of profiled models as a whole; filters work as in `images`."""
        return self._read("passes", filters)

    def nodes(self, **filters: object) -> pd.DataFrame:
        """Return nodes of the graphs of profiled models; filters work as in `images`."""
        return self._read("nodes", filters)

    def _read(self, name: str, filters: Mapping[str, object]) -> pd.DataFrame:
        """Read a table, restricted to this origin and these devices."""
        wanted = {column: self._values(name, column, selection) for column, selection in filters.items()}
        return storage.read(name, self.processed, **{"origin": [self.origin], "device_id": self._devices, **wanted})

    @property
    def _devices(self) -> list[str]:
        """Return the ids of the devices."""
        return list(self.devices["device_id"])

    @property
    def _rows(self) -> pd.DataFrame:
        """Return the instances of all runs, of the suite and for a study."""
        return pd.concat([frame for frame in (self.instances, self.studies) if len(frame)] or [self.instances])

    def _chosen(self, rows: pd.DataFrame, filters: Mapping[str, object], rows_of: str = "") -> pd.DataFrame:
        """Return the rows of `instances` whose columns hold one of the values; see `storage.kind_of` for `rows_of`."""
        wanted = {
            column: self._values("instances", column, selection, rows_of) for column, selection in filters.items()
        }
        for column, values in wanted.items():
            rows = rows[_holds(rows[column], values)]
        return rows

    def _values(self, name: str, column: str, selection: object, rows_of: str = "") -> list[Any]:
        """Return the selected values of a column of a table, converted to its type.

        Raises DataError if there is no such column. Values of a column that names something must be present in these
        data; measured values, like times or the answers to images, need not be.
        """
        kind = storage.kind_of(name, column, rows_of)
        candidates = self._known(name, column, kind)
        if candidates is None:
            return [names.convert(column, value, kind) for value in names.listed(selection)]
        return names.choose(column.removesuffix("_id"), selection, candidates, kind)

    def _known(self, name: str, column: str, kind: str) -> Collection[Any] | None:
        """Return the values of a column that names something, or None for a measured one or one of another table."""
        if column == "device_id":
            return self._devices
        if column == "origin":
            return [self.origin]
        if name == "images" and column in ("image", "label"):
            filters = {"origin": [self.origin], "device_id": self._devices}
            return _distinct(storage.read(name, self.processed, [column], **filters)[column])
        if column in self.instances and kind == "text":
            return _distinct(self._rows[column])
        return None


def _holds(column: pd.Series, values: Collection[Any]) -> pd.Series:
    """Return whether each row holds one of the values, where None matches missing values."""
    matches = column.isin([value for value in values if value is not None])
    return matches | column.isna() if None in values else matches


def _distinct(column: pd.Series) -> list[Any]:
    """Return the values of a column, sorted, followed by None if some are missing."""
    return [*sorted(column.dropna().unique().tolist()), *([None] if column.isna().any() else [])]


def load(
    processed: Path | str = FOLDER,
    origin: str = "measured",
    scheduler: str = "",
    devices: object = "",
    workers_timeout_s: float = WORKERS_TIMEOUT_S,
) -> Data:
    """Read the devices and instances of one origin.

    Parameters
    ----------
    processed
        Folder of the tables; a relative one is looked up in the working folder and its parent folders.
    origin
        "measured", "imported", "published" or "simulated"; empty: the first of them for which there are data.
    scheduler
        Address of a Dask scheduler that works on the image records, like tcp://10.0.0.1:8786.
    devices
        Ids as data[...] takes them: one, several in a list, or text with commas; empty text selects all.
    workers_timeout_s
        Longest time to wait while the scheduler has no worker, in seconds.

    Returns
    -------
    The tables `devices`, `instances`, `studies` and `left_out`, and methods that read the others.

    Raises
    ------
    DataError
        The folder or a table is missing or damaged, it holds nothing of that origin, or a device is unknown.

    Examples
    --------
    >>> data = aiot_analysis.load(origin="")
    >>> data.devices[["device_id", "soc"]]
    """
    if origin and origin not in ORIGINS:
        raise DataError(f"Origin {origin!r} is unknown: choose {', '.join(ORIGINS)}.")
    folder = find(processed)
    instances = validity.read(folder)
    origin = origin or next((name for name in ORIGINS if name in set(instances["origin"])), ORIGINS[0])
    of_origin = instances[instances["origin"] == origin].reset_index(drop=True)
    if of_origin.empty:
        held_origins = ", ".join(sorted(instances["origin"].unique())) or "no runs at all"
        raise DataError(
            f"{folder} has no {origin} data (it has {held_origins}): choose another origin or run the suite."
        )
    data = Data(
        folder,
        origin,
        storage.read("devices", folder, origin=origin).reset_index(drop=True),
        select.of_suite(of_origin),
        of_origin[of_origin["study"].notna()].reset_index(drop=True),
        storage.read("left_out", folder, origin=[origin, None]).reset_index(drop=True),
        scheduler,
        workers_timeout_s,
    )
    is_all = devices is None or (isinstance(devices, str) and not devices.strip(" ,"))
    return data if is_all else data[devices]


MOST_NAMED = 5  # devices that are listed by name

READ_LATER = {  # tables that are read by a method call, and what one of their rows is
    "telemetry": "sample of temperature, frequency and battery in a run",
    "operators": "operator and repetition of a profiled model",
    "passes": "repetition of a profiled model",
    "nodes": "node of the graph of a profiled model",
}


def to_html(data: Data) -> str:
    """Return the origin, the devices and an overview of the tables as HTML, without reading image records."""
    models = data.devices["model"].fillna(data.devices["device_id"]).astype(str)
    listed = ", ".join(map(escape, models[:MOST_NAMED]))
    extra = len(data.devices) - MOST_NAMED
    label = (f"{listed} and {extra} more" if extra > 0 else listed) if len(data.instances) + len(data.studies) else ""
    table = overview(data).to_html(index=False, border=0, na_rep="", justify="left")
    origin = ORIGIN_SENTENCES[data.origin]
    return f"<p>{origin} {label or 'Nothing was run.'}</p><p>Tables in {escape(str(data.processed))}</p>{table}"


def overview(data: Data) -> pd.DataFrame:
    """Return one row per table: how to access it, what one of its rows is, and the number of rows (null: no table)."""
    image_count = data.instances["images"].sum() + data.studies["images"].sum()
    entries: list[tuple[str, str, int | None]] = [
        ("data.devices", "device", len(data.devices)),
        ("data.results()", "device and instance, from the latest usable run, as on the pages", len(data.results())),
        ("data.instances", "run and instance of the suite, including unusable ones", len(data.instances)),
        ("data.images()", "image and instance (see data.images?)", int(image_count)),
        ("data.studies", "run and instance of a study, such as operators or resizing", len(data.studies)),
        *((f"data.{name}()", description, _count(data, name)) for name, description in READ_LATER.items()),
        ("data.left_out", "excluded file or line of the raw logs", len(data.left_out)),
    ]
    frame = pd.DataFrame(entries, columns=["table", "one row per", "rows"])
    return frame.astype({"rows": "Int64"})


def _count(data: Data, name: str) -> int | None:
    """Return the number of rows of a table for these data, reading only one column; None if it cannot be read."""
    devices = list(data.devices["device_id"])
    try:
        return len(storage.read(name, data.processed, ["origin"], origin=[data.origin], device_id=devices))
    except DataError:
        return None
