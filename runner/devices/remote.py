"""Work on an attached device: an attempt by the agent, or one of TFLite's own programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from runner import rawlog
from runner.devices import OUTPUT_LIMIT_BYTES, DeviceTask
from runner.devices.adb import Connection, quoted
from runner.devices.process import RemoteProcess
from runner.errors import DeviceError, DeviceLostError

LOG_LIMIT_BYTES = 512 * 2**20
LINE_LIMIT_BYTES = 2**20
"""Limits on the size of a log and of one line in it; the logs that the agent writes are far smaller."""


class RemoteWork:
    """The process of a task on an attached device: see runner.devices.Work."""

    def __init__(self, connection: Connection, task: DeviceTask, folder: str) -> None:
        self._connection = connection
        self._process = RemoteProcess(connection, folder, task.name)
        self._task = task
        self._folder = folder

    @classmethod
    def start(cls, connection: Connection, task: DeviceTask, folder: str, python: list[str]) -> RemoteWork:
        """Start the task with its files in a folder of the device."""
        work = cls(connection, task, folder)
        job = {**task.job, "log": work._process.path("jsonl"), "parent": None}
        text = json.dumps(job)
        task.job_file.write_text(text, encoding="utf-8")
        connection.shell(["mkdir", "-p", folder])
        job_path = work._process.path("job.json")
        connection.push(text.encode(), job_path)
        work._process.start([*python, "-m", task.module, job_path], within=task.agent, output="output.txt")
        return work

    @classmethod
    def find(cls, connection: Connection, task: DeviceTask, folder: str) -> RemoteWork | None:
        """Return the work of a task that was started and not collected, or None."""
        work = cls(connection, task, folder)
        return work if work._process.known() else None

    def poll(self) -> int | None:
        return self._process.poll()

    def tail(self) -> bytes:
        return self._process.tail

    def kill(self) -> None:
        self._process.kill()

    def collect(self) -> None:
        """Fetch the log and the output, each completely or not at all, and remove them from the device.

        Their places on the host follow from the task alone: nothing that a device sends becomes a path on the host.
        Raises DeviceError for a log over the limits, which is discarded, and if the device's storage is full.
        """
        df_columns = self._connection.shell(f"df -k {quoted([self._folder])} | tail -n 1").stdout.split()
        refused = self._fetch("jsonl", self._task.log, LOG_LIMIT_BYTES)
        if sentence := self._fetch("output.txt", self._task.output, OUTPUT_LIMIT_BYTES):
            self._task.output.write_text(f"aiot: {sentence}\n", encoding="utf-8")
        self._process.remove("jsonl", "output.txt", "job.json")
        if refused:
            raise DeviceError(refused)
        if len(df_columns) >= 4 and df_columns[-3] == "0":
            # no serial in the message: it is logged
            raise DeviceError("no space is left on the device: free some space on it")

    def _fetch(self, extension: str, target: Path, limit_bytes: int) -> str | None:
        """Fetch a file of the device unless it is missing or already fetched. Return the reason if it is rejected."""
        if target.exists() or not self._process.has(extension):
            return None
        try:
            with rawlog.replacing(target) as part:
                with part.open("wb") as file:
                    file.writelines(self._process.content(extension, limit_bytes))
                    file.flush()
                    os.fsync(file.fileno())  # the copy on the device is removed next
                self._refuse_long_lines(part, extension)
        except DeviceLostError:
            raise
        except DeviceError as error:
            return str(error)
        return None

    def _refuse_long_lines(self, fetched: Path, extension: str) -> None:
        with fetched.open("rb") as file:
            while line := file.readline(LINE_LIMIT_BYTES + 1):
                if len(line) > LINE_LIMIT_BYTES:
                    path = self._process.path(extension)
                    raise DeviceError(
                        f"{path} on the device has a line over {LINE_LIMIT_BYTES} bytes and was not copied."
                    )


class RemoteTool:
    """A program on an attached device: see runner.devices.ToolProcess.

    A process that an earlier attempt left running in the folder is killed first.
    """

    _NAME, _OUTPUT, _ERRORS = "native-tool", "stdout.txt", "stderr.txt"

    def __init__(self, connection: Connection, folder: str) -> None:
        self._process = RemoteProcess(connection, folder, self._NAME)

    @classmethod
    def start(cls, connection: Connection, folder: str, words: Sequence[str]) -> RemoteTool:
        """Start words in a folder of the device, which is created."""
        tool = cls(connection, folder)
        connection.shell(["mkdir", "-p", folder])
        tool._process.kill()
        tool._process.remove(cls._OUTPUT, cls._ERRORS)
        tool._process.start(words, within=folder, output=cls._OUTPUT, errors=cls._ERRORS)
        return tool

    def poll(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        self._process.kill()

    def said(self) -> tuple[str, str]:
        texts = self._text(self._OUTPUT), self._text(self._ERRORS)
        self._process.remove(self._OUTPUT, self._ERRORS)
        return texts

    def _text(self, extension: str) -> str:
        try:
            return b"".join(self._process.content(extension, OUTPUT_LIMIT_BYTES)).decode(errors="replace")
        except DeviceLostError:
            raise
        except DeviceError as error:
            return f"aiot: {error}\n"
