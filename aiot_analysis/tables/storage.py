"""Validating, writing and reading the processed tables as Parquet."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, lru_cache, reduce
from operator import and_
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.pandas as pa
import pyarrow
from pandera.config import ValidationDepth, config_context
from pyarrow import compute, dataset, parquet

from aiot_analysis.errors import DamagedError, DataError
from aiot_analysis.tables import names
from aiot_analysis.tables.schemas import ADDED, TABLES, Images
from aiot_analysis.tables.workspace import REMEDY, is_as_written
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

IMAGE_KEY = ["run_id", "device_id", "instance_id", "query"]

_ONE_AT_A_TIME = Lock()  # pandera does not promise thread-safe validation


def table(name: str, rows: pd.DataFrame | list[dict[str, object]]) -> pd.DataFrame:
    """Return rows as a validated table `name`; missing columns become null.

    Raises DataError with the first column and value that violate the schema.
    """
    if len(rows) == 0:
        return _empty(name).copy()
    return _checked(name, pd.DataFrame(rows))


@cache
def _empty(name: str) -> pd.DataFrame:
    """Return a table without rows, cached: most runs have no rows for some tables, and pandera takes 20 ms for each."""
    return _checked(name, pd.DataFrame())


def _checked(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with all columns of table `name`, validated."""
    schema = TABLES[name].to_schema()
    return _validated(name, schema, rows.reindex(columns=list(schema.columns)))


def check_images(content: pyarrow.Table) -> None:
    """Raise DataError if part of the table `images`, typed as in `images_schema`, violates its schema.

    `top5`, which pandas would turn into one object per row, has no rule other than its type.
    """
    frame = content.drop_columns("top5").to_pandas()
    _validated("images", _images_as_they_are(), frame)


@cache
def _images_as_they_are() -> pa.DataFrameSchema:
    """Return the schema without `top5` and without type conversion, which takes longer than all checks."""
    schema = Images.to_schema().remove_columns(["top5"])
    schema.coerce = False
    schema.columns["top1"].coerce = True  # pandas makes it floating point if there are nulls
    return schema


