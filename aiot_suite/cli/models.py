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
    Threads,
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
    suite_name: Annotated[
        str | None,
        typer.Option(
            "--suite",
            metavar="NAME|FILE",
            help="Suite whose files are built, as for `aiot run`. Default: the paper's three light networks.",
        ),
    ] = None,
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    weights: Weights = "sample",
    calibration: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name of a dataset to calibrate int8 files with, other than the test images; required for int8, "
            "except with sample weights.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=1, help="Files to convert at the same time; each needs up to 1.5 GB of memory."
        ),
    ] = 2,
    workspace: WriteWorkspace = None,
) -> None:
    """Build the model files; files that are up to date are kept.

    Int8 files are calibrated, that is, the ranges of their activations are measured, on the images of --calibration.
    For sample weights, drawn images are used by default. The calibration images are recorded with the model file and
    cannot be used to test it.
    """
    from aiot_suite import catalog, prepare, suite
    from aiot_suite.convert import calibration as calibrating
    from aiot_suite.datasets import store
    from aiot_suite.facts import load_unsupported
    from aiot_suite.long_tasks import counting

    space = to_write(workspace)
    images = calibrating.calibration_from_dataset(store.load(space.dataset(calibration))) if calibration else None
    available = catalog.load(space.plugins)
    chosen_suite = suite.find_suite(suite_name or suite.PAPER)
    models = models or list(chosen_suite.models if suite_name else LIGHT_MODELS)
    chosen = suite.select(models, frameworks, (), quantizations, available.everything(names=models), chosen_suite)
    left_out = [] if frameworks else prepare.instances_without_environment(chosen, available)
    not_installed = [] if frameworks else prepare.instances_without_packages(chosen, available)
    folder = models_folder(space, weights)
    notes: list[str] = []
    with counting("models: converting") as step:
        artifacts, built = prepare.prepare(
            [instance for instance in chosen if instance not in (*left_out, *not_installed)],
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
    lacking = load_unsupported(folder)
    for name in dict.fromkeys(instance.artifact for instance in chosen if instance.artifact in lacking):
        say(f"          skipped {name}: {lacking[name]}")
    if left_out:
        names = ", ".join(dict.fromkeys(instance.framework for instance in left_out))
        say(f"          skipped {names}, which needs another environment: {INSTALL_LEGACY}")
    for name in dict.fromkeys(instance.framework for instance in not_installed):
        say(f"          skipped {name}, which is not installed: `aiot frameworks install {name}`")
    for calibrated in dict.fromkeys(artifact.calibrated for artifact in artifacts if artifact.calibrated):
        print(
            f"          int8 calibrated with {calibrated.images} images: {calibrated.dataset}, {calibrated.sha256[:12]}"
        )
        for dataset, count in calibrating.datasets_sharing_images(calibrated, space.datasets):
            say(f"          dataset {dataset} cannot test these files: it contains {count} of these images")


@app.command("list")
def models_list(weights: Weights = "sample", as_json: AsJson = False, workspace: ReadWorkspace = None) -> None:
    """List the model files with their size, hash and input settings."""
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
            help="Image size in pixels, number of steps and learning rate of a training phase; repeat the option for "
            "more phases. Default: those chosen for the model.",
        ),
    ] = None,
    per_class: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Training images per class.")] = 80,
    threads: Threads = 1,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Train in bfloat16, which is faster on processors that support it.")
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder with files sample_<model>.npz to start from. Default: start from random weights.",
        ),
    ] = None,
    target: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder to write the files sample_<model>.npz to.")
    ] = Path("aiot_suite/weights"),
    workspace: NoWorkspace = None,
) -> None:
    """Train the sample weights on drawn images.

    Each network takes a quarter of an hour or more. For a heavy network, a slim version is trained, and its weights are
    put into the heavy network.
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
