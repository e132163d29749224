"""`aiot figures`: write figures and tables for print."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from aiot_analysis.cli.screen import bar, parameter_values, used
from aiot_analysis.words import plural


def figures(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names, or numbers in the paper, like fig5 or table4. Default: all.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "-p", "--parameter", metavar="KEY VALUE", help="Set a parameter of the notebooks, like -p timing inference."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("figures"),
    formats: Annotated[str, typer.Option(help="File formats, separated by commas.")] = "pdf,svg,png,csv,tex,md",
    width: Annotated[
        str, typer.Option(metavar="single|double|both", help="Width of the figures, in columns of a printed page.")
    ] = "both",
    style: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A matplotlib style sheet, applied on top of the project's.")
    ] = None,
    origin: Annotated[str, typer.Option(help="measured, simulated or imported. Default: all in the tables.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Number of notebooks to run at the same time.")] = 2,
    timeout_s: Annotated[
        int | None, typer.Option("--timeout", min=1, help="Time limit for one cell, in seconds.")
    ] = None,
    notebooks: Annotated[Path, typer.Option(help="Folder of the notebooks.")] = Path("notebooks"),
    known: Annotated[bool, typer.Option("--list", help="List the figures and tables without making any.")] = False,
) -> None:
    """Write figures as PDF, SVG and PNG (300 dpi) and tables as CSV, LaTeX and Markdown, ready for print.

    Only the notebooks that contain the requested figures and tables are run. The same data give identical files. The
    data are taken from the working folder or a folder above it, or else from the folder that holds the notebooks.
    """
    values = parameter_values(parameters or ())
    if origin:
        values["origin"] = origin

    from aiot_analysis.report import figures as draw

    if known:
        for entry in draw.known(notebooks):
            print(f"{entry.number or '-':<10} {entry.kind:<7} {entry.name:<38} {entry.notebook}")
        return
    wanted = draw.Wanted(tuple(formats.split(",")), width, style)
    with bar("figures: {task.description:<30}") as progress:
        task = progress.add_task("starting", total=None)

        def listen(name: str, done: bool) -> None:
            progress.update(task, description=name, advance=int(done))

        using = partial(used, "figures")
        outcome = draw.figures(notebooks, out, names or (), values, wanted, jobs, timeout_s, listen, Path.cwd(), using)
    for remark in outcome.remarks:
        print(f"figures   {remark}")
    print(
        f"figures   {plural(outcome.items, 'item')} in {plural(outcome.files, 'file')}: {(out / draw.INDEX).resolve()}"
    )
    if outcome.failed:
        raise typer.Exit(1)
