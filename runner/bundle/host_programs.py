"""Programs that bundles are made with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiot_suite.environments import clean_environment
from aiot_suite.errors import SetupError

TIMEOUT_S = 1800.0


class ToolError(SetupError):
    """A program ended with an error; `said` is what it printed."""

    def __init__(self, sentence: str, said: str) -> None:
        super().__init__(sentence)
        self.said = said


def needed(*programs: str) -> None:
    """Raises SetupError if a program is not here."""
    absent = [program for program in programs if not shutil.which(program)]
    if absent:
        raise SetupError(
            f"Bundles are made of Debian's packages, and this machine has no {' and no '.join(absent)}: "
            "make them on Debian (a container is enough) and copy its cache folder, or name it with AIOT_CACHE."
        )


def run(command: Sequence[str], failure: str, folder: Path | None = None, more: Mapping[str, str] | None = None) -> str:
    """Runs a program and gives its output; raises ToolError with `failure` and the last thing it said."""
    variables = {**clean_environment(), "LC_ALL": "C.UTF-8", **(more or {})}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{failure}: {error}.", "") from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        errors = [line for line in said.splitlines() if line.startswith(("E:", "ERROR:"))] or said.splitlines()[-1:]
        shown = errors[0] if errors else f"exit code {done.returncode}"
        raise ToolError(f"{failure}: {Path(command[0]).name} says {shown!r}.", said)
    return done.stdout
