"""Change of every instance between two sides, with its uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.compare import accuracy_change, regression, times
from aiot_analysis.compare.matching import ONE, SAME, Matched
from aiot_analysis.compare.sides import Side, over_sessions
from aiot_analysis.stats import multiple, ratios, variance
from aiot_analysis.tables import names, select
from aiot_analysis.words import plural

Floats = NDArray[np.float64]
ACCURACY = "accuracy"
METRICS = (ACCURACY, times.MEAN, times.MEDIAN)
IMAGE_COLUMNS = [*select.KEY, "query", "image", "correct", "inference_ms", "end_to_end_ms", "failed"]
"""Columns of the table `images` that a comparison reads."""
COLUMNS = ["instance_id", "model", "implementation", "quantization", "metric", "base", "other", "change", "low", "high"]
COLUMNS += ["p_value", "p_beyond", *regression.FAMILY, "units", "way", "note"]

NO_RECORDS = "there are no records of single images: mean and standard deviation only"
UNPAIRED = "not paired by image: the two were shown other images, or in another order"


Evidence = accuracy_change.Change | times.LogRatio | times.SharedRatio
"""Evidence for a row of the table: a change in accuracy or a ratio of times."""
Courses = tuple[pd.DataFrame, pd.DataFrame]
"""Image records of base and other in run order: columns image, right (1 or 0) and ms (NaN if not usable)."""


@dataclass
class Compared:
    """Table of `compared`, and the data behind it for summaries of several instances."""

    table: pd.DataFrame
    logs: dict[tuple[str, str], times.LogRatio] = field(default_factory=dict)  # by instance and statistic
    sessions: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=dict)  # if sessions are the unit
    runs: tuple[pd.DataFrame, pd.DataFrame] | None = None  # of both sides, with one device per side
    changes: dict[str, pd.Series] = field(default_factory=dict)  # change on each image, by instance
    answers: dict[str, accuracy_change.Change] = field(default_factory=dict)
    courses: dict[str, Courses] = field(default_factory=dict)  # by instance, with one device per side


def compared(
    matched: Matched,
    base: Side,
    other: Side,
    metrics: Sequence[str] = (ACCURACY, times.MEAN),
    timing: str = "end_to_end",
    margins: regression.Margins | None = None,
    run_to_run: float = variance.RUN_TO_RUN,
    seed: int = 0,
) -> Compared:
    """Return one row per instance x metric, in the paper's order.

    Metrics are "accuracy", and "mean" and "median" of the time per image. The columns are model, implementation,
    quantization; base and other (fractions of 1, or ms); change (other minus base; for times other over base, minus 1);
    low and high (its interval, simultaneous 95 % over all rows with a test, see `multiple.level`); p_value (two-sided
    test of no change, not corrected); units and way (what the interval is over, such as a number of images, sessions or
    devices); note (why numbers are missing or need care); and those of `regression.judged`. If there are too few
    sessions to estimate how sessions differ, intervals and tests of times use the latest run of each side and allow for
    `run_to_run` (see `variance`).
    """
    limits = margins or regression.Margins(0.0, 0.0)
    result = Compared(pd.DataFrame(columns=COLUMNS))
    if matched.kind == ONE:
        result.runs = _runs(base, matched.base), _runs(other, matched.other)
    work = list(_one(matched, base, other, timing) if matched.kind == ONE else _several(matched, base, other, timing))
    over_sessions = {statistic: _over_sessions(work, statistic) for statistic in metrics if statistic != ACCURACY}
    rows: list[dict[str, Any]] = []
    evidence: list[Evidence] = []
    for measured in work:
        facts = names.facts(measured.instance_id)
        if ACCURACY in metrics:
            change, details = measured.accuracy(limits.accuracy)
            result.answers[measured.instance_id] = change
            evidence.append(change)
            rows.append({**facts, "metric": ACCURACY, **details, **tests(change, limits)})
        if measured.right is not None:
            result.changes[measured.instance_id] = measured.right["other"] - measured.right["base"]
        if measured.sessions is not None:
            result.sessions[measured.instance_id] = measured.sessions
        if measured.courses is not None:
            result.courses[measured.instance_id] = measured.courses
        for statistic in metrics:
            if statistic != ACCURACY:
                log, details = measured.time(statistic, seed)
                result.logs[measured.instance_id, statistic] = log
                if details["way"] == "images":
                    log = log.of_any_run(run_to_run)
                row_evidence = over_sessions[statistic].get(measured.instance_id, log)
                evidence.append(row_evidence)
                rows.append({**facts, "metric": statistic, **details, **tests(row_evidence, limits)})
    result.table = judged(rows, evidence, margins is not None)
    return result


def judged(rows: Sequence[dict[str, Any]], evidence: Sequence[Evidence], asked: bool) -> pd.DataFrame:
    """Return the table of `compared` from its rows and the evidence for each, with intervals and verdicts."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    level = multiple.level(int(table["p_value"].notna().sum()))
    table[["low", "high"]] = np.array([_ends(of_row, level) for of_row in evidence]).reshape(-1, 2)
    order = {metric: index for index, metric in enumerate(METRICS)}
    table = table.sort_values("metric", key=lambda metric_names: metric_names.map(order), kind="stable")
    return regression.judged(names.ordered(table, ["quantization", "model", "implementation"]), asked)


