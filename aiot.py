"""The command `aiot`: the verbs of the runner and of the analysis, which know nothing of each other."""

from __future__ import annotations

import sys

import typer

from aiot_analysis.cli import app as analysis
from runner.cli import app as runner

app = typer.Typer(
    help="AIoTBench: run the suite on devices, and get every table and figure of the paper on your own data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(runner)
app.add_typer(analysis)


def pairs_joined(words: list[str]) -> list[str]:
    """Papermill's `-p key value` as `-p key=value`, since Typer has no repeated option of two values."""
    joined, left = [], iter(words)
    for word in left:
        joined.append(word)
        if word in ("-p", "--parameter"):
            key = next(left, "")
            joined.append(key if "=" in key else f"{key}={next(left, '')}")
    return joined


def main() -> None:
    """Runs a verb; what a user can mend is one sentence on stderr and exit code 1."""
    from aiot_analysis.errors import AnalysisError
    from runner.errors import RunnerError
    from runner.rawlog import RawLogError

    try:
        app(pairs_joined(sys.argv[1:]))
    except (RunnerError, AnalysisError, RawLogError) as error:
        print(f"aiot: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("aiot: interrupted; what was finished is kept.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
