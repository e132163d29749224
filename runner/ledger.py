"""State of each instance of a run, and the order of the instances of new runs."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import RunnerError
from aiot_suite.suite import Instance, draw_balanced_order
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DONE = ("end",)


@dataclass(frozen=True)
class LedgerEntry:
    """State of an instance in a run: the ending of the attempt that counts, or "missing".

    That is the first attempt that was measured, or else the last one.
    """

    instance_id: str
    status: str  # missing, end, failed, unavailable, cut or damaged
    attempts: int  # number of the attempt that counts; 0 if there is none
    last: dict[str, Any]
    next_attempt: int = 1


def read(folder: Path) -> list[LedgerEntry]:
    """Return one entry per instance, in the run's order. Raises RunnerError if run.json cannot be read."""
    try:
        suite = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["suite"]
    except rawlog.RawLogError as error:
        raise RunnerError(str(error)) from None
    paths = rawlog.attempt_paths(folder)
    return [_entry(instance_id, paths.get(instance_id, [])) for instance_id in suite]


def _entry(instance_id: str, paths: list[Path]) -> LedgerEntry:
    status, counting = "missing", 0
    last: dict[str, Any] = {}
    numbers = [name[1] for path in paths if (name := rawlog.split_attempt_name(path.name))]
    for path, counting in zip(paths, numbers, strict=True):  # noqa: B007 - the last value is used
        status, last = read_ending(path)
        if status in DONE:
            break
    return LedgerEntry(instance_id, status, counting, last, _next_number(numbers))


def read_ending(path: Path) -> tuple[str, dict[str, Any]]:
    """Return how an attempt ended (end, failed, unavailable, cut or damaged), and its last event.

    An attempt that contradicts itself (`rawlog.Attempt.contradiction`) is damaged, and the reason stands for the event.
    """
    try:
        attempt = rawlog.read_attempt(path)
    except rawlog.RawLogError:
        return "damaged", {}
    if attempt.contradiction:
        return "damaged", {"reason": attempt.contradiction}
    return ("damaged", {}) if attempt.damaged else (attempt.status, attempt.last)


USUAL_ATTEMPTS = 10_000
"""No run makes as many attempts at an instance: a file with a higher number was put there by somebody else."""


def _next_number(numbers: Sequence[int]) -> int:
    """Return the number of the next attempt: the one after the last, not counting files with unusual numbers."""
    number = max((number for number in numbers if number < USUAL_ATTEMPTS), default=0) + 1
    while number in numbers:
        number += 1
    return number


def counts(entries: list[LedgerEntry]) -> Counter[str]:
    return Counter(entry.status for entry in entries)


def finished(entries: list[LedgerEntry]) -> bool:
    """Return whether every instance was measured or is unavailable, so that nothing is left for a resumed run."""
    return all(entry.status in (*DONE, "unavailable") for entry in entries)


Record = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """How the order of a run was made: `draw_balanced_order(instances, seed)`, or its reverse. `order` in run.json."""

    seed: int | None  # None: the reverse of a run of an earlier version, which did not log its seed
    reversed: bool = False
    reverse_of: str | None = None  # id of the run whose order was reversed


def draw_order(raw: Path, slug: str, asked: Record, seed: int | None = None) -> Record:
    """Return the fields `suite` and `order` of run.json for the next run of a device.

    `asked` are the fields that describe the request, with the instances in any order. A seed determines the order.
    Without one, the order is the reverse of that of the latest finished run with the same request that has no partner
    yet. If there is no such run, the seed is computed from the device's slug and a counter: the first runs of different
    settings on a device then have the same order, and can be compared instance by instance.
    """
    instances = [Instance.parse(instance_id) for instance_id in asked["suite"]]
    if seed is not None:
        return _fields(draw_balanced_order(instances, seed), Order(seed))
    earlier = [record for record in _records(raw / slug) if is_same_request(record, asked)]
    single = _without_partner([record for record in earlier if record["ended"]])
    if single:
        order = single["order"] or {}
        backwards = Order(order.get("seed"), not order.get("reversed", False), single["run_id"])
        return _fields([Instance.parse(instance_id) for instance_id in reversed(single["suite"])], backwards)
    used = {(record["order"] or {}).get("seed") for record in earlier}
    seeds = (_seed(slug, number) for number in itertools.count())
    fresh = next(seed for seed in seeds if seed not in used)
    return _fields(draw_balanced_order(instances, fresh), Order(fresh))


def is_same_request(record: Record, asked: Record) -> bool:
    """Return whether a run.json has the same request; the order of the instances may differ."""
    return sorted(record["suite"]) == sorted(asked["suite"]) and all(
        record.get(name) == asked[name] for name in asked if name != "suite"
    )


def has_order_of(record: Record, seed: int | None) -> bool:
    """Return whether a run.json has the order of a seed. True for the seed None, and for older logs without a seed."""
    drawn = record["order"] or {"seed": seed}
    return seed is None or (drawn.get("seed") == seed and not drawn.get("reversed", False))


def _fields(instances: Sequence[Instance], order: Order) -> Record:
    return {"suite": [instance.id for instance in instances], "order": asdict(order)}


def _seed(slug: str, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{slug} {number}".encode()).digest()[:4], "big")


def _without_partner(finished: Sequence[Record]) -> Record | None:
    """Return the latest run that is not the reverse of another and has not been reversed, or None.

    `finished` are in chronological order. A run whose partner no longer exists counts as a run without a partner.
    """
    reverse_of = {record["run_id"]: (record["order"] or {}).get("reverse_of") for record in finished}
    single = [run for run, other in reverse_of.items() if other not in reverse_of and run not in reverse_of.values()]
    return next((record for record in finished if record["run_id"] == single[-1]), None) if single else None


def runs_of(raw: Path, slug: str, study: str | None = None, resize: str | None = None) -> list[tuple[Path, Record]]:
    """Return the folder and the run.json of each readable run of a device, newest first.

    They are the runs of the suite, or those of a study (and way of resizing).
    """
    runs = [(folder, _record(folder / "run.json")) for folder in reversed(rawlog.run_folders(raw))]
    return [
        (folder, record)
        for folder, record in runs
        if folder.parent.name == slug and record and (record.get("study"), record.get("resize")) == (study, resize)
    ]


def _records(folder: Path) -> list[Record]:
    """Return the run.json of each readable run of a device, in chronological order."""
    return [record for path in sorted(folder.glob("*/run.json")) if (record := _record(path))]


def _record(path: Path) -> Record | None:
    """Return a run.json, or None if it is missing or cannot be read."""
    try:
        return rawlog.read_json(path, rawlog.RUN_FIELDS)
    except rawlog.RawLogError:
        return None
