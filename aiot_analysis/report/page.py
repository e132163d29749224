"""Execute one notebook with papermill and convert it to HTML with nbconvert, in the same process."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback
import zipfile
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiot_analysis import errors
from aiot_analysis.display import export, figure_colors, front
from aiot_analysis.display.show import TABLE_SCRIPT, VERDICT_STYLE
from aiot_analysis.report import sections
from aiot_analysis.tables import names
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbformat import NotebookNode

    from aiot_analysis.display.export import Sink

CONTENTS = "<!--contents-->"  # placeholder for the table of contents
COLORS = "/*colors*/"  # placeholder for the colours of figures
SVG = "image/svg+xml"
_PICTURE = re.compile(r"<!--picture (\d+)-->")
LIBRARIES = "<!--libraries-->"  # placeholder for the scripts that draw charts
COLUMNS = 24  # number of table columns that the style sheet can align
_HEADING = re.compile(
    r'<(?P<tag>h[1-6]) id="(?P<id>[^"]*)">(?P<words>.*?)<a class="anchor-link" href="[^"]*">.*?</a></(?P=tag)>',
    re.DOTALL,
)
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_HEAD = re.compile(r"<thead>.*</thead>", re.DOTALL)
_CELL = re.compile(r"<t[hd]\b[^>]*>")
_NUMBER = ' class="number"'
_LEFT = ' style="text-align: left"'


def add_contents(html: str) -> str:
    """Return the page with its table of contents in place of CONTENTS, and with a unique id for each heading."""
    seen: dict[str, int] = {}
    entries: list[tuple[str, str, str]] = []

    def heading(match: re.Match[str]) -> str:
        tag, words = match["tag"], match["words"]
        seen[match["id"]] = number = seen.get(match["id"], 0) + 1
        name = match["id"] if number == 1 else f"{match['id']}-{number}"
        plain = re.sub("<[^>]*>", "", words)
        if tag in ("h2", "h3"):
            entries.append((tag, name, plain))
        link = f'<a class="anchor-link" href="#{name}" aria-label="Link to {plain.replace(chr(34), "&quot;")}">#</a>'
        return f'<{tag} id="{name}">{words}{link}</{tag}>'

    html = _HEADING.sub(heading, html)
    return html.replace(CONTENTS, _contents_list(entries), 1)


def _contents_list(entries: list[tuple[str, str, str]]) -> str:
    if len(entries) < 2:
        return ""
    lines = [f'<li class="{tag}"><a href="#{name}">{words}</a></li>' for tag, name, words in entries]
    return (
        '<nav class="contents" aria-label="On this page"><details open><summary>On this page</summary>'
        f"<ol>{''.join(lines)}</ol></details></nav>"
    )


def wrap_tables(html: str) -> str:
    """Put tables of Markdown and other libraries in a box of their own, so that the page does not scroll sideways."""
    if 'class="scroll"' in html:
        return html
    return html.replace("<table", '<div class="scroll" tabindex="0"><table').replace("</table>", "</table></div>")


def finish(html: str) -> str:
    """Return a page of nbconvert with a table of contents, and with tables in fewer bytes.

    This must be the last step, since nbconvert's parser does not accept HTML without end tags.
    """
    return add_contents(_TABLE.sub(lambda match: compact(match[0]), html))


def compact(table: str) -> str:
    """Return a table in half the bytes: without end tags that are optional in HTML, and aligned by column.

    `show.table` aligns each cell for JupyterLab, which does not use our style sheet.
    """
    head = _HEAD.search(table)
    head_cells = _CELL.findall(head[0].rpartition("<tr>")[2]) if head else []
    numbers = [position for position, cell in enumerate(head_cells, start=1) if _NUMBER in cell and position <= COLUMNS]
    table = _CELL.sub(lambda match: match[0].replace(_LEFT, ""), table)
    if len(head_cells) <= COLUMNS:
        table = _CELL.sub(lambda match: match[0].replace(_NUMBER, ""), table)
        classes = " ".join(f"n{position}" for position in numbers)
        table = table.replace("<table>", f'<table class="{classes}">', 1) if classes else table
    table = re.sub("<caption>(.*?)</caption>", r"<caption><span>\1</span></caption>", table, count=1, flags=re.DOTALL)
    return re.sub("</t[hdr]>", "", table)


def alignment() -> str:
    """Return the style rules for the column classes that `compact` sets."""
    columns = ", ".join(f".n{position} > * > tr > :nth-child({position})" for position in range(1, COLUMNS + 1))
    return f"{columns} {{ text-align: right; }}"


TEMPLATES = Path(__file__).parent / "templates"
START_TIMEOUT_S = 180  # time for a kernel to start, even on a busy machine


@dataclass(frozen=True)
class RenderJob:
    """A notebook to render."""

    name: str
    source: Path
    root: Path  # working directory
    out: Path
    parameters: dict[str, object]
    timeout_s: int | None  # limit for one cell
    page: Mapping[str, Any]  # what the template shows in addition to the notebook
    sink: Sink | None = None  # if set, only files of figures and tables are written, and no page


@dataclass(frozen=True)
class RenderOutcome:
    """The outcome of a job."""

    seconds: float | None = None
    error: str = ""  # "" if the page was written
    cell: int | None = None  # the code cell that failed, counted from 1
    warnings: list[str] = field(default_factory=list)  # what the cells wrote to standard error
    files: list[str] = field(default_factory=list)  # files of its figures and tables, in the folder `figures`
    empty: str = ""  # why the page has no data, if it has none


def prepare() -> None:
    """Import what `render` needs, and set the environment that its kernels inherit."""
    import_module("papermill")
    import_module("nbconvert.exporters.html")

    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # suppresses a warning on frozen modules from every kernel


def render(job: RenderJob) -> RenderOutcome:
    """Execute a notebook and write its page and the files of its figures and tables.

    If it fails, it is kept in `failed/`. Notebook, page and files only appear when they are complete.
    """
    started = perf_counter()
    sink = job.sink or export.beside_page(job.out, job.name, job.page["origins"])
    partial = job.out / ".part" / f"{job.name}.ipynb"
    failed = job.out / "failed" / f"{job.name}.ipynb"
    try:
        for folder in ("notebooks", ".part") if job.sink is None else (".part",):
            (job.out / folder).mkdir(parents=True, exist_ok=True)
        with sink.open():
            notebook = _execute(job, partial)
        archive = archive_name(job.name) if sink.written() else ""
        html = "" if job.sink else to_html(notebook, {**job.page, "archive": archive})
    except Exception as error:
        message, cell = _explain_error(error, partial, job.timeout_s)
        if partial.exists():
            failed.parent.mkdir(exist_ok=True)
            partial.replace(failed)
        return RenderOutcome(perf_counter() - started, message, cell)
    if job.sink:
        return RenderOutcome(perf_counter() - started, warnings=_warnings(notebook))
    empty = "" if sink.has_data() or _shows_unnamed(notebook, sink) else reason_without_data(notebook)
    files = sink.place(job.out / export.FOLDER)
    if files:
        files.append(_archive(job, files, partial))
    rawlog.replace_text(job.out / f"{job.name}.html", html)
    partial.replace(job.out / "notebooks" / f"{job.name}.ipynb")
    failed.unlink(missing_ok=True)
    return RenderOutcome(perf_counter() - started, warnings=_warnings(notebook), files=files, empty=empty)


def archive_name(page: str) -> str:
    """Return the path of the archive of a page, relative to the page."""
    return f"{export.FOLDER}/{page}.zip"


def _archive(job: RenderJob, files: Sequence[str], notebook: Path) -> str:
    """Write the numbers (CSV) and the figures (PDF) of a page with its notebook to a zip file, and return its path.

    Equal contents give equal bytes.
    """
    name = archive_name(job.name)
    members = {Path(file).name: job.out / file for file in sorted(set(files)) if file.endswith((".csv", ".pdf"))}
    with (
        rawlog.replacing(job.out / name) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for member, path in {**members, f"{job.name}.ipynb": notebook}.items():
            archive.writestr(zipfile.ZipInfo(f"{job.name}/{member}"), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return name


def _shows_unnamed(notebook: NotebookNode, sink: Sink) -> bool:
    """Return whether a page shows figures or tables without a name: no file tells whether they have data."""
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = sum(SVG in output or "<table" in output.get("text/html", "") for output in outputs)
    return shown > len(sink.written())


def reason_without_data(notebook: NotebookNode) -> str:
    """Return the first sentence of a page that names a command, as plain text, or "": it says how to get the data.

    Sentences that the notebook displays come before those of its text cells.
    """
    displayed = [
        unescape(re.sub("<[^>]*>", "", paragraph.replace("<code>", "`").replace("</code>", "`")))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for paragraph in re.findall("<p>(.*?)</p>", output.get("data", {}).get("text/html", ""), re.DOTALL)
    ]
    written = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    sentences = [sentence for text in [*displayed, *written] for sentence in re.split(r"(?<=\.)\s+", text)]
    for command in ("run `aiot ", "`aiot "):  # an instruction, or else a mention
        for sentence in sentences:
            if command in sentence:
                return " ".join(sentence.replace("`", "").split())
    return ""


def _execute(job: RenderJob, partial: Path) -> NotebookNode:
    import papermill

    executed: NotebookNode = papermill.execute_notebook(
        _literal(job.source),
        _literal(partial),
        parameters=job.parameters,
        kernel_name="python3",
        language="python",  # not every notebook states it
        progress_bar=False,
        start_timeout=START_TIMEOUT_S,
        execution_timeout=job.timeout_s,
        cwd=str(job.root),
        shutdown_kernel="immediate",  # there is nothing left to clean up
        config=_kernel_config(),
    )
    return executed


@cache
def _socket_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder for the sockets of kernels, removed when this process ends.

    It is directly below /tmp because socket paths are limited to 107 characters.
    """
    return tempfile.TemporaryDirectory(prefix="aiot-", dir="/tmp")


