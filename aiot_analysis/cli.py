"""The analysis' verbs: process, report. Heavy imports happen inside the verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command("process")
def process(
    raw: Annotated[Path, typer.Option(help="Folder of the raw logs.")] = Path("data/raw"),
    processed: Annotated[Path, typer.Option(help="Folder for the tables.")] = Path("data/processed"),
) -> None:
    """Turn raw logs into tidy, validated tables."""
    from aiot_analysis import ingest

    result = ingest.process(raw, processed)
    print(f"process   {result.summary()} in {processed}")
    for path, reason in result.left_out[:10]:
        print(f"          left out {path}: {reason}")


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
) -> None:
    """Render the notebooks as HTML, with an index.

    Only those whose data, code or parameters changed; a failing one is kept and named, the others finish.
    """
    given = dict(text.partition("=")[::2] for text in parameters or ())
    if "" in given or not all("=" in text for text in parameters or ()):
        raise typer.BadParameter("give a name and a value, like -p timing inference", param_hint="'-p'")

    from rich import progress

    from aiot_analysis.report import render

    with progress.Progress(
        progress.TextColumn("report: {task.description:<30}"),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        transient=True,
    ) as bar:
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
