"""The commands of the analysis. Slow imports happen inside the commands."""

from __future__ import annotations

import typer

from aiot_analysis.cli import comparison_commands, lab_command, output_commands, sharing_commands

app, export = typer.Typer(), sharing_commands.app
app.command("simulate")(output_commands.simulate)
app.command("process")(output_commands.process)
app.command("report")(output_commands.report)
app.command("figures")(output_commands.figures)
app.command("compare")(comparison_commands.compare)
app.command("plan")(comparison_commands.plan)
app.command("lab", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab_command.lab)
app.command("reproduce")(sharing_commands.reproduce)
