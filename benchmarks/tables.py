"""Peers of `aiot process`, each run as a process.  python -m benchmarks.tables WAY RAW OUT

WAY is "pandas" (read each log with `pandas.read_json(lines=True)`), "duckdb" (read all logs with one `read_json` that
infers the types, and write them as Parquet to the file OUT), "duckdb-typed" (the same with specified types) or
"instances" (not a peer: print the seconds to read the table of instances, where OUT is the folder of the tables).
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 2  # threads of DuckDB, as many as the processes of `aiot process`

_TYPES = {
    "query": "BIGINT",
    "image": "VARCHAR",
    "label": "BIGINT",
    "top5": "DOUBLE[][]",
    **dict.fromkeys(("decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns", "at_ns"), "BIGINT"),
    "event": "VARCHAR",
}


def with_pandas(raw: Path, out: Path) -> None:
    import pandas as pd

    rows = 0
    for path in _logs(raw):
        rows += len(pd.read_json(path, lines=True))
    print(rows)


def with_duckdb(raw: Path, out: Path) -> None:
    _duckdb(f"SELECT * FROM read_json('{raw}/*/*/*.jsonl', format='newline_delimited', filename=true)", out)


def with_duckdb_typed(raw: Path, out: Path) -> None:
    source = f"read_json('{raw}/*/*/*.jsonl', format='newline_delimited', filename=true, columns={_TYPES})"
    _duckdb(f"SELECT * FROM {source} WHERE event = 'image'", out)


def _duckdb(query: str, out: Path) -> None:
    import duckdb

    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet)")


def read_instances(raw: Path, out: Path) -> None:
    from aiot_analysis.tables import storage

    started = perf_counter()
    storage.read("instances", out)
    print(perf_counter() - started)


def _logs(raw: Path) -> list[Path]:
    return sorted(raw.glob("*/*/*.jsonl"))


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "pandas": with_pandas,
    "duckdb": with_duckdb,
    "duckdb-typed": with_duckdb_typed,
    "instances": read_instances,
}


if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
