"""Every instance of two sides: what changed, by how much, and how sure that is."""

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
"""Of the table `images`, what a comparison reads."""
COLUMNS = ["instance_id", "model", "implementation", "quantization", "metric", "base", "other", "change", "low", "high"]
COLUMNS += ["p_value", regression.FAMILY, "units", "way", "note"]

NO_RECORDS = "there are no records of single images: mean and standard deviation only"
UNPAIRED = "not paired by image: the two were shown other images, or in another order"


Evidence = accuracy_change.Change | times.LogRatio | times.SharedRatio
"""What a row rests on: a change in accuracy, or a ratio of times."""
Courses = tuple[pd.DataFrame, pd.DataFrame]
"""Of the base and of the other side, in the order of a run: columns image, right (1 or 0) and ms (NaN: not usable)."""


@dataclass
class Compared:
    """The table of `compared`, and what it was made of, for summaries of several instances."""

    table: pd.DataFrame
    logs: dict[tuple[str, str], times.LogRatio] = field(default_factory=dict)  # of the runs that there are
    sessions: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=dict)  # where they are the unit
    runs: tuple[pd.DataFrame, pd.DataFrame] | None = None  # of both sides, with one device a side
    changes: dict[str, pd.Series] = field(default_factory=dict)  # change on each image, by instance
    answers: dict[str, accuracy_change.Change] = field(default_factory=dict)
    courses: dict[str, Courses] = field(default_factory=dict)  # by instance, with one device a side


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
    """Return a row per instance x metric, in the paper's order.

    Metrics are "accuracy", and "mean" and "median" of the time per image. Columns model, implementation, quantization;
    base and other (fractions of 1, or ms); change (other minus base; of times other over base, less 1), low and high
    (interval of it: all that have a test keep 95 % together, see `multiple.level`), p_value (two-sided, of no change,
    by itself), units and way (what the interval is over: so many images, sessions or devices), note (why numbers are
    missing or to be taken with care), and those of `regression.judged`. Where there are too few sessions to tell how
    sessions differ, intervals and tests of times are of the latest run of each side and allow for `run_to_run` (see
    `variance`).
    """
    found = Compared(pd.DataFrame(columns=COLUMNS))
    if matched.kind == ONE:
        found.runs = _runs(base, matched.base), _runs(other, matched.other)
    work = list(_one(matched, base, other, timing) if matched.kind == ONE else _several(matched, base, other, timing))
    over_sessions = {statistic: _over_sessions(work, statistic) for statistic in metrics if statistic != ACCURACY}
    rows: list[dict[str, Any]] = []
    evidence: list[Evidence] = []
    for measured in work:
        facts = names.facts(measured.instance_id)
        if ACCURACY in metrics:
            change, told = measured.accuracy()
            found.answers[measured.instance_id] = change
            evidence.append(change)
            rows.append({**facts, "metric": ACCURACY, **told, **tests(change)})
        if measured.right is not None:
            found.changes[measured.instance_id] = measured.right["other"] - measured.right["base"]
        if measured.sessions is not None:
            found.sessions[measured.instance_id] = measured.sessions
        if measured.courses is not None:
            found.courses[measured.instance_id] = measured.courses
        for statistic in metrics:
            if statistic != ACCURACY:
                log, told = measured.time(statistic, seed)
                found.logs[measured.instance_id, statistic] = log
                if told["way"] == "images":
                    log = log.of_any_run(run_to_run)
                rests_on = over_sessions[statistic].get(measured.instance_id, log)
                evidence.append(rests_on)
                rows.append({**facts, "metric": statistic, **told, **tests(rests_on)})
    found.table = judged(rows, evidence, margins)
    return found


