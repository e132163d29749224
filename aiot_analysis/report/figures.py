"""Figures and tables for print: run the notebooks that show them, and write what they show to files.

The folder gets an index that describes each file. Unrelated files are left untouched.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.display import export
from aiot_analysis.errors import ReportError
from aiot_analysis.report.catalogue import CatalogueEntry, check_unique, choose_entries, read_catalogue
from aiot_analysis.report.notebooks import Notebook, assign, find
from aiot_analysis.report.site import Site, root_of, sites
from aiot_analysis.tables.files import write_whole
from aiot_analysis.tables.processed import find_notebooks

if TYPE_CHECKING:
    from aiot_analysis.report.page import RenderJob

INDEX = "README.md"
ITEMS = "figures.json"  # content of the index, for the next call
HEAD = "# Figures and tables\n"
WIDTHS = {"single": ("single",), "double": ("double",), "both": ("single", "double")}


@dataclass(frozen=True)
class Wanted:
    """The requested formats, width and style of figures and tables."""

    formats: tuple[str, ...] = export.FORMATS
    width: str = "both"
    sheet: Path | None = None

    def checked(self) -> Wanted:
        """Return a copy with formats in canonical spelling.

        Raises:
            ReportError: A format or width is unknown, or the style sheet is not one.
        """
        formats = tuple(dict.fromkeys(name.strip().casefold() for name in self.formats))
        for name in formats:
            if name not in export.FORMATS:
                raise ReportError(f"There is no format {name!r}: choose {', '.join(export.FORMATS)}.")
        if self.width not in WIDTHS:
            raise ReportError(f"There is no width {self.width!r}: choose {', '.join(WIDTHS)}.")
        if self.sheet:
            _check(self.sheet)
        return Wanted(formats, self.width, self.sheet and self.sheet.resolve())


def _check(sheet: Path) -> None:
    from matplotlib import rc_params_from_file

    if not sheet.is_file():
        raise ReportError(f"There is no style sheet {sheet}: give a file like aiot_analysis/plots/paper.mplstyle.")
    try:
        settings = rc_params_from_file(sheet, fail_on_error=True, use_default_template=False)
    except Exception as error:  # an invalid value may lead to any exception
        reason = " ".join(str(error).split())
        raise ReportError(f"{sheet} is not a valid style sheet of matplotlib ({reason}): correct it.") from None
    if not settings:
        raise ReportError(f"{sheet} has no setting of matplotlib: write lines like `font.size: 9`.")


@dataclass
class Made:
    """The outcome of writing figures and tables."""

    items: int = 0
    files: int = 0
    failed: bool = False  # whether a notebook failed
    remarks: list[str] = field(default_factory=list)  # what is missing, and why


Listen = Callable[[str, bool], None]  # called with the name of the notebook, and whether it is done


def known(notebooks_dir: Path) -> list[CatalogueEntry]:
    """Return all figures and tables of the notebooks."""
    entries = [entry for notebook in find(find_notebooks(notebooks_dir)) for entry in read_catalogue(notebook)]
    check_unique(entries)
    return entries


def figures(
    notebooks_dir: Path | str,
    out_dir: Path | str,
    names: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    wanted: Wanted | None = None,
    jobs: int = 2,
    timeout_s: int | None = None,
    listen: Listen | None = None,
    working: Path | None = None,
    using: Callable[[Path], None] | None = None,
) -> Made:
    """Write the named figures and tables to `out_dir`, with an index (see `choose_entries`; all if none is named).

    The folder `working` determines which tables are used, as in `render.render`; `using` is called with their folder.
    Each origin in the tables has its own folder, as in `render.render`, unless `parameters` name one. All errors are
    raised before anything runs.

    Raises:
        ReportError: A name, parameter or format is unknown.
        DataError: There are no processed tables.
    """
    wanted = (wanted or Wanted()).checked()
    out, source = Path(out_dir).resolve(), find_notebooks(notebooks_dir)
    available = find(source)
    entries = known(source)
    chosen = choose_entries(entries, names)
    books = [book for book in available if book.name in {entry.notebook for entry in chosen}]
    values = dict(parameters or {})
    assigned = assign(books, {name: value for name, value in values.items() if name != "origin"})
    outcome = Made()
    origin_sites = sites(root_of(available, source, working and working.resolve(), values), available, out, values)
    if using:
        using(origin_sites[0].processed)
    for site in origin_sites:
        _check_index(site.out)
        site_books = [book for book in books if book in site.notebooks]
        _draw(site, site_books, chosen, entries, assigned, wanted, jobs, timeout_s, listen, outcome)
    return outcome


def _draw(
    site: Site,
    books: Sequence[Notebook],
    chosen: Sequence[CatalogueEntry],
    entries: Sequence[CatalogueEntry],
    given: Mapping[str, dict[str, object]],
    wanted: Wanted,
    jobs: int,
    timeout_s: int | None,
    listen: Listen | None,
    made: Made,
) -> None:
    """Write the figures and tables of one origin."""
    work = [_job(site, book, chosen, given[book.name], wanted, timeout_s) for book in books]
    written = _run(site, work, jobs, listen, made)
    missing_names = [entry.name for entry in chosen if entry.name not in written]
    if missing_names and not made.failed:
        made.remarks.append(f"these data do not produce {', '.join(missing_names)}.")
    made.items += len(written)
    for entry in chosen:
        if entry.name in written:
            book = next(book for book in books if book.name == entry.notebook)
            data = site.data_of(book, given[book.name])[:12]
            written[entry.name] |= {"data": data, "notebook": book.name}
    if written:
        _write_index(site, written, entries)


def _job(
    site: Site,
    book: Notebook,
    chosen: Sequence[CatalogueEntry],
    given: dict[str, object],
    wanted: Wanted,
    timeout_s: int | None,
) -> RenderJob:
    """Return the job of a notebook that writes the chosen figures and tables, and no page."""
    from aiot_analysis.report.page import RenderJob

    names = tuple(entry.name for entry in chosen if entry.notebook == book.name)
    folder = site.out / ".part" / book.name
    widths, sheet = WIDTHS[wanted.width], str(wanted.sheet or "")
    sink = export.Sink(str(folder), wanted.formats, site.origin, widths, names, sheet, displayed=False)
    return RenderJob(book.name, book.path, site.root, site.out, site.parameters(book, given), timeout_s, {}, sink)


def _run(
    site: Site, work: Sequence[RenderJob], jobs: int, listen: Listen | None, made: Made
) -> dict[str, dict[str, Any]]:
    """Run the jobs, and return the record of each figure and table that they wrote, by name."""
    from aiot_analysis.report.workers import Workers

    written: dict[str, dict[str, Any]] = {}
    try:
        with Workers(min(jobs, len(work))) as workers:
            for job, outcome in workers.run(work):
                if listen:
                    listen(job.name, outcome is not None)
                if outcome is None:
                    continue
                if outcome.error:
                    where = f" in cell {outcome.cell}" if outcome.cell else ""
                    failed_copy = site.out / "failed" / f"{job.name}.ipynb"
                    kept_note = f" (kept as {failed_copy})" if failed_copy.exists() else ""
                    made.remarks.append(f"{job.name} failed{where}: {outcome.error}{kept_note}")
                    made.failed = True
                    continue
                assert job.sink
                written |= {item["name"]: item for item in job.sink.written()}
                made.files += len(job.sink.place(site.out))
    finally:
        shutil.rmtree(site.out / ".part", ignore_errors=True)
    return written


def _check_index(out: Path) -> None:
    """Raise ReportError if the index would replace a file that `aiot figures` did not write."""
    path = out / INDEX
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(HEAD):
        raise ReportError(
            f"{path} was not written by `aiot figures` and would be overwritten: give another folder with --out."
        )


def _write_index(site: Site, written: dict[str, dict[str, Any]], entries: Sequence[CatalogueEntry]) -> None:
    """Write the index of all files, including those that earlier calls wrote and that still exist."""
    try:
        earlier = json.loads((site.out / ITEMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        earlier = {}
    remaining = {
        name: record for name, record in earlier.items() if all((site.out / file).exists() for file in record["files"])
    }
    for name, item in written.items():
        earlier_files = [file for file in remaining.get(name, {}).get("files", []) if file not in item["files"]]
        if not earlier_files or remaining[name]["data"] == item["data"]:
            item["files"] = [*item["files"], *earlier_files]
    items = {
        entry.name: record for entry in entries if (record := written.get(entry.name) or remaining.get(entry.name))
    }
    write_whole(site.out / ITEMS, json.dumps(items, indent=1) + "\n")
    marks = {"simulated": "**Simulated data: nothing here was measured on a device.**\n\n"}
    lines = [
        f"{HEAD}\n{marks.get(site.origin, '')}Of {site.origin} data, by `aiot figures`. The column data has the hash",
        "of the tables that the notebook read. LaTeX needs the packages booktabs, amssymb and longtable.\n",
        "| paper | caption | origin | files | data | notebook |",
        "| :-- | :-- | :-- | :-- | :-- | :-- |",
    ]
    for record in items.values():
        files = ", ".join(f"[{file}]({file})" for file in record["files"])
        caption = record["caption"].replace("|", "\\|")
        origin = "the paper" if record["origin"] == "paper" else record["origin"]
        lines.append(
            f"| {record['number']} | {caption} | {origin} | {files} | `{record['data']}` | {record['notebook']} |"
        )
    write_whole(site.out / INDEX, "\n".join(lines) + "\n")
