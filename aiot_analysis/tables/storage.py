"""The processed tables: checking, writing and reading them as Parquet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache, reduce
from operator import and_
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow
from pandera.config import ValidationDepth, config_context
from pyarrow import compute, dataset, parquet

from aiot_analysis.errors import DamagedError, DataError
from aiot_analysis.tables import choice
from aiot_analysis.tables.processed import REMEDY, is_as_written
from aiot_analysis.tables.schemas import TABLES, Images

IMAGE_KEY = ["run_id", "device_id", "instance_id", "query"]

_ONE_AT_A_TIME = Lock()  # pandera does not say that several threads may validate


def table(name: str, rows: pd.DataFrame | list[dict[str, object]]) -> pd.DataFrame:
    """Rows as a validated table `name`; columns that are missing become null.

    Raises DataError naming the first column and value that are not of the schema.
    """
    if len(rows) == 0:
        return _empty(name).copy()
    return _checked(name, pd.DataFrame(rows))


@cache
def _empty(name: str) -> pd.DataFrame:
    """Return a table without rows: most runs have none of some tables, and pandera takes 20 ms for each."""
    return _checked(name, pd.DataFrame())


def _checked(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    schema = TABLES[name].to_schema()
    return _validated(name, schema, rows.reindex(columns=list(schema.columns)))


def check_images(content: pyarrow.Table) -> None:
    """Raises DataError if a part of the table `images`, with the types of `images_schema`, is not of its schema.

    `top5`, which pandas would turn into an object a row, has no rule but its type.
    """
    frame = content.drop_columns("top5").to_pandas()
    _validated("images", _images_as_they_are(), frame)


@cache
def _images_as_they_are() -> pa.DataFrameSchema:
    """The schema without `top5`, and without the conversion of types, which takes longer than all checks."""
    schema = Images.to_schema().remove_columns(["top5"])
    schema.coerce = False
    schema.columns["top1"].coerce = True  # pandas makes floating point numbers of it where there are nulls
    return schema


def _validated(name: str, schema: pa.DataFrameSchema, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as the schema has it; raise DataError naming the first column and value that break a rule.

    Columns that were converted have the right types. pandera would look at them once more, for longer than all other
    checks take, and skips the search for nulls with that.
    """
    converts = bool(schema.coerce)
    depth = ValidationDepth.DATA_ONLY if converts else ValidationDepth.SCHEMA_AND_DATA
    try:
        with _ONE_AT_A_TIME, config_context(validation_depth=depth):
            checked = schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        value = first["failure_case"]
        value = value.item() if hasattr(value, "item") else value  # a number as people write it
        raise DataError(f"Table {name}, column {first['column']}: {value!r} fails {first['check']}.") from None
    required = [column for column, rule in schema.columns.items() if converts and not rule.nullable]
    nulls = checked[required].isna().any()
    if nulls.any():
        raise DataError(f"Table {name}, column {nulls.idxmax()}: {float('nan')!r} fails not_nullable.")
    return checked


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


def read(name: str, processed: Path | str, columns: Sequence[str] | None = None, **filters: object) -> pd.DataFrame:
    """A processed table, or some columns of it and the rows whose columns hold one of the given values.

    `read("images", "data/processed", ["image", "correct"], instance_id="tflite_cpu_float32_mnasnet", label=[3, 4])`
    reads only what is asked for; files of other devices and runs are not even opened. A value, or several in a list, is
    taken as the column's type has it, and None is a missing one. Raises DataError if the table is not there, damaged or
    of another version, if a column is not known, or if a value cannot be of the column's type.
    """
    folder = Path(processed)
    kinds = {column: kind_of(name, column) for column in filters}
    wanted = {
        column: [choice.convert(column, one, kinds[column]) for one in choice.listed(given)]
        for column, given in filters.items()
    }
    _check_columns(name, columns or ())
    path = folder / ("images" if name == "images" else f"{name}.parquet")
    if not path.exists():
        raise DataError(f"There is no table {name} in {processed}: run `aiot process` first.")
    files = _image_files(path, wanted) if name == "images" else [path]
    unknown = [file for file in files if not _is_as_written(file, folder)]
    with _undamaged(name, files):
        if files:  # `aiot process` makes all of them in one version
            _check_version(parquet.read_schema(files[0]), name, path)
        for file in unknown:
            _check_content(name, file, *_facts(file))
        found = dataset.dataset(
            [str(file) for file in files], images_schema() if name == "images" else None, format="parquet"
        )
        conditions = [_holds(found.schema.field(column), values) for column, values in wanted.items()]
        chosen = reduce(and_, conditions) if conditions else None
        content = found.to_table(None if columns is None else list(columns), chosen)
        return _frame(content) if name == "images" else content.to_pandas()


def _check_columns(name: str, columns: Collection[str]) -> None:
    known = list(TABLES[name].to_schema().columns)
    for column in columns:
        if column not in known:
            raise DataError(f"Table {name} has no column {column!r}: choose {', '.join(known)}.")


