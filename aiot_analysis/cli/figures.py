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
        list[str] | None, typer.Argument(help="Names, or the paper's numbers like fig5 or table4; all if none.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="KEY VALUE", help="A notebook's parameter and its value."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("figures"),
    formats: Annotated[str, typer.Option(help="Any of pdf, svg, png, csv, tex, md.")] = "pdf,svg,png,csv,tex,md",
    width: Annotated[str, typer.Option(metavar="single|double|both", help="Of a printed column.")] = "both",
    style: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A matplotlib style sheet, laid over the project's.")
    ] = None,
    origin: Annotated[str, typer.Option(help="measured, simulated or imported; each there is if none.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at a time.")] = 2,
    timeout_s: Annotated[int | None, typer.Option("--timeout", min=1, help="Seconds for one cell.")] = None,
    notebooks: Annotated[Path, typer.Option(help="Folder of the notebooks.")] = Path("notebooks"),
    known: Annotated[bool, typer.Option("--list", help="List the figures and tables, and make none.")] = False,
) -> None:
    """Write figures and tables for print: PDF, SVG, PNG of 300 dpi; CSV, LaTeX, Markdown.

    Only the notebooks that hold what is asked for are run. The same data give the same bytes. Data are those of the
    working folder or of a folder above it, and if there are none, those beside the notebooks.
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
