"""Tables and pages made again from the raw logs of a crate, and compared with those in it.

The code that runs is that of this installation: nothing in a crate is executed.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import CrateError, DataError, ExportError, ReportError
from aiot_analysis.export import cells, crate, unpack
from aiot_analysis.report import notebooks
from aiot_analysis.tables import workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiot_analysis.export.cells import TableComparison

CRATE, AGAIN = "crate", "again"
"""Folders for the content of a crate, and for what is made again from its raw logs."""


@dataclass(frozen=True)
class VersionDifference:
    """Something that had another version when the crate was made."""

    name: str
    crate: str
    here: str


@dataclass
class Reproduction:
    """What is equal, and what differs."""

    origin: str
    tables: list[TableComparison] = field(default_factory=list)
    pages: list[TableComparison] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # why a page cannot be rendered, by its name
    versions: list[VersionDifference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.failed and all(item.equal for item in (*self.tables, *self.pages))


def reproduce(
    source: Path,
    out: Path,
    limit_gb: float = unpack.LIMIT_GB,
    jobs: int = 2,
    timeout_s: int | None = None,
    progress: crate.Progress = lambda text: None,
) -> Reproduction:
    """Check a crate, make its tables and pages again in the folder `out`, and compare them cell by cell.

    Raises
    ------
    CrateError
        The crate cannot be read (see `unpack.unpack`), or no run in it can be.
    ExportError
        The folder `out` is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise ExportError(f"{out} is not empty: give a new folder with --out.")
    progress("checking the crate")
    original, again = out / CRATE, out / AGAIN
    settings = unpack.unpack(source, original, limit_gb)
    result = Reproduction(str(settings.get("origin")), versions=_version_differences(settings, original))
    progress("making the tables")
    again.mkdir(parents=True)
    try:
        crate.make_tables(original, Path("..", AGAIN), jobs)
    except DataError as error:
        raise CrateError(f"{source} has no raw logs that this version can read ({error})") from None
    result.tables = _compare(original, again, crate.PROCESSED.as_posix(), "**/*.parquet")
    result.failed = _render(again, settings, jobs, timeout_s, progress)
    progress("comparing")
    result.pages = _compare(original, again, f"{crate.REPORTS}/figures", "*.csv")
    return result


def _compare(original: Path, again: Path, folder: str, pattern: str) -> list[TableComparison]:
    """Compare the files of two folders that match a pattern, by name."""
    file_names = {
        path.relative_to(base).as_posix() for base in (original, again) for path in (base / folder).glob(pattern)
    }
    return [cells.compare_files(name, original / name, again / name) for name in sorted(file_names)]


def _render(
    again: Path, settings: Mapping[str, Any], jobs: int, timeout_s: int | None, progress: crate.Progress
) -> dict[str, str]:
    """Render the pages of a crate with their parameters, and return why some cannot be, by name."""
    failed: dict[str, str] = {}
    notebook_names = {item.name for item in notebooks.find(workspace.find_notebooks())}
    groups: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for name, page in settings["pages"].items():
        parameters = page["parameters"]
        if name not in notebook_names:
            failed[name] = "this version has no such page"
        elif set(parameters) & set(crate.PATHS):
            failed[name] = "its parameters name a folder or an address, which a crate must not do"
        else:
            groups.setdefault(repr(sorted(parameters.items())), (parameters, []))[1].append(name)
    for parameters, names in groups.values():
        values = {**parameters, "origin": settings.get("origin")}
        try:
            errors = crate.render_pages(again, names, values, jobs, timeout_s, progress)
        except (ReportError, DataError) as error:
            errors = dict.fromkeys(names, str(error))
        failed |= {name: error for name, error in errors.items() if error}
    return failed


def _version_differences(settings: Mapping[str, Any], original: Path) -> list[VersionDifference]:
    """Return what has another version here: this toolkit and the libraries that numbers come from first."""
    path = original / crate.ENVIRONMENT
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    stated = {name: version for name, _, version in (line.partition("==") for line in lines) if version}
    here = crate.installed()
    stated |= {"aiotbench": str(settings.get("aiotbench")), "Python": str(settings.get("python"))}
    here |= {"aiotbench": metadata.version("aiotbench"), "Python": platform.python_version()}
    first = [name for name in ("aiotbench", "Python", *workspace.LIBRARIES) if name in stated]
    differences = [
        VersionDifference(name, stated[name], here.get(name, "not installed"))
        for name in dict.fromkeys([*first, *stated])
        if stated[name] != here.get(name)
    ]
    if settings.get("code") != workspace.code():
        short = str(settings.get("code"))[:12]
        differences.insert(0, VersionDifference("code of aiot_analysis", short, workspace.code()[:12]))
    digests = {item.name: item.digest for item in notebooks.find(workspace.find_notebooks())}
    for name, page in settings["pages"].items():
        if name in digests and page.get("notebook") != digests[name]:
            differences.append(
                VersionDifference(f"notebook {name}", str(page.get("notebook"))[:12], digests[name][:12])
            )
    return differences
