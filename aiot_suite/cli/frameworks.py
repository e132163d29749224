"""`aiot frameworks`: list the frameworks, and install the environments that they need."""

from __future__ import annotations

from typing import Annotated

import typer

from aiot_suite.cli.options import AsJson, CommandGroup, NoWorkspace, ReadWorkspace, show, to_read
from aiot_suite.errors import SetupError
from runner import rawlog

app = typer.Typer(
    cls=CommandGroup, help="List the frameworks, and install the environments they need.", no_args_is_help=True
)


@app.command("list")
def frameworks_list(as_json: AsJson = False, workspace: ReadWorkspace = None) -> None:
    """List the frameworks with their environments and versions."""
    from importlib.util import find_spec

    from aiot_suite import catalog, environments

    columns = ["framework", "environment", "versions", "state"]
    rows = []
    for framework in catalog.load(to_read(workspace).plugins).frameworks.values():
        environment = environments.first_of(framework.environments)
        installed = environments.versions(environment, framework.distributions) if environment else {}
        versions = ", ".join(f"{name} {version}" for name, version in installed.items() if version != "not installed")
        missing = [name for name in framework.imports if find_spec(name) is None]
        state = "ready" if environment and not missing else f"aiot frameworks install {framework.name}"
        rows.append([framework.name, environment or " or ".join(framework.environments), versions, state])
    if as_json:
        rawlog.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show(columns, rows)


@app.command("install")
def frameworks_install(
    name: Annotated[str, typer.Argument(help="legacy (Caffe2, and PyTorch Mobile with XNNPACK) or executorch.")],
    workspace: NoWorkspace = None,
) -> None:
    """Install what a framework needs, unless it is already installed."""
    from aiot_suite import environments

    def say(text: str) -> None:
        print(f"setup     {text}", flush=True)

    if name.lower() in ("legacy", "caffe2", "pytorch"):
        print(f"legacy ready: {environments.install_legacy(say)}")
    elif name.lower() == "executorch":
        environments.install_extra("executorch", say)
        print("executorch ready")
    else:
        raise SetupError(f"Nothing can be installed for {name!r}: choose legacy or executorch.")
