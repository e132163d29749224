"""Comparison of two sides: settings, changes by instance, implementation and model, and of VIPS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.compare import changes, instances, matching, sides
from aiot_analysis.compare.instances import ACCURACY, Compared, RunRecords
from aiot_analysis.compare.matching import ONE, SAME, Matched
from aiot_analysis.compare.sides import Side, describe_counts
from aiot_analysis.errors import CompareError
from aiot_analysis.stats import variance, vips
from aiot_analysis.tables import dependence, names, select

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GROUP_COLUMNS = ["by", "group", "metric", "instances", "change", "low", "high", "units", "way"]
COSTS = {"load_ms": "load time", "peak_rss_mb": "peak memory", "model_mb": "model file"}
"""Quantities with a single value per run, which therefore have no interval and no test."""


def summaries(
    compared: Compared, matched: Matched, timing: str, run_to_run: float = variance.RUN_TO_RUN
) -> pd.DataFrame:
    """Return the mean change in accuracy and the geometric mean ratio of times over the instances of each group.

    There is one row per group x metric, with the columns by ("all", "implementation" or "model"), group, instances
    (count), change (other minus base; for times the ratio minus 1), low and high (individual 95%), units and way. The
    instances are those that were compared, not a sample of others. The interval of times is over the group means of the
    devices, or sessions, that have all instances of the group. For single runs, it combines the intervals of the
    instances, which were measured independently, with `run_to_run`, which they share. The interval of accuracy is over
    the images, which the instances share.
    """
    rows = []
    metrics = list(dict.fromkeys(compared.table["metric"]))
    for by, group, ids in _groups(compared.table):
        for metric in metrics:
            keys = {"by": by, "group": group, "metric": metric}
            if metric == ACCURACY:
                rows.append({**keys, **_accuracy(compared, ids)})
            else:
                rows.append({**keys, **_time(compared, matched, ids, metric, timing, run_to_run)})
    return pd.DataFrame(rows, columns=GROUP_COLUMNS)


def _groups(table: pd.DataFrame) -> Iterator[tuple[str, str, list[str]]]:
    distinct = table.drop_duplicates("instance_id")
    yield "all", "", list(distinct["instance_id"])
    for by, order in (("implementation", names.IMPLEMENTATIONS), ("model", names.MODELS)):
        for group in names.in_order(set(distinct[by]), order):
            yield by, group, list(distinct[distinct[by] == group]["instance_id"])


def _accuracy(compared: Compared, instances: Sequence[str]) -> dict[str, object]:
    tested = [instance_id for instance_id in instances if instance_id in compared.image_changes]
    image_changes = [compared.image_changes[instance_id] for instance_id in tested]
    if not image_changes:
        return {"instances": 0, "units": "0", "way": "images"}
    if len(image_changes) == 1:  # a single instance has its own interval
        answer = compared.answers[tested[0]]
        mean, (low, high), images = answer.other - answer.base, answer.interval(), answer.images
    else:
        image_means = pd.concat(image_changes, axis=1, join="inner").mean(axis=1).to_numpy(float)
        mean = float(image_means.mean()) if len(image_means) else np.nan
        low, high = changes.over_images(image_means) if len(image_means) else (np.nan, np.nan)
        images = len(image_means)
    numbers = {"change": mean, "low": low, "high": high}
    return {"instances": len(image_changes), **numbers, "units": str(images), "way": "images"}


def _time(
    compared: Compared, matched: Matched, instances: Sequence[str], statistic: str, timing: str, run_to_run: float
) -> dict[str, object]:
    column, count = f"{select.time_column(timing)}_{statistic}", len(instances)
    if matched.kind == ONE and all(item in compared.sessions for item in instances):
        sides = [pd.concat([compared.sessions[item][side] for item in instances]) for side in (0, 1)]
        samples = [_together(rows, instances, column, "session") for rows in sides]
        log, units, way = (
            changes.ratio_of_units(*(item.to_numpy(float) for item in samples)),
            _counts(samples),
            "sessions",
        )
    elif matched.kind == ONE:
        logs = [compared.logs[item, statistic] for item in instances]
        logs = [item for item in logs if np.isfinite(item.value)]
        log, way, count = changes.mean_of(logs).of_any_run(run_to_run), "instances", len(logs)
        units = str(count)
    else:
        samples = [_together(rows, instances, column, "device_id") for rows in (matched.base, matched.other)]
        if matched.kind == SAME:
            differences = (samples[1] - samples[0]).dropna().to_numpy(float)
            log, units = changes.ratio_of_pairs(differences), str(len(differences))
        else:
            log, units = changes.ratio_of_units(*(item.to_numpy(float) for item in samples)), _counts(samples)
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


Floats = NDArray[np.float64]
SUITES = {"float32": names.PAPER_FLOAT32, "quantized": names.PAPER_QUANTIZED}
SIDES = ("base", "other")
SCORE_COLUMNS = ["suite", "instances", "of", *SIDES, "base_low", "base_high", "other_low", "other_high"]
SCORE_COLUMNS += ["change", "low", "high", "units", "way", "note"]


def scores(compared: Compared, matched: Matched, timing: str, run_to_run: float = variance.RUN_TO_RUN) -> pd.DataFrame:
    """Return one row for each part of the paper's suite of which both sides have any instances.

    The columns are suite, instances (the number that both sides have, over which VIPS is the sum of Equation 1), of
    (the number in the part), base and other (VIPS, images per second), change (other over base, minus 1), the ends of
    individual 95% intervals (with _low and _high, or low and high for the change), units, way and note. With one
    device per side, an interval combines two errors. The error of the images is the contribution of each image to the
    logarithm of the score, through accuracy and time of all instances, with neighbours in time treated as dependent
    (delta method). The error of the sessions is the scatter of their scores, or `run_to_run` if there are too few
    sessions. Over devices, scores are geometric means over the devices that have all instances.
    """
    rows = []
    for suite, suite_instances in SUITES.items():
        instances = [instance_id for instance_id in suite_instances if instance_id in set(matched.instances)]
        if not instances:
            continue
        keys = {"suite": suite, "instances": len(instances), "of": len(suite_instances)}
        if matched.kind == ONE:
            rows.append({**keys, **_one(compared, matched, instances, timing, run_to_run)})
        else:
            rows.append({**keys, **_several(matched, instances, timing)})
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def _logs(rows: pd.DataFrame, instances: list[str], timing: str, unit: str = "device_id") -> pd.Series:
    """Return the logarithm of the score of each device or session (`unit`) that has all instances."""
    parts = vips.contributions(rows.assign(device_id=rows[unit]), timing, instances).groupby("device_id")["vips"]
    sums = parts.sum(min_count=len(instances))
    return sums[sums > 0].map(np.log)


def _several(matched: Matched, instances: list[str], timing: str) -> dict[str, object]:
    base, other = (_logs(rows, instances, timing) for rows in (matched.base, matched.other))
    if matched.kind == SAME:
        base, other = base.align(other, join="inner")
    if base.empty or other.empty:
        return {"note": "no device has all of the instances"}
    samples = base.to_numpy(float), other.to_numpy(float)
    log = changes.ratio_of_pairs(samples[1] - samples[0]) if matched.kind == SAME else changes.ratio_of_units(*samples)
    units = str(len(base)) if matched.kind == SAME else f"{len(base)} and {len(other)}"
    return {
        **_scores_with_intervals([changes.ratio_of_pairs(sample) for sample in samples], log),
        "units": units,
        "way": "devices",
        "note": "",
    }


def _scores_with_intervals(sides: Sequence[changes.LogRatio], change: changes.LogRatio) -> dict[str, object]:
    """Return the scores and their change, with intervals, from logarithms."""
    low, high = change.interval()
    numbers: dict[str, object] = {"change": np.expm1(change.value), "low": low - 1, "high": high - 1}
    for name, side in zip(SIDES, sides, strict=True):
        numbers |= {
            name: np.exp(side.value),
            **dict(zip((f"{name}_low", f"{name}_high"), side.interval(), strict=True)),
        }
    return numbers


def _one(
    compared: Compared, matched: Matched, instances: list[str], timing: str, run_to_run: float
) -> dict[str, object]:
    over_sessions = all(item in compared.sessions for item in instances)
    if over_sessions:
        rows = [pd.concat([compared.sessions[item][side] for item in instances]) for side in (0, 1)]
        samples = [_logs(item, instances, timing, "session").to_numpy(float) for item in rows]
    else:
        samples = [_logs(item, instances, timing).to_numpy(float) for item in (matched.base, matched.other)]
    if not all(len(item) for item in samples):
        return {"note": "no score, because an instance has no accuracy or no time"}
    facts = {"units": " and ".join(str(len(item)) for item in samples), "way": "sessions" if over_sessions else "runs"}
    change = changes.ratio_of_units(*samples)
    images, note = _of_images(compared, instances)
    if note:
        without_error = [changes.LogRatio(float(item.mean()), np.nan, 1.0) for item in samples]
        return {
            **_scores_with_intervals(without_error, changes.LogRatio(change.value, np.nan, 1.0)),
            **facts,
            "note": note,
        }
    if over_sessions:
        sides = [_both(image, changes.ratio_of_pairs(item)) for image, item in zip(images, samples, strict=False)]
        return {**_scores_with_intervals(sides, _both(images[2], change)), **facts, "note": ""}
    values = [*(float(item.mean()) for item in samples), change.value]
    logs = [
        changes.LogRatio(value, image.error, image.freedom).of_any_run(run_to_run, runs)
        for value, image, runs in zip(values, images, (1, 1, 2), strict=True)
    ]
    return {**_scores_with_intervals(logs[:2], logs[2]), **facts, "note": ""}


def _both(images: changes.LogRatio, sessions: changes.LogRatio) -> changes.LogRatio:
    """Return the value over sessions with the combined error of images and sessions; both include image times."""
    error, freedom = changes.together([images.error, sessions.error], [images.freedom, sessions.freedom])
    return changes.LogRatio(sessions.value, error, freedom)


def _of_images(compared: Compared, instances: list[str]) -> tuple[list[changes.LogRatio], str]:
    """Return the errors due to images of the logarithms of both scores and of their difference.

    The second value says why there are no errors, or is "".
    """
    run_records = [compared.run_records[item] for item in instances if item in compared.run_records]
    if len(run_records) < len(instances):
        return [], "no interval, because an instance has no records of single images"
    influences = [_influence(run_records, side) for side in (0, 1)]
    series = [item for item in influences if item is not None]
    if len(series) < 2:
        return [], "no interval, because not all instances were given the same images in the same order"
    side_errors = [_error(item) for item in series]
    if run_records[0][0]["image"].equals(run_records[0][1]["image"]):
        return [*side_errors, _error(series[1] - series[0])], ""
    error, freedom = changes.together([item.error for item in side_errors], [item.freedom for item in side_errors])
    return [*side_errors, changes.LogRatio(0.0, error, freedom)], ""


def _error(series: Floats) -> changes.LogRatio:
    errors, effective_size = dependence.errors(series[None])
    return changes.LogRatio(0.0, float(errors[0]), float(effective_size[0]) - 1)


def _influence(run_records: list[RunRecords], side: int) -> Floats | None:
    """Return the influence of each image on the logarithm of the score, in order, with shape (images,).

    None if the instances were not shown the same images in the same order.
    """
    frames = [item[side] for item in run_records]
    first = frames[0]["image"]
    if len(first) < 2 or first.duplicated().any() or not all(first.equals(item["image"]) for item in frames):
        return None
    total, influence = 0.0, np.zeros(len(first))
    for item in frames:
        right, ms = item["right"].to_numpy(), item["ms"].to_numpy()
        accuracy, time_ms = right.mean(), np.nanmean(ms)
        excess = np.nan_to_num(ms / time_ms - 1)  # images without a time do not affect the mean
        influence += ((right - accuracy) - accuracy * excess) / time_ms
        total += accuracy / time_ms
    return influence / total if total > 0 else None


TIMINGS = list(names.TIMES)
FACTS = [
    "tables",
    "device",
    "run",
    "sessions",
    "origin",
    "dataset",
    "weights",
    "timing",
    "source",
    "profile",
    "threads",
    "conditions",
]
"""Facts reported about each side, in order, before the versions of its frameworks."""


@dataclass(frozen=True)
class CompareOptions:
    """Settings of a comparison."""

    metrics: Sequence[str] = (instances.ACCURACY, "mean")
    timing: str = ""  # "" for end to end, or inference if some instance has only that
    verdicts: str = ",".join(names.USABLE)
    margins: instances.Margins | None = None  # None if regressions are not requested
    run_to_run: float = variance.RUN_TO_RUN  # see `variance.RUN_TO_RUN`
    seed: int = 0


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison: the facts about sides A and B, and what changed from A to B."""

    words: tuple[str, str]  # the sides as the user named them
    facts: tuple[dict[str, str], dict[str, str]]  # about the compared instances, for A and for B
    options: CompareOptions
    timing: str
    kind: str  # ONE, SAME or OTHER of `matching`, or `interleaved.KIND`
    differs: dict[str, list[tuple[str, str]]]
    table: pd.DataFrame  # see `instances.compare_instances`
    groups: pd.DataFrame  # see `summaries`
    scores: pd.DataFrame  # see `scores`
    costs: pd.DataFrame  # see `costs`
    apart: pd.DataFrame  # what is not compared and why; see `Matched`
    careful: pd.DataFrame  # compared instances that are not fully valid: columns side, instance_id, reasons

    @property
    def simulated(self) -> bool:
        return any("simulated" in side["origin"] for side in self.facts)

    @property
    def regressions(self) -> list[str]:
        """Descriptions of what is worse by more than its margin, including what B tried without a usable result."""
        descriptions = []
        for row in self.table[self.table["regression"]].to_dict("records"):
            name = names.instance_display(row["instance_id"])
            if row["metric"] == instances.ACCURACY:
                descriptions.append(f"{name}: accuracy lower by {-100 * row['change']:.1f} points")
            else:
                descriptions.append(f"{name}: {100 * row['change']:.1f}% slower ({row['metric']})")
        if self.options.margins:
            lost = self.apart[self.apart["lost"]]
            for instance, reason in zip(lost["instance_id"], lost["reason"], strict=True):
                descriptions.append(f"{names.instance_display(instance)}: {reason}")
        return descriptions

    @property
    def comparisons(self) -> int:
        """Number of tests and intervals of instances that share the simultaneous 95%."""
        return int(self.table["p_value"].notna().sum())

    @property
    def common(self) -> dict[str, str]:
        """Facts that are the same on both sides."""
        return {name: value for name, value in self.facts[0].items() if self.facts[1].get(name) == value}


