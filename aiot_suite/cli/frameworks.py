"""`aiot frameworks`: list the frameworks, and install the environments that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aiot_suite.cli.options import AsJson, CommandGroup, NoWorkspace, ReadWorkspace, show, to_read
from aiot_suite.cli.streams import say
from aiot_suite.errors import SetupError
from aiot_suite.suite import BEYOND_FRAMEWORKS
from runner import rawlog

if TYPE_CHECKING:
    from aiot_suite.catalog import Framework

app = typer.Typer(
    cls=CommandGroup, help="List the frameworks, and install the environments they need.", no_args_is_help=True
)


@app.command("list")
def frameworks_list(as_json: AsJson = False, workspace: ReadWorkspace = None) -> None:
    """List the frameworks with their environments and versions."""
    from aiot_suite import catalog, environments

    columns = ["framework", "environment", "versions", "state"]
    rows = []
    for framework in catalog.load(to_read(workspace).plugins).frameworks.values():
        usable = [
            name for name in framework.environments if not environments.missing_modules(framework.imports, [name])
        ]
        environment = environments.first_installed(usable or framework.environments)
        installed = environments.versions(environment, framework.distributions) if environment else {}
        versions = ", ".join(f"{name} {version}" for name, version in installed.items() if version != "not installed")
        state = "ready" if environment in usable else f"not installed: {_remedy(framework)}"
        rows.append([framework.name, environment or " or ".join(framework.environments), versions, state])
    if as_json:
        rawlog.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show(columns, rows)


def _remedy(framework: Framework) -> str:
    """Return the command that installs a framework: its packages, or the separate environment that it needs."""
    from aiot_suite import environments

    if "main" in framework.environments:
        return environments.how_to_install(environments.missing_modules(framework.imports, ["main"]))
    return environments.INSTALL_LEGACY


@app.command("install")
def frameworks_install(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help=f"legacy (Caffe2, and PyTorch Mobile with XNNPACK), {' or '.join(BEYOND_FRAMEWORKS)}."
        ),
    ],
    workspace: NoWorkspace = None,
) -> None:
    """Install a framework that needs more than the basic packages, unless it is already installed."""
    from aiot_suite import environments

    def tell(text: str) -> None:
        say(f"setup     {text}")

    if name.lower() in ("legacy", "caffe2", "pytorch"):
        print(f"legacy ready: {environments.install_legacy(tell)}")
    elif name.lower() in BEYOND_FRAMEWORKS:
        environments.install_extra(name.lower(), tell)
        print(f"{name.lower()} ready")
    elif name.lower() == "tflite":
        raise SetupError(f"TFLite is an extra of this package: run {environments.how_to_install(['ai_edge_litert'])}.")
    else:
        raise SetupError(f"Nothing can be installed for {name!r}: choose legacy, {' or '.join(BEYOND_FRAMEWORKS)}.")
