"""`aiot report`: render notebooks as HTML pages."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from aiot_analysis.cli.screen import bar, parameter_values, used
from aiot_analysis.words import plural


def report(
    names: Annotated[
        list[str] | None, typer.Argument(help="Notebooks to render, like 04 or frameworks. Default: all.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "-p", "--parameter", metavar="KEY VALUE", help="Set a parameter of the notebooks, like -p timing inference."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Number of notebooks to run at the same time.")] = 2,
    each_device: Annotated[
        bool,
        typer.Option("--each-device", help="Also write a report for each device, or for those named by -p device."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Render all pages, even those that are up to date.")] = False,
    timeout_s: Annotated[
        int | None, typer.Option("--timeout", min=1, help="Time limit for one cell, in seconds.")
    ] = None,
    notebooks: Annotated[Path, typer.Option(help="Folder of the notebooks.")] = Path("notebooks"),
    out: Annotated[Path, typer.Option(help="Folder to write the pages to.")] = Path("reports"),
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address of a Dask cluster, used by the overview.")
    ] = "",
) -> None:
    """Render the notebooks as HTML, with an index.

    Only notebooks whose data, code or parameters changed are rendered. If a notebook fails, its name is printed, a
    copy is kept, and the others continue. The report of a device depends only on the data of that device. After
    Ctrl-C, finished pages are kept, and the next call continues with the others.
    """
    values = parameter_values(parameters or ())
    if scheduler:
        values["scheduler"] = scheduler

    from aiot_analysis.report import render

    with bar("report: {task.description:<30}") as progress:
        task, pages = progress.add_task("looking for changes", total=None), []

        def listen(result: render.RenderResult) -> None:
            if result.status == "waiting":
                pages.append(result.name)
                progress.update(task, total=len(pages))
            elif result.status != "up to date":
                progress.update(task, description=result.name, advance=0 if result.status == "running" else 1)

        using = partial(used, "report")
        results = render.render(
            notebooks, out, names or (), values, jobs, force, timeout_s, listen, each_device, Path.cwd(), using
        )
    failed = [result for result in results if result.status == "failed"]
    for result in failed:
        print(f"report    {result}")
    rendered = sum(result.status == "rendered" for result in results)
    page_count = plural(len(results) - len(failed), "page")
    print(f"report    {page_count}, {rendered} rendered now: {(out / 'index.html').resolve()}")
    if failed:
        raise typer.Exit(1)
