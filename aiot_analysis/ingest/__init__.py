"""Conversion of raw logs to processed tables. Unreadable data are excluded with a reason, and the rest is processed.

    attempt     one attempt's log as columns, by definition (slow), or with pyarrow if that is sure to give the same
    rules       handling of odd data; checks, conditions and sessions that a run records
    rows        rows of the tables, also where a native tool measured
    parts       the runs below data/raw, and the processed folder between two calls with its atomic update
    run         one run: its rows of every table, as a part; the small tables from the parts

Only what changed is read again. pandas is not imported before there is something to read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aiot_analysis.errors import ClusterError, DamagedError, DataError
from aiot_analysis.ingest.parts import (
    PartEntry,
    PartManifest,
    Parts,
    RunFolder,
    Scan,
    code_hash,
    left_out_row,
    printable_path,
    scan_runs,
)
from aiot_analysis.tables.workspace import WORKERS_TIMEOUT_S
from aiot_analysis.words import plural
from runner import rawlog

if TYPE_CHECKING:
    from pathlib import Path

Progress = Callable[[int, int], None]
"""Called with the number of runs that are done, and the number of runs to be read."""

Waiting = Sequence[tuple[RunFolder, str]]  # runs to be read, with their keys
Make = Callable[[Waiting, Parts], Iterator[None]]


@dataclass(frozen=True)
class IngestResult:
    """Contents of the tables after a call of `process`."""

    raw: Path
    manifest: PartManifest
    read: int = 0  # folders that this call read; the others had not changed

    @property
    def _used(self) -> list[PartEntry]:
        """Return the entries of the runs that are in the tables."""
        return [entry for entry in self.manifest.runs.values() if entry.used and entry.run]

    @property
    def runs(self) -> int:
        """Return the number of runs in the tables."""
        return len(self._used)

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """Return path and reason of everything that is in no table."""
        records = [
            *self.manifest.left_out,
            *(record for entry in self.manifest.runs.values() for record in entry.left_out),
        ]
        return [(row["path"], row["reason"]) for row in (left_out_row(self.raw, record) for record in records)]

    def summary(self) -> str:
        """Return text like "1 run, 60 instances, 7500 images, 0 excluded"."""
        instances, images = (sum(getattr(entry, name) for entry in self._used) for name in ("instances", "images"))
        counts = [(self.runs, "run"), (instances, "instance"), (images, "image")]
        return ", ".join([*(plural(*count) for count in counts), f"{len(self.left_out)} excluded"])


def process(
    raw: Path,
    processed: Path,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
    scheduler: str = "",
    workers_timeout_s: float = WORKERS_TIMEOUT_S,
) -> IngestResult:
    """Update the tables in `processed` from the runs below `raw`, reading up to `jobs` of them at a time.

    With the address of a Dask `scheduler`, like tcp://10.0.0.1:8786, its workers read the runs instead of `jobs`
    threads of this process; they must see both folders under the same paths. `workers_timeout_s` is the longest time to
    wait while there is no worker.

    Only runs that are new or changed are read. If interrupted, existing tables are left unchanged, and the next call
    resumes. Raises DataError if there is no folder `raw` or no run in it that can be read (nothing is written then), or
    if the tables cannot be written, and ClusterError if there is no such scheduler, or its workers cannot do the work.
    """
    rawlog.existing_folder(raw, "run `aiot run --local`, or name the folder of the raw logs with --raw", DataError)
    listing = scan_runs(raw)
    if not listing.runs:
        raise _nothing(raw, [])
    parts = Parts(processed)
    make = partial(_in_threads, jobs=jobs)
    if scheduler:
        make = partial(_on_cluster, scheduler=scheduler, workers_timeout_s=workers_timeout_s)
    try:
        with parts.locked():
            try:
                return _process(raw, listing, parts, make, progress, parts.manifest())
            except DamagedError:  # a table with the right size and time is unreadable: start from an empty manifest
                return _process(raw, listing, parts, make, progress, PartManifest())
    except OSError as error:
        raise DataError(
            f"{processed} cannot be written ({error.strerror}): free some space or choose another folder, "
            "then run `aiot process` again. Runs that were already read are kept."
        ) from None


def _process(
    raw: Path, scan: Scan, parts: Parts, make: Make, progress: Progress, previous: PartManifest
) -> IngestResult:
    """Read the runs that are new or changed, and update the tables if anything differs from the `previous` manifest."""
    code = code_hash()
    keys = {name: run.key(code) for name, run in scan.runs.items()}
    fresh: set[str] = set()
    unchanged = {
        name: previous.runs[name] for name in keys if name in previous.runs and previous.runs[name].key == keys[name]
    }
    entries = _without_copies(unchanged, fresh)
    while unread := [name for name in keys if name not in entries]:
        _read([(scan.runs[name], keys[name]) for name in unread], parts, make, progress)
        entries |= {name: parts.entry(keys[name]) for name in unread}
        fresh |= set(unread)
        entries = _without_copies({name: entries[name] for name in keys}, fresh)
    manifest = PartManifest(str(raw), {name: entries[name] for name in keys}, scan.left_out, previous.files)
    if fresh or manifest != previous:
        _change(parts, manifest, fresh, raw)
    parts.clear()
    return IngestResult(raw, manifest, len(fresh))


def _without_copies(entries: dict[str, PartEntry], fresh: Collection[str]) -> dict[str, PartEntry]:
    """Return the entries, with all but the first of each run marked as unused copies.

    An entry that was a copy and no longer is one is omitted: it has to be read, since its rows were not kept.
    """
    seen = set()
    result = {}
    for name, entry in entries.items():
        if entry.run in seen:
            reason = f"it holds run {entry.run_id} of {entry.device_id}, which was already read from another folder"
            result[name] = replace(entry, used=False, left_out=[(name, reason, None)])
        elif entry.used or name in fresh:
            result[name] = entry
            if entry.run:
                seen.add(entry.run)
    return result


def _read(todo: Waiting, parts: Parts, make: Make, progress: Progress) -> None:
    """Make a part of each run; those that an interrupted call made exist already."""
    parts.begin()
    waiting = [(run, key) for run, key in todo if not parts.has(key)]
    done = len(todo) - len(waiting)
    progress(done, len(todo))
    for _ in make(waiting, parts) if waiting else ():
        done += 1
        progress(done, len(todo))


def _in_threads(waiting: Waiting, parts: Parts, jobs: int) -> Iterator[None]:
    """Make a part of each run, several at a time: the slow operations release Python's global lock."""
    from aiot_analysis.ingest.run import make_part

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(make_part, run, key, parts) for run, key in waiting]):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # waits; leaving the block would undo the cancellation
            raise


