"""The command `aiot`: the subcommands of the runner and of the analysis, which are independent of each other."""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated, Any

import typer

from aiot_suite.cli.options import CommandGroup

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
    "Maintain": ("models", "dataset", "frameworks", "bundle", "devices", "doctor", "clean"),
}
"""The subcommands by their heading in `aiot --help`."""


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


class Program(CommandGroup):
    """All subcommands, under their headings."""

    sections = SECTIONS


def show_version(wanted: bool) -> None:
    """Print the version of the project and exit, if wanted."""
    if wanted:
        print(f"aiot {metadata.version('aiotbench')}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Accept the options of `aiot` itself."""


def command() -> typer.Typer:
    """Return all subcommands as one command."""
    from aiot_analysis.cli import app as analysis
    from runner.cli import app as runner
    from runner.cli import measure_commands

    app = typer.Typer(
        cls=Program,
        help="AIoTBench: run the suite on devices, and get every table and figure of the paper on your own data.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # importing the code that draws boxes takes longer than the rest of the startup
    )
    app.callback()(root)
    app.add_typer(runner)
    app.add_typer(analysis)
    app.command("ab")(with_verdict(measure_commands.ab))
    return app


def run() -> None:
    """Run the subcommand that the command line names."""
    from runner.rawlog import refuse_address

    words = pairs_joined(sys.argv[1:])
    for word in words:
        refuse_address(word)
    command()(words)


def main() -> None:
    """Run a subcommand; an error that the user can fix is printed to stderr as one sentence, with exit code 1."""
    from aiot_analysis.errors import AnalysisError
    from aiot_suite import environments
    from aiot_suite.cli import streams
    from aiot_suite.errors import RunnerError
    from runner.rawlog import RawLogError

    try:
        with streams.interruptible(), streams.checked():
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
    except (KeyboardInterrupt, SystemExit) as stopped:
        code = streams.INTERRUPTED if isinstance(stopped, KeyboardInterrupt) else stopped.code
        if code == streams.INTERRUPTED:  # Typer's exit code for an interrupted command
            streams.say_interrupted()
        sys.exit(code)


if __name__ == "__main__":
    main()
