"""The command `aiot` called in this process: a verb without the half second that a Python needs to start."""

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
    """The command with all verbs and options, which Typer would make anew at each call."""
    return typer.main.get_command(make_command())


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def pythons_own_warnings() -> Iterator[None]:
    """Show the warnings that a Python of its own would show; under pytest each is an error."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for hidden in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", hidden)
        yield


def aiot(*words: object, cwd: Path = ROOT, **environment: str) -> CompletedProcess[str]:
    """Run `aiot` with these words in the folder `cwd`, and return its exit code and what it wrote to each stream.

    `environment` is added to the environment variables of this process. An exception that `main` lets through is
    written to the standard error as Python does it, with exit code 1.
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
        pythons_own_warnings(),
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
    """Return the sentence on standard error, after checking that it is all there is."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("aiot: ")
    return line
