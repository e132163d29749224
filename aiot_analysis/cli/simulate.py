"""`aiot simulate`: write raw logs of a simulated fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiot_analysis.cli.screen import bar


def _phones(text: str) -> int | None:
    """Return the number of phones that run the quantized models, or None for all."""
    number = {"all": None, "none": 0}.get(text.lower(), text)
    if isinstance(number, str) and not number.isdecimal():
        raise typer.BadParameter(f"{text!r} is not a number of phones: give a number like 25, or all, or none")
    return None if number is None else int(number)


def simulate(
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the random numbers; another seed gives other images and times.")
    ] = 0,
    devices: Annotated[
        int, typer.Option(min=1, help="Number of phones; phones beyond the paper's 51 are drawn at random.")
    ] = 51,
    images: Annotated[int, typer.Option(min=1, help="Number of images shown to every instance.")] = 500,
    quantized_on: Annotated[
        str, typer.Option(metavar="NUMBER|all|none", help="Number of phones that also run the 36 quantized instances.")
    ] = "25",
    raw: Annotated[Path, typer.Option(help="Folder to write the raw logs to.")] = Path("data/raw"),
    jobs: Annotated[int, typer.Option(min=1, help="Number of phones to simulate at the same time.")] = 2,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete simulated runs that were made with different options.")
    ] = False,
) -> None:
    """Simulate the paper's 51 phones and write their raw logs.

    The fleet is fitted to the paper's Table IV and is marked as simulated wherever it is shown.
    """
    phones = _phones(quantized_on)

    from aiot_analysis import simulate as fleet

    with bar("simulate: {task.description:<30}") as progress:
        task = progress.add_task("starting", total=devices)
        options = fleet.Options(seed, devices, images, phones)
        result = fleet.simulate(
            options, raw, jobs, replace, lambda run: progress.update(task, description=run.phone.name, advance=1)
        )
    kept_note = f", {'all' if result.kept == result.devices else result.kept} there already" if result.kept else ""
    print(f"simulate  {result.summary()} in {raw}{kept_note}")
