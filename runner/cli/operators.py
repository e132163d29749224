"""`aiot profile`: the time of each operator."""

from __future__ import annotations

from typing import Annotated

import typer

from aiot_suite.cli.options import HERE, Models, Seed, Weights, Workspaces
from aiot_suite.errors import RunnerError
from aiot_suite.workspace import Workspace, models_folder
from runner.devices import ATTEMPT_TIMEOUT_S


def profile(
    models: Models = [],  # noqa: B006
    frameworks: Annotated[list[str], typer.Option("--frameworks", help="Any of pytorch, caffe2.")] = ["pytorch"],  # noqa: B006
    repeat: Annotated[int, typer.Option(min=1, help="Times through each network.")] = 100,
    warmups: Annotated[int, typer.Option("--warmup-runs", min=0, help="Times before, which do not count.")] = 3,
    threads: Annotated[int, typer.Option("--num-threads", min=1, help="Threads of the framework.")] = 1,
    seed: Seed = 0,
    weights: Weights = "sample",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest profile; begin one only if it differs.")
    ] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for one network.")] = ATTEMPT_TIMEOUT_S,
    workspace: Workspaces = HERE,
) -> None:
    """Time each operator of each network on this machine's CPU, and log the networks' graphs.

    PyTorch runs the 1000-class definitions as they are, without conversion, with its own profiler (the paper's Figs. 1
    and 2); Caffe2 runs the prepared model files.
    """
    from aiot_suite import catalog, suite
    from aiot_suite.facts import load_artifacts
    from aiot_suite.progress_bar import bar
    from runner.devices.local import LocalDevice
    from runner.ledger import counts
    from runner.operators import session

    space = Workspace(workspace)
    known_models = list(catalog.load(space.plugins).models)
    request = session.StudyRequest(
        models=suite.choose("Model", models or suite.MODELS, known_models),
        frameworks=suite.choose("Framework", frameworks, list(session.ENVIRONMENTS)),
        repeat=repeat,
        warmups=warmups,
        threads=threads,
        seed=seed,
        timeout_s=timeout_s,
        artifacts=load_artifacts(models_folder(space, weights)),
    )
    device = LocalDevice(space.staging, space.salt())
    resumed = session.to_resume(space, device, request) if resume else None
    folder = resumed or session.begin(space, device, request)
    with bar(48) as progress:
        task = progress.add_task("profile", total=None)
        entries = session.execute(
            folder,
            space,
            device,
            request,
            lambda name, done, total: progress.update(
                task, description=f"profile: {name}", completed=done, total=total
            ),
        )
    totals = counts(entries)
    print(f"profile   {totals['end']} of {len(entries)} networks, {repeat} times each, in {folder}")
    for entry in entries:
        if entry.status != "end":
            print(f"          {entry.instance_id} {entry.status}: {entry.last.get('reason', 'its log is incomplete')}")
    if any(entry.status not in ("end", "unavailable") for entry in entries):
        raise RunnerError("Some networks could not be profiled (see above): call `aiot profile` again.")
