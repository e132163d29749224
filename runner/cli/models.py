"""aiot models: the model files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiot_suite.cli.options import HERE, Frameworks, Models, Quantizations, Seed, Weights, Workspaces, models_folder
from aiot_suite.environments import INSTALL_LEGACY
from aiot_suite.errors import RunnerError
from aiot_suite.suite import LIGHT_MODELS, MODELS
from aiot_suite.workspace import Workspace

if TYPE_CHECKING:
    from aiot_suite.suite import Instance
    from aiot_suite.facts import Artifact

app = typer.Typer(help="Build the model files, list and check them, train the sample weights.", no_args_is_help=True)


@app.command("prepare")
def models_prepare(
    models: Models = list(LIGHT_MODELS),  # noqa: B006  typer copies it
    frameworks: Frameworks = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    weights: Weights = "sample",
    calibration: Annotated[
        str | None,
        typer.Option(help="Name of a dataset for int8, other than the test images; needed for all but sample weights."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; each needs up to 1.5 GB.")] = 2,
    workspace: Workspaces = HERE,
) -> None:
    """Build the model files; what is there and unchanged stays.

    The ranges of int8 activations come from the images of --calibration, for sample weights from drawn pictures if
    none are given. Those images are recorded with the model file, and cannot test it.
    """
    from aiot_suite import catalog, suite
    from aiot_suite.datasets import store
    from runner.progress import counting
    from aiot_suite.convert import calibration as calibrating
    from aiot_suite import prepare

    space = Workspace(workspace)
    images = calibrating.of_dataset(store.load(space.datasets / calibration)) if calibration else None
    known = catalog.load(space.plugins)
    chosen = suite.select(models, frameworks, (), quantizations, known.everything())
    left_out = [] if frameworks else prepare.without_environment(chosen, known)
    folder = models_folder(space, weights)
    notes: list[str] = []
    with counting("models: converting") as step:
        artifacts, built = prepare.prepare(
            [one for one in chosen if one not in left_out],
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
        print(f"weights   {note}")
    print(f"models    {len(artifacts)} model files, {built} built now, in {folder}")
    if left_out:
        names = ", ".join(dict.fromkeys(one.framework for one in left_out))
        print(f"          without {names}, which needs another environment: {INSTALL_LEGACY}")
    for used in dict.fromkeys(artifact.calibrated for artifact in artifacts if artifact.calibrated):
        print(f"          int8 calibrated with {used.images} images: {used.dataset}, {used.sha256[:12]}")
        for other, count in calibrating.sharing(used, space.datasets):
            print(f"          {count} of them are in dataset {other} too, which cannot test these files")


@app.command("list")
def models_list(weights: Weights = "sample", workspace: Workspaces = HERE) -> None:
    """Show the model files with size, hash and settings."""
    from aiot_suite.cli.show import show
    from aiot_suite.facts import prepared

    artifacts = prepared(models_folder(Workspace(workspace), weights))
    if not artifacts:
        raise RunnerError(f"No model with {weights} weights is prepared: run `aiot models prepare`.")

    def row(artifact: Artifact) -> list[str]:
        settings = artifact.settings
        shape = f"{settings.size}x{settings.size} {settings.channel_order} {settings.layout}"
        values = [",".join(f"{value:g}" for value in triple) for triple in (settings.mean, settings.std)]
        size, sha256 = f"{artifact.size_bytes / 1e6:.2f}", artifact.sha256[:12]
        labels = settings.label_space + (f" from output {settings.label_offset}" if settings.label_offset else "")
        used = artifact.calibrated
        ranges = f"{used.dataset} ({used.images}, {used.sha256[:12]})" if used else ""
        return [artifact.path.name, size, sha256, artifact.weights, shape, settings.resize, *values, labels, ranges]

    columns = ["model file", "MB", "SHA-256", "weights", "input", "resize", "mean", "std", "labels", "calibrated with"]
    show(columns, map(row, artifacts.values()), right=["MB"])


@app.command("check")
def models_check(
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    weights: Weights = "sample",
    dataset: Annotated[str, typer.Option(help="Name of a dataset with the models' classes.")] = "sample",
    images: Annotated[int, typer.Option(min=1, help="Images, evenly spread over the dataset.")] = 50,
    summary: Annotated[bool, typer.Option("--summary", help="No table: how many passed, and which did not.")] = False,
    workspace: Workspaces = HERE,
) -> None:
    """Compare every model file with its PyTorch original, on real images.

    Float32 files must give the same to a thousandth of the range of the outputs; of quantized ones the loss is told.
    """
    from aiot_suite import catalog
    from aiot_suite.cli.show import show
    from aiot_suite.datasets import store
    from runner.devices.local import LocalDevice
    from runner.progress import counting
    from runner.parity import check
    from aiot_suite.facts import prepared

    space = Workspace(workspace)
    known = catalog.load(space.plugins)
    folder = models_folder(space, weights)
    there = prepared(folder)
    chosen = chosen_artifacts(there, models, frameworks, quantizations, known.everything(there.values()))
    with counting("models: checking") as step:
        found = check.check(
            chosen,
            kind=weights,
            folder=folder,
            cache=space.models,
            known=known,
            dataset=store.load(space.datasets / dataset),
            images=images,
            device=LocalDevice(space.staging, space.salt()),
            progress=step,
        )
    columns = ["model file", "largest difference", "correlation", "same top-1", "accuracy", "original", "declared"]

    def row(one: check.Check) -> list[str]:
        shares = (one.top1_agreement, one.accuracy, one.original_accuracy, one.declared_accuracy)
        difference = "" if one.largest_difference is None else f"{one.largest_difference:.1e}"
        correlation = "" if one.correlation is None else f"{one.correlation:.5f}"
        return [one.artifact, difference, correlation, *("" if share is None else f"{share:.1%}" for share in shares)]

    if not summary:
        show(columns, map(row, found), right=columns[1:])
    failed = [one for one in found if not one.passed]
    print(f"check     {len(found) - len(failed)} of {len(found)} model files passed on {found[0].images} images")
    if unreadable := found[0].unreadable:
        print(f"          left out: {len(unreadable)} images that cannot be read, like {unreadable[0]}")
    for one in failed:
        print(f"          {one.artifact}: {one.finding}")
    if failed:
        raise typer.Exit(1)


@app.command("add")
def models_add(
    file: Annotated[Path, typer.Argument(help="The model file, like mobilenet.tflite.")],
    settings: Annotated[Path, typer.Option(help="JSON: size, channel_order, mean, std, label_offset, accuracy, ...")],
    model: Annotated[
        str, typer.Option(help="Which model it is; a new name for a network that is none of the suite's.")
    ],
    name: Annotated[str, typer.Option(help="What to call its weights: give it to --weights afterwards.")],
    framework: Annotated[str, typer.Option(help="Which framework it is for.")] = "tflite",
    quantization: Annotated[
        str | None, typer.Option(help="float32, dynamic, int8 or float16; by default as the file says.")
    ] = None,
    workspace: Workspaces = HERE,
) -> None:
    """Take in a model file that exists, with its settings.

    Types, shapes and quantization are read from the file. One that is no classifier, or not what is said of it, is
    refused.
    """
    from aiot_suite import catalog
    from runner.devices.local import LocalDevice
    from runner.parity import add

    space = Workspace(workspace)
    known = catalog.load(space.plugins)
    instance = add.instance_of(file, model, framework, quantization, known)
    device = LocalDevice(space.staging, space.salt())
    notes: list[str] = []
    artifact = add.add(
        file,
        instance,
        name=name,
        settings_file=settings,
        folder=models_folder(space, name),
        known=known,
        device=device,
        tell=notes.append,
    )
    for note in notes:
        print(f"          {note}")
    print(f"models    {artifact.path} was added: `aiot models check --weights {name} --dataset ...`")


@app.command("train")
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
    from aiot_suite import suite
    from runner.progress import bar
    from aiot_suite.train import PHASES, Phase, train

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


def chosen_artifacts(
    there: dict[str, Artifact],
    models: list[str],
    frameworks: list[str],
    quantizations: list[str],
    everything: list[Instance],
) -> list[Artifact]:
    """The prepared files of the models, frameworks and quantizations that are named, whatever is not named."""
    from aiot_suite import suite
    from aiot_suite.suite import Instance

    named = {
        kind: suite.choose(kind.capitalize(), given, list(dict.fromkeys(getattr(one, kind) for one in everything)))
        for kind, given in (("model", models), ("framework", frameworks), ("quantization", quantizations))
    }
    return [
        artifact
        for name, artifact in there.items()
        if all(getattr(Instance.of_artifact(name), kind) in names for kind, names in named.items())
    ]
