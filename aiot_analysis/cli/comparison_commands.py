"""Commands that compare, and that plan comparisons: compare and plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiot_analysis.cli.workspace_options import Processed, ReadWorkspace, RunToRun, tables_to_read
from aiot_analysis.tables.workspace import FOLDER
from aiot_analysis.words import ALPHA
from runner import rawlog

if TYPE_CHECKING:
    import pandas as pd

REGRESSION = 3
"""Exit code for a regression beyond --fail-on-regression. 1 means an error, 2 wrong usage."""


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="The baseline: a device, a run or a folder of tables.")] = "",
    b: Annotated[str, typer.Argument(metavar="B", help="What to compare with the baseline.")] = "",
    ab: Annotated[
        str, typer.Option(metavar="SESSION", help="Show a session of `aiot ab` instead of A and B: its id, or newest.")
    ] = "",
    processed: Processed = None,
    workspace: ReadWorkspace = None,
    metrics: Annotated[
        list[str],
        typer.Option(
            "--metric",
            metavar="NAMES",
            help="What to compare, separated by commas: accuracy, mean or median (of the time per image).",
        ),
    ] = ["accuracy", "mean"],  # noqa: B006
    timing: Annotated[
        str,
        typer.Option(
            metavar="end_to_end|inference",
            help="Time per image to compare: the whole time, as in the paper, or the inference alone. Default: "
            "end_to_end if all instances have it, else inference.",
        ),
    ] = "",
    models: Annotated[
        list[str], typer.Option("--models", "-m", metavar="NAMES", help="Only these models, separated by commas.")
    ] = [],  # noqa: B006
    frameworks: Annotated[
        list[str], typer.Option("--frameworks", metavar="NAMES", help="Only these frameworks, separated by commas.")
    ] = [],  # noqa: B006
    delegates: Annotated[
        list[str], typer.Option("--delegates", metavar="NAMES", help="Only these delegates, separated by commas.")
    ] = [],  # noqa: B006
    quantizations: Annotated[
        list[str],
        typer.Option("--quantizations", metavar="NAMES", help="Only these quantizations, separated by commas."),
    ] = [],  # noqa: B006
    verdicts: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Use only instances with these verdicts: valid, or valid,semi-valid: see docs/verdicts.md.",
        ),
    ] = "valid,semi-valid",
    fail_on_regression: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT",
            help="Exit with code 3 if B is slower than A by more than this, like 5%, or less accurate by more than "
            "--accuracy-margin.",
        ),
    ] = None,
    accuracy_margin: Annotated[
        float,
        typer.Option(
            metavar="POINTS", help="With --fail-on-regression: accepted loss of accuracy, in percentage points."
        ),
    ] = 1.0,
    run_to_run: RunToRun = "5%",
    form: Annotated[
        str, typer.Option("--format", metavar="text|markdown|json", help="Format of the comparison.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--out", "--output", metavar="FILE", help="Write the comparison to this file instead of standard output."
        ),
    ] = None,
) -> None:
    """Compare two devices, runs, software versions or fleets: what changed from A to B, by how much, how certainly.

    Each of A and B is a device (its id or name), a run (its id or the start of it), a folder of processed tables, a
    version like pytorch=2.13, a setting like threads=4, or several of these separated by commas: see docs/compare.md.
    The exit code is 0, or 1 if the two cannot be compared, or 3 if --fail-on-regression finds a regression.
    """
    from aiot_analysis.compare import comparison, instances, interleaved, sides, wording

    if bool(ab) == bool(a) or bool(a) != bool(b):
        raise typer.BadParameter("give both A and B, or --ab SESSION to show a session of `aiot ab`")
    forms = {"text": wording.render_text, "markdown": wording.render_markdown, "json": wording.render_json}
    form = "json" if as_json else sides.choose("format", [form], list(forms))[0]
    tables = tables_to_read(processed, workspace)
    asked = comparison.CompareOptions(
        metrics=sides.choose("metric", metrics, instances.METRICS),
        timing=sides.choose("timing", [timing], comparison.TIMINGS)[0] if timing else "",
        verdicts=verdicts,
        run_to_run=instances.percent(run_to_run, "difference between runs"),
        margins=None if fail_on_regression is None else instances.margins(fail_on_regression, accuracy_margin),
    )
    filters = {"model": models, "framework": frameworks, "delegate": delegates, "quantization": quantizations}
    if ab:
        result = interleaved.compare(ab, tables, filters, asked)
    else:
        result = comparison.compare(sides.filtered([sides.find(side, tables) for side in (a, b)], filters), asked)
    _write(forms[form](result), output)
    if result.regressions:
        raise typer.Exit(REGRESSION)


def _write(content: str, path: Path | None) -> None:
    """Print a comparison, or write it to a file."""
    from aiot_analysis.errors import CompareError

    if path is None:
        print(content, end="")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CompareError(f"{path} cannot be written ({error.strerror}): choose another --out.") from None
    print(f"compare   {path.resolve()}")


DATA, DEFAULT = "data", "default"


def plan(
    time: Annotated[str, typer.Option(metavar="PERCENT", help="Difference in time to detect, like 3%.")] = "",
    accuracy: Annotated[
        float | None,
        typer.Option(metavar="POINTS", help="Difference in accuracy to detect, in percentage points, like 2."),
    ] = None,
    vips: Annotated[str, typer.Option(metavar="PERCENT", help="Difference in VIPS to detect, like 5%.")] = "",
    images: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=2, help="Assume this many images per run, instead of the number measured."),
    ] = None,
    sessions: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", min=1, help="Assume this many sessions of each side, instead of the number measured."
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="Assume this many devices, instead of the number measured."),
    ] = None,
    noise: Annotated[
        str,
        typer.Option(
            metavar="data|default",
            help="Take the noise from the data, or from built-in values. Default: data, if there are any.",
        ),
    ] = "",
    processed: Processed = None,
    workspace: ReadWorkspace = None,
    origin: Annotated[
        str,
        typer.Option(
            metavar="ORIGIN",
            help="Origin of the data to use: measured, imported, published or simulated. "
            "Default: the first of these that the tables have.",
        ),
    ] = "",
    device: Annotated[
        str, typer.Option(metavar="IDS", help="Only these devices, by their ids, separated by commas.")
    ] = "",
    timing: Annotated[
        str,
        typer.Option(
            metavar="end_to_end|inference",
            help="Time per image to use: the whole time, as in the paper, or the inference alone.",
        ),
    ] = "end_to_end",
    run_to_run: RunToRun = "5%",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, for every device.")] = False,
) -> None:
    """Show which differences in time, accuracy and VIPS the data can detect, and what smaller ones would take.

    VIPS is the score of a device: accuracy over time per image, summed over its instances. A difference counts as
    detectable if a test at the 5% level finds it in 80% of cases. With --time, --accuracy or --vips, the command also
    shows how many images, runs and sessions it takes to detect that difference.
    """
    from aiot_analysis.stats import resolution

    wanted = _parse_differences(time, accuracy, vips)
    measured, facts = _read_noise(noise, tables_to_read(processed, workspace), origin, device, timing, run_to_run)
    planned = {"images": images, "sessions": sessions, "devices": devices}
    measured = measured.assign(**{name: value for name, value in planned.items() if value is not None})
    resolved, needed = resolution.resolution(measured), resolution.needed(measured, wanted)
    if as_json:
        _print_json(facts, {"noise": measured, "resolution": resolved, "needed": needed})
    else:
        _print_tables(facts, measured, resolved, needed)


def _parse_differences(time: str, accuracy: float | None, vips: str) -> dict[str, float]:
    """Return the requested differences as fractions, by metric."""
    from aiot_analysis.compare import instances
    from aiot_analysis.errors import DataError
    from aiot_analysis.stats import resolution

    wanted = {
        metric: instances.percent(words, f"difference in {name}")
        for metric, name, words in ((resolution.TIME, "time", time), (resolution.SCORE, "VIPS", vips))
        if words
    }
    for metric, difference in wanted.items():
        if not difference > 0:
            raise DataError(f"No test finds a difference of 0: give --{metric} a percentage above 0, like 3%.")
    if accuracy is not None:
        if not 0 < accuracy < 100:
            raise DataError(
                f"{accuracy:g} is not a difference in accuracy: give points between 0 and 100, like 2 or 0.5."
            )
        wanted[resolution.CORRECT] = accuracy / 100
    return wanted


def _read_noise(
    noise: str, processed: Path, origin: str, device: str, timing: str, run_to_run: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the frame of `noise.measured`, and the facts about its source."""
    import aiot_analysis
    from aiot_analysis.compare import instances
    from aiot_analysis.errors import DataError
    from aiot_analysis.stats import noise as noises
    from aiot_analysis.stats import variance
    from aiot_analysis.tables import select
    from aiot_analysis.tables.workspace import find

    if noise not in ("", DATA, DEFAULT):
        raise DataError(f"Noise {noise!r} is unknown: choose {DATA} or {DEFAULT}.")
    allowed = instances.percent(run_to_run, "difference between runs")
    select.time_column(timing)
    reason = "as requested"
    if not noise:
        try:
            find(processed)
        except DataError as error:
            if processed != Path(FOLDER) or origin or device:  # the options refer to data, so there should be some
                raise
            noise, reason = DEFAULT, f"since there are no data: {error}"
    if noise == DEFAULT:
        between = f"95%, including an assumed {100 * allowed:g}% between runs"
        facts = {"noise_of": DEFAULT, "why": reason, "origin": None, "tables": None, "intervals": between}
        return noises.default(run_to_run=allowed), facts
    data = aiot_analysis.load(processed, origin, devices=device)
    rows, _ = select.measured_rows(data.instances, by_framework=True)
    timing = select.timing_of(rows, timing)
    rows = variance.with_noise(rows, data.instances, timing, allowed)
    measured = noises.measured(rows, data.image_parts(noises.IMAGE_COLUMNS), timing)
    if measured.empty:
        raise DataError(f"No instance in {data.processed} has an accuracy and a time: plan with --noise {DEFAULT}.")
    facts = {"noise_of": DATA, "why": "", "origin": data.origin, "tables": str(data.processed.resolve())}
    return measured, {**facts, "intervals": variance.describe_noise(rows, whole=True)}


