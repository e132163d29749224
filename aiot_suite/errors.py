"""Exceptions of the suite and the runner. Each message is one sentence with the offending value and what to try.

RunnerError             anything that a user can fix
├── SelectionError      a name is unknown, or nothing was selected
├── DatasetError        a dataset is missing or damaged, or cannot be created
├── ModelError          a model, its weights or its settings are missing or damaged
│   ├── ConversionError          a converter failed
│   └── UnsupportedNetworkError  a framework, or its converter, does not support a network
│       └── MissingOperatorError     because it lacks operators of the network
├── SetupError          an environment that a framework needs is missing or cannot be created
└── DeviceError, LogError: see `runner.errors`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SENTENCE_LIMIT = 1000
"""Maximum length, in characters, of a message that may quote output from a device."""


class RunnerError(Exception):
    """Raised for a problem that a user can fix, described in one sentence."""


class SelectionError(RunnerError):
    """Raised if a name is unknown or nothing was selected."""


class DatasetError(RunnerError):
    """Raised if a dataset is missing, damaged or cannot be created."""


class ModelError(RunnerError):
    """Raised if a model, its weights or its settings are missing or damaged."""


class ConversionError(ModelError):
    """Raised if a converter fails; the message does not name the model file, which the caller adds."""


class UnsupportedNetworkError(ModelError):
    """Raised if a framework, or its converter, does not support a network."""

    def __init__(self, reason: str) -> None:
        """Take the reason, which is part of the message."""
        self.reason = reason
        super().__init__(f"{reason}: use another network or framework.")


class MissingOperatorError(UnsupportedNetworkError):
    """Raised if a network has operators that a framework or its converter lacks."""

    def __init__(self, lacking: str, operators: Iterable[str]) -> None:
        """Take the name of what lacks the operators, and their names."""
        names = " and ".join(dict.fromkeys(operators)) or "of an unknown name"
        super().__init__(f"{lacking} lacks the operator {names}")


class SetupError(RunnerError):
    """Raised if an environment that a framework needs is missing or cannot be created."""


def printable(text: str) -> str:
    """Return a text on one line, without characters that a terminal would interpret (escapes, direction marks)."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
