"""Exceptions about devices and logs; those about the suite are in `aiot_suite.errors`.

RunnerError             see `aiot_suite.errors`
├── DeviceError         a device does not answer, or lacks what is asked of it
│   ├── DeviceLostError a device that answered before, and may come back
│   └── FolderLostError our folder on a device was deleted
└── LogError            a log of another tool cannot be imported
"""

from aiot_suite.errors import SENTENCE_LIMIT, RunnerError, printable


class DeviceError(RunnerError):
    """A device does not answer or lacks what is asked of it. The sentence may quote the device: see `printable`."""

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence)[:SENTENCE_LIMIT])


class DeviceLostError(DeviceError):
    """A device that answered before does not answer now, and may come back."""


class FolderLostError(DeviceError):
    """Our folder on a device, or a part of it, was deleted during a run, which can start again with a new one."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"the folder {folder} on the device was deleted during the run")


class LogError(RunnerError):
    """A log of another tool cannot be imported. The sentence may quote the log: see `printable`."""

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence)[:SENTENCE_LIMIT])