def compare(sources: Sequence[sides.SideSource], options: CompareOptions) -> Comparison:
    """Compare A with B.

    Raises CompareError or PoolingError if nothing can be compared, and DataError for an unknown timing or verdict.
    """
    timing = options.timing or _timing(sources)
    base, other = (source.side(timing, options.verdicts) for source in sources)
    for source, side in zip(sources, (base, other), strict=True):
        if side.rows.empty:
            raise CompareError(
                f"{source.words!r} has no instance with usable numbers{_why(side)}: choose another side."
            )
    matched = matching.match(base, other)
    table = instances.compare_instances(
        matched, base, other, options.metrics, timing, options.margins, options.run_to_run, options.seed
    )
    facts = [
        facts_of(source, rows, timing, table.runs[index] if table.runs else None, list(table.sessions))
        for index, (source, rows) in enumerate(zip(sources, (matched.base, matched.other), strict=True))
    ]
    return Comparison(
        words=(sources[0].words, sources[1].words),
        facts=(facts[0], facts[1]),
        options=options,
        timing=timing,
        kind=matched.kind,
        differs=matched.differs,
        table=table.table,
        groups=summaries(table, matched, timing, options.run_to_run),
        scores=scores(table, matched, timing, options.run_to_run),
        costs=costs(matched.base, matched.other),
        apart=matched.apart,
        careful=careful(matched.base, matched.other),
    )