def judged(
    rows: Sequence[dict[str, Any]], evidence: Sequence[Evidence], margins: regression.Margins | None
) -> pd.DataFrame:
    """Return the table of `compared` from its rows and what each rests on, with intervals and verdicts."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    level = multiple.level(int(table["p_value"].notna().sum()))
    table[["low", "high"]] = np.array([_ends(of_row, level) for of_row in evidence]).reshape(-1, 2)
    order = {metric: place for place, metric in enumerate(METRICS)}
    table = table.sort_values("metric", key=lambda one: one.map(order), kind="stable")
    return regression.judged(names.ordered(table, ["quantization", "model", "implementation"]), margins)


def tests(evidence: Evidence) -> dict[str, float]:
    """Return the change of a row and its test: columns change, p_value and `regression.FAMILY`."""
    if isinstance(evidence, accuracy_change.Change):
        return {"change": evidence.other - evidence.base, "p_value": evidence.p_value}
    found = {"change": np.expm1(evidence.value), "p_value": evidence.p_value()}
    if isinstance(evidence, times.SharedRatio):
        found[regression.FAMILY] = evidence.p_value(evidence.rows)
    return found


def _ends(evidence: Evidence, level: float) -> tuple[float, float]:
    """Return the ends of the interval of a change."""
    low, high = evidence.interval(level)
    return (low, high) if isinstance(evidence, accuracy_change.Change) else (low - 1, high - 1)


@dataclass(frozen=True)
class Measured:
    """One instance on both sides: of one device, or of several."""

    instance_id: str
    base: pd.DataFrame  # rows of the table instances: one, or one a device
    other: pd.DataFrame
    column: str  # of the time
    kind: str
    right: pd.DataFrame | None  # columns base and other: share of the devices that are right, by image; None: not known
    courses: Courses | None = None  # None: not known, or of several devices
    sessions: tuple[pd.DataFrame, pd.DataFrame] | None = None  # of `over_sessions`, where they are enough
    note: str = ""

    def accuracy(self) -> tuple[accuracy_change.Change, dict[str, Any]]:
        if self.right is not None:
            mine, theirs = (self.right[side].to_numpy(float) for side in ("base", "other"))
            found = accuracy_change.of_images(mine, theirs)
            note = "" if found.images else "no image was seen on both sides"
            note = "one image says nothing of others" if found.images == 1 else note
        elif self.kind == ONE:
            known = [(float(row["accuracy"].iloc[0]), int(row["distinct_images"].iloc[0])) for row in self._rows()]
            found, note = accuracy_change.of_counts(known[0], known[1]), NO_RECORDS
        else:
            found = accuracy_change.Change(float(self.base["accuracy"].mean()), float(self.other["accuracy"].mean()), 0)
            note = "there are no records of single images"
        if found.images == 1:
            found = accuracy_change.Change(found.base, found.other, 1)
        told = {"base": found.base, "other": found.other, "units": str(found.images), "way": "images"}
        return found, {**told, "note": _joined(note, self.note)}

    def time(self, statistic: str, seed: int) -> tuple[times.LogRatio, dict[str, Any]]:
        column, sd = f"{self.column}_{statistic}", f"{self.column}_sd"
        if self.sessions is not None or self.kind != ONE:
            rows = self.sessions or (self.base, self.other)
            values = [np.log(_positive(one[column])) for one in rows]
            middle = [float(np.exp(one.mean())) if len(one) else np.nan for one in values]
            if self.kind == SAME:
                ratio = pd.Series(_times(self.other[column]) / _times(self.base[column]), list(self.base["device_id"]))
                ratio = ratio[np.isfinite(ratio)]
                log, units = times.of_pairs(np.log(ratio.to_numpy())), f"{len(ratio)}"
                note = ratios.too_few_devices(ratio - 1, "{:+.1%}") or _lack(log)
            else:
                log, units = times.of_units(*values), " and ".join(str(len(one)) for one in values)
                note = _lack(log)
            way = "devices"
            if self.sessions is not None:
                way, units = "sessions", " and ".join(_sessions(one) for one in self.sessions)
            note = _joined(note, self.note)
            return log, {"base": middle[0], "other": middle[1], "units": units, "way": way, "note": note}
        if self.courses is None:
            base, other = ([float(row[name].iloc[0]) for name in (column, sd, "images")] for row in self._rows())
            log = times.of_summaries((base[0], base[1], base[2]), (other[0], other[1], other[2]))
            if statistic != times.MEAN:  # of which the standard deviation tells nothing
                log = times.LogRatio(log.value, np.nan, 1.0)
            units = f"{base[2]:.0f} and {other[2]:.0f}"
            note = _joined(NO_RECORDS, self.note)
            return log, {"base": base[0], "other": other[0], "units": units, "way": "images", "note": note}
        first, second, paired = _series(self.courses)
        log = times.of_images(first, second, statistic, paired, seed)
        centre = np.mean if statistic == times.MEAN else np.median
        middle = [float(centre(one)) if len(one) else np.nan for one in (first, second)]
        note = _joined("" if paired else UNPAIRED, _lack(log), log.doubt, self.note)
        units = str(len(first)) if paired else f"{len(first)} and {len(second)}"
        return log, {"base": middle[0], "other": middle[1], "units": units, "way": "images", "note": note}

    def _rows(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self.base, self.other


def _lack(log: times.LogRatio) -> str:
    return "" if np.isfinite(log.error) else "no interval: too few times, or times that do not vary"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _sessions(rows: pd.DataFrame) -> str:
    """Return how many sessions and runs the rows of `over_sessions` of an instance are of."""
    return f"{plural(len(rows), 'session')} ({plural(int(rows['count'].sum()), 'run')})"


def _times(column: pd.Series) -> Floats:
    return column.to_numpy(float, na_value=np.nan)


def _positive(column: pd.Series) -> Floats:
    known = _times(column)
    return known[known > 0]


def _one(matched: Matched, base: Side, other: Side, timing: str) -> Iterator[Measured]:
    """The instances of one device a side."""
    column = select.time_column(timing)
    records = [
        {str(one): part for one, part in _collected(side, rows).groupby("instance_id", observed=True)}
        for side, rows in ((base, matched.base), (other, matched.other))
    ]
    sessions = [
        {str(one): part for one, part in over_sessions(_runs(side, rows)).groupby("instance_id")}
        for side, rows in ((base, matched.base), (other, matched.other))
    ]
    unlike = _unlike(base, matched.base, "A"), _unlike(other, matched.other, "B")
    for at, instance in enumerate(matched.base["instance_id"]):
        mine, theirs = (known.get(instance) for known in records)
        both = (sessions[0][instance], sessions[1][instance])
        courses = right = None
        if mine is not None and theirs is not None:
            courses = _course(mine, column), _course(theirs, column)
            right = pd.concat([_right(mine), _right(theirs)], axis=1, join="inner", keys=["base", "other"])
        rows = matched.base.iloc[[at]], matched.other.iloc[[at]]
        note = _joined(*(notes.get(instance, "") for notes in unlike))
        yield Measured(instance, *rows, column, ONE, right, courses, both if enough(*both) else None, note)


def _over_sessions(work: Sequence[Measured], statistic: str) -> dict[str, times.SharedRatio]:
    """Return the ratio of each instance whose unit is the session, by instance.

    Instances that were measured in the same sessions tell together how sessions differ.
    """
    alike: dict[tuple[tuple[int, ...], ...], dict[str, list[Floats]]] = {}
    for measured in work:
        if measured.sessions is None:
            continue
        column = f"{measured.column}_{statistic}"
        sides = [rows[rows[column] > 0].set_index("session")[column].sort_index() for rows in measured.sessions]
        if min(len(side) for side in sides) and sum(len(side) for side in sides) - 2 >= variance.MIN_FREEDOM:
            key = tuple(tuple(side.index) for side in sides)
            alike.setdefault(key, {})[measured.instance_id] = [np.log(_times(side)) for side in sides]
    found: dict[str, times.SharedRatio] = {}
    for group in alike.values():
        base, other = (np.array([sides[place] for sides in group.values()]) for place in (0, 1))
        found |= dict(zip(group, times.of_sessions(base, other), strict=True))
    return found


def enough(base: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether rows of `over_sessions` of an instance tell how sessions differ, so that sessions are the unit."""
    return len(base) + len(other) - 2 >= variance.MIN_FREEDOM


