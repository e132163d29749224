"""One notebook: executed by papermill, then HTML by nbconvert, in the same process."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiot_analysis import errors
from aiot_analysis.report import manifest

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


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    seconds: float | None = None
    error: str = ""  # "" if the page was written
    cell: int | None = None  # the code cell that failed, counted from 1
    warnings: list[str] = field(default_factory=list)  # what cells wrote to standard error


def prepare() -> None:
    """Imports what `render` needs, and sets what its kernels inherit."""
    import_module("papermill")
    import_module("nbconvert.exporters.html")

    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # no remark on frozen modules from every kernel


def render(job: Job) -> Outcome:
    """Executes a notebook and writes its page; where it fails, keeps it in `failed/`.

    Nothing is half written: notebook and page appear when they are complete.
    """
    began = perf_counter()
    for folder in ("notebooks", ".part"):
        (job.out / folder).mkdir(parents=True, exist_ok=True)
    partial = job.out / ".part" / f"{job.name}.ipynb"
    failed = job.out / "failed" / f"{job.name}.ipynb"
    try:
        notebook = _execute(job, partial)
        html = to_html(notebook, job.page)
    except Exception as error:
        message, cell = _explain(error, partial, job.timeout_s)
        if partial.exists():
            failed.parent.mkdir(exist_ok=True)
            partial.replace(failed)
        return Outcome(perf_counter() - began, message, cell)
    manifest.write(job.out / f"{job.name}.html", html)
    partial.replace(job.out / "notebooks" / f"{job.name}.ipynb")
    failed.unlink(missing_ok=True)
    return Outcome(perf_counter() - began, warnings=_warnings(notebook))


def _execute(job: Job, partial: Path) -> NotebookNode:
    import papermill

    return papermill.execute_notebook(
        _literal(job.source),
        _literal(partial),
        parameters=job.parameters,
        kernel_name="python3",
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
    config.KernelManager.ip = f"{_sockets().name}/{uuid4().hex}"  # the beginning of the files' names
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
        filters={"scrolling": scrolling},
    )


def to_html(notebook: NotebookNode, page: Mapping[str, Any]) -> str:
    """A page of an executed notebook.

    `page` holds what the template shows beside it, as facts.provenance gives it. A page of simulated data
    says so, whatever its notebook does.
    """
    banner = any(
        'class="banner simulated"' in output.get("data", {}).get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    mark = "simulated" in page["origins"] and not banner  # the notebook's own banner is enough
    html, _ = _exporter().from_notebook_node(notebook, resources={"page": {**page, "css": style(), "mark": mark}})
    return str(html)


def style() -> str:
    """The style sheet all pages share."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


def scrolling(html: str) -> str:
    """Tables of Markdown and of other libraries in a box of their own, so that the page does not scroll sideways."""
    if 'class="scroll"' in html:
        return html
    return html.replace("<table", '<div class="scroll" tabindex="0"><table').replace("</table>", "</table></div>")
