"""One notebook: executed by papermill, then HTML by nbconvert, in the same process."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiot_analysis import errors
from aiot_analysis.display import export
from aiot_analysis.display.export import Sink
from aiot_analysis.report import front, manifest, markup

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"
START_TIMEOUT_S = 180  # for a kernel, on a machine that is busy with others


@dataclass(frozen=True)
class Job:
    """A notebook to render."""

    name: str
    source: Path
    root: Path  # where it runs
    out: Path
    parameters: dict[str, object]
    timeout_s: int | None  # for one cell
    page: Mapping[str, Any]  # what the template shows beside the notebook
    sink: Sink | None = None  # files alone are wanted of its figures and tables, and no page


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    seconds: float | None = None
    error: str = ""  # "" if the page was written
    cell: int | None = None  # the code cell that failed, counted from 1
    warnings: list[str] = field(default_factory=list)  # what cells wrote to standard error
    files: list[str] = field(default_factory=list)  # of its figures and tables, in the folder `figures`


def prepare() -> None:
    """Imports what `render` needs, and sets what its kernels inherit."""
    import_module("papermill")
    import_module("nbconvert.exporters.html")

    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # no remark on frozen modules from every kernel


def render(job: Job) -> Outcome:
    """Executes a notebook and writes its page, with files of what it shows; where it fails, keeps it in `failed/`.

    Nothing is half written: notebook, page and files appear when they are complete.
    """
    began = perf_counter()
    for folder in ("notebooks", ".part") if job.sink is None else (".part",):
        (job.out / folder).mkdir(parents=True, exist_ok=True)
    sink = job.sink or export.beside_page(job.out, job.name, job.page["origins"])
    partial = job.out / ".part" / f"{job.name}.ipynb"
    failed = job.out / "failed" / f"{job.name}.ipynb"
    try:
        with sink.open():
            notebook = _execute(job, partial)
        html = "" if job.sink else to_html(notebook, job.page)
    except Exception as error:
        message, cell = _explain(error, partial, job.timeout_s)
        if partial.exists():
            failed.parent.mkdir(exist_ok=True)
            partial.replace(failed)
        return Outcome(perf_counter() - began, message, cell)
    if job.sink:
        return Outcome(perf_counter() - began, warnings=_warnings(notebook))
    files = sink.place(job.out / export.FOLDER)
    manifest.write(job.out / f"{job.name}.html", html)
    partial.replace(job.out / "notebooks" / f"{job.name}.ipynb")
    failed.unlink(missing_ok=True)
    return Outcome(perf_counter() - began, warnings=_warnings(notebook), files=files)


def _execute(job: Job, partial: Path) -> NotebookNode:
    import papermill

    return papermill.execute_notebook(
        _literal(job.source),
        _literal(partial),
        parameters=job.parameters,
        kernel_name="python3",
        language="python",  # not every notebook says so
        progress_bar=False,
        start_timeout=START_TIMEOUT_S,
        execution_timeout=job.timeout_s,
        cwd=str(job.root),
        shutdown_kernel="immediate",  # there is nothing left to say goodbye to
        config=_kernel_config(),
    )


@cache
def _sockets() -> tempfile.TemporaryDirectory[str]:
    """For what kernels are reached by; it goes with this process. Near the root: such paths have 107 characters."""
    return tempfile.TemporaryDirectory(prefix="aiot-", dir="/tmp")


def _kernel_config() -> Any:
    """Kernels are reached by files: with ports, two that start at the same moment may choose the same."""
    from traitlets.config import Config

    config = Config()
    config.KernelManager.transport = "ipc"
    files = f"{_sockets().name}/{uuid4().hex}"  # the beginning of their names
    config.KernelManager.ip = files
    config.KernelManager.connection_file = f"{files}.json"  # by default one that stays where a kernel died
    return config


def _literal(path: Path) -> str:
    """papermill fills in names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _explain(error: Exception, partial: Path, timeout_s: int | None) -> tuple[str, int | None]:
    """The error in one line, and the number of the cell."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        ours = {"AnalysisError", *(kind.__name__ for kind in errors.AnalysisError.__subclasses__())}
        line = next(iter(str(error.evalue).splitlines()), "")
        return (line if error.ename in ours else f"{error.ename}: {line}".rstrip(": ")), error.exec_count
    if isinstance(error, CellTimeoutError):
        return f"the cell took longer than {timeout_s} s: give it more time or less data", _last_begun(partial)
    if isinstance(error, DeadKernelError):
        return "the kernel died, perhaps for want of memory", _last_begun(partial)
    # a fault of ours rather than of the notebook: say where
    traceback.print_exception(error, file=sys.stderr)
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}", None


def _last_begun(partial: Path) -> int | None:
    """The number of the last code cell that began, as Jupyter counts them."""
    import nbformat

    if not partial.exists():
        return None
    cells = [cell for cell in nbformat.read(partial, as_version=4).cells if cell.cell_type == "code" and cell.source]
    begun = [number for number, cell in enumerate(cells, 1) if cell.metadata.get("papermill", {}).get("start_time")]
    return max(begun, default=None)


def _warnings(notebook: NotebookNode) -> list[str]:
    """What cells wrote to standard error, a line each; pages leave it out."""
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

    return HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
        anchor_link_text="#",
        filters={"scrolling": markup.scrolling},
    )


def to_html(notebook: NotebookNode, page: Mapping[str, Any]) -> str:
    """A page of an executed notebook.

    `page` holds what the template shows beside it, as facts.provenance gives it. A page of simulated data
    says so, whatever its notebook does.
    """
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    banner = any('class="banner simulated"' in output.get("data", {}).get("text/html", "") for output in outputs)
    mark = "simulated" in page["origins"] and not banner  # the notebook's own banner is enough
    facts = {**page, "css": style(), "script": script(), "contents": markup.CONTENTS, "mark": mark}
    html, _ = _exporter().from_notebook_node(_for_readers(notebook), resources={"page": facts})
    return markup.finish(str(html))


def _for_readers(notebook: NotebookNode) -> NotebookNode:
    """A copy without the outputs that are kept for the front page."""
    shown = deepcopy(notebook)
    for cell in shown.cells:
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if front.KIND not in output.get("data", {})]
    return shown


def style() -> str:
    """The style sheet all pages share."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8") + markup.alignment()


def script() -> str:
    """The script all pages share: themes, sorting and searching. Pages can be read without it."""
    return (TEMPLATES / "script.js").read_text(encoding="utf-8")
