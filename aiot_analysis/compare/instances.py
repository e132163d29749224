"""Changes of every instance, corrected for multiple comparisons, and what is worse by more than a margin."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.compare import changes
from aiot_analysis.compare.matching import ONE, SAME, Matched
from aiot_analysis.compare.sides import IMAGE_COLUMNS, Side, over_sessions
from aiot_analysis.errors import CompareError
from aiot_analysis.stats import intervals, latency, variance
from aiot_analysis.tables import names, select
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ACCURACY_POINTS = 1.0
FAMILY = "p_value_of_family"
"""Column with the p value of a row as one of a family of rows that share part of their error (`changes.SharedRatio`);
null for all other rows.
"""
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", re.ASCII)


@dataclass(frozen=True)
class Margins:
    """Largest tolerated loss from the base to the other side."""

    time: float  # share of the base's time: 0.05 tolerates 5% slower
    accuracy: float  # fraction of 1: 0.01 tolerates a loss of one point


NONE, ANY = Margins(0.0, 0.0), Margins(math.inf, math.inf)
"""Margins that tolerate no loss, and margins that tolerate any loss."""


def percent(words: str, what: str) -> float:
    """Return the fraction for a percentage such as "5%", "5" or "2.5%"; spaces are ignored.

    Raises CompareError for other text; `what` names the quantity in the message.
    """
    match = _PERCENT.fullmatch(words)
    if not match:
        raise CompareError(f"{words!r} is not a {what}: give a percentage, like 5% or 2.5%.")
    return float(match[1]) / 100


def margins(slower: str, points: float = ACCURACY_POINTS) -> Margins:
    """Return margins from a percentage of time (see `percent`) and points of accuracy.

    Raises CompareError if either cannot be used.
    """
    if not 0 <= points < 100:
        raise CompareError(
            f"{points:g} is not a margin for accuracy: give at least 0 and less than 100 points, like 1 or 0.5."
        )
    return Margins(percent(slower, "margin for times"), points / 100)


def add_verdicts(table: pd.DataFrame, margins: Margins | None) -> pd.DataFrame:
    """Return the rows of `instances.compare_instances` with the columns p_adjusted, verdict and regression.

    The columns `low` and `high` must hold the ends of intervals at `intervals.level`, null if there is no interval.

    - verdict: "better" or "worse" if the interval is on one side of 0, "no change shown" if it is not, "not tested" if
      there is no test
    - p_adjusted: the number of tests times p_value, or times FAMILY in rows that have it (Bonferroni); below ALPHA
      exactly if a change is shown
    - regression: whether the whole interval is worse than `margins` allow; false everywhere without margins

    Since the intervals hold simultaneously, the probability of any false regression is below 5% if nothing is worse by
    more than its margin.
    """
    tested = table["p_value"].notna()
    better = table["low"].gt(0).where(table["metric"] == "accuracy", table["high"].lt(0))
    verdict = pd.Series("no change shown", table.index).mask(better, "better").mask(_worse(table, NONE), "worse")
    p_value = table.reindex(columns=[FAMILY])[FAMILY].astype(float).fillna(table["p_value"].astype(float))
    return table.drop(columns=FAMILY, errors="ignore").assign(
        p_adjusted=(p_value * tested.sum()).clip(upper=1),
        verdict=verdict.where(tested, "not tested"),
        regression=_worse(table, margins or ANY),
    )


def _worse(table: pd.DataFrame, margins: Margins) -> pd.Series:
    """Return for each row whether its whole interval is worse than `margins` allow; false without an interval."""
    slower, less_accurate = table["low"].gt(margins.time), table["high"].lt(-margins.accuracy)
    return less_accurate.where(table["metric"] == "accuracy", slower)


Floats = NDArray[np.float64]
ACCURACY = "accuracy"
METRICS = (ACCURACY, changes.MEAN, changes.MEDIAN)
COLUMNS = ["instance_id", "model", "implementation", "quantization", "metric", "base", "other", "change", "low", "high"]
COLUMNS += ["p_value", FAMILY, "units", "way", "note"]

NO_RECORDS = "no records of single images, so only the mean and the standard deviation are used"
UNPAIRED = "not paired by image, because the images or their order differ"


Evidence = changes.AccuracyChange | changes.LogRatio | changes.SharedRatio
"""Statistic behind a row: a change in accuracy or a ratio of times."""
RunRecords = tuple[pd.DataFrame, pd.DataFrame]
"""Images in run order on the base and on the other side: columns image, right (1 or 0) and ms (NaN if unusable)."""


@dataclass
class Compared:
    """The table of `compare_instances` and the data behind it, from which summaries of several instances are made.

    `logs` are keyed by instance and statistic and do not allow for other runs; the other dicts are keyed by instance.
    """

    table: pd.DataFrame
    logs: dict[tuple[str, str], changes.LogRatio] = field(default_factory=dict)
    sessions: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=dict)  # if they are the unit
    runs: tuple[pd.DataFrame, pd.DataFrame] | None = None  # of both sides, with one device per side
    image_changes: dict[str, pd.Series] = field(default_factory=dict)  # change in accuracy on each image
    answers: dict[str, changes.AccuracyChange] = field(default_factory=dict)
    run_records: dict[str, RunRecords] = field(default_factory=dict)  # with one device per side


def compare_instances(
    matched: Matched,
    base: Side,
    other: Side,
    metrics: Sequence[str] = (ACCURACY, changes.MEAN),
    timing: str = "end_to_end",
    margins: Margins | None = None,
    run_to_run: float = variance.RUN_TO_RUN,
    seed: int = 0,
) -> Compared:
    """Compare two sides and return a table with a row per instance x metric, in the paper's order.

    Metrics are "accuracy", and "mean" and "median" of the time per image. The columns are:

    - instance_id, model, implementation, quantization, metric
    - base, other: fractions of 1, or ms
    - change: other minus base; for times, other / base - 1
    - low, high: interval of the change; all rows with a test hold together at 95% (see `intervals.level`)
    - p_value: two-sided test of no change, not corrected for other rows
    - units, way: number and kind ("images", "sessions" or "devices") of what the interval is over
    - note: why numbers are missing or should be treated with caution
    - those that `add_verdicts` adds

    If there are too few sessions to estimate how sessions differ, intervals and tests of times use the latest run of
    each side and allow for `run_to_run` (see `variance`).
    """
    comparison = Compared(pd.DataFrame(columns=COLUMNS))
    if matched.kind == ONE:
        comparison.runs = _runs(base, matched.base), _runs(other, matched.other)
    measurements = list(
        _one(matched, base, other, timing) if matched.kind == ONE else _several(matched, base, other, timing)
    )
    shared_ratios = {
        statistic: _over_sessions(measurements, statistic) for statistic in metrics if statistic != ACCURACY
    }
    rows: list[dict[str, Any]] = []
    evidence: list[Evidence] = []
    for measured in measurements:
        facts = names.facts(measured.instance_id)
        if ACCURACY in metrics:
            change, cells = measured.accuracy()
            comparison.answers[measured.instance_id] = change
            evidence.append(change)
            rows.append({**facts, "metric": ACCURACY, **cells, **tests(change)})
        if measured.right is not None:
            comparison.image_changes[measured.instance_id] = measured.right["other"] - measured.right["base"]
        if measured.sessions is not None:
            comparison.sessions[measured.instance_id] = measured.sessions
        if measured.run_records is not None:
            comparison.run_records[measured.instance_id] = measured.run_records
        for statistic in metrics:
            if statistic != ACCURACY:
                log_ratio, cells = measured.time(statistic, seed)
                comparison.logs[measured.instance_id, statistic] = log_ratio
                if cells["way"] == "images":
                    log_ratio = log_ratio.of_any_run(run_to_run)
                ratio = shared_ratios[statistic].get(measured.instance_id, log_ratio)
                evidence.append(ratio)
                rows.append({**facts, "metric": statistic, **cells, **tests(ratio)})
    comparison.table = build_table(rows, evidence, margins)
    return comparison


def build_table(rows: Sequence[dict[str, Any]], evidence: Sequence[Evidence], margins: Margins | None) -> pd.DataFrame:
    """Return the table of `compare_instances` from its rows and the evidence for each, with intervals and verdicts."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    level = intervals.level(int(table["p_value"].notna().sum()))
    table[["low", "high"]] = np.array([_ends(row_evidence, level) for row_evidence in evidence]).reshape(-1, 2)
    order = {metric: position for position, metric in enumerate(METRICS)}
    table = table.sort_values("metric", key=lambda metrics: metrics.map(order), kind="stable")
    return add_verdicts(names.ordered(table, ["quantization", "model", "implementation"]), margins)