def kind_of(name: str, column: str, of: str = "") -> str:
    """Return what a column of a table holds, as one of `choice.KINDS`.

    Raises DataError if there is no such column, or if it holds lists. `of` is the table whose rows are chosen by it,
    where that is another one.
    """
    if of and column not in TABLES[name].to_schema().columns:
        known = list(dict.fromkeys([*TABLES[of].to_schema().columns, *TABLES[name].to_schema().columns]))
        raise DataError(f"Tables {of} and {name} have no column {column!r}: choose {choice.choices(column, known)}.")
    _check_columns(name, [column])
    kind = _KINDS.get(str(TABLES[name].to_schema().columns[column].dtype), "")
    if not kind:
        raise DataError(f"Column {column} holds lists: choose rows by another one.")
    return kind


def _holds(field: pyarrow.Field, values: Collection[Any]) -> dataset.Expression:
    """The condition that a column holds one of the values; None among them is a missing one."""
    column = compute.field(field.name)
    there = [one for one in values if one is not None]
    kind = field.type.value_type if pyarrow.types.is_dictionary(field.type) else field.type
    nowhere = pyarrow.types.is_null(kind)  # no row has a value
    condition = compute.scalar(False) if nowhere else column.isin(pyarrow.array(there, kind))
    return condition | column.is_null() if None in values else condition


def _image_files(folder: Path, wanted: Mapping[str, Collection[Any]]) -> list[Path]:
    """The files that hold image records of the devices and runs, or of all where they are not wanted by them."""
    devices, runs = wanted.get("device_id"), wanted.get("run_id")
    folders = folder.glob("*/") if devices is None else {folder / device for device in devices if device}
    return [
        file for each in sorted(folders) for file in sorted(each.glob("*.parquet")) if runs is None or file.stem in runs
    ]


@contextmanager
def _undamaged(name: str, files: Sequence[Path]) -> Iterator[None]:
    """Raise DamagedError naming the file where one of them cannot be read as a table."""
    try:
        yield
    except DataError:
        raise
    except Exception:  # whatever a damaged file leads to
        for path in files:
            try:
                _content(name, path).to_pandas()
            except Exception as error:
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                raise DamagedError(f"{path} cannot be read ({reason.rstrip('.')}): {REMEDY}.") from None
        raise


def _content(name: str, path: Path) -> pyarrow.Table:
    """All that is in a file of a table."""
    content = parquet.ParquetFile(path).read()
    return content.cast(images_schema()) if name == "images" else content


def _is_as_written(path: Path, folder: Path) -> bool:
    """Whether the manifest of the tables tells that a file is as it was written, and thus validated.

    Raises DamagedError if it tells that the file is not.
    """
    told = is_as_written(path, folder)
    if told is False:
        raise DamagedError(f"{path} is not as `aiot process` wrote it: {REMEDY}.")
    return bool(told)


def _facts(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4096)
def _check_content(name: str, path: Path, size: int, time_ns: int) -> None:
    """Raise DamagedError if the content of a file is not of the schema of its table.

    Each state of the file, as its size and time tell it, is looked at once.
    """
    try:
        if name == "images":
            content = _content(name, path)
            check_images(content)
            keys = content.select(IMAGE_KEY).to_pandas()
            if keys.duplicated().any():
                raise DataError(f"Table images has {keys.duplicated().sum():,} rows twice.")
        else:
            table(name, _content(name, path).to_pandas(ignore_metadata=True))  # rows may be there twice, index and all
    except DataError as error:
        raise DamagedError(f"{path} is damaged ({str(error).rstrip('.')}): {REMEDY}.") from None


def _check_version(found: pyarrow.Schema, name: str, path: Path) -> None:
    """Raises DataError if a table has not the columns it has in this version, or other kinds of values in them."""
    for column, facts in TABLES[name].to_schema().columns.items():
        if column not in found.names:
            problem = f"it has no column {column!r}"
        elif _kind(found.field(column).type) not in (_KINDS.get(str(facts.dtype), "").removeprefix("whole "), ""):
            problem = f"its column {column!r} is of {found.field(column).type}"
        else:
            continue
        raise DataError(f"{path} was made by another version ({problem}): run `aiot process` to make it anew.")


_KINDS = {"string[pyarrow]": "text", "category": "text", "bool": "truth", "boolean": "truth"}
_KINDS |= {"int64": "whole number", "Int64": "whole number", "float64": "number", "Float64": "number"}


def _kind(of: pyarrow.DataType) -> str:
    """Whether a column has texts, numbers or truths; "" for what has no value, and for lists."""
    types = pyarrow.types
    if types.is_dictionary(of) or types.is_string(of) or types.is_large_string(of):
        return "text"
    if types.is_boolean(of):
        return "truth"
    return "number" if types.is_integer(of) or types.is_floating(of) else ""


def _frame(content: pyarrow.Table) -> pd.DataFrame:
    """Image records in pandas, with the types of the schema; categories are in order of name, as text would be."""
    frame = content.to_pandas()
    for column in frame.select_dtypes("category"):
        names = frame[column].cat
        frame[column] = names.set_categories(sorted(names.categories[pd.unique(names.codes)]))
    if "top1" in frame:
        frame["top1"] = content["top1"].to_pandas(types_mapper={pyarrow.int64(): pd.Int64Dtype()}.get)
    return frame
