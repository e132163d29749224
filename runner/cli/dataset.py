"""aiot dataset: the images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.options import HERE, Seed, Workspaces
from runner.workspace import Workspace

app = typer.Typer(help="Make or choose the images.", no_args_is_help=True)


@app.command("make")
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


@app.command("sample")
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


@app.command("use")
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
