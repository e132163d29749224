"""Matching of the instances of two sides: which can be compared, and why the others cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.compare.sides import Side, short
from aiot_analysis.errors import CompareError, PoolingError
from aiot_analysis.tables import names, select

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE, SAME, OTHER = "one device a side", "the same devices", "other devices"
"""Kinds of pairing: two devices (or the same one twice), every device with itself, or no pairing of devices."""

SHOWN = [field for field in select.SAME_INSTANCE if field not in select.SHARED] + ["profile", "accelerator_actual"]
"""Fields that the comparison may be about, shown if they differ. Fields of select.SHARED must not differ."""

APART = ["instance_id", "device_id", "reason", "lost"]


@dataclass(frozen=True)
class Matched:
    """Instances that both sides have."""

    kind: str  # ONE, SAME or OTHER
    base: pd.DataFrame  # rows of the base; for ONE and SAME, the n-th row belongs to the n-th of `other`
    other: pd.DataFrame
    apart: pd.DataFrame  # what is not compared: columns APART; `lost` if the other side tried and failed
    differs: dict[str, list[tuple[str, str]]]  # fields of SHOWN that differ, with the pairs of values

    @property
    def instances(self) -> list[str]:
        return list(dict.fromkeys(self.base["instance_id"].astype(str)))


def match(base: Side, other: Side) -> Matched:
    """Return the rows of two sides that can be compared.

    If any devices are on both sides, only these are used, each compared with itself. Otherwise, the devices of one side
    are compared with those of the other. With several devices, the largest group of devices measured under the same
    conditions is used for each instance. Raises CompareError if a row is on both sides or nothing can be compared, and
    PoolingError if nothing can be compared because the sides differ in a field of select.SHARED.
    """
    _apart(base.rows, other.rows)
    kind, key = _kind(base, other)
    sides = [side.rows.assign(device_id=side.rows["device_id"].astype(str)) for side in (base, other)]
    base_rows, other_rows = sides
    exclusions = [
        _missing(base_rows, other_rows, other.left_out, key, "B"),
        _missing(other_rows, base_rows, base.left_out, key, "A"),
    ]
    exclusions += [_invalid(side.left_out, name, sides) for side, name in ((base, "A"), (other, "B"))]
    exclusions[1] = exclusions[1].assign(lost=False)
    base_rows, other_rows = _common(base_rows, other_rows, key), _common(other_rows, base_rows, key)
    base_rows, other_rows, incomparable = _may_be_compared(base_rows, other_rows, key)
    exclusions.append(incomparable)
    if kind != ONE:
        base_rows, other_rows, minority = _alike(base_rows, other_rows, kind)
        exclusions.append(minority)
    apart = pd.concat(
        [pd.DataFrame(columns=APART), *(excluded for excluded in exclusions if len(excluded))], ignore_index=True
    )
    if base_rows.empty:
        if len(incomparable):
            reason = incomparable["reason"].iloc[0]
            raise PoolingError(f"A and B cannot be compared, because {reason}: choose sides that have the same value.")
        raise CompareError(f"A and B share no instance with usable numbers{_examples(apart)}: choose other sides.")
    return Matched(kind, base_rows, other_rows, apart.astype({"lost": bool}), _differing(base_rows, other_rows, kind))


def _apart(base: pd.DataFrame, other: pd.DataFrame) -> None:
    for name, rows in (("A", base), ("B", other)):
        if rows.empty:
            raise CompareError(
                f"{name} has no instance with usable numbers: run `aiot process`, or choose another side."
            )
    key = [*select.KEY, "origin"]
    twice = base[key].merge(other[key])
    if len(twice):
        run, device, instance, _ = twice.iloc[0]
        raise CompareError(
            f"A and B have results in common ({len(twice)}, such as {instance} of run {run} on {device}): "
            "choose sides without a common run."
        )


def _kind(base: Side, other: Side) -> tuple[str, list[str]]:
    common = set(base.devices) & set(other.devices)
    if common:
        return (ONE if len(common) == 1 else SAME), ["instance_id", "device_id"]
    return (ONE if len(base.devices) == len(other.devices) == 1 else OTHER), ["instance_id"]


def _keys(rows: pd.DataFrame, key: list[str]) -> pd.Index:
    return pd.MultiIndex.from_frame(rows[key].astype(str))


def _common(rows: pd.DataFrame, others: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Return the rows whose key is also in `others`, sorted by key and device."""
    common = rows[_keys(rows, key).isin(_keys(others, key))]
    return common.sort_values([*dict.fromkeys([*key, "device_id"])], ignore_index=True)