def _kernel_config() -> Any:
    """Return a configuration in which kernels communicate over socket files.

    With ports, two kernels that start at the same moment may choose the same one.
    """
    from traitlets.config import Config

    config = Config()
    config.KernelManager.transport = "ipc"
    prefix = f"{_socket_folder().name}/{uuid4().hex}"  # of the names of the socket files
    config.KernelManager.ip = prefix
    config.KernelManager.connection_file = f"{prefix}.json"  # the default file would remain after a kernel died
    return config


def _literal(path: Path) -> str:
    """Return a path with braces escaped, since papermill replaces names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _explain_error(error: Exception, partial: Path, timeout_s: int | None) -> tuple[str, int | None]:
    """Return the error in one line, and the number of the cell."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        known_errors = {"AnalysisError", *(kind.__name__ for kind in errors.AnalysisError.__subclasses__())}
        line = next(iter(str(error.evalue).splitlines()), "")
        return (line if error.ename in known_errors else f"{error.ename}: {line}".rstrip(": ")), error.exec_count
    if isinstance(error, CellTimeoutError):
        return f"the cell took longer than {timeout_s} s: give it more time or less data", _last_started_cell(partial)
    if isinstance(error, DeadKernelError):
        return "the kernel died, perhaps because it ran out of memory", _last_started_cell(partial)
    # an internal error rather than one of the notebook: show the traceback
    traceback.print_exception(error, file=sys.stderr)
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}", None


