"""`aiot models check`, `aiot models add` and `aiot import`: the commands that examine or import files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiot_suite.cli.options import AsJson, Frameworks, Models, Quantizations, Weights, WriteWorkspace, show, to_write
from aiot_suite.cli.streams import say
from aiot_suite.errors import RunnerError
from aiot_suite.workspace import models_folder
from runner import rawlog
from runner.importers.formats import DELEGATES, FORMATS, LOG_FRAMEWORKS, LOG_QUANTIZATIONS

if TYPE_CHECKING:
    from aiot_suite.facts import Artifact
    from aiot_suite.suite import Instance
    from runner.importers.input_files import Publication


def models_check(
    models: Models = [],  # noqa: B006
    frameworks: Frameworks = [],  # noqa: B006
    quantizations: Quantizations = [],  # noqa: B006
    weights: Weights = "sample",
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="Name of a dataset with the same classes as the models.")
    ] = "sample",
    images: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Number of images, evenly spread over the dataset.")
    ] = 50,
    summary: Annotated[
        bool, typer.Option("--summary", help="Print only how many files passed and which did not, without the table.")
    ] = False,
    as_json: AsJson = False,
    workspace: WriteWorkspace = None,
) -> None:
    """Compare every model file with its PyTorch original on real images.

    The outputs of a float32 file may differ from the original's by at most a thousandth of their range. For quantized
    files, the loss of accuracy is shown.
    """
    from aiot_suite import catalog
    from aiot_suite.datasets import store
    from aiot_suite.facts import load_artifacts
    from aiot_suite.long_tasks import counting
    from runner.devices.local import LocalDevice
    from runner.parity import check
    from runner.preflight import Check

    space = to_write(workspace)
    installed = catalog.load(space.plugins)
    folder = models_folder(space, weights)
    artifacts = load_artifacts(folder)
    chosen = chosen_artifacts(
        artifacts, models, frameworks, quantizations, installed.everything(artifacts.values(), models)
    )
    with counting("models: checking") as step:
        checks = check.check(
            chosen,
            kind=weights,
            folder=folder,
            cache=space.models,
            known=installed,
            dataset=store.load(space.dataset(dataset)),
            images=images,
            device=LocalDevice(space.staging, space.salt()),
            progress=step,
        )
    columns = ["model file", "largest difference", "correlation", "same top-1", "accuracy", "original", "declared"]

    def row(result: Check) -> list[str]:
        shares = (result.top1_agreement, result.accuracy, result.original_accuracy, result.declared_accuracy)
        difference = "" if result.largest_difference is None else f"{result.largest_difference:.1e}"
        correlation = "" if result.correlation is None else f"{result.correlation:.5f}"
        return [
            result.artifact,
            difference,
            correlation,
            *("" if share is None else f"{share:.1%}" for share in shares),
        ]

    failed = [result for result in checks if not result.passed]
    if as_json:
        rawlog.print_json(checks)
        raise typer.Exit(bool(failed))
    if not summary:
        show(columns, map(row, checks), right=columns[1:])
    print(f"check     {len(checks) - len(failed)} of {len(checks)} model files passed on {checks[0].images} images")
    if unreadable := checks[0].unreadable:
        say(f"          skipped: {len(unreadable)} images that cannot be read, for example {unreadable[0]}")
    for checked in failed:
        say(f"          {checked.artifact}: {checked.finding}")
    if failed:
        raise typer.Exit(1)


def models_add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The model file, for example mobilenet.tflite.")],
    settings: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="JSON file with size, channel_order, mean, std, label_offset, accuracy and more: see docs/adding.md.",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Name of the network; choose a new name if it is not one of the suite's networks."
        ),
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name for its weights, which other commands take as --weights.")
    ],
    framework: Annotated[str, typer.Option(metavar="NAME", help="Framework of the file.")] = "tflite",
    quantization: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="float32, dynamic, int8 or float16. Default: as read from the file."),
    ] = None,
    workspace: WriteWorkspace = None,
) -> None:
    """Add an existing model file with its settings.

    Types, shapes and quantization are read from the file. A file that is not a classifier, or contradicts the options
    or settings, is rejected.
    """
    from aiot_suite import catalog
    from runner.devices.local import LocalDevice
    from runner.parity import add

    space = to_write(workspace)
    installed = catalog.load(space.plugins)
    instance = add.instance_of(file, model, framework, quantization, installed)
    device = LocalDevice(space.staging, space.salt())
    notes: list[str] = []
    artifact = add.add(
        file,
        instance,
        name=name,
        settings_file=settings,
        folder=models_folder(space, name),
        known=installed,
        device=device,
        tell=notes.append,
    )
    for note in notes:
        say(f"          {note}")
    print(f"models    {artifact.path} was added: check it with `aiot models check --weights {name} --dataset ...`")


def chosen_artifacts(
    there: dict[str, Artifact],
    models: list[str],
    frameworks: list[str],
    quantizations: list[str],
    everything: list[Instance],
) -> list[Artifact]:
    """Return the prepared files of the named models, frameworks and quantizations; an empty list selects all."""
    from aiot_suite import suite
    from aiot_suite.suite import Instance

    named = {
        kind: suite.choose(
            kind.capitalize(), choices, list(dict.fromkeys(getattr(instance, kind) for instance in everything))
        )
        for kind, choices in (("model", models), ("framework", frameworks), ("quantization", quantizations))
    }
    return [
        artifact
        for name, artifact in there.items()
        if all(getattr(Instance.of_artifact(name), kind) in names for kind, names in named.items())
    ]


def import_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Logs of the paper's app, outputs of tools, results of the MLPerf Mobile app and of Qualcomm AI Hub, "
            "or folders with logs of MLPerf LoadGen.",
        ),
    ] = None,
    published: Annotated[
        bool,
        typer.Option(
            "--published", help='Import the published results that come with this package, as origin "published".'
        ),
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(metavar='"MAKER MODEL"', help="Maker and model of the device, if the logs do not state them."),
    ] = None,
    serial: Annotated[
        str | None,
        typer.Option(
            metavar="SERIAL",
            help="Serial number, to tell devices of the same model apart; only a salted hash is stored.",
        ),
    ] = None,
    soc: Annotated[
        str | None, typer.Option(metavar="NAME", help="The device's chip, for example Snapdragon 865.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="The network, if the log does not state it.")
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"One of {', '.join(LOG_FRAMEWORKS)}, if the log does not state it."),
    ] = None,
    delegate: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"One of {', '.join(DELEGATES)}, if the log does not state it.")
    ] = None,
    quantization: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"One of {', '.join(LOG_QUANTIZATIONS)}, if the log does not state it."),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name for the set of images; logs with the same name are taken to use the same images."
        ),
    ] = None,
    image_names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with the names of the app's images, one per line, in the order in which they were shown.",
        ),
    ] = None,
    images: Annotated[Path | None, typer.Option(hidden=True)] = None,  # an earlier name of --image-names
    image_labels: Annotated[
        str | None,
        typer.Option(
            metavar="ilsvrc2012-val|FILE",
            help="Right classes of images that a log only numbers: those of ILSVRC 2012 val in the order of file "
            "names, or a file with a class, or a name and a class, on each line.",
        ),
    ] = None,
    publication: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help='Where somebody else published the logs, which then have the origin "published"; together with '
            "--address and --retrieved.",
        ),
    ] = None,
    address: Annotated[str | None, typer.Option(metavar="URL", help="Address of the publication.")] = None,
    retrieved: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Date on which it was read there.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the trained weights. Default: unknown.")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            "--num-threads",
            "--threads",
            metavar="NUMBER",
            min=1,
            help="Threads of the framework, if the log does not state them.",
        ),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Format of the files, needed only if it could be one of two: one of {', '.join(FORMATS)}.",
        ),
    ] = None,
    format_: Annotated[str | None, typer.Option("--format", hidden=True)] = None,  # an earlier name of --log-format
    workspace: WriteWorkspace = None,
) -> None:
    """Import logs of other programs as raw logs, which are marked as imported wherever they are shown.

    Logs of the paper's own app state the device and the result of every image. Outputs of benchmark_model, run_eval
    and other tools contain times or an accuracy, and so do perf.yaml and numerics.yaml of Qualcomm AI Hub and results
    of the MLPerf Mobile app. A folder with logs of MLPerf LoadGen contains an answer for each image, and times. State
    with options what a log does not say: see docs/importing.md.
    """
    from aiot_suite.suite import choose
    from runner.importers import import_files
    from runner.importers.image_labels import read_labels
    from runner.importers.input_files import (
        LabelOverrides,
        check_unique,
        delegate_name,
        lines_of,
        model_name,
        read_source,
    )
    from runner.tools.text import quotable

    def chosen(kind: str, value: str | None, choices: tuple[str, ...]) -> str | None:
        return None if value is None else choose(kind, [value], choices)[0]

    if published == bool(files):
        raise typer.BadParameter("Name the logs to import, or use --published, but not both.", param_hint="FILES")
    if published:
        _import_published(workspace)
        return

    def plain(value: str | None) -> str | None:
        return None if value is None else quotable(value)

    list_of_names = image_names or images
    names = tuple(line for line in lines_of(read_source(list_of_names)[1]) if line.strip()) if list_of_names else None
    if list_of_names and names is not None:
        check_unique(list_of_names, names)
    stated = LabelOverrides(
        device=plain(device),
        serial=serial,
        soc=plain(soc),
        format=chosen("Format", log_format or format_, FORMATS),
        model=None if model is None else model_name(model),
        framework=chosen("Framework", framework, LOG_FRAMEWORKS),
        delegate=chosen("Delegate", None if delegate is None else delegate_name(delegate), DELEGATES),
        quantization=chosen("Quantization", quantization, LOG_QUANTIZATIONS),
        dataset=plain(dataset),
        weights=plain(weights),
        threads=threads,
        images=names,
        labels=None if image_labels is None else read_labels(image_labels, plain(dataset)),
        publication=_publication(plain(publication), address, retrieved),
    )
    result = import_files.import_files(files or [], stated, to_write(workspace))
    if not result.runs and len(result.refused) == 1:
        raise result.refused[0]
    for folder, instances, records in result.runs:
        counts = [(instances, "instance"), (records, "image")]
        listed = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts)
        print(f"import    {listed} in {folder}")
    for message in [*result.notes, *map(str, result.refused)]:
        say(f"          {message}")
    if result.refused:
        outcome = "Some files were not imported" if result.runs else "No files were imported"
        raise RunnerError(f"{outcome}: see the reasons above, and import those files again.")


def _publication(publication: str | None, address: str | None, retrieved: str | None) -> Publication | None:
    """Return what --publication, --address and --retrieved state, or None without them.

    Raises:
        RunnerError: Only some of them are given, or one is not an address or a date.
    """
    from datetime import date

    from runner.importers.input_files import Publication

    if not any((publication, address, retrieved)):
        return None
    if publication is None or address is None or retrieved is None:
        raise RunnerError("Published logs need --publication, --address and --retrieved: give all three, or none.")
    if not address.startswith(("https://", "http://")):
        raise RunnerError(f"--address {address!r} is not an address: write one that starts with https://.")
    try:
        date.fromisoformat(retrieved)
    except ValueError:
        raise RunnerError(f"--retrieved {retrieved!r} is not a date: write it like 2026-11-28.") from None
    return Publication(publication, address, retrieved)


def _import_published(workspace: Path | None) -> None:
    from runner.importers.published_facts import import_published

    result = import_published(to_write(workspace))
    if not (result.written or result.removed):
        print(f"import    {result.unchanged} published runs are up to date")
        return
    unchanged = f", {result.unchanged} unchanged" if result.unchanged else ""
    removed = f", {result.removed} outdated removed" if result.removed else ""
    print(
        f"import    {result.written} published runs, {result.instances} instances, {result.images} images"
        f"{unchanged}{removed}"
    )
