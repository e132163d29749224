"""Comparison of the two sides of a session of `aiot ab`, which were run alternately, over its blocks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.compare import changes, comparison, instances, matching, sides
from aiot_analysis.compare.comparison import GROUP_COLUMNS, CompareOptions, Comparison
from aiot_analysis.compare.instances import ACCURACY
from aiot_analysis.errors import CompareError
from aiot_analysis.stats import latency
from aiot_analysis.tables import names, select, storage, validity
from aiot_analysis.tables.workspace import find as find_tables
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

KIND = "in turn"
FEWEST_BLOCKS = latency.FEWEST_DEVICES
"""Minimum number of blocks for an interval: two leave one degree of freedom, as two devices do."""
PARTS = ("framework", "delegate", "quantization")


def aligned(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, tuple[str, str]]]:
    """Return the rows of a session with B's instances renamed as in A, and the parts of the id that differ.

    A session may set a part of the instance for each side, such as `delegate=cpu` and `delegate=nnapi`. Each side then
    has one value of that part, and corresponding instances have different ids. The column `ran` has the original id of
    each row.
    """
    rows = rows.assign(ran=rows["instance_id"])
    other = rows["ab_side"] == "b"
    varied = {}
    for part in PARTS:
        values = [sorted(set(side[part])) for side in (rows[~other], rows[other])]
        if [len(side_values) for side_values in values] == [1, 1] and values[0] != values[1]:
            varied[part] = (values[0][0], values[1][0])
    if varied:
        rows = rows.assign(**{part: rows[part].mask(other, values[0]) for part, values in varied.items()})
        rows["instance_id"] = names.instance_ids(rows)
    return rows, varied


def by_block(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the logarithms of the time of B over that of A, with one row per instance and one column per block.

    Takes usable rows of the table `instances` of one session. The value is NaN if a side of the block lacks the
    instance.
    """
    timed = rows[rows[column] > 0]
    logs = timed.assign(log=np.log(timed[column].astype(float)))
    by_side = logs.groupby(["ab_side", "instance_id", "ab_block"])["log"].last().unstack("ab_block")
    a, b = (by_side.xs(side) if side in by_side.index else by_side.droplevel("ab_side").iloc[:0] for side in ("a", "b"))
    ratio = pd.DataFrame(b - a)
    return ratio.dropna(how="all").dropna(axis=1, how="all")


def right_by_image(records: pd.DataFrame) -> pd.DataFrame:
    """Return the share of blocks in which each image was classified correctly.

    Takes image records with the columns instance_id, ab_side, ab_block, image and correct. Returns the columns
    instance_id, image, base and other. Only images that both sides have in the same block count. If a framework gives
    the same answer each time, the shares are 0 or 1.
    """
    key = ["instance_id", "ab_block", "image"]
    sides = [records[records["ab_side"] == side].groupby(key, observed=True)["correct"].first() for side in ("a", "b")]
    both = pd.concat(sides, axis=1, keys=["base", "other"], join="inner").astype(float)
    return both.groupby(["instance_id", "image"], observed=True).mean().reset_index()


def compare_blocks(
    rows: pd.DataFrame,
    right: pd.DataFrame,
    metrics: Sequence[str] = (ACCURACY, changes.MEAN),
    timing: str = "end_to_end",
    margins: instances.Margins | None = None,
) -> pd.DataFrame:
    """Return the table of `instances.compare_instances` for two sides that ran alternately, with times over blocks.

    Takes usable rows of the table `instances` of a session and the answers of `right_by_image`. Only instances with at
    least FEWEST_BLOCKS blocks are included.
    """
    column = select.time_column(timing)
    logs = {metric: by_block(rows, f"{column}_{metric}") for metric in {changes.MEAN, *metrics} - {ACCURACY}}
    enough = logs[changes.MEAN].notna().sum(axis=1) >= FEWEST_BLOCKS
    lines: list[dict[str, Any]] = []
    evidence: list[instances.Evidence] = []
    for instance_id in logs[changes.MEAN].index[enough]:
        facts = names.facts(str(instance_id))
        for metric in metrics:
            change: instances.Evidence
            instance_rows = rows[rows["instance_id"] == instance_id]
            if metric == ACCURACY:
                change = _accuracy(right[right["instance_id"] == instance_id])
                numbers = {"base": change.base, "other": change.other, "units": str(change.images), "way": "images"}
                if not change.images:
                    means = instance_rows.groupby("ab_side")["accuracy"].mean()
                    numbers |= {"base": means["a"], "other": means["b"]}
                    numbers["note"] = "accuracy is not tested, because the answers to single images were not recorded"
            else:
                ratios_by_block = logs[metric].loc[instance_id].dropna()
                change = changes.ratio_of_pairs(ratios_by_block.to_numpy(float))
                numbers = _times(instance_rows, f"{column}_{metric}", ratios_by_block.index, change)
            evidence.append(change)
            lines.append({**facts, "metric": metric, "note": "", **numbers, **instances.tests(change)})
    return instances.build_table(lines, evidence, margins)