def _timing(sources: Sequence[sides.SideSource]) -> str:
    """Return "end_to_end", or "inference" if finished runs have no other time, as those of native tools."""
    ended = [source.instances[source.instances["verdict"].isin(names.USABLE)] for source in sources]
    return select.timing_of(pd.concat(ended), "end_to_end")


def _why(side: Side) -> str:
    if side.left_out.empty:
        return ""
    row = side.left_out.sort_values("verdict", key=lambda verdicts: verdicts == "unavailable", kind="stable").iloc[0]
    return f" ({row['instance_id']} is {row['verdict']}: {row['reasons']})"


def facts_of(
    source: sides.SideSource, rows: pd.DataFrame, timing: str, runs: pd.DataFrame | None, over_sessions: Sequence[str]
) -> dict[str, str]:
    """Return the facts about a side's instances, in the order of FACTS.

    `runs` are all runs of a single device; in addition to `rows`, only those of the instances `over_sessions` are used.
    """
    name_of_device = names.devices(source.devices)
    devices = [name_of_device.get(device_id, device_id) for device_id in dict.fromkeys(rows["device_id"])]
    soc = source.devices.set_index("device_id")["soc"].reindex(rows["device_id"].unique()).dropna()
    used = set(rows["run_id"])
    if runs is not None:
        used |= set(runs[runs["instance_id"].isin(over_sessions)]["run_id"])
    facts = {
        "tables": str(source.folder.resolve()),
        "device": _listed(devices, "devices") + (f" ({soc.iloc[0]})" if len(devices) == 1 and len(soc) else ""),
        "run": _listed(sorted(map(str, used)), "runs"),
        "sessions": "the latest of each device" if runs is None else describe_counts(runs),
        "timing": names.display(timing),
    }
    for name in FACTS:
        if name not in facts:
            values = rows[name].dropna().astype(str).unique()
            facts[name] = _listed(sorted(values), name) if len(values) else "none"
    versions = rows.drop_duplicates(["framework", "framework_version"])
    for framework, part in versions.groupby("framework", sort=True):
        facts[str(framework)] = _listed(sorted(part["framework_version"].dropna().astype(str)), "versions") or "unknown"
    order = [*FACTS, *(name for name in facts if name not in FACTS)]
    return {name: facts[name] for name in order}


def _listed(values: Sequence[str], what: str) -> str:
    if len(values) > 3:
        return f"{len(values)} {what}"
    return ", ".join(values)


def careful(base: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the instances of both sides that are not fully valid, with the reasons."""
    parts = []
    for side, rows in (("A", base), ("B", other)):
        flagged = rows[rows["verdict"] != "valid"][["instance_id", "device_id", "reasons"]]
        parts.append(flagged.assign(side=side))
    return pd.concat(parts, ignore_index=True)
