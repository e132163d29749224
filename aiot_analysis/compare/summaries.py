"""Changes of groups of instances: by implementation, by model, and overall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from aiot_analysis.compare import accuracy_change, times
from aiot_analysis.compare.instances import ACCURACY, Compared
from aiot_analysis.compare.matching import ONE, SAME, Matched
from aiot_analysis.stats import variance
from aiot_analysis.tables import names, select

GROUP_COLUMNS = ["by", "group", "metric", "instances", "change", "low", "high", "units", "way"]
COSTS = {"load_ms": "load time", "peak_rss_mb": "peak memory", "model_mb": "model file"}
"""Quantities with a single value per run, which therefore have no interval and no test."""


def summaries(found: Compared, matched: Matched, timing: str, run_to_run: float = variance.RUN_TO_RUN) -> pd.DataFrame:
    """Return the mean change in accuracy and the geometric mean ratio of times over the instances of each group.

    There is one row per group x metric, with the columns by ("all", "implementation" or "model"), group, instances
    (count), change (other minus base; for times the ratio minus 1), low and high (individual 95 %), units and way. The
    instances are those that were compared, not a sample of others. The interval of times is over the group means of the
    devices, or sessions, that have all instances of the group. For single runs, it combines the intervals of the
    instances, which were measured independently, with `run_to_run`, which they share. The interval of accuracy is over
    the images, which the instances share.
    """
    rows = []
    metrics = list(dict.fromkeys(found.table["metric"]))
    for by, group, ids in _groups(found.table):
        for metric in metrics:
            keys = {"by": by, "group": group, "metric": metric}
            if metric == ACCURACY:
                rows.append({**keys, **_accuracy(found, ids)})
            else:
                rows.append({**keys, **_time(found, matched, ids, metric, timing, run_to_run)})
    return pd.DataFrame(rows, columns=GROUP_COLUMNS)


def _groups(table: pd.DataFrame) -> Iterator[tuple[str, str, list[str]]]:
    distinct = table.drop_duplicates("instance_id")
    yield "all", "", list(distinct["instance_id"])
    for by, order in (("implementation", names.IMPLEMENTATIONS), ("model", names.MODELS)):
        for group in names.in_order(set(distinct[by]), order):
            yield by, group, list(distinct[distinct[by] == group]["instance_id"])


def _accuracy(found: Compared, instances: Sequence[str]) -> dict[str, object]:
    tested = [instance_id for instance_id in instances if instance_id in found.image_changes]
    image_changes = [found.image_changes[instance_id] for instance_id in tested]
    if not image_changes:
        return {"instances": 0, "units": "0", "way": "images"}
    if len(image_changes) == 1:  # a single instance has its own interval
        answer = found.answers[tested[0]]
        mean, (low, high), images = answer.other - answer.base, answer.interval(), answer.images
    else:
        image_means = pd.concat(image_changes, axis=1, join="inner").mean(axis=1).to_numpy(float)
        mean = float(image_means.mean()) if len(image_means) else np.nan
        low, high = accuracy_change.over_images(image_means) if len(image_means) else (np.nan, np.nan)
        images = len(image_means)
    numbers = {"change": mean, "low": low, "high": high}
    return {"instances": len(image_changes), **numbers, "units": str(images), "way": "images"}


def _time(
    found: Compared, matched: Matched, instances: Sequence[str], statistic: str, timing: str, run_to_run: float
) -> dict[str, object]:
    column, count = f"{select.time_column(timing)}_{statistic}", len(instances)
    if matched.kind == ONE and all(item in found.sessions for item in instances):
        sides = [pd.concat([found.sessions[item][side] for item in instances]) for side in (0, 1)]
        samples = [_together(rows, instances, column, "session") for rows in sides]
        log, units, way = (
            times.ratio_of_units(*(item.to_numpy(float) for item in samples)),
            _counts(samples),
            "sessions",
        )
    elif matched.kind == ONE:
        logs = [found.logs[item, statistic] for item in instances]
        logs = [item for item in logs if np.isfinite(item.value)]
        log, way, count = times.mean_of(logs).of_any_run(run_to_run), "instances", len(logs)
        units = str(count)
    else:
        samples = [_together(rows, instances, column, "device_id") for rows in (matched.base, matched.other)]
        if matched.kind == SAME:
            differences = (samples[1] - samples[0]).dropna().to_numpy(float)
            log, units = times.ratio_of_pairs(differences), str(len(differences))
        else:
            log, units = times.ratio_of_units(*(item.to_numpy(float) for item in samples)), _counts(samples)
        way = "devices"
    low, high = log.interval()
    numbers = {"change": np.expm1(log.value), "low": low - 1, "high": high - 1}
    return {"instances": count, **numbers, "units": units, "way": way}


def _counts(samples: Sequence[pd.Series]) -> str:
    return " and ".join(str(len(sample)) for sample in samples)


def _together(rows: pd.DataFrame, instances: Sequence[str], column: str, unit: str) -> pd.Series:
    """Return the mean logarithm of the times of each device or session (`unit`) that has all instances."""
    selected = rows[rows["instance_id"].isin(instances) & (rows[column] > 0)]
    logs = selected[column].astype(float).map(np.log).groupby(selected[unit])
    return logs.mean()[logs.size() == len(instances)]


def costs(base: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return load time, peak memory and model file size of the instances for which both sides have a value.

    Takes rows of the table `instances` of each side. Returns the columns instance_id, cost, base, other (medians over
    the rows of a side) and change (other over base, minus 1).
    """
    frames = []
    for column in COSTS:
        sides = [rows.groupby("instance_id", sort=False)[column].median().astype(float) for rows in (base, other)]
        paired = pd.concat(sides, axis=1, keys=["base", "other"]).dropna().rename_axis("instance_id").reset_index()
        frames.append(paired.assign(cost=column, change=paired["other"] / paired["base"].where(paired["base"] > 0) - 1))
    return pd.concat(frames, ignore_index=True)[["instance_id", "cost", "base", "other", "change"]]
