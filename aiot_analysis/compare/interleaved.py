"""The two sides of a session of `aiot ab`, and their comparison."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from aiot_analysis.compare import comparison, in_turn, matching, sources, summaries, vips_change
from aiot_analysis.compare.comparison import Asked, Comparison
from aiot_analysis.errors import CompareError
from aiot_analysis.tables import select, storage, validity
from aiot_analysis.tables.processed import find as find_tables
from aiot_analysis.words import plural

NEWEST = "newest"


def find(session: str, processed: Path) -> sources.Found:
    """Return the rows of a session, whose id is in `words` of the result.

    `session` is the beginning of an id, what is behind its hyphen, or "newest". Raises CompareError, with the choices,
    where it is unknown, may be several, or has one side only; DataError where tables are missing or damaged.
    """
    folder = find_tables(processed)
    instances = validity.read(folder)
    ids = sorted(set(instances["ab_session"].dropna().astype(str)))
    if not ids:
        raise CompareError(f"There is no A/B session in {folder}: run `aiot ab`, then `aiot process`.")
    word = session.lower()
    matches = [each for each in ids if each.lower().startswith(word) or each.lower().endswith(f"-{word}")]
    if word == NEWEST:
        matches = ids[-1:]
    if len(matches) != 1:
        problem = f"may be {len(matches)} sessions" if matches else "is no A/B session"
        listed = ", ".join(reversed((matches or ids)[-sources.SHOWN :]))
        raise CompareError(f"{session!r} {problem} in {folder}: choose {NEWEST}, or one of {listed}.")
    rows = instances[instances["ab_session"] == matches[0]].reset_index(drop=True)
    for side in ("a", "b"):
        if side not in set(rows["ab_side"]):
            raise CompareError(f"Session {matches[0]} has no run of {side.upper()}: go on with `aiot ab --resume`.")
    devices = storage.read("devices", folder)
    own = devices[devices["device_id"].isin(rows["device_id"]) & devices["origin"].isin(rows["origin"])]
    return sources.Found(matches[0], folder, rows, own.reset_index(drop=True))


def compare(session: str, processed: Path, wanted: Mapping[str, Sequence[str]], asked: Asked) -> Comparison:
    """Compare B with A of a session, over its blocks.

    `wanted` has the names of instances by column, as `sides.filtered` takes them; with a delegate, framework or
    quantization that differs between the sides, instances go by the name they have in A. Raises CompareError where no
    instance has enough blocks on both sides.
    """
    every = find(session, processed)
    rows, varied = in_turn.aligned(every.instances)
    [every] = sources.filtered([replace(every, instances=rows)], wanted)
    rows, name = every.instances, every.words
    timing = asked.timing or select.timing_of(rows, "end_to_end")
    column = f"{select.time_column(timing)}_mean"
    usable = select.usable_rows(rows.assign(study=None), [column], asked.verdicts)
    lost = in_turn.left_out(rows, usable)
    counts = in_turn.by_block(usable, column).notna().sum(axis=1)
    ids = list(dict.fromkeys(rows["instance_id"]))
    undecided = {
        each: _undecided(each, int(counts.get(each, 0)), lost)
        for each in ids
        if counts.get(each, 0) < in_turn.FEWEST_BLOCKS
    }
    if len(undecided) == len(ids):
        raise CompareError(f"Session {name} cannot be decided: {undecided[ids[0]]}.")
    usable = usable[~usable["instance_id"].isin(list(undecided))]
    words = [str(rows[rows["ab_side"] == side]["ab_settings"].iloc[0]) for side in ("a", "b")]
    parts = [
        sources.Found(said, every.folder, _of_side(usable, side), every.devices)
        for said, side in zip(words, ("a", "b"), strict=True)
    ]
    latest = [part.side(timing, asked.verdicts) for part in parts]
    matched = matching.match(*latest)
    usable = usable[usable["instance_id"].isin(matched.instances)]
    base, other = (_of_side(usable, side) for side in ("a", "b"))
    right = _answers(every.folder, usable)
    table = in_turn.compared(usable, right, asked.metrics, timing, asked.margins)
    reasons = {str(each): _in_words(part) for each, part in lost.groupby("instance_id")}
    table["note"] = [
        "; ".join(filter(None, (note, reasons.get(each, ""))))
        for each, note in zip(table["instance_id"], table["note"], strict=True)
    ]
    a, b = (
        {
            **comparison.facts_of(part, own, timing, side.runs, matched.instances),
            "run": f"{plural(own['run_id'].nunique(), 'run')} of session {name}",
        }
        for part, own, side in zip(parts, (base, other), latest, strict=True)
    )
    differs = {**{part: [values] for part, values in varied.items()}, **matched.differs}
    return Comparison(
        words=(words[0], words[1]),
        facts=(a, b),
        asked=asked,
        timing=timing,
        kind=in_turn.KIND,
        differs=differs or {"settings": [(words[0], words[1])]},
        table=table,
        groups=in_turn.together(usable, right, table, timing),
        scores=pd.DataFrame(columns=vips_change.COLUMNS),  # of whole runs
        costs=summaries.costs(base, other),
        apart=pd.concat([matched.apart, _apart(undecided, rows, column)], ignore_index=True).astype({"lost": bool}),
        careful=comparison.careful(*map(_with_all_doubts, (base, other))),
    )


def _of_side(rows: pd.DataFrame, side: str) -> pd.DataFrame:
    return rows[rows["ab_side"] == side].reset_index(drop=True)


def _with_all_doubts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per instance of a side, with the doubts about any of its runs.

    Doubts that differ in their numbers alone are told once, as the first run has them.
    """
    lines = []
    for _, own in rows.sort_values("ab_block").groupby("instance_id", sort=False):
        doubtful = own[own["verdict"] != "valid"]
        doubts: dict[str, str] = {}
        for doubt in (part for reasons in doubtful["reasons"] for part in reasons.split("; ")):
            doubts.setdefault(re.sub(r"\d", "", doubt), doubt)
        lines.append((doubtful if len(doubtful) else own).iloc[0].to_dict() | {"reasons": "; ".join(doubts.values())})
    return pd.DataFrame(lines)


