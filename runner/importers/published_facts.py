"""Facts that others published and that come with the package, as raw logs of origin `published`.

A reader returns the sessions of its facts, in the dataclasses that the importer of users' files in the same format
fills. To add facts, put the file and its source into `runner/importers/facts`, and the reader into READERS.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiot_suite.errors import SetupError
from aiot_suite.suite import Instance
from runner.importers import ai_hub_facts, image_labels, imported_runs, loadgen
from runner.importers.formats import UNKNOWN
from runner.importers.imported_runs import DeviceFacts, ImportSession
from runner.importers.input_files import ImageLabels, LabelOverrides, LogSource, Publication, github_address

if TYPE_CHECKING:
    from aiot_suite.workspace import Workspace

MLPERF_RUNS = image_labels.FACTS / "mlperf_mobile_runs.csv"
MLPERF_RETRIEVED = "2026-11-28"


def mlperf_submissions() -> Iterator[loadgen.Submission]:
    """Yield the submissions to MLPerf Mobile: image classification, single stream, rounds 2.1 to 5.0."""
    from pyarrow import parquet

    ilsvrc = image_labels.ilsvrc()
    columns = parquet.read_table(image_labels.ANSWERS)
    answers = {name: columns[name].to_pylist() for name in columns.column_names if name.startswith("answers_")}
    with MLPERF_RUNS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield _submission(row, answers[row["answers"]], ilsvrc)


def _submission(row: dict[str, str], answers: list[int], ilsvrc: ImageLabels) -> loadgen.Submission:
    content = imported_runs.sha256_of(f"{sorted(row.items())} {answers}")
    address, _ = github_address(row["source"])
    started = datetime.fromisoformat(row["accuracy_run_at"]).replace(tzinfo=UTC)
    times = {
        f"{name}_ms": int(row[f"{column}_ns"]) / 1e6
        for name, column in {"mean": "mean", "min": "min", "max": "max", "median": "p50", "p90": "p90"}.items()
    }
    return loadgen.Submission(
        name=row["run"],
        sources=(LogSource(MLPERF_RUNS, content, started, MLPERF_RUNS.name, row["run"]),),
        instance=Instance(row["backend"], loadgen.delegate_of(row["accelerator"]), UNKNOWN, row["network"]),
        device=_device(row),
        times=loadgen.Times(
            loadgen.SCENARIOS[row["scenario"]],
            count=int(row["queries"]),
            p99_ms=int(row["p99_ns"]) / 1e6,
            validity=row["result"],
            **times,
        ),
        answers=answers,
        labels=ilsvrc,
        started=started,
        started_from="a time in the accuracy log, which may be that of LoadGen's build",
        framework_version=row["sdk"] or None,
        publication=Publication(
            f"MLPerf Mobile v{row['round']}",
            address=address,
            retrieved=MLPERF_RETRIEVED,
            publisher="MLCommons",
            submitter=row["submitter"],
        ),
    )


def _device(row: dict[str, str]) -> DeviceFacts:
    """Return the device of a submission; one without a name, and a vendor's reference design, is named by its chip."""
    chip = re.sub(r";[^)]*", "", row["soc"])
    maker, _, model = row["phone"].partition(" ")
    if not row["phone"]:
        maker, model = row["submitter"].partition(" ")[0], chip
    elif re.search(r"reference|QRD", model, re.IGNORECASE):
        model = f"{model}, {chip}"
    start = re.search(r"\d|$", row["os"])  # of the version, as in "Android 14 - PD2307"
    assert start is not None
    system, version = row["os"][: start.start()].strip(" -"), row["os"][start.start() :]
    return DeviceFacts(maker, model, system or None, version or None, soc=row["soc"])


def _mlperf_sessions() -> Iterator[ImportSession]:
    return map(loadgen.make_session, mlperf_submissions())


Reader = Callable[[], Iterable[ImportSession]]

READERS: tuple[Reader, ...] = (_mlperf_sessions, ai_hub_facts.sessions)
"""Readers of the facts that come with the package."""


@dataclass
class PublishedResult:
    """What `import_published` did."""

    written: int = 0  # runs
    unchanged: int = 0
    removed: int = 0  # runs of facts that an earlier version of the package had
    instances: int = 0  # in the runs that were written
    images: int = 0


def import_published(workspace: Workspace) -> PublishedResult:
    """Bring the published runs of a workspace to the facts of this package; those that are up to date are left alone.

    Raises:
        SetupError: The workspace cannot be written.
    """
    result = PublishedResult()
    overrides = LabelOverrides()
    present = imported_runs.runs_of_facts(workspace)
    try:
        for reader in READERS:
            for run in _runs(reader()):
                if present.pop(imported_runs.content_of(run), None) is not None:
                    result.unchanged += 1
                    continue
                imported_runs.write_run(run, overrides, workspace)
                result.written += 1
                result.instances += sum(len(session.parts) for session in run)
                result.images += sum(part.images for session in run for part in session.parts)
        for folder in present.values():
            imported_runs.remove_run(folder)
            result.removed += 1
    except OSError as error:
        raise SetupError(
            f"{workspace.raw} cannot be written ({error.strerror}): check its free space and permissions."
        ) from None
    return result


def _runs(sessions: Iterable[ImportSession]) -> Iterator[list[ImportSession]]:
    """Yield the sessions grouped into runs of one device and publication; of equal settings."""
    by_device: dict[tuple[object, ...], list[ImportSession]] = {}
    for session in sessions:
        by_device.setdefault((session.device.maker, session.device.code), []).append(session)
    for of_device in by_device.values():
        yield from imported_runs.group_into_runs(of_device)
