"""Exceptions of the suite and the runner: each is one sentence with the value and what to try.

RunnerError             anything that a user can mend
├── SelectionError      a name is unknown, or a selection is empty
├── DatasetError        a dataset is missing or damaged, or cannot be made
├── ModelError          a model, its weights or its settings are missing or damaged
├── SetupError          an environment that a framework needs is missing or cannot be made
└── DeviceError, LogError: see `runner.errors`
"""

SENTENCE_LIMIT = 1000
"""Characters of a sentence that may repeat what a device said."""


class RunnerError(Exception):
    """Something a user can mend, said in one sentence."""


class SelectionError(RunnerError):
    """A name is unknown, or a selection holds nothing."""


class DatasetError(RunnerError):
    """A dataset is missing, damaged or cannot be made."""


class ModelError(RunnerError):
    """A model, its weights or its settings are missing or damaged."""


class SetupError(RunnerError):
    """An environment that a framework needs is missing, or cannot be made."""


def printable(text: str) -> str:
    """A text on one line, without anything that a terminal would act on (escape sequences, marks of direction)."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
