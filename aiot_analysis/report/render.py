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
from aiot_analysis.report import folder, index, manifest
from aiot_analysis.report.manifest import Entry
from aiot_analysis.report.notebooks import Notebook, assign, choose, find
from aiot_analysis.report.site import DEVICE, Site, of_each_device, root_of, sites

if TYPE_CHECKING:
    from aiot_analysis.report.page import Job, Outcome


@dataclass(frozen=True)
class Result:
    """What became of one notebook, or, told to a progress callback, that it waits or has begun."""

    name: str  # with the subfolder of its site, like 04_frameworks or simulated/devices/oppo-reno/04_frameworks
    status: str  # "waiting", "running", "rendered", "up to date" or "failed"
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
    each_device: bool = False,
    working: Path | None = None,
    using: Callable[[Path], None] | None = None,
) -> list[Result]:
    """Renders notebooks to HTML in `out_dir`, with an index; those that are up to date are not run again.

    Each origin that the tables hold has a site of its own (see `site.sites`), unless `parameters` name one. With
    `each_device` each device has one too, or each that the parameter `device` names, of the notebooks that have that
    parameter; the pages of the fleet are of all devices then.
    `names` are numbers or names of notebooks, in any case (none: all of them). `parameters` go to the
    notebooks that know them, text being read as the parameter's type. `timeout_s` is for one cell.
    Notebooks run, in `jobs` processes, in the folder `working` if there are tables in it or above, else in the folder
    that holds `notebooks_dir`; `using` is called with the folder of the tables. A notebook that fails is among the
    results, and does not stop the others. On KeyboardInterrupt everything that was started ends, and what was finished
    stays.

    Raises ReportError for an unknown notebook or parameter, and for a folder that cannot be written to or that another
    process writes to, and DataError if there are no processed tables, all before anything runs.
    """
    if jobs < 1:
        raise ReportError(f"{jobs} notebooks at once is not possible: give 1 or more.")
    out = Path(out_dir).resolve()
    source = Path(notebooks_dir).resolve()
    values = dict(parameters or {})
    there = find(source)
    chosen = choose(there, names)
    given = assign(chosen, {name: value for name, value in values.items() if name != "origin"})
    root = root_of(there, source, working and working.resolve(), values)
    found = sites(root, there, out, values)
    if using:
        using(found[0].processed)
    if each_device:
        given = {name: {one: value for one, value in some.items() if one != DEVICE} for name, some in given.items()}
        alone = of_each_device(found, values.get(DEVICE, ""))
        found = [one for fleet in found for one in (*alone[fleet.origin], fleet)]  # it links to them
    tasks = _tasks(found, out, chosen, given)
    folder.check(out, source, [task.site.page(task.notebook.name) for task in tasks])
    with folder.locked(out):
        for site in _sites_of(tasks):  # another process may have ended just now
            site.manifest = manifest.load(site.out / "manifest.json")
        return _update(tasks, jobs, force, timeout_s, progress)


def _update(
    tasks: Sequence[Task], jobs: int, force: bool, timeout_s: int | None, progress: Progress | None
) -> list[Result]:
    results = {}
    stale = []
    for task in tasks:
        if force or not task.site.is_fresh(task.notebook, task.print_):
            stale.append(task)
            _tell(progress, Result(task.name, "waiting", task.site.page(task.notebook.name)))
            continue
        results[task.name] = Result(task.name, "up to date", task.site.page(task.notebook.name))
        _tell(progress, results[task.name])
    for task in stale:
        if task.notebook.problem:
            results[task.name] = _record_problem(task)
            _tell(progress, results[task.name])
    stale = [task for task in stale if not task.notebook.problem]
    if stale:
        for result in _render(stale, jobs, timeout_s, progress):
            results[result.name] = result
    for site in _sites_of(tasks):
        index.update(site)
    return [results[task.name] for task in tasks]


@dataclass(frozen=True)
class Task:
    """A notebook of a site."""

    site: Site
    notebook: Notebook
    name: str
    given: dict[str, object]
    print_: str