def _answers(folder: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `interleaved.right_by_image` of the runs of these rows."""
    places = rows[["run_id", "ran", "instance_id", "ab_side", "ab_block"]]
    columns = ["run_id", "instance_id", "image", "correct"]
    images = storage.read("images", folder, columns, run_id=sorted(set(places["run_id"])))
    images = images.astype({"run_id": str, "instance_id": str, "image": str}).rename(columns={"instance_id": "ran"})
    return in_turn.right_by_image(images.merge(places, on=["run_id", "ran"]))


def _apart(undecided: Mapping[str, str], rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the instances that are not compared, as `comparison.Comparison.apart` has them.

    Lost is what A measured in enough blocks and B did not.
    """
    lines = []
    for instance_id, reason in undecided.items():
        own = rows[(rows["instance_id"] == instance_id) & rows["verdict"].isin(select.USABLE) & (rows[column] > 0)]
        a, b = ((own["ab_side"] == side).sum() for side in ("a", "b"))
        lost = bool(b < in_turn.FEWEST_BLOCKS <= a)
        lines.append((instance_id, str(rows["device_id"].iloc[0]), f"cannot be decided: {reason}", lost))
    return pd.DataFrame(lines, columns=matching.APART)


def _undecided(instance_id: str, count: int, lost: pd.DataFrame) -> str:
    """Return why an instance has no interval, in words."""
    why = _in_words(lost[lost["instance_id"] == instance_id])
    words = f"{plural(count, 'block')} of {instance_id} can be used, and an interval over blocks needs "
    return f"{words}{in_turn.FEWEST_BLOCKS}" + (f" ({why})" if why else "")


def _in_words(lost: pd.DataFrame) -> str:
    """Return the blocks that were left out and why, blocks with the same reason together."""
    parts = []
    for reason, rows in lost.groupby("reason", sort=False):
        numbers = ", ".join(map(str, rows["block"]))
        parts.append(f"block{'s' * (len(rows) > 1)} {numbers} left out: {reason}")
    return "; ".join(parts)
