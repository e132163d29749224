"""The processed tables: their schemas, and reading and writing them as Parquet.

Every table is tidy: one row per device, instance, image, sample or operator. Times end in their unit,
accuracies are fractions of 1, and each row carries its origin.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, reduce
from operator import and_
from pathlib import Path
from threading import Lock
from typing import ClassVar

import pandas as pd
import pandera.pandas as pa
import pyarrow
from pandera.typing.pandas import Series
from pyarrow import compute, dataset, parquet

from aiot_analysis.errors import DataError

ORIGINS = ["measured", "simulated", "imported"]
STATUSES = ["end", "summary", "failed", "unavailable", "cut"]
VERDICTS = ["valid", "semi-valid", "invalid", "unavailable"]

_ONE_AT_A_TIME = Lock()  # pandera does not say that several threads may validate


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
    study: Series[str] = pa.Field(nullable=True)  # null: a run of the suite
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
    distinct_images: Series[int] = pa.Field(ge=0)  # a timed profile may show an image more than once
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
    log_lines: Series[int] = pa.Field(ge=0)  # of the attempt's log, that this row and its images were made of
    status: Series[str] = pa.Field(isin=STATUSES)
    verdict: Series[str] = pa.Field(isin=VERDICTS)
    reasons: Series[str]  # why the verdict is not "valid", and what would help; "" where it is
    model_sha256: Series[str] = pa.Field(nullable=True)
    dataset_sha256: Series[str]
    framework_version: Series[str] = pa.Field(nullable=True)
    started: Series[str]
    origin: Series[str] = pa.Field(isin=ORIGINS)


class Images(_Table):
    """One row per image (query) of an instance. Names are categories: there are few of them in many rows."""

    run_id: Series[pd.CategoricalDtype]
    device_id: Series[pd.CategoricalDtype]
    instance_id: Series[pd.CategoricalDtype]
    query: Series[int] = pa.Field(ge=0)
    image: Series[pd.CategoricalDtype]
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
    origin: Series[pd.CategoricalDtype] = pa.Field(isin=ORIGINS)


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


class _Profiled(_Table):
    run_id: Series[str]
    device_id: Series[str]
    model: Series[str]
    framework: Series[str]
    origin: Series[str] = pa.Field(isin=ORIGINS)


class Operators(_Profiled):
    """One row per operator x repetition of a profiled model."""

    operator: Series[str]
    kind: Series[str]
    repetition: Series[int]
    time_ms: Series[float] = pa.Field(ge=0)


class Passes(_Profiled):
    """One row per repetition of a profiled model: the network once with the profiler, and once without."""

    repetition: Series[int] = pa.Field(ge=0)
    profiled_ms: Series[float] = pa.Field(ge=0)
    plain_ms: Series[float] = pa.Field(ge=0)


class Nodes(_Profiled):
    """One row per node of a network's graph, in an order in which it can be computed. Sizes are text like "3x3"."""

    position: Series[int] = pa.Field(ge=0)
    node: Series[str]
    kind: Series[str]
    operation: Series[str]  # in the words of who traced it, like Conv2d
    within: Series[str]  # modules around it, outermost first, as path:class, with spaces between
    inputs: Series[str]  # nodes, with spaces between
    kernel: Series[str] = pa.Field(nullable=True)  # height x width
    stride: Series[str] = pa.Field(nullable=True)
    groups: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    in_shape: Series[str] = pa.Field(nullable=True)  # of the first input: N x C x H x W
    out_shape: Series[str] = pa.Field(nullable=True)
    macs: Series[int] = pa.Field(ge=0)  # multiply-accumulates
    parameters: Series[int] = pa.Field(ge=0)

    class Config:
        unique: ClassVar = ["run_id", "device_id", "model", "framework", "node"]


class LeftOut(_Table):
    """One row per file or line of the raw logs that was not used, with the reason."""

    path: Series[str]
    reason: Series[str]
    lines: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=0)  # how many; null where it is no log that can be read


TABLES: dict[str, type[_Table]] = {
    "devices": Devices,
    "instances": Instances,
    "images": Images,
    "telemetry": Telemetry,
    "operators": Operators,
    "passes": Passes,
    "nodes": Nodes,
    "left_out": LeftOut,
}


def table(name: str, rows: pd.DataFrame | list[dict[str, object]]) -> pd.DataFrame:
    """Rows as a validated table `name`; columns that are missing become null.

    Raises DataError naming the first column and value that are not of the schema.
    """
    schema = TABLES[name].to_schema()
    return _validated(name, schema, pd.DataFrame(rows).reindex(columns=list(schema.columns)))


def check_images(content: pyarrow.Table) -> None:
    """Raises DataError if a part of the table `images`, with the types of `images_schema`, is not of its schema.

    `top5`, which pandas would turn into an object a row, has no rule but its type.
    """
    frame = content.drop_columns("top5").to_pandas()
    with _ONE_AT_A_TIME:
        _validated("images", _images_as_they_are(), frame)