def tests(evidence: Evidence, margins: regression.Margins) -> dict[str, float]:
    """Return the change and tests of a row: columns change, p_value, p_beyond, and those of `regression.FAMILY`."""
    if isinstance(evidence, accuracy_change.Change):
        change = evidence.other - evidence.base
        return {"change": change, "p_value": evidence.p_value, "p_beyond": evidence.p_beyond}
    p_values = {"p_value": evidence.p_value(), "p_beyond": evidence.p_beyond(margins.time)}
    if isinstance(evidence, times.SharedRatio) and evidence.rows > 1:
        family = evidence.p_value(evidence.rows), evidence.p_beyond(margins.time, evidence.rows)
        p_values |= dict(zip(regression.FAMILY, family, strict=True))
    return {"change": np.expm1(evidence.value), **p_values}


def _ends(evidence: Evidence, level: float) -> tuple[float, float]:
    """Return the interval of a change."""
    low, high = evidence.interval(level)
    return (low, high) if isinstance(evidence, accuracy_change.Change) else (low - 1, high - 1)


@dataclass(frozen=True)
class Measured:
    """One instance on both sides, on one device or several."""

    instance_id: str
    base: pd.DataFrame  # rows of the table `instances`: one, or one per device
    other: pd.DataFrame
    column: str  # column of the time, without statistic
    kind: str
    right: pd.DataFrame | None  # base and other: share of devices that are right, by image; None if unknown
    courses: Courses | None = None  # None if unknown, or with several devices
    sessions: tuple[pd.DataFrame, pd.DataFrame] | None = None  # rows of `over_sessions`, if there are enough
    note: str = ""

    def accuracy(self, margin: float) -> tuple[accuracy_change.Change, dict[str, Any]]:
        """Return the change in accuracy, and the columns base, other, units, way and note of its row."""
        if self.right is not None:
            base_right, other_right = (self.right[side].to_numpy(float) for side in ("base", "other"))
            change = accuracy_change.of_images(base_right, other_right, margin)
            note = "" if change.images else "no image was seen on both sides"
            note = "one image says nothing of others" if change.images == 1 else note
        elif self.kind == ONE:
            counts = [(float(row["accuracy"].iloc[0]), int(row["distinct_images"].iloc[0])) for row in self._rows()]
            change, note = accuracy_change.of_counts(counts[0], counts[1], margin), NO_RECORDS
        else:
            change = accuracy_change.Change(
                float(self.base["accuracy"].mean()), float(self.other["accuracy"].mean()), 0
            )
            note = "there are no records of single images"
        if change.images == 1:
            change = accuracy_change.Change(change.base, change.other, 1)
        numbers = {"base": change.base, "other": change.other, "units": str(change.images), "way": "images"}
        return change, {**numbers, "note": _joined(note, self.note)}

    def time(self, statistic: str, seed: int) -> tuple[times.LogRatio, dict[str, Any]]:
        """Return the ratio of times, and the columns base, other, units, way and note of its row."""
        column, sd = f"{self.column}_{statistic}", f"{self.column}_sd"
        if self.sessions is not None or self.kind != ONE:
            rows = self.sessions or (self.base, self.other)
            values = [np.log(_positive(sample[column])) for sample in rows]
            centres = [float(np.exp(sample.mean())) if len(sample) else np.nan for sample in values]
            if self.kind == SAME:
                ratio = pd.Series(_times(self.other[column]) / _times(self.base[column]), list(self.base["device_id"]))
                ratio = ratio[np.isfinite(ratio)]
                log, units = times.of_pairs(np.log(ratio.to_numpy())), f"{len(ratio)}"
                note = ratios.too_few_devices(ratio - 1, "{:+.1%}") or _lack(log)
            else:
                log, units = times.of_units(*values), " and ".join(str(len(sample)) for sample in values)
                note = _lack(log)
            way = "devices"
            if self.sessions is not None:
                way, units = "sessions", " and ".join(_sessions(sample) for sample in self.sessions)
            note = _joined(note, self.note)
            return log, {"base": centres[0], "other": centres[1], "units": units, "way": way, "note": note}
        if self.courses is None:
            base, other = ([float(row[name].iloc[0]) for name in (column, sd, "images")] for row in self._rows())
            log = times.of_summaries((base[0], base[1], base[2]), (other[0], other[1], other[2]))
            if statistic != times.MEAN:  # the standard deviation says nothing about the error of a median
                log = times.LogRatio(log.value, np.nan, 1.0)
            units = f"{base[2]:.0f} and {other[2]:.0f}"
            note = _joined(NO_RECORDS, self.note)
            return log, {"base": base[0], "other": other[0], "units": units, "way": "images", "note": note}
        first, second, paired = _series(self.courses)
        log = times.of_images(first, second, statistic, paired, seed)
        centre = np.mean if statistic == times.MEAN else np.median
        centres = [float(centre(sample)) if len(sample) else np.nan for sample in (first, second)]
        note = _joined("" if paired else UNPAIRED, _lack(log), log.doubt, self.note)
        units = str(len(first)) if paired else f"{len(first)} and {len(second)}"
        return log, {"base": centres[0], "other": centres[1], "units": units, "way": "images", "note": note}

    def _rows(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self.base, self.other


def _lack(log: times.LogRatio) -> str:
    return "" if np.isfinite(log.error) else "no interval: too few times, or times that do not vary"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _sessions(rows: pd.DataFrame) -> str:
    """Return the number of sessions and runs in rows of `over_sessions` of an instance as text."""
    return f"{plural(len(rows), 'session')} ({plural(int(rows['count'].sum()), 'run')})"


def _times(column: pd.Series) -> Floats:
    return column.to_numpy(float, na_value=np.nan)


def _positive(column: pd.Series) -> Floats:
    values = _times(column)
    return values[values > 0]


def _one(matched: Matched, base: Side, other: Side, timing: str) -> Iterator[Measured]:
    """Yield the instances of a comparison with one device per side."""
    column = select.time_column(timing)
    records = [
        {str(instance_id): part for instance_id, part in _collected(side, rows).groupby("instance_id", observed=True)}
        for side, rows in ((base, matched.base), (other, matched.other))
    ]
    sessions = [
        {str(instance_id): part for instance_id, part in over_sessions(_runs(side, rows)).groupby("instance_id")}
        for side, rows in ((base, matched.base), (other, matched.other))
    ]
    unlike = _unlike(base, matched.base, "A"), _unlike(other, matched.other, "B")
    for index, instance in enumerate(matched.base["instance_id"]):
        base_records, other_records = (records_of_side.get(instance) for records_of_side in records)
        session_rows = (sessions[0][instance], sessions[1][instance])
        courses = right = None
        if base_records is not None and other_records is not None:
            courses = _course(base_records, column), _course(other_records, column)
            right = pd.concat(
                [_right(base_records), _right(other_records)], axis=1, join="inner", keys=["base", "other"]
            )
        rows = matched.base.iloc[[index]], matched.other.iloc[[index]]
        note = _joined(*(notes.get(instance, "") for notes in unlike))
        yield Measured(
            instance, *rows, column, ONE, right, courses, session_rows if enough(*session_rows) else None, note
        )


def _over_sessions(work: Sequence[Measured], statistic: str) -> dict[str, times.SharedRatio]:
    """Return the ratio of each instance for which the session is the unit, by instance.

    How sessions differ is estimated jointly from instances that were measured in the same sessions.
    """
    by_sessions: dict[tuple[tuple[int, ...], ...], dict[str, list[Floats]]] = {}
    for measured in work:
        if measured.sessions is None:
            continue
        column = f"{measured.column}_{statistic}"
        sides = [rows[rows[column] > 0].set_index("session")[column].sort_index() for rows in measured.sessions]
        if min(len(side) for side in sides) and sum(len(side) for side in sides) - 2 >= variance.MIN_FREEDOM:
            key = tuple(tuple(side.index) for side in sides)
            by_sessions.setdefault(key, {})[measured.instance_id] = [np.log(_times(side)) for side in sides]
    ratios_by_instance: dict[str, times.SharedRatio] = {}
    for group in by_sessions.values():
        base, other = (np.array([sides[place] for sides in group.values()]) for place in (0, 1))
        ratios_by_instance |= dict(zip(group, times.of_sessions(base, other), strict=True))
    return ratios_by_instance


def enough(base: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether rows of `over_sessions` of an instance suffice to estimate how sessions differ.

    Sessions are then the unit.
    """
    return len(base) + len(other) - 2 >= variance.MIN_FREEDOM


def _runs(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the device of `rows` with any of the instances of `rows`."""
    is_selected = (side.runs["device_id"] == rows["device_id"].iloc[0]) & side.runs["instance_id"].isin(
        rows["instance_id"]
    )
    return side.runs[is_selected].reset_index(drop=True)


def _unlike(side: Side, rows: pd.DataFrame, name: str) -> dict[str, str]:
    """Return by instance a description of the runs excluded from side `name` for other measurement conditions."""
    unlike_rows = side.unlike[side.unlike["device_id"] == rows["device_id"].iloc[0]]
    words = [
        f"{plural(runs, 'run')} ({reason})"
        for runs, reason in zip(unlike_rows["runs"], unlike_rows["reason"], strict=True)
    ]
    parts = pd.Series(words, unlike_rows["instance_id"].astype(str), dtype=object).groupby(level=0)
    return {str(instance): f"left out of {name}: {', '.join(part)}" for instance, part in parts}


def _collected(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    parts = [part for _, part in select.records_by_device(side.images, rows)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=IMAGE_COLUMNS)


def _course(records: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the records of one side in the form of `Courses`."""
    ordered = records.sort_values("query", kind="stable")
    ms, failed = ordered[column].astype(float), ordered["failed"].astype(bool)
    columns = {"image": ordered["image"].astype(str), "right": ordered["correct"].astype(float)}
    return pd.DataFrame({**columns, "ms": ms.where(np.isfinite(ms) & (ms >= 0) & ~failed)}).reset_index(drop=True)


def _series(courses: Courses) -> tuple[Floats, Floats, bool]:
    """Return the usable times of two runs in order, and whether they are paired (same images in the same order)."""
    first, second = (course["ms"] for course in courses)
    if courses[0]["image"].equals(courses[1]["image"]):
        is_usable = first.notna() & second.notna()
        return first[is_usable].to_numpy(), second[is_usable].to_numpy(), True
    return first.dropna().to_numpy(), second.dropna().to_numpy(), False


def _right(records: pd.DataFrame) -> pd.Series:
    """Return by image whether it was right (1) or wrong (0) when it was first shown."""
    ordered = records.sort_values("query", kind="stable").drop_duplicates("image")
    return ordered["correct"].astype(float).set_axis(ordered["image"].astype(str))


def _several(matched: Matched, base: Side, other: Side, timing: str) -> Iterator[Measured]:
    """Yield the instances of a comparison with several devices.

    Image records are read device by device, and only sums are kept.
    """
    column = select.time_column(timing)
    shares = [_shares(side, rows) for side, rows in ((base, matched.base), (other, matched.other))]
    rows = [dict(list(side_rows.groupby("instance_id"))) for side_rows in (matched.base, matched.other)]
    for instance in matched.instances:
        right = None
        if instance in shares[0] and instance in shares[1]:
            sides = [share[instance] for share in shares]
            right = pd.concat(sides, axis=1, join="inner", keys=["base", "other"])
        yield Measured(instance, rows[0][instance], rows[1][instance], column, matched.kind, right)


def _shares(side: Side, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return for each instance the share of devices that are right, by image."""
    sums: dict[str, pd.DataFrame] = {}
    for _, records in select.records_by_device(side.images, rows):
        for instance, part in records.groupby("instance_id", observed=True):
            right = _right(part)
            counts = pd.DataFrame({"right": right, "devices": 1.0})
            previous = sums.get(str(instance))
            sums[str(instance)] = counts if previous is None else previous.add(counts, fill_value=0)
    return {instance: counts["right"] / counts["devices"] for instance, counts in sums.items()}
