"""Assembly of the small tables from the existing ones and the runs that were read."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.ingest.parts import PartEntry, PartManifest, Parts
from aiot_analysis.ingest.scan import LeftOut, folder_of, left_out_row
from aiot_analysis.tables import storage

OF_RUNS = ["instances", "telemetry", "operators", "passes", "nodes"]
"""Tables with rows of runs, which are replaced only for runs that changed."""

_RUN = ["device_id", "run_id"]


class UnfitError(Exception):
    """Rows of runs do not fit a table: the reasons by folder name."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(str(reasons))
        self.reasons = reasons


def assemble(parts: Parts, manifest: PartManifest, fresh: Collection[str], raw: Path) -> list[str]:
    """Write every small table to the place where it waits, and return their names.

    `fresh` are the folders whose rows are in their parts; the rows of the others are in the tables already. Raises
    UnfitError if the rows of a part do not fit.
    """
    used = {name: entry for name, entry in manifest.runs.items() if entry.used and entry.run}
    tables = _of_runs(parts, used, [name for name in used if name in fresh])
    tables["devices"] = storage.table("devices", _devices(used.values()))
    tables["left_out"] = storage.table("left_out", _left_out(manifest, raw))
    for name, frame in tables.items():
        storage.write_file(frame, parts.table(name))
    return list(tables)


def _of_runs(parts: Parts, used: dict[str, PartEntry], fresh: list[str]) -> dict[str, pd.DataFrame]:
    """Return the tables OF_RUNS, with new rows of the fresh runs and existing rows of the others, in order of runs."""
    new_rows: dict[str, list[dict[str, Any]]] = {table: [] for table in OF_RUNS}
    for name in fresh:
        for table, table_rows in parts.rows(used[name].key).items():
            new_rows[table] += table_rows
    try:
        tables = {table: storage.table(table, table_rows) for table, table_rows in new_rows.items()}
    except DataError as error:
        raise UnfitError(_unfit(parts, used, fresh) or dict.fromkeys(fresh, str(error))) from None
    order = pd.MultiIndex.from_tuples([entry.run or () for entry in used.values()], names=_RUN)
    unchanged = order[[name not in fresh for name in used]]
    for table in OF_RUNS if len(unchanged) else []:
        kept = storage.read(table, parts.folder)
        kept = kept[pd.MultiIndex.from_frame(kept[_RUN]).isin(unchanged)]
        combined = pd.concat([frame for frame in (kept, tables[table]) if len(frame)] or [kept])
        positions = order.get_indexer(pd.MultiIndex.from_frame(combined[_RUN]))
        tables[table] = combined.iloc[positions.argsort(kind="stable")].reset_index(drop=True)
    return tables


def _unfit(parts: Parts, used: dict[str, PartEntry], fresh: list[str]) -> dict[str, str]:
    """Return the reason for each fresh run whose rows do not fit, by folder name."""
    reasons = {}
    for name in fresh:
        try:
            for table, table_rows in parts.rows(used[name].key).items():
                storage.table(table, table_rows)
        except DataError as error:
            reasons[name] = str(error)
    return reasons


def _devices(entries: Collection[PartEntry]) -> list[dict[str, Any]]:
    """Return one row per device and origin, as described by its latest run."""
    latest = {}
    for entry in sorted(entries, key=lambda entry: str(entry.run_id)):
        if entry.device:
            latest[entry.device_id, entry.device["origin"]] = entry.device
    return [latest[key] for key in sorted(latest, key=str)]


def _left_out(manifest: PartManifest, raw: Path) -> list[dict[str, Any]]:
    """Return the rows of the table `left_out`.

    An unreadable run is assigned to the device whose folder it is in. If its record does not state the origin either,
    it is assigned that of the device's other runs, if they all have the same.
    """
    origins: dict[str, set[str]] = {}
    for name, entry in manifest.runs.items():
        if entry.origin:
            origins.setdefault(entry.device_id or folder_of(name), set()).add(entry.origin)

    def row(one: LeftOut, device: str | None, origin: str | None) -> dict[str, Any]:
        of_device = origins.get(device or "", set())
        single_origin = next(iter(of_device)) if len(of_device) == 1 else None
        return {"device_id": device, "origin": origin or single_origin, **left_out_row(raw, one)}

    rows = [row(one, folder_of(one[0]) if "/" in one[0] else None, None) for one in manifest.left_out]
    for name, entry in manifest.runs.items():
        rows += [row(one, entry.device_id or folder_of(name), entry.origin) for one in entry.left_out]
    return rows
