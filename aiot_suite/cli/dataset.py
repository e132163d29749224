"""`aiot dataset`: create or choose a dataset of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aiot_suite.cli.options import CommandGroup, Seed, WriteWorkspace, to_write

if TYPE_CHECKING:
    from aiot_suite.datasets.store import Dataset

Numbering = Annotated[
    Literal["0", "1", "devkit"] | None,
    typer.Option(
        help="How the labels number the classes: 0 or 1 if the first class of the label space has that number, devkit "
        "for the numbers of ILSVRC's development kit. Default: inferred from the file."
    ),
]

app = typer.Typer(cls=CommandGroup, help="Make or choose a dataset of images.", no_args_is_help=True)


@app.command("make")
def dataset_make(
    seed: Seed = 0,
    train_per_class: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, help="Images per class to draw for training, in a separate part.")
    ] = 0,
    jobs: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Number of processes that draw at the same time.")
    ] = 2,
    workspace: WriteWorkspace = None,
) -> None:
    """Draw the sample images: 100 classes with 5 test images each."""
    from aiot_suite.datasets import sample
    from aiot_suite.long_tasks import counting

    with counting("dataset: drawing") as step:
        dataset = sample.make(
            to_write(workspace).dataset("sample"),
            seed=seed,
            train_per_class=train_per_class,
            jobs=jobs,
            progress=step,
        )
    print(
        f"dataset   {dataset.name}: {len(dataset.images)} images of {len(dataset.classes)} classes in {dataset.folder}"
    )


@app.command("sample")
def dataset_sample(
    imagenet: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the ILSVRC 2012 validation images.")],
    classes: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Number of classes.")] = 100,
    per_class: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="Images per class.")] = 5,
    seed: Seed = 0,
    ground_truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with the class of each image, needed if the images are not in a folder for each class; the "
            "common formats are recognized: see docs/datasets.md.",
        ),
    ] = None,
    numbering: Numbering = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the new dataset.")] = "imagenet",
    workspace: WriteWorkspace = None,
) -> None:
    """Make a dataset of random validation images of ILSVRC 2012 (ImageNet), as the paper does (Section III-A)."""
    from aiot_suite.datasets import imagenet as source
    from aiot_suite.long_tasks import counting

    with counting("dataset: copying") as step:
        dataset = source.sample_imagenet(
            to_write(workspace).dataset(name),
            imagenet,
            classes=classes,
            per_class=per_class,
            seed=seed,
            ground_truth=ground_truth,
            numbering=numbering,
            progress=step,
        )
    _print_dataset(dataset, dataset.folder)


@app.command("use")
def dataset_use(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the images, which are not copied.")],
    labels: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Labels of the images: a CSV file with the columns image, label and optionally name, or another "
            "common format: see docs/datasets.md.",
        ),
    ],
    label_space: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The classes that the labels refer to; models must have the same label space."
        ),
    ] = "imagenet-1000",
    numbering: Numbering = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the new dataset. Default: the name of the folder.")
    ] = None,
    workspace: WriteWorkspace = None,
) -> None:
    """Make a dataset of your own folder of labelled images."""
    from aiot_suite.datasets import imagenet as source

    target = to_write(workspace).dataset(name or folder.resolve().name)
    dataset = source.use_folder(target, folder, labels, label_space=label_space, numbering=numbering)
    _print_dataset(dataset, dataset.image_folder)


def _print_dataset(made: Dataset, where: Path) -> None:
    """Print the contents of a dataset, its notes, and an example image for checking the labels."""
    print(f"dataset   {made.name}: {len(made.images)} images of {len(made.classes)} classes in {where}")
    for note in made.notes:
        print(f"          {note}")
    image, label = made.images[0]
    print(f"          for example, {image} is label {label}, {made.classes[label]}")
