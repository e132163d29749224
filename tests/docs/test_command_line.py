"""docs/reference/cli.md is what the command line says of itself."""

import runpy
from pathlib import Path

import typer

import aiot

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_up_to_date():
    made = runpy.run_path(str(DOCS / "generate.py"))["page"]()
    written = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    assert written == made, "call `make docs`, and keep what it wrote"


def test_the_reference_has_every_verb_and_option():
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    verbs = typer.main.get_command(aiot.command()).commands
    for name, verb in verbs.items():
        if verb.hidden:
            continue
        section = text.partition(f"## aiot {name}\n")[2]
        assert section, name
        for parameter in verb.params if not hasattr(verb, "commands") else ():
            assert all(word in section for word in parameter.opts if word.startswith("--") and word != "--help")
