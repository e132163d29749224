"""Running the host programs that bundles are built with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiot_suite.environments import clean_environment
from aiot_suite.errors import SetupError

PROGRAM_TIMEOUT_S = 1800.0
"""Maximum time for one program on the host, such as a download of packages."""


class ToolError(SetupError):
    """Error of a program that failed; `said` is its output."""

    def __init__(self, sentence: str, said: str) -> None:
        super().__init__(sentence)
        self.said = said


def require_programs(*programs: str) -> None:
    """Raise SetupError if a program is not installed."""
    absent = [program for program in programs if not shutil.which(program)]
    if absent:
        raise SetupError(
            f"Bundles are built from Debian's packages, but this machine does not have {' or '.join(absent)}: "
            "build them on Debian (a container is enough) and copy its cache folder, or set AIOT_CACHE to "
            "that folder."
        )


def run_program(
    command: Sequence[str], failure: str, folder: Path | None = None, more: Mapping[str, str] | None = None
) -> str:
    """Run a program and return its output. Raise ToolError with `failure` and its last error message."""
    variables = {**clean_environment(), "LC_ALL": "C.UTF-8", **(more or {})}
    try:
        completed = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROGRAM_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{failure}: {error}.", "") from None
    if completed.returncode:
        output = completed.stderr.strip() or completed.stdout.strip()
        errors = [line for line in output.splitlines() if line.startswith(("E:", "ERROR:"))] or output.splitlines()[-1:]
        message = errors[0] if errors else f"exit code {completed.returncode}"
        raise ToolError(f"{failure}: {Path(command[0]).name} says {message!r}.", output)
    return completed.stdout
