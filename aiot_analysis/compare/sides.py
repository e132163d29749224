"""Rows, runs and images on one side of a comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from aiot_analysis.stats import variance
from aiot_analysis.tables import choice, pooling, select
from aiot_analysis.words import plural

TIMES = [f"{column}_{statistic}" for column in choice.TIMES.values() for statistic in ("mean", "median")]
"""Columns of the table `instances` that are averaged over the runs of a session."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a device, a run, a version or a fleet."""

    rows: pd.DataFrame  # rows of the table `instances`, one per device x instance; see select.measured_rows
    left_out: pd.DataFrame  # rows excluded by select.measured_rows, with the reason
    images: pd.DataFrame | Iterable[pd.DataFrame]  # image records, or parts of them by device
    runs: pd.DataFrame  # usable rows measured under the same conditions as `rows`, which they include
    unlike: pd.DataFrame  # runs measured under other conditions: columns device_id, instance_id, runs, reason

    @property
    def devices(self) -> list[str]:
        return sorted(set(self.rows["device_id"].astype(str)))


def build_side(
    instances: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str,
    wanted: str = ",".join(choice.USABLE),
) -> Side:
    """Return a side made of rows of the table `instances`, with the latest usable run of each device and instance.

    All rows get a column `session` (see `variance.sessions`). Raises DataError for an unknown verdict.
    """
    instances = instances.assign(session=variance.sessions(instances))
    needs = [f"{select.time_column(timing)}_mean"]
    rows, left_out = select.measured_rows(instances, needs, by_framework=True, wanted=wanted)
    usable = select.usable_rows(instances, needs, wanted)
    conditions = _ways(rows)
    runs = usable[_ways(usable).isin(conditions)].drop_duplicates(["device_id", "instance_id", "run_id"])
    is_extra_run = left_out.set_index(select.KEY).index.isin(runs.set_index(select.KEY).index)
    left_out = left_out[~is_extra_run].reset_index(drop=True)
    return Side(rows, left_out, images, runs.reset_index(drop=True), _unlike(usable, runs, rows))


def over_sessions(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the averages over sessions of `Side.runs`, with one row per device x instance x session.

    Times are geometric means over the runs of the session, `accuracy` is the arithmetic mean, and `count` is the number
    of runs. All other columns are those of the latest run of the session.
    """
    key = ["device_id", "instance_id", "session"]
    positive = runs[TIMES].astype(float).where(runs[TIMES] > 0)
    groups = runs.assign(**{column: np.log(positive[column]) for column in TIMES}, count=1).groupby(key, sort=False)
    means = groups[[*TIMES, "accuracy"]].mean().assign(count=groups["count"].sum())
    means[TIMES] = np.exp(means[TIMES].astype(float))
    latest = runs.sort_values("run_id").drop_duplicates(key, keep="last").drop(columns=[*TIMES, "accuracy"])
    return latest.merge(means.reset_index(), on=key)


def counted(runs: pd.DataFrame) -> str:
    """Return the number of sessions and runs in rows of `Side.runs` as text, such as "2 sessions (6 runs)"."""
    distinct_runs = runs.drop_duplicates(["device_id", "run_id"])
    sessions = len(distinct_runs.drop_duplicates(["device_id", "session"]))
    return f"{plural(sessions, 'session')} ({plural(len(distinct_runs), 'run')})"


def _unlike(usable: pd.DataFrame, runs: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `Side.unlike`: how many runs of an instance differ from the representative one, and in which fields."""
    key = ["device_id", "instance_id"]
    fields = [*pooling.SAME_INSTANCE, "profile"]
    other_rows = usable[~usable.set_index(select.KEY).index.isin(runs.set_index(select.KEY).index)]
    pairs = other_rows[[*key, *fields]].merge(rows[[*key, *fields]], on=key, suffixes=("", "_of_rows"))
    words = []
    for row in pairs.to_dict("records"):
        values = {field: (row[field], row[f"{field}_of_rows"]) for field in fields}
        differs = {field: pair for field, pair in values.items() if str(pair[0]) != str(pair[1])}
        differences = (f"{field.replace('_', ' ')} {short(a)}, not {short(b)}" for field, (a, b) in differs.items())
        words.append("; ".join(differences))
    return pairs[key].assign(reason=words).groupby([*key, "reason"]).size().rename("runs").reset_index()


def short(value: Any) -> str:
    """Return a value as text; long values, such as hashes, are shortened to their first characters."""
    text = "none" if pd.isna(value) else str(value)
    return text if len(text) <= 40 else f"{text[:8]}…"


def _ways(rows: pd.DataFrame) -> pd.Series:
    """Return the measurement conditions of each row and its device, combined into one text."""
    return pooling.ways(rows) + "|" + rows["device_id"].astype(str) if len(rows) else pd.Series(dtype=str)
