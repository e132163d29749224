"""The runner's commands, one module each. Slow imports happen inside the commands."""

from __future__ import annotations

import typer

from aiot_suite.cli import dataset, frameworks
from aiot_suite.cli.models import app as models_app
from runner.cli import bundle, devices, importing, models, operators, run

app = typer.Typer()
models_app.command("check")(models.models_check)
models_app.command("add")(models.models_add)
app.add_typer(models_app, name="models")
app.add_typer(dataset.app, name="dataset")
app.add_typer(frameworks.app, name="frameworks")
app.add_typer(bundle.app, name="bundle")
app.command("run")(run.run)
app.command("operators")(operators.operators)
app.command("profile", hidden=True)(operators.operators)  # the name of earlier versions
app.command("import")(importing.import_)
app.command("devices")(devices.devices)
app.command("doctor")(devices.doctor)
app.command("clean")(devices.clean)
