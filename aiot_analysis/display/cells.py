"""What stands in a table: on a page, in LaTeX and in Markdown alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiot_analysis.display import columns
from aiot_analysis.display.columns import Column, Format
from aiot_analysis.errors import ReportError
from aiot_analysis.words import interval

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"


@dataclass(frozen=True)
class Words:
    """A table as readers see it."""

    frame: pd.DataFrame  # of text; where a column has an interval, value and interval are one column
    numeric: list[bool]  # for each column, whether it is of numbers


def words(
    frame: pd.DataFrame,
    formats: Mapping[str, Format] | None = None,
    headings: Mapping[str, str] | None = None,
    missing: str = MISSING,
) -> Words:
    """The frame in words, with headings and formats of `columns` where none are given.

    A column of empty texts alone, like remarks where there are none, is left out. The heading of <column>_low is that
    of the interval, where it is not a single 95 % interval.
    Raises ReportError if a format or a heading is for a column that is not there.
    """
    import pandas as pd

    frame = frame.set_axis(flat(frame.columns), axis=1)
    there = list(frame.columns)
    for name in {**(formats or {}), **(headings or {})}:
        if name not in there:
            raise ReportError(f"There is no column {name!r} to format: choose {', '.join(there)}.")
    ends = {name: found for name in there if (found := columns.interval(name, there))}
    beside = {end for found in ends.values() for end in found}
    heads, shown, numeric = [], [], []
    for name, (_, column), of_numbers in zip(there, frame.items(), _numeric(frame), strict=True):
        if name in beside:
            continue
        known = columns.told(name, there)
        told = Column((headings or {}).get(name, known.heading), (formats or {}).get(name, known.format))
        values = [text(value, told.format, missing) for value in column]
        if values and not any(values):
            continue
        if name in ends:
            values = _with_intervals(values, frame[[*ends[name]]], told)
        if name in ends:
            of_interval = (headings or {}).get(ends[name][0], columns.INTERVAL)
            heads.append(f"{told.heading} ({of_interval})")
        else:
            heads.append(told.heading)
        shown.append(values)
        numeric.append(of_numbers)
    return Words(pd.DataFrame(dict(enumerate(shown)), dtype=str).set_axis(heads, axis=1), numeric)


def _with_intervals(values: list[str], ends: pd.DataFrame, column: Column) -> list[str]:
    """Each value with the ends of its interval behind it, where they are known."""
    known = ends.notna().all(axis=1)
    form = column.format if isinstance(column.format, str) and "." in column.format else "{:.4g}"
    return [
        f"{value} ({interval(low, high, form)})" if there else value
        for value, there, low, high in zip(values, known, *(ends[end] for end in ends), strict=True)
    ]


def text(value: Any, format_: Format | None = None, missing: str = MISSING) -> str:
    """A value in words: by its format, numbers without one with four digits. A text needs none, and stays as it is."""
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return missing
    if callable(format_):
        return format_(value)
    if format_ and not isinstance(value, str):
        return format_.format(value)
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def flat(names: pd.Index) -> list[str]:
    """The names of columns, of one level."""
    if names.nlevels == 1:
        return [str(name) for name in names]
    return [" ".join(str(part) for part in name if str(part)) for name in names]


def _numeric(frame: pd.DataFrame) -> list[bool]:
    from pandas.api import types

    return [types.is_numeric_dtype(kind) and not types.is_bool_dtype(kind) for kind in frame.dtypes]
