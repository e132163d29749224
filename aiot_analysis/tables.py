"""The processed tables: checking, writing and reading them as Parquet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, reduce
from operator import and_
from pathlib import Path
from threading import Lock

import pandas as pd
import pandera.pandas as pa
import pyarrow
from pandera.config import ValidationDepth, config_context
from pyarrow import compute, dataset, parquet

from aiot_analysis.errors import DataError
from aiot_analysis.schemas import TABLES, Images

_ONE_AT_A_TIME = Lock()  # pandera does not say that several threads may validate


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
    texts = {column: pyarrow.array(list(values), pyarrow.string()) for column, values in filters.items()}
    wanted = [compute.field(column).isin(values) for column, values in texts.items()]
    chosen = reduce(and_, wanted) if wanted else None
    if name != "images":
        found = dataset.dataset(path, format="parquet")
        _check_version(found.schema, name, path)
        return found.to_table(columns, chosen).to_pandas()
    devices, runs = filters.get("device_id"), filters.get("run_id")
    folders = sorted(path.glob("*/") if devices is None else {path / device for device in devices})
    files = [
        str(file)
        for folder in folders
        for file in sorted(folder.glob("*.parquet"))
        if runs is None or file.stem in runs
    ]
    if files:  # `aiot process` makes all of them in one version
        _check_version(parquet.read_schema(files[0]), name, path)
    wanted_columns = None if columns is None else list(columns)
    return _frame(dataset.dataset(files, images_schema(), format="parquet").to_table(wanted_columns, chosen))


def _check_version(found: pyarrow.Schema, name: str, path: Path) -> None:
    """Raises DataError if a table has not the columns it has in this version, or other kinds of values in them."""
    for column, facts in TABLES[name].to_schema().columns.items():
        if column not in found.names:
            problem = f"it has no column {column!r}"
        elif _kind(found.field(column).type) not in (_KINDS.get(str(facts.dtype), ""), ""):
            problem = f"its column {column!r} is of {found.field(column).type}"
        else:
            continue
        raise DataError(f"{path} was made by another version ({problem}): run `aiot process` to make it anew.")


_KINDS = {"string[pyarrow]": "text", "category": "text", "bool": "truth", "boolean": "truth"}
_KINDS |= dict.fromkeys(["int64", "Int64", "float64", "Float64"], "number")


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
