"""Comparison of the two sides of a session of `aiot ab`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from aiot_analysis.compare import comparison, in_turn, matching, sources, summaries, vips_change
from aiot_analysis.compare.comparison import CompareOptions, Comparison
from aiot_analysis.errors import CompareError
from aiot_analysis.tables import choice, select, storage, validity
from aiot_analysis.tables.processed import find as find_tables
from aiot_analysis.words import plural

NEWEST = "newest"


def find(session: str, processed: Path) -> sources.SideSource:
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
        listed = ", ".join(reversed((matches or ids)[-sources.SHOWN :]))
        raise CompareError(f"{session!r} {problem} in {folder}: choose {NEWEST}, or one of {listed}.")
    rows = instances[instances["ab_session"] == matches[0]].reset_index(drop=True)
    for side in ("a", "b"):
        if side not in set(rows["ab_side"]):
            raise CompareError(
                f"Session {matches[0]} has no run of {side.upper()}: continue it with `aiot ab --resume`."
            )
    devices = storage.read("devices", folder)
    session_devices = devices[devices["device_id"].isin(rows["device_id"]) & devices["origin"].isin(rows["origin"])]
    return sources.SideSource(matches[0], folder, rows, session_devices.reset_index(drop=True))


def compare(session: str, processed: Path, wanted: Mapping[str, Sequence[str]], asked: CompareOptions) -> Comparison:
    """Compare B with A of a session over its blocks.

    `wanted` selects instances by column, as in `sources.filtered`; if the sides differ in delegate, framework or
    quantization, instances have their names in A. Raises CompareError if no instance has enough blocks on both sides.
    """
    source = find(session, processed)
    rows, varied = in_turn.aligned(source.instances)
    [source] = sources.filtered([replace(source, instances=rows)], wanted)
    rows, name = source.instances, source.words
    timing = asked.timing or select.timing_of(rows, "end_to_end")
    column = f"{select.time_column(timing)}_mean"
    usable = select.usable_rows(rows.assign(study=None), [column], asked.verdicts)
    lost = in_turn.left_out(rows, usable)
    counts = in_turn.by_block(usable, column).notna().sum(axis=1)
    ids = list(dict.fromkeys(rows["instance_id"]))
    undecided = {
        instance_id: _undecided(instance_id, int(counts.get(instance_id, 0)), lost)
        for instance_id in ids
        if counts.get(instance_id, 0) < in_turn.FEWEST_BLOCKS
    }
    if len(undecided) == len(ids):
        raise CompareError(f"Session {name} has no result: {undecided[ids[0]]}.")
    usable = usable[~usable["instance_id"].isin(list(undecided))]
    words = [str(rows[rows["ab_side"] == side]["ab_settings"].iloc[0]) for side in ("a", "b")]
    parts = [
        sources.SideSource(settings, source.folder, _of_side(usable, side), source.devices)
        for settings, side in zip(words, ("a", "b"), strict=True)
    ]
    latest = [part.side(timing, asked.verdicts) for part in parts]
    matched = matching.match(*latest)
    usable = usable[usable["instance_id"].isin(matched.instances)]
    base, other = (_of_side(usable, side) for side in ("a", "b"))
    answers = _answers(source.folder, usable)
    table = in_turn.compare_blocks(usable, answers, asked.metrics, timing, asked.margins)
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
        asked=asked,
        timing=timing,
        kind=in_turn.KIND,
        differs=differs or {"settings": [(words[0], words[1])]},
        table=table,
        groups=in_turn.together(usable, answers, table, timing),
        scores=pd.DataFrame(columns=vips_change.SCORE_COLUMNS),  # scores need whole runs
        costs=summaries.costs(base, other),
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
    """Return `in_turn.right_by_image` for the runs of these rows."""
    places = rows[["run_id", "ran", "instance_id", "ab_side", "ab_block"]]
    columns = ["run_id", "instance_id", "image", "correct"]
    images = storage.read("images", folder, columns, run_id=sorted(set(places["run_id"])))
    images = images.astype({"run_id": str, "instance_id": str, "image": str}).rename(columns={"instance_id": "ran"})
    return in_turn.right_by_image(images.merge(places, on=["run_id", "ran"]))


def _apart(undecided: Mapping[str, str], rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the instances that are not compared, in the form of `Comparison.apart`.

    An instance is lost if A measured it in enough blocks and B did not.
    """
    lines = []
    for instance_id, reason in undecided.items():
        usable = rows[(rows["instance_id"] == instance_id) & rows["verdict"].isin(choice.USABLE) & (rows[column] > 0)]
        blocks_a, blocks_b = ((usable["ab_side"] == side).sum() for side in ("a", "b"))
        lost = bool(blocks_b < in_turn.FEWEST_BLOCKS <= blocks_a)
        lines.append((instance_id, str(rows["device_id"].iloc[0]), f"no result: {reason}", lost))
    return pd.DataFrame(lines, columns=matching.APART)


def _undecided(instance_id: str, count: int, lost: pd.DataFrame) -> str:
    """Return a description of why an instance has no interval."""
    reasons = _in_words(lost[lost["instance_id"] == instance_id])
    words = f"{plural(count, 'block')} of {instance_id} can be used, but an interval over blocks needs "
    return f"{words}{in_turn.FEWEST_BLOCKS}" + (f" ({reasons})" if reasons else "")


def _in_words(lost: pd.DataFrame) -> str:
    """Return a description of which blocks were excluded and why, grouped by reason."""
    parts = []
    for reason, rows in lost.groupby("reason", sort=False):
        numbers = ", ".join(map(str, rows["block"]))
        parts.append(f"block{'s' * (len(rows) > 1)} {numbers} excluded: {reason}")
    return "; ".join(parts)
