"""The commands of the analysis, one module each. Slow imports happen inside the commands."""

from __future__ import annotations

import typer

from aiot_analysis.cli import compare, figures, plan, process, report, simulate

app = typer.Typer()
app.command("simulate")(simulate.simulate)
app.command("process")(process.process)
app.command("report")(report.report)
app.command("figures")(figures.figures)
app.command("compare")(compare.compare)
app.command("plan")(plan.plan)
