"""`aiot operators`: the time of each operator."""

from __future__ import annotations

from typing import Annotated

import typer

from aiot_suite.cli.options import HERE, Cooldown, Models, Seed, Threads, Timeout, Weights, Workspaces
from aiot_suite.errors import RunnerError
from aiot_suite.suite import COOLDOWN_S, TIMEOUT_S
from aiot_suite.workspace import Workspace, models_folder


def operators(
    models: Models = [],  # noqa: B006
    frameworks: Annotated[list[str], typer.Option("--frameworks", help="Any of pytorch, caffe2.")] = ["pytorch"],  # noqa: B006
    repeat: Annotated[int, typer.Option(min=1, help="Timed runs of each network.")] = 100,
    warmups: Annotated[
        int, typer.Option("--warmup-runs", min=0, help="Untimed runs of each network before the timed ones.")
    ] = 3,
    threads: Threads = 1,
    seed: Seed = 0,
    weights: Weights = "sample",
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the newest run of this study; start a new one if it differs."),
    ] = False,
    timeout_s: Timeout = TIMEOUT_S,
    cooldown_s: Cooldown = COOLDOWN_S,
    workspace: Workspaces = HERE,
) -> None:
    """Time each operator of each network on this machine's CPU, and log the networks' graphs.

    PyTorch runs the 1000-class definitions without conversion, with its own profiler (the paper's Figs. 1 and 2).
    Caffe2 runs the prepared model files. The runs are a study of their own, and take no part in the statistics
    of the suite.
    """
    from aiot_suite import catalog, suite
    from aiot_suite.facts import load_artifacts
    from runner import fleet
    from runner.devices.local import LocalDevice
    from runner.operators import session
    from runner.progress import RunProgress, summary

    space = Workspace(workspace)
    known_models = list(catalog.load(space.plugins).models)
    request = session.OperatorRequest(
        models=suite.choose("Model", models or suite.MODELS, known_models),
        plugins=space.plugins,
        frameworks=suite.choose("Framework", frameworks, list(session.ENVIRONMENTS)),
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
            print(f"          {entry.instance_id} {entry.status}: {entry.last.get('reason', 'its log is incomplete')}")
    if outcome.failed:
        raise RunnerError("Some measurements failed (see above): repeat the command with `--resume` to continue.")
