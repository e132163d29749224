"""Which instances of two sides can be compared, and why the others cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from aiot_analysis.compare.sides import Side, short
from aiot_analysis.errors import CompareError, PoolingError
from aiot_analysis.tables import pooling, select

ONE, SAME, OTHER = "one device a side", "the same devices", "other devices"
"""What is paired: two devices (or one, twice), every device with itself, or no device with any."""

SHOWN = [field for field in pooling.SAME_INSTANCE if field not in pooling.SHARED] + ["profile", "accelerator_actual"]
"""What may be what the comparison is about: it is shown where it differs. Nothing of pooling.SHARED may differ."""

APART = ["instance_id", "device_id", "reason", "lost"]


@dataclass(frozen=True)
class Matched:
    """The instances that both sides have."""

    kind: str  # ONE, SAME or OTHER
    base: pd.DataFrame  # rows of the base; of ONE and SAME the n-th belongs to the n-th of `other`
    other: pd.DataFrame
    apart: (
        pd.DataFrame
    )  # what is not compared: columns APART; `lost` where the other one tried and has no usable number
    differs: dict[str, list[tuple[str, str]]]  # fields of SHOWN with each two values that stand against each other

    @property
    def instances(self) -> list[str]:
        return list(dict.fromkeys(self.base["instance_id"].astype(str)))


def match(base: Side, other: Side) -> Matched:
    """The rows of two sides that can be compared.

    Devices that are on both sides are compared each with itself, and no others; where there is none, the devices of one
    side with those of the other. Over devices, of each instance the largest group that was measured alike is taken.
    Raises CompareError if a row is on both sides, or if nothing can be compared, and PoolingError if that is so because
    the two differ in a field of pooling.SHARED.
    """
    _apart(base.rows, other.rows)
    kind, key = _kind(base, other)
    sides = [side.rows.assign(device_id=side.rows["device_id"].astype(str)) for side in (base, other)]
    mine, theirs = sides
    lists = [_missing(mine, theirs, other.left_out, key, "B"), _missing(theirs, mine, base.left_out, key, "A")]
    lists += [_invalid(side.left_out, name, sides) for side, name in ((base, "A"), (other, "B"))]
    lists[1] = lists[1].assign(lost=False)
    mine, theirs = _common(mine, theirs, key), _common(theirs, mine, key)
    mine, theirs, unlike = _may_be_compared(mine, theirs, key)
    lists.append(unlike)
    if kind != ONE:
        mine, theirs, odd = _alike(mine, theirs, kind)
        lists.append(odd)
    apart = pd.concat([pd.DataFrame(columns=APART), *(one for one in lists if len(one))], ignore_index=True)
    if mine.empty:
        if len(unlike):
            reason = unlike["reason"].iloc[0]
            raise PoolingError(f"A and B cannot be compared, {reason}: choose sides that are alike in it.")
        raise CompareError(f"A and B have no instance in common that has numbers{_examples(apart)}.")
    return Matched(kind, mine, theirs, apart.astype({"lost": bool}), _differing(mine, theirs, kind))


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
            f"{len(twice)} of the instances are on both sides, like {instance} of run {run} on {device}: "
            "choose two sides that have no run in common."
        )


def _kind(base: Side, other: Side) -> tuple[str, list[str]]:
    common = set(base.devices) & set(other.devices)
    if common:
        return (ONE if len(common) == 1 else SAME), ["instance_id", "device_id"]
    return (ONE if len(base.devices) == len(other.devices) == 1 else OTHER), ["instance_id"]


def _keys(rows: pd.DataFrame, key: list[str]) -> pd.Index:
    return pd.MultiIndex.from_frame(rows[key].astype(str))


def _common(rows: pd.DataFrame, others: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The rows whose key the others have too, in order of the key and of the device."""
    there = rows[_keys(rows, key).isin(_keys(others, key))]
    return there.sort_values([*dict.fromkeys([*key, "device_id"])], ignore_index=True)