def _accuracy(right: pd.DataFrame) -> changes.AccuracyChange:
    return changes.accuracy_on_images(right["base"].to_numpy(), right["other"].to_numpy())


def _times(rows: pd.DataFrame, column: str, blocks: pd.Index, log: changes.LogRatio) -> dict[str, Any]:
    """Return the times of both sides in the blocks of one instance, and the unit of its interval."""
    paired = rows[rows["ab_block"].isin(blocks)]
    middle = [
        float(np.exp(np.log(paired[paired["ab_side"] == side][column].astype(float)).mean())) for side in ("a", "b")
    ]
    note = "" if np.isfinite(log.error) else "no interval, because the times do not vary between blocks"
    return {"base": middle[0], "other": middle[1], "units": str(len(blocks)), "way": "blocks", "note": note}


def _change(log: changes.LogRatio) -> dict[str, Any]:
    low, high = log.interval()
    return {"change": np.expm1(log.value), "low": low - 1, "high": high - 1}


def together(rows: pd.DataFrame, right: pd.DataFrame, table: pd.DataFrame, timing: str) -> pd.DataFrame:
    """Return the table of `comparison.summaries`, with times over the blocks that have all instances of a group.

    Takes the arguments of `compare_blocks` and the table it returns.
    """
    once = table.drop_duplicates("instance_id")
    groups = [("all", "", list(once["instance_id"]))]
    for by, order in (("implementation", names.IMPLEMENTATIONS), ("model", names.MODELS)):
        groups += [
            (by, group, list(once[once[by] == group]["instance_id"])) for group in names.in_order(set(once[by]), order)
        ]
    lines: list[dict[str, Any]] = []
    for by, group, ids in groups:
        for metric in dict.fromkeys(table["metric"]):
            if metric == ACCURACY:
                group_answers = right[right["instance_id"].isin(ids)]
                if len(ids) == 1:
                    change = _accuracy(group_answers)
                    mean, (low, high), images = change.other - change.base, change.interval(), change.images
                else:
                    image_changes = (
                        (group_answers["other"] - group_answers["base"])
                        .groupby(group_answers["image"])
                        .mean()
                        .to_numpy()
                    )
                    mean, (low, high) = image_changes.mean(), changes.over_images(image_changes)
                    images = len(image_changes)
                numbers = {"change": mean, "low": low, "high": high, "units": str(images), "way": "images"}
            else:
                logs = by_block(rows, f"{select.time_column(timing)}_{metric}").reindex(ids)
                block_means = logs.loc[:, logs.notna().all()].mean().to_numpy()
                numbers = {
                    **_change(changes.ratio_of_pairs(block_means)),
                    "units": str(len(block_means)),
                    "way": "blocks",
                }
            lines.append({"by": by, "group": group, "metric": metric, "instances": len(ids), **numbers})
    return pd.DataFrame(lines, columns=GROUP_COLUMNS)


