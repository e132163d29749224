"""`aiot models`: prepare, list and train models. `runner.cli.file_commands` adds the commands that need a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiot_suite.cli.options import (
    AsJson,
    CommandGroup,
    Frameworks,
    Models,
    NoWorkspace,
    Quantizations,
    ReadWorkspace,
    Seed,
    Weights,
    WriteWorkspace,
    show,
    to_read,
    to_write,
)
from aiot_suite.cli.streams import say
from aiot_suite.environments import INSTALL_LEGACY
from aiot_suite.errors import RunnerError
from aiot_suite.suite import LIGHT_MODELS, MODELS
from aiot_suite.workspace import models_folder
from runner import rawlog

if TYPE_CHECKING:
    from aiot_suite.facts import Artifact

app = typer.Typer(
    cls=CommandGroup, help="Build, list and check the model files, and train the sample weights.", no_args_is_help=True
)


@app.command("prepare")
def models_prepare(
    models: Models = list(LIGHT_MODELS),  # noqa: B006  typer copies it
    frameworks: Frameworks = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    weights: Weights = "sample",
    calibration: Annotated[
        str | None,
        typer.Option(
            help=(
                "Name of a dataset to calibrate int8 with, other than the test images; required except for "
                "sample weights."
            )
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Number of processes; each needs up to 1.5 GB.")] = 2,
    workspace: WriteWorkspace = None,
) -> None:
    """Build the model files; existing files whose inputs are unchanged are kept.

    The ranges of int8 activations come from the images of --calibration. Without it, sample weights are calibrated with
    drawn pictures. The calibration images are recorded with the model file and cannot be used to test it.
    """
    from aiot_suite import catalog, prepare, suite
    from aiot_suite.convert import calibration as calibrating
    from aiot_suite.datasets import store
    from aiot_suite.long_tasks import counting

    space = to_write(workspace)
    images = calibrating.of_dataset(store.load(space.datasets / calibration)) if calibration else None
    available = catalog.load(space.plugins)
    chosen = suite.select(models, frameworks, (), quantizations, available.everything())
    left_out = [] if frameworks else prepare.without_environment(chosen, available)
    folder = models_folder(space, weights)
    notes: list[str] = []
    with counting("models: converting") as step:
        artifacts, built = prepare.prepare(
            [instance for instance in chosen if instance not in left_out],
            kind=weights,
            folder=folder,
            cache=space.models,
            plugins=space.plugins,
            calibration=images,
            jobs=jobs,
            progress=step,
            tell=notes.append,
        )
    for note in notes:
        say(f"weights   {note}")
    print(f"models    {len(artifacts)} model files, {built} of them built now, in {folder}")
    if left_out:
        names = ", ".join(dict.fromkeys(instance.framework for instance in left_out))
        say(f"          skipped {names}, which needs another environment: {INSTALL_LEGACY}")
    for calibrated in dict.fromkeys(artifact.calibrated for artifact in artifacts if artifact.calibrated):
        print(
            f"          int8 calibrated with {calibrated.images} images: {calibrated.dataset}, {calibrated.sha256[:12]}"
        )
        for dataset, count in calibrating.datasets_sharing_images(calibrated, space.datasets):
            say(f"          dataset {dataset} cannot test these files: it contains {count} of these images")


@app.command("list")
def models_list(weights: Weights = "sample", as_json: AsJson = False, workspace: ReadWorkspace = None) -> None:
    """List the model files with size, hash and settings."""
    from aiot_suite.facts import load_artifacts

    artifacts = load_artifacts(models_folder(to_read(workspace), weights))
    if not artifacts:
        raise RunnerError(f"There are no model files with {weights} weights: run `aiot models prepare`.")
    if as_json:
        rawlog.print_json(list(artifacts.values()))
        return

    def row(artifact: Artifact) -> list[str]:
        settings = artifact.settings
        shape = f"{settings.size}x{settings.size} {settings.channel_order} {settings.layout}"
        values = [",".join(f"{value:g}" for value in triple) for triple in (settings.mean, settings.std)]
        size, sha256 = f"{artifact.size_bytes / 1e6:.2f}", artifact.sha256[:12]
        labels = settings.label_space + (f" from output {settings.label_offset}" if settings.label_offset else "")
        calibrated = artifact.calibrated
        ranges = f"{calibrated.dataset} ({calibrated.images}, {calibrated.sha256[:12]})" if calibrated else ""
        return [artifact.path.name, size, sha256, artifact.weights, shape, settings.resize, *values, labels, ranges]

    columns = ["model file", "MB", "SHA-256", "weights", "input", "resize", "mean", "std", "labels", "calibrated with"]
    show(columns, map(row, artifacts.values()), right=["MB"])


@app.command("train")
def models_train(
    models: Models = list(LIGHT_MODELS),  # noqa: B006
    seed: Seed = 0,
    phases: Annotated[
        list[str] | None,
        typer.Option(
            "--phase",
            metavar="SIZE:STEPS:RATE",
            help="Image size, steps and learning rate; repeat the option for more phases. Default: the model's own.",
        ),
    ] = None,
    per_class: Annotated[int, typer.Option(min=1, help="Training pictures per class.")] = 80,
    threads: Annotated[int, typer.Option("--num-threads", min=1, help="Threads used by PyTorch.")] = 1,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Train in bfloat16, which is faster on processors that support it.")
    ] = False,
    start: Annotated[Path | None, typer.Option(help="Folder of sample_<model>.npz files to start from.")] = None,
    target: Annotated[Path, typer.Option(help="Folder for the .npz files.")] = Path("aiot_suite/weights"),
    workspace: NoWorkspace = None,
) -> None:
    """Train the sample weights.

    The training part of the sample set is used, and each network takes a quarter of an hour or more. For a heavy
    network, a slim version is trained, and the heavy network then contains its weights.
    """
    from aiot_suite import suite
    from aiot_suite.long_tasks import bar
    from aiot_suite.train import PHASES, Phase, train

    target.mkdir(parents=True, exist_ok=True)  # fail before the training, not after it
    for model in suite.choose("Model", models, MODELS):
        with bar() as display:
            task = display.add_task(model, total=None)
            trained = train(
                model,
                phases=[Phase.parse(text) for text in phases] if phases else PHASES[model],
                seed=seed,
                per_class=per_class,
                threads=threads,
                bfloat16=bfloat16,
                start=start,
                progress=lambda text, done, total: display.update(task, description=text, completed=done, total=total),  # noqa: B023
            )
        path = trained.save(target)
        minutes = trained.history[-1]["minutes"]
        print(f"{model}: accuracy {trained.accuracy:.3f} on 500 test pictures, {minutes} minutes: {path}")
