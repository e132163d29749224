"""`aiot run`, `aiot ab` and `aiot operators`: the commands that measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from aiot_suite.cli.options import (
    PYTHON,
    Connect,
    Cooldown,
    Cores,
    Dataset,
    Delegates,
    DeviceFolder,
    DevicePython,
    Every,
    FixedPerformance,
    Frameworks,
    IfBusy,
    KeepSerial,
    Models,
    NativeTools,
    Patience,
    Profile,
    Quantizations,
    Seed,
    Serials,
    SkipUnusable,
    Ssh,
    SuiteName,
    Threads,
    Timeout,
    Weights,
    WriteWorkspace,
    to_write,
)
from aiot_suite.cli.streams import say
from aiot_suite.errors import RunnerError
from aiot_suite.suite import COOLDOWN_S, PAPER, PATIENCE_S, TIMEOUT_S, choose
from aiot_suite.workspace import Workspace, models_folder
from runner import rawlog
from runner.devices import ALL_CORES

if TYPE_CHECKING:
    from runner.ab.session import Plan
    from runner.fleet import DeviceOutcome


def run(
    local: Annotated[bool, typer.Option("--local", help="Run on this machine.")] = False,
    serials: Serials = [],  # noqa: B006
    every: Every = False,
    skip_unusable: SkipUnusable = False,
    connect: Connect = [],  # noqa: B006
    ssh: Ssh = [],  # noqa: B006
    suite: SuiteName = PAPER,
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    delegates: Delegates = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    profile: Profile = "paper",
    dataset: Dataset = "sample",
    weights: Weights = "sample",
    threads: Threads = 1,
    warmups: Annotated[
        int | None,
        typer.Option(
            "--warmup-runs",
            metavar="NUMBER",
            min=0,
            help="Untimed inferences of each instance before the timed ones. Default: as in the profile.",
        ),
    ] = None,
    repeat: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="How often each image is classified. Default: as in the profile."),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="Maximum number of images. Default: as in the profile."),
    ] = None,
    resize: Annotated[
        list[str],
        typer.Option(
            "--resize",
            metavar="NAMES",
            help="Ways of resizing to compare, each in its own run: any of crop_resize, resize_crop, square_crop, "
            "separated by commas.",
        ),
    ] = [],  # noqa: B006
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="Seed of the order of the instances, and of the images that a profile draws. Default: each device has "
            "its own order, which a second identical run reverses, and images are drawn with seed 0.",
        ),
    ] = None,
    timeout_s: Timeout = TIMEOUT_S,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue the newest run, unless it is finished or was started with other options."
        ),
    ] = False,
    cooldown_s: Cooldown = COOLDOWN_S,
    patience_s: Patience = PATIENCE_S,
    if_busy: IfBusy = "refuse",
    fixed_performance: FixedPerformance = False,
    cores: Cores = ALL_CORES,
    native_tools: NativeTools = None,
    accelerator: Annotated[
        str | None,
        typer.Option(
            "--nnapi-accelerator",
            metavar="NAME",
            help="With --native-tools: NNAPI accelerator to use, by its name on the device. Default: NNAPI chooses.",
        ),
    ] = None,
    device_folder: DeviceFolder = None,
    device_python: DevicePython = PYTHON,
    keep_serial: KeepSerial = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would run, in order, and what cannot; then exit.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: print the table as JSON, for scripts.")
    ] = False,
    workspace: WriteWorkspace = None,
) -> None:
    """Run the suite on one or more devices at the same time, and write raw logs.

    Choose the devices with --local, --serial, --connect, --all or --ssh; `aiot devices` lists those that are attached.
    An instance is one network in one framework, on one delegate and in one number format. By default, all 60 instances
    of the paper are run; --suite chooses others. An instance that cannot run is recorded with the reason and a remedy.
    `aiot process` and `aiot report` then turn the raw logs into pages.

    With --native-tools, TFLite is measured entirely by its own programs: see docs/native-tools.md. Runs with --resize
    are a separate study and are not used in the statistics of the suite.
    """
    from runner import fleet
    from runner.devices.choice import SKIPPED, Choice
    from runner.suite_run import run_suite, unfinished_runs

    if as_json and not dry_run:
        raise typer.BadParameter("it needs --dry-run, because a run prints no table", param_hint="'--json'")
    space = to_write(workspace)
    outcome = run_suite(
        Choice(local, serials, every, connect, device_folder, device_python, keep_serial, ssh=ssh),
        workspace=space.root,
        suite=suite,
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
        if_busy=if_busy,
        fixed_performance=fixed_performance,
        cores=cores,
        native_tools=native_tools,
        nnapi_accelerator=accelerator,
        resume=resume,
        dry_run=dry_run,
        progress=True,
        report=_print_outcomes,
    )
    if as_json:
        rawlog.print_json(outcome.planned)
    for planned in [] if as_json else outcome.planned:
        device_prefix = f"{planned.device}  " if len(outcome.devices) > 1 else ""
        state = f"unavailable: {planned.obstacle['reason']}" if planned.obstacle else "ready"
        print(f"{device_prefix}{planned.instance_id:<44} {state}")
    if outcome.only_timed:
        say(f"          times only, no accuracy, because the weights are random: {', '.join(outcome.only_timed)}")
    if every and resume:
        for folder, left in unfinished_runs(space.raw, without=outcome.devices).items():
            say(f"          {folder.parent.name} did not take part: {fleet.plural(left, 'instance')} left in {folder}")
    if outcome.failed:
        if not outcome.folders:
            raise RunnerError("No run was started, for the reasons above.")
        raise RunnerError("Some measurements failed (see above): repeat the command with `--resume` to continue.")
    fleet.check_measured(outcome.runs)
    if outcome.skipped and not skip_unusable:
        raise RunnerError(SKIPPED)


def _print_outcomes(outcomes: Sequence[DeviceOutcome]) -> None:
    """Print the outcome of the run of each device."""
    from runner.fleet import summary
    from runner.run_request import refused_conditions

    for outcome in outcomes:
        resize_prefix = f"{outcome.resize}: " if outcome.resize else ""
        device_prefix = f"{outcome.device.slug}: " if len(outcomes) > 1 else ""
        if outcome.folder:
            print(f"run       {device_prefix}{resize_prefix}{summary(outcome.entries)} in {outcome.folder}")
            for refusal in refused_conditions(outcome.folder):
                say(f"          {device_prefix}{resize_prefix}{refusal}")
        if outcome.error:
            say(f"          {device_prefix}{resize_prefix}{outcome.error}")


SETTINGS = "model, threads, framework, delegate, quantization, profile, cores, python, native-tools or accelerator"


@dataclass(frozen=True)
class SessionOutcome:
    """The outcome of `aiot ab`: the session, and its blocks that failed."""

    session: str
    workspace: Workspace
    problems: Sequence[str]

    def check(self) -> None:
        """Raise RunnerError if any block failed."""
        if self.problems:
            from runner.fleet import plural

            raise RunnerError(
                f"{plural(len(self.problems), 'block')} failed (see above): repeat the command with `--resume` to "
                "measure every failed block again."
            )


def ab(
    a: Annotated[
        list[str], typer.Option("--a", metavar="SETTING", help=f"The baseline A, as NAME=VALUE; NAME is {SETTINGS}.")
    ],
    b: Annotated[
        list[str], typer.Option("--b", metavar="SETTING", help="The setting B to compare with A, also as NAME=VALUE.")
    ],
    local: Annotated[bool, typer.Option("--local", help="Run on this machine.")] = False,
    serials: Serials = [],  # noqa: B006
    connect: Connect = [],  # noqa: B006
    ssh: Ssh = [],  # noqa: B006
    blocks: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", help="Number of blocks, each a short run of A and one of B; an even number, 4 or more."
        ),
    ] = 6,
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    delegates: Delegates = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    profile: Profile = "quick",
    images: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Images in each short run; every block draws its own.")
    ] = 50,
    dataset: Dataset = "sample",
    weights: Weights = "sample",
    threads: Threads = 1,
    seed: Seed = 0,
    timeout_s: Timeout = TIMEOUT_S,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue the newest session if it is the same comparison; otherwise start a new one."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Run without asking for confirmation.")] = False,
    cooldown_s: Cooldown = COOLDOWN_S,
    patience_s: Patience = PATIENCE_S,
    if_busy: IfBusy = "refuse",
    fixed_performance: FixedPerformance = False,
    cores: Cores = ALL_CORES,
    native_tools: NativeTools = None,
    device_folder: DeviceFolder = None,
    device_python: DevicePython = PYTHON,
    keep_serial: KeepSerial = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and the expected duration, then exit.")
    ] = False,
    workspace: WriteWorkspace = None,
) -> SessionOutcome | None:
    """Run two settings on one device in alternating short runs, and show what changed from A to B.

    A block is one short run of A and one of B. Which of the two comes first is balanced and drawn with the seed, so
    that a steady drift, like that of a device that warms up, affects both alike. The plan is shown first, and nothing
    runs until you confirm it. `aiot compare --ab newest` shows the verdict again: see docs/compare.md. The runs are a
    separate study and are not used in the statistics of the suite.
    """
    from runner.ab.session import draw_first_sides, make_plan
    from runner.ab.settings import parse
    from runner.devices.choice import Choice
    from runner.reservations import IF_BUSY
    from runner.suite_run import build_request

    space = to_write(workspace)
    draw_first_sides(blocks, seed)  # reject an invalid number of blocks before contacting a device
    choose("Answer to --if-busy", [if_busy], IF_BUSY)
    words = {"a": parse(a, "--a"), "b": parse(b, "--b")}
    common = build_request(
        space,
        profile=profile,
        dataset=dataset,
        weights=weights,
        threads=threads,
        max_images=images,
        seed=seed,
        timeout_s=timeout_s,
        cooldown_s=cooldown_s,
        fixed_performance=fixed_performance,
        cores=cores,
        native_tools=native_tools,
    )
    plan = make_plan(
        space,
        common,
        words,
        {"models": models, "frameworks": frameworks, "delegates": delegates, "quantizations": quantizations},
        Choice(local, serials, False, connect, device_folder, device_python, keep_serial, ssh=ssh),
        checks_folder=models_folder(space, weights),
        number_of_blocks=blocks,
        resume=resume,
    )
    _show_plan(space, plan)
    if dry_run:
        return None
    if plan.remaining and not yes:
        typer.confirm("Run it?", abort=True, err=True)
    return SessionOutcome(plan.session.id, space, _measure(space, plan, patience_s, if_busy))


def _show_plan(space: Workspace, plan: Plan) -> None:
    from aiot_suite.datasets.store import subset
    from runner.ab.session import expected_duration_s

    session, sides, remaining = plan.session, plan.sides, plan.remaining
    if plan.differences:
        print(
            f"resume    starting a new session, because session {plan.newest} differs in {', '.join(plan.differences)}"
        )
    request = sides["a"].request
    print(f"session   {session.id} on {sides['a'].device.slug}, seed {session.seed}")
    for name, side in sides.items():
        print(f"{name.upper()}         {side.words}" + (f" ({side.versions})" if side.versions else ""))
    for a_instance, b_instance in zip(*(side.request.instances for side in sides.values()), strict=True):
        print(f"          {a_instance.id}" + (f" and {b_instance.id}" if a_instance != b_instance else ""))
    for obstacle in plan.obstacles:
        print(f"excluded  {obstacle}")
    order = " ".join("".join(side.upper() for side in block.sides) for block in remaining)
    images = len(subset(request.dataset, request.profile.max_images, 0))
    if not remaining:
        print("order     nothing left to measure")
        return
    print(f"order     {order}: {2 * len(remaining)} runs of {images} images")
    times = [expected_duration_s(space.raw, side) for side in sides.values()]
    seconds = len(remaining) * sum(duration_s for duration_s, _ in times)
    unknown = ", ".join(dict.fromkeys(instance for _, names in times for instance in names))
    if not seconds:
        print(f"expected  unknown, because no earlier run on this device measured {unknown}")
    else:
        unmeasured = f", plus {unknown}, which no earlier run on this device measured" if unknown else ""
        print(f"expected  about {_duration(seconds)}{unmeasured}")


def _duration(seconds: float) -> str:
    return f"{max(seconds, 1):.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _measure(space: Workspace, plan: Plan, patience_s: float, if_busy: str) -> list[str]:
    """Measure blocks and return their problems. If the session ends early, print how to continue it.

    Raises:
        RunnerError: The device refuses a condition in which A and B differ, or no instance of a block was measured on
            both sides.
    """
    from runner.ab.session import measure_blocks

    conditions = [side.request.conditions for side in plan.sides.values()]
    problems, refused = [], []
    blocks = measure_blocks(space, plan.session, plan.remaining, plan.sides, patience_s, if_busy)
    try:
        for done, block in enumerate(blocks, 1):
            block_problems, number = block.problems, block.block.number
            state = "; ".join(block_problems) if block_problems else "A and B measured"
            print(f"block     {number} ({done} of {len(plan.remaining)}): {state}")
            for refusal in block.refused:
                if conditions[0] != conditions[1]:
                    raise RunnerError(
                        f"The device refuses a condition in which A and B differ ({refusal}): choose other settings."
                    )
                if refusal not in refused:
                    print(f"          {refusal}")
                    refused.append(refusal)
            if block_problems:
                problems.append(f"block {number}: {state}")
            if not block.pairs:
                raise RunnerError(
                    f"The session was stopped because no instance was measured on both sides in block {number}: "
                    "fix the problems listed above."
                )
    except (RunnerError, KeyboardInterrupt):
        say(f"session   {plan.session.id} is unfinished: repeat the command with `--resume` to continue")
        raise
    return problems


def operators(
    models: Models = [],  # noqa: B006
    frameworks: Annotated[
        list[str], typer.Option("--frameworks", metavar="NAMES", help="pytorch, caffe2 or both, separated by a comma.")
    ] = ["pytorch"],  # noqa: B006
    repeat: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Timed inferences of each network.")] = 100,
    warmups: Annotated[
        int,
        typer.Option(
            "--warmup-runs",
            metavar="NUMBER",
            min=0,
            help="Untimed inferences of each network before the timed ones.",
        ),
    ] = 3,
    threads: Threads = 1,
    seed: Seed = 0,
    weights: Weights = "sample",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue the newest run of this command, unless it was started with other options."
        ),
    ] = False,
    timeout_s: Timeout = TIMEOUT_S,
    cooldown_s: Cooldown = COOLDOWN_S,
    workspace: WriteWorkspace = None,
) -> None:
    """Time each operator of each network on this machine's CPU, and log the networks' graphs.

    PyTorch runs the networks with 1000 classes without conversion, and its own profiler times the operators (the
    paper's Figs. 1 and 2). Caffe2 runs the prepared model files. The runs are a separate study and are not used in the
    statistics of the suite.
    """
    from aiot_suite import catalog, suite
    from aiot_suite.facts import load_artifacts
    from runner import fleet
    from runner.devices.local import LocalDevice
    from runner.fleet import RunProgress, summary
    from runner.operators import operator_study

    space = to_write(workspace)
    known_models = dict.fromkeys(item.model for item in catalog.load(space.plugins).everything(names=models))
    request = operator_study.OperatorRequest(
        models=suite.choose("Model", models or suite.MODELS, list(known_models)),
        plugins=space.plugins,
        frameworks=suite.choose("Framework", frameworks, list(operator_study.ENVIRONMENTS)),
        repeat=repeat,
        warmups=warmups,
        threads=threads,
        seed=seed,
        timeout_s=timeout_s,
        cooldown_s=cooldown_s,
        artifacts=load_artifacts(models_folder(space, weights)),
    )
    device = LocalDevice(space.staging, space.salt())
    with RunProgress([device.slug], len(request.instances)) as progress:
        [outcome] = fleet.run_all(space, [device], request, resume, progress.listeners)
    if outcome.error:
        raise outcome.error
    print(f"operators {summary(outcome.entries)} in {outcome.folder}")
    for entry in outcome.entries:
        if entry.status != "end":
            say(f"          {entry.instance_id} {entry.status}: {entry.last.get('reason', 'its log is incomplete')}")
    if outcome.failed:
        raise RunnerError("Some measurements failed (see above): repeat the command with `--resume` to continue.")
    fleet.check_measured([outcome])
