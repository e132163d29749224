"""Calls of the command `aiot` in this process, without the half second that Python needs to start."""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any
from unittest import mock

import typer

import aiot as program

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
make_command = program.command


@cache
def command() -> Any:
    """Return the command with all verbs and options, which Typer would otherwise make at each call."""
    return typer.main.get_command(make_command())


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Change the working directory for the duration of the context."""
    previous = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(previous)


@contextmanager
def default_warnings() -> Iterator[None]:
    """Apply Python's default warning filters; pytest turns warnings into errors."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for hidden in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", hidden)
        yield


def aiot(*words: object, cwd: Path = ROOT, **environment: str) -> CompletedProcess[str]:
    """Run `aiot` with these words in the folder `cwd`, and return its exit code and its output.

    `environment` is added to the environment variables of this process. An exception that `main` does not catch is
    written to the standard error with a traceback, and the exit code is then 1.
    """
    arguments = ["aiot", *map(str, words)]
    variables = {"COLUMNS": "200", "NO_COLOR": "1", **environment}
    out, errors = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", arguments),
        mock.patch.object(program, "command", command),
        mock.patch.dict(os.environ, variables),
        working_in(cwd),
        default_warnings(),
        redirect_stdout(out),
        redirect_stderr(errors),
    ):
        try:
            program.main()
        except SystemExit as stopped:
            code = stopped.code
        except Exception:
            traceback.print_exc()
            code = 1
    return CompletedProcess(arguments, code if isinstance(code, int) else 0, out.getvalue(), errors.getvalue())


def refused(done: CompletedProcess[str]) -> str:
    """Check that a command failed with a single sentence on the standard error, and return the sentence."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("aiot: ")
    return line
