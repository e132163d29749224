"""Several instances together: by implementation, by model, and all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from aiot_analysis.compare import accuracy_change, times
from aiot_analysis.compare.instances import ACCURACY, Compared
from aiot_analysis.compare.matching import ONE, SAME, Matched
from aiot_analysis.stats import variance
from aiot_analysis.tables import names, select

COLUMNS = ["by", "group", "metric", "instances", "change", "low", "high", "units", "way"]
COSTS = {"load_ms": "time to load", "peak_rss_mb": "peak memory", "model_mb": "model file"}
"""Numbers that a run has one of: they have no interval, and no test."""


def summaries(found: Compared, matched: Matched, timing: str, run_to_run: float = variance.RUN_TO_RUN) -> pd.DataFrame:
    """The mean change in accuracy and the geometric mean ratio of times over the instances of each group.

    A row per group x metric: by ("all", "implementation" or "model"), group, instances (how many), change (other minus
    base; of times the ratio less 1), low and high (95 %, each by itself), units and way. The instances are those that
    were compared, no sample of others. The interval of times is over what each device, or each session, has in the mean
    of the group, of those that have all of it. Of single runs it is that of the instances' own, which were measured
    one apart from the other, and of `run_to_run`, which they have in common. That of accuracy is over the images, which
    the instances share.
    """
    rows = []
    metrics = list(dict.fromkeys(found.table["metric"]))
    for by, group, instances in _groups(found.table):
        for metric in metrics:
            known = {"by": by, "group": group, "metric": metric}
            if metric == ACCURACY:
                rows.append({**known, **_accuracy(found, instances)})
            else:
                rows.append({**known, **_time(found, matched, instances, metric, timing, run_to_run)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _groups(table: pd.DataFrame) -> Iterator[tuple[str, str, list[str]]]:
    once = table.drop_duplicates("instance_id")
    yield "all", "", list(once["instance_id"])
    for by, order in (("implementation", names.IMPLEMENTATIONS), ("model", names.MODELS)):
        for group in names.in_order(set(once[by]), order):
            yield by, group, list(once[once[by] == group]["instance_id"])


def _accuracy(found: Compared, instances: Sequence[str]) -> dict[str, object]:
    known = [found.changes[one] for one in instances if one in found.changes]
    if not known:
        return {"instances": 0, "units": "0", "way": "images"}
    if len(known) == 1:  # it has an interval of its own
        [own] = [found.answers[one] for one in instances if one in found.changes]
        mean, (low, high), images = own.other - own.base, own.interval(), own.images
    else:
        each = pd.concat(known, axis=1, join="inner").mean(axis=1).to_numpy(float)
        mean = float(each.mean()) if len(each) else np.nan
        low, high = accuracy_change.over_images(each) if len(each) else (np.nan, np.nan)
        images = len(each)
    told = {"change": mean, "low": low, "high": high}
    return {"instances": len(known), **told, "units": str(images), "way": "images"}


def _time(
    found: Compared, matched: Matched, instances: Sequence[str], statistic: str, timing: str, run_to_run: float
) -> dict[str, object]:
    column, n = f"{select.time_column(timing)}_{statistic}", len(instances)
    if matched.kind == ONE and all(one in found.sessions for one in instances):
        sides = [pd.concat([found.sessions[one][side] for one in instances]) for side in (0, 1)]
        wide = [_together(rows, instances, column, "session") for rows in sides]
        log, units, way = times.of_units(*(one.to_numpy(float) for one in wide)), _counts(wide), "sessions"
    elif matched.kind == ONE:
        logs = [found.logs[one, statistic] for one in instances]
        logs = [one for one in logs if np.isfinite(one.value)]
        log, way, n = times.mean_of(logs).of_any_run(run_to_run), "instances", len(logs)
        units = str(n)
    else:
        wide = [_together(rows, instances, column, "device_id") for rows in (matched.base, matched.other)]
        if matched.kind == SAME:
            both = (wide[1] - wide[0]).dropna().to_numpy(float)
            log, units = times.of_pairs(both), str(len(both))
        else:
            log, units = times.of_units(*(one.to_numpy(float) for one in wide)), _counts(wide)
        way = "devices"
    low, high = log.interval()
    told = {"change": np.expm1(log.value), "low": low - 1, "high": high - 1}
    return {"instances": n, **told, "units": units, "way": way}


def _counts(samples: Sequence[pd.Series]) -> str:
    return " and ".join(str(len(one)) for one in samples)


def _together(rows: pd.DataFrame, instances: Sequence[str], column: str, unit: str) -> pd.Series:
    """The mean logarithm of the times of each device or session (`unit`) that has all the instances."""
    some = rows[rows["instance_id"].isin(instances) & (rows[column] > 0)]
    logs = some[column].astype(float).map(np.log).groupby(some[unit])
    return logs.mean()[logs.size() == len(instances)]


def costs(base: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return load time, peak memory and size of the model file, where both sides have a number.

    Takes rows of the table `instances` of each side. Columns: instance_id, cost, base, other (medians over the rows of
    a side) and change (other over base, less 1).
    """
    found = []
    for column in COSTS:
        sides = [rows.groupby("instance_id", sort=False)[column].median().astype(float) for rows in (base, other)]
        both = pd.concat(sides, axis=1, keys=["base", "other"]).dropna().rename_axis("instance_id").reset_index()
        found.append(both.assign(cost=column, change=both["other"] / both["base"].where(both["base"] > 0) - 1))
    return pd.concat(found, ignore_index=True)[["instance_id", "cost", "base", "other", "change"]]