def _print_tables(facts: dict[str, Any], measured: pd.DataFrame, resolved: pd.DataFrame, needed: pd.DataFrame) -> None:
    from aiot_analysis.cli.output_commands import print_used
    from aiot_analysis.compare.wording import aligned, plain
    from aiot_analysis.display import resolution_text as tell
    from aiot_analysis.stats import noise, resolution
    from aiot_analysis.words import plural

    if facts["noise_of"] == DATA:
        print_used("plan", Path(facts["tables"]))
        print(f"plan      noise of {plural(len(measured), 'device')}, {facts['origin']}")
    else:
        print(f"plan      default noise, {facts['why']}")
        times = f"times scatter by {100 * noise.SCATTER:g}%, autocorrelation {noise.AUTOCORRELATION:g}"
        print(f"plan      {times}; {100 * noise.DISCORDANT:g}% of the images are classified correctly on one side only")
    print(f"plan      intervals of times are {facts['intervals']}")
    if facts["noise_of"] == DATA:
        for words in tell.assumptions(measured):
            print(f"plan      {words}")
    print("\nwhat these data can show: the smallest difference that a test at the 5% level finds in 80% of cases")
    print("\n".join(plain(line) for line in aligned(tell.summary(resolved))))
    if needed.empty:
        return
    print("\nwhat it takes to detect a difference")
    print("\n".join(plain(line) for line in aligned(tell.requirements(needed, resolved))))
    if (needed["comparison"] == resolution.SAME_SESSION).any():
        print("\nThe pages compare one run of each instance. Page 11 and `aiot compare` have means over sessions.")


def _print_json(facts: dict[str, Any], frames: dict[str, pd.DataFrame]) -> None:
    from aiot_analysis.stats import resolution

    rawlog.print_json({"schema_version": 1, **facts, "power": resolution.POWER, "alpha": round(ALPHA, 6), **frames})


def show(session: str, data: Path) -> None:
    """Print the comparison of a session of `aiot ab`, whose raw logs are in `raw` below the folder `data`."""
    from aiot_analysis.cli.output_commands import process
    from aiot_analysis.compare import comparison, interleaved, wording

    process(data / "raw", data / "processed")
    print()
    print(
        wording.render_text(interleaved.compare(session, data / "processed", {}, comparison.CompareOptions())), end=""
    )
