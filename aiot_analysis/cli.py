"""The analysis' verbs: process, report. Heavy imports happen inside the verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command("process")
def process(
    raw: Annotated[Path, typer.Option(help="Folder of the raw logs.")] = Path("data/raw"),
    processed: Annotated[Path, typer.Option(help="Folder for the tables.")] = Path("data/processed"),
) -> None:
    """Turn raw logs into tidy, validated tables."""
    from aiot_analysis import ingest

    result = ingest.process(raw, processed)
    print(f"process   {result.summary()} in {processed}")
    for path, reason in result.left_out[:10]:
        print(f"          left out {path}: {reason}")
