"""`aiot ab`: compare two settings on one device in alternating runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
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
    FixedPerformance,
    Frameworks,
    KeepSerial,
    Models,
    NativeTools,
    Patience,
    Quantizations,
    Seed,
    Serials,
    Threads,
    Timeout,
    Weights,
    Workspaces,
)
from aiot_suite.errors import RunnerError, SelectionError
from aiot_suite.suite import PROFILES
from aiot_suite.workspace import Workspace, models_folder
from runner.devices import ALL_CORES, ATTEMPT_TIMEOUT_S, COOLDOWN_S, CORES, FOLDER, PATIENCE_S, Conditions

if TYPE_CHECKING:
    from aiot_suite.suite import Instance
    from runner.ab.blocks import Block, Recorded, Session
    from runner.ab.settings import SettingsSide
    from runner.devices.choice import Choice
    from runner.run_request import RunRequest

SETTINGS = "model, threads, framework, delegate, quantization, profile, cores, python, native-tools or accelerator"


@dataclass(frozen=True)
class Ended:
    """The outcome of `aiot ab`: the session, and its blocks that failed."""

    session: str
    workspace: Workspace
    problems: Sequence[str]

    def check(self) -> None:
        """Raise RunnerError if any block failed."""
        if self.problems:
            raise RunnerError(
                f"{len(self.problems)} block{'s' * (len(self.problems) != 1)} failed (see above): the same command "
                "with `--resume` measures every failed block again."
            )


def ab(
    a: Annotated[
        list[str], typer.Option("--a", metavar="SETTING", help=f"The baseline, as NAME=VALUE; NAME is {SETTINGS}.")
    ],
    b: Annotated[list[str], typer.Option("--b", metavar="SETTING", help="What is compared with it, in the same form.")],
    local: Annotated[bool, typer.Option("--local", help="Run on this machine.")] = False,
    serials: Serials = [],  # noqa: B006
    connect: Connect = [],  # noqa: B006
    blocks: Annotated[
        int, typer.Option(help="Number of blocks, each a short run of A and one of B: even, 4 or more.")
    ] = 6,
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    delegates: Delegates = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    profile: Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")] = "quick",
    images: Annotated[int, typer.Option(min=1, help="Images in each short run. Every block draws its own.")] = 50,
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")] = "sample",
    weights: Weights = "sample",
    threads: Threads = 1,
    seed: Seed = 0,
    timeout_s: Timeout = ATTEMPT_TIMEOUT_S,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue the newest session if it is the same comparison; else begin a new one."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Run without asking for confirmation.")] = False,
    cooldown_s: Cooldown = COOLDOWN_S,
    patience_s: Patience = PATIENCE_S,
    fixed_performance: FixedPerformance = False,
    cores: Cores = ALL_CORES,
    native_tools: NativeTools = None,
    device_folder: DeviceFolder = FOLDER,
    device_python: DevicePython = PYTHON,
    keep_serial: KeepSerial = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and the time it should take, and exit.")
    ] = False,
    workspace: Workspaces = HERE,
) -> Ended | None:
    """Run two settings on one device in alternating short runs, and show what changed from A to B.

    A block is one short run of A and one of B. Which of the two comes first is balanced and drawn with the seed, so
    that a steady drift, like that of a device that warms up, affects both alike. The plan is shown first, and nothing
    runs until you confirm it. `aiot compare --ab newest` shows the verdict again: see docs/compare.md. The runs are a
    study of their own and take no part in the statistics of the suite.
    """
    from aiot_suite import catalog, suite
    from aiot_suite.datasets import store
    from aiot_suite.facts import load_artifacts
    from runner import run_request as runs
    from runner.ab import blocks as ab_blocks
    from runner.ab import settings
    from runner.devices.choice import Choice
    from runner.tools.jobs import NativeToolOptions

    space = Workspace(workspace)
    ab_blocks.firsts(blocks, seed)  # reject an invalid number of blocks before contacting a device
    asked = {"a": settings.parse(a, "--a"), "b": settings.parse(b, "--b")}
    words = {side: settings.settings_text(each) for side, each in asked.items()}
    if words["a"] == words["b"]:
        raise SelectionError(f"A and B are the same ({words['a']}): give two settings that differ.")
    installed = catalog.load(space.plugins)
    folder = models_folder(space, weights)
    artifacts = load_artifacts(folder)
    common = runs.RunRequest(
        instances=(),
        profile=replace(PROFILES[suite.choose("Profile", [profile], list(PROFILES))[0]], max_images=images),
        seed=seed,
        threads=threads,
        dataset=store.load(space.datasets / dataset),
        artifacts=artifacts,
        catalog=installed,
        checks={},
        timeout_s=timeout_s,
        cooldown_s=cooldown_s,
        conditions=Conditions(fixed_performance, suite.choose("Choice of cores", [cores], list(CORES))[0]),
        native=NativeToolOptions(native_tools, space.staging / "native") if native_tools else None,
    )
    options = {"models": models, "frameworks": frameworks, "delegates": delegates, "quantizations": quantizations}
    choice = Choice(local, serials, False, connect, device_folder, device_python, keep_serial)
    sides, instances = _choose_sides(space, common, asked, options, choice)
    matched = settings.pairs(instances, asked)
    places, obstacles = settings.runnable_pairs(sides, matched)
    if not places:
        raise SelectionError(f"Nothing can run on both sides: {'; '.join(obstacles[:3])}.")
    sides = _with_instances(sides, [matched[place] for place in places], folder)
    settings.check_different(sides)
    session = ab_blocks.Session.new(seed, blocks, words)
    measured: list[Recorded] = []
    if resume:
        session, measured = _resumed(space, session, sides)
    remaining = ab_blocks.remaining_blocks(session, measured)
    _show_plan(space, session, sides, remaining, obstacles)
    if dry_run:
        return None
    if remaining and not yes:
        typer.confirm("Run it?", abort=True)
    return Ended(session.id, space, _measure(space, session, remaining, sides, patience_s))


def _choose_sides(
    space: Workspace,
    common: RunRequest,
    asked: Mapping[str, Mapping[str, str]],
    options: Mapping[str, Sequence[str]],
    choice: Choice,
) -> tuple[dict[str, SettingsSide], dict[str, list[Instance]]]:
    """Return both sides, and the instances that each could run, by the name of the side.

    Parameters
    ----------
    space
        The workspace.
    common
        The part of the request that both sides share.
    asked
        The settings of each side, by the name of the side.
    options
        The models, frameworks, delegates and quantizations that the user selected.
    choice
        The device that the user selected, and how to reach it.

    Raises
    ------
    SelectionError
        More than one device is selected, or a setting does not fit the device or the other selections.
    """
    from runner.ab import settings
    from runner.devices.choice import choose_devices

    everything = common.catalog.everything(common.artifacts.values())
    sides, instances = {}, {}
    for name, each in asked.items():
        request = settings.build_request(common, each, space.staging / "native")
        side_instances = settings.select_instances(options, each, everything)
        if "model" in each:
            model = Path(each["model"])
            side_instances, files = settings.with_model(side_instances, common.artifacts, model, common.catalog)
            request = replace(request, artifacts=files)
        python = settings.python_of(each, choice.local)
        side_choice = replace(choice, python=str(python), local_python=python) if python else choice
        devices = choose_devices(side_choice, space)
        if len(devices) > 1:
            raise SelectionError(f"{len(devices)} devices are chosen: A and B take turns on one, so choose one.")
        side = settings.SettingsSide(settings.settings_text(each), devices[0], request, python)
        if request.native:
            request.native.tools_for(devices[0])
        sides[name], instances[name] = settings.with_versions(side, side_instances)
    return sides, instances


def _with_instances(
    sides: Mapping[str, SettingsSide], pairs: Sequence[tuple[Instance, Instance]], folder: Path
) -> dict[str, SettingsSide]:
    """Return the sides with the instances of these pairs, and with what was found about the model files in `folder`."""
    from runner.model_checks import read_checks

    result = {}
    for (name, side), instances in zip(sides.items(), zip(*pairs, strict=True), strict=True):
        checks = read_checks(folder, side.request.artifacts.values())
        findings = {artifact: asdict(finding) for artifact, finding in checks.items()}
        result[name] = replace(side, request=replace(side.request, instances=list(instances), checks=findings))
    return result


def _resumed(space: Workspace, session: Session, sides: Mapping[str, SettingsSide]) -> tuple[Session, list[Recorded]]:
    """Return the newest session of the device and its recorded blocks if it is the same comparison as `session`.

    Otherwise say in what it differs, and return `session` without blocks.
    """
    from runner.ab import blocks

    slug = sides["a"].device.slug
    records = {
        name: replace(side.request, ab={"session": session.id}).record(side.device) for name, side in sides.items()
    }
    newest = blocks.newest(space.raw, slug)
    if not newest:
        return session, []
    if different := blocks.differences(space.raw, slug, newest, session, records):
        print(f"resume    not session {newest}, which differs in {', '.join(different)}: a new one begins")
        return session, []
    return replace(session, id=newest), blocks.recorded(space.raw, slug, newest)


def _show_plan(
    space: Workspace, session: Session, sides: dict[str, SettingsSide], left: Sequence[Block], obstacles: Sequence[str]
) -> None:
    from aiot_suite.datasets.store import subset
    from runner.ab.measure import expected_s

    request = sides["a"].request
    print(f"session   {session.id} on {sides['a'].device.slug}, seed {session.seed}")
    for name, side in sides.items():
        print(f"{name.upper()}         {side.words}" + (f" ({side.versions})" if side.versions else ""))
    for a_instance, b_instance in zip(*(side.request.instances for side in sides.values()), strict=True):
        print(f"          {a_instance.id}" + (f" and {b_instance.id}" if a_instance != b_instance else ""))
    for obstacle in obstacles:
        print(f"left out  {obstacle}")
    order = " ".join("".join(side.upper() for side in block.sides) for block in left)
    images = len(subset(request.dataset, request.profile.max_images, 0))
    if not left:
        print("order     nothing is left to measure")
        return
    print(f"order     {order}: {2 * len(left)} runs of {images} images")
    times = [expected_s(space.raw, side) for side in sides.values()]
    seconds = len(left) * sum(duration_s for duration_s, _ in times)
    unknown = ", ".join(dict.fromkeys(instance for _, names in times for instance in names))
    if not seconds:
        print(f"expected  not known, as no earlier run on this device measured {unknown}")
    else:
        unmeasured = f", plus {unknown}, which no earlier run on this device measured" if unknown else ""
        print(f"expected  about {_duration(seconds)}{unmeasured}")


def _duration(seconds: float) -> str:
    return f"{max(seconds, 1):.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _measure(
    space: Workspace, session: Session, left: Sequence[Block], sides: dict[str, SettingsSide], patience_s: float
) -> list[str]:
    """Measure blocks and return their problems. If the session ends early, print how to continue it.

    Raises:
        RunnerError: The device refuses a condition in which A and B differ, or no instance of a block was measured on
            both sides.
    """
    from runner.ab.measure import measure_blocks

    conditions = [side.request.conditions for side in sides.values()]
    problems, refused = [], []
    try:
        for done, block in enumerate(measure_blocks(space, session, left, sides, patience_s), 1):
            block_problems, number = block.problems, block.block.number
            state = "; ".join(block_problems) if block_problems else "A and B measured"
            print(f"block     {number} ({done} of {len(left)}): {state}")
            for refusal in block.refused:
                if conditions[0] != conditions[1]:
                    raise RunnerError(f"The device refuses what A and B differ in ({refusal}): choose other settings.")
                if refusal not in refused:
                    print(f"          {refusal}")
                    refused.append(refusal)
            if block_problems:
                problems.append(f"block {number}: {state}")
            if not block.pairs:
                raise RunnerError(
                    f"No instance was measured on both sides in block {number}, so the session stops: "
                    "mend what is said above."
                )
    except (RunnerError, KeyboardInterrupt):
        print(f"session   {session.id} is unfinished: go on by the same command with `--resume`", file=sys.stderr)
        raise
    return problems