@cache
def _images_as_they_are() -> pa.DataFrameSchema:
    """The schema without `top5`, and without the conversion of types, which takes longer than all checks."""
    schema = Images.to_schema().remove_columns(["top5"])
    schema.coerce = False
    schema.columns["top1"].coerce = True  # pandas makes floating point numbers of it where there are nulls
    return schema


def _validated(name: str, schema: pa.DataFrameSchema, frame: pd.DataFrame) -> pd.DataFrame:
    try:
        return schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        value = first["failure_case"]
        value = value.item() if hasattr(value, "item") else value  # a number as people write it
        raise DataError(f"Table {name}, column {first['column']}: {value!r} fails {first['check']}.") from None


@cache
def images_schema() -> pyarrow.Schema:
    """The types of the table `images` in Parquet, where names are dictionaries."""
    types = {
        "category": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
        "int64": pyarrow.int64(),
        "Int64": pyarrow.int64(),
        "float64": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "object": pyarrow.list_(pyarrow.int64()),
    }
    return pyarrow.schema({name: types[str(column.dtype)] for name, column in Images.to_schema().columns.items()})


def images_writer(path: Path) -> parquet.ParquetWriter:
    """Writes image records of the types of `images_schema` to one file."""
    schema = images_schema()
    repeated = [field.name for field in schema if pyarrow.types.is_dictionary(field.type)]
    return parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=[*repeated, "query", "label"])


def write(name: str, frame: pd.DataFrame, processed: Path) -> None:
    """Writes a table whole or not at all; `images` is one file a run in a folder a device, and other files go."""
    if name != "images":
        write_file(frame, processed / f"{name}.parquet")
        return
    folder = processed / "images"
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for (device, run), part in frame.groupby(["device_id", "run_id"], observed=True):
        path = folder / str(device) / f"{run}.parquet"
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(".part")
        with images_writer(temporary) as writer:
            writer.write_table(pyarrow.Table.from_pandas(part, images_schema(), preserve_index=False))
        written.add(temporary.replace(path))
    for other in set(folder.rglob("*.parquet")) - written:
        other.unlink()


def write_file(frame: pd.DataFrame, path: Path) -> None:
    """Writes a table whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    parquet.write_table(pyarrow.Table.from_pandas(frame, preserve_index=False), temporary)
    temporary.replace(path)


def read(
    name: str, processed: Path | str, columns: Sequence[str] | None = None, **filters: Collection[str]
) -> pd.DataFrame:
    """A processed table, or some columns of it and the rows whose columns hold one of the given values.

    `read("images", "data/processed", ["image", "correct"], instance_id=["tflite_cpu_float32_mnasnet"])` reads
    only what is asked for; files of other devices and runs are not even opened. Raises DataError if the table is
    not there or of another version, or if a column is not known.
    """
    known = list(TABLES[name].to_schema().columns)
    for column in [*(columns or ()), *filters]:
        if column not in known:
            raise DataError(f"Table {name} has no column {column!r}: choose {', '.join(known)}.")
    path = Path(processed) / ("images" if name == "images" else f"{name}.parquet")
    if not path.exists():
        raise DataError(f"There is no table {name} in {processed}: run `aiot process` first.")
    wanted = [compute.field(column).isin(list(values)) for column, values in filters.items()]
    chosen = reduce(and_, wanted) if wanted else None
    if name != "images":
        found = dataset.dataset(path, format="parquet")
        _check_version(found.schema, known, path)
        return found.to_table(columns, chosen).to_pandas()
    devices, runs = filters.get("device_id"), filters.get("run_id")
    files = [
        str(file)
        for file in sorted(path.glob("*/*.parquet"))
        if (devices is None or file.parent.name in devices) and (runs is None or file.stem in runs)
    ]
    if files:  # `aiot process` makes all of them in one version
        _check_version(parquet.read_schema(files[0]), known, path)
    return _frame(dataset.dataset(files, images_schema(), format="parquet").to_table(columns, chosen))


def _check_version(found: pyarrow.Schema, known: Sequence[str], path: Path) -> None:
    """Raises DataError if a table has not the columns it has in this version."""
    for column in known:
        if column not in found.names:
            raise DataError(
                f"{path} was made by another version (it has no column {column!r}): run `aiot process` to make it anew."
            )


def _frame(content: pyarrow.Table) -> pd.DataFrame:
    """Image records in pandas, with the types of the schema; categories are in order of name, as text would be."""
    frame = content.to_pandas()
    for column in frame.select_dtypes("category"):
        names = frame[column].cat
        frame[column] = names.set_categories(sorted(names.categories[pd.unique(names.codes)]))
    if "top1" in frame:
        frame["top1"] = content["top1"].to_pandas(types_mapper={pyarrow.int64(): pd.Int64Dtype()}.get)
    return frame