def tests(evidence: Evidence) -> dict[str, float]:
    """Return the change and its test as columns change and p_value, and FAMILY for a shared ratio."""
    if isinstance(evidence, changes.AccuracyChange):
        return {"change": evidence.other - evidence.base, "p_value": evidence.p_value}
    columns = {"change": np.expm1(evidence.value), "p_value": evidence.p_value()}
    if isinstance(evidence, changes.SharedRatio):
        columns[FAMILY] = evidence.p_value(evidence.rows)
    return columns


def _ends(evidence: Evidence, level: float) -> tuple[float, float]:
    """Return the ends of the interval of a change; for times, of other / base - 1."""
    low, high = evidence.interval(level)
    return (low, high) if isinstance(evidence, changes.AccuracyChange) else (low - 1, high - 1)


@dataclass(frozen=True)
class Measured:
    """One instance on both sides, measured on one or several devices."""

    instance_id: str
    base: pd.DataFrame  # rows of the table `instances`, one per device, with at least the columns used here
    other: pd.DataFrame
    column: str  # prefix of the time columns, see `select.time_column`
    kind: str  # see `Matched.kind`
    right: pd.DataFrame | None  # base, other: share of devices that are right, by image; None if unknown
    run_records: RunRecords | None = None  # None if unknown or if there are several devices
    sessions: tuple[pd.DataFrame, pd.DataFrame] | None = None  # see `over_sessions`; None if too few
    note: str = ""

    def accuracy(self) -> tuple[changes.AccuracyChange, dict[str, Any]]:
        """Return the change in accuracy, and the cells of its row."""
        if self.right is not None:
            base_right, other_right = (self.right[side].to_numpy(float) for side in ("base", "other"))
            change = changes.accuracy_on_images(base_right, other_right)
            note = "" if change.images else "the two sides share no image"
            note = "one image is too few for a test" if change.images == 1 else note
        elif self.kind == ONE:
            summaries = [(float(row["accuracy"].iloc[0]), int(row["distinct_images"].iloc[0])) for row in self._rows()]
            change, note = changes.accuracy_from_counts(summaries[0], summaries[1]), NO_RECORDS
        else:
            change = changes.AccuracyChange(
                float(self.base["accuracy"].mean()), float(self.other["accuracy"].mean()), 0
            )
            note = "there are no records of single images"
        if change.images == 1:
            change = changes.AccuracyChange(change.base, change.other, 1)
        cells = {"base": change.base, "other": change.other, "units": str(change.images), "way": "images"}
        return change, {**cells, "note": _joined(note, self.note)}

    def time(self, statistic: str, seed: int) -> tuple[changes.LogRatio, dict[str, Any]]:
        """Return the ratio of the mean or median times, other over base, and the cells of its row."""
        column, sd = f"{self.column}_{statistic}", f"{self.column}_sd"
        if self.sessions is not None or self.kind != ONE:
            rows = self.sessions or (self.base, self.other)
            values = [np.log(_positive(side[column])) for side in rows]
            typical_ms = [float(np.exp(side.mean())) if len(side) else np.nan for side in values]
            if self.kind == SAME:
                ratio = pd.Series(_times(self.other[column]) / _times(self.base[column]), list(self.base["device_id"]))
                ratio = ratio[np.isfinite(ratio)]
                log_ratio, units = changes.ratio_of_pairs(np.log(ratio.to_numpy())), f"{len(ratio)}"
                note = latency.too_few_devices(ratio - 1, "{:+.1%}") or _lack(log_ratio)
            else:
                log_ratio, units = changes.ratio_of_units(*values), " and ".join(str(len(side)) for side in values)
                note = _lack(log_ratio)
            way = "devices"
            if self.sessions is not None:
                way, units = "sessions", " and ".join(_sessions(side) for side in self.sessions)
            note = _joined(note, self.note)
            return log_ratio, {"base": typical_ms[0], "other": typical_ms[1], "units": units, "way": way, "note": note}
        if self.run_records is None:
            base, other = ([float(row[name].iloc[0]) for name in (column, sd, "images")] for row in self._rows())
            log_ratio = changes.ratio_of_summaries((base[0], base[1], base[2]), (other[0], other[1], other[2]))
            if statistic != changes.MEAN:  # the standard deviation gives no error of a median
                log_ratio = changes.LogRatio(log_ratio.value, np.nan, 1.0)
            units = f"{base[2]:.0f} and {other[2]:.0f}"
            note = _joined(NO_RECORDS, self.note)
            return log_ratio, {"base": base[0], "other": other[0], "units": units, "way": "images", "note": note}
        base_ms, other_ms, paired = _series(self.run_records)
        log_ratio = changes.ratio_of_images(base_ms, other_ms, statistic, paired, seed)
        centre = np.mean if statistic == changes.MEAN else np.median
        typical_ms = [float(centre(side)) if len(side) else np.nan for side in (base_ms, other_ms)]
        note = _joined("" if paired else UNPAIRED, _lack(log_ratio), log_ratio.doubt, self.note)
        units = str(len(base_ms)) if paired else f"{len(base_ms)} and {len(other_ms)}"
        return log_ratio, {"base": typical_ms[0], "other": typical_ms[1], "units": units, "way": "images", "note": note}

    def _rows(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self.base, self.other


def _lack(log: changes.LogRatio) -> str:
    """Return why a ratio has no interval; empty if it has one."""
    return "" if np.isfinite(log.error) else "no interval, because there are too few times or they do not vary"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _sessions(rows: pd.DataFrame) -> str:
    """Return the number of sessions and runs behind rows of `over_sessions` as text."""
    return f"{plural(len(rows), 'session')} ({plural(int(rows['count'].sum()), 'run')})"


def _times(column: pd.Series) -> Floats:
    return column.to_numpy(float, na_value=np.nan)


def _positive(column: pd.Series) -> Floats:
    times_of_rows = _times(column)
    return times_of_rows[times_of_rows > 0]


def _one(matched: Matched, base: Side, other: Side, timing: str) -> Iterator[Measured]:
    """Yield each instance of a comparison with one device per side."""
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
    columns = ["device_id", "accuracy", "images", "distinct_images"]
    columns += [f"{column}_{statistic}" for statistic in (changes.MEAN, changes.MEDIAN, "sd")]
    base_rows, other_rows = matched.base[columns], matched.other[columns]
    for position, instance in enumerate(matched.base["instance_id"]):
        base_records, other_records = (records_of_side.get(instance) for records_of_side in records)
        averages = (sessions[0][instance], sessions[1][instance])
        run_records = right = None
        if base_records is not None and other_records is not None:
            run_records = _run_records(base_records, column), _run_records(other_records, column)
            right = pd.concat(
                [_right(base_records), _right(other_records)], axis=1, join="inner", keys=["base", "other"]
            )
        rows = base_rows.iloc[[position]], other_rows.iloc[[position]]
        note = _joined(*(notes.get(instance, "") for notes in unlike))
        yield Measured(instance, *rows, column, ONE, right, run_records, averages if enough(*averages) else None, note)


def _over_sessions(work: Sequence[Measured], statistic: str) -> dict[str, changes.SharedRatio]:
    """Return the ratios of the instances whose unit is the session, by instance.

    How sessions differ is estimated jointly from all instances that were measured in the same sessions.
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
    shared_ratios: dict[str, changes.SharedRatio] = {}
    for group in by_sessions.values():
        base, other = (np.array([sides[index] for sides in group.values()]) for index in (0, 1))
        shared_ratios |= dict(zip(group, changes.ratio_of_sessions(base, other), strict=True))
    return shared_ratios


def enough(base: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether an instance has enough rows of `over_sessions` to use the session as the unit."""
    return len(base) + len(other) - 2 >= variance.MIN_FREEDOM


def _runs(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the instances in `rows`, which are all of one device."""
    of_device = side.runs[side.runs["device_id"].eq(rows["device_id"].iloc[0])]
    return of_device[of_device["instance_id"].isin(rows["instance_id"])].reset_index(drop=True)


def _unlike(side: Side, rows: pd.DataFrame, name: str) -> dict[str, str]:
    """Return notes by instance on the runs that side `name` excludes because their conditions differ."""
    unlike = side.unlike[side.unlike["device_id"] == rows["device_id"].iloc[0]]
    words = [f"{plural(runs, 'run')} ({reason})" for runs, reason in zip(unlike["runs"], unlike["reason"], strict=True)]
    parts = pd.Series(words, unlike["instance_id"].astype(str), dtype=object).groupby(level=0)
    return {str(instance): f"excluded from {name}: {', '.join(part)}" for instance, part in parts}


def _collected(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the image records that belong to `rows`, as one frame in run order."""
    parts = [part for _, part in select.records_by_device(side.images, rows)]
    records = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=IMAGE_COLUMNS)
    return _in_run_order(records)


def _in_run_order(records: pd.DataFrame) -> pd.DataFrame:
    """Return image records sorted by query, with `image` as text, `correct` as 1 or 0, and column `is_first`.

    `is_first` is true for the first record of an image in its run and instance.
    """
    ordered = records.sort_values("query", kind="stable", ignore_index=True)
    is_first = ~ordered.duplicated([*select.KEY, "image"])
    return ordered.assign(
        image=ordered["image"].astype(str), correct=ordered["correct"].astype(float), is_first=is_first
    )


def _run_records(records: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the columns described at `RunRecords` from records as in `_in_run_order`."""
    ms, failed = records[column].to_numpy(float, na_value=np.nan), records["failed"].to_numpy(bool)
    usable_ms = np.where(np.isfinite(ms) & (ms >= 0) & ~failed, ms, np.nan)
    columns = {"image": records["image"].array, "right": records["correct"].array, "ms": usable_ms}
    return pd.DataFrame(columns)


def _series(run_records: RunRecords) -> tuple[Floats, Floats, bool]:
    """Return the usable times of two runs in order, and whether they are paired (same images in the same order)."""
    base_ms, other_ms = (records["ms"] for records in run_records)
    if run_records[0]["image"].equals(run_records[1]["image"]):
        usable = base_ms.notna() & other_ms.notna()
        return base_ms[usable].to_numpy(), other_ms[usable].to_numpy(), True
    return base_ms.dropna().to_numpy(), other_ms.dropna().to_numpy(), False


def _right(records: pd.DataFrame) -> pd.Series:
    """Return 1 or 0 by image, whether the first answer to it was right, from records as in `_in_run_order`."""
    is_first = records["is_first"].to_numpy()
    return pd.Series(records["correct"].array[is_first], pd.Index(records["image"].array[is_first]))


def _several(matched: Matched, base: Side, other: Side, timing: str) -> Iterator[Measured]:
    """Yield each instance of a comparison of several devices.

    Image records are read one device at a time and only sums are kept.
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
    """Return, for each instance, the share of devices that are right by image."""
    sums: dict[str, pd.DataFrame] = {}
    for _, records in select.records_by_device(side.images, rows):
        for instance, part in _in_run_order(records).groupby("instance_id", observed=True):
            right = _right(part)
            counts = pd.DataFrame({"right": right, "devices": 1.0})
            earlier = sums.get(str(instance))
            sums[str(instance)] = counts if earlier is None else earlier.add(counts, fill_value=0)
    return {instance: counts["right"] / counts["devices"] for instance, counts in sums.items()}
