"""`aiot run`: run the suite on devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from aiot_suite.cli.options import (
    HERE,
    PYTHON,
    Connect,
    Cooldown,
    Cores,
    Delegates,
    DeviceFolder,
    DevicePython,
    Every,
    FixedPerformance,
    Frameworks,
    KeepSerial,
    Models,
    NativeTools,
    Patience,
    Quantizations,
    Serials,
    Threads,
    Timeout,
    Weights,
    Workspaces,
)
from aiot_suite.errors import RunnerError
from aiot_suite.suite import COOLDOWN_S, PATIENCE_S, PROFILES, SUITES, TIMEOUT_S
from runner.devices import ALL_CORES, FOLDER

if TYPE_CHECKING:
    from runner.fleet import DeviceOutcome


def run(
    local: Annotated[bool, typer.Option("--local", help="Run on this machine.")] = False,
    serials: Serials = [],  # noqa: B006
    every: Every = False,
    connect: Connect = [],  # noqa: B006
    part: Annotated[str, typer.Option("--suite", help=f"Of the paper: one of {', '.join(SUITES)}.")] = "full",
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    delegates: Delegates = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    profile: Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")] = "paper",
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")] = "sample",
    weights: Weights = "sample",
    threads: Threads = 1,
    warmups: Annotated[int | None, typer.Option("--warmup-runs", min=0, help="Instead of the profile's.")] = None,
    repeat: Annotated[
        int | None, typer.Option(min=1, help="Times through the images, instead of the profile's.")
    ] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Only so many images, instead of the profile's.")] = None,
    resize: Annotated[
        list[str],
        typer.Option("--resize", help="A run for each: any of crop_resize, resize_crop, square_crop, to compare them."),
    ] = [],  # noqa: B006
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the order, and of the images that a profile draws (0 if it is not given). Without it each "
            "device has an order of its own, and a second run of the same takes the reverse."
        ),
    ] = None,
    timeout_s: Timeout = TIMEOUT_S,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest run; begin one only if it is over or differs.")
    ] = False,
    cooldown_s: Cooldown = COOLDOWN_S,
    patience_s: Patience = PATIENCE_S,
    fixed_performance: FixedPerformance = False,
    cores: Cores = ALL_CORES,
    native_tools: NativeTools = None,
    accelerator: Annotated[
        str | None, typer.Option("--nnapi-accelerator", help="The one of NNAPI's to use, by its name on the device.")
    ] = None,
    device_folder: DeviceFolder = FOLDER,
    device_python: DevicePython = PYTHON,
    keep_serial: KeepSerial = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the order and what cannot run, and stop.")] = False,
    workspace: Workspaces = HERE,
) -> None:
    """Run the suite on devices, all at once, and write raw logs.

    By default all 60 instances of the paper; what cannot run is recorded with the reason and what would help. With
    --native-tools all of TFLite is measured by its own programs: see docs/native-tools.md. Runs with --resize are a
    study of their own, and take no part in the statistics of the suite.
    """
    from runner.devices.choice import Choice
    from runner.suite_run import run_suite

    outcome = run_suite(
        Choice(local, serials, every, connect, device_folder, device_python, keep_serial),
        workspace=workspace,
        suite=part,
        models=models,
        frameworks=frameworks,
        delegates=delegates,
        quantizations=quantizations,
        profile=profile,
        dataset=dataset,
        weights=weights,
        threads=threads,
        warmups=warmups,
        passes=repeat,
        max_images=images,
        resize=resize,
        seed=seed,
        timeout_s=timeout_s,
        cooldown_s=cooldown_s,
        patience_s=patience_s,
        fixed_performance=fixed_performance,
        cores=cores,
        native_tools=native_tools,
        nnapi_accelerator=accelerator,
        resume=resume,
        dry_run=dry_run,
        progress=True,
        report=_print_outcomes,
    )
    for planned in outcome.planned:
        device_prefix = f"{planned.device}  " if len(outcome.devices) > 1 else ""
        state = f"unavailable: {planned.obstacle['reason']}" if planned.obstacle else "ready"
        print(f"{device_prefix}{planned.instance_id:<44} {state}")
    if outcome.failed:
        raise RunnerError("Something failed (see above): the same command with `--resume` goes on where it was.")


def _print_outcomes(outcomes: Sequence[DeviceOutcome]) -> None:
    """Print what came of the run of each device."""
    from runner.progress import summary
    from runner.run_request import refused

    for outcome in outcomes:
        resize_prefix = f"{outcome.resize}: " if outcome.resize else ""
        device_prefix = f"{outcome.device.slug}: " if len(outcomes) > 1 else ""
        if outcome.folder:
            print(f"run       {device_prefix}{resize_prefix}{summary(outcome.entries)} in {outcome.folder}")
            for refusal in refused(outcome.folder):
                print(f"          {device_prefix}{resize_prefix}{refusal}")
        if outcome.error:
            print(f"          {device_prefix}{resize_prefix}{outcome.error}")
