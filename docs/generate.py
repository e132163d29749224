"""Write docs/reference/cli.md from the command line itself. `make docs` calls it, and a test compares the result."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import aiot  # noqa: E402

PAGE = HERE / "reference" / "cli.md"
HEAD = """<!-- Written by docs/generate.py from the command line itself: `make docs`. -->

# Command line

`aiot COMMAND --help` shows the same text. Names of models, frameworks, delegates and quantizations may be in upper or
lower case. An error that you can fix is one sentence on standard error with exit code 1. The exit code is 2 for wrong
usage and for a crate that `aiot reproduce` cannot read, 130 after Ctrl-C, and 3 for a regression found by
`aiot compare --fail-on-regression`.

`--json` prints a table as JSON, for scripts.

## The workspace

A command uses the files of one workspace: the folder that contains `data/` and `reports/`. Every command accepts
`--workspace FOLDER`. Without it:

- A command that only reads uses the working folder or the nearest folder above it that holds data, as
  `aiot_analysis.load()` does. A folder holds data if there are runs, tables, model files or datasets in its `data/`.
- A command that writes uses the working folder. If that holds no data, but a folder above does, the command stops and
  names that folder, so that nothing is written to it unintentionally: add `--workspace` with its path, or
  `--workspace .` to start a new workspace.

Folders must be on this machine: addresses such as `s3://bucket/raw` are refused.

## Completion in the shell

`aiot --install-completion` installs completion of commands and options for bash, zsh, fish or PowerShell: press Tab in
a new terminal.
"""


def page():
    """The whole page, as text."""
    import typer

    group = typer.main.get_command(aiot.command())
    context = group.make_context("aiot", [], resilient_parsing=True)
    head = [HEAD, "## aiot\n", *_options(group, context), *_examples(group.epilog)]
    return "\n".join([*head, *_verbs(group, "aiot", 2)])


def _verbs(group, words, level):
    """Lines of all verbs of a group, in the order of `aiot --help`."""
    for name in group.list_commands(None):
        command = group.commands[name]
        if not command.hidden:
            yield from _verb(command, f"{words} {name}", level)


def _verb(command, words, level):
    context = command.make_context(words, [], resilient_parsing=True)
    yield from [f"{'#' * level} {words}", "", _text(command.help), ""]
    if hasattr(command, "commands"):
        yield from _verbs(command, words, level + 1)
        return
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ["```console", f"$ {words} {usage}".rstrip(), "```", ""]
    yield from _options(command, context)
    if command.epilog:
        yield from _examples(command.epilog)


def _examples(epilog):
    """Lines of the examples at the end of a command's help."""
    _, _, *lines = epilog.splitlines()  # without Click's mark and the heading
    yield from ["Examples:", "", "```console", *(f"$ {line.strip()}" for line in lines), "```", ""]


def _options(command, context):
    """Lines of the table of a command's options and arguments; none without any."""
    rows = [row for parameter in command.params if (row := _row(parameter, context))]
    if rows:
        yield from ["| option or argument | meaning |", "| --- | --- |", *rows, ""]


def _row(parameter, context):
    """An option or argument in the words of its `--help`; None where that is silent about it."""
    record = parameter.get_help_record(context)
    if record is None or "--help" in parameter.opts:
        return None
    names, text = (" ".join(part.split()).replace("|", "\\|") for part in record)
    return f"| `{names}` | {text} |"


def _text(text):
    """The paragraphs of a help text, each on one line."""
    return "\n\n".join(" ".join(part.split()) for part in (text or "").strip().split("\n\n"))


def main():
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
