"""The runner's verbs: models, dataset, run. Heavy imports happen inside the verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from runner.errors import RunnerError, SelectionError
from runner.suite import DELEGATES, FRAMEWORKS, LIGHT_MODELS, MODELS, PROFILES, QUANTIZATIONS
from runner.workspace import Workspace

app = typer.Typer()
models_app = typer.Typer(help="Build the model files, list them, train the sample weights.", no_args_is_help=True)
dataset_app = typer.Typer(help="Make or choose the images.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(dataset_app, name="dataset")

Models = Annotated[list[str], typer.Option("--models", "-m", help=f"Any of {', '.join(MODELS)}.")]
Frameworks = Annotated[list[str], typer.Option("--frameworks", help=f"Any of {', '.join(FRAMEWORKS)}.")]
Delegates = Annotated[list[str], typer.Option("--delegates", help=f"Any of {', '.join(DELEGATES)}.")]
Quantizations = Annotated[list[str], typer.Option("--quantizations", help=f"Any of {', '.join(QUANTIZATIONS)}.")]
Weights = Annotated[str, typer.Option(help="sample, pretrained, or a folder of state dicts.")]
Workspaces = Annotated[Path, typer.Option("--workspace", help="Folder that holds data/ and reports/.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn.")]
HERE = Path()


@models_app.command("prepare")
def models_prepare(
    models: Models = list(LIGHT_MODELS),  # noqa: B006  typer copies it
    frameworks: Frameworks = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    weights: Weights = "sample",
    jobs: Annotated[int, typer.Option(min=1, help="Processes; each needs up to 1.5 GB.")] = 2,
    workspace: Workspaces = HERE,
) -> None:
    """Build the model files; what is there and unchanged stays."""
    from runner import suite
    from runner.progress import counting
    from runner.zoo import prepare

    chosen = suite.select(models, frameworks or prepare.CONVERTERS, (), quantizations)
    folder = models_folder(Workspace(workspace), weights)
    with counting("models: converting") as step:
        artifacts, built = prepare.prepare(
            chosen, kind=weights, folder=folder, cache=Workspace(workspace).models, jobs=jobs, progress=step
        )
    print(f"models    {len(artifacts)} model files, {built} built now, in {folder}")


def models_folder(workspace: Workspace, weights: str) -> Path:
    """One folder for each kind of weights."""
    return workspace.models / (weights if weights in ("sample", "pretrained") else Path(weights).resolve().name)


@models_app.command("list")
def models_list(weights: Weights = "sample", workspace: Workspaces = HERE) -> None:
    """Show the model files with size, hash and settings."""
    from rich.console import Console
    from rich.table import Table

    from runner.zoo.facts import prepared

    artifacts = prepared(models_folder(Workspace(workspace), weights))
    if not artifacts:
        raise RunnerError(f"No model with {weights} weights is prepared: run `aiot models prepare`.")
    table = Table(box=None, pad_edge=False)
    for column in ("model file", "MB", "SHA-256", "input", "resize", "labels"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for artifact in artifacts.values():
        settings = artifact.settings
        shape = f"{settings.size}x{settings.size} {settings.channel_order} {settings.layout}"
        size = f"{artifact.size_bytes / 1e6:.2f}"
        table.add_row(artifact.path.name, size, artifact.sha256[:12], shape, settings.resize, settings.label_space)
    Console().print(table)


@models_app.command("train")
def models_train(
    models: Models = list(LIGHT_MODELS),  # noqa: B006
    seed: Seed = 0,
    phases: Annotated[
        list[str] | None, typer.Option("--phase", help="SIZE:STEPS:RATE, repeatable; by default the model's recipe.")
    ] = None,
    per_class: Annotated[int, typer.Option(min=1, help="Training pictures a class.")] = 80,
    threads: Annotated[int, typer.Option("--num-threads", min=1)] = 1,
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Faster on processors that have it.")] = False,
    start: Annotated[Path | None, typer.Option(help="Folder of sample_<model>.npz to start from.")] = None,
    target: Annotated[Path, typer.Option(help="Folder for the .npz files.")] = Path("runner/zoo"),
) -> None:
    """Train the sample weights.

    On the training part of the sample set; each takes a quarter of an hour or more. Of the heavy networks a slim
    one is trained, which the heavy one then holds.
    """
    from runner import suite
    from runner.progress import bar
    from runner.zoo.train import PHASES, Phase, train

    for model in suite.choose("Model", models, MODELS):
        with bar() as shown:
            task = shown.add_task(model, total=None)
            trained = train(
                model,
                phases=[Phase.parse(text) for text in phases] if phases else PHASES[model],
                seed=seed,
                per_class=per_class,
                threads=threads,
                bfloat16=bfloat16,
                start=start,
                progress=lambda text, done, total: shown.update(task, description=text, completed=done, total=total),  # noqa: B023
            )
        path = trained.save(target)
        minutes = trained.history[-1]["minutes"]
        print(f"{model}: accuracy {trained.accuracy:.3f} on 500 test pictures, {minutes} minutes: {path}")


@dataset_app.command("make")
def dataset_make(
    seed: Seed = 0,
    train_per_class: Annotated[int, typer.Option(min=0, help="Pictures a class for a training part apart.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    workspace: Workspaces = HERE,
) -> None:
    """Draw the sample set: 100 classes x 5 test images."""
    from runner.dataset import sample
    from runner.progress import counting

    with counting("dataset: drawing") as step:
        made = sample.make(
            Workspace(workspace).datasets / "sample",
            seed=seed,
            train_per_class=train_per_class,
            jobs=jobs,
            progress=step,
        )
    print(f"dataset   {made.name}: {len(made.images)} images of {len(made.classes)} classes in {made.folder}")


@dataset_app.command("sample")
def dataset_sample(
    imagenet: Annotated[Path, typer.Option(help="Folder of the ILSVRC 2012 validation images.")],
    classes: Annotated[int, typer.Option(min=1)] = 100,
    per_class: Annotated[int, typer.Option(min=1)] = 5,
    seed: Seed = 0,
    ground_truth: Annotated[
        Path | None,
        typer.Option(help="For flat images: lines of `<file> <label 0..999>`, or the devkit's ground truth."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the new dataset.")] = "imagenet",
    workspace: Workspaces = HERE,
) -> None:
    """Sample ILSVRC 2012 val as the paper does (Section III-A)."""
    from runner.dataset import imagenet as source
    from runner.progress import counting

    with counting("dataset: copying") as step:
        made = source.sample(
            Workspace(workspace).datasets / name,
            imagenet,
            classes=classes,
            per_class=per_class,
            seed=seed,
            ground_truth=ground_truth,
            progress=step,
        )
    print(f"dataset   {made.name}: {len(made.images)} images of {classes} classes in {made.folder}")


@dataset_app.command("use")
def dataset_use(
    folder: Annotated[Path, typer.Argument(help="Folder of the images; they stay there.")],
    labels: Annotated[Path, typer.Option(help="CSV with columns image, label and, if you like, name.")],
    label_space: Annotated[
        str, typer.Option(help="What the label numbers mean: models must have the same.")
    ] = "imagenet-1000",
    name: Annotated[str | None, typer.Option(help="Name of the new dataset; by default the folder's.")] = None,
    workspace: Workspaces = HERE,
) -> None:
    """Use any labelled folder of images."""
    from runner.dataset import folder as source

    target = Workspace(workspace).datasets / (name or folder.resolve().name)
    made = source.use(target, folder, labels, label_space=label_space)
    print(f"dataset   {made.name}: {len(made.images)} images of {len(made.classes)} classes in {made.image_folder}")


@app.command("run")
def run(
    local: Annotated[bool, typer.Option("--local", help="Run on this machine.")] = False,
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    delegates: Delegates = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    profile: Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")] = "paper",
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")] = "sample",
    weights: Weights = "sample",
    threads: Annotated[int, typer.Option("--num-threads", min=1, help="Threads of each framework.")] = 1,
    warmups: Annotated[int | None, typer.Option("--warmup-runs", min=0, help="Instead of the profile's.")] = None,
    repeat: Annotated[
        int | None, typer.Option(min=1, help="Times through the images, instead of the profile's.")
    ] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Only so many images, instead of the profile's.")] = None,
    seed: Seed = 0,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for one instance.")] = 1800.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest run; begin one only if it is over or differs.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the order and what cannot run, and stop.")] = False,
    workspace: Workspaces = HERE,
) -> None:
    """Run the suite and write raw logs.

    By default all 60 instances of the paper; what cannot run is recorded with the reason and what would help.
    """
    from dataclasses import replace

    from runner import run as execution
    from runner import suite
    from runner.dataset import store
    from runner.devices.local import LocalDevice
    from runner.progress import RunProgress
    from runner.zoo.facts import prepared

    if not local:
        raise SelectionError("No device is chosen: give --local to run on this machine.")
    space = Workspace(workspace)
    chosen = suite.select(models, frameworks, delegates, quantizations)
    name = suite.choose("Profile", [profile], list(PROFILES))[0]
    if name == "sustained" and len(chosen) > 1:
        raise SelectionError(
            f"Profile sustained runs one instance for ten minutes, and {len(chosen)} are chosen: name one, "
            "like `--models mnasnet --frameworks tflite --delegates cpu --quantizations int8`."
        )
    given: dict[str, Any] = {"warmups": warmups, "passes": repeat, "max_images": images}
    request = execution.Request(
        instances=suite.ordered(chosen, seed),
        profile=replace(
            PROFILES[name],
            **{name: value for name, value in given.items() if value is not None},
        ),
        seed=seed,
        threads=threads,
        dataset=store.load(space.datasets / dataset),
        artifacts=prepared(models_folder(space, weights)),
        timeout_s=timeout_s,
    )
    device = LocalDevice(space.staging, space.salt())
    if dry_run:
        for one in request.instances:
            obstacle = execution.preflight(one, request.artifacts.get(one.artifact), request.dataset, device)
            print(f"{one.id:<44} {'unavailable: ' + obstacle['reason'] if obstacle else 'ready'}")
        return
    there = execution.to_resume(space, device, request) if resume else None
    folder = there or execution.begin(space, device, request)
    with RunProgress(len(request.instances)) as listen:
        entries = execution.execute(folder, device, request, listen)
    print(f"run       {listen.summary(entries)} in {folder}")
    if any(entry.status in ("failed", "cut", "damaged") for entry in entries):
        raise RunnerError("Some instances failed (see above): `aiot run --local --resume` tries them again.")
