"""Commands that write raw logs, tables, pages and figures: simulate, process, report and figures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiot_analysis.cli.workspace_options import (
    ReadWorkspace,
    WriteWorkspace,
    base_to_read,
    folder_to_write,
)
from aiot_analysis.plots.presets import PRESETS
from aiot_analysis.tables.workspace import FOLDER, WORKERS_TIMEOUT_S
from aiot_analysis.words import plural
from runner import rawlog

if TYPE_CHECKING:
    from rich.progress import Progress

# options of the commands that run notebooks
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--parameter",
        metavar="KEY VALUE",
        help="Set a parameter of the notebooks, like -p timing inference; repeat the option for more parameters.",
    ),
]
Jobs = Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Number of notebooks to run at the same time.")]
CellTimeout = Annotated[
    int | None,
    typer.Option(
        "--timeout", metavar="SECONDS", min=1, help="Time limit for one cell of a notebook. Default: no limit."
    ),
]
Notebooks = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Folder of the notebooks. Default: those of this project.")
]

# options of the commands that can use a cluster
Scheduler = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address of a Dask scheduler whose workers do the work, like tcp://10.0.0.1:8786. Default: this machine "
        "does it.",
    ),
]
WorkersTimeout = Annotated[
    float,
    typer.Option(
        "--wait-for-workers",
        min=0,
        metavar="SECONDS",
        help="With --scheduler: longest time to wait while the cluster has no worker.",
    ),
]


def parameter_values(words: Sequence[str]) -> dict[str, object]:
    """Return the values of parameters by name, from words like timing=inference."""
    values: dict[str, object] = dict(word.partition("=")[::2] for word in words)
    if "" in values or not all("=" in word for word in words):
        raise typer.BadParameter("give a name and a value, like -p timing inference", param_hint="'-p'")
    return values


def bar(text: str) -> Progress:
    """Return a progress bar that disappears when it is done; it is disabled if standard error is not a terminal."""
    from rich import console, progress

    screen = console.Console(stderr=True)
    return progress.Progress(
        progress.TextColumn(text),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,  # it would leave an empty line in a file
    )


def follow(progress: Progress, description: str) -> Callable[[str, str], None]:
    """Return a function that shows notebooks in a bar, called with a name and "waiting", "running" or what it became.

    The total is the number of notebooks that waited.
    """
    task, waiting = progress.add_task(description, total=None), []

    def advance(name: str, status: str) -> None:
        if status == "waiting":
            waiting.append(name)
            progress.update(task, total=len(waiting))
        else:
            progress.update(task, description=name, advance=0 if status == "running" else 1)

    return advance


def say(text: str) -> None:
    """Print a message to standard error."""
    print(text, file=sys.stderr, flush=True)


def print_used(verb: str, folder: Path) -> None:
    """Print the folder of the tables that a command uses."""
    say(f"{verb:<10}tables in {folder.resolve()}")


def _quantized_phones(text: str) -> int | None:
    """Return the number of phones that run the quantized models, from `text`; None means all."""
    number = {"all": None, "none": 0}.get(text.lower(), text)
    if isinstance(number, str) and not number.isdecimal():
        raise typer.BadParameter(f"{text!r} is not a number of phones: give a number like 25, or all, or none")
    return None if number is None else int(number)


def simulate(
    seed: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, help="Seed of all random choices; another seed gives other images and times."
        ),
    ] = 0,
    devices: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=1, help="Number of phones; those beyond the paper's 51 are made up at random."
        ),
    ] = 51,
    images: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Number of images that every instance classifies.")
    ] = 500,
    quantized_on: Annotated[
        str, typer.Option(metavar="NUMBER|all|none", help="Number of phones that also run the 36 quantized instances.")
    ] = "25",
    raw: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to write the raw logs to. Default: data/raw of the workspace."),
    ] = None,
    workspace: WriteWorkspace = None,
    jobs: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Number of phones to simulate at the same time.")
    ] = 2,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete simulated runs that were made with different options.")
    ] = False,
) -> None:
    """Simulate the paper's 51 phones and write their raw logs.

    The simulation is fitted to the scores in the paper's Table IV. Its results are marked as simulated wherever they
    are shown, and are never mixed with measured ones.
    """
    phones = _quantized_phones(quantized_on)
    raw = folder_to_write(raw, workspace, "data/raw")

    from aiot_analysis import simulate as fleet

    with bar("simulate: {task.description:<30}") as progress:
        task = progress.add_task("starting", total=devices)
        options = fleet.Options(seed, devices, images, phones)
        result = fleet.simulate(
            options, raw, jobs, replace, lambda run: progress.update(task, description=run.phone.name, advance=1)
        )
    kept_note = f", {'all' if result.kept == result.devices else result.kept} there already" if result.kept else ""
    print(f"simulate  {result.summary()} in {raw}{kept_note}")


SHOWN = 10
"""Maximum number of excluded items that are printed."""


def process(
    raw: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder that holds the raw logs. Default: data/raw of the workspace."),
    ] = None,
    processed: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to write the tables to. Default: data/processed of the workspace."),
    ] = None,
    workspace: WriteWorkspace = None,
    jobs: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Number of runs to read at the same time.")] = 2,
    scheduler: Scheduler = "",
    workers_timeout_s: WorkersTimeout = WORKERS_TIMEOUT_S,
) -> None:
    """Turn raw logs into tidy, validated tables, which all other commands of the analysis read.

    Only new and changed runs are read. Files that cannot be read are listed, and processing continues without them.
    With --scheduler, the workers must be able to access both folders under the same paths: see docs/cluster.md.
    """
    from aiot_analysis import ingest

    raw, processed = folder_to_write(raw, workspace, "data/raw"), folder_to_write(processed, workspace, FOLDER)
    with bar("process: runs read") as progress:
        task = progress.add_task("", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        result = ingest.process(raw, processed, jobs, tell, scheduler, workers_timeout_s)
    print(f"process   {result.summary()} in {processed}")
    for path, reason in result.left_out[:SHOWN]:
        say(f"          excluded {path}: {reason}")
    if len(result.left_out) > SHOWN:
        say(f"          and {len(result.left_out) - SHOWN} more, listed in {processed / 'left_out.parquet'}")


def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NOTEBOOK", help="Notebooks to render, like 04 or frameworks. Default: all."),
    ] = None,
    parameters: Parameters = None,
    jobs: Jobs = 2,
    each_device: Annotated[
        bool,
        typer.Option(
            "--each-device",
            help="Also write a report of its own for each device; -p device IDS limits this to the named devices.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Render all pages, even those that are up to date.")] = False,
    timeout_s: CellTimeout = None,
    notebooks: Notebooks = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to write the pages to. Default: reports of the workspace."),
    ] = None,
    workspace: WriteWorkspace = None,
    scheduler: Scheduler = "",
    workers_timeout_s: WorkersTimeout = WORKERS_TIMEOUT_S,
) -> None:
    """Run the notebooks on the tables of `aiot process`, and write them as web pages with an index.

    Only notebooks whose data, code or parameters have changed are run. If a notebook fails, its name is printed, a copy
    that shows the error is kept, and the others continue. After Ctrl-C, finished pages are kept, and the next call
    continues with the others. With --scheduler, the workers help with the overview (01): see docs/cluster.md.
    """
    values = parameter_values(parameters or ())
    if scheduler:
        values |= {"scheduler": scheduler, "workers_timeout_s": workers_timeout_s}

    from aiot_analysis.report import render

    out = folder_to_write(out, workspace, "reports")
    base = base_to_read(workspace, values.get("processed"))
    with bar("report: {task.description:<30}") as progress:
        advance = follow(progress, "looking for changes")

        def listen(result: render.RenderResult) -> None:
            if result.status != "up to date":
                advance(result.name, result.status)

        using = partial(print_used, "report")
        results = render.render(
            notebooks, out, names or (), values, jobs, force, timeout_s, listen, each_device, base, using
        )
    failed = [result for result in results if result.status == "failed"]
    for result in failed:
        say(f"report    {result}")
    rendered = sum(result.status == "rendered" for result in results)
    page_count = plural(len(results) - len(failed), "page")
    print(f"report    {page_count}, {rendered} rendered now: {(out / 'index.html').resolve()}")
    if failed:
        raise typer.Exit(1)


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Figures and tables to write, by name (see --list) or number in the paper, like fig5 or table4. "
            "Default: all.",
        ),
    ] = None,
    parameters: Parameters = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write the files to.")] = Path("figures"),
    workspace: ReadWorkspace = None,
    formats: Annotated[
        str, typer.Option(metavar="NAMES", help="File formats to write, separated by commas.")
    ] = "pdf,svg,png,csv,tex,md",
    width: Annotated[
        str, typer.Option(metavar="single|double|both", help="Width of the figures, in columns of a printed page.")
    ] = "both",
    style: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A matplotlib style sheet, applied on top of the project's.")
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            metavar="|".join(PRESETS),
            help="Column widths and font of a publisher. Default: columns of IEEE, font DejaVu Sans.",
        ),
    ] = "",
    origin_line: Annotated[
        bool,
        typer.Option(
            "--origin-line/--no-origin-line",
            help="Whether each figure ends with a line on the origin of its data. The mark of simulated data stays.",
        ),
    ] = True,
    origin: Annotated[
        str,
        typer.Option(
            metavar="ORIGIN",
            help="Origin of the data to use: measured, imported, published or simulated. "
            "Default: each origin in the tables, in a folder of its own.",
        ),
    ] = "",
    jobs: Jobs = 2,
    timeout_s: CellTimeout = None,
    notebooks: Notebooks = None,
    known: Annotated[bool, typer.Option("--list", help="List the figures and tables without making any.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: print the table as JSON, for scripts.")] = False,
) -> None:
    """Write figures as PDF, SVG and PNG (300 dpi) and tables as CSV, LaTeX and Markdown, ready for print.

    Only the notebooks that contain the requested figures and tables are run, and of these only the code that they need.
    The same data always give identical files. The data are those of the workspace; if there is none and --notebooks is
    given, those beside that folder.
    """
    values = parameter_values(parameters or ())
    if origin:
        values["origin"] = origin

    if as_json and not known:
        raise typer.BadParameter("it needs --list, because otherwise no table is printed", param_hint="'--json'")

    from aiot_analysis.report import figures as draw

    if known:
        entries = draw.known(notebooks)
        if as_json:
            rawlog.print_json(entries)
            return
        for entry in entries:
            print(f"{entry.number or '-':<10} {entry.kind:<7} {entry.name:<38} {entry.notebook}")
        return
    base = base_to_read(workspace, values.get("processed"))
    wanted = draw.FigureOptions(tuple(formats.split(",")), width, style, preset, origin_line)
    with bar("figures: {task.description:<30}") as progress:
        listen = follow(progress, "starting")
        using = partial(print_used, "figures")
        outcome = draw.figures(notebooks, out, names or (), values, wanted, jobs, timeout_s, listen, base, using)
    for remark in outcome.remarks:
        say(f"figures   {remark}")
    print(
        f"figures   {plural(outcome.items, 'item')} in {plural(outcome.files, 'file')}: {(out / draw.INDEX).resolve()}"
    )
    if outcome.failed:
        raise typer.Exit(1)
