"""The command `aiot`: the subcommands of the runner and of the analysis, which are independent of each other.

Everything that takes long to import is imported in functions, so that signals are handled from the start.
"""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from aiot_suite.cli import streams

if TYPE_CHECKING:
    import typer

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a file system that cannot be written, which do not name a file if they come late."""


def pairs_joined(words: list[str]) -> list[str]:
    """Return the words with Papermill's `-p key value` as `-p key=value`.

    Typer does not support repeated options with two values.
    """
    joined, remaining = [], iter(words)
    for word in remaining:
        joined.append(word)
        if word in ("-p", "--parameter"):
            key = next(remaining, "")
            value = None if "=" in key else next(remaining, None)
            joined.append(key if value is None else f"{key}={value}")
    return joined


SECTIONS = {
    "Measure": ("run", "ab", "operators", "simulate", "import"),
    "Analyse": ("process", "report", "figures", "lab", "compare", "plan"),
    "Share": ("export", "reproduce"),
    "Maintain": ("models", "dataset", "frameworks", "bundle", "devices", "doctor", "clean"),
}
"""The subcommands by their heading in `aiot --help`."""

FIRST_STEPS = (
    "aiot run --local            # measure this machine; --all: every attached phone",
    "aiot process                # turn the raw logs into tables",
    "aiot report                 # turn the tables into pages",
)
EXAMPLES = {
    "run": (
        "aiot run --local                       # this machine",
        "aiot run --all                         # every attached phone, all at once",
        "aiot run --all --resume                # continue after an interruption",
        "aiot run --serial R58M12ABCDE --models squeezenet,mnasnet --profile quick",
    ),
    "ab": (
        "aiot ab --local --a threads=1 --b threads=2",
        "aiot ab --serial R58M12ABCDE --a quantization=float32 --b quantization=int8",
    ),
    "import": (
        "aiot import result.txt",
        'aiot import log.txt --device "Samsung Galaxy S10e" --model mnasnet',
    ),
    "report": (
        "aiot report                            # all pages",
        "aiot report 04 -p timing inference     # one page, with another parameter",
        "aiot report --each-device              # also a report for each phone",
    ),
    "figures": (
        "aiot figures --list                    # all figures and tables",
        "aiot figures fig5 table4 --out paper/figures",
        "aiot figures --formats pdf,tex --width single --origin measured",
        "aiot figures fig5 --preset ieee --no-origin-line",
    ),
    "compare": (
        "aiot compare samsung-galaxy-s10e xiaomi-mi-9",
        "aiot compare pytorch=2.12 pytorch=2.13 --fail-on-regression 5%",
        "aiot compare --ab newest               # the last session of `aiot ab`",
    ),
    "plan": (
        "aiot plan                              # what the present data can show",
        "aiot plan --time 3% --accuracy 2       # what smaller differences would take",
    ),
    "export": (
        "aiot export pyperf results.json        # python -m pyperf stats results.json",
        "aiot export asv results                # cd results; asv publish",
        "aiot export crate evidence.zip --license CC-BY-4.0 --author 'Jane Doe'",
    ),
    "reproduce": (
        "aiot reproduce evidence.zip            # equal, or which cells differ",
        "aiot reproduce evidence.zip --out checked",
    ),
}
"""Examples at the end of the help of a subcommand, by its name."""


def example_text(lines: Sequence[str]) -> str:
    """Return command lines as the text at the end of a command's help."""
    return "\n  ".join(["\b\nExamples:", *lines])  # \b: Click keeps the line breaks


def with_verdict(measure: Callable[..., Any]) -> Callable[..., None]:
    """Return the command `aiot ab`, which involves both packages: the runner measures, the analysis compares."""

    @functools.wraps(measure)
    def ab(**options: Any) -> None:
        ended = measure(**options)
        if ended is not None:
            from aiot_analysis.cli import comparison_commands

            comparison_commands.show(ended.session, ended.workspace.root / "data")
            ended.check()

    return ab


ADDRESS = "--address"  # of `aiot import`: the only option whose value is an address


def command() -> typer.Typer:
    """Return all subcommands as one command."""
    import typer

    from aiot_analysis.cli import app as analysis
    from aiot_analysis.cli import export
    from aiot_suite.cli.options import CommandGroup, root
    from runner.cli import app as runner
    from runner.cli import measure_commands

    class Program(CommandGroup):
        """All subcommands, under their headings."""

        sections = SECTIONS

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            for name, lines in EXAMPLES.items():
                self.commands[name].epilog = example_text(lines)

    app = typer.Typer(
        cls=Program,
        help="AIoTBench: measure AI inference on phones, boards and this machine, and get every table and figure of "
        "the paper from your own data.",
        epilog=example_text(FIRST_STEPS),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # importing the code that draws boxes takes longer than the rest of the startup
    )
    app.callback()(root)
    app.add_typer(runner)
    app.add_typer(analysis)
    app.add_typer(export, name="export", cls=CommandGroup)
    app.command("ab")(with_verdict(measure_commands.ab))
    return app


def run() -> None:
    """Run the subcommand that the command line names."""
    from runner.rawlog import refuse_address

    words = pairs_joined(sys.argv[1:])
    for option, word in pairwise(["", *words]):
        if option != ADDRESS and not word.startswith(f"{ADDRESS}="):
            refuse_address(word)
    command()(words)


def main() -> None:
    """Run a subcommand and end the process; a signal that interrupts it is printed to stderr."""
    try:
        with streams.interruptible():
            run_with_messages()
    except KeyboardInterrupt:
        streams.end_interrupted()
    except SystemExit as stopped:
        if stopped.code == streams.INTERRUPTED:  # Typer's exit code for an interrupted command
            streams.end_interrupted()
        raise


def run_with_messages() -> None:
    """Run a subcommand; an error that the user can fix is printed to stderr as one sentence, with exit code 1."""
    from aiot_analysis.errors import AnalysisError
    from aiot_suite import environments
    from aiot_suite.errors import RunnerError
    from runner.rawlog import RawLogError

    try:
        with streams.checked():
            run()
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in environments.EXTRAS:
            raise
        command = environments.how_to_install([module])
        streams.say(f"aiot: This command needs {module}, which is not installed: run {command}.")
        sys.exit(1)
    except streams.ReaderGoneError:
        streams.drop_output()
        sys.exit(streams.BROKEN_PIPE)
    except (RunnerError, AnalysisError, RawLogError) as error:
        streams.say(f"aiot: {error}")
        if isinstance(error, streams.OutputError):
            streams.drop_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno not in FULL:
            raise
        place = "A file" if error.filename is None else error.filename
        streams.say(
            f"aiot: {place} cannot be read or written ({error.strerror}): make it accessible, free some space, or "
            "choose another folder."
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
