"""Render the notebooks whose pages are out of date.

pandas, papermill and nbconvert are imported only if something has to be rendered, so that finding no changes is fast.
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
from aiot_analysis.report.notebooks import Notebook, assign, choose, find
from aiot_analysis.report.site import (
    DEVICE,
    ManifestEntry,
    Site,
    check_folder,
    check_made,
    load_manifest,
    locked,
    of_each_device,
    root_of,
    sites,
)
from aiot_analysis.tables.workspace import find_notebooks
from runner import rawlog

if TYPE_CHECKING:
    from aiot_analysis.report.page import RenderJob, RenderOutcome


@dataclass(frozen=True)
class RenderResult:
    """The outcome of one notebook or, in a progress callback, the fact that it waits or has started."""

    name: str  # including the subfolder of its site, like 04_frameworks or simulated/devices/oppo-reno/04_frameworks
    status: str  # "waiting", "running", "rendered", "up to date" or "failed"
    page: Path  # the HTML file; for a failed notebook, that of an earlier call if it exists
    seconds: float | None = None
    error: str = ""  # one line; "" unless it failed
    cell: int | None = None  # the code cell it failed in, counted from 1
    kept: Path | None = None  # the failed notebook with its outputs
    warnings: list[str] = field(default_factory=list)  # what the cells wrote to standard error

    def __str__(self) -> str:
        if self.status == "failed":
            where = f" in cell {self.cell}" if self.cell else ""
            return f"{self.name} failed{where}: {self.error}" + (f" (kept as {self.kept})" if self.kept else "")
        return f"{self.name} {self.status}" + (f" in {self.seconds:.1f} s" if self.seconds is not None else "")


Progress = Callable[[RenderResult], None]
TIME, ISO_TIME = "%Y-%m-%d %H:%M UTC", "%Y-%m-%dT%H:%M:%SZ"  # on pages, and in the manifest


def render(
    notebooks_dir: Path | str | None,
    out_dir: Path | str,
    names: Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    jobs: int = 2,
    force: bool = False,
    timeout_s: int | None = None,
    progress: Progress | None = None,
    each_device: bool = False,
    working: Path | None = None,
    using: Callable[[Path], None] | None = None,
) -> list[RenderResult]:
    """Render notebooks to HTML in `out_dir`, with an index; notebooks that are up to date are not run again.

    Each origin in the tables has its own site (see `site.sites`), unless `parameters` name one. With `each_device`,
    each device also has its own site, or only the devices that the parameter `device` names. Such a site consists of
    the notebooks that have this parameter; the pages of the fleet then show all devices.

    A notebook that fails is included in the results and does not stop the others. On KeyboardInterrupt everything that
    was started ends, and finished pages remain. All errors are raised before anything runs.

    Parameters
    ----------
    notebooks_dir, out_dir
        Folder of the notebooks (None: the notebooks of this project), and folder for the pages.
    names
        Numbers or names of notebooks, in any case; empty: all.
    parameters
        Values for the notebooks that have them; text is converted to the type of the parameter.
    jobs
        Number of processes.
    force
        Whether to render also pages that are up to date.
    timeout_s
        Limit for one cell.
    progress
        Called when a notebook waits, starts and ends.
    each_device
        Whether to render a site for each device as well.
    working
        Working directory of the notebooks, if there are tables in it or above it; else it is the parent of
        `notebooks_dir`, or the current folder if that is None.
    using
        Called with the folder of the tables.

    Returns
    -------
    The outcome of each notebook: name, status, page, seconds, error, warnings.

    Raises
    ------
    ReportError
        A notebook or parameter is unknown, or the folder cannot be written to or is in use by another process.
    DataError
        There are no processed tables.

    Examples
    --------
    >>> results = aiot_analysis.render(None, "reports", ["04"])
    >>> [(result.name, result.status, result.page) for result in results]
    """
    if jobs < 1:
        raise ReportError(f"{jobs} is not a possible number of notebooks to run at the same time: give 1 or more.")
    out = Path(out_dir).resolve()
    source = find_notebooks(notebooks_dir)
    values = dict(parameters or {})
    available = find(source)
    chosen = choose(available, names)
    assigned = assign(chosen, {name: value for name, value in values.items() if name != "origin"})
    root = root_of(available, notebooks_dir, working, values)
    rendered_sites = sites(root, available, out, values)
    if names:
        check_made(chosen, rendered_sites)
    if using:
        using(rendered_sites[0].processed)
    if each_device:
        assigned = {
            name: {item: value for item, value in own_values.items() if item != DEVICE}
            for name, own_values in assigned.items()
        }
        device_sites = of_each_device(rendered_sites, values.get(DEVICE, ""))
        # devices come first, because the index of the fleet links to them
        rendered_sites = [item for fleet in rendered_sites for item in (*device_sites[fleet.origin], fleet)]
    tasks = _tasks(rendered_sites, out, chosen, assigned)
    check_folder(out, source, [task.site.page(task.notebook.name) for task in tasks])
    with locked(out):
        for site in _distinct_sites(tasks):  # another process may have written it until now
            site.manifest = load_manifest(site.out / "manifest.json")
        return _update(tasks, jobs, force, timeout_s, progress)


def _update(
    tasks: Sequence[RenderTask], jobs: int, force: bool, timeout_s: int | None, progress: Progress | None
) -> list[RenderResult]:
    results = {}
    stale = []
    for task in tasks:
        if force or not task.site.is_fresh(task.notebook, task.print_):
            stale.append(task)
            _report_progress(progress, RenderResult(task.name, "waiting", task.site.page(task.notebook.name)))
            continue
        results[task.name] = RenderResult(task.name, "up to date", task.site.page(task.notebook.name))
        _report_progress(progress, results[task.name])
    for task in stale:
        if task.notebook.problem:
            results[task.name] = _record_problem(task)
            _report_progress(progress, results[task.name])
    stale = [task for task in stale if not task.notebook.problem]
    if stale:
        for result in _render(stale, jobs, timeout_s, progress):
            results[result.name] = result
    for site in _distinct_sites(tasks):
        index.update(site)
    return [results[task.name] for task in tasks]


@dataclass(frozen=True)
class RenderTask:
    """A notebook of a site, to be rendered if its page is out of date."""

    site: Site
    notebook: Notebook
    name: str
    given: dict[str, object]
    print_: str


def _tasks(
    sites: Sequence[Site], out: Path, chosen: Sequence[Notebook], values: Mapping[str, dict[str, object]]
) -> list[RenderTask]:
    tasks = []
    for site in sites:
        for notebook in chosen:
            if notebook not in site.notebooks:
                continue
            parameters = site.parameters(notebook, values[notebook.name])
            name = (site.out / notebook.name).relative_to(out).as_posix()
            tasks.append(RenderTask(site, notebook, name, parameters, site.fingerprint(notebook, parameters)))
    return tasks


def _distinct_sites(tasks: Sequence[RenderTask]) -> list[Site]:
    return list({task.site.out: task.site for task in tasks}.values())


def _render(
    stale: Sequence[RenderTask], jobs: int, timeout_s: int | None, progress: Progress | None
) -> list[RenderResult]:
    from aiot_analysis.report.workers import Workers

    results = []
    stale = sorted(stale, key=_duration_key, reverse=True)  # long ones first, so that none of them remains for the end
    by_page = {(task.site.out, task.notebook.name): task for task in stale}
    try:
        with Workers(min(jobs, len(stale))) as workers:
            work = _jobs(stale, timeout_s)  # prepared while the workers import
            for job, outcome in workers.run(work):
                task = by_page[job.out, job.name]
                if outcome is None:
                    _report_progress(progress, RenderResult(task.name, "running", task.site.page(job.name)))
                    continue
                result = _record(task, job, outcome)
                results.append(result)
                _report_progress(progress, result)
    finally:
        for site in _distinct_sites(stale):
            shutil.rmtree(site.out / ".part", ignore_errors=True)
        for task in stale:
            rawlog.partial_path(task.site.page(task.notebook.name)).unlink(missing_ok=True)
    return results


def _duration_key(task: RenderTask) -> tuple[bool, bool, float, int]:
    """Return a sort key that grows with the expected duration.

    Pages of all devices count as longest, then those that never ran, then those that took longest, then the largest
    files.
    """
    seconds = task.site.entry(task.notebook.name).seconds
    return not task.site.device, seconds is None, seconds or 0.0, task.notebook.path.stat().st_size


def _jobs(stale: Sequence[RenderTask], timeout_s: int | None) -> list[RenderJob]:
    from aiot_analysis.report import facts
    from aiot_analysis.report.page import RenderJob

    facts_by_device = {}
    jobs = []
    for task in stale:
        site, notebook = task.site, task.notebook
        if site.device not in facts_by_device:
            facts_by_device[site.device] = facts.read(site.processed, site.device)
        page = facts.provenance(facts_by_device[site.device], notebook, task.given)
        page["data"] = site.data_of(notebook, task.given)[:12]
        page["versions"] = site.versions
        page["rendered"] = f"{datetime.now(UTC):{TIME}}"
        jobs.append(RenderJob(notebook.name, notebook.path, site.root, site.out, task.given, timeout_s, page))
    return jobs


def _record(task: RenderTask, job: RenderJob, outcome: RenderOutcome) -> RenderResult:
    """Record an outcome in the manifest immediately, so that finished pages persist whatever happens next."""
    timestamp = f"{datetime.now(UTC):{ISO_TIME}}"
    site = task.site
    entry = site.entry(job.name)
    if outcome.error:
        entry.error, entry.cell, entry.failed, entry.warnings = outcome.error, outcome.cell, timestamp, outcome.warnings
    else:
        site.forget(entry.files, outcome.files)
        entry = ManifestEntry(
            task.print_,
            job.parameters,
            f"{datetime.strptime(job.page['rendered'], TIME).replace(tzinfo=UTC):{ISO_TIME}}",  # as the page states
            outcome.seconds,
            warnings=outcome.warnings,
            files=outcome.files,
            empty=outcome.empty,
        )
        site.manifest.reports[job.name] = entry
    site.save()
    failed_copy = site.out / "failed" / f"{job.name}.ipynb"
    return RenderResult(
        task.name,
        "failed" if outcome.error else "rendered",
        site.page(job.name),
        outcome.seconds,
        outcome.error,
        outcome.cell,
        failed_copy if outcome.error and failed_copy.exists() else None,
        outcome.warnings,
    )


def _record_problem(task: RenderTask) -> RenderResult:
    """Record that a notebook cannot be executed at all; the page of an earlier call remains."""
    entry = task.site.entry(task.notebook.name)
    entry.error, entry.cell, entry.warnings = task.notebook.problem, None, []
    entry.failed = f"{datetime.now(UTC):{ISO_TIME}}"
    task.site.save()
    return RenderResult(task.name, "failed", task.site.page(task.notebook.name), error=task.notebook.problem)


def _report_progress(progress: Progress | None, result: RenderResult) -> None:
    if progress:
        progress(result)
