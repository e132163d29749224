"""Renders the notebooks whose pages are out of date.

Nothing here imports pandas, papermill or nbconvert unless something must be rendered: finding that
nothing changed takes no time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_analysis.errors import ReportError
from aiot_analysis.report import index
from aiot_analysis.report.manifest import Entry
from aiot_analysis.report.notebooks import Notebook, assign, choose
from aiot_analysis.report.site import Site

if TYPE_CHECKING:
    from aiot_analysis.report.page import Job, Outcome


@dataclass(frozen=True)
class Result:
    """What became of one notebook, or, told to a progress callback, that it has begun."""

    name: str
    status: str  # "running", "rendered", "up to date" or "failed"
    page: Path  # the HTML file; of a failed notebook the page of an earlier call, if there is one
    seconds: float | None = None
    error: str = ""  # one line, where it failed
    cell: int | None = None  # the code cell it failed in, counted from 1
    kept: Path | None = None  # the notebook as it failed, with its outputs
    warnings: list[str] = field(default_factory=list)  # what cells wrote to standard error

    def __str__(self) -> str:
        if self.status == "failed":
            where = f" in cell {self.cell}" if self.cell else ""
            return f"{self.name} failed{where}: {self.error}" + (f" (kept as {self.kept})" if self.kept else "")
        return f"{self.name} {self.status}" + (f" in {self.seconds:.1f} s" if self.seconds is not None else "")


Progress = Callable[[Result], None]


def render(
    notebooks_dir: Path | str,
    out_dir: Path | str,
    names: Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    jobs: int = 2,
    force: bool = False,
    timeout_s: int | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Renders notebooks to HTML in `out_dir`, with an index; those that are up to date are not run again.

    `names` are numbers or names of notebooks, in any case (none: all of them). `parameters` go to the
    notebooks that know them, text being read as the parameter's type. `timeout_s` is for one cell.
    Notebooks run in the folder that holds `notebooks_dir`, in `jobs` processes. A notebook that fails is
    among the results, and does not stop the others. On KeyboardInterrupt everything that was started ends,
    and what was finished stays.

    Raises ReportError for an unknown notebook or parameter and DataError if there are no processed tables,
    both before anything runs.
    """
    if jobs < 1:
        raise ReportError(f"{jobs} notebooks at once is not possible: give 1 or more.")
    values = parameters or {}
    site = Site.open(Path(notebooks_dir).resolve(), Path(out_dir).resolve())
    chosen = choose(site.notebooks, names)
    given = assign(chosen, values)
    processed = site.processed(values.get("processed"))
    prints = {notebook.name: site.fingerprint(notebook, given[notebook.name]) for notebook in chosen}
    stale = [notebook for notebook in chosen if force or not site.is_fresh(notebook, prints[notebook.name])]
    results = {}
    for notebook in chosen:
        if notebook not in stale:
            results[notebook.name] = Result(notebook.name, "up to date", site.page(notebook.name))
            _tell(progress, results[notebook.name])
    if stale:
        for result in _render(site, stale, given, prints, processed, jobs, timeout_s, progress):
            results[result.name] = result
    index.update(site, processed)
    return [results[notebook.name] for notebook in chosen]


def _render(
    site: Site,
    stale: list[Notebook],
    given: dict[str, dict[str, object]],
    prints: dict[str, str],
    processed: Path,
    jobs: int,
    timeout_s: int | None,
    progress: Progress | None,
) -> list[Result]:
    from aiot_analysis.report.workers import Workers

    results = []
    # the longest first, so that no long one is left for the end; one that never ran may be long
    stale = sorted(stale, key=lambda notebook: -(site.entry(notebook.name).seconds or float("inf")))
    try:
        with Workers(min(jobs, len(stale))) as workers:
            work = _jobs(site, stale, given, processed, timeout_s)  # while the workers import
            for job, outcome in workers.run(work):
                if outcome is None:
                    _tell(progress, Result(job.name, "running", site.page(job.name)))
                    continue
                result = _record(site, job, outcome, prints[job.name])
                results.append(result)
                _tell(progress, result)
    finally:
        shutil.rmtree(site.out / ".part", ignore_errors=True)
        for leftover in site.out.glob(".*.part"):
            leftover.unlink(missing_ok=True)
    return results


def _jobs(
    site: Site, stale: list[Notebook], given: dict[str, dict[str, object]], processed: Path, timeout_s: int | None
) -> list[Job]:
    from aiot_analysis.report import facts
    from aiot_analysis.report.page import Job

    known = facts.read(processed)
    jobs = []
    for notebook in stale:
        values = given[notebook.name]
        page = facts.provenance(known, notebook, values)
        page["data"] = site.data_of(notebook, values)[:12]
        page["versions"] = site.versions
        page["rendered"] = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        jobs.append(Job(notebook.name, notebook.path, site.root, site.out, values, timeout_s, page))
    return jobs


def _record(site: Site, job: Job, outcome: Outcome, print_: str) -> Result:
    """Into the manifest at once: what is finished stays so, whatever happens next."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    entry = site.entry(job.name)
    if outcome.error:
        entry.error, entry.cell, entry.failed, entry.warnings = outcome.error, outcome.cell, now, outcome.warnings
    else:
        entry = Entry(print_, job.parameters, now, outcome.seconds, warnings=outcome.warnings)
        site.manifest.reports[job.name] = entry
    site.save()
    kept = site.out / "failed" / f"{job.name}.ipynb"
    return Result(
        job.name,
        "failed" if outcome.error else "rendered",
        site.page(job.name),
        outcome.seconds,
        outcome.error,
        outcome.cell,
        kept if outcome.error and kept.exists() else None,
        outcome.warnings,
    )


def _tell(progress: Progress | None, result: Result) -> None:
    if progress:
        progress(result)
