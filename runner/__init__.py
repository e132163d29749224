"""Run the AIoTBench suite on devices and write raw logs.

    import runner
    outcome = runner.run_suite("local", models="squeezenet")    # as `aiot run --local --models squeezenet`

This package never imports the analysis half; the raw log format (`runner.rawlog`) is all they share. This file is also
pushed to devices, so it may use only the standard library of Python 3.8.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.suite_run import RunOutcome, run_suite

__all__ = ["RunOutcome", "run_suite"]


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> object:
    """Import what running the suite needs only when it is used."""
    if name in __all__:
        return getattr(importlib.import_module("runner.suite_run"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