def _missing(
    rows: pd.DataFrame, others: pd.DataFrame, left_out: pd.DataFrame, key: list[str], name: str
) -> pd.DataFrame:
    """The rows that the side `name` has no row for, with the reason it gives; lost where it was tried there."""
    alone = rows[~_keys(rows, key).isin(_keys(others, key))].drop_duplicates(key)
    if alone.empty:
        return pd.DataFrame(columns=APART)
    known = left_out.astype({"device_id": str}).drop_duplicates(key, keep="last").set_index(key)
    said = known[["verdict", "reasons"]].reindex(alone[key[0]] if len(key) == 1 else _keys(alone, key))
    verdict, reasons = said["verdict"].to_numpy(), said["reasons"].to_numpy()
    words = []
    for one, why in zip(verdict, reasons, strict=True):
        told = "left out" if one in select.USABLE else one
        words.append(f"{name} has no run of it" if pd.isna(one) else f"{told} in {name}: {why}")
    lost = [one == "invalid" for one in verdict]
    return alone[["instance_id", "device_id"]].assign(reason=words, lost=lost)


def _invalid(left_out: pd.DataFrame, name: str, sides: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """What is invalid on a side and usable on neither; what is unavailable is no news."""
    usable = {one for side in sides for one in side["instance_id"]}
    found = left_out[(left_out["verdict"] == "invalid") & ~left_out["instance_id"].isin(usable)]
    words = f"invalid in {name}: " + found["reasons"].astype(str)
    return found[["instance_id", "device_id"]].assign(reason=words, lost=False)


def _may_be_compared(
    mine: pd.DataFrame, theirs: pd.DataFrame, key: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The rows whose key is alike in pooling.SHARED on both sides, and the keys that are not, with the first field."""
    fields = pooling.SHARED
    both = pd.concat([mine.assign(side=0), theirs.assign(side=1)], ignore_index=True)
    reasons: dict[tuple[str, ...], str] = {}
    for of, part in both.groupby(key, sort=False):
        for field in fields:
            values = part.sort_values("side")[field].astype("object").where(part[field].notna(), "nothing").unique()
            if len(values) > 1:
                first, second = short(values[0]), short(values[1])
                reasons.setdefault(tuple(map(str, of)), f"they differ in {field}: {first!r} and {second!r}")
    unlike = pd.MultiIndex.from_tuples(reasons, names=key) if reasons else _keys(mine.iloc[:0], key)
    told = mine[_keys(mine, key).isin(unlike)].drop_duplicates(key)
    words = [reasons[one] for one in _keys(told, key)]
    apart = told[["instance_id", "device_id"]].assign(reason=words, lost=False)
    keep = [rows[~_keys(rows, key).isin(unlike)].reset_index(drop=True) for rows in (mine, theirs)]
    return keep[0], keep[1], apart


def _alike(mine: pd.DataFrame, theirs: pd.DataFrame, kind: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Of each instance the devices that were measured as most are, and which are left out for it."""
    ways = [pooling.conditions(rows) for rows in (mine, theirs)]
    if kind == SAME:  # what a device did on both sides stands or goes together
        ways = [ways[0].reset_index(drop=True) + ways[1].reset_index(drop=True)] * 2
    kept, lists = [], []
    for rows, way in zip((mine, theirs), ways, strict=True):
        counts = way.groupby(way).transform("size")
        best = way.loc[counts.groupby(rows["instance_id"]).transform("idxmax")].to_numpy()
        odd = (way != best).to_numpy()
        kept.append(rows[~odd].reset_index(drop=True))
        words = "measured otherwise than on most devices of its side"
        lists.append(rows[odd][["instance_id", "device_id"]].assign(reason=words, lost=False))
    return kept[0], kept[1], pd.concat(lists[:1] if kind == SAME else lists, ignore_index=True)


def _differing(mine: pd.DataFrame, theirs: pd.DataFrame, kind: str) -> dict[str, list[tuple[str, str]]]:
    """The fields of SHOWN in which what is compared differs, each with the values against each other."""
    if kind == OTHER:
        mine, theirs = (rows.drop_duplicates("instance_id").reset_index(drop=True) for rows in (mine, theirs))
    found: dict[str, list[tuple[str, str]]] = {}
    for field in SHOWN:
        pairs = [
            rows[field].astype("object").where(rows[field].notna(), "not known").astype(str) for rows in (mine, theirs)
        ]
        unlike = dict.fromkeys((a, b) for a, b in zip(*pairs, strict=True) if a != b)
        if unlike:
            found[field] = list(unlike)
    return found


def _examples(apart: pd.DataFrame) -> str:
    if apart.empty:
        return ""
    some = "; ".join(f"{row.instance_id}: {row.reason}" for row in apart.head(3).itertuples())
    return f" ({some}{f'; and {len(apart) - 3} more' if len(apart) > 3 else ''})"
