"""What stands in the cells of a table: on a page, in LaTeX and in Markdown alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import ReportError

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"

Format = str | Callable[[Any], str]


def text(value: Any, format_: Format | None = None, missing: str = MISSING) -> str:
    """A value in words: by its format, numbers without one with four digits."""
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return missing
    if callable(format_):
        return format_(value)
    if format_:
        return format_.format(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def texts(frame: pd.DataFrame, formats: Mapping[str, Format], missing: str = MISSING) -> pd.DataFrame:
    """The frame with words in all its cells; columns of two levels have a name of both."""
    import pandas as pd

    columns = [[text(value, formats.get(str(name)), missing) for value in column] for name, column in frame.items()]
    return pd.DataFrame(dict(enumerate(columns)), dtype=str).set_axis(flat(frame.columns), axis=1)


def flat(columns: pd.Index) -> list[str]:
    """The names of columns, of one level."""
    if columns.nlevels == 1:
        return [str(name) for name in columns]
    return [" ".join(str(part) for part in name if str(part)) for name in columns]


def checked(frame: pd.DataFrame, formats: Mapping[str, Format]) -> None:
    """Raises ReportError if a format is for a column that is not there."""
    for name in formats:
        if name not in frame.columns:
            raise ReportError(f"There is no column {name!r} to format: choose {', '.join(map(str, frame.columns))}.")
