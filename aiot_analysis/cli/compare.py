"""`aiot compare`: show what changed from one side to the other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

REGRESSION = 3
"""Exit code for a regression beyond --fail-on-regression. 1 means an error, 2 wrong usage."""


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Baseline: a device, a run or a folder of tables.")] = "",
    b: Annotated[str, typer.Argument(metavar="B", help="What to compare with the baseline.")] = "",
    ab: Annotated[
        str, typer.Option(metavar="SESSION", help="Session of `aiot ab` to use instead of A and B, or newest.")
    ] = "",
    processed: Annotated[Path, typer.Option(help="Folder of the tables, for sides that do not name one.")] = Path(
        "data/processed"
    ),
    metrics: Annotated[
        list[str], typer.Option("--metric", help="accuracy, mean or median (mean and median of the time per image).")
    ] = ["accuracy", "mean"],  # noqa: B006
    timing: Annotated[
        str, typer.Option(help="end_to_end or inference. Default: end_to_end if all have it, else inference.")
    ] = "",
    models: Annotated[list[str], typer.Option("--models", "-m", help="Only these models.")] = [],  # noqa: B006
    frameworks: Annotated[list[str], typer.Option("--frameworks", help="Only these frameworks.")] = [],  # noqa: B006
    delegates: Annotated[list[str], typer.Option("--delegates", help="Only these delegates.")] = [],  # noqa: B006
    quantizations: Annotated[list[str], typer.Option("--quantizations", help="Only these quantizations.")] = [],  # noqa: B006
    verdicts: Annotated[str, typer.Option(help="Verdicts of the instances to use: valid, or valid,semi-valid.")] = (
        "valid,semi-valid"
    ),
    fail_on_regression: Annotated[
        str | None,
        typer.Option(metavar="PERCENT", help="Exit with code 3 if B is slower than A by more than this, like 5%."),
    ] = None,
    accuracy_margin: Annotated[
        float, typer.Option(metavar="POINTS", help="Loss of accuracy that is not yet a regression.")
    ] = 1.0,
    run_to_run: Annotated[
        str,
        typer.Option(metavar="PERCENT", help="How much two runs of the same may differ, if too few sessions show it."),
    ] = "5%",
    form: Annotated[str, typer.Option("--format", help="text, markdown or json.")] = "text",
    output: Annotated[
        Path | None, typer.Option(help="Write the comparison to this file instead of the screen.")
    ] = None,
) -> None:
    """Compare two devices, runs, software versions or fleets: what changed from A to B, by how much, how certainly.

    Each of A and B is a device (id or name), a run (or the start of its id), a folder of processed tables, a version
    like pytorch=2.13, a setting like threads=4, or several of these separated by commas: see docs/compare.md. The exit
    code is 0, or 3 if there is a regression, or 1 if the two cannot be compared.
    """
    from aiot_analysis.compare import comparison, instances, interleaved, markdown, record, regression, sources, text

    if bool(ab) == bool(a) or bool(a) != bool(b):
        raise typer.BadParameter("give both A and B, or --ab SESSION to show a session of `aiot ab`")
    forms = {"text": text.render_text, "markdown": markdown.render_markdown, "json": record.render_json}
    form = sources.choose("format", [form], list(forms))[0]
    asked = comparison.CompareOptions(
        metrics=sources.choose("metric", metrics, instances.METRICS),
        timing=sources.choose("timing", [timing], comparison.TIMINGS)[0] if timing else "",
        verdicts=verdicts,
        run_to_run=regression.percent(run_to_run, "difference between runs"),
        margins=None if fail_on_regression is None else regression.margins(fail_on_regression, accuracy_margin),
    )
    filters = {"model": models, "framework": frameworks, "delegate": delegates, "quantization": quantizations}
    if ab:
        result = interleaved.compare(ab, processed, filters, asked)
    else:
        result = comparison.compare(
            sources.filtered([sources.find(side, processed) for side in (a, b)], filters), asked
        )
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
        raise CompareError(f"{path} cannot be written ({error.strerror}): choose another --output.") from None
    print(f"compare   {path.resolve()}")
