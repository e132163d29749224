"""The command `aiot`: the subcommands of the runner and of the analysis, which are independent of each other."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells."""


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


def command() -> typer.Typer:
    """Return all subcommands as one command."""
    import typer

    from aiot_analysis.cli import app as analysis
    from runner.cli import app as runner
    from runner.cli import measure_commands

    app = typer.Typer(
        help="AIoTBench: run the suite on devices, and get every table and figure of the paper on your own data.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,  # importing the code that draws boxes takes longer than the rest of the startup
    )
    app.add_typer(runner)
    app.add_typer(analysis)
    app.command("ab")(with_verdict(measure_commands.ab))
    return app


def run() -> None:
    """Run the subcommand that the command line names."""
    command()(pairs_joined(sys.argv[1:]))


def main() -> None:
    """Run a subcommand; an error that the user can fix is printed to stderr as one sentence, with exit code 1."""
    from aiot_analysis.errors import AnalysisError
    from aiot_suite.errors import RunnerError
    from runner.rawlog import RawLogError

    try:
        run()
    except (RunnerError, AnalysisError, RawLogError) as error:
        print(f"aiot: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as stopped:
        code = INTERRUPTED if isinstance(stopped, KeyboardInterrupt) else stopped.code
        if code == INTERRUPTED:  # Typer's exit code for an interrupted command
            print("aiot: interrupted; completed work is kept.", file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
