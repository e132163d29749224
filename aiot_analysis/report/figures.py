"""Figures and tables that the notebooks show, and their files for print."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.display import CLAIM_TABLES, export
from aiot_analysis.errors import ReportError
from aiot_analysis.plots.presets import PRESETS
from aiot_analysis.report import pruning
from aiot_analysis.report.notebooks import Notebook, assign, find
from aiot_analysis.report.site import Site, check_made, root_of, sites
from aiot_analysis.tables.workspace import find_notebooks
from runner import rawlog

if TYPE_CHECKING:
    from aiot_analysis.report.page import RenderJob

CALLS = {"show": "figure", "table": "table", "show_excluded": "table", "show_with_care": "table"}
CLAIMS = "claims"  # called with the number of a remark, it displays CLAIM_TABLES
FOR_PAGES = ("say", "keep")  # functions that add only to pages: sentences, and results for the front page
ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}


@dataclass(frozen=True)
class CatalogueEntry:
    """A figure or table with a name, by a call of `show`, `table` or a method of `NotebookPage`."""

    name: str
    number: str  # number in the paper, like "Fig. 5" or "Table IV"; "" if it is not in the paper
    kind: str  # "figure" or "table"
    notebook: str

    @property
    def key(self) -> str:
        """The short form of the number: fig5, table4."""
        return _short_number(self.number)

    def __str__(self) -> str:
        return f"{self.name} ({self.number})" if self.number else self.name


def read_catalogue(notebook: Notebook) -> list[CatalogueEntry]:
    """Return the named figures and tables of a notebook, in order."""
    cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return [entry for source in sources for call in _calls(source) for entry in _entries(call, notebook.name)]


def _calls(source: str) -> list[ast.Call]:
    """Return the calls in a cell that display something, in order."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []  # a line magic, or an error that execution will report
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _function_name(node) in {*CALLS, CLAIMS}]
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _entries(call: ast.Call, notebook: str) -> list[CatalogueEntry]:
    """Return what a call displays under a name: one figure or table, or the tables of the claims of a remark."""
    if _function_name(call) == CLAIMS:
        numbers = [word.value for word in call.args if isinstance(word, ast.Constant)]
        return [
            CatalogueEntry(name.format(number), "", "table", notebook) for number in numbers for name in CLAIM_TABLES
        ]
    texts = {
        keyword.arg: keyword.value.value
        for keyword in call.keywords
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    if not texts.get("name"):
        return []
    return [CatalogueEntry(texts["name"], texts.get("number", ""), CALLS[_function_name(call)], notebook)]


def _needed_code(notebook: Notebook, names: Sequence[str]) -> str:
    """Return the notebook, as JSON, with only the code that the named figures and tables need."""

    def is_named_later(call: ast.Call) -> bool:
        """Return whether only execution can tell the name of what a call displays."""
        return any(
            keyword.arg is None or (keyword.arg == "name" and not isinstance(keyword.value, ast.Constant))
            for keyword in call.keywords
        )

    def is_wanted(call: ast.Call) -> bool:
        if _function_name(call) not in {*CALLS, CLAIMS}:
            return False
        return is_named_later(call) or any(entry.name in names for entry in _entries(call, notebook.name))

    def is_unwanted(call: ast.Call) -> bool:
        return _function_name(call) in {*CALLS, CLAIMS, *FOR_PAGES} and not is_wanted(call)

    document = json.loads(notebook.path.read_text(encoding="utf-8"))
    cells = [
        cell
        for cell in document["cells"]
        if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", [])
    ]
    sources = pruning.prune(["".join(cell["source"]) for cell in cells], is_wanted, is_unwanted)
    for cell, source in zip(cells, sources, strict=True):
        cell["source"] = source
    return json.dumps(document)


def _function_name(call: ast.Call) -> str:
    """Return the name of the called function, without its module."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def choose_entries(entries: Sequence[CatalogueEntry], words: Sequence[str]) -> list[CatalogueEntry]:
    """Return the entries that are named, or all if `words` is empty.

    A word is a name, or the paper's number in any form: 5, fig5, "Fig. 5", table4, "Table IV". A number selects all
    entries that have it.

    Raises:
        ReportError: A word matches no entry.
    """
    wanted = set()
    for word in words:
        key = _short_number(f"fig{word}" if word.strip().isdecimal() else word)
        matching = {entry.name for entry in entries if entry.name == word.strip().casefold()} or {
            entry.name for entry in entries if key and entry.key == key
        }
        if not matching:
            numbered = ", ".join(str(entry) for entry in entries if entry.number)
            others = ", ".join(entry.name for entry in entries if not entry.number)
            raise ReportError(f"There is no figure or table {word!r}: choose {numbered}; or {others}.")
        wanted |= matching
    return [entry for entry in entries if not words or entry.name in wanted]


def _short_number(text: str) -> str:
    """Return the short form of a number in the paper, or "" if the text is not one.

    The texts "Fig. 5", "figure 5" and "FIG5" become fig5; "Table IV", "table 4" and "tab. 4" become table4.
    """
    match = re.fullmatch(r"(fig|figure|tab|table)[\s._]*(\d+|[ivx]+)", text.strip().casefold())
    if not match:
        return ""
    number = ROMAN.get(match[2], match[2].lstrip("0"))
    return f"{'fig' if match[1].startswith('fig') else 'table'}{number}"


def check_unique(entries: Sequence[CatalogueEntry]) -> None:
    """Raise ReportError if two entries have the same name, since one would overwrite the files of the other."""
    seen: dict[str, CatalogueEntry] = {}
    for entry in entries:
        if entry.name in seen:
            books = " and ".join(dict.fromkeys([seen[entry.name].notebook, entry.notebook]))
            raise ReportError(f"Two figures or tables have the name {entry.name!r} in {books}: rename one.")
        seen[entry.name] = entry


INDEX = "README.md"
ITEMS = "figures.json"  # content of the index, for the next call
HEAD = "# Figures and tables\n"
WIDTHS = {"single": ("single",), "double": ("double",), "both": ("single", "double")}


@dataclass(frozen=True)
class FigureOptions:
    """The requested formats, width and style of figures and tables."""

    formats: tuple[str, ...] = export.FORMATS
    width: str = "both"
    sheet: Path | None = None
    preset: str = ""  # key of PRESETS
    origin_line: bool = True  # whether each figure has a line that states the origin of its data

    def checked(self) -> FigureOptions:
        """Return a copy with formats in canonical spelling.

        Raises:
            ReportError: A format, width or preset is unknown, or the style sheet is not one.
        """
        formats = tuple(dict.fromkeys(name.strip().casefold() for name in self.formats))
        for name in formats:
            if name not in export.FORMATS:
                raise ReportError(f"There is no format {name!r}: choose {', '.join(export.FORMATS)}.")
        if self.width not in WIDTHS:
            raise ReportError(f"There is no width {self.width!r}: choose {', '.join(WIDTHS)}.")
        preset = self.preset.strip().casefold()
        if preset and preset not in PRESETS:
            raise ReportError(f"There is no preset {self.preset!r}: choose {', '.join(PRESETS)}.")
        if self.sheet:
            _check(self.sheet)
        sheet = self.sheet and self.sheet.resolve()
        return replace(self, formats=formats, preset=preset, sheet=sheet)


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
class FigureResult:
    """The outcome of writing figures and tables."""

    items: int = 0
    files: int = 0
    failed: bool = False  # whether a notebook failed
    remarks: list[str] = field(default_factory=list)  # what is missing, and why


Listen = Callable[[str, str], None]
"""Called with a notebook, named as in `render.RenderResult`, and its state: "waiting", "running" or "done"."""


def known(notebooks_dir: Path | str | None) -> list[CatalogueEntry]:
    """Return all figures and tables of the notebooks in a folder, or of those of this project if it is None."""
    entries = [entry for notebook in find(find_notebooks(notebooks_dir)) for entry in read_catalogue(notebook)]
    check_unique(entries)
    return entries


def figures(
    notebooks_dir: Path | str | None,
    out_dir: Path | str,
    names: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    wanted: FigureOptions | None = None,
    jobs: int = 2,
    timeout_s: int | None = None,
    listen: Listen | None = None,
    working: Path | None = None,
    using: Callable[[Path], None] | None = None,
) -> FigureResult:
    """Write the named figures and tables to `out_dir`, with an index (see `choose_entries`; all if none is named).

    Of each notebook only the code that they need is executed (see `pruning`). The folder `working` determines which
    tables are used, as in `render.render`; `using` is called with their folder. Each origin in the tables has its own
    folder, as in `render.render`, unless `parameters` name one. All errors are raised before anything runs.

    Raises:
        ReportError: A name, parameter or format is unknown, or no notebook that has the names is made for the data.
        DataError: There are no processed tables.
    """
    wanted = (wanted or FigureOptions()).checked()
    out, source = Path(out_dir).resolve(), find_notebooks(notebooks_dir)
    available = find(source)
    entries = known(notebooks_dir)
    chosen = choose_entries(entries, names)
    books = [book for book in available if book.name in {entry.notebook for entry in chosen}]
    values = dict(parameters or {})
    assigned = assign(books, {name: value for name, value in values.items() if name != "origin"})
    all_sites = sites(root_of(available, notebooks_dir, working, values), available, out, values)
    origin_sites = [site for site in all_sites if any(book in site.notebooks for book in books)]
    if not origin_sites:
        check_made(books, all_sites)
    if using:
        using(all_sites[0].processed)
    for site in origin_sites:
        _check_index(site.out)
    try:
        work = [
            _job(site, book, chosen, assigned[book.name], wanted, timeout_s)
            for site in origin_sites
            for book in books
            if book in site.notebooks
        ]
        outcome, written = _run(out, work, jobs, listen)
    finally:
        for site in origin_sites:
            shutil.rmtree(site.out / ".part", ignore_errors=True)
    for site in origin_sites:
        site_books = [book for book in books if book in site.notebooks]
        _record(site, site_books, chosen, entries, assigned, written[site.out], outcome)
    usable = {book.name for site in origin_sites for book in site.notebooks}
    unusable = [entry.name for entry in chosen if names and entry.notebook not in usable]
    if unusable:
        origins = " or ".join(site.origin for site in all_sites)
        outcome.remarks.append(
            f"{origins} data do not produce {', '.join(unusable)}: they are for data of another origin."
        )
    return outcome


def _record(
    site: Site,
    books: Sequence[Notebook],
    chosen: Sequence[CatalogueEntry],
    entries: Sequence[CatalogueEntry],
    values: Mapping[str, dict[str, object]],
    written: dict[str, dict[str, Any]],
    outcome: FigureResult,
) -> None:
    """Write the index of one origin, and add what it has and lacks to the outcome."""
    by_name = {book.name: book for book in books}
    missing_names = [entry.name for entry in chosen if entry.notebook in by_name and entry.name not in written]
    if missing_names and not outcome.failed:
        outcome.remarks.append(f"these data do not produce {', '.join(missing_names)}.")
    outcome.items += len(written)
    for entry in chosen:
        if entry.name in written:
            book = by_name[entry.notebook]
            data = site.data_of(book, values[book.name])[:12]
            written[entry.name] |= {"data": data, "notebook": book.name}
    if written:
        _write_index(site, written, entries)


def _job(
    site: Site,
    book: Notebook,
    chosen: Sequence[CatalogueEntry],
    values: dict[str, object],
    wanted: FigureOptions,
    timeout_s: int | None,
) -> RenderJob:
    """Return the job of a notebook that writes the chosen figures and tables, and no page."""
    from aiot_analysis.report.page import RenderJob

    names = tuple(entry.name for entry in chosen if entry.notebook == book.name)
    folder = site.out / ".part"
    folder.mkdir(parents=True, exist_ok=True)
    source = book.path
    if not book.problem:
        source = folder / f"{book.name}.needed.ipynb"
        source.write_text(_needed_code(book, names), encoding="utf-8")
    sink = export.Sink(
        str(folder / book.name),
        wanted.formats,
        site.origin,
        WIDTHS[wanted.width],
        names,
        wanted.preset,
        str(wanted.sheet or ""),
        wanted.origin_line,
        displayed=False,
    )
    return RenderJob(book.name, source, site.root, site.out, site.parameters(book, values), timeout_s, {}, sink)


def _run(
    out: Path, work: Sequence[RenderJob], jobs: int, listen: Listen | None
) -> tuple[FigureResult, dict[Path, dict[str, dict[str, Any]]]]:
    """Run the jobs, and return the record of each figure and table that they wrote, by folder and name."""
    from aiot_analysis.report.workers import Workers

    def tell(job: RenderJob, state: str) -> None:
        if listen:
            listen((job.out / job.name).relative_to(out).as_posix(), state)

    result = FigureResult()
    written: dict[Path, dict[str, dict[str, Any]]] = {job.out: {} for job in work}
    for job in work:
        tell(job, "waiting")
    with Workers(min(jobs, len(work))) as workers:
        for job, outcome in workers.run(work):
            tell(job, "done" if outcome else "running")
            if outcome is None:
                continue
            if outcome.error:
                where = f" in cell {outcome.cell}" if outcome.cell else ""
                failed_copy = job.out / "failed" / f"{job.name}.ipynb"
                kept_note = f" (kept as {failed_copy})" if failed_copy.exists() else ""
                result.remarks.append(f"{job.name} failed{where}: {outcome.error}{kept_note}")
                result.failed = True
                continue
            assert job.sink
            written[job.out] |= {item["name"]: item for item in job.sink.written()}
            result.files += len(job.sink.place(job.out))
    return result, written


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
        earlier = rawlog.parse((site.out / ITEMS).read_bytes())
        remaining = {
            name: record
            for name, record in earlier.items()
            if all((site.out / file).exists() for file in record["files"])
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # missing or damaged
        remaining = {}
    for name, item in written.items():
        earlier_files = [file for file in remaining.get(name, {}).get("files", []) if file not in item["files"]]
        if not earlier_files or remaining[name]["data"] == item["data"]:
            item["files"] = [*item["files"], *earlier_files]
    items = {
        entry.name: record for entry in entries if (record := written.get(entry.name) or remaining.get(entry.name))
    }
    rawlog.replace_text(site.out / ITEMS, json.dumps(items, indent=1) + "\n")
    marks = {"simulated": "**Simulated data: nothing here was measured on a device.**\n\n"}
    lines = [
        f"{HEAD}\n{marks.get(site.origin, '')}Of {site.origin} data, by `aiot figures`. The column data has the hash",
        "of the tables that the notebook read. LaTeX needs the packages amssymb, array, booktabs, graphicx and",
        "longtable.\n",
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
    rawlog.replace_text(site.out / INDEX, "\n".join(lines) + "\n")
