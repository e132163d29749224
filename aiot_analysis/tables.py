"""The processed tables: their schemas, and reading and writing them as Parquet.

Every table is tidy: one row per device, instance, image, sample or operator. Times end in their unit,
accuracies are fractions of 1, and each row carries its origin.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pandas as pd
import pandera.pandas as pa
import pyarrow
from pandera.typing.pandas import Series
from pyarrow import parquet

from aiot_analysis.errors import DataError

ORIGINS = ["measured", "simulated", "imported"]
STATUSES = ["end", "summary", "failed", "unavailable", "cut"]
VERDICTS = ["valid", "semi-valid", "invalid", "unavailable"]


class _Table(pa.DataFrameModel):
    class Config:
        strict = True
        coerce = True


class Devices(_Table):
    """One row per device and origin: a phone may be measured, and simulated too."""

    device_id: Series[str]  # slug
    paper_id: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=1, le=51)  # row of the paper's Table III
    maker: Series[str] = pa.Field(nullable=True)
    model: Series[str] = pa.Field(nullable=True)
    soc: Series[str] = pa.Field(nullable=True)
    ram_gb: Series[float] = pa.Field(nullable=True)
    os: Series[str] = pa.Field(nullable=True)
    os_version: Series[str] = pa.Field(nullable=True)
    abi: Series[str] = pa.Field(nullable=True)
    kernel: Series[str] = pa.Field(nullable=True)
    cores: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    max_mhz: Series[float] = pa.Field(nullable=True)
    origin: Series[str] = pa.Field(isin=ORIGINS)

    class Config:
        unique: ClassVar = ["device_id", "origin"]


class Instances(_Table):
    """One row per run x instance: the last complete attempt, or why there is none."""

    run_id: Series[str]
    device_id: Series[str]
    instance_id: Series[str]  # <framework>_<delegate>_<quantization>_<model>
    model: Series[str]
    framework: Series[str]
    delegate: Series[str]
    quantization: Series[str]
    threads: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    position: Series[int]  # in the run's order, from 0
    attempt: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    attempts: Series[int]  # how many there are
    source: Series[str] = pa.Field(isin=["agent", "tool"])
    profile: Series[str]
    timing: Series[str] = pa.Field(isin=["end_to_end", "inference"])
    weights: Series[str] = pa.Field(nullable=True)
    dataset: Series[str]
    images: Series[int] = pa.Field(ge=0)
    failed_images: Series[int] = pa.Field(ge=0)
    correct: Series[int] = pa.Field(ge=0)
    accuracy: Series[float] = pa.Field(nullable=True, ge=0, le=1)  # an image that failed counts as wrong
    load_ms: Series[float] = pa.Field(nullable=True)
    first_image_ms: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_mean: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_median: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_p90: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_sd: Series[float] = pa.Field(nullable=True)
    inference_ms_mean: Series[float] = pa.Field(nullable=True)
    inference_ms_median: Series[float] = pa.Field(nullable=True)
    inference_ms_p90: Series[float] = pa.Field(nullable=True)
    inference_ms_sd: Series[float] = pa.Field(nullable=True)
    peak_rss_mb: Series[float] = pa.Field(nullable=True)
    model_mb: Series[float] = pa.Field(nullable=True)  # size on disk
    accelerator_requested: Series[str] = pa.Field(nullable=True)
    accelerator_actual: Series[str] = pa.Field(nullable=True)
    nodes_delegated: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    partitions: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    status: Series[str] = pa.Field(isin=STATUSES)
    verdict: Series[str] = pa.Field(isin=VERDICTS)
    reasons: Series[str]  # why the verdict is not "valid", and what would help; "" where it is
    model_sha256: Series[str] = pa.Field(nullable=True)
    dataset_sha256: Series[str]
    framework_version: Series[str] = pa.Field(nullable=True)
    started: Series[str]
    origin: Series[str] = pa.Field(isin=ORIGINS)


class Images(_Table):
    """One row per image (query) of an instance."""

    run_id: Series[str]
    device_id: Series[str]
    instance_id: Series[str]
    query: Series[int] = pa.Field(ge=0)
    image: Series[str]
    label: Series[int]
    top1: Series[pd.Int64Dtype] = pa.Field(nullable=True)  # null where the image failed
    top5: Series[object] = pa.Field(nullable=True)  # classes, best first
    correct: Series[bool]
    decode_ms: Series[float] = pa.Field(nullable=True)
    preprocess_ms: Series[float] = pa.Field(nullable=True)
    inference_ms: Series[float] = pa.Field(nullable=True)
    postprocess_ms: Series[float] = pa.Field(nullable=True)
    end_to_end_ms: Series[float] = pa.Field(ge=0)  # the four together; of a failed image the time it took
    at_s: Series[float] = pa.Field(ge=0)  # since the first query began
    failed: Series[bool]
    origin: Series[str] = pa.Field(isin=ORIGINS)


class Telemetry(_Table):
    """One row per sample in a run; what a system does not offer is null."""

    run_id: Series[str]
    device_id: Series[str]
    instance_id: Series[str] = pa.Field(nullable=True)
    at: Series[str]  # ISO 8601, UTC
    temperature_c: Series[float] = pa.Field(nullable=True)
    frequency_mhz: Series[float] = pa.Field(nullable=True)
    battery_percent: Series[float] = pa.Field(nullable=True)
    thermal_status: Series[str] = pa.Field(nullable=True)
    load_average: Series[float] = pa.Field(nullable=True)
    origin: Series[str] = pa.Field(isin=ORIGINS)


class Operators(_Table):
    """One row per operator x repetition of a profiled model."""

    run_id: Series[str]
    device_id: Series[str]
    model: Series[str]
    framework: Series[str]
    operator: Series[str]
    kind: Series[str]
    repetition: Series[int]
    time_ms: Series[float] = pa.Field(ge=0)
    origin: Series[str] = pa.Field(isin=ORIGINS)


class LeftOut(_Table):
    """One row per file or line of the raw logs that was not used, with the reason."""

    path: Series[str]
    reason: Series[str]


TABLES: dict[str, type[_Table]] = {
    "devices": Devices,
    "instances": Instances,
    "images": Images,
    "telemetry": Telemetry,
    "operators": Operators,
    "left_out": LeftOut,
}


def table(name: str, rows: pd.DataFrame | list[dict[str, object]]) -> pd.DataFrame:
    """Rows as a validated table `name`; columns that are missing become null.

    Raises DataError naming the first column and value that are not of the schema.
    """
    schema = TABLES[name].to_schema()
    frame = pd.DataFrame(rows).reindex(columns=list(schema.columns))
    try:
        return schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        value = first["failure_case"]
        value = value.item() if hasattr(value, "item") else value  # a number as people write it
        raise DataError(f"Table {name}, column {first['column']}: {value!r} fails {first['check']}.") from None


def write(name: str, frame: pd.DataFrame, processed: Path) -> None:
    """Writes a table whole or not at all; `images` is one file a device, and files of other devices go."""
    processed.mkdir(parents=True, exist_ok=True)
    if name == "images":
        folder = processed / "images"
        folder.mkdir(exist_ok=True)
        written = [_write_file(part, folder / f"{device}.parquet") for device, part in frame.groupby("device_id")]
        for other in set(folder.glob("*.parquet")) - set(written):
            other.unlink()
    else:
        _write_file(frame, processed / f"{name}.parquet")


def _write_file(frame: pd.DataFrame, path: Path) -> Path:
    content = pyarrow.Table.from_pandas(frame, preserve_index=False)
    if "top5" in frame:  # a column of nulls alone has no type of its own, and then the files would not fit together
        place = content.schema.get_field_index("top5")
        content = content.set_column(place, "top5", content["top5"].cast(pyarrow.list_(pyarrow.int64())))
    temporary = path.with_name(path.name + ".part")
    parquet.write_table(content, temporary)
    return temporary.replace(path)


def read(name: str, processed: Path | str, **filters: list[str]) -> pd.DataFrame:
    """A processed table, or the rows whose columns hold one of the given values.

    `read("images", "data/processed", instance_id=["tflite_cpu_float32_mnasnet"])` reads only what is
    asked for. Raises DataError if the table is not there.
    """
    path = Path(processed) / ("images" if name == "images" else f"{name}.parquet")
    if not path.exists():
        raise DataError(f"There is no table {name} in {processed}: run `aiot process` first.")
    files = sorted(path.glob("*.parquet")) if name == "images" else [path]
    if not files:
        return table(name, [])
    wanted = [(column, "in", list(values)) for column, values in filters.items()]
    return pd.read_parquet(files, filters=wanted or None)  # type: ignore[call-overload]  # pyarrow takes a list
