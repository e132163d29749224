"""One run: from its folder to a part, which is its rows of every table. Nothing of one run is needed for another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow
from pyarrow import parquet

from aiot_analysis.errors import DataError
from aiot_analysis.ingest import rows, rules, sessions, tool_logs
from aiot_analysis.ingest.attempt import Reading, count_lines, read_all, together
from aiot_analysis.ingest.parts import Entry, Parts
from aiot_analysis.ingest.scan import LeftOut, Run
from aiot_analysis.tables import along, stability, storage, validity
from runner import rawlog

Row = dict[str, Any]

BATCH_ROWS = 50_000
"""Image records are written whenever there are so many, so that memory does not grow with the images of a run."""

_RECORDS = ("run.json", "device.json", "telemetry.jsonl")
_UNUSED = ("operator", "pass", "node", "summary")  # events that are records, of an attempt that did not end


def make_part(run: Run, key: str, parts: Parts) -> None:
    """Reads a run and keeps its rows under `key`. A run that cannot be read is a part that says why."""
    try:
        entry, found = _read(run, key, parts.images(key))
    except (rawlog.RawLogError, DataError) as error:
        parts.images(key).unlink(missing_ok=True)
        entry, found = Entry(key, left_out=[(run.name, str(error), None)], origin=_origin(run)), {}
    parts.write(entry, found)


def _origin(run: Run) -> str | None:
    """The origin of a run that cannot be read, where its record tells it nevertheless."""
    path = run.folder / "run.json"
    if not path.is_file():  # reading a pipe would never end
        return None
    try:
        told = json.loads(path.read_bytes())["origin"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return told if isinstance(told, str) and told in rawlog.ORIGINS else None


def _read(run: Run, key: str, file: Path) -> tuple[Entry, dict[str, list[Row]]]:
    record = rawlog.read_json(run.folder / "run.json", rawlog.RUN_FIELDS)
    properties = rawlog.read_json(run.folder / "device.json", rawlog.DEVICE_FIELDS)
    rules.check_run(record, properties, str(run.folder / "run.json"))
    try:
        attempts = rawlog.attempt_paths(run.folder)
    except OSError as error:
        raise rawlog.RawLogError(f"{run.folder} cannot be listed ({error.strerror}).") from None
    known = {*_RECORDS, *(path.name for paths in attempts.values() for path in paths)}
    left_out: list[LeftOut] = [
        (f"{run.name}/{name}", "it is no file of a run", None) for name, _, _ in run.files if name not in known
    ]
    suite = {instance_id: attempts.pop(instance_id, []) for instance_id in dict.fromkeys(record["suite"])}
    readings = read_all(path for paths in suite.values() for path in paths)
    instances: list[Row] = []
    found: dict[str, list[Row]] = {"operators": [], "passes": [], "nodes": []}
    with _Images(file, record) as images:
        for position, (instance_id, paths) in enumerate(suite.items()):
            row = rows.instance(record, instance_id, position, len(paths))
            reading = _chosen(zip(paths, islice(readings, len(paths)), strict=True), left_out)
            if reading and reading.status == "end":
                found["operators"] += rows.operators(record, reading.of("operator"))
                found["passes"] += rows.passes(record, row, reading.of("pass"))
                found["nodes"] += rows.nodes(record, row, reading.of("node"))
                _add_ended(row, reading, record, images, left_out)
            elif reading:
                _add_not_ended(row, reading, left_out)
            instances.append(row)
    telemetry = _telemetry(run.folder / "telemetry.jsonl", record, left_out)
    samples = rows.samples_by_instance(telemetry)
    session = {"ended": sessions.ended(record, telemetry), "boot_id": sessions.boot_id(record)}
    for row in instances:
        seen = samples.get((row["instance_id"], row.get("attempt"))) or samples.get((row["instance_id"], None), [])
        row["verdict"], row["reasons"] = validity.judge(row, seen)
        row |= session
    for paths in attempts.values():
        left_out += [_file(path, "its instance is not in the suite of run.json", count_lines(path)) for path in paths]
    entry = Entry(
        key,
        left_out=sorted(left_out, key=lambda one: one[0]),
        device_id=record["device_slug"],
        run_id=record["run_id"],
        device=rows.device(properties, record),
        origin=record["origin"],
        instances=len(instances),
        images=images.rows,
    )
    return entry, {"instances": instances, "telemetry": telemetry, **found}


def _file(path: Path, reason: str, lines: int | None) -> LeftOut:
    return f"{path.parent.parent.name}/{path.parent.name}/{path.name}", reason, lines


def _chosen(attempts: Iterable[tuple[Path, Reading | rawlog.RawLogError]], left_out: list[LeftOut]) -> Reading | None:
    """The attempt of an instance that is used; the others are left out."""
    readings = []
    for path, found in attempts:
        if isinstance(found, rawlog.RawLogError):
            left_out.append(_file(path, str(found), count_lines(path)))
        elif reason := rules.misplaced(found):
            left_out.append(_file(path, reason, found.lines))
        else:
            readings.append(found)
    used = rules.chosen(readings)
    for other in readings:
        if used is not None and other is not used:
            spare = other.damaged and not used.damaged and other.status == used.status
            reason = f"is damaged, and attempt {used.attempt} is not" if spare else "is not the last complete one"
            left_out.append(_file(other.path, f"attempt {other.attempt} ({other.status}) {reason}", other.lines))
    return used


def _add_ended(row: Row, reading: Reading, run: Row, images: _Images, left_out: list[LeftOut]) -> None:
    """Completes the row of an instance whose attempt ended; that of its images, when they are written."""
    kept, outside = rules.split_labels(reading.images, reading.instance, run)
    problems = [*reading.problems, *outside]
    left_out += [_file(reading.path, reason, lines) for reason, lines in together(problems)]
    summary = tool_logs.summary(reading)
    unused = 0 if summary else len(reading.of("summary"))
    if unused:
        left_out.append(_file(reading.path, "a `summary` is not used beside records of images", unused))
    row |= {**rows.ended(reading), "reasons": "", "log_lines": reading.lines - len(problems) - unused}
    if summary:
        doubts = [*rules.left_out(len(problems)), *tool_logs.doubts(summary, reading), *rules.odd(reading, run)]
        row |= {**tool_logs.row(summary, reading.last), "reasons": "; ".join(doubts)}
    else:
        images.add(row, reading, kept, len(problems))


def _add_not_ended(row: Row, reading: Reading, left_out: list[LeftOut]) -> None:
    """Completes the row of an instance that failed, is unavailable or was cut off."""
    left_out += [_file(reading.path, reason, lines) for reason, lines in together(reading.problems)]
    unused = reading.images.num_rows + sum(event["event"] in _UNUSED for event in reading.events)
    if unused:
        reason = f"records of an attempt that did not end ({reading.status}) are not used"
        left_out.append(_file(reading.path, reason, unused))
    row |= {**rows.not_ended(reading), "log_lines": reading.lines - len(reading.problems) - unused}


def _telemetry(path: Path, run: Row, left_out: list[LeftOut]) -> list[Row]:
    try:
        samples, broken = rawlog.read_telemetry(path)
    except rawlog.RawLogError as error:
        left_out.append(_file(path, str(error), None))
        return []
    if broken:
        left_out.append(_file(path, f"lines that are not of the format: {broken}", broken))
    return [rows.sample(sample, run) for sample in samples]


class _Images:
    """The file of a run's image records; each batch is checked against the table's schema before it is written."""

    def __init__(self, file: Path, run: Row) -> None:
        self.rows = 0
        self._file, self._run = file, run
        self._writer: parquet.ParquetWriter | None = None
        self._batch: list[tuple[Row, Reading, pyarrow.Table, int]] = []

    def add(self, row: Row, reading: Reading, images: pyarrow.Table, problems: int) -> None:
        """Takes the images of an instance; its row is completed when they are written."""
        self._batch.append((row, reading, images, problems))
        if sum(len(images) for _, _, images, _ in self._batch) >= BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        made = rows.images(self._run, {row["instance_id"]: images for row, _, images, _ in batch})
        storage.check_images(made)
        summaries = rows.summaries(made, [len(images) for _, _, images, _ in batch])
        unstable = stability.doubts(stability.scores(made.select(along.COLUMNS).to_pandas()))
        for (row, reading, images, problems), summary in zip(batch, summaries, strict=True):
            row |= summary
            doubts = rules.doubts(reading, images, row["correct"], problems, self._run)
            unsteady = unstable.get(row["instance_id"])
            row["reasons"] = "; ".join([*doubts, unsteady] if unsteady else doubts)
        if len(made):
            if self._writer is None:
                self._writer = storage.images_writer(self._file)
            self._writer.write_table(made)
            self.rows += len(made)

    def __enter__(self) -> _Images:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._batch and error is None:
            self._flush()
        if self._writer:
            self._writer.close()