def _runs(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the device of `rows` that have one of their instances."""
    mine = (side.runs["device_id"] == rows["device_id"].iloc[0]) & side.runs["instance_id"].isin(rows["instance_id"])
    return side.runs[mine].reset_index(drop=True)


def _unlike(side: Side, rows: pd.DataFrame, name: str) -> dict[str, str]:
    """Return which runs the side `name` leaves out because they were measured otherwise, in words, by instance."""
    odd = side.unlike[side.unlike["device_id"] == rows["device_id"].iloc[0]]
    words = [f"{plural(runs, 'run')} ({reason})" for runs, reason in zip(odd["runs"], odd["reason"], strict=True)]
    parts = pd.Series(words, odd["instance_id"].astype(str), dtype=object).groupby(level=0)
    return {str(instance): f"left out of {name}: {', '.join(part)}" for instance, part in parts}


def _collected(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    parts = [part for _, part in select.records_by_device(side.images, rows)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=IMAGE_COLUMNS)


def _course(records: pd.DataFrame, column: str) -> pd.DataFrame:
    """See `Courses`."""
    ordered = records.sort_values("query", kind="stable")
    ms, failed = ordered[column].astype(float), ordered["failed"].astype(bool)
    known = {"image": ordered["image"].astype(str), "right": ordered["correct"].astype(float)}
    return pd.DataFrame({**known, "ms": ms.where(np.isfinite(ms) & (ms >= 0) & ~failed)}).reset_index(drop=True)


def _series(courses: Courses) -> tuple[Floats, Floats, bool]:
    """The usable times of two runs in order, and whether they are pairs: of the same images in the same order."""
    first, second = (one["ms"] for one in courses)
    if courses[0]["image"].equals(courses[1]["image"]):
        both = first.notna() & second.notna()
        return first[both].to_numpy(), second[both].to_numpy(), True
    return first.dropna().to_numpy(), second.dropna().to_numpy(), False


def _right(records: pd.DataFrame) -> pd.Series:
    """Whether each image was right when it was shown first: 1 or 0, by image."""
    ordered = records.sort_values("query", kind="stable").drop_duplicates("image")
    return ordered["correct"].astype(float).set_axis(ordered["image"].astype(str))


def _several(matched: Matched, base: Side, other: Side, timing: str) -> Iterator[Measured]:
    """The instances of several devices. Image records are read device by device, and only sums are kept."""
    column = select.time_column(timing)
    shares = [_shares(side, rows) for side, rows in ((base, matched.base), (other, matched.other))]
    rows = [dict(list(one.groupby("instance_id"))) for one in (matched.base, matched.other)]
    for instance in matched.instances:
        right = None
        if instance in shares[0] and instance in shares[1]:
            sides = [share[instance] for share in shares]
            right = pd.concat(sides, axis=1, join="inner", keys=["base", "other"])
        yield Measured(instance, rows[0][instance], rows[1][instance], column, matched.kind, right)


def _shares(side: Side, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Of each instance the share of the devices that are right, by image."""
    sums: dict[str, pd.DataFrame] = {}
    for _, records in select.records_by_device(side.images, rows):
        for instance, part in records.groupby("instance_id", observed=True):
            right = _right(part)
            one = pd.DataFrame({"right": right, "devices": 1.0})
            known = sums.get(str(instance))
            sums[str(instance)] = one if known is None else known.add(one, fill_value=0)
    return {instance: one["right"] / one["devices"] for instance, one in sums.items()}
