"""The runner's commands, one module each. Slow imports happen inside the commands."""

from __future__ import annotations

import typer

from aiot_suite.cli import dataset, frameworks
from runner.cli import bundle, devices, importing, models, operators, run

app = typer.Typer()
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")
app.add_typer(frameworks.app, name="frameworks")
app.add_typer(bundle.app, name="bundle")
app.command("run")(run.run)
app.command("profile")(operators.profile)
app.command("import")(importing.import_)
app.command("devices")(devices.devices)
app.command("doctor")(devices.doctor)
app.command("clean")(devices.clean)
