"""`aiot report`: render notebooks as HTML pages."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from aiot_analysis.cli.screen import bar, parameter_values, used
from aiot_analysis.words import plural


def report(
    names: Annotated[list[str] | None, typer.Argument(help="Notebooks, like 04 or frameworks; all if none.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="KEY VALUE", help="A notebook's parameter and its value."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at a time.")] = 2,
    each_device: Annotated[
        bool, typer.Option("--each-device", help="Also a report of each device, or of those of -p device.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Render also what is up to date.")] = False,
    timeout_s: Annotated[int | None, typer.Option("--timeout", min=1, help="Seconds for one cell.")] = None,
    notebooks: Annotated[Path, typer.Option(help="Folder of the notebooks.")] = Path("notebooks"),
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = Path("reports"),
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask cluster for the notebooks that can use one (the overview).")
    ] = "",
) -> None:
    """Render the notebooks as HTML, with an index.

    Only those whose data, code or parameters changed; a failing one is kept and named, the others finish. A report
    of one device depends on the data of that device alone. Ctrl-C keeps what is finished, and the next call goes on.
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