def left_out(rows: pd.DataFrame, usable: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of a session without a ratio of times, in order: columns instance_id, block and reason.

    Takes all rows of the table `instances` of the session, and the usable ones.
    """
    key = ["instance_id", "ab_block"]
    usable_keys = usable.set_index([*key, "ab_side"]).index
    lines = []
    for pair, part in rows.groupby(key):
        reasons = []
        for side in ("a", "b"):
            if (*pair, side) not in usable_keys:
                side_rows = part[part["ab_side"] == side]
                reasons.append(f"{side.upper()} {_why(side_rows.iloc[-1]) if len(side_rows) else 'was not run'}")
        if reasons:
            lines.append((*pair, " and ".join(reasons)))
    return pd.DataFrame(lines, columns=["instance_id", "block", "reason"])


def _why(row: pd.Series) -> str:
    return f"is {row['verdict']} ({row['reasons']})" if row["reasons"] else f"is {row['verdict']}"


def in_words(table: pd.DataFrame) -> str:
    """Return a description of what the intervals of a comparison are over."""
    counts = sorted({int(units) for units in table[table["metric"] != ACCURACY]["units"]})
    parts = []
    if counts:
        blocks = plural(counts[0], "block") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} blocks"
        parts.append(f"A and B alternate; intervals of times are over {blocks} of one session")
    if ((table["metric"] == ACCURACY) & (table["units"] != "0")).any():
        parts.append("accuracy is compared image by image")
    return "; ".join([*parts, "differences between days are not included"])


NEWEST = "newest"


def find(session: str, processed: Path) -> sides.SideSource:
    """Return the rows of a session; `words` of the result is its id.

    `session` is the start of an id, the part after its hyphen, or "newest". Raises CompareError, with the choices, if
    it is unknown, ambiguous or has only one side, and DataError if tables are missing or damaged.
    """
    folder = find_tables(processed)
    instances = validity.read(folder)
    ids = sorted(set(instances["ab_session"].dropna().astype(str)))
    if not ids:
        raise CompareError(f"There is not an A/B session in {folder}: run `aiot ab`, then `aiot process`.")
    word = session.lower()
    matches = [
        session_id
        for session_id in ids
        if session_id.lower().startswith(word) or session_id.lower().endswith(f"-{word}")
    ]
    if word == NEWEST:
        matches = ids[-1:]
    if len(matches) != 1:
        problem = f"matches {len(matches)} sessions" if matches else "is not an A/B session"
        listed = ", ".join(reversed((matches or ids)[-sides.SHOWN :]))
        raise CompareError(f"{session!r} {problem} in {folder}: choose {NEWEST}, or one of {listed}.")
    rows = instances[instances["ab_session"] == matches[0]].reset_index(drop=True)
    for side in ("a", "b"):
        if side not in set(rows["ab_side"]):
            raise CompareError(
                f"Session {matches[0]} has no run of {side.upper()}: continue it with `aiot ab --resume`."
            )
    devices = storage.read("devices", folder)
    session_devices = devices[devices["device_id"].isin(rows["device_id"]) & devices["origin"].isin(rows["origin"])]
    return sides.SideSource(matches[0], folder, rows, session_devices.reset_index(drop=True))


def compare(session: str, processed: Path, wanted: Mapping[str, Sequence[str]], options: CompareOptions) -> Comparison:
    """Compare B with A of a session over its blocks.

    `wanted` selects instances by column, as in `sides.filtered`; if the sides differ in delegate, framework or
    quantization, instances have their names in A. Raises CompareError if no instance has enough blocks on both sides.
    """
    source = find(session, processed)
    rows, varied = aligned(source.instances)
    [source] = sides.filtered([replace(source, instances=rows)], wanted)
    rows, name = source.instances, source.words
    timing = options.timing or select.timing_of(rows, "end_to_end")
    column = f"{select.time_column(timing)}_mean"
    usable = select.usable_rows(rows.assign(study=None), [column], options.verdicts)
    lost = left_out(rows, usable)
    counts = by_block(usable, column).notna().sum(axis=1)
    ids = list(dict.fromkeys(rows["instance_id"]))
    undecided = {
        instance_id: _undecided(instance_id, int(counts.get(instance_id, 0)), lost)
        for instance_id in ids
        if counts.get(instance_id, 0) < FEWEST_BLOCKS
    }
    if len(undecided) == len(ids):
        raise CompareError(f"Session {name} has no result: {undecided[ids[0]]}.")
    usable = usable[~usable["instance_id"].isin(list(undecided))]
    words = [str(rows[rows["ab_side"] == side]["ab_settings"].iloc[0]) for side in ("a", "b")]
    parts = [
        sides.SideSource(settings, source.folder, _of_side(usable, side), source.devices)
        for settings, side in zip(words, ("a", "b"), strict=True)
    ]
    latest = [part.side(timing, options.verdicts) for part in parts]
    matched = matching.match(*latest)
    usable = usable[usable["instance_id"].isin(matched.instances)]
    base, other = (_of_side(usable, side) for side in ("a", "b"))
    answers = _answers(source.folder, usable)
    table = compare_blocks(usable, answers, options.metrics, timing, options.margins)
    reasons = {str(instance_id): _in_words(part) for instance_id, part in lost.groupby("instance_id")}
    table["note"] = [
        "; ".join(filter(None, (note, reasons.get(instance_id, ""))))
        for instance_id, note in zip(table["instance_id"], table["note"], strict=True)
    ]
    facts_a, facts_b = (
        {
            **comparison.facts_of(part, side_rows, timing, side.runs, matched.instances),
            "run": f"{plural(side_rows['run_id'].nunique(), 'run')} of session {name}",
        }
        for part, side_rows, side in zip(parts, (base, other), latest, strict=True)
    )
    differs = {**{part: [values] for part, values in varied.items()}, **matched.differs}
    return Comparison(
        words=(words[0], words[1]),
        facts=(facts_a, facts_b),
        options=options,
        timing=timing,
        kind=KIND,
        differs=differs or {"settings": [(words[0], words[1])]},
        table=table,
        groups=together(usable, answers, table, timing),
        scores=pd.DataFrame(columns=comparison.SCORE_COLUMNS),  # scores need whole runs
        costs=comparison.costs(base, other),
        apart=pd.concat([matched.apart, _apart(undecided, rows, column)], ignore_index=True).astype({"lost": bool}),
        careful=comparison.careful(*map(_with_all_doubts, (base, other))),
    )


def _of_side(rows: pd.DataFrame, side: str) -> pd.DataFrame:
    return rows[rows["ab_side"] == side].reset_index(drop=True)


def _with_all_doubts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per instance of a side, with the reasons for doubt of all of its runs.

    Reasons that differ only in numbers are included once, as given for the first run.
    """
    lines = []
    for _, instance_rows in rows.sort_values("ab_block").groupby("instance_id", sort=False):
        doubtful = instance_rows[instance_rows["verdict"] != "valid"]
        doubts: dict[str, str] = {}
        for doubt in (part for reasons in doubtful["reasons"] for part in reasons.split("; ")):
            doubts.setdefault(re.sub(r"\d", "", doubt), doubt)
        lines.append(
            (doubtful if len(doubtful) else instance_rows).iloc[0].to_dict() | {"reasons": "; ".join(doubts.values())}
        )
    return pd.DataFrame(lines)


def _answers(folder: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `right_by_image` for the runs of these rows."""
    places = rows[["run_id", "ran", "instance_id", "ab_side", "ab_block"]]
    columns = ["run_id", "instance_id", "image", "correct"]
    images = storage.read("images", folder, columns, run_id=sorted(set(places["run_id"])))
    images = images.astype({"run_id": str, "instance_id": str, "image": str}).rename(columns={"instance_id": "ran"})
    return right_by_image(images.merge(places, on=["run_id", "ran"]))


def _apart(undecided: Mapping[str, str], rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the instances that are not compared, in the form of `Comparison.apart`.

    An instance is lost if A measured it in enough blocks and B did not.
    """
    lines = []
    for instance_id, reason in undecided.items():
        usable = rows[(rows["instance_id"] == instance_id) & rows["verdict"].isin(names.USABLE) & (rows[column] > 0)]
        blocks_a, blocks_b = ((usable["ab_side"] == side).sum() for side in ("a", "b"))
        lost = bool(blocks_b < FEWEST_BLOCKS <= blocks_a)
        lines.append((instance_id, str(rows["device_id"].iloc[0]), f"no result: {reason}", lost))
    return pd.DataFrame(lines, columns=matching.APART)


def _undecided(instance_id: str, count: int, lost: pd.DataFrame) -> str:
    """Return a description of why an instance has no interval."""
    reasons = _in_words(lost[lost["instance_id"] == instance_id])
    words = f"{plural(count, 'block')} of {instance_id} can be used, but an interval over blocks needs "
    return f"{words}{FEWEST_BLOCKS}" + (f" ({reasons})" if reasons else "")


def _in_words(lost: pd.DataFrame) -> str:
    """Return a description of which blocks were excluded and why, grouped by reason."""
    parts = []
    for reason, rows in lost.groupby("reason", sort=False):
        numbers = ", ".join(map(str, rows["block"]))
        parts.append(f"block{'s' * (len(rows) > 1)} {numbers} excluded: {reason}")
    return "; ".join(parts)
