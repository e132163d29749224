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
    part: Annotated[
        str, typer.Option("--suite", help=f"Part of the paper's suite: one of {', '.join(SUITES)}.")
    ] = "full",
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    delegates: Delegates = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    profile: Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")] = "paper",
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")] = "sample",
    weights: Weights = "sample",
    threads: Threads = 1,
    warmups: Annotated[
        int | None, typer.Option("--warmup-runs", min=0, help="Warm-up inferences; overrides the profile.")
    ] = None,
    repeat: Annotated[int | None, typer.Option(min=1, help="Passes over the images; overrides the profile.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Maximum number of images; overrides the profile.")] = None,
    resize: Annotated[
        list[str],
        typer.Option(
            "--resize",
            help=("Ways of resizing to compare, each in its own run: any of crop_resize, resize_crop, square_crop."),
        ),
    ] = [],  # noqa: B006
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the order, and of the images that a profile draws (0 by default). Without it, each "
            "device has its own order, and a second identical run uses the reverse order."
        ),
    ] = None,
    timeout_s: Timeout = TIMEOUT_S,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the newest run; start a new one only if it is finished or differs."),
    ] = False,
    cooldown_s: Cooldown = COOLDOWN_S,
    patience_s: Patience = PATIENCE_S,
    fixed_performance: FixedPerformance = False,
    cores: Cores = ALL_CORES,
    native_tools: NativeTools = None,
    accelerator: Annotated[
        str | None,
        typer.Option("--nnapi-accelerator", help="Name, on the device, of the NNAPI accelerator to use."),
    ] = None,
    device_folder: DeviceFolder = FOLDER,
    device_python: DevicePython = PYTHON,
    keep_serial: KeepSerial = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the order and what cannot run, then exit.")] = False,
    workspace: Workspaces = HERE,
) -> None:
    """Run the suite on one or more devices at the same time, and write raw logs.

    By default, all 60 instances of the paper are run. An instance that cannot run is recorded with the reason and a
    remedy. With --native-tools, TFLite is measured entirely by its own programs: see docs/native-tools.md. Runs with
    --resize are a separate study and are not used in the statistics of the suite.
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
        raise RunnerError("Some measurements failed (see above): repeat the command with `--resume` to continue.")


def _print_outcomes(outcomes: Sequence[DeviceOutcome]) -> None:
    """Print the outcome of the run of each device."""
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