def _tasks(
    found: Sequence[Site], out: Path, chosen: Sequence[Notebook], given: Mapping[str, dict[str, object]]
) -> list[Task]:
    tasks = []
    for site in found:
        for notebook in chosen:
            if notebook not in site.notebooks:
                continue
            parameters = site.parameters(notebook, given[notebook.name])
            name = (site.out / notebook.name).relative_to(out).as_posix()
            tasks.append(Task(site, notebook, name, parameters, site.fingerprint(notebook, parameters)))
    return tasks


def _sites_of(tasks: Sequence[Task]) -> list[Site]:
    return list({task.site.out: task.site for task in tasks}.values())


def _render(stale: Sequence[Task], jobs: int, timeout_s: int | None, progress: Progress | None) -> list[Result]:
    from aiot_analysis.report.workers import Workers

    results = []
    stale = sorted(stale, key=_expected, reverse=True)  # so that no long one is left for the end
    by_page = {(task.site.out, task.notebook.name): task for task in stale}
    try:
        with Workers(min(jobs, len(stale))) as workers:
            work = _jobs(stale, timeout_s)  # while the workers import
            for job, outcome in workers.run(work):
                task = by_page[job.out, job.name]
                if outcome is None:
                    _tell(progress, Result(task.name, "running", task.site.page(job.name)))
                    continue
                result = _record(task, job, outcome)
                results.append(result)
                _tell(progress, result)
    finally:
        for site in _sites_of(stale):
            shutil.rmtree(site.out / ".part", ignore_errors=True)
        for task in stale:
            manifest.partial(task.site.page(task.notebook.name)).unlink(missing_ok=True)
    return results


def _expected(task: Task) -> tuple[bool, bool, float, int]:
    """To sort by: pages of all devices, what never ran, what took long or, since that mostly takes long, is long."""
    seconds = task.site.entry(task.notebook.name).seconds
    return not task.site.device, seconds is None, seconds or 0.0, task.notebook.path.stat().st_size


def _jobs(stale: Sequence[Task], timeout_s: int | None) -> list[Job]:
    from aiot_analysis.report import facts
    from aiot_analysis.report.page import Job

    known = {}
    jobs = []
    for task in stale:
        site, notebook = task.site, task.notebook
        if site.device not in known:
            known[site.device] = facts.read(site.processed, site.device)
        page = facts.provenance(known[site.device], notebook, task.given)
        page["data"] = site.data_of(notebook, task.given)[:12]
        page["versions"] = site.versions
        page["rendered"] = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        jobs.append(Job(notebook.name, notebook.path, site.root, site.out, task.given, timeout_s, page))
    return jobs


def _record(task: Task, job: Job, outcome: Outcome) -> Result:
    """Into the manifest at once: what is finished stays so, whatever happens next."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    site = task.site
    entry = site.entry(job.name)
    if outcome.error:
        entry.error, entry.cell, entry.failed, entry.warnings = outcome.error, outcome.cell, now, outcome.warnings
    else:
        site.forget(entry.files, outcome.files)
        entry = Entry(task.print_, job.parameters, now, outcome.seconds, warnings=outcome.warnings, files=outcome.files)
        site.manifest.reports[job.name] = entry
    site.save()
    kept = site.out / "failed" / f"{job.name}.ipynb"
    return Result(
        task.name,
        "failed" if outcome.error else "rendered",
        site.page(job.name),
        outcome.seconds,
        outcome.error,
        outcome.cell,
        kept if outcome.error and kept.exists() else None,
        outcome.warnings,
    )


def _record_problem(task: Task) -> Result:
    """Of a notebook that cannot be executed at all; a page of an earlier call stays."""
    entry = task.site.entry(task.notebook.name)
    entry.error, entry.cell, entry.warnings = task.notebook.problem, None, []
    entry.failed = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    task.site.save()
    return Result(task.name, "failed", task.site.page(task.notebook.name), error=task.notebook.problem)


def _tell(progress: Progress | None, result: Result) -> None:
    if progress:
        progress(result)
