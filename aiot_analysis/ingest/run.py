"""Reading of one run into a part, and assembly of the small tables from the parts."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyarrow import compute

from aiot_analysis.errors import DataError
from aiot_analysis.ingest import energy, rows, rules
from aiot_analysis.ingest.attempt import Reading, count_lines, read_all, together
from aiot_analysis.ingest.parts import LeftOut, PartEntry, PartManifest, Parts, RunFolder, folder_of, left_out_row
from aiot_analysis.tables import along, names, storage, validity
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path
    from types import TracebackType

    import pyarrow
    from pyarrow import parquet

Row = dict[str, Any]

BATCH_ROWS = 50_000
"""Image records are written in batches of this size, so that memory does not grow with the images of a run."""

_RECORDS = ("run.json", "device.json", "telemetry.jsonl")
_UNUSED = ("operator", "pass", "node", "summary")  # records that are not used if the attempt did not end


def make_part(run: RunFolder, key: str, parts: Parts) -> None:
    """Read a run and save its rows under `key`. For an unreadable run, the part holds the reason."""
    try:
        entry, tables = _read(run, key, parts.images(key))
    except (rawlog.RawLogError, DataError) as error:
        parts.images(key).unlink(missing_ok=True)
        entry, tables = PartEntry(key, left_out=[(run.name, str(error), None)], origin=_origin(run)), {}
    parts.write(entry, tables)


def _origin(run: RunFolder) -> str | None:
    """Return the origin of an unreadable run, if its record states it nevertheless."""
    try:
        origin = rawlog.parse(rawlog.read_bytes(run.folder / "run.json", rawlog.RECORD_LIMIT_BYTES))["origin"]
    except (rawlog.RawLogError, ValueError, KeyError, TypeError):
        return None
    return origin if isinstance(origin, str) and origin in rawlog.ORIGINS else None


def _read(run: RunFolder, key: str, file: Path) -> tuple[PartEntry, dict[str, list[Row]]]:
    """Return the entry of a run and its rows of the small tables; write its image records to `file`."""
    record = rawlog.read_json(run.folder / "run.json", rawlog.RUN_FIELDS)
    properties = rawlog.read_json(run.folder / "device.json", rawlog.DEVICE_FIELDS)
    rules.check_run(record, properties, str(run.folder / "run.json"))
    try:
        attempts = rawlog.attempt_paths(run.folder)
    except OSError as error:
        raise rawlog.RawLogError(f"{run.folder} cannot be listed ({error.strerror}).") from None
    expected = {*_RECORDS, *(path.name for paths in attempts.values() for path in paths)}
    left_out: list[LeftOut] = [
        (f"{run.name}/{name}", "it is not a file of a run", None) for name, _, _ in run.files if name not in expected
    ]
    suite = {instance_id: attempts.pop(instance_id, []) for instance_id in dict.fromkeys(record["suite"])}
    readings = read_all(path for paths in suite.values() for path in paths)
    instances: list[Row] = []
    loops: dict[str, tuple[float, int]] = {}
    profiled: dict[str, list[Row]] = {"operators": [], "passes": [], "nodes": []}
    with _Images(file, record) as images:
        for position, (instance_id, paths) in enumerate(suite.items()):
            row = rows.instance(record, instance_id, position, len(paths))
            reading = _chosen(zip(paths, islice(readings, len(paths)), strict=True), left_out)
            if reading and reading.status == "end":
                profiled["operators"] += rows.operators(record, reading.of("operator"))
                profiled["passes"] += rows.passes(record, row, reading.of("pass"))
                profiled["nodes"] += rows.nodes(record, row, reading.of("node"))
                _add_ended(row, reading, record, images, left_out)
                loops[instance_id] = rows.loop(reading)
            elif reading:
                _add_not_ended(row, reading, left_out)
            instances.append(row)
    telemetry = _telemetry(run.folder / "telemetry.jsonl", record, left_out)
    samples = rows.samples_by_instance(telemetry)
    session = {"ended": rules.run_ended(record, telemetry), "boot_id": rules.boot_id(record)}
    for row in instances:
        if row["weights"] == names.RANDOM:
            row["accuracy"] = None
        taken = samples.get((row["instance_id"], row.get("attempt"))) or samples.get((row["instance_id"], None), [])
        row["verdict"], row["reasons"] = validity.judge(row, taken)
        if row["profile"] == energy.PROFILE and row["status"] == "end":
            row.update(energy.per_image(telemetry, row["instance_id"], row["attempt"], *loops[row["instance_id"]]))
        row.update(session)
    for paths in attempts.values():
        left_out += [_file(path, "its instance is not in the suite of run.json", count_lines(path)) for path in paths]
    entry = PartEntry(
        key,
        left_out=sorted(left_out, key=lambda item: item[0]),
        device_id=record["device_slug"],
        run_id=record["run_id"],
        device=rows.device(properties, record),
        origin=record["origin"],
        instances=len(instances),
        images=images.rows,
    )
    return entry, {"instances": instances, "telemetry": telemetry, **profiled}


def _file(path: Path, reason: str, lines: int | None) -> LeftOut:
    """Return the record of an excluded file, or of excluded lines of a file."""
    return f"{path.parent.parent.name}/{path.parent.name}/{path.name}", reason, lines


def _chosen(attempts: Iterable[tuple[Path, Reading | rawlog.RawLogError]], left_out: list[LeftOut]) -> Reading | None:
    """Return the attempt of an instance that is used; the others are added to `left_out`."""
    readings = []
    for path, reading in attempts:
        if isinstance(reading, rawlog.RawLogError):
            left_out.append(_file(path, str(reading), count_lines(path)))
        elif reason := rules.misplaced(reading):
            left_out.append(_file(path, reason, reading.lines))
        else:
            readings.append(reading)
    used = rules.choose_attempt(readings)
    for other in readings:
        if used is not None and other is not used:
            worse = other.damaged and not used.damaged and other.status == used.status
            reason = f"is damaged, but attempt {used.attempt} is not" if worse else "is not the last complete one"
            left_out.append(_file(other.path, f"attempt {other.attempt} ({other.status}) {reason}", other.lines))
    return used


def _add_ended(row: Row, reading: Reading, run: Row, images: _Images, left_out: list[LeftOut]) -> None:
    """Complete the row of an instance whose attempt ended; its images are added when they are written."""
    valid_images, label_problems = rules.split_labels(reading.images, reading.instance, run)
    problems = [*reading.problems, *label_problems]
    left_out += [_file(reading.path, reason, lines) for reason, lines in together(problems)]
    summary = rows.summary(reading)
    unused = 0 if summary else len(reading.of("summary"))
    if unused:
        left_out.append(_file(reading.path, "a `summary` is not used if records of images have times", unused))
    row |= {**rows.ended(reading), "reasons": "", "log_lines": reading.lines - len(problems) - unused}
    doubts = rows.doubts(summary, reading) if summary else []
    if summary:
        row |= rows.times(summary)
    if summary and not len(reading.images):
        all_doubts = [*rules.unused_line_doubts(len(problems)), *doubts, *rules.load_doubts(reading, run)]
        row |= {**rows.counts(reading.last), "reasons": "; ".join(all_doubts)}
    else:
        images.add(row, reading, valid_images, len(problems), doubts)


def _add_not_ended(row: Row, reading: Reading, left_out: list[LeftOut]) -> None:
    """Complete the row of an instance that failed, is unavailable or was cut off."""
    left_out += [_file(reading.path, reason, lines) for reason, lines in together(reading.problems)]
    unused = reading.images.num_rows + sum(event["event"] in _UNUSED for event in reading.events)
    if unused:
        reason = f"records of an unfinished attempt ({reading.status}) are not used"
        left_out.append(_file(reading.path, reason, unused))
    row |= {**rows.not_ended(reading), "log_lines": reading.lines - len(reading.problems) - unused}


def _telemetry(path: Path, run: Row, left_out: list[LeftOut]) -> list[Row]:
    """Return the rows of the table `telemetry` of a run."""
    try:
        samples, broken = rawlog.read_telemetry(path)
    except rawlog.RawLogError as error:
        left_out.append(_file(path, str(error), None))
        return []
    if broken:
        left_out.append(_file(path, f"malformed lines: {broken}", broken))
    return [rows.sample(sample, run) for sample in samples]


class _Images:
    """Writer of a run's image records; each batch is validated against the table's schema before it is written."""

    def __init__(self, file: Path, run: Row) -> None:
        self.rows = 0
        self._file, self._run = file, run
        self._writer: parquet.ParquetWriter | None = None
        self._batch: list[tuple[Row, Reading, pyarrow.Table, int, list[str]]] = []

    def add(self, row: Row, reading: Reading, images: pyarrow.Table, problems: int, doubts: list[str]) -> None:
        """Add the images of an instance; its row is completed when they are written.

        `doubts` are about its times if they are those of a summary.
        """
        self._batch.append((row, reading, images, problems, doubts))
        if sum(len(images) for _, _, images, _, _ in self._batch) >= BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        """Write the current batch, and complete the rows of its instances."""
        batch, self._batch = self._batch, []
        table = rows.images(self._run, {row["instance_id"]: images for row, _, images, _, _ in batch})
        storage.check_images(table)
        summaries = rows.summaries(table, [len(images) for _, _, images, _, _ in batch])
        timed = table.select(along.COLUMNS).filter(compute.is_valid(table["at_s"]))
        unstable = along.doubts(along.scores(timed.to_pandas())) if len(timed) else {}
        for (row, reading, images, problems, of_summary), summary in zip(batch, summaries, strict=True):
            row.update(summary)
            doubts = [*of_summary, *rules.doubts(reading, images, row["correct"], problems, self._run)]
            unsteady = unstable.get(row["instance_id"])
            row["reasons"] = "; ".join([*doubts, unsteady] if unsteady else doubts)
        if len(table):
            if self._writer is None:
                self._writer = storage.images_writer(self._file)
            self._writer.write_table(table)
            self.rows += len(table)

    def __enter__(self) -> _Images:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._batch and error is None:
            self._flush()
        if self._writer:
            self._writer.close()


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

    def row(record: LeftOut, device: str | None, origin: str | None) -> dict[str, Any]:
        of_device = origins.get(device or "", set())
        single_origin = next(iter(of_device)) if len(of_device) == 1 else None
        return {"device_id": device, "origin": origin or single_origin, **left_out_row(raw, record)}

    rows = [row(record, folder_of(record[0]) if "/" in record[0] else None, None) for record in manifest.left_out]
    for name, entry in manifest.runs.items():
        rows += [row(record, entry.device_id or folder_of(name), entry.origin) for record in entry.left_out]
    return rows
