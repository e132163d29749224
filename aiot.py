"""The command `aiot`: the verbs of the runner and of the analysis, which know nothing of each other."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def pairs_joined(words: list[str]) -> list[str]:
    """Papermill's `-p key value` as `-p key=value`, since Typer has no repeated option of two values."""
    joined, left = [], iter(words)
    for word in left:
        joined.append(word)
        if word in ("-p", "--parameter"):
            key = next(left, "")
            value = None if "=" in key else next(left, None)
            joined.append(key if value is None else f"{key}={value}")
    return joined


def with_verdict(measure: Callable[..., Any]) -> Callable[..., None]:
    """Return the verb `aiot ab`, the only one of both halves: the runner measures, the analysis says what changed."""

    @functools.wraps(measure)
    def ab(**options: Any) -> None:
        ended = measure(**options)
        if ended is not None:
            from aiot_analysis.cli import verdict

            verdict.show(ended.session, ended.workspace.root / "data")
            ended.check()

    return ab


def command() -> typer.Typer:
    """All verbs, as one command."""
    import typer

    from aiot_analysis.cli import app as analysis
    from runner.cli import ab
    from runner.cli import app as runner

    app = typer.Typer(
        help="AIoTBench: run the suite on devices, and get every table and figure of the paper on your own data.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,  # importing what draws boxes takes longer than all the rest of the start
    )
    app.add_typer(runner)
    app.add_typer(analysis)
    app.command("ab")(with_verdict(ab.ab))
    return app


def run() -> None:
    """Runs the verb that the command line names."""
    command()(pairs_joined(sys.argv[1:]))


def main() -> None:
    """Runs a verb; what a user can mend is one sentence on stderr and exit code 1."""
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
        if code == INTERRUPTED:  # Typer ends so where a verb was interrupted
            print("aiot: interrupted; what was finished is kept.", file=sys.stderr)
        sys.exit(code)


if __name__ == "__main__":
    main()
