"""The peers of `aiot process`, each a process.  python -m benchmarks.tables WAY RAW OUT

WAY is "pandas" (every log by `pandas.read_json(lines=True)`), "duckdb" (all logs by one `read_json` that finds the
types itself, written as Parquet into the file OUT), "duckdb-typed" (the same with the types given) or "instances"
(not a peer: prints the seconds that reading the table of instances takes, OUT being the folder of the tables).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

THREADS = 2  # of DuckDB: as many as `aiot process` has processes

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

    began = perf_counter()
    storage.read("instances", out)
    print(perf_counter() - began)


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
