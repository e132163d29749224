"""The small tables, put together from those that are there and the runs that were read."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.ingest.parts import Entry, Manifest, Parts
from aiot_analysis.ingest.scan import LeftOut, folder_of, named
from aiot_analysis.tables import storage

OF_RUNS = ["instances", "telemetry", "operators", "passes", "nodes"]
"""Tables that hold rows of runs, and are read again only for a run that changed."""

_RUN = ["device_id", "run_id"]


class UnfitError(Exception):
    """Rows of runs do not fit a table: by name of the folder, why."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(str(reasons))
        self.reasons = reasons


def assemble(parts: Parts, manifest: Manifest, fresh: Collection[str], raw: Path) -> list[str]:
    """Writes every small table to where it waits, and gives their names.

    `fresh` are the folders whose rows are those of their parts; those of the others are in the tables already.
    Raises UnfitError if a part's rows do not fit.
    """
    used = {name: entry for name, entry in manifest.runs.items() if entry.used and entry.run}
    made = _of_runs(parts, used, [name for name in used if name in fresh])
    made["devices"] = storage.table("devices", _devices(used.values()))
    made["left_out"] = storage.table("left_out", _left_out(manifest, raw))
    for name, frame in made.items():
        storage.write_file(frame, parts.table(name))
    return list(made)


def _of_runs(parts: Parts, used: dict[str, Entry], fresh: list[str]) -> dict[str, pd.DataFrame]:
    found: dict[str, list[dict[str, Any]]] = {table: [] for table in OF_RUNS}
    for name in fresh:
        for table, rows in parts.rows(used[name].key).items():
            found[table] += rows
    try:
        made = {table: storage.table(table, rows) for table, rows in found.items()}
    except DataError as error:
        raise UnfitError(_unfit(parts, used, fresh) or dict.fromkeys(fresh, str(error))) from None
    order = pd.MultiIndex.from_tuples([entry.run or () for entry in used.values()], names=_RUN)
    known = order[[name not in fresh for name in used]]
    for table in OF_RUNS if len(known) else []:
        kept = storage.read(table, parts.folder)
        kept = kept[pd.MultiIndex.from_frame(kept[_RUN]).isin(known)]
        both = pd.concat([frame for frame in (kept, made[table]) if len(frame)] or [kept])
        place = order.get_indexer(pd.MultiIndex.from_frame(both[_RUN]))
        made[table] = both.iloc[place.argsort(kind="stable")].reset_index(drop=True)
    return made


def _unfit(parts: Parts, used: dict[str, Entry], fresh: list[str]) -> dict[str, str]:
    reasons = {}
    for name in fresh:
        try:
            for table, rows in parts.rows(used[name].key).items():
                storage.table(table, rows)
        except DataError as error:
            reasons[name] = str(error)
    return reasons


def _devices(entries: Collection[Entry]) -> list[dict[str, Any]]:
    """A row a device and origin, as the latest of its runs tells it."""
    found = {}
    for entry in sorted(entries, key=lambda entry: str(entry.run_id)):
        if entry.device:
            found[entry.device_id, entry.device["origin"]] = entry.device
    return [found[key] for key in sorted(found, key=str)]


def _left_out(manifest: Manifest, raw: Path) -> list[dict[str, Any]]:
    """The rows of the table `left_out`.

    A run that cannot be read is of the device that its folder is in. Where its record does not tell the origin either,
    that is the one of the device's other runs, if they have but one.
    """
    origins: dict[str, set[str]] = {}
    for name, entry in manifest.runs.items():
        if entry.origin:
            origins.setdefault(entry.device_id or folder_of(name), set()).add(entry.origin)

    def row(one: LeftOut, device: str | None, origin: str | None) -> dict[str, Any]:
        of_device = origins.get(device or "", set())
        only = next(iter(of_device)) if len(of_device) == 1 else None
        return {"device_id": device, "origin": origin or only, **named(raw, one)}

    rows = [row(one, folder_of(one[0]) if "/" in one[0] else None, None) for one in manifest.left_out]
    for name, entry in manifest.runs.items():
        rows += [row(one, entry.device_id or folder_of(name), entry.origin) for one in entry.left_out]
    return rows