def _on_cluster(waiting: Waiting, parts: Parts, scheduler: str, workers_timeout_s: float) -> Iterator[None]:
    """Make a part of each run on the workers of a Dask cluster, whose working folders may differ."""
    from aiot_analysis.ingest.run import make_part
    from aiot_analysis.tables import by_device

    shared = Parts(parts.folder.absolute())
    calls = [(replace(run, folder=run.folder.absolute()), key, shared) for run, key in waiting]
    raw = calls[0][0].folder.parents[1]
    results = by_device.run_calls(scheduler, [raw, shared.staged], make_part, calls, workers_timeout_s)
    for (run, key), _ in zip(waiting, results, strict=True):
        if not parts.has(key):
            raise ClusterError(
                f"{shared.staged} lacks the tables that a worker of {scheduler} made of {run.name}: put the folder on "
                "a file system that this machine and all workers share."
            )
        yield


def _change(parts: Parts, manifest: PartManifest, fresh: Collection[str], raw: Path) -> None:
    """Update the tables to match the manifest; raise DataError if it contains no run."""
    from aiot_analysis.ingest.run import UnfitError, assemble

    while any(entry.used and entry.run for entry in manifest.runs.values()):
        try:
            names = assemble(parts, manifest, fresh, raw)
        except UnfitError as error:  # a bug in the checks of a run, which must not affect the others
            for name, reason in error.reasons.items():
                unfit = manifest.runs[name]
                manifest.runs[name] = PartEntry(unfit.key, left_out=[(name, reason, None)], origin=unfit.origin)
        else:
            parts.change(manifest, names)
            return
    parts.clear()
    raise _nothing(raw, IngestResult(raw, manifest).left_out)


def _nothing(raw: Path, left_out: Sequence[tuple[str, str]]) -> DataError:
    """Return the error for a folder without any readable run, with the first reasons."""
    reasons = "; ".join(reason.rstrip(".") for _, reason in left_out[:3])
    first = f" ({reasons})" if reasons else ""
    return DataError(f"{printable_path(raw)} holds no run that can be read{first}: run `aiot run --local`.")
