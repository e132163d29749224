"""Comparison of two settings of one device that were run alternately, over the blocks of a session.

A and B of a block run one after the other and are affected alike by drift. The block is therefore the unit of analysis:
the logarithm of the ratio of their mean times is one number per block, and effects common to the session cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from aiot_analysis.compare import accuracy_change, instances, regression, times
from aiot_analysis.compare.instances import ACCURACY
from aiot_analysis.compare.summaries import GROUP_COLUMNS
from aiot_analysis.stats import ratios
from aiot_analysis.tables import names, select
from aiot_analysis.words import plural

KIND = "in turn"
FEWEST_BLOCKS = ratios.FEWEST_DEVICES
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
    metrics: Sequence[str] = (ACCURACY, times.MEAN),
    timing: str = "end_to_end",
    margins: regression.Margins | None = None,
) -> pd.DataFrame:
    """Return the table of `instances.compare_instances` for two sides that ran alternately, with times over blocks.

    Takes usable rows of the table `instances` of a session and the answers of `right_by_image`. Only instances with at
    least FEWEST_BLOCKS blocks are included.
    """
    column = select.time_column(timing)
    logs = {metric: by_block(rows, f"{column}_{metric}") for metric in {times.MEAN, *metrics} - {ACCURACY}}
    enough = logs[times.MEAN].notna().sum(axis=1) >= FEWEST_BLOCKS
    lines: list[dict[str, Any]] = []
    evidence: list[instances.Evidence] = []
    for instance_id in logs[times.MEAN].index[enough]:
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
                change = times.ratio_of_pairs(ratios_by_block.to_numpy(float))
                numbers = _times(instance_rows, f"{column}_{metric}", ratios_by_block.index, change)
            evidence.append(change)
            lines.append({**facts, "metric": metric, "note": "", **numbers, **instances.tests(change)})
    return instances.build_table(lines, evidence, margins)


def _accuracy(right: pd.DataFrame) -> accuracy_change.AccuracyChange:
    return accuracy_change.accuracy_on_images(right["base"].to_numpy(), right["other"].to_numpy())


def _times(rows: pd.DataFrame, column: str, blocks: pd.Index, log: times.LogRatio) -> dict[str, Any]:
    """Return the times of both sides in the blocks of one instance, and the unit of its interval."""
    paired = rows[rows["ab_block"].isin(blocks)]
    middle = [
        float(np.exp(np.log(paired[paired["ab_side"] == side][column].astype(float)).mean())) for side in ("a", "b")
    ]
    note = "" if np.isfinite(log.error) else "no interval, because the times do not vary between blocks"
    return {"base": middle[0], "other": middle[1], "units": str(len(blocks)), "way": "blocks", "note": note}


def _change(log: times.LogRatio) -> dict[str, Any]:
    low, high = log.interval()
    return {"change": np.expm1(log.value), "low": low - 1, "high": high - 1}


def together(rows: pd.DataFrame, right: pd.DataFrame, table: pd.DataFrame, timing: str) -> pd.DataFrame:
    """Return the table of `summaries.summaries`, with times over the blocks that have all instances of a group.

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
                    mean, (low, high) = image_changes.mean(), accuracy_change.over_images(image_changes)
                    images = len(image_changes)
                numbers = {"change": mean, "low": low, "high": high, "units": str(images), "way": "images"}
            else:
                logs = by_block(rows, f"{select.time_column(timing)}_{metric}").reindex(ids)
                block_means = logs.loc[:, logs.notna().all()].mean().to_numpy()
                numbers = {
                    **_change(times.ratio_of_pairs(block_means)),
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
