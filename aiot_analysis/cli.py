"""The analysis' verbs: simulate, process, report. Heavy imports happen inside the verbs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

app = typer.Typer()

SHOWN = 10
"""So many of what was left out are printed."""


def _bar(text: str) -> Progress:
    """A progress bar that vanishes when it is done; there is none where nobody looks."""
    from rich import console, progress

    screen = console.Console()
    return progress.Progress(
        progress.TextColumn(text),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,  # it would leave an empty line in a file
    )


def _phones(text: str) -> int | None:
    """How many phones run the quantized models, None for all."""
    number = {"all": None, "none": 0}.get(text.lower(), text)
    if isinstance(number, str) and not number.isdecimal():
        raise typer.BadParameter(f"{text!r} is no number of phones: give one, like 25, or all, or none")
    return None if number is None else int(number)


@app.command("simulate")
def simulate(
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other images and times.")] = 0,
    devices: Annotated[int, typer.Option(min=1, help="Phones; beyond 51 drawn like the paper's.")] = 51,
    images: Annotated[int, typer.Option(min=1, help="Images that every instance is shown.")] = 500,
    quantized_on: Annotated[
        str, typer.Option(metavar="NUMBER|all|none", help="Phones that run the 36 quantized instances too.")
    ] = "25",
    raw: Annotated[Path, typer.Option(help="Folder for the raw logs.")] = Path("data/raw"),
    jobs: Annotated[int, typer.Option(min=1, help="Phones at a time.")] = 2,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete simulated runs that were made with other options.")
    ] = False,
) -> None:
    """Write raw logs of the paper's 51 phones, simulated.

    The fleet is fitted to the paper's Table IV and is marked as simulated wherever it is shown.
    """
    phones = _phones(quantized_on)

    from aiot_analysis import simulate as fleet

    with _bar("simulate: {task.description:<30}") as bar:
        task = bar.add_task("starting", total=devices)
        options = fleet.Options(seed, devices, images, phones)
        result = fleet.simulate(
            options, raw, jobs, replace, lambda run: bar.update(task, description=run.phone.name, advance=1)
        )
    there = f", {'all' if result.kept == result.devices else result.kept} there already" if result.kept else ""
    print(f"simulate  {result.summary()} in {raw}{there}")


@app.command("process")
def process(
    raw: Annotated[Path, typer.Option(help="Folder of the raw logs.")] = Path("data/raw"),
    processed: Annotated[Path, typer.Option(help="Folder for the tables.")] = Path("data/processed"),
    jobs: Annotated[int, typer.Option(min=1, help="Runs at a time.")] = 2,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask cluster that reads the runs, like tcp://10.0.0.1:8786.")
    ] = "",
) -> None:
    """Turn raw logs into tidy, validated tables.

    Only runs that are new or changed are read; what cannot be read is named, and the rest goes on. The workers of
    a Dask cluster have to see both folders under the same paths.
    """
    from aiot_analysis import ingest

    with _bar("process: runs read") as bar:
        task = bar.add_task("", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        result = ingest.process(raw, processed, jobs, tell, scheduler)
    print(f"process   {result.summary()} in {processed}")
    for path, reason in result.left_out[:SHOWN]:
        print(f"          left out {path}: {reason}")
    if len(result.left_out) > SHOWN:
        print(f"          and {len(result.left_out) - SHOWN} more: they are in {processed / 'left_out.parquet'}")


@app.command("report")
def report(
    names: Annotated[list[str] | None, typer.Argument(help="Notebooks, like 04 or frameworks; all if none.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="KEY VALUE", help="A notebook's parameter and its value."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at a time.")] = 2,
    force: Annotated[bool, typer.Option("--force", help="Render also what is up to date.")] = False,
    timeout_s: Annotated[int | None, typer.Option("--timeout", min=1, help="Seconds for one cell.")] = None,
    notebooks: Annotated[Path, typer.Option(help="Folder of the notebooks.")] = Path("notebooks"),
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = Path("reports"),
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask cluster for the notebooks that can use one (the overview).")
    ] = "",
) -> None:
    """Render the notebooks as HTML, with an index.

    Only those whose data, code or parameters changed; a failing one is kept and named, the others finish.
    """
    given = dict(text.partition("=")[::2] for text in parameters or ())
    if "" in given or not all("=" in text for text in parameters or ()):
        raise typer.BadParameter("give a name and a value, like -p timing inference", param_hint="'-p'")
    if scheduler:
        given["scheduler"] = scheduler

    from aiot_analysis.report import render

    with _bar("report: {task.description:<30}") as bar:
        task = bar.add_task("starting", total=None)

        def listen(result: render.Result) -> None:
            running = result.status == "running"
            bar.update(task, description=result.name, advance=0 if running else 1)

        results = render.render(notebooks, out, names or (), given, jobs, force, timeout_s, progress=listen)
    failed = [result for result in results if result.status == "failed"]
    for result in failed:
        print(f"report    {result}")
    rendered = sum(result.status == "rendered" for result in results)
    print(f"report    {len(results) - len(failed)} pages, {rendered} rendered now: {(out / 'index.html').resolve()}")
    if failed:
        raise typer.Exit(1)