def _last_started_cell(partial: Path) -> int | None:
    """Return the number of the last code cell that was started, as counted by Jupyter."""
    import nbformat

    if not partial.exists():
        return None
    read: Callable[..., NotebookNode] = nbformat.read  # which has no annotations
    cells = [cell for cell in read(partial, as_version=4).cells if cell.cell_type == "code" and cell.source]
    started = [number for number, cell in enumerate(cells, 1) if cell.metadata.get("papermill", {}).get("start_time")]
    return max(started, default=None)


def _warnings(notebook: NotebookNode) -> list[str]:
    """Return the lines that cells wrote to standard error, which pages omit."""
    return [
        line
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
        for line in output.text.splitlines()
        if line.strip()
    ]


@cache
def _exporter() -> Any:
    from nbconvert.exporters.html import HTMLExporter

    exporter: Callable[..., Any] = HTMLExporter  # which has no annotations
    return exporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
        anchor_link_text="#",
        filters={"scrolling": wrap_tables},
    )


def to_html(notebook: NotebookNode, page: Mapping[str, Any]) -> str:
    """Return the HTML page of an executed notebook.

    `page` holds what the template shows in addition to it, as returned by `facts.provenance`. A page of simulated data
    is always marked as such, whatever its notebook does.
    """
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    banner = any('class="banner simulated"' in output.get("data", {}).get("text/html", "") for output in outputs)
    mark = "simulated" in page["origins"] and not banner  # the notebook's own banner is enough
    charts = any("chart" in facts for output in outputs for facts in output.get("metadata", {}).values())
    stated = [output.get("metadata", {}).get("text/html", {}).get("weights") for output in outputs]
    weights = [text for text in stated if text]  # of the rows that the page is about, from its banner
    page = {**page, "weights": weights or page["weights"]}
    facts = {**page, "css": style(), "script": script(), "contents": CONTENTS, "mark": mark}
    visible = _for_readers(notebook)
    pictures = _take_pictures(visible, page)
    html, _ = _exporter().from_notebook_node(visible, resources={"page": facts})
    html = _PICTURE.sub(lambda match: pictures[int(match[1])], finish(str(html)))
    html = html.replace(LIBRARIES, libraries() if charts else "", 1)
    return html.replace(COLORS, figure_colors.rules(html), 1)


