"""What an attached device is given to do: an attempt by the agent, or one of TFLite's own programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from runner.devices import OUTPUT_LIMIT_BYTES, Task
from runner.devices.adb import Connection, quoted
from runner.devices.process import RemoteProcess
from runner.errors import DeviceError, DeviceLostError

LOG_LIMIT_BYTES = 512 * 2**20
LINE_LIMIT_BYTES = 2**20
"""Larger logs, and longer lines, are not taken from a device: the largest that the agent writes are far smaller."""


class RemoteWork:
    """See runner.devices.Work."""

    def __init__(self, connection: Connection, task: Task, folder: str) -> None:
        self._connection = connection
        self._process = RemoteProcess(connection, folder, task.name)
        self._task = task
        self._folder = folder

    @classmethod
    def start(cls, connection: Connection, task: Task, folder: str, python: list[str]) -> RemoteWork:
        """Starts the task, its files in a folder of the device."""
        work = cls(connection, task, folder)
        job = {**task.job, "log": work._process.path("jsonl"), "parent": None}
        text = json.dumps(job)
        task.job_file.write_text(text, encoding="utf-8")
        connection.shell(["mkdir", "-p", folder])
        there = work._process.path("job.json")
        connection.push(text.encode(), there)
        work._process.start([*python, "-m", task.module, there], within=task.agent, output="output.txt")
        return work

    @classmethod
    def find(cls, connection: Connection, task: Task, folder: str) -> RemoteWork | None:
        """The work of a task that was started and not fetched."""
        work = cls(connection, task, folder)
        return work if work._process.known() else None

    def poll(self) -> int | None:
        return self._process.poll()

    def tail(self) -> bytes:
        return self._process.tail

    def kill(self) -> None:
        self._process.kill()

    def collect(self) -> None:
        """Fetches log and output, each whole or not at all, and removes them from the device.

        Where they are put is known from the task alone: nothing that a device says becomes a path on this side. Raises
        DeviceError for a log over the limits, which is not kept, and if no space was left for it on the device.
        """
        left = self._connection.shell(f"df -k {quoted([self._folder])} | tail -n 1").stdout.split()
        refused = self._fetch("jsonl", self._task.log, LOG_LIMIT_BYTES)
        if sentence := self._fetch("output.txt", self._task.output, OUTPUT_LIMIT_BYTES):
            self._task.output.write_text(f"aiot: {sentence}\n", encoding="utf-8")
        self._process.remove("jsonl", "output.txt", "job.json")
        if refused:
            raise DeviceError(refused)
        if len(left) >= 4 and left[-3] == "0":
            raise DeviceError("no space is left on the device: free some there")  # without its serial: it is logged

    def _fetch(self, extension: str, target: Path, limit_bytes: int) -> str | None:
        """Takes a file of the device, if there is one that was not taken before; why it is refused, if it is."""
        if target.exists() or not self._process.has(extension):
            return None
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as file:
                file.writelines(self._process.content(extension, limit_bytes))
                file.flush()
                os.fsync(file.fileno())  # the device's own copy is removed next
            with part.open("rb") as file:
                while line := file.readline(LINE_LIMIT_BYTES + 1):
                    if len(line) > LINE_LIMIT_BYTES:
                        path = self._process.path(extension)
                        return f"{path} of the device has a line over {LINE_LIMIT_BYTES} bytes, and was not taken."
            part.replace(target)
        except DeviceLostError:
            raise
        except DeviceError as error:
            return str(error)
        finally:
            part.unlink(missing_ok=True)
        return None


class RemoteTool:
    """See runner.devices.ToolProcess. One that was left in the folder by an earlier attempt is ended first."""

    _NAME, _OUTPUT, _ERRORS = "native-tool", "stdout.txt", "stderr.txt"

    def __init__(self, connection: Connection, folder: str) -> None:
        self._process = RemoteProcess(connection, folder, self._NAME)

    @classmethod
    def start(cls, connection: Connection, folder: str, words: Sequence[str]) -> RemoteTool:
        """Starts words in a folder of the device, which is made."""
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
