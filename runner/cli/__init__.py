"""The runner's commands, one module each. Slow imports happen inside the commands."""

from __future__ import annotations

import typer

from aiot_suite.cli import dataset, frameworks
from aiot_suite.cli.models import app as models_app
from runner.cli import device_commands, file_commands, measure_commands

app = typer.Typer()
models_app.command("check")(file_commands.models_check)
models_app.command("add")(file_commands.models_add)
app.add_typer(models_app, name="models")
app.add_typer(dataset.app, name="dataset")
app.add_typer(frameworks.app, name="frameworks")
app.add_typer(device_commands.app, name="bundle")
app.command("run")(measure_commands.run)
app.command("operators")(measure_commands.operators)
app.command("profile", hidden=True)(measure_commands.operators)  # the name of earlier versions
app.command("import")(file_commands.import_)
app.command("devices")(device_commands.devices)
app.command("doctor")(device_commands.doctor)
app.command("clean")(device_commands.clean)
