"""What a run has done and what is left, read from its attempts, which are the only record of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiot_suite.errors import RunnerError
from runner import rawlog

DONE = ("end",)


@dataclass(frozen=True)
class LedgerEntry:
    """The state of an instance in a run: the ending of its last attempt, or "missing"."""

    instance_id: str
    status: str  # missing, end, failed, unavailable, cut or damaged
    attempts: int
    last: dict[str, Any]

    @property
    def next_attempt(self) -> int:
        return self.attempts + 1


def read(folder: Path) -> list[LedgerEntry]:
    """Return one entry for each instance, in the run's order. Raises RunnerError if the run cannot be read."""
    try:
        suite = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["suite"]
    except rawlog.RawLogError as error:
        raise RunnerError(str(error)) from None
    paths = rawlog.attempt_paths(folder)
    return [_entry(instance_id, paths.get(instance_id, [])) for instance_id in suite]


def _entry(instance_id: str, paths: list[Path]) -> LedgerEntry:
    status = "missing"
    last: dict[str, Any] = {}
    for path in paths:
        try:
            attempt = rawlog.read_attempt(path)
        except rawlog.RawLogError:
            status, last = "damaged", {}
            continue
        status, last = attempt.status, attempt.last
        if attempt.damaged:
            status, last = "damaged", {}
        elif status in DONE:
            break
    _, number = rawlog.split_attempt_name(paths[-1].name if paths else "") or ("", 0)
    return LedgerEntry(instance_id, status, number, last)


def counts(entries: list[LedgerEntry]) -> Counter[str]:
    return Counter(entry.status for entry in entries)


def finished(entries: list[LedgerEntry]) -> bool:
    """Return whether every instance was measured or is unavailable, so that nothing is left for a resumed run."""
    return all(entry.status in (*DONE, "unavailable") for entry in entries)


def newest_run(raw: Path, slug: str, study: str | None = None, resize: str | None = None) -> Path | None:
    """Return the device's newest run of the suite, or of a study and one of its ways of resizing; None if none."""
    for folder in reversed(rawlog.run_folders(raw)):
        file = folder / "run.json"
        if folder.parent.name == slug and file.is_file():
            record = rawlog.read_json(file, {})
            if (record.get("study"), record.get("resize")) == (study, resize):
                return folder
    return None
