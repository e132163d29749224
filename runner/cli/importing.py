"""`aiot import`: logs of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiot_suite.cli.options import HERE, Workspaces
from aiot_suite.errors import RunnerError
from aiot_suite.workspace import Workspace
from runner.importers.formats import FORMATS
from runner.importers.given import DELEGATES


def import_(
    files: Annotated[list[Path], typer.Argument(help="Logs of the paper's app, or outputs of tools.")],
    device: Annotated[
        str | None, typer.Option(metavar='"MAKER MODEL"', help="The device, if the logs do not state it.")
    ] = None,
    serial: Annotated[
        str | None, typer.Option(help="Distinguishes devices of the same model; only a salted hash is stored.")
    ] = None,
    soc: Annotated[str | None, typer.Option(help="The device's chip, for example Snapdragon 865.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The network, if the log does not state it.")
    ] = None,
    framework: Annotated[
        str | None, typer.Option(help="tflite, pytorch or caffe2, if the log does not state it.")
    ] = None,
    delegate: Annotated[
        str | None, typer.Option(help=f"Any of {', '.join(DELEGATES)}, if the log does not state it.")
    ] = None,
    quantization: Annotated[
        str | None, typer.Option(help="float32, dynamic, int8 or float16, if the log does not state it.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Name of the images; the same name means the same images.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="File with the names of the app's images, one per line, in the order in which they were shown."
        ),
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Name of the trained weights; unknown by default.")] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", "--num-threads", min=1, help="Threads of the framework, if the log does not state them."
        ),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help=f"One of {', '.join(FORMATS)}, if a file may have two formats.")
    ] = None,
    workspace: Workspaces = HERE,
) -> None:
    """Import other people's logs as raw logs of origin "imported".

    Logs of the paper's own app contain the device and every image. Outputs of benchmark_model, run_eval and other tools
    contain times or an accuracy.
    """
    from aiot_suite.suite import FRAMEWORKS, QUANTIZATIONS, choose
    from runner.importers import session
    from runner.importers.given import LabelOverrides, delegate_name, model_name
    from runner.importers.source import lines_of, read_source
    from runner.tools.text import shown

    def chosen(kind: str, value: str | None, choices: tuple[str, ...]) -> str | None:
        return None if value is None else choose(kind, [value], choices)[0]

    def plain(value: str | None) -> str | None:
        return None if value is None else shown(value)

    names = tuple(line for line in lines_of(read_source(images)[1]) if line.strip()) if images else None
    if names is not None and len(set(names)) < len(names):
        raise RunnerError(f"{images} contains a name twice: give each image its own name.")
    stated = LabelOverrides(
        device=plain(device),
        serial=serial,
        soc=plain(soc),
        format=chosen("Format", format_, FORMATS),
        model=None if model is None else model_name(model),
        framework=chosen("Framework", framework, FRAMEWORKS),
        delegate=chosen("Delegate", None if delegate is None else delegate_name(delegate), DELEGATES),
        quantization=chosen("Quantization", quantization, QUANTIZATIONS),
        dataset=plain(dataset),
        weights=plain(weights),
        threads=threads,
        images=names,
    )
    result = session.import_files(files, stated, Workspace(workspace))
    if not result.runs and len(result.refused) == 1:
        raise result.refused[0]
    for folder, instances, records in result.runs:
        counts = [(instances, "instance"), (records, "image")]
        listed = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts)
        print(f"import    {listed} in {folder}")
    for message in [*result.notes, *map(str, result.refused)]:
        print(f"          {message}")
    if result.refused:
        outcome = "Some files were not imported" if result.runs else "No files were imported"
        raise RunnerError(f"{outcome}: see the reasons above, and import those files again.")
