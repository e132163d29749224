"""Commands that give results to other people, and check those of others: export and reproduce."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiot_analysis.cli.output_commands import CellTimeout, Jobs, Parameters, bar, parameter_values, print_used, say
from aiot_analysis.cli.workspace_options import NoWorkspace, Processed, ReadWorkspace, tables_to_read
from aiot_analysis.words import plural
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiot_analysis.export.cells import Cell, TableComparison
    from aiot_analysis.export.reproduce import Reproduction

DIFFERS, UNREADABLE = 1, 2
"""Exit codes of `aiot reproduce`."""
SHOWN = 10
"""Maximum number of excluded items, and of versions that differ, that are printed."""

Origin = Annotated[
    str,
    typer.Option(
        metavar="ORIGIN",
        help="Origin of the data to export: measured, imported, published or simulated. Default: the first of these "
        "that there is, but never simulated.",
    ),
]
Device = Annotated[str, typer.Option(metavar="IDS", help="Only these devices, by their ids, separated by commas.")]
Timing = Annotated[
    str,
    typer.Option(
        metavar="end_to_end|inference",
        help="Time per image to export: the whole time, as in the paper, or the inference alone. Default: end_to_end "
        "if all instances have it, else inference.",
    ),
]

app = typer.Typer(
    help="Export results: for pyperf, for asv, or as an evidence bundle that others can check.",
    no_args_is_help=True,
)


@app.command("pyperf")
def export_pyperf(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, like results.json.")],
    origin: Origin = "",
    device: Device = "",
    timing: Timing = "",
    processed: Processed = None,
    workspace: ReadWorkspace = None,
) -> None:
    """Write the times of the images as a file of pyperf: a benchmark for each device and instance.

    `python -m pyperf show`, `stats`, `hist` and `compare_to` read it. The instances are those of the pages.
    """
    from aiot_analysis.export import crate, pyperf, timed

    crate.check_target(file)
    folder = tables_to_read(processed, workspace)
    data = timed.open_timed(folder, origin, device, timing)
    print_used("export", data.data.processed)
    excluded: dict[str, str] = {}
    suite = pyperf.suite(data, excluded)
    file.parent.mkdir(parents=True, exist_ok=True)
    rawlog.replace_text(file, pyperf.text(suite))
    _say_excluded(excluded)
    print(f"export    {plural(len(suite['benchmarks']), 'benchmark')}, {data.origin}: {file.resolve()}")


@app.command("asv")
def export_asv(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder to write, an asv project.")],
    origin: Origin = "",
    device: Device = "",
    timing: Timing = "",
    processed: Processed = None,
    workspace: ReadWorkspace = None,
) -> None:
    """Write the times of the images as a project of asv: devices are machines, framework versions are commits.

    `asv show` and `asv publish` work in the folder. Of each version, the newest usable run of an instance is written.
    """
    from aiot_analysis.export import asv, crate, timed

    crate.check_target(folder)
    data = timed.open_timed(tables_to_read(processed, workspace), origin, device, timing)
    print_used("export", data.data.processed)
    excluded: dict[str, str] = {}
    count = asv.write(data, folder, excluded)
    _say_excluded(excluded)
    print(f"export    {plural(count, 'result')}, {data.origin}: {folder.resolve()}")


def _say_excluded(excluded: Mapping[str, str]) -> None:
    for name, reason in list(excluded.items())[:SHOWN]:
        say(f"          excluded {name}: {reason}")
    if len(excluded) > SHOWN:
        say(f"          and {len(excluded) - SHOWN} more")


@app.command("crate")
def export_crate(
    target: Annotated[Path, typer.Argument(metavar="CRATE", help="File to write, like evidence.zip, or a new folder.")],
    origin: Origin = "",
    device: Device = "",
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="ID", help="Only this run, by its id or the start of it; may be repeated."),
    ] = None,
    pages: Annotated[
        str,
        typer.Option(
            metavar="NAMES|all|none", help="Notebooks to render as pages, like 04,05 or frameworks, or all, or none."
        ),
    ] = "all",
    parameters: Parameters = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the crate, like the title of a paper.")] = "",
    license_id: Annotated[
        str, typer.Option("--license", metavar="ID", help="Licence of the data, as an SPDX identifier like CC-BY-4.0.")
    ] = "",
    authors: Annotated[
        list[str] | None,
        typer.Option(
            "--author", metavar="NAME", help="Author, like 'Jane Doe' or 'Jane Doe (0000-0002-1825-0097)', with ORCID."
        ),
    ] = None,
    raw: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder that holds the raw logs. Default: data/raw of the workspace."),
    ] = None,
    workspace: ReadWorkspace = None,
    jobs: Jobs = 2,
) -> None:
    """Write an evidence bundle (RO-Crate) that `aiot reproduce` checks: raw logs, tables, pages, versions, checksums.

    Tables and pages are made anew from the raw logs in it. Serial numbers are in it only as the hashes that raw logs
    have; their salt and the dataset are not.
    """
    from aiot_analysis.export import crate

    raw = rawlog.workspace_to_read(workspace).resolve() / crate.RAW if raw is None else raw
    wanted = {"all": (), "none": None}.get(pages, tuple(part.strip() for part in pages.split(",") if part.strip()))
    options = crate.CrateOptions(
        origin,
        device,
        tuple(runs or ()),
        wanted,
        parameter_values(parameters or ()),
        name,
        license_id,
        tuple(authors or ()),
    )
    with bar("export: {task.description:<40}") as progress:
        task = progress.add_task("starting", total=None)
        summary = crate.write(raw, target, options, jobs, lambda text: progress.update(task, description=text))
    say(f"export    raw logs in {raw.resolve()}")
    for remark in summary.remarks:
        say(f"          {remark}")
    if not license_id:
        say("          no licence is stated, so others may not use the data: add --license, like CC-BY-4.0")
    counts = f"{plural(summary.runs, 'run')}, {plural(summary.pages, 'page')}, {plural(summary.files, 'file')}"
    print(f"export    {counts}, {summary.size / 1e6:.1f} MB, {summary.origin}: {target.resolve()}")


def reproduce(
    source: Annotated[Path, typer.Argument(metavar="CRATE", help="File or folder that `aiot export crate` wrote.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="New folder to keep the unpacked crate and what is made again. Default: neither."
        ),
    ] = None,
    limit_gb: Annotated[
        float, typer.Option("--limit", metavar="GB", min=0, help="Largest size of a crate to unpack, in GB.")
    ] = 8.0,
    jobs: Jobs = 2,
    timeout_s: CellTimeout = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, for scripts.")] = False,
    workspace: NoWorkspace = None,
) -> None:
    """Make the tables and pages of a crate again from its raw logs, and compare them with those in it, cell by cell.

    Checksums are checked first, and nothing in the crate is executed. The exit code is 0 if everything is equal, 1 if
    something differs, and 2 if the crate cannot be read.
    """
    from aiot_analysis.errors import CrateError
    from aiot_analysis.export import reproduce as again

    with bar("reproduce: {task.description:<40}") as progress, tempfile.TemporaryDirectory(prefix="aiot-") as temporary:
        task = progress.add_task("starting", total=None)
        try:
            result = again.reproduce(
                source,
                Path(temporary) if out is None else out,
                limit_gb,
                jobs,
                timeout_s,
                lambda text: progress.update(task, description=text),
            )
        except CrateError as error:
            say(f"aiot: {error}")
            raise typer.Exit(UNREADABLE) from None
    _say_versions(result)
    if as_json:
        _print_json(result)
    else:
        _print_text(result)
    if not result.equal:
        raise typer.Exit(DIFFERS)


def _say_versions(result: Reproduction) -> None:
    """Say which versions differ, the most important ones first."""
    for item in result.versions[:SHOWN]:
        say(_printable(f"reproduce {item.name}: {item.crate} in the crate, {item.here} here"))
    if len(result.versions) > SHOWN:
        say(f"          and {len(result.versions) - SHOWN} more packages")


def _print_text(result: Reproduction) -> None:
    for item in (*result.tables, *result.pages):
        print(_printable(f"{_finding(item):<11} {item.name}: {_counts(item)}"))
        for cell in item.first:
            _print_cell(cell)
        for cell in item.first_wording:
            _print_cell(cell)
    for name, reason in result.failed.items():
        print(_printable(f"{'failed':<11} {name}: {reason}"))
    compared = [*result.tables, *result.pages]
    equal = sum(item.equal for item in compared)
    failed = f", {plural(len(result.failed), 'page')} failed" if result.failed else ""
    verdict = "everything is equal" if result.equal else f"{len(compared) - equal} differ"
    print(f"reproduce {plural(len(compared), 'table')}, {result.origin}: {verdict}{failed}")


def _finding(item: TableComparison) -> str:
    if item.equal:
        return "equal"
    return "differs" if item.different or item.problem else "wording"


def _counts(item: TableComparison) -> str:
    parts = [f"{plural(item.rows, 'row')} of {plural(item.columns, 'column')}"] if item.columns else []
    parts += [item.problem] * bool(item.problem)
    parts += [f"{plural(item.different, 'cell')} with another value"] * bool(item.different)
    parts += [f"{plural(item.wording, 'cell')} with another wording"] * bool(item.wording)
    return ", ".join(parts)


def _print_cell(cell: Cell) -> None:
    print(_printable(f"            {cell.column} in {cell.row}: {cell.crate} in the crate, {cell.here} here"))


def _printable(text: str) -> str:
    """Return text of a crate without characters that a terminal would take as commands."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _print_json(result: Reproduction) -> None:
    from dataclasses import asdict

    rawlog.print_json({"schema_version": 1, "equal": result.equal, **asdict(result)})
