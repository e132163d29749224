"""Which rows may be pooled into one statistic, and the error if they may not."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from aiot_analysis.errors import PoolingError

SHARED = ["origin", "dataset_sha256", "timing", "weights", "source"]  # must be equal in all rows of one statistic
SHARED_INFERENCE = [field for field in SHARED if field not in ("timing", "source")]
"""As SHARED, for statistics of inference alone that mix instances of an agent and of a native tool, and say so."""
SAME_FRAMEWORK = ["framework_version"]
SAME_INSTANCE = [*SHARED, *SAME_FRAMEWORK, "image_library", "threads", "conditions", "resize", "model_sha256"]
"""Fields that must be equal where one instance is pooled across devices or runs."""


def check(frame: pd.DataFrame, fields: Sequence[str] = SHARED, by: Sequence[str] = ()) -> None:
    """Raise PoolingError, with the field and two of its values, if rows differ in a field.

    Rows are compared within each group of `by`, or all with one another if it is empty. A null is a value of its own.
    Rows that are drawn side by side, each with its own statistic, need no check.
    """
    if frame.empty:
        return
    varying = [field for field in fields if frame[field].nunique(dropna=False) > 1]
    if not varying:  # the usual case
        return
    # group number of each row, constant if `by` is empty
    groups = frame.groupby(list(by), dropna=False).ngroup() if by else pd.Series(0, index=frame.index)
    for field in varying:
        values = frame[field].astype("object").where(frame[field].notna(), "nothing")
        pairs = pd.DataFrame({"group": groups, "value": values}).drop_duplicates()
        mixed = pairs[pairs.duplicated("group", keep=False)]
        if not mixed.empty:
            group = mixed["group"].iloc[0]
            first, second = mixed[mixed["group"] == group]["value"].iloc[:2]
            row = frame[groups == group].iloc[0]
            where = "".join(f", {column} {row[column]}" for column in by)
            raise PoolingError(
                f"Rows with {field} {first!r} and {second!r} cannot be combined in one statistic{where}: "
                f"choose rows with one {field}, or compare them side by side."
            )


def conditions(rows: pd.DataFrame) -> pd.Series:
    """Return the conditions of each row's measurement as text: rows with equal texts may share a statistic."""
    if rows.empty:
        return pd.Series(index=rows.index, dtype=str)
    fields = rows[["instance_id", *SAME_INSTANCE]].astype("object")
    text = fields.where(fields.notna(), "nothing").astype(str)
    return pd.Series(map("|".join, text.itertuples(index=False, name=None)), rows.index, dtype=str)


def ways(rows: pd.DataFrame) -> pd.Series:
    """Return `conditions` with the profile: rows of an instance with equal texts differ only in their run."""
    return conditions(rows) + "|" + rows["profile"].astype(str)
