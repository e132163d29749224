"""The base exception of this package.

RunnerError             anything a user can mend: one sentence with the value and what to try
├── SelectionError      a name that is unknown, or a selection that holds nothing
├── DatasetError        a dataset that is missing, damaged or cannot be made
├── ModelError          a model, its weights or its settings that are missing or damaged
├── DeviceError         a device that does not answer or lacks what is asked
│   └── DeviceLostError one that answered before, and may come back
├── LogError            a log of another tool that cannot be imported
└── SetupError          an environment that a framework needs, and that is missing or cannot be made
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


class DeviceError(RunnerError):
    """A device does not answer or lacks what is asked. The sentence may repeat what a device said: see `printable`."""

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence)[:SENTENCE_LIMIT])


class DeviceLostError(DeviceError):
    """A device that answered before does not answer now, and may come back."""


class LogError(RunnerError):
    """A log of another tool cannot be imported. The sentence may repeat what the log says: see `printable`."""

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence)[:SENTENCE_LIMIT])


class SetupError(RunnerError):
    """An environment that a framework needs is missing, or cannot be made."""


def printable(text: str) -> str:
    """A text on one line, without anything that a terminal would act on (escape sequences, marks of direction)."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