def _missing(
    rows: pd.DataFrame, others: pd.DataFrame, left_out: pd.DataFrame, key: list[str], name: str
) -> pd.DataFrame:
    """Return the rows that the side `name` lacks, with the reason; `lost` if that side tried them and failed."""
    unmatched = rows[~_keys(rows, key).isin(_keys(others, key))].drop_duplicates(key)
    if unmatched.empty:
        return pd.DataFrame(columns=APART)
    left_out_by_key = left_out.astype({"device_id": str}).drop_duplicates(key, keep="last").set_index(key)
    explanations = left_out_by_key[["verdict", "reasons"]].reindex(
        unmatched[key[0]] if len(key) == 1 else _keys(unmatched, key)
    )
    verdict, reasons = explanations["verdict"].to_numpy(), explanations["reasons"].to_numpy()
    words = []
    for verdict_value, reason in zip(verdict, reasons, strict=True):
        label = "excluded" if verdict_value in names.USABLE else verdict_value
        words.append(f"{name} did not run it" if pd.isna(verdict_value) else f"{label} in {name}: {reason}")
    lost = [verdict_value == "invalid" for verdict_value in verdict]
    return unmatched[["instance_id", "device_id"]].assign(reason=words, lost=lost)


def _invalid(left_out: pd.DataFrame, name: str, sides: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the instances that are invalid on a side and usable on neither. Unavailable instances are not listed."""
    usable = {instance_id for side in sides for instance_id in side["instance_id"]}
    invalid_rows = left_out[(left_out["verdict"] == "invalid") & ~left_out["instance_id"].isin(usable)]
    words = f"invalid in {name}: " + invalid_rows["reasons"].astype(str)
    return invalid_rows[["instance_id", "device_id"]].assign(reason=words, lost=False)


def _may_be_compared(
    mine: pd.DataFrame, theirs: pd.DataFrame, key: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split rows by whether the fields of select.SHARED agree on both sides for their key.

    Returns the rows of both sides that agree, and the others with the first field that differs.
    """
    combined = pd.concat([mine, theirs], ignore_index=True)  # mine first, so that the reason names its value first
    values = combined[select.SHARED].astype("object").where(combined[select.SHARED].notna(), "nothing")
    keys = _keys(combined, key)
    varies = values.groupby([keys.get_level_values(name) for name in key], sort=False).transform("nunique") > 1
    reasons: dict[tuple[str, ...], str] = {}
    for field in select.SHARED:
        for key_values in keys[varies[field]].unique():
            first, second = values.loc[keys == key_values, field].unique()[:2]
            reasons.setdefault(key_values, f"they differ in {field}: {short(first)!r} and {short(second)!r}")
    incomparable = pd.MultiIndex.from_tuples(reasons, names=key) if reasons else _keys(mine.iloc[:0], key)
    incomparable_rows = mine[_keys(mine, key).isin(incomparable)].drop_duplicates(key)
    words = [reasons[key_value] for key_value in _keys(incomparable_rows, key)]
    apart = incomparable_rows[["instance_id", "device_id"]].assign(reason=words, lost=False)
    keep = [rows[~_keys(rows, key).isin(incomparable)].reset_index(drop=True) for rows in (mine, theirs)]
    return keep[0], keep[1], apart


def _alike(mine: pd.DataFrame, theirs: pd.DataFrame, kind: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Keep for each instance the devices measured under the most common conditions.

    Returns the rows kept on both sides, and the excluded rows with the reason.
    """
    conditions_by_side = [select.conditions(rows) for rows in (mine, theirs)]
    if kind == SAME:  # the rows of a device on both sides are kept or excluded together
        conditions_by_side = [
            conditions_by_side[0].reset_index(drop=True) + conditions_by_side[1].reset_index(drop=True)
        ] * 2
    kept, exclusions = [], []
    for rows, conditions in zip((mine, theirs), conditions_by_side, strict=True):
        counts = conditions.groupby(conditions).transform("size")
        most_common = conditions.loc[counts.groupby(rows["instance_id"]).transform("idxmax")].to_numpy()
        is_minority = (conditions != most_common).to_numpy()
        kept.append(rows[~is_minority].reset_index(drop=True))
        words = "measured under other conditions than on most devices of its side"
        exclusions.append(rows[is_minority][["instance_id", "device_id"]].assign(reason=words, lost=False))
    return kept[0], kept[1], pd.concat(exclusions[:1] if kind == SAME else exclusions, ignore_index=True)


def _differing(mine: pd.DataFrame, theirs: pd.DataFrame, kind: str) -> dict[str, list[tuple[str, str]]]:
    """Return the fields of SHOWN in which the compared rows differ, with the pairs of values."""
    if kind == OTHER:
        mine, theirs = (rows.drop_duplicates("instance_id").reset_index(drop=True) for rows in (mine, theirs))
    differences: dict[str, list[tuple[str, str]]] = {}
    for field in SHOWN:
        pairs = [
            rows[field].astype("object").where(rows[field].notna(), "unknown").astype(str) for rows in (mine, theirs)
        ]
        unequal = dict.fromkeys((a, b) for a, b in zip(*pairs, strict=True) if a != b)
        if unequal:
            differences[field] = list(unequal)
    return differences


def _examples(apart: pd.DataFrame) -> str:
    if apart.empty:
        return ""
    examples = "; ".join(f"{row.instance_id}: {row.reason}" for row in apart.head(3).itertuples())
    return f" ({examples}{f'; and {len(apart) - 3} more' if len(apart) > 3 else ''})"
