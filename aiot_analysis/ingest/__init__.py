"""Raw logs to processed tables. What cannot be read is left out and named; the rest goes on.

    scan        what there is below data/raw, and whether it changed
    attempt     one attempt's log as columns, by definition (slow)
    fast        the same by pyarrow, where that is sure to give the same
    rules       what is done with odd data
    rows        rows of the tables
    native      what is different where a native tool measured
    conditions  what a run asked its device to keep to
    run         one run: its rows of every table, as a part
    parts       the processed folder between two calls, and its change at once
    assemble    the small tables from the parts

Only what changed is read again. Nothing here imports pandas before there is something to read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aiot_analysis.errors import ClusterError, DamagedError, DataError
from aiot_analysis.ingest import scan
from aiot_analysis.ingest.parts import Entry, Manifest, Parts
from aiot_analysis.words import plural

Progress = Callable[[int, int], None]
"""Called with how many of the runs that are to be read are done, and how many there are."""

Waiting = Sequence[tuple[scan.Run, str]]  # runs to read, with their keys
Make = Callable[[Waiting, Parts], Iterator[None]]


@dataclass(frozen=True)
class Result:
    """What the tables hold."""

    raw: Path
    manifest: Manifest
    read: int = 0  # folders that were read now; the others had not changed

    @property
    def _used(self) -> list[Entry]:
        return [entry for entry in self.manifest.runs.values() if entry.used and entry.run]

    @property
    def runs(self) -> int:
        return len(self._used)

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """Path and reason of what is in no table."""
        rows = [*self.manifest.left_out, *(one for entry in self.manifest.runs.values() for one in entry.left_out)]
        return [(row["path"], row["reason"]) for row in (scan.named(self.raw, one) for one in rows)]

    def summary(self) -> str:
        """Like "1 run, 60 instances, 7500 images, 0 left out"."""
        instances, images = (sum(getattr(entry, name) for entry in self._used) for name in ("instances", "images"))
        counts = [(self.runs, "run"), (instances, "instance"), (images, "image")]
        return ", ".join([*(plural(*one) for one in counts), f"{len(self.left_out)} left out"])


def process(
    raw: Path,
    processed: Path,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
    scheduler: str = "",
) -> Result:
    """Makes the tables in `processed` those of the runs below `raw`, reading up to `jobs` of them at a time.

    With the address of a Dask `scheduler`, like tcp://10.0.0.1:8786, its workers read the runs in place of `jobs`
    threads of this process; they have to see both folders under the same paths.

    Only runs that are new or changed are read. Whoever interrupts it finds the tables as they were, and the next
    call goes on. Raises DataError if there is no run that can be read (then nothing is written) or if the tables
    cannot be written, and ClusterError if there is no such scheduler, or its workers cannot do it.
    """
    found = scan.scan(raw)
    if not found.runs:
        raise _nothing(raw, [])
    parts = Parts(processed)
    make = partial(_on_cluster, scheduler=scheduler) if scheduler else partial(_in_threads, jobs=jobs)
    try:
        with parts.locked():
            try:
                return _process(raw, found, parts, make, progress, parts.manifest())
            except DamagedError:  # a table of the right size and time cannot be read: nothing of it is kept
                return _process(raw, found, parts, make, progress, Manifest())
    except OSError as error:
        raise DataError(
            f"{processed} cannot be written ({error.strerror}): free some space or choose another folder, "
            "then run `aiot process` again; what was read is kept."
        ) from None


def _process(raw: Path, found: scan.Scan, parts: Parts, make: Make, progress: Progress, known: Manifest) -> Result:
    code = scan.code()
    keys = {name: run.key(code) for name, run in found.runs.items()}
    fresh: set[str] = set()
    same = {name: known.runs[name] for name in keys if name in known.runs and known.runs[name].key == keys[name]}
    entries = _without_copies(same, fresh)
    while todo := [name for name in keys if name not in entries]:
        _read([(found.runs[name], keys[name]) for name in todo], parts, make, progress)
        entries |= {name: parts.entry(keys[name]) for name in todo}
        fresh |= set(todo)
        entries = _without_copies({name: entries[name] for name in keys}, fresh)
    manifest = Manifest(str(raw), {name: entries[name] for name in keys}, found.left_out, known.files)
    if fresh or manifest != known:
        _change(parts, manifest, fresh, raw)
    parts.clear()
    return Result(raw, manifest, len(fresh))


def _without_copies(entries: dict[str, Entry], fresh: Collection[str]) -> dict[str, Entry]:
    """The entries, of which only the first of a run is used.

    One that was a copy, and no longer is, is not among them: it has to be read, since its rows were not kept.
    """
    seen = set()
    found = {}
    for name, entry in entries.items():
        if entry.run in seen:
            reason = f"it holds run {entry.run_id} of {entry.device_id}, which was read from another folder already"
            entry = replace(entry, used=False, left_out=[(name, reason, None)])
        elif not entry.used and name not in fresh:
            continue
        if entry.run:
            seen.add(entry.run)
        found[name] = entry
    return found


def _read(todo: Waiting, parts: Parts, make: Make, progress: Progress) -> None:
    """Makes a part of each run; those that an interrupted call made are there."""
    parts.begin()
    waiting = [(run, key) for run, key in todo if not parts.has(key)]
    done = len(todo) - len(waiting)
    progress(done, len(todo))
    for _ in make(waiting, parts) if waiting else ():
        done += 1
        progress(done, len(todo))


def _in_threads(waiting: Waiting, parts: Parts, jobs: int) -> Iterator[None]:
    """Makes a part of each run, several at a time: what takes long of it happens outside of Python's lock."""
    from aiot_analysis.ingest.run import make_part

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(make_part, run, key, parts) for run, key in waiting]):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # waits; leaving the block would take the order to cancel back
            raise