def _for_readers(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without the outputs that are saved for the front page, and without replaced or empty sections."""
    visible = deepcopy(notebook)
    for cell in visible.cells:
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if front.KIND not in output.get("data", {})]
    visible.cells = sections.shown(visible.cells)
    return visible


def _take_pictures(notebook: NotebookNode, page: Mapping[str, Any]) -> list[str]:
    """Replace the SVGs of `show` by placeholders, in place, and return the HTML to put there.

    nbconvert parses the whole page, which takes long for many thousands of elements. Named figures get their citation.
    """
    pictures: list[str] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            facts = output.get("metadata", {}).get(SVG, {})
            if SVG in output.get("data", {}) and "alt" in facts:
                pictures.append(figure_colors.picture(facts["alt"], output.data[SVG], facts.get("narrow", "")))
                output.data[SVG] = f"<!--picture {len(pictures) - 1}-->"
                if "name" in facts:
                    facts["citation"] = citation(facts, page)
    return pictures


def citation(figure: Mapping[str, Any], page: Mapping[str, Any]) -> dict[str, str]:
    """Return how to cite a figure: as plain text, and as an entry of BibTeX. Nobody is named as its author."""
    from importlib import metadata

    title = str(figure.get("caption") or figure["alt"]).partition(". ")[0].rstrip(".")
    origin = " ".join(re.sub("<[^>]*>", "", names.ORIGIN_SENTENCES[origin]) for origin in page["origins"])
    tables = f"Tables {page['data']}. " if page["data"] else ""
    software = f"AIoTBench toolkit {metadata.version('aiotbench')}"
    date = str(page["rendered"])[:10]
    key = f"{figure['name']}_{page['data'] or date}"
    fields = {
        "title": f"{{{title.translate(export.TEX)}}}",
        "howpublished": f"{software}, page ``{page['title'].translate(export.TEX)}''",
        "year": date[:4],
        "note": f"{origin.translate(export.TEX)} {tables}Rendered on {date}",
    }
    entry = ",\n".join([f"@misc{{{key}", *(f"  {name} = {{{value}}}" for name, value in fields.items())])
    plain = f"“{title}”. {page['title']}, figure {figure['name']}. {origin} {tables}{software}, rendered on {date}."
    return {"plain": plain, "bibtex": f"{entry}\n}}"}


def style() -> str:
    """Return the style sheet that all pages share."""
    sheets = (VERDICT_STYLE, TEMPLATES / "style.css", TEMPLATES / "charts.css")
    return "".join(sheet.read_text(encoding="utf-8") for sheet in sheets) + alignment()


def script() -> str:
    """Return the script that all pages share (themes and tables). Pages are readable without it."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (TEMPLATES / "script.js", TABLE_SCRIPT))


def libraries() -> str:
    """Return the scripts that draw charts, as script elements, for pages that have a chart."""
    paths = [TEMPLATES / name for name in ("vendor/vega.min.js", "vendor/vega-lite.min.js", "charts.js")]
    sources = [path.read_text(encoding="utf-8").replace("</script", r"<\/script") for path in paths if path.exists()]
    return "".join(f"<script>{source}</script>\n" for source in sources)
