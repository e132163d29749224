"""Figures and tables for print: the notebooks that show them are run, and what they show is written to files.

The folder gets an index that says of each file what it is of. Files of other names are not touched.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiot_analysis.display import export
from aiot_analysis.errors import ReportError
from aiot_analysis.report import catalogue, manifest
from aiot_analysis.report.catalogue import Entry
from aiot_analysis.report.notebooks import Notebook, assign, find
from aiot_analysis.report.site import Site, root_of, sites

INDEX = "README.md"
ITEMS = "figures.json"  # what the index tells, for the next call
HEAD = "# Figures and tables\n"
WIDTHS = {"single": ("single",), "double": ("double",), "both": ("single", "double")}


@dataclass(frozen=True)
class Wanted:
    """How figures and tables are to be written."""

    formats: tuple[str, ...] = export.FORMATS
    width: str = "both"
    sheet: Path | None = None

    def checked(self) -> Wanted:
        """With formats as they are spelled here. Raises ReportError for what is unknown, or a sheet that is none."""
        formats = tuple(dict.fromkeys(one.strip().casefold() for one in self.formats))
        for one in formats:
            if one not in export.FORMATS:
                raise ReportError(f"There is no format {one!r}: choose {', '.join(export.FORMATS)}.")
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
        found = rc_params_from_file(sheet, fail_on_error=True, use_default_template=False)
    except Exception as error:  # whatever a value that is wrong leads to
        reason = " ".join(str(error).split())
        raise ReportError(f"{sheet} is no style sheet of matplotlib ({reason}): correct it.") from None
    if not found:
        raise ReportError(f"{sheet} sets nothing that matplotlib knows: write lines like `font.size: 9`.")


@dataclass
class Made:
    """What came of it."""

    items: int = 0
    files: int = 0
    failed: bool = False  # whether a notebook failed
    remarks: list[str] = field(default_factory=list)  # what is missing, and why


Listen = Callable[[str, bool], None]  # the notebook, and whether it is done


def known(notebooks_dir: Path) -> list[Entry]:
    """All figures and tables of the notebooks."""
    found = [entry for notebook in find(Path(notebooks_dir).resolve()) for entry in catalogue.read(notebook)]
    catalogue.unique(found)
    return found


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
    """Writes figures and tables that are named (see `catalogue.choose`; none: all) to `out_dir`, with an index.

    Which tables are drawn, the folder `working` decides as in `render.render`; `using` is called with their folder.

    Each origin that the tables hold has a folder of its own, as in `render.render`, unless `parameters` name one.
    Raises ReportError for what is unknown, and DataError if there are no processed tables, before anything runs.
    """
    wanted = (wanted or Wanted()).checked()
    out, source = Path(out_dir).resolve(), Path(notebooks_dir).resolve()
    there = find(source)
    entries = known(source)
    chosen = catalogue.choose(entries, names)
    books = [one for one in there if one.name in {entry.notebook for entry in chosen}]
    values = dict(parameters or {})
    given = assign(books, {name: value for name, value in values.items() if name != "origin"})
    made = Made()
    found = sites(root_of(there, source, working and working.resolve(), values), there, out, values)
    if using:
        using(found[0].processed)
    for site in found:
        _check_index(site.out)
        some = [one for one in books if one in site.notebooks]
        _draw(site, some, chosen, entries, given, wanted, jobs, timeout_s, listen, made)
    return made


def _draw(
    site: Site,
    books: Sequence[Notebook],
    chosen: Sequence[Entry],
    entries: Sequence[Entry],
    given: Mapping[str, dict[str, object]],
    wanted: Wanted,
    jobs: int,
    timeout_s: int | None,
    listen: Listen | None,
    made: Made,
) -> None:
    """The figures and tables of one origin."""
    from aiot_analysis.report.page import Job
    from aiot_analysis.report.workers import Workers

    work = []
    for book in books:
        names = tuple(entry.name for entry in chosen if entry.notebook == book.name)
        folder = site.out / ".part" / book.name
        widths, sheet = WIDTHS[wanted.width], str(wanted.sheet or "")
        sink = export.Sink(str(folder), wanted.formats, site.origin, widths, names, sheet, displayed=False)
        values = site.parameters(book, given[book.name])
        work.append(Job(book.name, book.path, site.root, site.out, values, timeout_s, {}, sink))
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
                    kept = site.out / "failed" / f"{job.name}.ipynb"
                    there = f" (kept as {kept})" if kept.exists() else ""
                    made.remarks.append(f"{job.name} failed{where}: {outcome.error}{there}")
                    made.failed = True
                    continue
                assert job.sink
                written |= {item["name"]: item for item in job.sink.written()}
                made.files += len(job.sink.place(site.out))
    finally:
        shutil.rmtree(site.out / ".part", ignore_errors=True)
    absent = [entry.name for entry in chosen if entry.name not in written]
    if absent and not made.failed:
        made.remarks.append(f"these data do not show {', '.join(absent)}.")
    made.items += len(written)
    for entry in chosen:
        if entry.name in written:
            book = next(book for book in books if book.name == entry.notebook)
            data = site.data_of(book, given[book.name])[:12]
            written[entry.name] |= {"data": data, "notebook": book.name}
    if written:
        _write_index(site, written, entries)


def _check_index(out: Path) -> None:
    """Raises ReportError if the index would take the place of another file."""
    path = out / INDEX
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(HEAD):
        raise ReportError(f"{path} is not of `aiot figures`, and would be lost: give another folder with --out.")


def _write_index(site: Site, written: dict[str, dict[str, Any]], entries: Sequence[Entry]) -> None:
    """What each file is of, with what earlier calls wrote and is still there."""
    try:
        before = json.loads((site.out / ITEMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    there = {name: one for name, one in before.items() if all((site.out / file).exists() for file in one["files"])}
    for name, item in written.items():
        more = [file for file in there.get(name, {}).get("files", []) if file not in item["files"]]
        if not more or there[name]["data"] == item["data"]:
            item["files"] = [*item["files"], *more]
    items = {entry.name: one for entry in entries if (one := written.get(entry.name) or there.get(entry.name))}
    manifest.write(site.out / ITEMS, json.dumps(items, indent=1) + "\n")
    marks = {"simulated": "**Simulated data: nothing here was measured on a device.**\n\n"}
    lines = [
        f"{HEAD}\n{marks.get(site.origin, '')}Of {site.origin} data, by `aiot figures`. The column data has the hash",
        "of the tables that the notebook read. LaTeX needs the packages booktabs, amssymb and longtable.\n",
        "| paper | caption | origin | files | data | notebook |",
        "| :-- | :-- | :-- | :-- | :-- | :-- |",
    ]
    for one in items.values():
        files = ", ".join(f"[{file}]({file})" for file in one["files"])
        caption = one["caption"].replace("|", "\\|")
        origin = "the paper" if one["origin"] == "paper" else one["origin"]
        lines.append(f"| {one['number']} | {caption} | {origin} | {files} | `{one['data']}` | {one['notebook']} |")
    manifest.write(site.out / INDEX, "\n".join(lines) + "\n")
