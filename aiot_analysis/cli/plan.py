"""`aiot plan`: show what the data can detect, and how much data it takes to detect a given difference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiot_analysis.tables.processed import FOLDER
from aiot_analysis.words import ALPHA

if TYPE_CHECKING:
    import pandas as pd

DATA, DEFAULT = "data", "default"


def plan(
    time: Annotated[str, typer.Option(metavar="PERCENT", help="Difference in time to detect, like 3%.")] = "",
    accuracy: Annotated[
        float | None, typer.Option(metavar="POINTS", help="Difference in accuracy to detect, like 2.")
    ] = None,
    vips: Annotated[str, typer.Option(metavar="PERCENT", help="Difference in VIPS to detect, like 5%.")] = "",
    images: Annotated[int | None, typer.Option(min=2, help="Images per run, instead of the number measured.")] = None,
    sessions: Annotated[
        int | None, typer.Option(min=1, help="Sessions per side, instead of the number measured.")
    ] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="Devices to compare, instead of those measured.")] = None,
    noise: Annotated[
        str, typer.Option(help="data, or default (built-in constants). Default: data, if there are any.")
    ] = "",
    processed: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path(FOLDER),
    origin: Annotated[
        str, typer.Option(help="measured, simulated or imported. Default: the first that the tables have.")
    ] = "",
    device: Annotated[str, typer.Option(help="Device ids, separated by commas. Default: all devices.")] = "",
    timing: Annotated[str, typer.Option(help="end_to_end or inference.")] = "end_to_end",
    run_to_run: Annotated[
        str,
        typer.Option(metavar="PERCENT", help="How much two runs of the same may differ, if too few sessions show it."),
    ] = "5%",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, for every device.")] = False,
) -> None:
    """Show which differences in time, accuracy and VIPS the data can detect, and what smaller ones would take.

    A difference counts as detectable if a test at the 5 % level finds it in 80 % of cases. `aiot plan --time 3%
    --accuracy 2` shows how many images, runs and sessions it takes to detect 3 % in time and 2 points in accuracy.
    Without data, the default noise is used.
    """
    from aiot_analysis.stats import resolution

    wanted = _wanted(time, accuracy, vips)
    measured, facts = _noise(noise, processed, origin, device, timing, run_to_run)
    planned = {"images": images, "sessions": sessions, "devices": devices}
    measured = measured.assign(**{name: value for name, value in planned.items() if value is not None})
    resolved, needed = resolution.resolution(measured), resolution.needed(measured, wanted)
    if as_json:
        _print_json(facts, {"noise": measured, "resolution": resolved, "needed": needed})
    else:
        _print_tables(facts, measured, resolved, needed)


def _wanted(time: str, accuracy: float | None, vips: str) -> dict[str, float]:
    """Return the requested differences as fractions, by metric."""
    from aiot_analysis.compare import regression
    from aiot_analysis.errors import DataError
    from aiot_analysis.stats import resolution

    wanted = {
        metric: regression.percent(words, f"difference in {name}")
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


def _noise(
    noise: str, processed: Path, origin: str, device: str, timing: str, run_to_run: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the frame of `noise.measured`, and the facts about its source."""
    import aiot_analysis
    from aiot_analysis.compare import regression
    from aiot_analysis.errors import DataError
    from aiot_analysis.stats import noise as noises
    from aiot_analysis.stats import variance
    from aiot_analysis.tables import select
    from aiot_analysis.tables.processed import find

    if noise not in ("", DATA, DEFAULT):
        raise DataError(f"Noise {noise!r} is unknown: choose {DATA} or {DEFAULT}.")
    allowed = regression.percent(run_to_run, "difference between runs")
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
        between = f"95 %, including an assumed {100 * allowed:g} % between runs"
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
    from aiot_analysis.cli.screen import used
    from aiot_analysis.compare.text import aligned, plain
    from aiot_analysis.display import resolution_text as tell
    from aiot_analysis.stats import noise, resolution
    from aiot_analysis.words import plural

    if facts["noise_of"] == DATA:
        used("plan", Path(facts["tables"]))
        print(f"plan      noise of {plural(len(measured), 'device')}, {facts['origin']}")
    else:
        print(f"plan      default noise, {facts['why']}")
        times = f"times scatter by {100 * noise.SCATTER:g} %, autocorrelation {noise.AUTOCORRELATION:g}"
        print(
            f"plan      {times}; {100 * noise.DISCORDANT:g} % of the images are classified correctly on one side only"
        )
    print(f"plan      intervals of times are {facts['intervals']}")
    if facts["noise_of"] == DATA:
        for words in tell.assumptions(measured):
            print(f"plan      {words}")
    print("\nwhat these data can show: the smallest difference that a test at the 5 % level finds in 80 % of cases")
    print("\n".join(plain(line) for line in aligned(tell.summary(resolved))))
    if needed.empty:
        return
    print("\nwhat it takes to detect a difference")
    print("\n".join(plain(line) for line in aligned(tell.requirements(needed, resolved))))
    if (needed["comparison"] == resolution.SAME_SESSION).any():
        print("\nThe pages compare one run of each instance. Page 11 and `aiot compare` have means over sessions.")


def _print_json(facts: dict[str, Any], frames: dict[str, pd.DataFrame]) -> None:
    import json

    from aiot_analysis.stats import power

    content = {"schema_version": 1, **facts, "power": power.POWER, "alpha": round(ALPHA, 6)}
    for name, frame in frames.items():
        content[name] = [{key: _value(value) for key, value in row.items()} for row in frame.to_dict("records")]
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def _value(value: Any) -> Any:
    """Return a value as JSON can hold it; missing and infinite values become null."""
    import numpy as np

    if isinstance(value, str) or value is None:
        return value
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() and not isinstance(value, float) else number
