"""`aiot run`: run the suite on devices."""

from __future__ import annotations

from typing import Annotated, Any

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
    models_folder,
)
from aiot_suite.errors import RunnerError, SelectionError
from aiot_suite.suite import PROFILES, SUITES
from aiot_suite.workspace import Workspace
from runner.devices import ALL_CORES, CORES, FOLDER, Conditions


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
    timeout_s: Timeout = 1800.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest run; begin one only if it is over or differs.")
    ] = False,
    cooldown_s: Cooldown = 600.0,
    patience_s: Patience = 120.0,
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
    from dataclasses import asdict, replace

    from aiot_suite import catalog, suite
    from aiot_suite.datasets import store
    from aiot_suite.facts import prepared
    from aiot_suite.preprocess import RESIZE_WAYS
    from runner import fleet, order
    from runner import run_request as runs
    from runner.devices.choice import Choice, chosen
    from runner.parity import check
    from runner.preflight import preflight
    from runner.progress import RunProgress, summary
    from runner.tools.jobs import Given

    space = Workspace(workspace)
    choice = Choice(local, serials, every, connect, device_folder, device_python, keep_serial)
    devices = chosen(choice, space)
    installed = catalog.load(space.plugins)
    folder = models_folder(space, weights)
    artifacts = prepared(folder)
    everything = installed.everything(artifacts.values())
    instances = suite.select(models, frameworks, delegates, quantizations, everything, part)
    name = suite.choose("Profile", [profile], list(PROFILES))[0]
    if name == "sustained" and len(instances) > 1:
        raise SelectionError(
            f"Profile sustained runs one instance for ten minutes, and {len(instances)} are chosen: name one, "
            "like `--models mnasnet --frameworks tflite --delegates cpu --quantizations int8`."
        )
    ways = suite.choose("Way of resizing", resize, RESIZE_WAYS) if resize else []
    overrides: dict[str, Any] = {"warmups": warmups, "passes": repeat, "max_images": images}
    request = runs.Request(
        instances=instances,
        profile=replace(
            PROFILES[name],
            **{name: value for name, value in overrides.items() if value is not None},
        ),
        seed=seed or 0,
        order_seed=seed,
        threads=threads,
        dataset=store.load(space.datasets / dataset),
        artifacts=artifacts,
        catalog=installed,
        checks={name: asdict(item) for name, item in check.read(folder, artifacts.values()).items()},
        timeout_s=timeout_s,
        cooldown_s=cooldown_s,
        conditions=Conditions(fixed_performance, suite.choose("Choice of cores", [cores], list(CORES))[0]),
        native=Given(native_tools, space.staging / "native", accelerator) if native_tools else None,
    )
    if accelerator and not native_tools:
        raise SelectionError("--nnapi-accelerator is for TFLite's own tools: give their folder with --native-tools.")
    if request.native:
        for device in devices:
            request.native.tools_for(device)  # fail before any device starts if one has no tools
    if dry_run:
        for device in devices:
            drawn = order.draw(space.raw, device.slug, request.record(device), request.order_seed)
            for item in map(suite.Instance.parse, drawn["suite"]):
                artifact, by_tools = request.artifacts.get(item.artifact), request.by_tools(item)
                obstacle = preflight(item, artifact, installed, request.dataset, device, by_tools)
                device_prefix = f"{device.slug}  " if len(devices) > 1 else ""
                print(f"{device_prefix}{item.id:<44} {'unavailable: ' + obstacle['reason'] if obstacle else 'ready'}")
        return
    failed = False
    for variant in [request.with_resize(way) for way in ways] or [request]:
        with RunProgress([device.slug for device in devices], len(variant.instances)) as progress:
            outcomes = fleet.run_all(space, devices, variant, resume, progress.listeners, patience_s)
        for outcome in outcomes:
            resize_prefix = f"{variant.resize}: " if variant.resize else ""
            device_prefix = f"{outcome.device.slug}: " if len(devices) > 1 else ""
            if outcome.folder:
                print(f"run       {device_prefix}{resize_prefix}{summary(outcome.entries)} in {outcome.folder}")
                for refused in runs.refused(outcome.folder):
                    print(f"          {device_prefix}{resize_prefix}{refused}")
            if outcome.error:
                print(f"          {device_prefix}{resize_prefix}{outcome.error}")
            failed |= bool(outcome.error) or any(
                entry.status in ("failed", "cut", "damaged") for entry in outcome.entries
            )
    if failed:
        raise RunnerError("Something failed (see above): the same command with `--resume` goes on where it was.")