def _validated(name: str, schema: pa.DataFrameSchema, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as the schema defines it; raise DataError with the first column and value that violate it.

    Converted columns have the right types. pandera would check them again, which takes longer than all other checks, so
    that is skipped. pandera then skips its check for nulls too, which is made here instead.
    """
    converts = bool(schema.coerce)
    depth = ValidationDepth.DATA_ONLY if converts else ValidationDepth.SCHEMA_AND_DATA
    try:
        with _ONE_AT_A_TIME, config_context(validation_depth=depth):
            checked = schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        value = first["failure_case"]
        value = value.item() if hasattr(value, "item") else value  # a plain Python number, for the message
        raise DataError(f"Table {name}, column {first['column']}: {value!r} fails {first['check']}.") from None
    required = [column for column, rule in schema.columns.items() if converts and not rule.nullable]
    nulls = checked[required].isna().any()
    if nulls.any():
        raise DataError(f"Table {name}, column {nulls.idxmax()}: {float('nan')!r} fails not_nullable.")
    return checked


@cache
def images_schema() -> pyarrow.Schema:
    """Return the Parquet types of the table `images`, in which names are dictionary-encoded."""
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
    """Return a writer of image records, typed as in `images_schema`, to one file."""
    schema = images_schema()
    repeated = [field.name for field in schema if pyarrow.types.is_dictionary(field.type)]
    return parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=[*repeated, "query", "label"])


def write(name: str, frame: pd.DataFrame, processed: Path) -> None:
    """Write a table whole or not at all.

    `images` becomes one file per run in a folder per device, and files of other runs are deleted.
    """
    if name != "images":
        write_file(frame, processed / f"{name}.parquet")
        return
    folder = processed / "images"
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for (device, run), part in frame.groupby(["device_id", "run_id"], observed=True):
        path = folder / str(device) / f"{run}.parquet"
        with rawlog.replacing(path) as temporary, images_writer(temporary) as writer:
            writer.write_table(pyarrow.Table.from_pandas(part, images_schema(), preserve_index=False))
        written.add(path)
    for other in set(folder.rglob("*.parquet")) - written:
        other.unlink()


def write_file(frame: pd.DataFrame, path: Path) -> None:
    """Write a table to a file, whole or not at all."""
    with rawlog.replacing(path) as temporary:
        parquet.write_table(pyarrow.Table.from_pandas(frame, preserve_index=False), temporary)


def read(name: str, processed: Path | str, columns: Sequence[str] | None = None, **filters: object) -> pd.DataFrame:
    """Return a processed table, or selected columns of it and the rows whose columns hold one of the given values.

    `read("images", "data/processed", ["image", "correct"], instance_id="tflite_cpu_float32_mnasnet", label=[3, 4])`
    reads only what it needs: files of other devices and runs are not even opened. A value, or several in a list, is
    converted to the type of the column, and None matches missing values. Raises DataError if the table is missing,
    damaged or of another version, if a column is unknown, or if a value cannot be converted.
    """
    folder = Path(processed)
    kinds = {column: kind_of(name, column) for column in filters}
    wanted = {
        column: [names.convert(column, value, kinds[column]) for value in names.listed(selection)]
        for column, selection in filters.items()
    }
    _check_columns(name, columns or ())
    path = folder / ("images" if name == "images" else f"{name}.parquet")
    if not path.exists():
        raise DataError(f"There is no table {name} in {processed}: run `aiot process` first.")
    files = _image_files(path, wanted) if name == "images" else [path]
    unverified = [file for file in files if not _is_as_written(file, folder)]
    with _undamaged(name, files):
        if files:  # `aiot process` writes all of them in the same version
            _check_version(parquet.read_schema(files[0]), name, path)
        for file in unverified:
            _check_content(name, file, *_facts(file))
        schema = images_schema() if name == "images" else _with_added(parquet.read_schema(path), name)
        source = dataset.dataset([str(file) for file in files], schema, format="parquet")
        conditions = [_holds(source.schema.field(column), values) for column, values in wanted.items()]
        condition = reduce(and_, conditions) if conditions else None
        content = source.to_table(None if columns is None else list(columns), condition)
        return _frame(content) if name == "images" else content.to_pandas()


def _with_added(schema: pyarrow.Schema, name: str) -> pyarrow.Schema:
    """Return the schema of a file with the columns of `schemas.ADDED` that its version of the table lacks."""
    missing = [column for column in ADDED.get(name, ()) if column not in schema.names]
    if not missing:
        return schema
    current = pyarrow.Schema.from_pandas(_empty(name), preserve_index=False)
    fields = [current.field(column) if column in missing else schema.field(column) for column in current.names]
    return pyarrow.schema(fields, current.metadata)


def _check_columns(name: str, columns: Collection[str]) -> None:
    """Raise DataError if a table lacks one of the columns."""
    table_columns = list(TABLES[name].to_schema().columns)
    for column in columns:
        if column not in table_columns:
            raise DataError(f"Table {name} has no column {column!r}: choose {', '.join(table_columns)}.")


def kind_of(name: str, column: str, rows_of: str = "") -> str:
    """Return the kind of values that a column of a table holds, as one of `names.KINDS`.

    `rows_of` is the table whose rows the column selects, if it is another one. Raises DataError if there is no such
    column, or if it holds lists.
    """
    if rows_of and column not in TABLES[name].to_schema().columns:
        columns = list(dict.fromkeys([*TABLES[rows_of].to_schema().columns, *TABLES[name].to_schema().columns]))
        raise DataError(
            f"Tables {rows_of} and {name} have no column {column!r}: choose {names.choices(column, columns)}."
        )
    _check_columns(name, [column])
    kind = _KINDS.get(str(TABLES[name].to_schema().columns[column].dtype), "")
    if not kind:
        raise DataError(f"Column {column} holds lists: filter by another column.")
    return kind


def _holds(field: pyarrow.Field, values: Collection[Any]) -> dataset.Expression:
    """Return the condition that a column holds one of the values, where None matches missing values."""
    column = compute.field(field.name)
    present = [value for value in values if value is not None]
    value_type = field.type.value_type if pyarrow.types.is_dictionary(field.type) else field.type
    is_empty = pyarrow.types.is_null(value_type)  # no row has a value
    condition = compute.scalar(False) if is_empty else column.isin(pyarrow.array(present, value_type))
    return condition | column.is_null() if None in values else condition


def _image_files(folder: Path, wanted: Mapping[str, Collection[Any]]) -> list[Path]:
    """Return the files with image records of the wanted devices and runs, or of all if none are specified."""
    devices, runs = wanted.get("device_id"), wanted.get("run_id")
    folders = folder.glob("*/") if devices is None else {folder / device for device in devices if device}
    return [
        file
        for device_folder in sorted(folders)
        for file in sorted(device_folder.glob("*.parquet"))
        if runs is None or file.stem in runs
    ]


@contextmanager
def _undamaged(name: str, files: Sequence[Path]) -> Iterator[None]:
    """Raise DamagedError with the name of the first file that cannot be read as a table."""
    try:
        yield
    except DataError:
        raise
    except Exception:  # a damaged file may raise anything
        for path in files:
            try:
                _content(name, path).to_pandas()
            except Exception as error:
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                raise DamagedError(f"{path} cannot be read ({reason.rstrip('.')}): {REMEDY}.") from None
        raise


def _content(name: str, path: Path) -> pyarrow.Table:
    """Return the whole content of a file of a table."""
    content = parquet.ParquetFile(path).read()
    return content.cast(images_schema()) if name == "images" else content


def _is_as_written(path: Path, folder: Path) -> bool:
    """Return whether the manifest shows that a file is as it was written, and hence validated.

    Raises DamagedError if the file differs from what was written.
    """
    as_written = is_as_written(path, folder)
    if as_written is False:
        raise DamagedError(f"{path} has changed since `aiot process` wrote it: {REMEDY}.")
    return bool(as_written)


def _facts(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the modification time in ns of a file."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4096)
def _check_content(name: str, path: Path, size: int, time_ns: int) -> None:
    """Raise DamagedError if the content of a file violates the schema of its table.

    Each state of a file, identified by its size and modification time, is checked once.
    """
    try:
        if name == "images":
            content = _content(name, path)
            check_images(content)
            keys = content.select(IMAGE_KEY).to_pandas()
            if keys.duplicated().any():
                raise DataError(f"Table images has {keys.duplicated().sum():,} duplicate rows.")
        else:
            # ignore a stored index: it may have duplicates, as the rows may
            table(name, _content(name, path).to_pandas(ignore_metadata=True))
    except DataError as error:
        raise DamagedError(f"{path} is damaged ({str(error).rstrip('.')}): {REMEDY}.") from None


def _check_version(schema: pyarrow.Schema, name: str, path: Path) -> None:
    """Raise DataError if a table lacks a column of this version, or holds values of another kind in one."""
    for column, facts in TABLES[name].to_schema().columns.items():
        if column not in schema.names and column in ADDED.get(name, ()):
            continue
        if column not in schema.names:
            problem = f"it has no column {column!r}"
        elif _kind(schema.field(column).type) not in (_KINDS.get(str(facts.dtype), "").removeprefix("whole "), ""):
            problem = f"its column {column!r} has type {schema.field(column).type}"
        else:
            continue
        raise DataError(f"{path} was written by another version ({problem}): run `aiot process` to rebuild it.")


_KINDS = {"string[pyarrow]": "text", "category": "text", "bool": "truth", "boolean": "truth"}
_KINDS |= {"int64": "whole number", "Int64": "whole number", "float64": "number", "Float64": "number"}


def _kind(data_type: pyarrow.DataType) -> str:
    """Return whether a column holds text, numbers or truth values; "" for one without values and for lists."""
    types = pyarrow.types
    if types.is_dictionary(data_type) or types.is_string(data_type) or types.is_large_string(data_type):
        return "text"
    if types.is_boolean(data_type):
        return "truth"
    return "number" if types.is_integer(data_type) or types.is_floating(data_type) else ""


def _frame(content: pyarrow.Table) -> pd.DataFrame:
    """Return image records as a frame with the types of the schema; categories are sorted by name, as text would be."""
    frame: pd.DataFrame = content.to_pandas()
    for column in frame.select_dtypes("category"):
        categories = frame[column].cat
        used = categories.categories[categories.codes.unique().tolist()]
        frame[column] = categories.set_categories(sorted(used))
    if "top1" in frame:
        frame["top1"] = content["top1"].to_pandas(types_mapper={pyarrow.int64(): pd.Int64Dtype()}.get)
    return frame