def _on_cluster(waiting: Waiting, parts: Parts, scheduler: str) -> Iterator[None]:
    """Makes a part of each run by the workers of a Dask cluster, which may have other working folders."""
    from aiot_analysis.ingest.run import make_part
    from aiot_analysis.tables import cluster

    there = Parts(parts.folder.absolute())
    calls = [(replace(run, folder=run.folder.absolute()), key, there) for run, key in waiting]
    raw = calls[0][0].folder.parents[1]
    made = cluster.each(scheduler, [raw, there.staged], make_part, calls)
    for (run, key), _ in zip(waiting, made, strict=True):
        if not parts.has(key):
            raise ClusterError(
                f"What a worker of {scheduler} made of {run.name} is not in {there.staged}: put the folder on a file "
                "system that this machine and all workers share."
            )
        yield


def _change(parts: Parts, manifest: Manifest, fresh: Collection[str], raw: Path) -> None:
    """Makes the tables those of the manifest; raises DataError if there is no run in it."""
    from aiot_analysis.ingest.assemble import UnfitError, assemble

    while any(entry.used and entry.run for entry in manifest.runs.values()):
        try:
            names = assemble(parts, manifest, fresh, raw)
        except UnfitError as error:  # a bug in what checks a run; the others are not to suffer for it
            for name, reason in error.reasons.items():
                unfit = manifest.runs[name]
                manifest.runs[name] = Entry(unfit.key, left_out=[(name, reason, None)], origin=unfit.origin)
        else:
            parts.change(manifest, names)
            return
    parts.clear()
    raise _nothing(raw, Result(raw, manifest).left_out)


def _nothing(raw: Path, left_out: Sequence[tuple[str, str]]) -> DataError:
    unread = "; ".join(reason.rstrip(".") for _, reason in left_out[:3])
    return DataError(
        f"{scan.shown(raw)} holds no run that can be read{f' ({unread})' if unread else ''}: run `aiot run --local`."
    )
