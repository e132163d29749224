"""Converters that are run as processes of their own, because they can crash."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from aiot_suite.environments import clean_environment
from aiot_suite.errors import ConversionError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def run_converter(name: str, words: Sequence[str | Path], folder: Path) -> str:
    """Run a converter in a folder and return what it printed, which is also printed here.

    Raises ConversionError if it crashes or ends with another exit code than 0.
    """
    result = subprocess.run(
        words,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=clean_environment(),
    )
    output = result.stdout.decode(errors="replace")
    print(output, flush=True)
    if result.returncode:
        raise conversion_failure(name, _how_it_ended(result.returncode), output)
    return output


def conversion_failure(name: str, what: str, output: str) -> ConversionError:
    """Return the error that a converter failed, with the last line that it printed."""
    lines = [printable(line) for line in output.splitlines()]
    last_line = next((line for line in reversed(lines) if line), "nothing")
    return ConversionError(
        f"the converter {name} {what}, and the last line it printed is {last_line[:200]!r}: use another network or "
        "framework."
    )


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    if code == -signal.SIGKILL:
        return "was killed, as happens when the system runs out of memory"
    return f"crashed ({signal.Signals(-code).name})"
