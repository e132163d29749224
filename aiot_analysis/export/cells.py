"""Comparison of tables, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.errors import CrateError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""Tolerance of numbers that are not whole.

Another version of a library, or another processor, may add the same numbers in another order. That changes a sum of n
numbers by at most about n times 1.1e-16 of it: 5.5e-12 for 50,000 images. The tolerance leaves room for the statistics
that follow, is 1 ns in a time of 1 s, and is far below the digits that any page shows. Differences near 0, whose
relative error is unlimited, get the absolute tolerance.
"""
WORDING = {
    "reasons",
    "reason",
    "reason without an effect",
    "rule",
    "parity_finding",
    "claim and quotation from the paper",
}
"""Columns of sentences, whose wording may change from one version to the next while the results stay the same."""
LABELS, LONGEST = 4, 50  # most values that identify a row in a message, and most characters of one
FIRST = 3  # differing cells that are kept for each table


@dataclass(frozen=True)
class Cell:
    """A cell with two values."""

    row: str
    column: str
    crate: str
    here: str


@dataclass
class TableComparison:
    """The result for one table."""

    name: str  # path in the crate
    rows: int = 0
    columns: int = 0
    different: int = 0  # cells with other values, without those of wording
    wording: int = 0  # cells with other wording
    problem: str = ""  # why cells were not compared, or not all
    first: list[Cell] = field(default_factory=list)
    first_wording: list[Cell] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not (self.different or self.wording or self.problem)


def compare_files(name: str, crate: Path, here: Path) -> TableComparison:
    """Compare two Parquet or CSV files, of which either may be missing."""
    for path, place in ((crate, "in the crate"), (here, "here")):
        if not path.exists():
            return TableComparison(name, problem=f"it does not exist {place}")
    return compare(name, _read(crate), _read(here))


def _read(path: Path) -> pd.DataFrame:
    from pyarrow import parquet

    try:
        if path.suffix == ".csv":
            return pd.read_csv(path, low_memory=False)
        frame: pd.DataFrame = parquet.ParquetFile(path).read().to_pandas(ignore_metadata=True)
        return frame
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except Exception as error:  # a damaged file may raise anything
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise CrateError(f"{path} cannot be read as a table ({reason}): ask for another copy.") from None


def compare(name: str, crate: pd.DataFrame, here: pd.DataFrame) -> TableComparison:
    """Compare two frames by position of the rows and by name of the columns."""
    result = TableComparison(name, len(crate), len(crate.columns))
    missing = [str(column) for column in crate if column not in here]
    added = [str(column) for column in here if column not in crate]
    problems = [f"columns only in the crate: {', '.join(missing)}"] * bool(missing)
    problems += [f"columns only here: {', '.join(added)}"] * bool(added)
    if len(crate) != len(here):
        problems.append(f"{len(crate):,} rows in the crate, {len(here):,} here{_first_odd_row(crate, here)}")
        result.problem = "; ".join(problems)
        return result
    result.problem = "; ".join(problems)
    for column in crate:
        if column not in here:
            continue
        positions = np.flatnonzero(~_same(crate[column], here[column]))
        cells = [
            Cell(
                _label(crate, position),
                str(column),
                _text(crate[column].iloc[position]),
                _text(here[column].iloc[position]),
            )
            for position in positions[:FIRST]
        ]
        if column in WORDING:
            result.wording += len(positions)
            result.first_wording += cells
        else:
            result.different += len(positions)
            result.first += cells
    result.first, result.first_wording = result.first[:FIRST], result.first_wording[:FIRST]
    return result


def _same(left: pd.Series, right: pd.Series) -> NDArray[np.bool_]:
    """Return for each row whether two columns have the same value; two missing values are the same."""
    if _is_number(left) and _is_number(right):
        first, second = (column.to_numpy(float, na_value=np.nan) for column in (left, right))
        whole = pd.api.types.is_integer_dtype(left.dtype) and pd.api.types.is_integer_dtype(right.dtype)
        tolerance = {"rtol": 0.0, "atol": 0.0} if whole else {"rtol": RELATIVE, "atol": ABSOLUTE}
        return np.asarray(np.isclose(first, second, equal_nan=True, **tolerance), np.bool_)
    pairs = zip(_plain(left), _plain(right), strict=True)
    return np.fromiter((a == b for a, b in pairs), np.bool_, len(left))


def _is_number(column: pd.Series) -> bool:
    # a column without any value has no type of its own in CSV
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def _plain(column: pd.Series) -> list[Any]:
    """Return the values of a column as Python values: lists, as in `top5`, as tuples, and missing values as None."""
    values = [tuple(value) if isinstance(value, np.ndarray) else value for value in column.astype(object)]
    return [None if missing else value for value, missing in zip(values, column.isna(), strict=True)]


def _label(frame: pd.DataFrame, position: int) -> str:
    """Return words for a row: its number, from 1, and the first values in it that are not measurements."""
    values = [
        value
        for value in frame.iloc[position]
        if isinstance(value, (str, int, np.integer)) and not isinstance(value, bool) and 0 < len(str(value)) <= LONGEST
    ]
    return ", ".join([f"row {position + 1}", *map(_text, values[:LABELS])])


def _first_odd_row(crate: pd.DataFrame, here: pd.DataFrame) -> str:
    """Return words for the first row that is in only one of two frames, or ""."""
    longer, shorter, place = (crate, here, "in the crate") if len(crate) > len(here) else (here, crate, "here")
    values_of_shorter = {_values(shorter, position) for position in range(len(shorter))}
    odd = next(
        (position for position in range(len(longer)) if _values(longer, position) not in values_of_shorter), None
    )
    return "" if odd is None else f"; only {place}: {_label(longer, odd)}"


def _values(frame: pd.DataFrame, position: int) -> str:
    """Return the words for a row without its number."""
    return _label(frame, position).partition(", ")[2]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "nothing"
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)
