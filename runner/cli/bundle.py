"""`aiot bundle`: Python for devices that have none."""

from __future__ import annotations

from typing import Annotated

import typer

from aiot_suite.errors import SelectionError, SetupError
from aiot_suite.workspace import PROJECT

app = typer.Typer(help="Build bundles of Python for devices that do not have it.", no_args_is_help=True)

_MB = 1e6


@app.command("build")
def bundle_build(
    arch: Annotated[str, typer.Option("--arch", help="arm64 (phones, boards) or amd64 (x86-64).")] = "arm64",
    framework: Annotated[
        str, typer.Option("--framework", "-f", help="tflite, pytorch or caffe2; the last two share a bundle.")
    ] = "tflite",
) -> None:
    """Build a bundle from Debian packages and wheels; existing bundles are kept."""
    from runner.bundle import build, recipes

    architecture = recipes.architecture_for(arch)
    if architecture is None:
        names = ", ".join(recipes.ARCHITECTURES)
        raise SelectionError(f"There are no bundles for the architecture {arch!r}: choose one of {names}.")
    built = build.build(framework, architecture, _say)
    print(f"{built.name} ready: {built.path} ({built.size_bytes / _MB:.0f} MB)")


@app.command("list")
def bundle_list() -> None:
    """List the bundles, and which of them have been built."""
    from aiot_suite.cli.show import show
    from runner.bundle import build, recipes

    rows = []
    for recipe in recipes.recipes().values():
        for architecture in recipes.ARCHITECTURES:
            lock = recipes.lock_of(recipe.name, architecture)
            built = build.of_lock(lock)
            command = f"aiot bundle build --arch {architecture} --framework {recipe.frameworks[0]}"
            state = f"{built.size_bytes / _MB:.0f} MB, {built.path.name}" if built else command
            libraries = ", ".join(f"{part.name} {part.version}" for part in lock.of("wheel"))
            rows.append([lock.name, ", ".join(recipe.frameworks), recipe.python, libraries, state])
    show(["bundle", "frameworks", "python", "packages", "state"], rows)


@app.command("lock")
def bundle_lock() -> None:
    """Update the lock to the current versions from Debian and pip (only in a checkout)."""
    from runner.bundle import build, recipes

    if not (PROJECT / "pyproject.toml").is_file():
        raise SetupError(
            "The lock can be changed only in a checkout of the project, but this is an installed package: "
            "clone the project."
        )
    recipes.write_lock(build.renew_lock(_say))
    print(f"{recipes.LOCK} written")


def _say(text: str) -> None:
    print(f"bundle    {text}", flush=True)
