"""Text of the cells of a table, the same on a page, in LaTeX and in Markdown."""

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
    """Table as text, as readers see it."""

    frame: pd.DataFrame  # of strings; a value and its interval share a column
    numeric: list[bool]  # whether each column holds numbers


def words(
    frame: pd.DataFrame,
    formats: Mapping[str, Format] | None = None,
    headings: Mapping[str, str] | None = None,
    missing: str = MISSING,
) -> Words:
    """Return a frame as text, with headings and formats from `columns` unless others are passed.

    Columns that contain only empty strings are omitted, such as remarks if there are none. The heading of <column>_low,
    if passed, replaces "95 % interval", for intervals of another kind.
    Raises ReportError if a format or a heading is for a column that does not exist.
    """
    import pandas as pd

    frame = frame.set_axis(flat(frame.columns), axis=1)
    names = list(frame.columns)
    for name in {**(formats or {}), **(headings or {})}:
        if name not in names:
            raise ReportError(f"There is no column {name!r} to format: choose {', '.join(names)}.")
    ends_by_name = {name: ends for name in names if (ends := columns.interval_columns(name, names))}
    end_columns = {end for ends in ends_by_name.values() for end in ends}
    column_headings, column_texts, numeric = [], [], []
    for name, (_, column), is_number in zip(names, frame.items(), _numeric(frame), strict=True):
        if name in end_columns:
            continue
        default = columns.told(name, names)
        column_style = Column((headings or {}).get(name, default.heading), (formats or {}).get(name, default.format))
        values = [text(value, column_style.format, missing) for value in column]
        if values and not any(values):
            continue
        if name in ends_by_name:
            values = _with_intervals(values, frame[[*ends_by_name[name]]], column_style)
        if name in ends_by_name:
            interval_heading = (headings or {}).get(ends_by_name[name][0], columns.INTERVAL)
            column_headings.append(f"{column_style.heading} ({interval_heading})")
        else:
            column_headings.append(column_style.heading)
        column_texts.append(values)
        numeric.append(is_number)
    return Words(pd.DataFrame(dict(enumerate(column_texts)), dtype=str).set_axis(column_headings, axis=1), numeric)


def _with_intervals(values: list[str], ends: pd.DataFrame, column: Column) -> list[str]:
    """Return each value followed by its interval in parentheses, if that is known."""
    has_interval = ends.notna().all(axis=1)
    form = column.format if isinstance(column.format, str) and "." in column.format else "{:.4g}"
    return [
        f"{value} ({interval(low, high, form)})" if has_ends else value
        for value, has_ends, low, high in zip(values, has_interval, *(ends[end] for end in ends), strict=True)
    ]


def text(value: Any, format_: Format | None = None, missing: str = MISSING) -> str:
    """Return a value as text. Without a format, numbers get four significant digits and strings stay as they are."""
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
    """Return column names as strings, with several levels joined by spaces."""
    if names.nlevels == 1:
        return [str(name) for name in names]
    return [" ".join(str(part) for part in name if str(part)) for name in names]


def _numeric(frame: pd.DataFrame) -> list[bool]:
    """Return for each column whether it holds numbers; booleans do not count."""
    from pandas.api import types

    return [types.is_numeric_dtype(kind) and not types.is_bool_dtype(kind) for kind in frame.dtypes]
